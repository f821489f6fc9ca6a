"""The row never points at a file that is not there: every way in which a row is written."""

from __future__ import annotations

import copy
import pickle
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.core import serializers
from django.core.files.base import ContentFile, File
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import IntegrityError, connection, models, transaction
from django.db.models import F, Model, signals
from django.test.utils import CaptureQueriesContext

from django_avatar_kit import exceptions
from django_avatar_kit.fields import AvatarFieldFile
from django_avatar_kit.names import Name
from django_avatar_kit.test import make_image, make_upload
from tests.support.lifecycle import column, files_of, fresh, make_profile, needed, upload
from tests.testapp.models import Bare, Captain, Channel, League, Pet, Profile, Team

pytestmark = [
    pytest.mark.lifecycle,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("small"),
]


@pytest.fixture
def profile() -> Profile:
    return make_profile()


# --- one row ----------------------------------------------------------------------------------


def test_a_new_row_has_its_files(files):
    team = Team(name="a", avatar=upload())
    team.save()
    name = Name.parse(column(team))
    assert name is not None
    assert name.sizes == (16, 32)
    assert files() == set(name.files) == needed()
    assert team.avatar.name == column(team)


def test_create_writes_the_files(files):
    team = Team.objects.create(avatar=upload())
    assert files() == files_of(column(team)) != set()


def test_a_row_without_an_avatar_has_no_files(files, profile):
    Team.objects.create()
    assert files() == needed() == files_of(column(profile))


def test_avatar_save_saves_the_row(files, profile):
    old = profile.avatar.name
    profile.bio = "changed, too"
    profile.avatar.save("new.jpg", upload("red"))
    assert column(profile) == profile.avatar.name != old
    assert files() == files_of(profile.avatar.name)
    assert fresh(profile).bio == "changed, too"


def test_avatar_save_without_saving_the_row_writes_nothing_yet(files, profile):
    before = files()
    profile.avatar.save("new.jpg", upload("red"), save=False)
    assert files() == before
    assert profile.avatar
    assert profile.avatar.avatar_name is None
    profile.save()
    assert column(profile) == profile.avatar.name
    assert files() == needed() == files_of(profile.avatar.name)


def test_avatar_save_takes_every_kind_of_file(files, profile, tmp_path):
    path = tmp_path / "photo.jpg"
    path.write_bytes(make_image((60, 40)))
    with path.open("rb") as plain:
        profile.avatar.save("photo.jpg", plain)
        assert not plain.closed
    assert files() == needed()
    with path.open("rb") as plain:
        profile.avatar.save("photo.jpg", File(plain))
    profile.avatar.save("photo.jpg", ContentFile(path.read_bytes()))
    assert files() == needed() == files_of(profile.avatar.name)


def test_assigning_an_upload_writes_it_with_the_row(files, profile):
    profile.avatar = upload("red")
    assert profile.avatar.uncommitted
    profile.save()
    assert not profile.avatar.uncommitted
    assert files() == needed() == files_of(column(profile))


def test_an_upload_without_a_name_is_written_all_the_same(files, profile):
    profile.avatar = ContentFile(make_image((60, 40)))
    profile.save()
    assert files() == needed() == files_of(column(profile)) != set()


def test_the_client_file_name_does_not_reach_the_storage(files, profile):
    profile.avatar.save("../../etc/ada lovelace.jpg", upload())
    assert files() == needed()
    assert not any("lovelace" in key or ".." in key for key in files())


def test_the_crop_stands_in_the_name(profile):
    profile.avatar.save("x.jpg", upload(), crop=(10, 0, 40, 40))
    assert profile.avatar.avatar_name.crop == (10, 0, 40, 40)


def test_one_upload_saved_twice_keeps_the_crops_apart(profile):
    team = Team.objects.create()
    content = upload()
    profile.avatar.save("x.jpg", content, crop=(10, 0, 40, 40))
    team.avatar.save("x.jpg", content)
    assert profile.avatar.avatar_name.crop == (10, 0, 40, 40)
    assert team.avatar.avatar_name.crop is None


def test_assigning_the_avatar_it_already_has_changes_nothing(files, profile, storage):
    profile = fresh(profile)
    before = column(profile)
    storage.calls.clear()
    profile.avatar = profile.avatar
    profile._meta.get_field("avatar").save_form_data(profile, profile.avatar)
    profile.save()
    assert column(profile) == before
    assert files() == needed()
    assert storage.calls == []


def test_assigning_what_cannot_be_a_file_says_so(profile):
    with pytest.raises(TypeError, match="An object of type int is not a file"):
        profile.avatar = 42
        _ = profile.avatar


def test_avatar_save_saves_a_new_row(files):
    team = Team(name="new")
    team.avatar.save("new.jpg", upload())
    assert files() == needed() == files_of(column(team)) != set()


def test_avatar_save_of_a_new_row_that_is_refused_can_be_tried_again(files):
    Channel.objects.create(name="taken")
    channel = Channel(name="taken")
    with pytest.raises(IntegrityError):
        channel.avatar.save("new.jpg", upload())
    assert not channel.avatar
    assert files() == set()
    channel.name = "free"
    channel.avatar.save("new.jpg", upload())
    assert files() == needed() == files_of(column(channel)) != set()


def test_an_instance_made_by_hand_is_written_as_it_is(files, profile):
    """As in stock Django: it says that the row has no avatar."""
    Profile(pk=profile.pk, user=profile.user).save()
    assert column(profile) == ""
    assert files() == set()


def test_an_instance_made_by_hand_with_the_name_of_its_row(files, profile):
    Profile(pk=profile.pk, user=profile.user, avatar=column(profile)).save()
    assert files() == needed() == files_of(column(profile)) != set()


def test_an_instance_made_by_hand_and_refreshed(files, profile):
    row = Profile(pk=profile.pk)
    row.refresh_from_db()
    assert row.avatar.name == column(profile)
    row.save()
    assert files() == needed() == files_of(column(profile)) != set()


def test_an_upload_that_replaces_a_pending_one_fails_and_leaves_it(files, profile, disk):
    profile.avatar = upload("gold")
    disk.left = 1
    with pytest.raises(exceptions.StorageError):
        profile.avatar.save("new.jpg", upload("red"))
    disk.left = -1
    assert profile.avatar.uncommitted
    profile.save()
    assert profile.avatar.avatar_name.color.startswith("f")  # gold, not teal
    assert files() == needed() == files_of(column(profile))


# --- what an UPDATE does not write ------------------------------------------------------------


def test_a_stale_instance_saved_late_does_not_bring_back_a_replaced_avatar(files, profile):
    stale = fresh(profile)
    profile.avatar.save("new.jpg", upload("red"))
    stale.bio = "late"
    stale.save()
    assert column(profile) == profile.avatar.name
    assert fresh(profile).bio == "late"
    assert files() == needed() == files_of(profile.avatar.name)


def test_a_stale_instance_saved_late_does_not_bring_back_a_removed_avatar(files, profile):
    stale = fresh(profile)
    profile.avatar.delete()
    stale.save()
    assert column(profile) == ""
    assert files() == set()


def test_an_instance_that_removed_its_avatar_does_not_remove_a_later_one(files, profile):
    profile.avatar.delete()
    fresh(profile).avatar.save("new.jpg", upload("red"))
    profile.bio = "late"
    profile.save()
    assert files_of(column(profile)) == files() == needed() != set()


