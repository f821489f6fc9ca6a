"""``avatar_sweep``: what no row needs is found, and nothing else is ever deleted."""

from __future__ import annotations

import io
import json
import os
import re
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import FileSystemStorage, Storage, storages
from django.core.management import CommandError, call_command
from django.db import connections, models
from django.db.models.functions import Lower
from easy_thumbnails.files import get_thumbnailer
from easy_thumbnails.models import Source, Thumbnail

from django_avatar_kit import columns
from django_avatar_kit.fields import AvatarField
from django_avatar_kit.lifecycle import references, tables, thumbnails
from django_avatar_kit.maintenance import locations
from django_avatar_kit.maintenance import sweep as sweeping
from django_avatar_kit.maintenance.progress import Progress
from django_avatar_kit.management.commands import avatar_sweep
from django_avatar_kit.names import Name, random_ids
from django_avatar_kit.storage.base import walk
from django_avatar_kit.test import make_image
from tests.support.lifecycle import column, files_of, upload
from tests.testapp.models import Bare, Channel, Guest, Pet, Team

pytestmark = [
    pytest.mark.lifecycle,
    pytest.mark.django_db(transaction=True, databases=["default", "other"]),
    pytest.mark.usefixtures("small"),
]

ALL = {"min_age": 0, "max_percent": 100}
THUMBNAIL = {"size": (20, 10), "crop": True}


def sweep(**options: Any) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    call_command("avatar_sweep", stdout=out, stderr=err, **options)
    return out.getvalue(), err.getvalue()


def team(using: str = "default") -> Team:
    row = Team(avatar=upload())
    row.save(using=using)
    return row


def lose(row: Any, value: str = "", attname: str = "avatar") -> str:
    """Take the name out of the row behind the kit's back; it is returned."""
    key = column(row, attname)
    plain = models.Value(value, output_field=models.CharField())
    rows_ = models.QuerySet(type(row), using=row._state.db)
    rows_.filter(pk=row.pk).update(**{attname: plain})
    return key


def put(media: Path, key: str, content: bytes = b"x") -> str:
    path = media / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return key


def age(folder: Path, hours: float) -> None:
    moment = time.time() - hours * 3600
    for path in folder.rglob("*"):
        os.utime(path, (moment, moment))


def listed(out: str) -> set[str]:
    return {line.split(" (")[0] for line in out.splitlines() if re.search(r" bytes?\): ", line)}


# --- what it finds ---------------------------------------------------------------------------


def test_nothing_stored():
    out, err = sweep(delete=True)
    assert out == (
        "“default”: 0 avatar files, 0 of them without need (0 bytes).\n"
        "FileSystemStorage of testapp.Pet.portrait: 0 avatar files, 0 of them without need "
        "(0 bytes).\n"
        "“default”: 0 files (0 bytes) deleted.\n"
        "FileSystemStorage of testapp.Pet.portrait: 0 files (0 bytes) deleted.\n"
    )
    assert err == ""


def test_it_says_what_it_would_delete(media, files):
    kept, lost = team(), lose(team())
    put(media, "avatars/somebody.txt")
    before = files()
    out, err = sweep(min_age=0)
    sizes = {key: (media / key).stat().st_size for key in files_of(lost)}
    for key, size in sizes.items():
        assert f"{key} ({size} bytes): no row holds its avatar" in out.splitlines()
    total = sum(sizes.values())
    assert f"“default”: 6 avatar files, 3 of them without need ({total} bytes)." in out
    assert "Nothing was deleted; --delete does." in out
    assert err == (
        "3 of 6 files in “default” are 50 %, more than --max-percent 20. --delete would refuse.\n"
    )
    assert files() == before >= files_of(column(kept))


def test_delete(media, files):
    kept, lost = team(), lose(team())
    foreign = put(media, "avatars/somebody.txt")
    out, err = sweep(delete=True, **ALL)
    assert listed(out) == {f"Deleted {key}" for key in files_of(lost)}
    assert "“default”: 3 files (" in out
    assert err == ""
    assert files() == files_of(column(kept)) | {foreign}
    out, _ = sweep(delete=True, **ALL)
    assert listed(out) == set()


def test_silence(files):
    lose(team())
    assert sweep(delete=True, verbosity=0, **ALL) == ("", "")
    assert files() == set()


