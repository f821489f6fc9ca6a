"""``avatar_build``: changed settings are followed, and missing files made again."""

from __future__ import annotations

import io
from datetime import datetime, timedelta, timezone

import pytest
from django.core.management import CommandError, call_command
from django.db import models
from django.utils.timezone import make_naive
from PIL import Image

from django_avatar_kit.test import make_upload, settle
from django_avatar_kit.uploads import geometry
from tests.support.build import (
    build,
    size_of,
    summary,
    team,
)
from tests.support.lifecycle import column, files_of, fresh, name_of, needed, upload
from tests.testapp.models import Guest, Pet, Team

pytestmark = [
    pytest.mark.lifecycle,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("small"),
]


# --- changed settings ------------------------------------------------------------------------


def test_changed_sizes_are_followed(settings, media, files):
    row = team()
    row.name = "old boys"
    row.save()
    before = name_of(row)
    master = (media / str(before)).read_bytes()
    settings.AVATAR_KIT = {"SIZES": (24,)}
    out, _ = build(verbosity=2)
    after = name_of(row)
    assert after.token != before.token
    assert after.secret != before.secret
    assert after.sizes == (24,)
    assert (after.color, after.crop, after.fit) == (before.color, before.crop, before.fit)
    assert (media / str(after)).read_bytes() == master
    assert files() == set(after.files)
    assert size_of(media, after.rendition(24, "webp")) == (24, 24)
    assert fresh(row).name == "old boys"
    assert "rebuild (sizes 16 32 become 24)" in out
    assert summary(out).startswith("1 checked: 1 rebuilt")
    assert summary(build()[0]).startswith("1 checked: 0 rebuilt")


def test_changed_formats_are_followed(settings, media, files):
    row = team()
    settings.AVATAR_KIT = {"SIZES": (16, 32), "FORMATS": ("avif", "jpeg")}
    out, _ = build(verbosity=2)
    assert "formats webp become avif jpeg" in out
    assert name_of(row).formats == ("avif", "jpeg")
    assert files() == set(name_of(row).files)
    assert summary(build()[0]).startswith("1 checked: 0 rebuilt")


@pytest.mark.parametrize(
    ("size", "sizes"),
    [
        ((60, 40), (16, 40)),
        ((1, 1), (1,)),
        ((900, 20), (16, 20)),
        # The master is shrunk, and has fewer pixels than a rendition that stays.
        ((2500, 300), (16, 300)),
        ((1333, 1001), (16, 500)),
    ],
)
def test_nothing_is_upscaled_and_a_second_run_does_nothing(settings, media, files, size, sizes):
    row = team(size=size)
    before = name_of(row)
    settings.AVATAR_KIT = {"SIZES": (16, 500)}
    build()
    first = name_of(row)
    # What the master has lost does not come back.
    available = max(min(first.width, first.height), before.sizes[-1])
    assert first.sizes == geometry.ladder((16, 500), available)
    assert summary(build()[0]).startswith("1 checked: 0 rebuilt")
    assert name_of(row) == first
    # The same as of a new upload, for which a second run does nothing either.
    new = team(size=size)
    assert name_of(new).sizes == sizes
    assert summary(build()[0]).startswith("2 checked: 0 rebuilt")
    assert files() == {*first.files, *name_of(new).files}


def test_a_panorama_keeps_its_larger_rendition(settings, media, files):
    settings.AVATAR_KIT = {"SIZES": (32, 256)}
    row = team(size=(4000, 300), color="teal")
    before = name_of(row)
    assert (before.width, before.height) == (1000, 75)
    assert before.sizes == (32, 256)
    large = (media / before.rendition(256, "webp")).read_bytes()
    settings.AVATAR_KIT = {"SIZES": (32, 128, 512)}
    out, _ = build(verbosity=2)
    assert "sizes 32 256 become 32 128 256" in out
    after = name_of(row)
    # Not a copy of a copy.
    assert (media / after.rendition(256, "webp")).read_bytes() == large
    assert size_of(media, after.rendition(128, "webp")) == (128, 128)
    assert files() == set(after.files)
    assert summary(build()[0]).startswith("1 checked: 0 rebuilt")
    build(force=True)
    assert (media / name_of(row).rendition(256, "webp")).read_bytes() != large


def test_a_rendition_that_cannot_be_read_is_done_without(settings, media, files, caplog):
    settings.AVATAR_KIT = {"SIZES": (32, 256), "FORMATS": ("jpeg", "webp")}
    row = team(size=(4000, 300))
    before = name_of(row)
    (media / before.rendition(256, "webp")).write_bytes(b"RIFF")
    settings.AVATAR_KIT = {"SIZES": (32, 256), "FORMATS": ("webp",)}
    build()
    # The JPEG was as good.
    assert name_of(row).sizes == (32, 256)
    assert "Cannot rebuild from" in caplog.text
    (media / name_of(row).rendition(256, "webp")).unlink()
    out, _ = build(verbosity=2)
    assert "missing avatars/" in out
    assert name_of(row).sizes == (32, 75)
    assert files() == set(name_of(row).files)
    assert summary(build()[0]).startswith("1 checked: 0 rebuilt")


def test_fit_is_followed(settings, media, monkeypatch):
    row = team(size=(200, 100), color="white")
    field = Team._meta.get_field("avatar")
    monkeypatch.setattr(field, "fit", "contain")
    settings.AVATAR_KIT = {"SIZES": (16, 150)}
    build()
    contained = name_of(row)
    assert (contained.fit, contained.sizes) == ("contain", (16, 150))
    with Image.open(media / contained.rendition(150, "webp")) as image:
        assert image.convert("RGBA").getpixel((75, 10))[3] == 0
    monkeypatch.setattr(field, "fit", "cover")
    build()
    assert (name_of(row).fit, name_of(row).sizes) == ("cover", (16, 100))
    assert summary(build()[0]).startswith("1 checked: 0 rebuilt")


