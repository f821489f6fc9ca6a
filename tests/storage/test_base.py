from __future__ import annotations

import logging
from functools import partial
from typing import Any

import pytest
from django.core.files.storage import FileSystemStorage, InMemoryStorage, default_storage, storages
from django.utils.functional import SimpleLazyObject

from django_avatar_kit.exceptions import StorageError
from django_avatar_kit.lazy import unwrap
from django_avatar_kit.storage.adapter import JoinedUrls
from django_avatar_kit.storage.base import (
    Write,
    adapter_of,
    by_alias,
    delete_all,
    missing,
    read,
    resolve,
    urls,
    write_all,
)


def write(storage: Any, key: str, data: bytes = b"data") -> Write:
    return Write(storage=storage, key=key, data=data, content_type="image/webp")


# django-stubs do not tell of _save().
Memory: Any = InMemoryStorage


class Seen(Memory):
    """Keeps what it was given, and fails where it is told to."""

    def __init__(self, fail: str = "", undeletable: str = "") -> None:
        super().__init__()
        self.fail, self.undeletable = fail, undeletable
        self.types: dict[str, str] = {}

    def _save(self, name: str, content: Any) -> str:
        self.types[name] = content.content_type
        if name == self.fail:
            super()._save(name, content)
            raise OSError(28, "No space left on device")
        return super()._save(name, content)

    def delete(self, name: str) -> None:
        if name == self.undeletable:
            raise PermissionError("read-only")
        super().delete(name)


# --- writing ----------------------------------------------------------------------------------


def test_every_file_is_written_with_its_type():
    storage = Seen()
    write_all([write(storage, "a/1.webp", b"one"), write(storage, "a/2.webp", b"two")])
    assert storage.types == {"a/1.webp": "image/webp", "a/2.webp": "image/webp"}
    with storage.open("a/2.webp") as file:
        assert file.read() == b"two"


@pytest.mark.parametrize("nth", [0, 1, 2])
def test_when_one_file_fails_none_is_left(nth):
    keys = ["a/0", "a/1", "a/2"]
    storage, other = Seen(fail=keys[nth]), Seen()
    writes = [write(other, "b/0"), *(write(storage, key) for key in keys)]
    with pytest.raises(StorageError) as failed:
        write_all(writes)
    assert failed.value.code == "storage"
    assert failed.value.params["key"] == keys[nth]
    assert "No space left on device" in str(failed.value)
    assert isinstance(failed.value.__cause__, OSError)
    assert not any(storage.exists(key) for key in keys)
    assert not other.exists("b/0")


def test_what_cannot_be_undone_is_logged_and_the_rest_is(caplog):
    storage = Seen(fail="a/2", undeletable="a/1")
    with pytest.raises(StorageError):
        write_all([write(storage, key) for key in ("a/0", "a/1", "a/2")])
    assert not storage.exists("a/0")
    assert not storage.exists("a/2")
    assert "Could not delete “a/1”" in caplog.text


