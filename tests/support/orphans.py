"""Rows, the files that they lose, and sweeps that find these."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from django.core.files.storage import InMemoryStorage
from django.core.management import call_command
from django.db import models

from django_avatar_kit.storage import base as storage
from tests.support.lifecycle import column, upload
from tests.testapp.models import Team

ALL = {"min_age": 0, "max_percent": 100}


def sweep(**options: Any) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    call_command("avatar_sweep", stdout=out, stderr=err, **options)
    return out.getvalue(), err.getvalue()


def team(**options: Any) -> Team:
    return Team.objects.create(avatar=upload(**options))


def lose(row: Any) -> str:
    """Empty the column of a row without the kit's notice. Returns the name that it held."""
    key = column(row)
    plain = models.Value("", output_field=models.CharField())
    models.QuerySet(type(row)).filter(pk=row.pk).update(avatar=plain)
    return key


def keys(place: Any, folder: str = "") -> set[str]:
    return {file.key for file in storage.adapter_of(place).walk(folder)}


Memory: Any = InMemoryStorage


def there(place: Any) -> set[str]:
    """The keys in an in-memory storage, read past the storage's own ``listdir()``."""

    def below(folder: str) -> Iterator[str]:
        folders, files = InMemoryStorage.listdir(place, folder)
        yield from (f"{folder}{name}" for name in files)
        for name in folders:
            yield from below(f"{folder}{name}/")

    return set(below(""))