def test_renditions_that_their_row_does_not_list(media, files):
    row = team()
    name = Name.parse(column(row))
    assert name is not None
    stray = put(media, name.rendition(99, "webp"))
    twin = put(media, str(name._replace(secret="0" * 16)))
    out, _ = sweep(delete=True, **ALL)
    assert f"Deleted {stray} (1 byte): its row does not list it" in out
    assert f"Deleted {twin} (1 byte): its row does not list it" in out
    assert files() == set(name.files)


def test_renditions_without_a_master(media, files):
    kept, lost = team(), team()
    for row in (kept, lost):
        (media / column(row)).unlink()
    lose(lost)
    sweep(delete=True, **ALL)
    assert files() == files_of(column(kept)) - {column(kept)}


def test_thumbnails_go_with_their_master_and_its_books(media, files):
    kept, lost = team(), team()
    made = {row.pk: row.avatar.get_thumbnail(THUMBNAIL).name for row in (kept, lost)}
    assert set(made.values()) < files()
    lost_key = lose(lost)
    sweep(delete=True, **ALL)
    assert files() == files_of(column(kept)) | {made[kept.pk]}
    assert set(Source.objects.values_list("name", flat=True)) == {column(kept)}
    assert set(Thumbnail.objects.values_list("name", flat=True)) == {made[kept.pk]}
    assert lost_key not in files()


@pytest.mark.parametrize(
    "option",
    [{"THUMBNAIL_BASEDIR": "thumbs"}, {"THUMBNAIL_SUBDIR": "t"}, {"THUMBNAIL_PREFIX": "t_"}],
)
def test_thumbnails_elsewhere(settings, files, option):
    for key, value in option.items():
        setattr(settings, key, value)
    kept, lost = team(), team()
    made = {row.pk: row.avatar.get_thumbnail(THUMBNAIL).name for row in (kept, lost)}
    lose(lost)
    out, _ = sweep(delete=True, prefix="nowhere", **ALL)
    assert listed(out) == set()
    sweep(delete=True, **ALL)
    assert files() == files_of(column(kept)) | {made[kept.pk]}
    assert Source.objects.get().name == column(kept)


def test_a_book_whose_thumbnail_is_gone_is_closed(media, files):
    row = team()
    thumbnail = row.avatar.get_thumbnail(THUMBNAIL).name
    (media / thumbnail).unlink()
    lose(row)
    sweep(delete=True, **ALL)
    assert not Source.objects.exists()
    assert not Thumbnail.objects.exists()


def test_books_are_read_in_batches(monkeypatch):
    monkeypatch.setattr(thumbnails, "CHUNK", 1)
    row = team()
    made = {row.avatar.get_thumbnail({"size": (side, 5)}).name for side in (6, 7, 8)}
    hashes = thumbnails.hashes_of(storages["default"])
    assert {name for name, _ in thumbnails.recorded(hashes)} == made
    assert thumbnails.sources_of(made) == dict.fromkeys(made, column(row))


def test_masters_and_renditions_in_storages_of_their_own(media, files, tmp_path):
    kept, lost = (Pet.objects.create(portrait=upload()) for _ in range(2))
    key = lose(lost, attname="portrait")
    out, _ = sweep(delete=True, **ALL)
    assert listed(out) == {f"Deleted {key}" for key in files_of(key)}
    name = Name.parse(column(kept, "portrait"))
    assert name is not None
    assert files() == {str(name)}
    folder = tmp_path / "renditions"
    assert {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()} == set(
        name.renditions
    )


def test_every_storage_once(settings, tmp_path):
    settings.AVATAR_KIT = {"SIZES": (16,), "RENDITION_STORAGE": "renditions"}
    assert [place.title for place in sweeping.locations_to_sweep()] == [
        "“default”",
        "“renditions”",
    ]
    settings.STORAGES = {
        **settings.STORAGES,
        # The same folder by another name.
        "easy_thumbnails": {"BACKEND": "easy_thumbnails.storage.ThumbnailFileSystemStorage"},
    }
    settings.AVATAR_KIT = {"SIZES": (16,)}
    titles = [location.title for location in sweeping.locations_to_sweep()]
    assert titles == ["“default”", "FileSystemStorage of testapp.Pet.portrait"]


def test_a_storage_that_is_no_folder(settings):
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    }
    kept, lost = team(), lose(team())
    out, _ = sweep(delete=True, **ALL)
    assert listed(out) == {f"Deleted {key}" for key in files_of(lost)}
    assert {file.key for file in walk(storages["default"])} == files_of(column(kept))


