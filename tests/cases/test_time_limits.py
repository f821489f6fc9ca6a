"""Case E8: an exception of the site's own kind, such as a time limit, comes through."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.files.storage import InMemoryStorage, storages
from django.core.management import call_command

from django_avatar_kit.exceptions import StorageError
from django_avatar_kit.storage import base as storage
from tests.support.lifecycle import column, files_of
from tests.support.sweep import Memory, lose, team, there
from tests.support.time_limits import SoftTimeLimit

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "other"]),
    pytest.mark.usefixtures("small"),
]


class Late(Memory):
    """Raises a time limit in the middle of a call, after the call's work was done."""

    at: str = ""
    nth: int = 1
    times: int = 1
    error: type[BaseException] = SoftTimeLimit


def _late(method: str) -> Any:
    original = getattr(InMemoryStorage, method)

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = original(self, *args, **kwargs)
        if self.at == method:
            Late.nth -= 1
            if -Late.times < Late.nth <= 0:
                raise Late.error("time is up")
        return result

    return call


for _method in ("_save", "_open", "delete", "exists", "listdir", "get_modified_time", "size"):
    setattr(Late, _method, _late(_method))


@pytest.fixture
def late(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": f"{__name__}.Late"}}

    def at(method: str, nth: int = 1, times: int = 1, error: Any = SoftTimeLimit) -> None:
        for name, value in {"at": method, "nth": nth, "times": times, "error": error}.items():
            monkeypatch.setattr(Late, name, value)

    return at


@pytest.mark.parametrize("nth", [1, 2, 3])
@pytest.mark.lifecycle
def test_e8_while_an_avatar_is_written(late, nth):
    late("_save", nth)
    with pytest.raises(SoftTimeLimit):
        team()
    assert there(storages["default"]) == set()


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.lifecycle
def test_e8_while_that_is_undone(monkeypatch, late, times):
    original = Late._save

    def full(self: Any, name: str, content: Any) -> str:
        original(self, name, content)
        if len(there(self)) == 3:
            raise OSError(28, "No space left on device")
        return name

    monkeypatch.setattr(Late, "_save", full)
    late("delete", 1, times)
    with pytest.raises(SoftTimeLimit) as caught:
        team()
    assert isinstance(caught.value.__cause__, StorageError)
    assert there(storages["default"]) == set()


@pytest.mark.lifecycle
def test_e8_the_first_interruption_is_the_one_that_is_told(monkeypatch, late):
    original = Late._save

    def cancelled(self: Any, name: str, content: Any) -> str:
        original(self, name, content)
        raise KeyboardInterrupt

    monkeypatch.setattr(Late, "_save", cancelled)
    late("delete")
    with pytest.raises(KeyboardInterrupt):
        team()
    assert there(storages["default"]) == set()


@pytest.mark.parametrize("error", [ValueError, OSError, NotImplementedError, StorageError])
@pytest.mark.lifecycle
def test_e8_what_a_storage_raises_itself_is_told_as_before(late, monkeypatch, error):
    late(
        "_save",
        error=lambda text: error(key="x", reason="y") if error is StorageError else error(text),
    )
    with pytest.raises(StorageError):
        team()
    assert there(storages["default"]) == set()


@pytest.mark.lifecycle
def test_e8_while_a_file_is_read(late):
    key = column(team())
    late("_open")
    with pytest.raises(SoftTimeLimit):
        storage.read(storages["default"], key)


@pytest.mark.lifecycle
def test_e8_while_files_are_deleted(late, caplog):
    names = sorted(files_of(column(team())))
    late("delete", 2)
    with pytest.raises(SoftTimeLimit):
        storage.delete_all(storages["default"], names)
    assert there(storages["default"]) == {names[2]}
    assert "avatar_sweep will find what is left" in caplog.text
    assert all(f"“{name}”" in caplog.text for name in names)


COMMANDS = [
    ("avatar_sweep", "listdir", {}),
    ("avatar_sweep", "get_modified_time", {"min_age": "0.0001s"}),
    ("avatar_sweep", "size", {"min_age": 0}),
    ("avatar_sweep", "delete", {"min_age": 0, "max_percent": 100, "delete": True}),
    ("avatar_build", "exists", {}),
    ("avatar_build", "_open", {"force": True}),
    ("avatar_build", "_save", {"force": True}),
    ("avatar_copy", "_open", {"source": "default", "target": "renditions"}),
    ("avatar_copy", "exists", {"source": "renditions", "target": "default"}),
]


@pytest.mark.parametrize(("command", "method", "options"), COMMANDS)
@pytest.mark.lifecycle
def test_e8_a_command_ends(late, command, method, options):
    row, lost = team(), team()
    lose(lost)
    before = there(storages["default"])
    late(method)
    arguments = []
    if command == "avatar_copy":
        options = dict(options)
        arguments = ["--from", options.pop("source"), "--to", options.pop("target")]
    with pytest.raises(SoftTimeLimit):
        call_command(command, *arguments, stdout=io.StringIO(), stderr=io.StringIO(), **options)
    left = there(storages["default"])
    assert files_of(column(row)) <= left <= before


@pytest.mark.lifecycle
def test_e8_while_a_storage_is_made(monkeypatch, settings):
    def stop(*args: Any, **kwargs: Any) -> Any:
        raise SoftTimeLimit

    settings.STORAGES = {**settings.STORAGES, "late": {"BACKEND": f"{__name__}.Late"}}
    monkeypatch.setattr(Late, "__init__", stop)
    with pytest.raises(SoftTimeLimit):
        call_command("avatar_copy", "--from", "renditions", "--to", "late", verbosity=0)


@pytest.mark.lifecycle
def test_e8_while_two_storages_are_tried_out(settings, late):
    settings.STORAGES = {
        **settings.STORAGES,
        "late": {"BACKEND": f"{__name__}.Late"},
        "old": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    }
    settings.AVATAR_KIT = {"SIZES": (16, 32), "STORAGE": "late"}
    late("_save")
    with pytest.raises(SoftTimeLimit):
        call_command(
            "avatar_copy", "--from", "old", "--to", "late", "--delete-source", verbosity=0
        )
    assert there(storages["late"]) == set()
