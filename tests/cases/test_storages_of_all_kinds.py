"""Case E5: storages that list, delete and fail in ways of their own."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest
from django.core.files.storage import InMemoryStorage, storages
from django.core.management import CommandError, call_command
from django.db import models

from django_avatar_kit.exceptions import StorageError
from django_avatar_kit.maintenance import build as building
from django_avatar_kit.maintenance import doctor
from django_avatar_kit.storage import base as storage
from django_avatar_kit.test import settle
from tests.support.lifecycle import column, files_of, fresh, upload
from tests.support.sweep import ALL, Memory, keys, lose, sweep, team, there
from tests.support.time_limits import SoftTimeLimit
from tests.testapp.models import Team

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "other"]),
    pytest.mark.usefixtures("small"),
]


class Gone(Exception):  # noqa: N818
    """As azure-core raises it for a missing file: with the status as an attribute."""

    status_code = 404


class Whole(Memory):
    """Lists like Azure's storage: every file, by its full name in the container."""

    folders = False
    before = ""

    def __init__(self, location: str = "") -> None:
        super().__init__()
        self.location = location
        self.asked: list[str] = []
        self.outside: list[str] = []

    def _prefix(self) -> str:
        return f"{self.location.strip('/')}/" if self.location else ""

    def _all(self) -> list[str]:
        def below(folder: str) -> Iterator[str]:
            folders, files = InMemoryStorage.listdir(self, folder)
            yield from (f"{folder}{name}" for name in files)
            for name in folders:
                yield from below(f"{folder}{name}/")

        return [*self.outside, *(f"{self._prefix()}{key}" for key in below(""))]

    def listdir(self, path: str) -> Any:
        self.asked.append(path)
        beginning = f"{self._prefix()}{path}" if path else ""
        found = [key for key in self._all() if key.startswith(beginning)]
        return [], [f"{self.before}{key}" for key in found]


class Keys(Whole):
    """Like ``Whole``, without the location."""

    def listdir(self, path: str) -> Any:
        self.asked.append(path)
        found = [key.removeprefix(self._prefix()) for key in self._all()]
        folders = {f"{key.rpartition('/')[0]}/" for key in found if "/" in key}
        return sorted(folders), [f"{self.before}{key}" for key in found if key.startswith(path)]


class Slashed(Memory):
    """Lists bare names, with the slashes and dots that some storages add to them."""

    def listdir(self, path: str) -> Any:
        folders, files = super().listdir(path)
        names = [*(name.encode() for name in files), b".", "", "./"]
        return [*(f"/{name}/" for name in folders), "./", "..", "/"], [
            name if isinstance(name, str) else b"./" + name for name in names
        ]


class Below(Memory):
    """Lists full names for what is below the folder, for folders as well."""

    def listdir(self, path: str) -> Any:
        folders, files = super().listdir(path)
        deeper = [
            f"{folder}/{name}"
            for folder in folders
            for name in super(Below, self).listdir(f"{path}{folder}")[1]
        ]
        return [f"{path}{name}/" for name in folders] + ([path] if path else []), [*files, *deeper]


class FTPStorageException(Exception):  # noqa: N818
    """As django-storages' FTP storage raises it for every failure."""

    __module__ = "storages.backends.ftp"


class Raising(Memory):
    """Raises an error for a missing folder, as some object storages do."""

    error: Any = Gone("no such folder")

    def listdir(self, path: str) -> Any:
        if not self.exists(path):
            raise self.error
        return super().listdir(path)


PLACES = {
    "whole": (Whole, {}),
    "whole, location": (Whole, {"location": "media"}),
    "whole, location of two": (Whole, {"location": "/a/media/"}),
    "keys": (Keys, {}),
    "keys, location": (Keys, {"location": "media"}),
    "keys, location like the folder": (Keys, {"location": "avatars"}),
    "slashed": (Slashed, {}),
    "below": (Below, {}),
    "raising": (Raising, {}),
}


@pytest.fixture(params=PLACES)
def place(request: Any, settings: Any) -> Any:
    backend, options = PLACES[request.param]
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {"BACKEND": f"{__name__}.{backend.__name__}", "OPTIONS": options},
    }
    return storages["default"]


def test_e5_the_sweep_finds_and_deletes_orphans_and_leaves_the_rest(place):
    kept, lost = team(), lose(team())
    listed = [file.key for file in storage.adapter_of(place).walk()]
    assert len(listed) == len(set(listed)) == 6
    out, _err = sweep(**ALL)
    assert {line.split(" ")[0] for line in out.splitlines() if "no row holds" in line} == (
        files_of(lost)
    )
    out, _ = sweep(delete=True, prefix="avatars", **ALL)
    assert out.count("Deleted ") == 3
    assert there(place) == files_of(column(kept))


def test_e5_age_and_size_are_asked_for_by_keys_that_the_storage_knows(place):
    lose(team())
    out, _err = sweep(min_age="0.0001s", max_percent=100)
    assert out.count("no row holds its avatar") == 3
    assert "(0 bytes)" not in out.partition("FileSystemStorage")[0]


