"""The row never points at a file that is not there: how one row is written."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core.files.base import ContentFile, File
from django.db import IntegrityError, connection, models, transaction
from django.test.utils import CaptureQueriesContext

from django_avatar_kit import exceptions
from django_avatar_kit.names import Name
from django_avatar_kit.test import make_image
from tests.support.lifecycle import column, files_of, fresh, make_profile, needed, upload
from tests.testapp.models import Channel, Pet, Profile, Team

pytestmark = [
    pytest.mark.lifecycle,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("small"),
]


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
            assert row.avatar.width == row.avatar.height == 32
            assert row.avatar.url_for(16)
    assert len(queries) == 1, _shown(queries)
    assert storage.calls == []


# --- the storage fails ------------------------------------------------------------------------


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


def test_a_base_class_of_the_site_is_called_with_keywords(profile, monkeypatch):
    """As Django calls ``save_base()``, so that a mixin may take the arguments as it likes."""
    given: list[Any] = []
    stock = models.Model.save_base

    def save_base(self: Any, *args: Any, **kwargs: Any) -> None:
        given.append((args, sorted(kwargs)))
        stock(self, *args, **kwargs)

    monkeypatch.setattr(models.Model, "save_base", save_base)
    profile.save()
    assert given == [((), ["force_insert", "force_update", "raw", "update_fields", "using"])]
