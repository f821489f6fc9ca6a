"""``avatar_copy``: which files are chosen, what is refused, and what is said."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from django_avatar_kit.maintenance import progress
from django_avatar_kit.storage import base as module
from tests.support.copying import (
    contents,
    copy,
    failing,
    keys_of,
    lines,
    old_team,
    present,
    put,
    switch,
    team,
    teams,
)
from tests.support.lifecycle import column, files_of, make_profile, name_of, upload
from tests.testapp.models import Pet, Team

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "other"]),
    pytest.mark.usefixtures("small"),
]

# --- which files, and where they are -------------------------------------------------------


def test_before_and_after_the_switch(settings, storage, target):
    row = team()
    assert "3 copied" in copy()[0]
    switch(settings)
    late = team("navy")
    assert "2 avatars, 6 files: 0 copied (0 bytes), 6 already there" in copy()[0]
    assert present(target, keys_of(row, late)) == keys_of(row, late)


def test_what_lies_elsewhere_is_left_out(storage, target):
    """The renditions of Pet.portrait have a storage of their own."""
    pet = Pet.objects.create(avatar=upload(), portrait=upload("red"))
    out, _ = copy("testapp.Pet")
    assert out.startswith("2 avatars, 4 files: 4 copied")
    assert target.exists(column(pet, "portrait"))
    out, _ = copy("testapp.Pet.portrait", source="renditions")
    assert out.startswith("1 avatar, 2 files: 2 copied")
    assert present(target, files_of(column(pet, "portrait"))) == (
        files_of(column(pet, "portrait"))
    )


@pytest.mark.parametrize("kind", ["masters", "renditions"])
def test_only_one_of_the_two(storage, target, kind):
    row, _ = team(), old_team(storage)
    copy(only=kind)
    name = name_of(row)
    expected = set(name.renditions) if kind == "renditions" else {str(name)}
    assert present(target, name.files) == expected
    # A file from before the kit is a master.
    assert target.exists("avatars/old.jpg") is (kind == "masters")


@pytest.mark.parametrize("kind", ["masters", "renditions"])
def test_what_is_parted_stays_parted(settings, storage, target, kind):
    """A site that keeps its masters to itself does not find them in a bucket that is public."""
    row = team()
    name = name_of(row)
    if kind == "renditions":
        switch(settings, "default", RENDITION_STORAGE="target")
    else:
        switch(settings, "target", RENDITION_STORAGE="default")
    copy()
    expected = set(name.renditions) if kind == "renditions" else {str(name)}
    assert present(target, name.files) == expected


def test_a_file_from_before_the_kit_is_that_file_alone(storage, target):
    old_team(storage, "avatars/old.jpg")
    put(storage, "avatars/old.jpg.64x64_q85_crop.jpg", b"a thumbnail")
    assert copy()[0].startswith("1 avatar, 1 file: 1 copied")
    assert target.exists("avatars/old.jpg")
    assert not target.exists("avatars/old.jpg.64x64_q85_crop.jpg")


def test_no_avatars(target):
    Team.objects.create()
    out, err = copy()
    assert lines(out) == [
        "0 avatars, 0 files: 0 copied (0 bytes), 0 already there, 0 missing, 0 failed."
    ]
    assert err == ""


def test_labels(target):
    profile, row = make_profile(), team()
    copy("testapp.Profile")
    assert present(target, keys_of(profile, row)) == keys_of(profile)
    copy("testapp.Team.avatar", "testapp.Profile")
    assert present(target, keys_of(profile, row)) == keys_of(profile, row)
    assert failing("testapp.Bare").startswith("“testapp.Bare” has no AvatarField.")
    assert failing("testapp.Nobody") == "There is no model “testapp.Nobody”."


@pytest.mark.lifecycle
def test_another_database(target):
    here = team()
    other = Team(avatar=upload("red"))
    other.save(using="other")
    assert copy(using="other")[0].startswith("1 avatar, 3 files: 3 copied")
    assert contents(target, keys_of(here)) == {}
    assert present(target, keys_of(other)) == keys_of(other)


# --- what cannot be --------------------------------------------------------------------------


def test_an_unknown_alias(target):
    known = "“default”, “staticfiles”, “renditions”, “target”"
    for options in ({"source": "s3"}, {"target": "s3"}):
        message = failing(**options)
        assert message.startswith("STORAGES has no “s3”. It has ")
        assert all(name in message for name in known.split(", "))


def test_the_same_place(settings, media, tmp_path, bucket):
    link = tmp_path / "link"
    link.symlink_to(media)
    place = "django.core.files.storage.FileSystemStorage"
    settings.STORAGES = {
        **settings.STORAGES,
        "path": {"BACKEND": place, "OPTIONS": {"location": str(media)}},
        "link": {"BACKEND": place, "OPTIONS": {"location": str(link)}},
        "one": bucket.entry(location="a"),
        "two": bucket.entry(location="a/"),
        "three": bucket.entry(),
    }
    for source, target in [
        ("default", "default"),
        ("default", "path"),
        ("link", "path"),
        ("one", "two"),
    ]:
        assert failing(source=source, target=target) == (
            f"“{source}” and “{target}” are the same place."
        )
    switch(settings, "one")
    assert copy(source="three", target="one")[0].startswith("0 avatars")


def test_neither_storage_is_in_use(settings, target):
    assert failing(source="staticfiles").startswith(
        "No avatar has its files in “staticfiles” or in “target”: see AVATAR_KIT['STORAGE'], "
    )
    # Of what was asked for.
    portrait = {"source": "renditions", "only": "masters"}
    assert failing("testapp.Pet.portrait", **portrait).startswith("No avatar has its masters in")


def test_a_storage_that_cannot_be_made(settings):
    broken = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"no": 1}}
    settings.STORAGES = {**settings.STORAGES, "target": broken}
    with pytest.raises(CommandError, match="The storage “target” cannot be made"):
        copy()


# --- what is said ----------------------------------------------------------------------------


def test_a_dry_run(storage, target):
    row, other = teams(2)
    first, *rest = sorted(files_of(column(row)))
    put(target, first, module.read(storage, first))
    put(target, rest[0], b"")
    before = contents(target, keys_of(row, other))
    out, _ = copy(dry_run=True)
    listed = lines(out)
    assert len(listed) == 6
    assert f"{column(other)}: would be copied ({storage.size(column(other))} bytes)" in listed
    assert listed[-1].startswith("2 avatars, 6 files: 5 to be copied (")
    assert listed[-1].endswith("1 already there, 0 missing, 0 failed.")
    assert contents(target, keys_of(row, other)) == before


def test_a_dry_run_deletes_nothing(settings, storage, target):
    row = team()
    copy()
    switch(settings)
    copy(dry_run=True, delete_source=True)
    assert present(storage, keys_of(row)) == keys_of(row)


def test_verbosity(storage, target):
    row = team()
    assert copy(verbosity=0) == ("", "")
    out, _ = copy(verbosity=2)
    sizes = {key: storage.size(key) for key in name_of(row).files}
    assert lines(out)[:-1] == [f"{key}: already there ({sizes[key]} bytes)" for key in sizes]
    for key in sizes:
        target.delete(key)
    out, _ = copy(verbosity=2)
    assert lines(out)[:-1] == [f"{key}: copied ({sizes[key]} bytes)" for key in sizes]
    storage.delete(column(row))
    target.delete(column(row))
    out, err = io.StringIO(), io.StringIO()
    chosen: dict[str, Any] = {"source": "default", "target": "target", "verbosity": 0}
    with pytest.raises(CommandError):
        call_command("avatar_copy", stdout=out, stderr=err, **chosen)
    assert out.getvalue() == ""
    # What fails is told all the same.
    (told,) = lines(err.getvalue())
    assert told.endswith("could not be read: it is in neither storage.")


def test_the_traceback_of_what_failed(monkeypatch, storage, target):
    row = team()

    def fail(self: Any, name: str, mode: str = "rb") -> Any:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(type(storage), "_open", fail)
    for verbosity, count in [(0, 0), (1, 0), (2, len(keys_of(row)))]:
        err = io.StringIO()
        chosen: dict[str, Any] = {"source": "default", "target": "target", "verbosity": verbosity}
        with pytest.raises(CommandError):
            call_command("avatar_copy", stdout=io.StringIO(), stderr=err, **chosen)
        assert err.getvalue().count("Traceback") == count


def test_progress(monkeypatch, target):
    monkeypatch.setattr(progress, "PAUSE", 0.0)
    teams(2)
    _, err = copy("testapp.Team")
    assert lines(err) == ["testapp.Team.avatar: 1 of 2", "testapp.Team.avatar: 2 of 2"]


def test_two_storages_must_be_named():
    for arguments in ([], ["--from", "default"], ["--to", "target"]):
        with pytest.raises(CommandError, match="the following arguments are required"):
            call_command("avatar_copy", *arguments)