def test_e5_the_doctor_finds_what_it_has_written(place):
    out = io.StringIO()
    call_command("avatar_doctor", stdout=out, stderr=io.StringIO())
    assert "ok       list          it is there" in out.getvalue()
    assert "failure" not in out.getvalue().replace("0 failures", "")


def test_e5_a_folder_in_which_nothing_was_ever_stored(place):
    assert keys(place) == keys(place, "nowhere/") == set()


def test_e5_an_avatar_is_built_copied_and_replaced(place, settings, tmp_path):
    place.save("old/me.png", upload())
    row = Team.objects.create()
    plain = models.Value("old/me.png", output_field=models.CharField())
    models.QuerySet(Team).filter(pk=row.pk).update(avatar=plain)
    call_command("avatar_build", verbosity=0)
    assert there(place) == files_of(column(row))
    call_command("avatar_copy", "--from", "default", "--to", "renditions", verbosity=0)
    assert keys(storages["renditions"]) == files_of(column(row))
    row = fresh(row)
    row.avatar = upload("red")
    row.save()
    settle()
    assert there(place) == files_of(column(row))


def test_e5_a_location_that_is_no_path(monkeypatch):
    place: Any = Below()
    place.location = 5
    monkeypatch.setattr(Below, "listdir", lambda self, path: ([], ["avatars/x"]))
    assert keys(place) == {"avatars/x"}


def test_e5_what_lies_beside_the_location_is_left_out(settings):
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {"BACKEND": f"{__name__}.Whole", "OPTIONS": {"location": "media"}},
    }
    place: Any = storages["default"]
    place.outside = ["other/x", "mediator/x"]
    # Files beside the location are left out of an empty storage, too.
    assert keys(place) == set()
    row = team()
    place.outside += [f"other/{key}" for key in files_of(column(row))]
    place.outside += ["media//x", "media/./y", "media/../z"]
    assert keys(place) == files_of(column(row))
    lose(row)
    sweep(delete=True, **ALL)
    assert there(place) == set()


def test_e5_a_file_that_goes_while_it_is_looked_for(settings, monkeypatch):
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": f"{__name__}.Whole"}}
    place: Any = storages["default"]
    place.location = "media"
    key = column(team())
    whole = [f"media/{each}" for each in sorted(files_of(key))]
    monkeypatch.setattr(Whole, "listdir", lambda self, path: ([], whole))
    place.delete(min(files_of(key)))
    assert keys(place) == files_of(key)
    for each in files_of(key):
        place.delete(each)
    assert keys(place) == files_of(key)


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError(),
        NotADirectoryError(),
        Gone(),
        type("NotFound", (Exception,), {})(),
        # These give no reason, so the storage is asked whether the folder is there.
        OSError("there is no folder"),
        KeyError("avatars"),
        FTPStorageException("Error getting listing for avatars"),
        type("ApiError", (Exception,), {"__module__": "dropbox.exceptions"})(),
    ],
)
def test_e5_a_missing_folder_however_it_is_told(monkeypatch, error):
    monkeypatch.setattr(Raising, "error", error)
    assert keys(Raising(), "avatars/") == set()


class Forbidden(Exception):  # noqa: N818
    __module__ = "google.api_core.exceptions"
    code = 403


@pytest.mark.parametrize("error", [OSError("busy"), FTPStorageException("busy"), KeyError("busy")])
def test_e5_a_folder_that_cannot_be_listed_is_none_that_is_missing(monkeypatch, error):
    place = Raising()
    place.save("avatars/x", upload())
    monkeypatch.setattr(Raising, "listdir", mock.Mock(side_effect=error))
    with pytest.raises(type(error), match="busy"):
        keys(place, "avatars/")


@pytest.mark.parametrize(
    "error", [Forbidden("no"), OSError(5, "no"), TimeoutError("no"), TypeError("no")]
)
def test_e5_a_folder_that_is_not_there_is_not_asked_for_where_the_storage_said_why(
    monkeypatch, error
):
    monkeypatch.setattr(Raising, "listdir", mock.Mock(side_effect=error))
    with pytest.raises(type(error), match="no"):
        keys(Raising(), "avatars/")


@pytest.mark.parametrize("deleted", [True, False])
def test_e5_a_deletion_that_fails_without_a_reason(monkeypatch, caplog, deleted):
    place = Raising()
    key = place.save("avatars/x", upload())
    if deleted:
        place.delete(key)
    failure = FTPStorageException("Error when removing avatars/x")
    monkeypatch.setattr(Raising, "delete", mock.Mock(side_effect=failure))
    assert storage.delete_all(place, [key]) == ([] if deleted else [key])
    assert bool(caplog.records) is not deleted
    # Asking the storage fails as well.
    monkeypatch.setattr(Raising, "exists", mock.Mock(side_effect=failure))
    assert storage.delete_all(place, [key]) == [key]
    monkeypatch.setattr(Raising, "exists", mock.Mock(side_effect=SoftTimeLimit))
    with pytest.raises(SoftTimeLimit):
        storage.delete_all(place, [key])