def test_all_columns_of_all_databases_are_asked(files):
    there = team(using="other")
    stock, lost = team(), team()
    # A stock field that was given the name of an avatar.
    photo = Bare.objects.create(photo=lose(stock))
    key = lose(lost)
    sweep(delete=True, **ALL)
    assert files() == files_of(column(there)) | files_of(photo.photo.name)
    assert key not in files()
    Bare.objects.filter(pk=photo.pk).delete()


def test_a_database_without_the_table_is_not_asked(monkeypatch):
    introspection = connections["other"].introspection
    monkeypatch.setattr(introspection, "table_names", lambda include_views: ["testapp_team"])
    asked = {(using, field.model) for using, field in tables.all_file_columns()}
    assert ("other", Team) in asked
    assert ("other", Channel) not in asked
    assert ("default", Channel) in asked


def test_a_copy_in_another_folder_stays_as_long_as_its_row(media, files):
    kept, lost = team(), lose(team())
    for key in files():
        put(media, f"backup/{key}")
    sweep(delete=True, **ALL)
    needed = files_of(column(kept))
    assert files() == needed | {f"backup/{key}" for key in needed}
    assert lost not in files()


def test_batches_keep_a_family_together(monkeypatch, files):
    monkeypatch.setattr(sweeping, "BATCH", 2)
    monkeypatch.setattr(references, "CHUNK", 2)
    kept = [team() for _ in range(3)]
    lost = [lose(team()) for _ in range(3)]
    asked: list[Any] = []
    original = references.beginning_in

    def beginning_in(places: Any, beginnings: Any) -> set[str]:
        asked.append(beginnings)
        return original(places, beginnings)

    monkeypatch.setattr(references, "beginning_in", beginning_in)
    sweep(delete=True, **ALL)
    assert files() == set().union(*(files_of(column(row)) for row in kept))
    # No table was scanned for the sake of what its master answers for.
    tokens = {name.token for key in lost if (name := Name.parse(key))}
    assert {beginning.rpartition("/")[2] for some in asked for beginning in some} == tokens


# --- defaults --------------------------------------------------------------------------------


def test_a_default_is_never_deleted(monkeypatch, media, files):
    key = lose(team())
    monkeypatch.setattr(Channel._meta.get_field("badge"), "default", key)
    put(media, "defaults/badge.png")
    sweep(delete=True, **ALL)
    assert files() == files_of(key) | {"defaults/badge.png"}


def test_a_default_is_not_foreign(monkeypatch, media, files):
    badge = put(media, "defaults/badge.png", make_image((60, 40), format="png"))
    thumbnail = get_thumbnailer(storages["default"], badge).get_thumbnail({"size": (9, 9)}).name
    cruft = put(media, "defaults/cruft.png")
    sweep(delete=True, foreign=True, prefix="defaults", **ALL)
    assert files() == {badge, thumbnail}
    assert cruft not in files()


@pytest.fixture(autouse=True)
def one_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """What guests have is the business of the tests that say so."""
    for attname in ("avatar", "cover"):
        field = Guest._meta.get_field(attname)
        monkeypatch.setattr(field, "default", models.NOT_PROVIDED)
        monkeypatch.setattr(field, "db_default", models.NOT_PROVIDED)
        monkeypatch.setitem(field.__dict__, "_get_default", str)


def choose(monkeypatch: pytest.MonkeyPatch, model: Any, attname: str) -> None:
    """A default chosen anew for each row, out of several."""
    several = cycle(["stock/1.png", "stock/2.png"])
    field = model._meta.get_field(attname)
    monkeypatch.setattr(field, "default", partial(next, several))
    # Django keeps what it once found out of it.
    monkeypatch.setitem(field.__dict__, "_get_default", field.default)


@pytest.mark.parametrize(("model", "attname"), [(Channel, "badge"), (Bare, "photo")])
def test_a_default_that_is_chosen_anew_may_be_any_file(monkeypatch, media, files, model, attname):
    choose(monkeypatch, model, attname)
    stock = {put(media, f"stock/{number}.png") for number in (1, 2, 3)}
    lost = lose(team())
    with pytest.raises(CommandError) as caught:
        sweep(delete=True, foreign=True, prefix="stock", **ALL)
    assert str(caught.value) == (
        "The storage “default” cannot be swept with --foreign: the default of "
        f"{model._meta.label}.{attname} is chosen anew for each row, so that any file may be one. "
        "Without --foreign, what the kit has named is swept."
    )
    assert files() == stock | files_of(lost)
    sweep(delete=True, **ALL)
    assert files() == stock


