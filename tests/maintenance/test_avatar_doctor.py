"""``avatar_doctor``: what is wrong with a storage is a line that says what to do."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from django.core.files.storage import FileSystemStorage
from django.core.management import CommandError
from PIL import Image

from django_avatar_kit.maintenance import doctor_urls
from django_avatar_kit.maintenance.doctor import ProbedStorage, examine, probed_storages
from django_avatar_kit.maintenance.doctor_advice import Finding
from django_avatar_kit.management.commands.avatar_doctor import Command
from django_avatar_kit.names import group_of
from django_avatar_kit.test.isolation import RecordingStorage
from tests.support.doctoring import Memory, bad, doctor, field_in
from tests.testapp.models import Channel, Pet, Team

pytestmark = pytest.mark.usefixtures("no_proxy")


# --- the command --------------------------------------------------------------------------------


def test_all_is_well(media, files, storage):
    out = doctor()
    assert out.splitlines()[1] == "“default”: originals and renditions"
    assert "FileSystemStorage of testapp.Pet.portrait: renditions\n" in out
    assert out.endswith("0 failures, 0 warnings.\n")
    assert files() == set()
    ((_, key),) = (call for call in storage.calls if call[0] == "save")
    assert re.fullmatch(r"avatars/[0-9a-f]{2}/[0-9a-f]{32}\.1\.webp", key)
    # avatar_sweep would find it.
    assert group_of(key) is not None


def test_the_table_is_as_wide_as_the_terminal(only, monkeypatch):
    monkeypatch.setenv("COLUMNS", "90")
    lines = doctor().splitlines()
    assert max(map(len, lines)) <= 90
    assert lines[0] == "         what          found                       what to do"
    row = next(line for line in lines if "read" in line)
    assert row == "ok       read          the same bytes"
    at = next(number for number, line in enumerate(lines) if "Give --base-url" in line)
    column = lines[0].index("what to do")
    assert lines[at][column:] == "Give --base-url http://host to have it"
    # What does not fit goes on in the same column.
    assert lines[at + 1][:column].strip() != ""
    assert lines[at + 1][column:] == "fetched from there."


def test_a_narrow_terminal(only, monkeypatch):
    monkeypatch.setenv("COLUMNS", "10")
    assert "ok       read          the same bytes\n" in doctor()


def test_a_failure_is_an_exit_code(only, settings):
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": f"{__name__}.Full"}}
    with pytest.raises(CommandError, match=r"^1 failure, 0 warnings\.$"):
        doctor()


def test_a_warning_is_none(only, settings):
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": f"{__name__}.Silent"}}
    assert doctor().endswith("0 failures, 1 warning.\n")


def test_quietly_only_what_is_wrong_is_told(settings, only):
    assert doctor(verbosity=0) == ""
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": f"{__name__}.Silent"}}
    title, line, *_ = doctor(verbosity=0).splitlines()
    assert title == "“default”: originals and renditions"
    assert line.startswith("warning  list          listdir() is not implemented")


@pytest.mark.parametrize("url", ["example.com", "/media/", "ftp://example.com"])
def test_a_base_url_that_is_none(url):
    with pytest.raises(CommandError, match=f"“{url}” is no URL. Write it like"):
        doctor(base_url=url)


def test_it_runs_whatever_the_checks_say(settings, only, capsys):
    settings.AVATAR_KIT = {"STORAGE": "nowhere", "COLOUR": 1}
    with pytest.raises(SystemExit):
        Command().run_from_argv(["manage.py", "avatar_doctor"])
    printed = capsys.readouterr()
    assert "InvalidStorageError: Could not" in printed.out
    assert printed.err == "CommandError: 1 failure, 0 warnings.\n"


# --- which storages -----------------------------------------------------------------------------


def test_each_place_is_visited_once(media, only, settings):
    def elsewhere() -> Any:
        return FileSystemStorage(base_url="/elsewhere/")

    def here() -> Any:
        return FileSystemStorage()

    storage: Any = FileSystemStorage()
    only(
        Team._meta.get_field("avatar"),
        Pet._meta.get_field("name"),
        Pet._meta.get_field("portrait"),
        Channel._meta.get_field("avatar"),
        field_in(here, thumbnail_storage=storage),
        field_in(elsewhere),
    )
    assert [(place.title, place.holds, place.folder) for place in probed_storages()] == [
        ("“default”", ("originals", "renditions"), "avatars"),
        ("FileSystemStorage of testapp.Pet.portrait", ("renditions",), "portraits"),
        # One of its own, since RecordingStorage is a class of its own.
        ("FileSystemStorage of testapp.Team.face", ("originals", "renditions"), "avatars"),
        # The same folder, shown in another way.
        ("FileSystemStorage of testapp.Team.face", ("originals", "renditions"), "avatars"),
    ]


def test_the_probe_goes_where_avatars_go(only):
    only(Channel._meta.get_field("avatar"))
    assert re.fullmatch(r"channels/\d{4}", probed_storages()[0].folder)
    only(Pet._meta.get_field("avatar"))
    (place,) = probed_storages()
    assert place.folder == ""
    found = next(finding for finding in examine(place) if finding.what == "write")
    assert group_of(found.found) is not None
    only(Pet._meta.get_field("avatar"), Team._meta.get_field("avatar"))
    assert probed_storages()[0].folder == "avatars"


@pytest.mark.parametrize(
    ("kit", "said"),
    [
        ({"STORAGE": "nowhere"}, "InvalidStorageError: Could not find config for 'nowhere'"),
        ({"SIZES": 64}, "ImproperlyConfigured: "),
    ],
)
def test_a_storage_that_cannot_be_made(told, settings, kit, said):
    settings.AVATAR_KIT = kit
    (place,) = probed_storages()
    assert place.title == "The storage of testapp.Team.avatar"
    found = told()
    assert bad(found) == {"storage": "failure"}
    assert found["storage"].found.startswith(said)


def test_what_is_not_installed(told, settings):
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": "nowhere.S3Storage"}}
    assert "install what it needs" in told()["storage"].advice


# --- storages of any kind -----------------------------------------------------------------------


class Full(Memory):
    def _save(self, name: str, content: Any) -> str:
        super()._save(name, content)
        raise OSError(28, "No space left on device")


class Silent(Memory):
    def listdir(self, path: str) -> Any:
        raise NotImplementedError


class Renaming(Memory):
    def _save(self, name: str, content: Any) -> str:
        return super()._save(f"x/{name}", content)


class Shrinking(Memory):
    def _save(self, name: str, content: Any) -> str:
        content.seek(0, 2)
        return super()._save(name, type(content)(b"less"))


class Forgetful(Memory):
    def listdir(self, path: str) -> Any:
        return [], []


class Shallow(Memory):
    """Lists no folders, as libcloud's does below the first."""

    def listdir(self, path: str) -> Any:
        return [], super().listdir(path)[1]


