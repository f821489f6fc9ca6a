"""What the tests of ``avatar_copy`` share."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.files.storage import Storage
from django.core.management import CommandError, call_command

from django_avatar_kit.storage import base as module
from django_avatar_kit.test import make_image
from tests.storage.test_any_storage import Bottomless
from tests.support.lifecycle import column, files_of, set_column, upload
from tests.testapp.models import Team

#: A master and two renditions.
FILES = 3
KINDS = {
    "files": "django.core.files.storage.FileSystemStorage",
    "counting": "django_avatar_kit.test.isolation.RecordingStorage",
    "memory": "django.core.files.storage.InMemoryStorage",
    "bottomless": "tests.storage.test_any_storage.Bottomless",
    "shared": "tests.support.copying.Shared",
}


class Shared(Bottomless):
    """However many there are, all are the same place, and nobody can tell."""

    everything: dict[str, bytes] = {}

    def __init__(self) -> None:
        self.files = self.everything


def copy(*labels: str, **options: Any) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    chosen = {"source": "default", "target": "target", **options}
    call_command("avatar_copy", *labels, stdout=out, stderr=err, **chosen)
    return out.getvalue(), err.getvalue()


def failing(*labels: str, **options: Any) -> str:
    """What the command ends with. What it says of each file goes to standard error."""
    chosen = {"source": "default", "target": "target", **options}
    with pytest.raises(CommandError) as failed:
        call_command("avatar_copy", *labels, stdout=io.StringIO(), **chosen)
    return str(failed.value)


def team(color: str = "teal", **options: Any) -> Team:
    return Team.objects.create(avatar=upload(color, **options))


def teams(count: int) -> list[Team]:
    return [team(f"#{number:02}80{number:02}") for number in range(count)]


def old_team(storage: Any, key: str = "avatars/old.jpg", data: bytes | None = None) -> Team:
    """A row with a file from before the kit."""
    row = Team.objects.create()
    set_column(row, key)
    put(storage, key, make_image((60, 40)) if data is None else data)
    return row


def put(storage: Any, key: str, data: bytes) -> None:
    kind = "application/octet-stream"
    module.write_one(module.Write(storage=storage, key=key, data=data, content_type=kind))


def contents(storage: Storage, keys: Any) -> dict[str, bytes]:
    """What lies under these keys; those that are not there are left out."""
    return {key: module.read(storage, key) for key in present(storage, keys)}


def present(storage: Storage, keys: Any) -> set[str]:
    """Those of the keys that are there."""
    return set(module.adapter_of(storage).look(keys)) if keys else set()


def keys_of(*rows: Any) -> set[str]:
    return {key for row in rows for key in files_of(column(row))}


def lines(text: str) -> list[str]:
    return text.strip().splitlines()


def switch(settings: Any, alias: str = "target", **more: Any) -> None:
    """What a site does when everything is copied."""
    settings.AVATAR_KIT = {**settings.AVATAR_KIT, "STORAGE": alias, **more}


def requests(found: list[Any]) -> dict[str, int]:
    actions = [request.action for request in found]
    return {action: actions.count(action) for action in sorted(set(actions))}


def while_copying(monkeypatch: Any, key: str, act: Any) -> None:
    """Have something happen when a file is written to the destination."""
    original = module.write_one

    def meanwhile(write: Any) -> Any:
        etag = original(write)
        if write.key == key:
            monkeypatch.setattr(module, "write_one", original)
            act()
        return etag

    monkeypatch.setattr(module, "write_one", meanwhile)
