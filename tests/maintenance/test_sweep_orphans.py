"""``avatar_sweep``: which files are orphans, in whichever storage and database."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.storage import FileSystemStorage, storages
from django.db import connections
from easy_thumbnails.models import Source, Thumbnail

from django_avatar_kit.columns import file_columns
from django_avatar_kit.lifecycle import references, tables, thumbnails
from django_avatar_kit.maintenance import locations
from django_avatar_kit.maintenance import sweep as sweeping
from django_avatar_kit.names import Name
from django_avatar_kit.storage.base import adapter_of
from tests.support.lifecycle import column, files_of, upload
from tests.support.sweep import ALL, THUMBNAIL, listed, lose, put, sweep, team
from tests.testapp.models import Bare, Channel, Pet, Team

pytestmark = [
    pytest.mark.lifecycle,
    pytest.mark.django_db(transaction=True, databases=["default", "other"]),
    pytest.mark.usefixtures("small", "one_default"),
]

# --- what it finds ---------------------------------------------------------------------------


def test_nothing_stored():
    out, err = sweep(delete=True)
    assert out == (
        "“default”: 0 avatar files, 0 of them not needed (0 bytes).\n"
        "FileSystemStorage of testapp.Pet.portrait: 0 avatar files, 0 of them not needed "
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
    assert f"“default”: 6 avatar files, 3 of them not needed ({total} bytes)." in out
    assert "Nothing was deleted. To delete them, add --delete." in out
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
    unlisted = put(media, name.rendition(99, "webp"))
    twin = put(media, str(name._replace(secret="0" * 16)))
    out, _ = sweep(delete=True, **ALL)
    assert f"Deleted {unlisted} (1 byte): its row does not list it" in out
    assert f"Deleted {twin} (1 byte): its row does not list it" in out
    assert files() == set(name.files)


def test_renditions_without_a_master(media, files):
    kept, lost = team(), team()
    for row in (kept, lost):
        (media / column(row)).unlink()
    lose(lost)
    sweep(delete=True, **ALL)
    assert files() == files_of(column(kept)) - {column(kept)}


def test_thumbnails_go_with_their_master_and_its_table_rows(media, files):
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


def test_a_thumbnail_that_is_recorded_twice_counts_once(media, files):
    """easy-thumbnails may know one storage by two hashes."""
    kept, lost = team(), lose(team())
    put(media, "thumbs/lost.jpg")
    hashes = thumbnails.hashes_of(storages["default"])
    assert len(hashes) == 2
    for each in hashes:
        source = Source.objects.create(storage_hash=each, name=lost)
        Thumbnail.objects.create(storage_hash=each, name="thumbs/lost.jpg", source=source)
    out, _ = sweep(delete=True, **ALL)
    assert "“default”: 7 avatar files, 4 of them not needed" in out
    assert files() == files_of(column(kept))


def test_a_table_row_whose_thumbnail_is_gone_goes(media, files):
    row = team()
    thumbnail = row.avatar.get_thumbnail(THUMBNAIL).name
    (media / thumbnail).unlink()
    lose(row)
    sweep(delete=True, **ALL)
    assert not Source.objects.exists()
    assert not Thumbnail.objects.exists()


def test_thumbnail_tables_are_read_in_batches(monkeypatch):
    monkeypatch.setattr(thumbnails, "CHUNK", 1)
    row = team()
    made = {row.avatar.get_thumbnail({"size": (side, 5)}).name for side in (6, 7, 8)}
    hashes = thumbnails.hashes_of(storages["default"])
    assert {name for name, _ in thumbnails.recorded(hashes)} == made
    assert thumbnails.sources_of(made) == dict.fromkeys(made, column(row))


def test_masters_and_renditions_in_storages_of_their_own(media, files, renditions):
    kept, lost = (Pet.objects.create(portrait=upload()) for _ in range(2))
    key = lose(lost, attname="portrait")
    out, _ = sweep(delete=True, **ALL)
    assert listed(out) == {f"Deleted {key}" for key in files_of(key)}
    name = Name.parse(column(kept, "portrait"))
    assert name is not None
    assert files() == {str(name)}
    folder = renditions
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
    assert {file.key for file in adapter_of(storages["default"]).walk()} == files_of(column(kept))


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
    asked = {(using, field.model) for using, field in tables.find(file_columns())[0]}
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


# --- a storage inside another ----------------------------------------------------------------


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


@pytest.mark.parametrize("subdir", ["", "t"])
def test_thumbnail_tables_of_a_storage_inside_another(settings, monkeypatch, inner, files, subdir):
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