def test_e5_a_file_that_is_not_there_however_it_is_told(settings, monkeypatch):
    place = Raising()

    def fail(self: Any, name: str, *args: Any) -> Any:
        raise Gone("The specified blob does not exist.")

    for method in ("_open", "delete"):
        monkeypatch.setattr(Raising, method, fail)
    with pytest.raises(StorageError, match="“a/b” could not be read: there is no such file"):
        storage.read(place, "a/b")
    assert storage.delete_all(place, ["a/b"]) == []
    field: Any = SimpleNamespace(storage=place)
    with pytest.raises(StorageError, match="there is no such file"):
        building.adopt("a/b", field)
    with monkeypatch.context() as patch:
        patch.setattr(Raising, "_open", lambda *args: (_ for _ in ()).throw(OSError("busy")))
        with pytest.raises(StorageError, match="“a/b” could not be read: busy"):
            building.adopt("a/b", field)
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": f"{__name__}.Raising"}}
    lose(team())
    for method in ("size", "get_modified_time"):
        monkeypatch.setattr(Raising, method, fail)
    # Somebody else has deleted it a moment ago.
    out, _ = sweep(max_percent=100)
    assert "3 avatar files, 0 of them not needed" in out


class Lazily(Memory):
    """Lists as another kind of iterable than a list."""

    kind: Any = iter

    def listdir(self, path: str) -> Any:
        folders, files = super().listdir(path)
        return type(self).kind(folders), type(self).kind(files)


@pytest.fixture
def lazily(settings: Any) -> Any:
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": f"{__name__}.Lazily"}}
    return storages["default"]


@pytest.mark.parametrize(
    "kind", [iter, set, tuple, dict.fromkeys, lambda names: (name for name in names)]
)
def test_e5_a_listing_that_is_no_list(kind, lazily, monkeypatch):
    monkeypatch.setattr(Lazily, "kind", staticmethod(kind))
    kept, lost = team(), lose(team())
    assert keys(lazily) == files_of(column(kept)) | files_of(lost)
    sweep(delete=True, **ALL)
    assert there(lazily) == files_of(column(kept))
    out = io.StringIO()
    call_command("avatar_doctor", stdout=out, stderr=io.StringIO())
    assert "ok       list          it is there" in out.getvalue()


def test_e5_a_listing_that_fails_in_its_middle(lazily, monkeypatch):
    def cut_off(names: Any) -> Any:
        yield from names
        raise ConnectionError("nobody answers")

    monkeypatch.setattr(Lazily, "kind", staticmethod(cut_off))
    team()
    with pytest.raises(CommandError, match="“default” could not be listed: nobody answers"):
        sweep(**ALL)


@pytest.mark.parametrize("size", [None, 12.0, 0])
def test_e5_a_storage_that_does_not_know_the_size(size, place, monkeypatch):
    monkeypatch.setattr(type(place), "size", lambda self, name: size)
    lose(team())
    out, _err = sweep(delete=True, **ALL)
    assert out.count(f"({int(size or 0)} bytes)") >= 3
    assert there(place) == set()


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Make a folder of the default storage unreadable."""

    def close(folder: str) -> None:
        backend = type(storages["default"])
        original = backend.listdir

        def listdir(self: Any, path: str) -> Any:
            if path.rstrip("/") == folder:
                raise PermissionError(13, "Permission denied")
            return original(self, path)

        monkeypatch.setattr(backend, "listdir", listdir)

    return close


@pytest.mark.parametrize(("folder", "shown"), [("", "/"), ("avatars", "avatars/")])
def test_e5_a_folder_of_avatars_that_nobody_may_look_into(folder, shown, closed, files):
    lost = lose(team())
    closed(folder)
    with pytest.raises(CommandError) as caught:
        sweep(delete=True, **ALL)
    assert str(caught.value) == (
        f"The storage “default” could not be listed: nobody may look into its folder “{shown}” "
        "(Permission denied). Let the user that this process runs as read it."
    )
    assert files() == files_of(lost)
    (found,) = (
        finding
        for finding in doctor.examine(doctor.probed_storages()[0])
        if finding.what == "list"
    )
    assert found.level == "failure"
    assert found.found == (f"PermissionError: [Errno 13] Permission denied: {shown!r}")
    assert found.advice.startswith("Let the user that this process runs as read")


def test_e5_a_file_that_a_listing_leaves_out_is_not_listed(media):
    key = column(team())
    place = storages["default"]
    assert storage.adapter_of(place).is_listed(key)
    (media / key).unlink()
    assert not storage.adapter_of(place).is_listed(key)


def test_e5_the_folder_that_was_asked_for(closed):
    closed("photos")
    with pytest.raises(CommandError, match="nobody may look into its folder “photos/”"):
        sweep(prefix="photos", **ALL)


@pytest.mark.parametrize("folder", ["lost+found", "avatars/lost+found"])
def test_e5_any_other_folder_that_nobody_may_look_into_is_left_out(
    folder, closed, media, files, caplog
):
    kept, lost = team(), lose(team())
    (media / folder).mkdir()
    closed(folder)
    sweep(delete=True, **ALL)
    assert files() == files_of(column(kept))
    assert files_of(lost).isdisjoint(files())
    assert f"Cannot look into “{folder}/”" in caplog.text