@pytest.mark.parametrize(("inner", "outer"), [("media/stock", "media"), ("media", ".")])
def test_a_default_in_a_storage_around_or_inside(monkeypatch, media, tmp_path, inner, outer):
    choose(monkeypatch, Bare, "photo")
    key = put(media, "stock/1.png")
    place = FileSystemStorage(tmp_path / (inner if outer == "media" else outer))
    monkeypatch.setattr(Bare._meta.get_field("photo"), "storage", place)
    with pytest.raises(CommandError, match=r"“default” cannot be swept with --foreign: .*\.Bare"):
        sweep(delete=True, foreign=True, prefix="stock", **ALL)
    assert (media / key).exists()


class Bucket(Storage):
    """Two of them may be the same, for all that anybody can tell."""


def test_a_default_in_what_may_be_the_same_bucket():
    folder = storages["default"]
    assert locations.may_share(Bucket(), Bucket())
    assert not locations.may_share(Bucket(), folder)
    assert not locations.may_share(storages["renditions"], folder)


def test_a_default_chosen_anew_in_another_storage(monkeypatch, media, files, tmp_path):
    """Its thumbnails may be here."""
    choose(monkeypatch, Bare, "photo")
    elsewhere = FileSystemStorage(tmp_path / "stock")
    monkeypatch.setattr(Bare._meta.get_field("photo"), "storage", elsewhere)
    put(media, "photos/cruft.jpg")
    book = Source.objects.create(name="stock/3.png", storage_hash="elsewhere")
    thumbnail = put(media, "photos/thumbnail.jpg")
    book.thumbnails.create(name=thumbnail, storage_hash="here")
    row = team()
    lose(row)
    own = Source.objects.create(name=column(team()), storage_hash="elsewhere")
    own.thumbnails.create(name=put(media, "photos/own.jpg"), storage_hash="here")
    gone = Source.objects.create(name=upload_name(), storage_hash="elsewhere")
    gone.thumbnails.create(name=put(media, "photos/gone.jpg"), storage_hash="here")
    sweep(delete=True, foreign=True, prefix="photos", **ALL)
    assert {key for key in files() if key.startswith("photos")} == {thumbnail, "photos/own.jpg"}


def upload_name() -> str:
    """The name of an avatar that there never was."""
    return str(
        Name(
            *random_ids(),
            width=6,
            height=6,
            sizes=(6,),
            formats=("webp",),
            crop=None,
            fit="cover",
            color="000000",
            ext="jpg",
        )
    )


class DefaultedByDatabase(models.Model):
    avatar = AvatarField(db_default="defaults/db.png")
    other = AvatarField(db_default=Lower(models.Value("A")))

    class Meta:
        app_label = "elsewhere"
        managed = False


def test_what_a_default_is():
    def default_of(model: Any, name: str) -> str:
        return columns.default_of(model._meta.get_field(name))

    assert default_of(DefaultedByDatabase, "avatar") == "defaults/db.png"
    # Only the database could tell.
    assert default_of(DefaultedByDatabase, "other") == ""
    assert default_of(Channel, "badge") == "defaults/badge.png"
    assert default_of(Channel, "avatar") == ""


# --- a storage inside another ----------------------------------------------------------------


@pytest.fixture
def inner(settings, media) -> FileSystemStorage:
    """Renditions of portraits go where the avatars of teams are."""
    settings.STORAGES = {
        **settings.STORAGES,
        "renditions": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(media / "avatars"), "base_url": "/media/avatars/"},
        },
    }
    place = storages["renditions"]
    assert isinstance(place, FileSystemStorage)
    return place


def all_files(row: Pet) -> set[str]:
    name = Name.parse(column(row, "portrait"))
    assert name is not None
    return {str(name), *(f"avatars/{key}" for key in name.renditions)}


def test_a_storage_inside_another(inner, media, files):
    kept, lost = (Pet.objects.create(portrait=upload()) for _ in range(2))
    needed = files_of(column(team())) | all_files(kept)
    cruft = all_files(lost) | files_of(lose(team()))
    lose(lost, attname="portrait")
    name = Name.parse(column(kept, "portrait"))
    assert name is not None
    cruft.add(put(media, f"avatars/{name.rendition(99, 'webp')}"))
    assert files() == needed | cruft
    out, _ = sweep(delete=True, **ALL)
    assert "“default” with FileSystemStorage of testapp.Pet.portrait in it: 13 avatar" in out
    assert listed(out) == {f"Deleted {key}" for key in cruft}
    assert files() == needed


