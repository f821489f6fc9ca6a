"""Nothing of an upload survives but its pixels: a marker in all the rest is found nowhere.

``test_corpus`` searches what is stored of each upload that is taken. Here is what that rests upon,
and what takes settings of its own.
"""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from easy_thumbnails.files import get_thumbnailer
from easy_thumbnails.models import Thumbnail
from PIL import Image

from tests.support import corpus, images
from tests.support.corpus import metadata, png
from tests.support.corpus.base import MARKER, TAKEN, picture
from tests.support.corpus.page import CLIENT_NAME, CLIENT_TYPE, TEXT, rows_with_marker
from tests.support.corpus.traces import traces
from tests.testapp.models import Bare, Profile


def marked(group):
    return [case for case in corpus.of_group(group) if case.marked and case.expected == TAKEN]


# --- the search -------------------------------------------------------------------------------


@pytest.mark.parametrize("group", corpus.GROUPS)
def test_the_search_finds_every_marker(group):
    with_marker = [case for case in corpus.of_group(group) if case.marked]
    assert [case.name for case in with_marker if not traces(case.data)] == []


@pytest.mark.parametrize(
    ("hidden", "found"),
    [
        (MARKER, ["plain"]),
        (MARKER.decode().encode("utf-16-le"), ["plain in UTF-16"]),
        (MARKER.decode().encode("utf-16-be"), ["plain in UTF-16, big-endian"]),
        (MARKER.hex().encode(), ["plain in hexadecimal"]),
        (MARKER[:-1], []),
    ],
)
def test_the_search_knows_the_marker_in_other_writing(hidden, found):
    assert traces(images.jpeg() + hidden) == found


def test_the_search_looks_at_pixels():
    drawn = Image.frombytes("RGB", (13, 1), MARKER * 3)
    assert set(traces(images.png(drawn))) == {"pixels"}


def test_a_stock_field_keeps_the_marker_and_the_name(transactional_db):
    kept = {}
    for group in corpus.GROUPS:
        for case in marked(group)[::4]:
            row = Bare(name="stock")
            row.photo.save(CLIENT_NAME, ContentFile(case.data))
            with row.photo.open() as file:
                kept[case.name] = bool(traces(file.read()))
    assert set(kept.values()) == {True}
    assert rows_with_marker() == ["testapp.Bare"]


# --- renditions in other formats --------------------------------------------------------------


@pytest.mark.parametrize("format", ["png", "jpeg", "avif"])
def test_in_renditions_of_other_formats(page, settings, format):
    settings.AVATAR_KIT = {"SIZES": (16, 32), "FORMATS": (format,)}
    cases = [case for group in ("jpeg", "png", "webp", "gif") for case in marked(group)]
    # Metadata and trailers are no matter of the format; colours that nobody sees may be.
    cases = [case for case in cases if "colours" in case.name or "everything" in case.name]
    outcomes = {case.name: page.upload(case.data) for case in cases}
    assert {name: one.problems for name, one in outcomes.items() if one.problems} == {}
    assert {one.code for one in outcomes.values()} == {TAKEN}


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_the_colour_of_invisible_pixels_is_none(page, settings, avatar_storages, mode):
    """Somebody has erased a face: an editor may leave its colours under full transparency."""
    settings.AVATAR_KIT = {"SIZES": (32,), "FORMATS": ("png",)}
    data = png.hidden_colours(mode)
    assert traces(data) != []
    assert page.upload(data).problems == []
    (key,) = (key for key in sorted(avatar_storages.keys()) if key.endswith(".png"))
    with Image.open(avatar_storages.location() / key) as stored:
        upper, lower = stored.crop((0, 0, 32, 16)), stored.crop((0, 16, 32, 32))
        assert upper.getcolors() == [(32 * 16, (0, 0, 0, 0))]
        assert lower.getextrema()[3] == (255, 255)


# --- elsewhere --------------------------------------------------------------------------------


def test_nothing_in_thumbnails_of_easy_thumbnails(page, avatar_storages):
    data = images.jpeg(
        picture(size=(200, 200)),
        exif=b"Exif\0\0" + metadata.exif_kinds()["EXIF with everything"],
        comment=MARKER,
        xmp=metadata.XMP,
        icc_profile=metadata.profile(),
    )
    assert page.upload(data).problems == []
    avatar = Profile.objects.get().avatar
    before = avatar_storages.keys()
    get_thumbnailer(avatar).get_thumbnail({"size": (77, 50), "crop": True})
    (made,) = avatar_storages.keys() - before
    assert Thumbnail.objects.count() == 1
    assert traces((avatar_storages.location() / made).read_bytes()) == []
    assert TEXT.lower() not in made.lower()
    assert rows_with_marker() == []


def test_nothing_in_a_bucket(transactional_db, bucket, settings, client):
    """Neither in an object, nor in its key, its headers or its metadata."""
    bucket.use(settings)
    settings.AVATAR_KIT = {"SIZES": (16, 32)}
    user = User.objects.create(username="ada")
    Profile.objects.create(user=user)
    client.force_login(user)
    data = images.jpeg(exif=b"Exif\0\0" + metadata.exif_kinds()["EXIF with everything"])
    file = SimpleUploadedFile(CLIENT_NAME, data + metadata.archive(), CLIENT_TYPE)
    assert client.post("/avatar/", {"avatar": file}).status_code == 302
    keys = bucket.keys()
    assert len(keys) == 3
    for key in keys:
        assert traces(bucket.body(key)) == []
        assert TEXT.lower() not in (key + repr(bucket.head(key))).lower()
        assert bucket.head(key)["ContentType"] in {"image/jpeg", "image/webp"}
        assert bucket.head(key)["Metadata"] == {}
    assert rows_with_marker() == []