def test_a_crop_box_and_the_colour_are_kept(settings, media):
    row = Team.objects.create()
    row.avatar.save("a.png", make_upload(size=(80, 60), format="png"), crop=(10, 20, 40, 40))
    before = name_of(row)
    assert before.crop == (10, 20, 40, 40)
    settings.AVATAR_KIT = {"SIZES": (16, 64)}
    build()
    after = name_of(row)
    assert (after.crop, after.color, after.sizes) == (before.crop, before.color, (16, 40))
    assert summary(build()[0]).startswith("1 checked: 0 rebuilt")


def test_an_oblong_crop_box_becomes_square_where_cover_asks_for_it(monkeypatch):
    field = Team._meta.get_field("avatar")
    monkeypatch.setattr(field, "fit", "contain")
    row = Team.objects.create()
    row.avatar.save("a.png", make_upload(size=(80, 60), format="png"), crop=(10, 20, 60, 40))
    assert name_of(row).crop == (10, 20, 60, 40)
    monkeypatch.setattr(field, "fit", "cover")
    build()
    assert name_of(row).crop == (20, 20, 40, 40)
    assert summary(build()[0]).startswith("1 checked: 0 rebuilt")
    # A square box looks the same in both.
    monkeypatch.setattr(field, "fit", "contain")
    assert summary(build()[0]).startswith("1 checked: 0 rebuilt")


def test_force_builds_everything_and_before_resumes_it(settings, files):
    first, second = team(color="red"), team(color="blue")
    keys = column(first), column(second)
    settings.AVATAR_KIT = {"SIZES": (16, 32), "QUALITY": {"webp": 10}}
    build("testapp.Team")
    assert (column(first), column(second)) == keys
    start = datetime.now(tz=timezone.utc) + timedelta(seconds=1)
    past = start - timedelta(hours=1)
    for before in (past.isoformat(), make_naive(past).isoformat()):
        build(force=True, before=before)
        assert (column(first), column(second)) == keys
    out, _ = build("testapp.Team", force=True, before=start.isoformat())
    assert f"resume it with --force --before {start.isoformat()}" in out
    assert column(first) != keys[0]
    assert column(second) != keys[1]
    assert files() == needed()
    keys = column(first), column(second)
    out, _ = build(force=True)
    assert "resume it with --force --before 20" in out
    assert not {column(first), column(second)} & set(keys)
    assert files() == needed()


# --- missing files ---------------------------------------------------------------------------


def test_a_missing_rendition_is_made_again(media, files):
    row = team()
    before = name_of(row)
    (media / before.rendition(16, "webp")).unlink()
    build(check_files=False)
    assert name_of(row) == before
    out, _ = build(verbosity=2)
    assert f"missing {before.rendition(16, 'webp')}" in out
    # Under a new name: somebody may have been told for a year that the old one is not there.
    assert name_of(row).token != before.token
    assert files() == set(name_of(row).files)


def test_a_missing_master_is_reported(media, files, caplog):
    row, other = team(), team(color="red")
    (media / column(row)).unlink()
    (media / name_of(other).rendition(16, "webp")).unlink()
    before = column(row)
    err = io.StringIO()
    with pytest.raises(CommandError, match=r"^1 of 2 avatars could not be built\.$"):
        call_command("avatar_build", stdout=io.StringIO(), stderr=err)
    # Once: whoever calls this from a program has it in the results.
    assert err.getvalue() == (
        "1 file is gone:\n"
        f"  testapp.Team.avatar of pk {row.pk}, “{before}”\n"
        "Bring them back, or run this once with --missing=clear, which empties the columns of "
        "these rows, or always with --missing=keep.\n"
    )
    assert caplog.text == ""
    assert column(row) == before
    assert files() >= set(name_of(other).files)


def test_renditions_in_a_storage_of_their_own(settings, media, renditions):
    settings.AVATAR_KIT = {"SIZES": (16, 32), "RENDITION_STORAGE": "renditions"}
    pet = Pet.objects.create(portrait=upload(), name="bo")
    settings.AVATAR_KIT = {"SIZES": (8,), "RENDITION_STORAGE": "renditions"}
    build()
    name = name_of(pet, "portrait")
    assert name.sizes == (8,)
    assert [p for p in media.rglob("*") if p.is_file()] == [media / str(name)]
    assert [p for p in renditions.rglob("*") if p.is_file()] == [
        renditions / name.rendition(8, "webp")
    ]


def test_a_default_that_is_named_like_an_avatar_is_left_alone(monkeypatch, settings, files):
    """Somebody has uploaded the default, and a callable picks it."""
    picked = column(team())
    Team.objects.all()._raw_delete("default")
    field = Guest._meta.get_field("avatar")
    monkeypatch.setattr(field, "default", lambda: picked)
    monkeypatch.delitem(field.__dict__, "_get_default", raising=False)
    guest = Guest.objects.create()
    value = models.Value(picked, output_field=models.CharField())
    models.QuerySet(Guest).filter(pk=guest.pk).update(avatar=value)
    settings.AVATAR_KIT = {"SIZES": (24,)}
    build("testapp.Guest.avatar")
    settle()
    monkeypatch.delitem(field.__dict__, "_get_default", raising=False)
    assert column(guest) == picked
    assert files_of(picked) <= files()


def test_without_a_look_at_the_files_no_storage_is_made(settings):
    team()
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": "nowhere.Storage"}}
    out, _ = build(check_files=False)
    assert "1 up to date" in summary(out)