def test_a_storage_inside_another_by_a_link(inner, media, tmp_path):
    (tmp_path / "link").symlink_to(media / "avatars")
    linked = FileSystemStorage(tmp_path / "link")
    (tmp_path / "far").mkdir()
    (media / "far").symlink_to(tmp_path / "far")
    place = storages["default"]
    assert locations.folder_in(linked, place) == "avatars/"
    assert locations.folder_in(linked, inner) == ""
    assert locations.folder_in(place, linked) is None
    assert locations.folder_in(FileSystemStorage(media / "far"), place) == "far/"


def test_foreign_files_of_a_storage_inside_another(monkeypatch, inner, media, files):
    monkeypatch.setattr(Bare._meta.get_field("photo"), "storage", inner)
    photo = put(media, "avatars/photos/new.jpg", make_image((60, 40)))
    old = put(media, "avatars/photos/old.jpg", make_image((60, 40)))
    row = Bare.objects.create(photo="photos/new.jpg")
    made = {
        key: get_thumbnailer(inner, key).get_thumbnail({"size": (9, 9)}).name
        for key in ("photos/new.jpg", "photos/old.jpg")
    }
    # Its thumbnails go to the default storage, or stay beside it.
    before = files()
    sweep(delete=True, foreign=True, prefix="avatars", **ALL)
    assert before - files() == {old, *before & {f"avatars/{made['photos/old.jpg']}"}}
    assert photo in files()
    Bare.objects.filter(pk=row.pk).delete()


def test_foreign_files_of_a_storage_around(monkeypatch, media, files, tmp_path):
    monkeypatch.setattr(Bare._meta.get_field("photo"), "storage", FileSystemStorage(tmp_path))
    photo, old = put(media, "photos/new.jpg"), put(media, "photos/old.jpg")
    row = Bare.objects.create(photo=f"media/{photo}")
    sweep(delete=True, foreign=True, prefix="photos", **ALL)
    assert files() == {photo}
    assert old not in files()
    Bare.objects.filter(pk=row.pk).delete()


@pytest.mark.parametrize("subdir", ["", "t"])
def test_books_of_a_storage_inside_another(settings, monkeypatch, inner, files, subdir):
    settings.THUMBNAIL_SUBDIR = subdir
    monkeypatch.setattr(Team._meta.get_field("avatar"), "storage", inner)
    monkeypatch.setattr(Team._meta.get_field("avatar"), "thumbnail_storage", inner)
    kept, lost = team(), team()
    made = {row.pk: row.avatar.get_thumbnail(THUMBNAIL).name for row in (kept, lost)}
    lose(lost)
    sweep(delete=True, **ALL)
    stays = {*files_of(column(kept)), made[kept.pk]}
    assert files() == {f"avatars/{key}" for key in stays if f"avatars/{key}" in files()} | (
        files() & files_of(column(kept))
    )
    assert f"avatars/{made[kept.pk]}" in files()
    assert set(Source.objects.values_list("name", flat=True)) == {column(kept)}
    assert set(Thumbnail.objects.values_list("name", flat=True)) == {made[kept.pk]}


# --- a token in any folder -------------------------------------------------------------------


@pytest.mark.parametrize("value", ["elsewhere/{}", "https://example.org/{}?v=1", "x{}"])
def test_a_token_that_is_held_in_any_folder(media, files, value):
    """Two storages of one bucket, for one, of which nobody can tell that they are."""
    row, lost = team(), lose(team())
    key = column(row)
    lose(row, value.format(key))
    sweep(delete=True, **ALL)
    assert files() == files_of(key)
    assert lost not in files()


def test_a_name_that_cannot_be_read_needs_everything(files):
    """Of a version of the kit to come, for one."""
    row = team()
    key = column(row)
    lose(row, key.replace("-k1-", "-k2-"))
    sweep(delete=True, **ALL)
    assert files() == files_of(key)


def test_a_folder_linked_to_another(media, files):
    kept = team()
    (media / "link").symlink_to(media / "avatars")
    sweep(delete=True, **ALL)
    assert {key for key in files() if key.startswith("avatars")} == files_of(column(kept))


