"""Case E9: what the Python API refuses, and the errors that say so."""

from __future__ import annotations

import enum
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.core import serializers as core_serializers
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db.models import F
from django.utils.text import format_lazy

from django_avatar_kit import exceptions
from django_avatar_kit.test import make_image
from django_avatar_kit.uploads.intake import checked_crop
from tests.support.file_kinds import JPEG
from tests.support.lifecycle import column, files_of, fresh, make_profile, upload
from tests.testapp.models import Channel, Profile, Team

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("small"),
]

# --- E9: what is given to the Python API ------------------------------------------------------

SECRET = b"\xff\xd8\xffsecret bytes"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("https://example.org/ada.jpg", "“https://example.org/ada.jpg”"),
        ("//example.org/ada.jpg", "“//example.org/ada.jpg”"),
        ("data:image/png;base64,AAAA", "“data:image/png;base64,AAAA”"),
        ("/etc/passwd", "“/etc/passwd”"),
        ("../secret.jpg", "“../secret.jpg”"),
        (SECRET, "bytes of length 15"),
        (bytearray(SECRET), "bytearray of length 15"),
        (memoryview(SECRET), "memoryview of length 15"),
        (Path("/tmp/ada.jpg"), "PosixPath"),
        (42, "An object of type int"),
        (True, "An object of type bool"),
        (["a.jpg"], "An object of type list"),
    ],
)
@pytest.mark.parametrize("how", ["assigned", "created", "saved", "full_clean"])
def test_e9_what_is_no_file_is_refused_in_a_sentence_that_names_it(value, said, how, files):
    profile = fresh(make_profile())
    before = column(profile)
    with pytest.raises((exceptions.NotAFile, ValidationError)) as refused:
        if how == "created":
            Team.objects.create(avatar=value)
        elif how == "saved":
            profile.avatar.save("a.jpg", value)
        else:
            profile.avatar = value
            profile.full_clean() if how == "full_clean" else profile.save()
    sentence = str(refused.value)
    assert said in sentence
    assert "secret bytes" not in sentence
    assert column(profile) == before
    assert files() == files_of(before)
    assert not Team.objects.exists()


def test_e9_whole_numbers_of_a_kind_of_their_own_are_a_crop_box():
    class Edge(enum.IntEnum):
        LEFT = 1
        SIDE = 5

    crop = (Edge.LEFT, Edge.LEFT, Edge.SIDE, Edge.SIDE)
    assert checked_crop(crop, "me.jpg", square=True) == (1, 1, 5, 5)


@pytest.mark.parametrize(
    ("crop", "reason"),
    [
        ((-5, 0, 10, 10), "begins outside"),
        ((0, 0, 0, 0), "begins outside"),
        ((0, 0, 10, -10), "begins outside"),
        ((0, 0, 20, 10), "not square"),
        ((0, 0, 50, 50), "the picture is 60 × 40 px"),
        ((55, 0, 10, 10), "the picture is 60 × 40 px"),
        ((100, 100, 10, 10), "the picture is 60 × 40 px"),
        ((0, 0, 10), "not four whole numbers"),
        ((0.5, 0, 10, 10), "not four whole numbers"),
        (("0", 0, 10, 10), "not four whole numbers"),
        ("0,0,10,10", "not four whole numbers"),
    ],
)
def test_e9_a_crop_box_that_is_no_square_in_the_picture_is_refused(crop, reason, files):
    profile = fresh(make_profile())
    before = column(profile)
    with pytest.raises(exceptions.InvalidCrop) as refused:
        profile.avatar.save("a.jpg", upload(), crop=crop)
    assert refused.value.code == "invalid_crop"
    assert repr(crop) in str(refused.value)
    assert re.search(reason, str(refused.value))
    assert column(profile) == before
    assert files() == files_of(before)


@pytest.mark.parametrize(
    ("crop", "shown"),
    [
        (SECRET, "bytes of length 15"),
        ((SECRET, 0, 1, 1), "(bytes of length 15, 0, 1, 1)"),
        ([0, 0, 10**5000, 10**5000], "a number of about 5001 digits"),
        ((-(10**5000), 0, 1, 1), "(a number of about 5001 digits, 0, 1, 1)"),
        ((0, 0, 2**40, 2**40), "(0, 0, 1099511627776, 1099511627776)"),
        (10**5000, "a number of about 5001 digits"),
        ([0] * 9, "[0, 0, 0, 0, 0, 0, 0, 0, …]"),
        (("x" * 99, 0, 1, 1), f"('{'x' * 29}…{'x' * 29}', 0, 1, 1)"),
        ((None, True, 0.5, {}), "(None, True, 0.5, An object of type dict)"),
        ({1, 2}, "An object of type set"),
    ],
    # Python refuses to convert the largest of these numbers into text.
    ids=lambda value: value if isinstance(value, str) else "box",
)
@pytest.mark.parametrize("data", [JPEG, b"no picture"])
def test_e9_a_crop_box_of_anything_is_shown_briefly(crop, shown, data):
    profile = make_profile(avatar=False)
    with pytest.raises(exceptions.InvalidCrop) as refused:
        profile.avatar.save("a.jpg", SimpleUploadedFile("a.jpg", data), crop=crop)
    assert shown in str(refused.value)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (Path("a/b.bmp"), "b.bmp"),
        (5, "upload.bmp"),
        (SECRET, "upload.bmp"),
        (["a"], "upload.bmp"),
        (None, "upload.bmp"),
        ("", "upload.bmp"),
    ],
)
def test_e9_a_name_of_any_type_is_but_what_an_error_calls_the_upload(name, shown, files):
    profile = make_profile(avatar=False)
    bmp = SimpleUploadedFile("upload.bmp", make_image((60, 40), format="bmp"))
    with pytest.raises(exceptions.UnsupportedFormat, match=f"^“{shown}” is in BMP format"):
        profile.avatar.save(name, bmp)
    profile.avatar.save(name, upload())
    assert files() == files_of(column(profile))


