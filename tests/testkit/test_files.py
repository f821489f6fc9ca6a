from __future__ import annotations

import io
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction

from django_avatar_kit.lifecycle import tables
from django_avatar_kit.names import Name
from django_avatar_kit.test import assert_avatar_files, assert_no_litter, make_upload, settle
from tests.support.build import old_file
from tests.support.lifecycle import column, files_of, make_profile, needed, set_column, upload
from tests.testapp.models import Bare, Channel, Pet, Profile, Team

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("small")]


def refused(row: Any) -> list[str]:
    """The lines of the message."""
    with pytest.raises(AssertionError) as raised:
        assert_avatar_files(row)
    return str(raised.value).splitlines()


# --- settle ---


def test_settling_does_what_a_commit_would(files):
    profile = make_profile()
    profile.avatar.save("new.jpg", upload())
    assert len(files()) == 6
    settle()
    assert files() == needed() == files_of(str(profile.avatar))
    settle()
    assert files() == needed()


def test_settling_twice_in_one_test(files):
    profile = make_profile()
    settle()
    profile.delete()
    settle()
    assert files() == set()


def test_settling_inside_an_open_transaction(files):
    with transaction.atomic():
        profile = make_profile()
        with transaction.atomic():
            profile.avatar.save("new.jpg", upload())
        settle()
        assert_avatar_files(profile)


def test_settling_while_an_exception_is_at_hand(files):
    profile = make_profile()
    with pytest.raises(RuntimeError) as kept, transaction.atomic():
        profile.avatar.save("new.jpg", make_upload(size=(60, 40)))
        raise RuntimeError
    settle()
    assert files() == needed()
    assert kept


# --- the files of a row ---


def test_a_row_has_its_files(storage_calls):
    profile = make_profile()
    storage_calls.clear()
    assert_avatar_files(profile)
    assert_avatar_files(profile.user)
    assert_avatar_files(profile.avatar)
    assert storage_calls == []


def test_a_row_without_an_avatar_has_none():
    assert_avatar_files(make_profile(avatar=False))


def test_a_file_that_is_missing(media):
    profile = make_profile()
    key = profile.avatar.avatar_name.renditions[0]
    (media / key).unlink()
    settle()
    assert refused(profile) == [
        f"testapp.Profile {profile.pk}: the files in storage are not those that the rows name.",
        "Missing:",
        f"  {key}",
    ]


def test_a_replaced_avatar_is_surplus_until_it_is_settled():
    profile = make_profile()
    old = column(profile)
    profile.avatar.save("new.jpg", upload())
    assert refused(profile) == [
        f"testapp.Profile {profile.pk}: the files in storage are not those that the rows name.",
        "Surplus, named by no row:",
        *(f"  {key}" for key in sorted(files_of(old))),
        "Some changes wait for the end of a transaction. Call settle() first.",
    ]
    settle()
    assert_avatar_files(profile)


def test_the_row_in_the_database_counts_and_not_the_instance():
    profile = make_profile()
    stale = Profile.objects.get()
    profile.avatar.save("new.jpg", upload())
    settle()
    stale.bio = "countess"
    stale.save()
    assert_avatar_files(stale)


def test_a_deleted_row_has_no_files(media):
    profile = make_profile()
    profile.delete()
    settle()
    assert_avatar_files(profile)
    key = old_file(media, "avatars/3f/3f9c0123456789abcdef0123456789e1.32.webp")
    assert f"  {key}" in refused(profile)


def test_every_avatar_field_of_a_row_counts(media, renditions):
    pet = Pet.objects.create(avatar=upload(), portrait=upload())
    settle()
    assert_avatar_files(pet)
    gone = pet.portrait.avatar_name.renditions[1]
    (renditions / gone).unlink()
    assert refused(pet)[-1] == f"  {gone}"


def test_other_rows_and_other_files_are_not_surplus(media):
    profile = make_profile()
    make_profile("grace")
    Bare.objects.create(photo=upload())
    (media / "exports").mkdir()
    (media / "exports/report.csv").write_bytes(b"1,2")
    set_column(Team.objects.create(), old_file(media, "avatars/old.jpg"))
    settle()
    assert_avatar_files(profile)
    assert_no_litter()


def test_a_thumbnail_of_easy_thumbnails_is_not_surplus():
    profile = make_profile()
    thumbnail = profile.avatar.get_thumbnail({"size": (20, 10), "crop": True})
    settle()
    assert_avatar_files(profile)
    assert thumbnail.name.startswith(column(profile))
    set_column(profile, "")
    assert f"  {thumbnail.name}" not in refused(profile)


def test_a_file_from_before_the_kit_in_the_folder_of_the_field(media):
    row = Channel.objects.create(avatar=upload())
    old = old_file(media, "channels/2020/old.jpg")
    settle()
    assert refused(row)[-1] == f"  {old}"


@pytest.mark.parametrize("where", ["is_real", "is_on"])
def test_a_database_without_these_rows_is_not_asked(where, monkeypatch, files):
    """As an empty “default”, or one that the routers keep the model off."""
    make_profile()
    settle()
    monkeypatch.setattr(tables, where, lambda *given: False)
    with pytest.raises(AssertionError, match="Surplus"):
        assert_no_litter()
    assert len(files()) == 3


def test_an_object_without_an_avatar():
    with pytest.raises(TypeError, match=r"^assert_avatar_files\(\) takes a row with an avatar"):
        assert_avatar_files(None)
    with pytest.raises(TypeError, match="has no avatar"):
        assert_avatar_files(io.BytesIO())
    with pytest.raises(TypeError, match="not <User: grace>"):
        assert_avatar_files(User.objects.create(username="grace"))


# --- litter ---


def test_no_litter():
    make_profile()
    settle()
    assert_no_litter()


def test_litter_of_any_avatar_field(renditions):
    name = Name.parse(make_profile().avatar.name)
    assert name is not None
    left = old_file(renditions, f"portraits/{name.rendition(99, 'webp').split('/', 1)[1]}")
    settle()
    with pytest.raises(AssertionError) as raised:
        assert_no_litter()
    assert str(raised.value).splitlines() == [
        "Storage: the files in storage are not those that the rows name.",
        "Surplus, named by no row:",
        f"  {left}",
    ]