def test_an_instance_that_cleared_its_avatar_does_not_clear_a_later_one(files, profile):
    profile.avatar = ""
    profile.save()
    fresh(profile).avatar.save("new.jpg", upload("red"))
    profile.save()
    assert files_of(column(profile)) == files() == needed() != set()


def test_an_instance_that_uploaded_does_not_undo_a_later_upload(files, profile):
    profile.avatar.save("new.jpg", upload("red"))
    later = fresh(profile)
    later.avatar.save("newer.jpg", upload("blue"))
    profile.bio = "late"
    profile.save()
    assert column(profile) == later.avatar.name
    assert files() == needed() == files_of(later.avatar.name)


def test_a_stale_save_of_a_deleted_row_makes_it_again_without_an_avatar(files, profile):
    stale = fresh(profile)
    profile.delete()
    stale.save()
    assert column(stale) == ""
    assert stale.avatar.name in (None, "")
    assert files() == set()


def test_a_stale_upload_to_a_deleted_row_makes_it_again_with_the_upload(files, profile):
    stale = fresh(profile)
    profile.delete()
    stale.avatar.save("late.jpg", upload("red"))
    assert files() == needed() == files_of(column(stale)) != set()


@pytest.mark.parametrize("how", [{"update_fields": ["bio"]}, {"force_update": True}])
def test_a_deleted_row_cannot_be_updated(files, profile, how):
    stale = fresh(profile)
    profile.delete()
    with pytest.raises(Exception, match="did not affect any rows"):
        stale.save(**how)
    assert files() == needed() == set()


def test_a_forced_update_of_a_deleted_row_leaves_no_files(files, profile):
    stale = fresh(profile)
    profile.delete()
    stale.avatar = upload("red")
    with pytest.raises(Exception, match="did not affect any rows"):
        stale.save(force_update=True)
    assert files() == set()


def test_forced_insert_of_a_row_that_exists_leaves_no_files(files, profile):
    before = files()
    again = fresh(profile)
    again.avatar = upload("red")
    with pytest.raises(IntegrityError):
        again.save(force_insert=True)
    assert files() == before == needed()


def test_forced_update_replaces(files, profile):
    profile.avatar = upload("red")
    profile.save(force_update=True)
    assert files() == needed() == files_of(column(profile))


def test_update_fields_without_the_avatar_leave_an_upload_pending(files, profile):
    before = column(profile)
    profile.avatar = upload("red")
    profile.bio = "first"
    profile.save(update_fields=["bio"])
    assert column(profile) == before
    assert files() == needed()
    assert profile.avatar.uncommitted
    profile.save()
    assert column(profile) == profile.avatar.name != before
    assert files() == needed()


def test_update_fields_with_the_avatar_write_it(files, profile):
    profile.avatar = upload("red")
    profile.bio = "not written"
    profile.save(update_fields=["avatar"])
    assert column(profile) == profile.avatar.name
    assert fresh(profile).bio == ""
    assert files() == needed()


def test_update_fields_with_an_unchanged_avatar_write_nothing(profile):
    stale = fresh(profile)
    profile.avatar.save("new.jpg", upload("red"))
    stale.save(update_fields=["avatar", "bio"])
    assert column(profile) == profile.avatar.name


def test_only_then_assigned(files, profile):
    row = Profile.objects.only("bio").get(pk=profile.pk)
    row.avatar = upload("red")
    row.save()
    assert column(profile) == row.avatar.name
    assert files() == needed() == files_of(row.avatar.name)


def test_only_then_saved_for_another_reason(files, profile):
    row = Profile.objects.only("bio").get(pk=profile.pk)
    row.bio = "x"
    row.save()
    assert column(profile) == profile.avatar.name
    assert files() == needed()


def test_only_then_read_then_replaced(files, profile):
    row = Profile.objects.only("bio").get(pk=profile.pk)
    assert row.avatar.name == profile.avatar.name
    row.avatar.save("new.jpg", upload("red"))
    assert files() == needed() == files_of(column(profile))


def test_a_deferred_avatar_read_is_not_an_assigned_one(files, profile):
    row = Profile.objects.defer("avatar").get(pk=profile.pk)
    assert row.avatar
    profile.avatar.save("new.jpg", upload("red"))
    row.save()
    assert column(profile) == profile.avatar.name
    assert files() == needed()


def test_deferred_then_deleted(files, profile):
    Profile.objects.defer("avatar").get(pk=profile.pk).delete()
    assert files() == set()


def test_only_then_cleared(files, profile):
    row = Profile.objects.only("bio").get(pk=profile.pk)
    row.avatar = None
    row.save()
    assert column(profile) == ""
    assert files() == set()


def test_a_raw_query_without_the_avatar(files, profile):
    (row,) = Profile.objects.raw("SELECT id, user_id FROM testapp_profile")
    row.user_id = profile.user_id
    row.save()
    row.avatar.save("new.jpg", upload("red"))
    assert files() == needed() == files_of(column(profile))


def test_a_profile_that_came_with_its_user(files, profile):
    user = User.objects.select_related("profile").only("username", "profile__bio").get()
    user.profile.avatar = upload("red")
    user.profile.save()
    user.profile.avatar.save("new.jpg", upload("blue"))
    assert files() == needed() == files_of(column(profile))


def test_a_model_that_selects_before_it_saves(files, profile, monkeypatch):
    monkeypatch.setattr(Profile._meta, "select_on_save", True)
    profile.avatar.save("new.jpg", upload("red"))
    stale = fresh(profile)
    profile.delete()
    stale.avatar = upload("blue")
    stale.save()
    assert files() == needed() == files_of(column(stale)) != set()


@pytest.mark.parametrize("fields", [None, ["avatar"], ("avatar", "bio")])
def test_refresh_drops_what_was_assigned(files, profile, fields):
    other = fresh(profile)
    other.avatar.save("new.jpg", upload("red"))
    profile.avatar = upload("blue")
    profile.refresh_from_db(fields=fields)
    assert profile.avatar.name == other.avatar.name
    assert profile.avatar.instance is profile
    other.avatar.save("newer.jpg", upload("gold"))
    profile.save()
    assert column(profile) == other.avatar.name
    assert files() == needed() == files_of(other.avatar.name)


def test_refresh_of_other_fields_keeps_what_was_assigned(files, profile):
    profile.avatar = upload("red")
    profile.refresh_from_db(fields=["bio"])
    profile.save()
    assert column(profile) == profile.avatar.name
    assert files() == needed() == files_of(profile.avatar.name)


def test_refresh_takes_fields_from_a_generator(profile):
    profile.avatar = upload("red")
    profile.refresh_from_db(fields=(name for name in ["avatar"]))
    assert profile.avatar.name == column(profile)


def test_refresh_then_replaced_then_refreshed(files, profile):
    row = fresh(profile)
    profile.avatar.save("new.jpg", upload("red"))
    row.refresh_from_db()
    row.avatar.save("newer.jpg", upload("blue"))
    profile.refresh_from_db()
    assert profile.avatar.name == row.avatar.name
    profile.delete()
    assert files() == set()


def test_a_deferred_row_is_refreshed_without_its_avatar(profile):
    row = Profile.objects.only("bio").get(pk=profile.pk)
    row.refresh_from_db()
    assert "avatar" not in row.__dict__