@pytest.mark.parametrize(
    "value", [SECRET, bytearray(SECRET), 5, True, False, Path("a.jpg"), ["a"]]
)
def test_e9_an_update_with_what_is_no_name_is_refused_by_its_kind(value):
    profile = make_profile()
    before = column(profile)
    with pytest.raises(exceptions.NotAFile) as refused:
        Profile.objects.update(avatar=value)
    assert type(value).__name__ in str(refused.value)
    assert "secret" not in str(refused.value)
    assert column(profile) == before


def test_e9_an_update_with_a_lazy_text_or_an_expression_is_one_with_a_name():
    profile = make_profile()
    before = column(profile)
    Profile.objects.update(avatar=format_lazy("{}", before))
    Profile.objects.update(avatar=F("avatar"))
    assert column(profile) == before


@pytest.mark.parametrize("name", ["../x.jpg", "/etc/passwd", "a/../../x", "//host/x.jpg"])
@pytest.mark.parametrize("how", ["update", "bulk_update", "fixture", "loaddata"])
def test_e9_a_name_that_leads_out_is_refused_however_it_is_written(name, how, tmp_path):
    team = Team.objects.create(avatar=upload())
    before = column(team)
    (entry,) = json.loads(core_serializers.serialize("json", [team]))
    entry["fields"]["avatar"] = name
    (tmp_path / "old.json").write_text(json.dumps([entry]))
    with pytest.raises(exceptions.NotAFile, match=re.escape(f"“{name}”")):
        if how == "update":
            Team.objects.update(avatar=name)
        elif how == "bulk_update":
            team.avatar = name
            Team.objects.bulk_update([team], ["avatar"])
        elif how == "fixture":
            for each in core_serializers.deserialize("json", json.dumps([entry])):
                each.save()
        else:
            call_command("loaddata", str(tmp_path / "old.json"), verbosity=0)
    assert column(team) == before


def test_e9_a_crop_box_at_the_very_edge_is_taken():
    profile = make_profile()
    profile.avatar.save("a.jpg", upload(), crop=[20, 0, 40, 40])  # type: ignore[arg-type]
    assert "-20_0_40_40-" in column(profile)


def test_e9_a_field_that_fits_the_whole_picture_in_takes_a_box_of_any_shape():
    channel = Channel.objects.create()
    channel.avatar.save("a.jpg", upload(), crop=(0, 0, 60, 20))
    assert "-0_0_60_20-" in column(channel)


@pytest.mark.parametrize("how", ["loaded", "saved", "new", "deferred"])
def test_e9_a_row_is_deleted_with_its_files_whatever_was_assigned_and_refused(how, files):
    profile = make_profile()
    row: Any = profile if how == "saved" else fresh(profile)
    if how == "deferred":
        row = Profile.objects.defer("avatar").get()
    elif how == "new":
        row = Profile(pk=profile.pk, user=profile.user)
    row.avatar = SECRET
    with pytest.raises(exceptions.NotAFile):
        assert row.avatar
    row.delete()
    assert not Profile.objects.exists()
    assert files() == set()


# --- E9: stored files are read, never written -------------------------------------------------


@pytest.fixture(params=["the file system", "memory"])
def stored(request: Any, settings: Any) -> Any:
    if request.param == "memory":
        backend = {"BACKEND": "django.core.files.storage.InMemoryStorage"}
        settings.STORAGES = {**settings.STORAGES, "default": backend}
    return fresh(make_profile())


def whole(profile: Any) -> bytes:
    with fresh(profile).avatar.open() as file:
        return file.read()


@pytest.mark.parametrize("mode", ["wb", "w", "ab", "r+b", "rb+", "xb", "w+"])
def test_e9_a_stored_avatar_is_not_opened_for_writing(mode, stored):
    before = whole(stored)
    with pytest.raises(exceptions.ReadOnly) as refused:
        stored.avatar.open(mode)
    assert refused.value.code == "read_only"
    assert mode in str(refused.value)
    assert "save(name, content)" in str(refused.value)
    assert whole(stored) == before


@pytest.mark.parametrize("method", ["write", "writelines", "truncate"])
def test_e9_nor_is_it_written_to_once_it_is_open(method, stored):
    before = whole(stored)
    with stored.avatar.open() as file, pytest.raises(exceptions.ReadOnly):
        getattr(file, method)(b"<script>")
    assert whole(stored) == before


def test_e9_whether_it_could_be_written_to_may_be_asked(stored):
    assert hasattr(stored.avatar, "write")
    assert callable(getattr(stored.avatar, "truncate", None))


def test_e9_a_stored_avatar_is_read_as_ever(stored):
    with stored.avatar.open("rb") as file:
        assert file is stored.avatar
        assert file.read(2) == b"\xff\xd8"
    assert stored.avatar.open().read(2) == b"\xff\xd8"
    stored.avatar.close()


def test_e9_an_upload_that_is_not_stored_is_a_file_like_any_other():
    profile = make_profile(avatar=False)
    profile.avatar = io.BytesIO()
    profile.avatar.open("r+b")
    profile.avatar.write(JPEG[:100])
    profile.avatar.writelines([JPEG[100:]])
    profile.avatar.truncate()
    profile.save()
    assert column(profile)


def test_e9_where_nothing_is_stored_there_is_nothing_to_open():
    with pytest.raises(ValueError, match="has no file associated with it"):
        make_profile(avatar=False).avatar.open("wb")
