"""Names that an instance has not written files for: of copies, and of other rows."""

from __future__ import annotations

import copy
import pickle

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db import models, transaction

from django_avatar_kit.columns import file_columns
from django_avatar_kit.fields import AvatarFieldFile
from django_avatar_kit.names import Name, random_ids
from django_avatar_kit.test import make_image
from tests.support.lifecycle import column, files_of, fresh, needed, upload
from tests.testapp.models import Bare, Channel, Pet, Profile, Team

pytestmark = [
    pytest.mark.lifecycle,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("small"),
]


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
        Name(
            *random_ids(),
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


@pytest.fixture
def beside_a_stock_field(monkeypatch, media) -> str:
    """A file from before the kit, in the very storage of a stock field."""
    stock = next(field for field in file_columns() if type(field) is models.ImageField)
    monkeypatch.setattr(stock, "storage", storages["default"])
    return storages["default"].save("old/legacy.jpg", ContentFile(b"x"))


def test_a_name_from_before_the_kit_beside_a_stock_field_of_the_same_storage(
    profile, beside_a_stock_field
):
    profile.avatar = beside_a_stock_field
    profile.save()
    assert column(profile) == beside_a_stock_field


def test_an_update_beside_a_stock_field_of_the_same_storage(profile, beside_a_stock_field):
    Profile.objects.update(avatar=beside_a_stock_field)
    assert column(profile) == beside_a_stock_field