@pytest.fixture
def peers() -> Any:
    """The fetch mode by which one look at a deferred value loads it for a whole page."""
    if not hasattr(models, "FETCH_PEERS"):
        pytest.skip("Django 6.1 fetches peers.")
    return models.FETCH_PEERS


def test_peers_are_fetched_as_loaded(peers, files):
    ada, bob = make_profile("ada"), make_profile("bob")
    rows = {row.pk: row for row in Profile.objects.fetch_mode(peers).only("bio").order_by("pk")}
    with CaptureQueriesContext(connection) as queries:
        assert rows[ada.pk].avatar.name == ada.avatar.name
        assert rows[bob.pk].avatar.name == bob.avatar.name
    assert len(queries) == 1
    bob.avatar.save("new.jpg", upload("red"))
    rows[bob.pk].bio = "late"
    rows[bob.pk].save()
    assert column(bob) == bob.avatar.name
    rows[ada.pk].avatar.save("new.jpg", upload("red"))
    assert files() == needed()


def test_a_peer_with_a_name_of_its_own_keeps_it(peers, profile):
    make_profile("bob")
    team = Team.objects.create(avatar=upload("red"))
    ada, bob = Profile.objects.fetch_mode(peers).only("bio").order_by("pk")
    bob.avatar = team.avatar
    assert ada.avatar
    bob.save()
    assert column(bob) == column(team)


def test_a_peer_with_an_upload_keeps_it(peers):
    make_profile("ada")
    make_profile("bob")
    ada, bob = Profile.objects.fetch_mode(peers).only("bio").order_by("pk")
    bob.avatar = upload("red")
    assert ada.avatar
    bob.save()
    assert column(bob) == bob.avatar.name
    assert bob.avatar.avatar_name.color == "fe0000"


@pytest.fixture
def overtaken(profile):
    """Replace the avatar of a profile, while another row still has the old one.

    The old name could be written again, then: its files are there.
    """

    def replace() -> None:
        row = Profile.objects.get(pk=profile.pk)
        Team.objects.create(avatar=row.avatar)
        row.avatar.save("later.jpg", upload("gold"))

    yield replace
    assert Name.parse(column(profile)).color.startswith("fed")  # gold


def test_a_stale_save_is_no_assignment(profile, overtaken):
    row = fresh(profile)
    row.save()
    overtaken()
    row.save()


def test_a_form_that_leaves_the_avatar_alone_is_no_assignment(profile, overtaken):
    row = fresh(profile)
    row._meta.get_field("avatar").save_form_data(row, row.avatar)
    overtaken()
    row.save()


def test_a_deferred_value_is_no_assignment(profile, overtaken):
    row = Profile.objects.only("bio").get()
    assert row.avatar
    overtaken()
    row.save()


def test_a_peers_value_is_no_assignment(peers, profile, overtaken):
    make_profile("bob")
    row, bob = Profile.objects.fetch_mode(peers).only("bio").order_by("pk")
    assert bob.avatar
    overtaken()
    row.save()


@pytest.mark.parametrize("fields", [None, ["avatar"]])
def test_a_refreshed_value_is_no_assignment(profile, overtaken, fields):
    row = fresh(profile)
    row.avatar = upload("red")
    row.refresh_from_db(fields=fields)
    overtaken()
    row.save()


def test_a_committed_value_is_no_assignment(profile, overtaken):
    profile.avatar.save("new.jpg", upload("red"))
    overtaken()
    profile.save()


def test_an_upload_that_was_refused_is_no_assignment(profile, overtaken, disk):
    row = fresh(profile)
    disk.left = 1
    with pytest.raises(exceptions.StorageError):
        row.avatar.save("new.jpg", upload("red"))
    disk.left = -1
    overtaken()
    row.save()


def test_a_pickle_is_no_assignment(profile, overtaken):
    profile.avatar.save("new.jpg", upload("red"))
    row = pickle.loads(pickle.dumps(profile))
    overtaken()
    row.save()


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy])
def test_what_is_assigned_to_an_original_is_no_assignment_to_its_copy(
    profile, overtaken, duplicate
):
    profile.avatar.save("new.jpg", upload("red"))
    twin = duplicate(profile)
    profile.avatar = upload("blue")
    overtaken()
    twin.save()


def test_the_same_name_changed_in_place_is_written(files, profile):
    other = make_profile("bob")
    profile.avatar.name = other.avatar.name
    profile.save()
    assert column(profile) == other.avatar.name
    assert files() == needed() == files_of(other.avatar.name)


# --- copies -----------------------------------------------------------------------------------


def test_a_pickled_instance_saves_like_a_loaded_one(files, profile):
    row = pickle.loads(pickle.dumps(fresh(profile)))
    assert row.avatar.name == profile.avatar.name
    assert row.avatar.url == profile.avatar.url
    profile.avatar.save("new.jpg", upload("red"))
    row.bio = "late"
    row.save()
    assert column(profile) == profile.avatar.name
    row.avatar.save("newer.jpg", upload("blue"))
    assert files() == needed() == files_of(column(profile))


def test_a_pickled_instance_is_deleted_with_its_files(files, profile):
    pickle.loads(pickle.dumps(profile)).delete()
    assert files() == set()


def test_a_pickled_upload_is_written_by_whoever_saves_it(files, profile):
    profile.avatar.save("new.jpg", upload("red"), crop=(10, 0, 40, 40), save=False)
    row = pickle.loads(pickle.dumps(profile))
    row.save()
    assert row.avatar.avatar_name.crop == (10, 0, 40, 40)
    assert column(profile) == row.avatar.name
    assert files() == needed() == files_of(row.avatar.name)


def test_a_pickled_field_file_alone(profile):
    file = pickle.loads(pickle.dumps(profile.avatar))
    assert isinstance(file, AvatarFieldFile)
    assert file.avatar_name == profile.avatar.avatar_name
    assert file.storage is profile.avatar.storage
    with file.open() as master:
        assert master.read(2) == b"\xff\xd8"


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy])
def test_a_copy_and_its_original_are_two_instances(files, profile, duplicate):
    profile.avatar.save("new.jpg", upload("red"))
    twin = duplicate(profile)
    profile.avatar.save("newer.jpg", upload("blue"))
    twin.bio = "late"
    twin.save()
    assert column(profile) == profile.avatar.name
    assert files() == needed() == files_of(profile.avatar.name)


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy])
def test_what_is_assigned_to_the_original_later_is_not_assigned_to_the_copy(
    files, profile, duplicate
):
    profile.avatar = upload("gold")
    profile.save()
    profile.avatar = upload("red")
    twin = duplicate(profile)
    twin.refresh_from_db()
    profile.save()
    assert column(profile) == profile.avatar.name
    assert files() == needed() == files_of(profile.avatar.name)


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy])
def test_a_copy_of_a_clean_instance_does_not_hear_of_later_assignments(files, profile, duplicate):
    profile = fresh(profile)
    profile.avatar.save("new.jpg", upload("gold"))
    twin = duplicate(profile)
    profile.avatar = upload("red")
    other = fresh(profile)
    other.avatar.save("other.jpg", upload("blue"))
    twin.bio = "late"
    twin.save()
    assert column(profile) == other.avatar.name
    assert files() == needed() == files_of(other.avatar.name)


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy])
def test_a_copy_with_an_upload_writes_it(files, profile, duplicate):
    profile.avatar = upload("red")
    twin = duplicate(profile)
    twin.save()
    profile.save()
    assert column(profile) == profile.avatar.name
    assert files() == needed() == files_of(profile.avatar.name)