class Keeping(Memory):
    def delete(self, name: str) -> None:
        pass


class Hidden(Memory):
    def url(self, name: str | None) -> str:
        raise ValueError("This file is not accessible via a URL.")


class Locked(Memory):
    def _save(self, name: str, content: Any) -> str:
        raise PermissionError(13, "Permission denied")

    def delete(self, name: str) -> None:
        raise PermissionError(13, "Permission denied")


class AnsweredError(Exception):
    """As the clients of other services have it: the response is theirs."""

    response = object()


class Foreign(Memory):
    def _open(self, name: str, mode: str = "rb") -> Any:
        raise AnsweredError("It is forbidden.")


@pytest.mark.parametrize(
    ("cls", "expected", "what", "said", "advice"),
    [
        (Memory, {}, "read", "the same bytes", ""),
        (Full, {"write": "failure"}, "write", "No space left on device", "storage's own message"),
        (Silent, {"list": "warning"}, "list", "not implemented", "avatar_sweep cannot look"),
        (Renaming, {"write": "failure"}, "write", "renamed to “x/avatars/", "names as they are"),
        (Shrinking, {"read": "failure"}, "read", "other bytes", "keep files as they are"),
        (Forgetful, {"list": "failure"}, "list", "it is not there", "avatar_sweep finds"),
        (Shallow, {"list": "failure"}, "list", "it is not there", "avatar_sweep finds"),
        (Keeping, {"delete": "failure"}, "delete", "is still there", "what it is told to"),
        (Hidden, {"URL": "failure"}, "URL", "not accessible", "Set MEDIA_URL"),
        (
            Locked,
            {"write": "failure", "delete": "failure"},
            "write",
            "PermissionError: [Errno 13] Permission denied",
            "Let the user that this process runs as",
        ),
        (Foreign, {"read": "failure"}, "read", "AnsweredError: It is forbidden.", "own message"),
    ],
)
def test_a_storage_of_another_kind(only, told, cls, expected, what, said, advice):
    storage = cls()
    only(field_in(storage))
    found = told()
    assert bad(found) == expected
    assert said in found[what].found
    assert advice in found[what].advice
    if cls is not Keeping:
        assert not storage.exists(found["write"].found)
    if cls is Full:
        # It may have been half there.
        assert found["delete"].found == "it is gone"
        assert "list" not in found
    left = [name for name in all_of(storage) if cls is not Keeping]
    assert left == []


