"""``avatar_sweep``: what is deleted when, and what else may go on or fail meanwhile."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from django.core.files.storage import FileSystemStorage, Storage, storages
from django.core.management import CommandError
from easy_thumbnails.models import Source

from django_avatar_kit.maintenance import sweep as sweeping
from django_avatar_kit.maintenance.progress import Progress
from django_avatar_kit.management.commands import avatar_sweep
from django_avatar_kit.names import Name
from django_avatar_kit.storage.base import adapter_of
from tests.support.lifecycle import column, files_of, upload
from tests.support.sweep import ALL, age, listed, lose, put, sweep, team
from tests.testapp.models import Pet, Team

pytestmark = [
    pytest.mark.lifecycle,
    pytest.mark.django_db(transaction=True, databases=["default", "other"]),
    pytest.mark.usefixtures("small", "one_default"),
]

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


def test_it_refuses_to_delete_much(media, files, renditions):
    pet = Pet.objects.create(portrait=upload())
    lose(team())
    for _ in range(2):
        team()
    name = Name.parse(column(pet, "portrait"))
    assert name is not None
    elsewhere = renditions
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


def test_a_size_that_is_no_number(monkeypatch, files, caplog):
    lost = lose(team())
    monkeypatch.setattr(type(storages["default"]), "size", lambda self, name: "-")
    with pytest.raises(CommandError, match="3 files in “default” could not be judged"):
        sweep(delete=True, **ALL)
    assert files() == files_of(lost)
    assert f"“{lost}”" in caplog.text


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


def test_a_storage_that_cannot_list(settings, monkeypatch, media, renditions):
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
    assert not [p for p in renditions.rglob("*") if p.is_file()]


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
    assert [file.key for file in adapter_of(place).walk()] == ["c", "a/y", "a/z/1", "b/1", "b/2"]


def test_what_is_kept_for_the_second_step_is_on_disk(media):
    lost = lose(team())
    place = sweeping.locations_to_sweep()[0]
    found = sweeping.Sweep(place, min_age=timedelta(0))
    assert {file.key for file in found.find()} == files_of(lost)
    found._found.seek(0)
    assert len([json.loads(line) for line in found._found]) == 3
    assert (found.found, found.seen) == (3, 3)
    found.close()


def test_a_bar_counts_what_was_judged(monkeypatch):
    counts: list[int] = []
    monkeypatch.setattr(Progress, "step", lambda self, count=1: counts.append(count))
    team()
    sweep()
    assert counts == [3]


def test_units():
    assert avatar_sweep._age("2d") == timedelta(days=2)