# --- age -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "old"),
    [
        ("1h", True),
        ("30m", True),
        ("2h", False),
        ("1d", False),
        ("3600", True),
        (7200, False),
        ("0.5h", True),
        ("90S", True),
        (timedelta(hours=2), False),
    ],
)
def test_min_age(media, files, given, old):
    lose(team())
    age(media, hours=1.5)
    sweep(delete=True, min_age=given, max_percent=100)
    assert (files() == set()) is old


def test_an_hour_by_default(media, files):
    lost = lose(team())
    sweep(delete=True, max_percent=100)
    assert files() == files_of(lost)
    age(media, hours=0.9)
    sweep(delete=True, max_percent=100)
    assert files() == files_of(lost)
    age(media, hours=1.1)
    sweep(delete=True, max_percent=100)
    assert files() == set()


@pytest.mark.parametrize("zone", [True, False])
def test_naive_times(settings, monkeypatch, media, files, zone):
    settings.USE_TZ = zone
    settings.TIME_ZONE = "Asia/Tokyo"
    lose(team())

    def written(self: Any, name: str) -> datetime:
        moment = datetime.now(tz=timezone.utc) - timedelta(minutes=30)
        return moment.astimezone(timezone(timedelta(hours=9))).replace(tzinfo=None)

    monkeypatch.setattr(type(storages["default"]), "get_modified_time", written)
    sweep(delete=True, min_age="31m", max_percent=100)
    assert files()
    sweep(delete=True, min_age="29m", max_percent=100)
    assert not files()


@pytest.mark.parametrize("given", ["soon", "-1", "1w", ""])
def test_no_age(given):
    with pytest.raises(CommandError, match=f"“{given}” is no age"):
        sweep(min_age=given)


# --- the brake -------------------------------------------------------------------------------


def test_it_refuses_to_delete_much(media, files, tmp_path):
    pet = Pet.objects.create(portrait=upload())
    lose(team())
    for _ in range(2):
        team()
    name = Name.parse(column(pet, "portrait"))
    assert name is not None
    elsewhere = tmp_path / "renditions"
    (elsewhere / name.rendition(16, "webp")).rename(elsewhere / name.rendition(99, "webp"))
    before = files()
    with pytest.raises(CommandError, match=r"^3 of 10 files in “default” are 30 %, more than"):
        sweep(delete=True, min_age=0)
    # Of one storage less would go, but what is wrong with the other is not known.
    with pytest.raises(CommandError, match=r"^1 of 2 files in .* are 50 %, more than"):
        sweep(delete=True, min_age=0, max_percent=30)
    assert files() == before
    sweep(delete=True, min_age=0, max_percent="50")
    assert len(files()) == 7


@pytest.mark.parametrize("given", ["all", -1, 101])
def test_no_percentage(given):
    with pytest.raises(CommandError, match=f"“{given}” is no percentage"):
        sweep(max_percent=given)


def test_a_site_that_deletes_nothing(settings, files):
    lost = lose(team())
    settings.AVATAR_KIT = {"SIZES": (16, 32), "DELETE_FILES": False}
    with pytest.raises(CommandError, match=r"^AVATAR_KIT\['DELETE_FILES'\] is False"):
        sweep(delete=True, **ALL)
    assert files() == files_of(lost)
    assert listed(sweep(**ALL)[0]) == files_of(lost)


# --- foreign files ---------------------------------------------------------------------------


def test_foreign_files(media, files):
    """Rounds 2 and 3: what was left behind before anybody cleaned up."""
    photo = put(media, "photos/new.jpg", make_image((60, 40)))
    old = put(media, "photos/old.jpg", make_image((60, 40)))
    made = {
        key: get_thumbnailer(storages["default"], key).get_thumbnail({"size": (9, 9)}).name
        for key in (photo, old)
    }
    row = Bare.objects.create(photo=photo)
    beside = put(media, "documents/deed.pdf")
    kept, lost = team(), lose(team())
    sweep(delete=True, foreign=True, prefix="/photos/", **ALL)
    stays = {photo, made[photo], beside} | files_of(column(kept))
    assert files() == stays | files_of(lost)
    assert Source.objects.get().name == photo
    out, _ = sweep(foreign=True, prefix="avatars", **ALL)
    assert listed(out) == files_of(lost)
    assert "6 files, 3 of them" in out
    Bare.objects.filter(pk=row.pk).delete()


def test_the_thumbnail_of_an_avatar_is_not_foreign(settings, media, files):
    settings.THUMBNAIL_SUBDIR = "t"
    kept, lost = team(), team()
    made = {row.pk: row.avatar.get_thumbnail(THUMBNAIL).name for row in (kept, lost)}
    lose(lost)
    sweep(delete=True, foreign=True, prefix="avatars", **ALL)
    assert files() == files_of(column(kept)) | {made[kept.pk]}