def test_a_clone_shares_the_files_with_its_original(files):
    team = Team.objects.create(avatar=upload())
    clone = fresh(team)
    clone.pk = None
    clone.save()
    assert clone.pk != team.pk
    assert column(clone) == column(team) != ""
    team.delete()
    assert files() == needed() == files_of(column(clone))
    clone.delete()
    assert files() == set()


def test_a_clone_made_as_django_documents_it(files):
    team = Team.objects.create(avatar=upload())
    clone = fresh(team)
    clone.pk = None
    clone._state.adding = True
    clone.save()
    assert column(clone) == column(team)
    team.avatar.save("new.jpg", upload("red"))
    assert files() == needed() == files_of(column(clone)) | files_of(column(team))


def test_a_clone_of_an_avatar_that_is_gone_is_empty(files):
    team = Team.objects.create(avatar=upload())
    clone = fresh(team)
    team.avatar.save("new.jpg", upload("red"))
    clone.pk = None
    clone.save()
    assert column(clone) == ""
    assert not clone.avatar
    assert files() == needed() == files_of(column(team))


def test_a_clone_with_an_upload_has_files_of_its_own(files):
    team = Team.objects.create(avatar=upload())
    old = column(team)
    team.avatar = upload("red")
    team.pk = None
    team.save()
    assert column(team) != old
    assert files() == needed() == files_of(old) | files_of(column(team))


def test_a_clone_made_in_the_transaction_that_deletes_its_original(files):
    team = Team.objects.create(avatar=upload())
    name = column(team)
    with transaction.atomic():
        team.delete()
        team.save()
    assert column(team) == name
    assert files() == needed() == files_of(name)


# --- names of others --------------------------------------------------------------------------


def test_an_avatar_is_shared_by_assigning_it(files, profile):
    team = Team(avatar=profile.avatar)
    team.save()
    assert column(team) == column(profile)
    profile.avatar.save("new.jpg", upload("red"))
    assert files() == needed() == files_of(column(team)) | files_of(column(profile))
    team.avatar = profile.avatar
    team.save()
    assert files() == needed() == files_of(column(profile))


def test_an_avatar_assigned_by_name_is_shared(files, profile):
    team = Team.objects.create()
    team.avatar = column(profile)
    team.save()
    profile.delete()
    assert files() == needed() == files_of(column(team)) != set()


def test_assigning_an_avatar_that_has_been_replaced_meanwhile_keeps_the_old_one(files, profile):
    team = Team.objects.create(avatar=upload())
    stale = fresh(profile)
    before = column(team)
    profile.avatar.save("new.jpg", upload("red"))
    team.avatar = stale.avatar
    team.save()
    assert column(team) in ("", before)
    assert (team.avatar.name or "") == column(team)
    assert files() == needed()


@pytest.mark.parametrize("method", ["save", "create", "get_or_create"])
def test_a_name_that_nobody_holds_is_not_written(files, method):
    name = str(
        Name.mint(
            width=60,
            height=40,
            sizes=(16, 32),
            formats=("webp",),
            crop=None,
            fit="cover",
            color="aabbcc",
            ext="jpg",
        )
    )
    if method == "save":
        team = Team(avatar=name)
        team.save()
    elif method == "create":
        team = Team.objects.create(avatar=name)
    else:
        team, _ = Team.objects.get_or_create(name="x", defaults={"avatar": name})
    assert column(team) == ""
    assert not team.avatar
    assert files() == set()


def test_a_pending_upload_of_another_instance_is_written_for_both(files, profile):
    profile.avatar = upload("red")
    team = Team(avatar=profile.avatar)
    team.save()
    profile.save()
    assert column(team) != column(profile)
    assert files() == needed() == files_of(column(team)) | files_of(column(profile))


def test_a_stock_field_file_is_content(files, profile):
    bare = Bare(name="b")
    bare.photo.save("photo.jpg", ContentFile(make_image((60, 40))))
    profile.avatar = bare.photo
    profile.save()
    assert Name.parse(column(profile))
    assert files() == needed() | {bare.photo.name}
    profile.delete()
    assert files() == {bare.photo.name}


def test_a_field_file_given_to_save_is_content(files, profile):
    team = Team.objects.create()
    with profile.avatar.open():
        team.avatar.save("copy.jpg", profile.avatar)
    assert column(team) != column(profile)
    assert files() == needed() == files_of(column(team)) | files_of(column(profile))


def test_the_avatar_of_another_field_on_the_same_storages_is_shared(files):
    channel = Channel.objects.create(avatar=upload())
    channel.banner = channel.avatar
    channel.save()
    channel.avatar.delete()
    assert files() == needed() == files_of(column(channel, "banner"))


def test_the_avatar_of_a_field_with_other_storages_is_content(files, settings, tmp_path):
    pet = Pet.objects.create(portrait=upload())
    pet.avatar = pet.portrait
    pet.save()
    assert column(pet) != column(pet, "portrait")
    assert files_of(column(pet)) <= files()
    pet.portrait.delete()
    assert files() == files_of(column(pet))


def test_a_name_that_means_other_files_here_is_not_written(files):
    pet = Pet.objects.create(portrait=upload())
    pet.avatar = column(pet, "portrait")
    pet.save()
    assert column(pet) == ""
    assert column(pet, "portrait") in files()


def test_a_file_from_before_the_kit_is_a_name_as_any(files, profile, media):
    (media / "old.jpg").write_bytes(b"old")
    profile.avatar = "old.jpg"
    profile.save()
    assert column(profile) == "old.jpg"
    assert profile.avatar.avatar_name is None
    assert files() == {"old.jpg"}
    profile.avatar.save("new.jpg", upload("red"))
    assert files() == needed() == files_of(column(profile))


@pytest.fixture
def old_team(media) -> Team:
    (media / "old.jpg").write_bytes(b"old")
    return Team.objects.create(name="t", avatar="old.jpg")


def test_a_stale_save_of_a_deleted_row_does_not_bring_back_a_file_from_before_the_kit(
    files, old_team
):
    stale = fresh(old_team)
    old_team.delete()
    assert files() == set()
    stale.save()
    assert column(stale) == ""
    assert not stale.avatar


def test_a_clone_does_not_bring_back_a_file_from_before_the_kit(files, old_team):
    clone, other = fresh(old_team), fresh(old_team)
    old_team.avatar.save("new.jpg", upload())
    clone.pk = None
    clone._state.adding = True
    clone.save()
    assert column(clone) == ""
    assert column(Team.objects.create(avatar=other.avatar)) == ""
    Team.objects.bulk_create([Team(name="bulk", avatar="old.jpg")])
    assert column(Team.objects.get(name="bulk")) == ""
    assert files() == needed() == files_of(column(old_team))


def test_a_file_from_before_the_kit_that_another_row_holds_is_shared_though_it_is_lost(
    media, old_team
):
    (media / "old.jpg").unlink()
    clone = fresh(old_team)
    clone.pk = None
    clone.save()
    assert column(clone) == "old.jpg"


def test_a_default_is_given_to_a_row_though_it_is_lost(files):
    channel = Channel.objects.create()
    assert column(channel, "badge") == "defaults/badge.png"
    assert files() == set()


# --- in bulk ----------------------------------------------------------------------------------


