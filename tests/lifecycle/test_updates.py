"""What an UPDATE writes of an avatar, and what it leaves alone."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, models
from django.test.utils import CaptureQueriesContext

from django_avatar_kit import exceptions
from django_avatar_kit.names import Name
from tests.support.lifecycle import column, files_of, fresh, make_profile, needed, upload
from tests.testapp.models import Profile, Team

pytestmark = [
    pytest.mark.lifecycle,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("small"),
]


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