def test_a_foreign_file_that_is_uploaded_once_more_stays(monkeypatch, media, files):
    key = put(media, "photos/me.jpg")
    age(media, hours=2)
    original = sweeping.Sweep.delete

    def delete(self: sweeping.Sweep) -> Any:
        put(media, key, b"new")
        return original(self)

    monkeypatch.setattr(sweeping.Sweep, "delete", delete)
    sweep(delete=True, foreign=True, prefix="photos", max_percent=100)
    assert files() == {key}


def test_foreign_needs_a_prefix():
    for prefix in ("", "/", "./"):
        with pytest.raises(CommandError, match=r"^--foreign needs a --prefix"):
            sweep(foreign=True, prefix=prefix)
    with pytest.raises(CommandError, match=r"^“a/../..” leads out of the storage"):
        sweep(foreign=True, prefix="a/../..")


def test_a_prefix_limits_the_search(files):
    lose(team())
    pet = Pet.objects.create(avatar=upload(), name="bo")
    key = lose(pet)
    out, _ = sweep(prefix="pets/bo", min_age=0)
    assert listed(out) == files_of(key)


# --- races -----------------------------------------------------------------------------------


def test_a_row_that_comes_in_between(monkeypatch, files):
    row, lost = team(), lose(team())
    key = lose(row)
    original = sweeping.Sweep.delete

    def delete(self: sweeping.Sweep) -> Any:
        lose(row, key)
        return original(self)

    monkeypatch.setattr(sweeping.Sweep, "delete", delete)
    out, _ = sweep(delete=True, **ALL)
    assert listed(out) == {f"Deleted {key}" for key in files_of(lost)}
    assert files() == files_of(column(row))


@pytest.mark.parametrize("method", ["get_modified_time", "size"])
def test_a_file_that_goes_in_between(monkeypatch, media, files, method):
    lost = lose(team())
    backend = type(storages["default"])
    original = getattr(backend, method)

    def gone(self: Any, name: str) -> Any:
        (media / name).unlink(missing_ok=True)
        return original(self, name)

    monkeypatch.setattr(backend, method, gone)
    out, err = sweep(delete=True, min_age="0" if method == "size" else "1s")
    assert listed(out) == set()
    assert err == ""
    assert lost not in files()


def test_an_upload_in_flight(monkeypatch, files):
    """Its files are there, its row is not, when the storage is listed and judged."""
    row = Team()
    original = sweeping.Sweep.find

    def find(self: sweeping.Sweep, **options: Any) -> Any:
        if row.pk is None:
            row.avatar = upload()
            row.save()
            lose(row)
        return original(self, **options)

    monkeypatch.setattr(sweeping.Sweep, "find", find)
    sweep(delete=True, max_percent=100)
    assert len(files()) == 3


def test_killed_half_way_and_run_again(monkeypatch, media, files):
    kept = team()
    for _ in range(3):
        lose(team())
    monkeypatch.setattr(sweeping, "BATCH", 4)
    backend = type(storages["default"])
    original = backend.delete
    calls = 0

    def killed(self: Any, name: str) -> None:
        nonlocal calls
        calls += 1
        if calls == 6:
            raise KeyboardInterrupt
        original(self, name)

    with monkeypatch.context() as patch:
        patch.setattr(backend, "delete", killed)
        with pytest.raises(KeyboardInterrupt):
            sweep(delete=True, **ALL)
    assert len(files()) == 12 - 5
    assert files() > files_of(column(kept))
    sweep(delete=True, **ALL)
    assert files() == files_of(column(kept))


# --- bad weather -----------------------------------------------------------------------------


def test_a_failed_deletion(monkeypatch, files, caplog):
    lost = lose(team())
    thumbnail = Source.objects.create(name=lost, storage_hash="elsewhere")
    backend = type(storages["default"])
    original = backend.delete

    def fail(self: Any, name: str) -> None:
        if name == lost:
            raise PermissionError(13, "Permission denied")
        original(self, name)

    monkeypatch.setattr(backend, "delete", fail)
    with pytest.raises(CommandError, match=r"^1 file in “default” could not be judged or del"):
        sweep(delete=True, **ALL)
    assert files() == {lost}
    assert f"Could not delete “{lost}”" in caplog.text
    thumbnail.delete()