@pytest.mark.parametrize("batch_size", [None, 2])
def test_bulk_create_writes_files(files, batch_size):
    teams = [Team(name=str(n), avatar=upload()) for n in range(3)] + [Team(name="empty")]
    Team.objects.bulk_create(teams, batch_size=batch_size)
    names = sorted(Team.objects.values_list("avatar", flat=True))
    assert names[0] == ""
    assert sorted(team.avatar.name or "" for team in teams) == names
    assert files() == needed()
    assert len(files()) == 9


def test_bulk_create_in_a_transaction_writes_files(files):
    with transaction.atomic():
        Team.objects.bulk_create([Team(avatar=upload()), Team(avatar=upload())])
    assert files() == needed()
    assert len(files()) == 6


def test_rows_created_in_bulk_are_replaced_and_deleted_as_others(files):
    first, second = Team.objects.bulk_create([Team(avatar=upload()), Team(avatar=upload())])
    first.avatar.save("new.jpg", upload("red"))
    assert files() == needed()
    second.delete()
    assert files() == needed() == files_of(column(first))


def test_a_row_created_in_bulk_and_saved_late_does_not_undo_a_later_upload(files, settled):
    (team,) = Team.objects.bulk_create([Team(avatar=upload())])
    later = fresh(team)
    later.avatar.save("new.jpg", upload("red"))
    team.name = "late"
    team.save()
    settled()
    assert column(team) == later.avatar.name
    assert files() == needed()


@pytest.mark.parametrize("atomic", [True, False])
def test_bulk_create_failing_half_way_leaves_no_files(files, settled, atomic):
    broken = SimpleUploadedFile("broken.jpg", make_image((60, 40))[:300])

    def create() -> None:
        Team.objects.bulk_create([Team(avatar=upload()), Team(avatar=broken)])

    with pytest.raises(exceptions.TruncatedImage):
        if atomic:
            with transaction.atomic():
                create()
        else:
            create()
    settled()
    assert files() == set()
    assert not Team.objects.exists()


@pytest.mark.parametrize("atomic", [True, False])
def test_bulk_create_refused_by_the_database_leaves_no_files(files, settled, atomic):
    Channel.objects.create(name="taken")
    rows = [Channel(name="free", avatar=upload()), Channel(name="taken", avatar=upload())]
    with pytest.raises(IntegrityError):
        if atomic:
            with transaction.atomic():
                Channel.objects.bulk_create(rows)
        else:
            Channel.objects.bulk_create(rows)
    settled()
    assert files() == set()


def test_bulk_create_ignoring_conflicts_removes_the_files_of_ignored_rows(files, settled):
    holder = Channel.objects.create(name="taken", avatar=upload())
    Channel.objects.bulk_create(
        [Channel(name="free", avatar=upload()), Channel(name="taken", avatar=upload("red"))],
        ignore_conflicts=True,
    )
    settled()
    assert files() == needed()
    assert files_of(column(holder)) < files()


def test_bulk_create_updating_conflicts_keeps_the_row_right(files, settled):
    holder = Channel.objects.create(name="taken", avatar=upload())
    old = files_of(column(holder))
    (row,) = Channel.objects.bulk_create(
        [Channel(name="taken", avatar=upload("red"))],
        update_conflicts=True,
        unique_fields=["name"],
        update_fields=["avatar"],
    )
    settled()
    assert column(holder) == row.avatar.name
    # What was replaced is the sweep's.
    assert files() == needed() | old


def test_bulk_create_shares_a_committed_name(files, profile, settled):
    Team.objects.bulk_create([Team(avatar=profile.avatar), Team(avatar=column(profile))])
    profile.delete()
    settled()
    assert len(needed()) == 3
    assert files() == needed()


def test_bulk_update_refuses_an_upload(files, profile):
    before = files()
    profile.avatar = upload("red")
    with pytest.raises(exceptions.UncommittedFile) as refused:
        Profile.objects.bulk_update([profile], ["avatar"])
    assert refused.value.code == "uncommitted"
    assert "portrait.jpg" in str(refused.value)
    assert files() == before == needed()


@pytest.mark.parametrize("value", [upload(), ContentFile(b"x"), SimpleUploadedFile("x.jpg", b"x")])
def test_update_refuses_an_upload(files, profile, value):
    before = files()
    with pytest.raises(exceptions.UncommittedFile):
        Profile.objects.update(avatar=value)
    assert files() == before == needed()


def test_update_refuses_the_upload_of_an_instance(profile):
    profile.avatar = upload("red")
    with pytest.raises(exceptions.UncommittedFile):
        Profile.objects.update(avatar=profile.avatar)


def test_bulk_update_with_a_committed_name_keeps_the_row_right(files, profile):
    bob = make_profile("bob")
    old = files_of(column(bob))
    bob.avatar = profile.avatar
    Profile.objects.bulk_update([bob], ["avatar"])
    assert column(bob) == column(profile)
    # What was replaced is the sweep's.
    assert files() == needed() | old
    profile.delete()
    assert files_of(column(bob)) <= files()


def test_bulk_update_of_other_fields_leaves_the_avatar_alone(files, profile):
    profile.avatar = upload("red")
    profile.bio = "bulk"
    Profile.objects.bulk_update([profile], ["bio"])
    assert files() == needed()
    profile.save()
    assert files() == needed() == files_of(column(profile))


@pytest.mark.parametrize("atomic", [True, False])
def test_update_with_a_committed_name_keeps_the_row_right(files, profile, atomic):
    team = Team.objects.create()
    if atomic:
        with transaction.atomic():
            Team.objects.filter(pk=team.pk).update(avatar=column(profile))
    else:
        Team.objects.filter(pk=team.pk).update(avatar=column(profile))
    assert column(team) == column(profile)
    profile.delete()
    assert files() == needed() == files_of(column(team)) != set()


@pytest.mark.parametrize("how", ["update", "update, instance", "bulk_update", "a typing error"])
def test_a_name_that_nobody_holds_is_not_written_over_what_a_row_has(files, profile, how):
    stale = fresh(profile)
    gone = column(profile)
    profile.avatar.save("new.jpg", upload("red"))
    now, before = column(profile), files()
    with pytest.raises(exceptions.StaleName) as refused:
        if how == "update":
            Profile.objects.update(avatar=gone)
        elif how == "update, instance":
            Profile.objects.update(avatar=stale.avatar)
        elif how == "bulk_update":
            Profile.objects.bulk_update([profile, stale], ["avatar"])
        else:
            gone = "defaults/typo.png"
            Profile.objects.update(avatar=gone)
    assert refused.value.params == {"name": gone}
    assert column(profile) == now
    assert files() == before == needed()


def test_bulk_create_makes_a_row_without_a_name_that_nobody_holds(files, profile, settled):
    gone = column(profile)
    profile.avatar.save("new.jpg", upload("red"))
    (team,) = Team.objects.bulk_create([Team(avatar=gone)])
    settled()
    assert column(team) == ""
    assert not team.avatar
    assert files() == needed()


