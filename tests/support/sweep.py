"""Rows, the files that they lose, and sweeps that find these."""

from __future__ import annotations

import io
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.files.storage import InMemoryStorage
from django.core.management import call_command

from django_avatar_kit.storage import base as storage
from tests.support.lifecycle import column, set_column, upload
from tests.testapp.models import Team

ALL = {"min_age": 0, "max_percent": 100}
THUMBNAIL = {"size": (20, 10), "crop": True}
Memory: Any = InMemoryStorage


def sweep(**options: Any) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    call_command("avatar_sweep", stdout=out, stderr=err, **options)
    return out.getvalue(), err.getvalue()


def listed(out: str) -> set[str]:
    """What a sweep has printed of the files that it found."""
    return {line.split(" (")[0] for line in out.splitlines() if re.search(r" bytes?\): ", line)}


# --- rows -------------------------------------------------------------------------------------


def team(using: str = "default") -> Team:
    row = Team(avatar=upload())
    row.save(using=using)
    return row


def lose(row: Any, value: str = "", attname: str = "avatar") -> str:
    """Take the name out of the row behind the kit's back; it is returned."""
    key = column(row, attname)
    set_column(row, value, attname)
    return key


# --- files ------------------------------------------------------------------------------------


def put(media: Path, key: str, content: bytes = b"x") -> str:
    path = media / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return key


def age(folder: Path, hours: float) -> None:
    moment = time.time() - hours * 3600
    for path in folder.rglob("*"):
        os.utime(path, (moment, moment))


def keys(place: Any, folder: str = "") -> set[str]:
    """The keys that the kit finds in a storage."""
    return {file.key for file in storage.adapter_of(place).walk(folder)}


def there(place: Any) -> set[str]:
    """The keys in an in-memory storage, read past the storage's own ``listdir()``."""

    def below(folder: str) -> Iterator[str]:
        folders, files = InMemoryStorage.listdir(place, folder)
        yield from (f"{folder}{name}" for name in files)
        for name in folders:
            yield from below(f"{folder}{name}/")

    return set(below(""))