def test_a_file_that_cannot_be_judged(monkeypatch, files, caplog):
    lost = lose(team())
    backend = type(storages["default"])
    original = backend.get_modified_time

    def fail(self: Any, name: str) -> Any:
        if name == lost:
            raise PermissionError(13, "Permission denied")
        return original(self, name)

    monkeypatch.setattr(backend, "get_modified_time", fail)
    with pytest.raises(CommandError, match="1 file in “default” could not be judged"):
        sweep(delete=True, min_age="0.0001s", max_percent=100)
    assert files() == {lost}
    assert f"Could not ask for the age of “{lost}”" in caplog.text


class Mute(FileSystemStorage):
    """A storage with as little as Django asks of one."""

    def listdir(self, path: str) -> Any:
        raise NotImplementedError

    get_modified_time = size = listdir


def use(settings: Any, monkeypatch: pytest.MonkeyPatch, **methods: Callable[..., Any]) -> None:
    for name, method in methods.items():
        monkeypatch.setattr(Mute, name, method)
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {"BACKEND": "tests.maintenance.test_avatar_sweep.Mute"},
    }


def test_a_storage_that_cannot_list(settings, monkeypatch, media, tmp_path):
    use(settings, monkeypatch)
    pet = Pet.objects.create(portrait=upload())
    lose(pet, attname="portrait")
    with pytest.raises(CommandError) as caught:
        sweep(delete=True, **ALL)
    assert str(caught.value) == (
        "The storage “default” cannot be swept: it cannot list its files (listdir() is not "
        "implemented)."
    )
    # The other one can.
    assert not [p for p in (tmp_path / "renditions").rglob("*") if p.is_file()]


def test_a_storage_that_does_not_tell_the_time(settings, monkeypatch, files):
    use(settings, monkeypatch, listdir=FileSystemStorage.listdir)
    lost = lose(team())
    with pytest.raises(CommandError) as caught:
        sweep(delete=True, max_percent=100)
    assert str(caught.value) == (
        "The storage “default” cannot be swept: it does not tell when a file was written "
        "(get_modified_time() is not implemented). --min-age 0 does not ask; use it while nobody "
        "uploads."
    )
    assert files() == files_of(lost)
    out, _ = sweep(delete=True, **ALL)
    # Nor how large it was.
    assert f"Deleted {lost} (0 bytes)" in out
    assert files() == set()


def test_a_storage_that_fails(settings, monkeypatch, files, caplog):
    def fail(self: Any, path: str) -> Any:
        if path:
            raise ConnectionError("nobody answers")
        return FileSystemStorage.listdir(self, path)

    use(settings, monkeypatch, listdir=fail)
    lost = lose(team())
    with pytest.raises(CommandError, match="“default” could not be listed: nobody answers"):
        sweep(delete=True, **ALL)
    assert files() == files_of(lost)
    assert "Could not list “default”" in caplog.text


def test_a_folder_that_cannot_be_read_is_left_out(monkeypatch, media, files, caplog):
    put(media, "lost+found/x")
    lose(team())
    backend = type(storages["default"])
    original = backend.listdir

    def listdir(self: Any, path: str) -> Any:
        if path == "lost+found/":
            raise PermissionError(13, "Permission denied")
        return original(self, path)

    monkeypatch.setattr(backend, "listdir", listdir)
    sweep(delete=True, **ALL)
    assert files() == {"lost+found/x"}
    assert "Cannot look into “lost+found/”" in caplog.text


def test_the_order_of_a_listing(media):
    for key in ("b/2", "b/1", "a/z/1", "a/y", "c"):
        put(media, key)
    place: Storage = storages["default"]
    assert [file.key for file in walk(place)] == ["c", "a/y", "a/z/1", "b/1", "b/2"]


def test_what_is_kept_for_the_second_step_is_on_disk(media):
    lost = lose(team())
    place = sweeping.locations_to_sweep()[0]
    found = sweeping.Sweep(place, min_age=timedelta(0))
    assert {file.key for file in found.find()} == files_of(lost)
    found._found.seek(0)
    assert len([json.loads(line) for line in found._found]) == 3
    assert found.percent == 100
    found.close()


def test_a_bar_counts_what_was_judged(monkeypatch):
    counts: list[int] = []
    monkeypatch.setattr(Progress, "step", lambda self, count=1: counts.append(count))
    team()
    sweep()
    assert counts == [3]


def test_units():
    assert avatar_sweep._age("2d") == timedelta(days=2)