@pytest.mark.parametrize("atomic", [True, False])
def test_bulk_create_does_not_update_a_row_with_a_name_that_nobody_holds(
    files, profile, settled, atomic
):
    gone = column(profile)
    profile.avatar.save("new.jpg", upload("red"))
    holder = Channel.objects.create(name="taken", avatar=upload())
    now, before = column(holder), files()
    rows = [Channel(name="new", avatar=upload("blue")), Channel(name="taken", avatar=gone)]
    conflicts = {"update_conflicts": True, "unique_fields": ["name"]}
    with pytest.raises(exceptions.StaleName), transaction.atomic() if atomic else nullcontext():
        Channel.objects.bulk_create(rows, **conflicts, update_fields=["avatar"])
    settled()
    assert column(holder) == now
    assert files() == before == needed()
    # Nor does that stand in the way of what comes after.
    for each in rows:
        each.avatar = upload("blue")
    Channel.objects.bulk_create(rows, **conflicts, update_fields=["avatar"])
    settled()
    assert needed() <= files()
    rows = [Channel(name="taken", avatar=gone)]
    Channel.objects.bulk_create(rows, **conflicts, update_fields=["name"])
    assert files_of(column(holder)) <= needed()
    assert column(holder) != now


def test_update_with_an_expression(files, profile):
    Profile.objects.update(avatar=F("avatar"))
    assert files() == needed() == files_of(column(profile)) != set()


def test_update_to_nothing_leaves_the_files_to_the_sweep(files, profile):
    before = files()
    Profile.objects.update(avatar="")
    assert column(profile) == ""
    assert files() == before


def test_update_or_create(files, profile):
    row, created = Profile.objects.update_or_create(
        user=profile.user, defaults={"avatar": upload("red")}
    )
    assert not created
    assert files() == needed() == files_of(column(row))


# --- signals of the site ----------------------------------------------------------------------


@pytest.fixture
def receiver():
    """Connect a receiver for one test."""
    connected: list[tuple[Any, Any]] = []

    def connect(signal: Any, function: Any) -> None:
        signal.connect(function, weak=False)
        connected.append((signal, function))

    yield connect
    for signal, function in connected:
        signal.disconnect(function)


def test_a_pre_save_receiver_may_assign_an_avatar(files, receiver):
    def assign(sender, instance, **kwargs):
        if isinstance(instance, Team):
            instance.avatar = upload("red")

    receiver(signals.pre_save, assign)
    team = Team.objects.create()
    assert files() == needed() == files_of(column(team)) != set()
    row = fresh(team)
    row.save()
    assert row.avatar.name == column(team)
    assert files() == needed() == files_of(column(team))


def test_what_a_receiver_assigned_to_a_new_row_is_told_as_it_was_written(receiver, signalled):
    def assign(sender, instance, **kwargs):
        if isinstance(instance, Team):
            instance.avatar = upload("red")

    receiver(signals.pre_save, assign)
    team = Team.objects.create()
    assert [event["added"] for event in signalled] == [team.avatar.avatar_name.files]


def test_a_pre_save_receiver_may_replace_an_upload(files, receiver, profile):
    def assign(sender, instance, **kwargs):
        if isinstance(instance, Profile):
            instance.avatar = upload("blue")

    receiver(signals.pre_save, assign)
    profile.avatar.save("new.jpg", upload("red"))
    assert files() == needed() == files_of(column(profile))


def test_a_pre_save_receiver_may_clear_the_avatar(files, receiver, profile):
    def clear(sender, instance, **kwargs):
        if isinstance(instance, Profile):
            instance.avatar = ""

    receiver(signals.pre_save, clear)
    profile.save()
    assert column(profile) == ""
    assert files() == set()


def test_a_pre_save_receiver_that_refuses_leaves_the_old_avatar(files, receiver, profile):
    before = column(profile)

    def refuse(sender, instance, **kwargs):
        raise RuntimeError("no")

    receiver(signals.pre_save, refuse)
    with pytest.raises(RuntimeError):
        profile.avatar.save("new.jpg", upload("red"))
    assert column(profile) == before == profile.avatar.name
    assert files() == needed() == files_of(before)


@pytest.mark.parametrize("signal", [signals.pre_save, signals.post_save])
def test_a_receiver_may_save_the_row_again(files, receiver, profile, signal):
    saving: list[Any] = []

    def again(sender, instance, **kwargs):
        if isinstance(instance, Profile) and not saving:
            saving.append(instance)
            instance.bio += "again"
            instance.save()

    receiver(signal, again)
    profile.avatar.save("new.jpg", upload("red"))
    assert saving
    assert column(profile) == profile.avatar.name
    assert files() == needed() == files_of(column(profile))


@pytest.mark.parametrize("atomic", [True, False])
@pytest.mark.parametrize("signal", [signals.pre_save, signals.post_save])
def test_a_receiver_may_save_another_instance_of_the_row(files, receiver, profile, signal, atomic):
    saving: list[Any] = []

    def other(sender, instance, **kwargs):
        if isinstance(instance, Profile) and not saving:
            saving.append(instance)
            row = fresh(instance)
            row.avatar.save("other.jpg", upload("blue"))

    receiver(signal, other)
    if atomic:
        with transaction.atomic():
            profile.avatar.save("new.jpg", upload("red"))
    else:
        profile.avatar.save("new.jpg", upload("red"))
    assert saving
    assert files() == needed() == files_of(column(profile))


def test_a_post_save_receiver_that_fails_does_not_undo_the_committed_row(files, receiver, profile):
    def refuse(sender, instance, **kwargs):
        raise RuntimeError("the search index is away")

    receiver(signals.post_save, refuse)
    with pytest.raises(RuntimeError):
        profile.avatar.save("new.jpg", upload("red"))
    assert files() == needed() == files_of(column(profile))
    assert profile.avatar.name == column(profile)
    signals.post_save.disconnect(refuse)
    profile.save()
    assert files() == needed() == files_of(column(profile)) != set()


def test_a_post_save_receiver_that_fails_on_delete_does_not_undo_the_committed_row(
    files, receiver, profile
):
    def refuse(sender, instance, **kwargs):
        raise RuntimeError("the search index is away")

    receiver(signals.post_save, refuse)
    with pytest.raises(RuntimeError):
        profile.avatar.delete()
    assert column(profile) == ""
    assert files() == set()
    signals.post_save.disconnect(refuse)
    profile.save()
    assert column(profile) == ""


def test_a_receiver_that_fails_inside_a_transaction_which_goes_on(files, receiver, profile):
    def refuse(sender, instance, **kwargs):
        raise RuntimeError("the search index is away")

    receiver(signals.post_save, refuse)
    with transaction.atomic():
        with pytest.raises(RuntimeError):
            profile.avatar.save("new.jpg", upload("red"))
        signals.post_save.disconnect(refuse)
        profile.save()
    assert files() == needed() == files_of(column(profile)) != set()
    profile.save()
    assert files() == needed() == files_of(column(profile)) != set()


# --- several tables, several databases --------------------------------------------------------


def test_a_multi_table_child_writes_the_column_of_its_parent(files):
    league = League(name="l", country="x", avatar=upload())
    league.save()
    assert column(league) == league.avatar.name
    assert files() == needed() == files_of(column(league))
    fresh(league).avatar.save("new.jpg", upload("red"))
    assert files() == needed() == files_of(column(league))
    stale = Team.objects.get(pk=league.pk)
    fresh(league).avatar.save("newer.jpg", upload("blue"))
    stale.name = "late"
    stale.save()
    assert files() == needed() == files_of(column(league))


def test_a_stale_multi_table_child_saved_late(files):
    league = League.objects.create(avatar=upload())
    stale = fresh(league)
    Team.objects.get(pk=league.pk).avatar.save("new.jpg", upload("red"))
    stale.country = "late"
    stale.save()
    assert files() == needed() == files_of(column(league))