def test_an_interruption_is_undone_and_passed_on(monkeypatch):
    storage = Seen()
    save = Seen._save

    def interrupted(self: Seen, name: str, content: Any) -> str:
        save(self, name, content)
        if name == "a/1":
            raise KeyboardInterrupt
        return name

    monkeypatch.setattr(Seen, "_save", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_all([write(storage, "a/0"), write(storage, "a/1")])
    assert not storage.exists("a/0")
    assert not storage.exists("a/1")


def test_a_storage_that_renames_is_refused_and_cleaned():
    storage = Seen()
    write_all([write(storage, "a/0", b"somebody else's")])
    with pytest.raises(StorageError, match="renamed it to"):
        write_all([write(storage, "a/1"), write(storage, "a/0")])
    assert not storage.exists("a/1")
    assert len(storage.listdir("a")[1]) <= 1


# --- deleting ---------------------------------------------------------------------------------


def test_deleting_goes_on_after_a_failure(caplog):
    storage = Seen(undeletable="a/1")
    write_all([write(storage, key) for key in ("a/0", "a/1", "a/2")])
    with caplog.at_level(logging.ERROR):
        assert delete_all(storage, ["a/0", "a/1", "a/2", "a/gone"]) == ["a/1"]
    assert storage.listdir("a")[1] == ["1"]
    assert "Could not delete “a/1”; avatar_sweep will find it." in caplog.text


# --- reading ------------------------------------------------------------------------------------


def test_a_file_is_read():
    storage = Seen()
    write_all([write(storage, "a/1", b"one")])
    assert read(storage, "a/1") == b"one"
    assert missing(storage, ["a/1", "a/2"]) == ["a/2"]


def test_a_file_that_cannot_be_read_says_why(monkeypatch):
    storage = Seen()
    with pytest.raises(StorageError, match="“a/1” could not be read: there is no such file"):
        read(storage, "a/1")

    def refuse(*args: Any) -> None:
        raise PermissionError("not yours")

    monkeypatch.setattr(Seen, "open", refuse)
    with pytest.raises(StorageError, match="“a/1” could not be read: not yours") as failed:
        read(storage, "a/1")
    assert isinstance(failed.value.__cause__, PermissionError)


def test_a_name_that_leads_out_of_a_storage_is_none_of_its_files(tmp_path):
    (tmp_path / "secret").touch()
    storage = FileSystemStorage(tmp_path / "media")
    assert missing(storage, ["../secret"]) == ["../secret"]


# --- which storage ----------------------------------------------------------------------------


def test_an_alias_is_looked_up_live(settings):
    first = by_alias("renditions")
    assert first is by_alias("renditions")
    settings.STORAGES = {
        **settings.STORAGES,
        "renditions": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    }
    assert isinstance(by_alias("renditions"), InMemoryStorage)


def test_a_storage_or_a_function_that_returns_one(settings):
    calls: list[int] = []

    def make() -> FileSystemStorage:
        calls.append(1)
        return FileSystemStorage("/somewhere")

    assert resolve(make) is resolve(make)
    assert len(calls) == 1
    settings.MEDIA_ROOT = "/elsewhere"
    resolve(make)
    assert len(calls) == 2
    given = InMemoryStorage()
    assert resolve(given) is given


def test_a_lazy_storage_is_unwrapped_touched_or_not():
    assert unwrap(default_storage) is storages["default"]
    assert unwrap(default_storage) is storages["default"]
    inner = InMemoryStorage()
    assert unwrap(SimpleLazyObject(lambda: inner)) is inner
    assert unwrap(inner) is inner


# --- URLs -------------------------------------------------------------------------------------


@pytest.mark.parametrize("base", ["/media/", "https://cdn.example.com/m/"])
@pytest.mark.parametrize(
    "key", ["avatars/3f/x.64.webp", "3f/x.64.webp", "a b/ü%/3f/x.64.webp", "/3f/x.64.webp"]
)
def test_a_url_is_what_the_storage_would_say(base, key):
    storage = FileSystemStorage(base_url=base)
    assert urls(storage)(key) == storage.url(key)


def test_a_storage_with_urls_of_its_own_is_asked():
    class Signed(FileSystemStorage):
        def url(self, name: str | None) -> str:
            return f"https://x.example/{name}?signed"

    assert urls(Signed())("a/b") == "https://x.example/a/b?signed"


def test_a_storage_without_urls_says_so():
    storage = FileSystemStorage(base_url=None)
    storage.base_url = None
    with pytest.raises(ValueError, match="not accessible via a URL"):
        urls(storage)("a/b")


def test_folders_are_quoted_once():
    storage = FileSystemStorage(base_url="/m/")
    build = urls(storage)
    assert build("a b/1") == "/m/a%20b/1"
    assert build("a b/2") == "/m/a%20b/2"
    assert adapter_of(storage)._quoted.cache_info().hits == 1


def test_a_url_that_is_a_partial_is_the_storages_own():
    storage = InMemoryStorage()
    storage.url = partial("{}/{}".format, "https://example.org")
    found = urls(storage)
    assert not isinstance(found, JoinedUrls)
    assert found("a/1.webp") == "https://example.org/a/1.webp"
