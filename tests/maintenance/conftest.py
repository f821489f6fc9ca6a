"""Fixtures of the tests of the management commands."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import FileSystemStorage, storages
from django.db import models

from django_avatar_kit import columns
from django_avatar_kit.maintenance.doctor import examine, probed_storages
from django_avatar_kit.maintenance.doctor_advice import Finding
from tests.support.copying import KINDS
from tests.testapp.models import Guest, Team


@pytest.fixture
def places(settings: Any, tmp_path: Path, request: Any) -> Any:
    """Make storages of the given kinds, under their aliases; those of this moment are gone."""

    def entry(alias: str, kind: str, options: dict[str, Any]) -> dict[str, Any]:
        if kind == "s3":
            bucket = request.getfixturevalue("bucket")
            found: dict[str, Any] = bucket.entry(location=alias, **{"attempts": 5, **options})
            return found
        if kind == "files":
            options = {"location": str(tmp_path / alias)}
        return {"BACKEND": KINDS[kind], "OPTIONS": options}

    def make(options: dict[str, Any] | None = None, **kinds: str) -> tuple[Any, ...]:
        entries = {alias: entry(alias, kind, options or {}) for alias, kind in kinds.items()}
        settings.STORAGES = {**settings.STORAGES, **entries}
        return tuple(storages[alias] for alias in kinds)

    return make


@pytest.fixture
def target(places: Any) -> Any:
    return places(target="memory")[0]


@pytest.fixture(params=["memory", "s3"])
def place(places: Any, request: Any) -> Any:
    """A destination that has to be read, and one that tells."""
    return places(target=request.param)[0]


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Have the project know these fields only."""

    def restrict(*fields: Any) -> None:
        monkeypatch.setattr(columns, "file_columns", cache(lambda: fields))

    restrict(Team._meta.get_field("avatar"))
    return restrict


@pytest.fixture
def told(only: Any) -> Callable[..., dict[str, Finding]]:
    """What is found of the one storage there is: by what it is about, the worst of each."""

    def find(base_url: str = "") -> dict[str, Finding]:
        (place,) = probed_storages()
        found: dict[str, Finding] = {}
        for finding in examine(place, base_url):
            if finding.what not in found or finding.level != "ok":
                found[finding.what] = finding
        return found

    return find


@pytest.fixture
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def one_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """What guests have is the business of the tests that say so."""
    for attname in ("avatar", "cover"):
        field = Guest._meta.get_field(attname)
        monkeypatch.setattr(field, "default", models.NOT_PROVIDED)
        monkeypatch.setattr(field, "db_default", models.NOT_PROVIDED)
        monkeypatch.setitem(field.__dict__, "_get_default", str)


@pytest.fixture
def inner(settings, media) -> FileSystemStorage:
    """Renditions of portraits go where the avatars of teams are."""
    settings.STORAGES = {
        **settings.STORAGES,
        "renditions": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(media / "avatars"), "base_url": "/media/avatars/"},
        },
    }
    place = storages["renditions"]
    assert isinstance(place, FileSystemStorage)
    return place