def test_a_multi_table_child_that_cannot_be_saved_leaves_no_files(files):
    league = League(avatar=upload(), country="x" * 51, name="n")
    league.country = None  # NOT NULL in the child's table, after the parent's has been written
    with pytest.raises(IntegrityError):
        league.save()
    assert files() == set()
    assert not Team.objects.exists()
    league.country = "x"
    league.pk = league.id = league.team_ptr_id = None
    league.save()
    assert files() == needed() == files_of(column(league)) != set()


def test_an_avatar_on_either_table_of_a_multi_table_child(files):
    captain = Captain.objects.create(name="c", avatar=upload(), face=upload("red"))
    assert len(files()) == 6
    assert files() == needed()
    row = fresh(captain)
    row.face.save("new.jpg", upload("blue"))
    assert files() == needed()
    captain.face = row.avatar
    captain.save()
    assert files() == needed() == files_of(column(captain)) == files_of(column(captain, "face"))
    row.delete()
    assert files() == set()


@pytest.mark.django_db(transaction=True, databases=["default", "other"])
def test_each_database_has_its_rows_and_its_files(files):
    ada = make_profile("ada", using="other")
    bob = make_profile("bob")
    assert files() == needed("other") | needed("default")
    old = files_of(column(ada))
    ada.avatar.save("new.jpg", upload("red"))
    assert not old & files()
    assert files() == needed("other") | needed("default")
    ada.delete()
    assert files() == needed("default") == files_of(column(bob))
    with pytest.raises(RuntimeError), transaction.atomic(using="other"):
        make_profile("eve", using="other")
        raise RuntimeError
    bob.save()
    assert files() == needed("default")


@pytest.mark.django_db(transaction=True, databases=["default", "other"])
@pytest.mark.parametrize("atomic", [True, False])
def test_a_row_copied_to_another_database_does_not_share_files(files, atomic):
    """The guard of one database does not see the rows of another."""
    team = Team.objects.create(avatar=upload())
    if atomic:
        with transaction.atomic():
            team.avatar.save("new.jpg", upload("gold"))
            team.save(using="other")
    else:
        team.save(using="other")
    copied = Team.objects.using("other").get(pk=team.pk)
    original = Team.objects.using("default").get(pk=team.pk)
    original.avatar.save("new.jpg", upload("red"))
    assert files_of(column(copied)) <= files()
    assert files_of(column(original)) <= files()


# --- fixtures ---------------------------------------------------------------------------------


def test_a_fixture_names_files_as_they_stand(files, profile, tmp_path):
    fixture = tmp_path / "fixture.json"
    fixture.write_text(serializers.serialize("json", [profile]))
    name = column(profile)
    Profile.objects.filter(pk=profile.pk)._raw_delete("default")
    before = files()
    call_command("loaddata", fixture, verbosity=0)
    assert column(profile) == name
    assert files() == before == needed()


def test_a_fixture_loaded_over_a_row_is_right_and_what_it_replaces_is_cleaned(
    files, profile, tmp_path
):
    team = Team.objects.create(avatar=upload())
    fixture = tmp_path / "fixture.json"
    text = serializers.serialize("json", [team]).replace(column(team), column(profile))
    fixture.write_text(text)
    call_command("loaddata", fixture, verbosity=0)
    assert column(team) == column(profile)
    assert files() == needed() == files_of(column(profile))


def test_a_deserialized_object_is_written_as_it_stands(files, profile):
    (loaded,) = serializers.deserialize("json", serializers.serialize("json", [profile]))
    loaded.save()
    assert files() == needed() == files_of(column(profile))


def test_a_fixture_with_a_name_that_nobody_holds_keeps_it(profile, files, tmp_path):
    """A restored backup: rows first, then media, or the other way round."""
    fixture = tmp_path / "fixture.json"
    fixture.write_text(serializers.serialize("json", [profile]))
    name = column(profile)
    profile.delete()
    call_command("loaddata", fixture, verbosity=0)
    assert Profile.objects.get().avatar.name == name


def test_save_base_raw_writes_names_as_they_stand(profile, files):
    name = column(profile)
    stale = fresh(profile)
    profile.delete()
    Model.save_base(stale, raw=True)
    assert Profile.objects.get().avatar.name == name
    stale.bio = "raw"
    stale.save_base(raw=True)
    assert Profile.objects.get().avatar.name == name


# --- async ------------------------------------------------------------------------------------


def test_async_saving_and_deleting(files, profile):
    async def story() -> None:
        row = await Profile.objects.select_related("user").aget(pk=profile.pk)
        row.avatar = upload("red")
        await row.asave()
        assert row.avatar.name == await Profile.objects.values_list("avatar", flat=True).aget()
        await row.arefresh_from_db()
        row.avatar = upload("blue")
        await row.asave(update_fields=["avatar"])

    async_to_sync(story)()
    assert files() == needed() == files_of(column(profile))

    async def end() -> None:
        row = await Profile.objects.aget(pk=profile.pk)
        await row.adelete()

    async_to_sync(end)()
    assert files() == set()


# --- what is refused --------------------------------------------------------------------------

GOOD = make_image((60, 40))


@pytest.mark.parametrize(
    ("name", "content", "error", "code"),
    [
        ("a.jpg", b"", exceptions.EmptyUpload, "empty"),
        ("a.jpg", b"hello, world", exceptions.NotAnImage, "invalid_image"),
        ("a.jpg", GOOD[:400], exceptions.TruncatedImage, "truncated"),
        ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", exceptions.SvgUpload, "svg"),
        (
            "a.tiff",
            make_image((60, 40), format="tiff"),
            exceptions.UnsupportedFormat,
            "unsupported_format",
        ),
        ("a.jpg", GOOD + b"\0" * 9000, exceptions.UploadTooLarge, "too_large"),
        (
            "a.png",
            make_image((400, 300), format="png"),
            exceptions.TooManyPixels,
            "too_many_pixels",
        ),
    ],
)
@pytest.mark.parametrize("how", ["save", "later", "assign", "create"])
def test_a_bad_upload_is_refused_and_the_old_avatar_stays(
    files, profile, storage, settings, name, content, error, code, how
):
    settings.AVATAR_KIT = {**settings.AVATAR_KIT, "MAX_UPLOAD_SIZE": 9000, "MAX_PIXELS": 100_000}
    before = column(profile)
    storage.calls.clear()
    bad = make_upload(name, content)
    with pytest.raises(error) as refused:
        if how == "save":
            profile.avatar.save(name, bad)
        elif how == "later":
            profile.avatar.save(name, bad, save=False)
        elif how == "assign":
            profile.avatar = bad
            profile.save()
        else:
            Team.objects.create(avatar=bad)
    assert refused.value.code == code
    assert name in str(refused.value)
    assert column(profile) == before
    assert storage.calls == []
    assert files() == needed() == files_of(before)
    if how in ("save", "later"):
        assert profile.avatar.name == before
        profile.save()
        assert column(profile) == before


def test_too_many_pixels_are_refused_from_the_header(profile, settings, monkeypatch):
    settings.AVATAR_KIT = {"MAX_PIXELS": 100}
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", None)
    with pytest.raises(exceptions.TooManyPixels):
        profile.avatar.save("a.jpg", upload())


