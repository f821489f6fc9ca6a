"""Case L7: symbolic links below a storage's location are not followed."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from django.core.files.storage import FileSystemStorage, InMemoryStorage, Storage, storages
from django.core.management import CommandError, call_command

from django_avatar_kit.maintenance import orphans
from django_avatar_kit.maintenance import sweep as sweeping
from django_avatar_kit.storage import base as storage
from django_avatar_kit.test import settle
from tests.support.lifecycle import column, files_of, upload
from tests.support.sweep import ALL, keys, lose, sweep, team
from tests.support.time_limits import SoftTimeLimit

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "other"]),
    pytest.mark.usefixtures("small"),
]


def test_l7_what_is_behind_a_link_is_not_the_storages(media, files, tmp_path, caplog):
    lost = files_of(lose(team()))
    outside = tmp_path / "outside"
    outside.mkdir()
    key = next(key for key in lost if key.endswith(".jpg"))
    (outside / Path(key).parent.name).mkdir()
    stranger = outside / Path(key).parent.name / Path(key).name
    stranger.write_bytes(b"x")
    (media / "link").symlink_to(outside)
    (media / "avatars/far").symlink_to(outside / Path(key).parent.name)
    # The same for a link to a file: the target may belong to somebody else.
    name = f"avatars/{Path(key).parent.name}/{Path(key).name.replace('k1', 'k1')}"
    (media / Path(name).parent / f"{Path(key).name[:32]}.99.webp").symlink_to(stranger)
    out, _ = sweep(delete=True, **ALL)
    assert out.count("Deleted ") == 3
    assert stranger.exists()
    assert "“link” is a link, which is not followed" in caplog.text
    assert "“avatars/far” is a link, which is not followed" in caplog.text


@pytest.mark.parametrize(
    "target",
    ["media", "media/loop", "nowhere", "media/avatars", "media/plain.txt/below", "x" * 300],
)
def test_l7_a_loop_ends_nothing(media, tmp_path, target):
    kept, lost = team(), lose(team())
    (media / "plain.txt").write_bytes(b"x")
    (media / "loop").symlink_to(tmp_path / target)
    (media / "avatars/loop").symlink_to(tmp_path / target)
    out, err = sweep(delete=True, **ALL)
    assert out.count("Deleted ") == 3
    assert err == ""
    assert keys(storages["default"]) == files_of(column(kept)) | {"plain.txt"}
    assert not any((media / key).exists() for key in files_of(lost))


def test_l7_a_media_root_that_is_a_link(settings, media, tmp_path):
    (tmp_path / "linked").symlink_to(media)
    settings.MEDIA_ROOT = str(tmp_path / "linked")
    kept, lost = team(), lose(team())
    out, _ = sweep(delete=True, **ALL)
    assert out.count("Deleted ") == 3
    assert keys(storages["default"]) == files_of(column(kept))
    assert not (media / lost).exists()


def test_l7_a_folder_that_was_moved_to_another_disk(media, tmp_path, caplog):
    (tmp_path / "disk").mkdir()
    (media / "avatars").symlink_to(tmp_path / "disk")
    row = team()
    lost = lose(team())
    place = storages["default"]
    assert keys(place) == keys(place, "avatars/") == set()
    assert "“avatars/” is behind a link, which is not followed" in caplog.text
    sweep(delete=True, **ALL)
    assert place.exists(lost)
    # Files that a row names are deleted and copied as before.
    old = column(row)
    row.avatar = upload("red")
    row.save()
    settle()
    assert not place.exists(old)
    out = io.StringIO()
    call_command("avatar_doctor", stdout=out, stderr=io.StringIO())
    said = " ".join(out.getvalue().split())
    assert "failure " not in said
    assert "link, which" in said


def test_l7_a_folder_that_becomes_a_link_before_it_is_deleted(media, files, tmp_path):
    lost = lose(team())
    found = sweeping.Sweep(sweeping.locations_to_sweep()[0], min_age=sweeping.timedelta(0))
    assert len(list(found.find())) == 3
    (media / "avatars").rename(tmp_path / "elsewhere")
    (media / "avatars").symlink_to(tmp_path / "elsewhere")
    assert list(found.delete()) == []
    found.close()
    assert (tmp_path / "elsewhere" / lost.partition("/")[2]).exists()


def test_l7_foreign_files_behind_a_link(monkeypatch, media, tmp_path):
    monkeypatch.setattr(orphans, "default_varies", lambda field: False)
    (tmp_path / "far").mkdir()
    (tmp_path / "far/x.txt").write_bytes(b"x")
    (media / "photos").mkdir()
    (media / "photos/y.txt").write_bytes(b"y")
    (media / "photos/far").symlink_to(tmp_path / "far")
    (media / "photos/z.txt").symlink_to(tmp_path / "far/x.txt")
    found = sweeping.Sweep(
        sweeping.locations_to_sweep()[0],
        min_age=sweeping.timedelta(0),
        prefix="photos/",
        foreign=True,
    )
    assert [file.key for file in found.find()] == ["photos/y.txt"]
    (tmp_path / "far/y.txt").write_bytes(b"y")
    (media / "photos").rename(media / "old")
    (media / "photos").symlink_to(tmp_path / "far")
    assert list(found.delete()) == []
    found.close()
    assert (tmp_path / "far/y.txt").exists()


class Wrapped(Storage):
    """Wraps a FileSystemStorage without being a subclass of it."""

    def __init__(self) -> None:
        self.inner = FileSystemStorage()

    def _open(self, name: str, mode: str = "rb") -> Any:
        return self.inner._open(name, mode)

    def _save(self, name: str, content: Any) -> str:
        return self.inner._save(name, content)

    def path(self, name: str) -> str:
        return self.inner.path(name)

    def delete(self, name: str) -> None:
        self.inner.delete(name)

    def exists(self, name: str) -> bool:
        return self.inner.exists(name)

    def listdir(self, path: str) -> Any:
        return self.inner.listdir(path)

    def size(self, name: str) -> int:
        return self.inner.size(name)

    def url(self, name: str | None) -> str:
        return self.inner.url(name)

    def get_modified_time(self, name: str) -> Any:
        return self.inner.get_modified_time(name)


class WrappedWhole(Wrapped):
    """Like ``Wrapped``, but lists everything below a folder by full names."""

    def listdir(self, path: str) -> Any:
        here = Path(self.path(path))
        found = [
            Path(folder, name)
            for folder, _, names in os.walk(here, followlinks=True)
            for name in names
        ]
        return [], [str(each.relative_to(self.path(""))) for each in found]


@pytest.fixture(params=[Wrapped, WrappedWhole])
def wrapped(request: Any, settings: Any) -> Any:
    backend = {"BACKEND": f"{__name__}.{request.param.__name__}"}
    settings.STORAGES = {**settings.STORAGES, "default": backend}
    return storages["default"]


@pytest.mark.parametrize("where", ["", "avatars/"])
def test_l7_links_in_a_storage_that_wraps_one_are_not_followed(
    wrapped, where, media, files, tmp_path
):
    kept, lost = team(), lose(team())
    outside = tmp_path / "outside"
    (outside / "3f").mkdir(parents=True)
    stranger = outside / "3f" / Path(lost).name
    stranger.write_bytes(b"x")
    (media / where / "link").symlink_to(outside)
    (media / where / Path(lost).name).symlink_to(stranger)
    out, err = sweep(delete=True, **ALL)
    assert out.count("Deleted ") == 3
    assert err == ""
    assert stranger.exists()
    assert keys(wrapped) == files_of(column(kept))


def test_l7_a_loop_in_a_storage_that_wraps_one_ends_nothing(settings, media):
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": f"{__name__}.Wrapped"}}
    kept = team()
    lose(team())
    for folder in (media, media / "avatars"):
        (folder / "loop").symlink_to(folder / "loop")
        (folder / "round").symlink_to(media)
    out, err = sweep(delete=True, **ALL)
    assert out.count("Deleted ") == 3
    assert err == ""
    assert keys(storages["default"]) == files_of(column(kept))


def test_l7_a_folder_of_a_wrapped_storage_that_is_on_another_disk(wrapped, media, tmp_path):
    (tmp_path / "disk").mkdir()
    (media / "avatars").symlink_to(tmp_path / "disk")
    lost = lose(team())
    sweep(delete=True, **ALL)
    assert wrapped.exists(lost)


def test_l7_a_wrapped_storage_and_its_inside_are_one_place(wrapped, settings, media):
    inside = {"BACKEND": "django.core.files.storage.FileSystemStorage"}
    settings.STORAGES = {**settings.STORAGES, "inside": inside}
    with pytest.raises(CommandError, match="“default” and “inside” are the same place"):
        call_command("avatar_copy", "--from", "default", "--to", "inside", verbosity=0)


@pytest.mark.parametrize("answer", [NotImplementedError(), ValueError("no"), None, 5, "avatars"])
def test_l7_a_storage_without_paths_has_no_links(monkeypatch, answer):
    # Django's InMemoryStorage has paths, but no files there.
    assert storage.adapter_of(InMemoryStorage()).locations() == []
    place: Any = Wrapped()
    monkeypatch.setattr(Wrapped, "path", mock.Mock(side_effect=[answer] * 99))
    place.save("avatars/x", upload())
    assert keys(place) == {"avatars/x"}
    assert not storage.is_behind_link(place, "avatars/x")
    assert storage.adapter_of(place).locations() == []


def test_l7_a_time_limit_while_it_is_asked_for_a_path(monkeypatch):
    monkeypatch.setattr(Wrapped, "path", mock.Mock(side_effect=SoftTimeLimit))
    with pytest.raises(SoftTimeLimit):
        storage.is_behind_link(Wrapped(), "avatars/x")
