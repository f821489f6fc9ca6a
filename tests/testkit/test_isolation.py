from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as live_settings
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, default_storage, storages
from django.utils.module_loading import import_string

from django_avatar_kit.lifecycle import changes
from django_avatar_kit.lifecycle.thumbnails import storage_of
from django_avatar_kit.test import StorageCall, isolated_storages, isolation
from tests.support.lifecycle import make_profile, undone
from tests.support.processes import python
from tests.testapp.models import Pet, Team

S3 = {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": {"bucket_name": "faces"}}
GONE = {"BACKEND": "no.such.Storage"}


def put(storage: Any, key: str = "a.txt") -> None:
    storage.save(key, ContentFile(b"x"))


def test_every_alias_has_an_empty_folder_of_its_own(avatar_storages):
    put(storages["default"])
    put(storages["renditions"], "b.txt")
    assert avatar_storages.keys() == {"a.txt"}
    assert avatar_storages.keys("renditions") == {"b.txt"}
    assert Path(live_settings.MEDIA_ROOT) == avatar_storages.location()
    assert default_storage.exists("a.txt")


def test_media_root_is_of_the_kind_that_the_site_has(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    with isolated_storages() as layer:
        assert layer.location() == settings.MEDIA_ROOT
    settings.MEDIA_ROOT = str(tmp_path)
    with isolated_storages() as layer:
        assert str(layer.location()) == settings.MEDIA_ROOT


def test_the_storage_of_static_files_stays():
    assert not isinstance(storages["staticfiles"], isolation.RecordingStorage)


@pytest.mark.parametrize("entry", [S3, GONE], ids=["s3", "not installed"])
def test_an_alias_on_a_network_becomes_a_folder(settings, entry):
    settings.STORAGES = {**settings.STORAGES, "default": entry, "more": entry}
    with isolated_storages() as layer:
        put(storages["default"])
        put(storages["more"])
        assert layer.keys() == layer.keys("more") == {"a.txt"}
        assert storages["more"].url("a.txt") == "/more/a.txt"
    assert settings.STORAGES["default"] == entry


def test_what_was_there_before_is_there_afterwards(avatar_storages, media):
    put(storages["default"])
    with isolated_storages() as layer:
        put(storages["default"], "b.txt")
    assert not layer.folder.exists()
    assert (avatar_storages.keys(), live_settings.MEDIA_ROOT) == ({"a.txt"}, str(media))


def test_the_inner_of_two_blocks_begins_with_the_files_of_the_outer(avatar_storages):
    put(storages["default"])
    with isolated_storages() as layer:
        assert layer.keys() == {"a.txt"}
        storages["default"].delete("a.txt")
    assert avatar_storages.keys() == {"a.txt"}


def test_it_ends_with_an_exception_as_well(media):
    with pytest.raises(RuntimeError), isolated_storages():
        raise RuntimeError
    assert str(media) == live_settings.MEDIA_ROOT


# --- storages that fields were given themselves ---


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give a field of the project another storage, as its declaration would."""

    def forget() -> None:
        isolation._given.cache_clear()
        isolation._aliases.cache_clear()

    def give(name: str, value: Any) -> Any:
        field: Any = Team._meta.get_field("avatar")
        monkeypatch.setattr(field, name, value)
        forget()
        return field

    yield give
    monkeypatch.undo()
    forget()


def test_a_storage_that_no_alias_stands_for(given, tmp_path):
    real = FileSystemStorage(str(tmp_path / "real"))
    field = given("_storage", real)
    with isolated_storages() as layer:
        put(field.storage)
        assert field.rendition_storage is field.storage is not real
        with isolated_storages() as inner:
            assert field.storage.exists("a.txt")
            put(field.storage, "b.txt")
            assert StorageCall("save", "b.txt") in inner.calls
        assert not field.storage.exists("b.txt")
        assert StorageCall("save", "a.txt") in layer.calls
    assert field._storage is real
    assert not (tmp_path / "real").exists()


def test_a_function_that_makes_a_storage(given):
    def passports() -> Any:
        raise ImportError("boto3")

    field = given("thumbnail_storage", passports)
    with isolated_storages():
        put(field.rendition_storage)
        assert storage_of(field) is field.rendition_storage is not field.storage
    # As the migration has it.
    assert field.deconstruct()[3]["thumbnail_storage"] is passports


def test_a_function_that_returns_an_alias_gets_what_the_alias_gets():
    field: Any = Pet._meta.get_field("portrait")
    assert field.rendition_storage is storages["renditions"]


@pytest.mark.parametrize("as_function", [False, True])
def test_the_storage_of_an_alias_gets_what_the_alias_gets(given, as_function):
    """A function may return the one that it has found when it was called first."""
    real = storages["renditions"]
    field = given("_storage", (lambda: real) if as_function else real)
    with isolated_storages() as layer:
        put(field.storage)
        assert field.storage is storages["renditions"]
        assert layer.keys("renditions") == {"a.txt"}
    assert not real.exists("a.txt")


def test_what_a_test_gives_to_a_field_stays(monkeypatch, tmp_path):
    field: Any = Team._meta.get_field("avatar")
    own = FileSystemStorage(str(tmp_path))
    monkeypatch.setattr(field, "_storage", own)
    assert field.storage is own


# --- what is counted, and what is forgotten ---


def test_every_call_is_recorded_in_order(storage_calls):
    storage = storages["default"]
    put(storage)
    with storage.open("a.txt"):
        storage.size("a.txt")
        storage.get_modified_time("a.txt")
    storage.exists("a.txt")
    storage.url("a.txt")
    storage.listdir("")
    storage.delete("a.txt")
    assert [call for call in storage_calls if call.method != "exists"] == [
        ("save", "a.txt"),
        ("open", "a.txt"),
        ("size", "a.txt"),
        ("get_modified_time", "a.txt"),
        ("listdir", ""),
        ("delete", "a.txt"),
    ]


def test_a_storage_can_be_made_again_from_its_arguments(avatar_storages, storage_calls):
    storages["default"].exists("a.jpg")
    path, args, kwargs = storages["default"].deconstruct()
    again = import_string(path)(*args, **kwargs)
    assert again.location == str(avatar_storages.location())
    assert again.calls == []
    assert len(storage_calls) == 1


def test_a_storage_of_a_test_may_record_by_itself(tmp_path):
    storage = isolation.RecordingStorage(str(tmp_path))
    storage.exists("a.txt")
    assert storage.calls == [StorageCall(method="exists", key="a.txt")]


@pytest.mark.django_db
@pytest.mark.usefixtures("small")
def test_what_an_earlier_test_has_left_to_be_judged_is_forgotten():
    with undone():
        make_profile()
    assert changes.undone
    with isolated_storages():
        assert not changes.undone


def test_importing_the_kit_needs_no_apps_and_no_other_package():
    code = (
        "import sys; from django_avatar_kit.test import *; import django_avatar_kit.test as kit; "
        "kit.make_upload(); from django.apps import apps; assert not apps.apps_ready; "
        "assert not {'pytest', 'factory', 'model_bakery'} & set(sys.modules); "
        "import django_avatar_kit.test.pytest_plugin"
    )
    python(code)