def test_a_file_name_that_leaves_the_storage_is_not_used(profile, files):
    profile.avatar.save("/etc/passwd.jpg", upload())
    assert files() == needed()


def test_a_column_that_is_refused_leaves_the_old_avatar(files, profile):
    bob = make_profile("bob")
    before = column(profile)
    profile.user = bob.user
    with pytest.raises(IntegrityError):
        profile.avatar.save("new.jpg", upload("red"))
    assert column(profile) == before == profile.avatar.name
    assert files() == needed()
    profile.user = fresh(profile).user
    profile.avatar.save("new.jpg", upload("red"))
    assert files() == needed()


def test_an_assigned_upload_survives_a_failed_save(files, profile):
    bob = make_profile("bob")
    ada = profile.user
    profile.avatar = upload("red")
    profile.user = bob.user
    with pytest.raises(IntegrityError):
        profile.save()
    assert files() == needed()
    profile.user = ada
    profile.save()
    assert column(profile) == profile.avatar.name
    assert files() == needed()


# --- upload_to --------------------------------------------------------------------------------


def test_a_callable_upload_to_puts_a_prefix(files):
    pet = Pet.objects.create(name="rex", avatar=upload())
    assert column(pet).startswith("pets/rex/")
    assert files() == needed() == files_of(column(pet))
    pet.avatar.save("new.jpg", upload("red"))
    assert files() == needed() == files_of(column(pet))


def test_a_callable_upload_to_that_drops_the_key_is_an_error(files, storage, monkeypatch):
    from tests.testapp.models import renamed

    monkeypatch.setattr(Pet._meta.get_field("avatar"), "upload_to", renamed)
    with pytest.raises(exceptions.KeyChanged) as refused:
        Pet.objects.create(avatar=upload())
    assert refused.value.code == "key_changed"
    assert storage.calls == []
    assert not Pet.objects.exists()


def test_a_key_that_does_not_fit_is_an_error(files, storage):
    pet = Pet.objects.create(name="rex", avatar=upload())
    before = column(pet)
    storage.calls.clear()
    pet.name = "x" * 200
    with pytest.raises(exceptions.KeyTooLong) as refused:
        pet.avatar.save("new.jpg", upload("red"))
    assert refused.value.code == "key_too_long"
    assert storage.calls == []
    assert column(pet) == before == pet.avatar.name
    assert files() == needed()


# --- how many queries -------------------------------------------------------------------------


def _shown(queries: CaptureQueriesContext) -> str:
    return "\n".join(query["sql"] for query in queries.captured_queries)


def test_replacing_takes_six_queries(profile):
    row = fresh(profile)
    row.avatar = upload("red")
    with CaptureQueriesContext(connection) as queries:
        row.save()
    assert len(queries) <= 6, _shown(queries)


def test_deleting_takes_six_queries(profile):
    row = fresh(profile)
    with CaptureQueriesContext(connection) as queries:
        row.delete()
    assert len(queries) <= 6, _shown(queries)


def test_saving_for_another_reason_takes_one_query(profile):
    row = fresh(profile)
    row.bio = "x"
    with CaptureQueriesContext(connection) as queries:
        row.save()
    assert len(queries) == 1, _shown(queries)


def test_loading_and_using_an_avatar_asks_nobody(profile, storage):
    make_profile("bob")
    storage.calls.clear()
    with CaptureQueriesContext(connection) as queries:
        for row in Profile.objects.all():
            assert row.avatar
            assert row.avatar.url
            assert row.avatar.avatar_name.best(16) == 16
            assert row.avatar.width == 60
            assert row.avatar.height == 40
            assert row.avatar.url_for(16)
    assert len(queries) == 1, _shown(queries)
    assert storage.calls == []


# --- the storage fails ------------------------------------------------------------------------


class Disk:
    """A storage whose n-th write fails, with half of the file written."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, storage: Any, media: Path) -> None:
        self.left = -1
        self.error: BaseException = OSError(28, "No space left on device")
        save = type(storage).save

        def full(self_: Any, name: str, content: Any, *args: Any, **kwargs: Any) -> str:
            if self.left == 0:
                path = media / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content.read()[:10])
                raise self.error
            self.left -= 1
            return save(self_, name, content, *args, **kwargs)

        monkeypatch.setattr(type(storage), "save", full)


@pytest.fixture
def disk(monkeypatch, storage, media) -> Disk:
    return Disk(monkeypatch, storage, media)


@pytest.mark.parametrize("nth", [0, 1, 2])
def test_a_full_disk_leaves_everything_as_it_was(files, profile, disk, nth, caplog):
    before = column(profile)
    disk.left = nth
    with pytest.raises(exceptions.StorageError) as refused:
        profile.avatar.save("new.jpg", upload("red"))
    assert refused.value.code == "storage"
    assert "No space left on device" in str(refused.value)
    assert isinstance(refused.value.__cause__, OSError)
    assert column(profile) == before == profile.avatar.name
    assert files() == needed() == files_of(before)
    profile.save()
    assert column(profile) == before
    disk.left = -1
    profile.avatar.save("new.jpg", upload("red"))
    assert column(profile) == profile.avatar.name != before
    assert files() == needed() == files_of(column(profile))


@pytest.mark.parametrize("nth", [0, 1, 2])
def test_a_full_disk_leaves_an_assigned_upload_to_be_tried_again(files, profile, disk, nth):
    before = column(profile)
    disk.left = nth
    profile.avatar = upload("red")
    with pytest.raises(exceptions.StorageError):
        profile.save()
    assert column(profile) == before
    assert files() == needed()
    disk.left = -1
    profile.save()
    assert column(profile) == profile.avatar.name != before
    assert files() == needed() == files_of(column(profile))


@pytest.mark.parametrize("nth", range(7))
def test_a_full_disk_in_the_middle_of_three_avatars(files, disk, nth):
    channel = Channel.objects.create(name="c")
    disk.left = nth
    channel.avatar, channel.banner = upload(), upload("red")
    with pytest.raises(exceptions.StorageError):
        channel.save()
    assert files() == set() == needed()
    disk.left = -1
    channel.save()
    assert files() == needed()
    assert len(files()) == 7


def test_an_interrupted_write_leaves_nothing(files, profile, disk):
    before = column(profile)
    disk.left, disk.error = 1, KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        profile.avatar.save("new.jpg", upload("red"))
    assert column(profile) == before == profile.avatar.name
    assert files() == needed()


def test_a_full_disk_inside_a_transaction_does_not_break_it(files, profile, disk):
    with transaction.atomic():
        profile.bio = "kept"
        profile.save()
        disk.left = 1
        with pytest.raises(exceptions.StorageError):
            profile.avatar.save("new.jpg", upload("red"))
        disk.left = -1
        make_profile("bob")
    assert fresh(profile).bio == "kept"
    assert files() == needed()
    assert Profile.objects.count() == 2


def test_a_storage_that_renames_is_refused(files, profile, monkeypatch, storage):
    before = column(profile)
    save = type(storage).save
    monkeypatch.setattr(
        type(storage), "save", lambda self, name, *args, **kw: save(self, f"x-{name}", *args, **kw)
    )
    with pytest.raises(exceptions.StorageError, match="renamed"):
        profile.avatar.save("new.jpg", upload("red"))
    monkeypatch.undo()
    assert column(profile) == before == profile.avatar.name
    assert files() == needed() == files_of(before)