def all_of(storage: Any) -> list[str]:
    found, folders = [], [""]
    while folders:
        folder = folders.pop()
        below, files = Memory.listdir(storage, folder)
        found += [f"{folder}{name}" for name in files]
        folders += [f"{folder}{name}/" for name in below]
    return found


def test_originals_may_lie_where_nobody_looks(only, told):
    hidden, seen = Hidden(), Memory()
    only(field_in(hidden, thumbnail_storage=seen))
    private, public = probed_storages()
    assert (private.holds, public.holds) == (("originals",), ("renditions",))
    (url,) = (finding for finding in examine(private) if finding.what == "URL")
    assert url.level == "warning"


def test_a_site_that_deletes_nothing_says_so(told, settings):
    assert told()["delete"] == Finding("delete", "it is gone")
    settings.AVATAR_KIT = {"DELETE_FILES": False}
    found = told()["delete"]
    assert (found.level, found.found) == ("ok", "it is gone")
    assert found.advice.startswith("DELETE_FILES is False")


def test_urls_at_the_root_of_the_site(told, settings):
    settings.MEDIA_URL = ""
    found = list(examine(probed_storages()[0]))
    (root, not_fetched) = (finding for finding in found if finding.what == "URL")
    assert root == Finding(
        "URL",
        "it begins at the root of the site",
        "Set MEDIA_URL, or the base_url of the storage.",
        "warning",
    )
    assert not_fetched.level == "ok"
    assert "Give --base-url" in not_fetched.advice


def test_the_probe_goes_when_somebody_interrupts(only, files, monkeypatch):
    def interrupted(self: Any, name: str, mode: str = "rb") -> Any:
        assert files()
        raise KeyboardInterrupt

    monkeypatch.setattr(RecordingStorage, "_open", interrupted)
    with pytest.raises(KeyboardInterrupt):
        doctor()
    assert files() == set()


def test_the_probe_goes_when_nobody_wants_to_know_more(only, files):
    findings = examine(probed_storages()[0])
    assert next(findings).what == "write"
    assert files()
    findings.close()
    assert files() == set()


def test_the_probe_is_a_picture():
    with Image.open(io.BytesIO(doctor_urls.PICTURE)) as picture:
        assert picture.format == "WEBP"
        picture.load()


class Nowhere(Memory):
    def url(self, name: Any) -> Any:
        return None


def test_a_storage_that_gives_no_url():
    place = ProbedStorage(title="x", storage=Nowhere(), holds=("renditions",))
    said = [finding for finding in examine(place) if "url() gave None" in finding.found]
    assert [finding.level for finding in said] == ["failure"]
