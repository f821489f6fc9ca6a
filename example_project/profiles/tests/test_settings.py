from __future__ import annotations

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from example.settings import environment


@pytest.mark.parametrize(
    ("value", "expected"),
    [("1", True), ("on", True), ("True", True), ("0", False), ("no", False), ("", False)],
)
def test_flag(monkeypatch, value, expected):
    monkeypatch.setenv("SWITCH", value)
    assert environment.flag("SWITCH", default=not expected) is expected


def test_flag_that_is_not_set():
    assert environment.flag("SWITCH", default=True) is True


def test_flag_that_is_neither(monkeypatch):
    monkeypatch.setenv("SWITCH", "maybe")
    with pytest.raises(ImproperlyConfigured, match="SWITCH='maybe' is neither on nor off"):
        environment.flag("SWITCH", default=True)


def test_words(monkeypatch):
    assert environment.words("HOSTS") == []
    monkeypatch.setenv("HOSTS", "example.org, www.example.org,")
    assert environment.words("HOSTS") == ["example.org", "www.example.org"]


def test_database(monkeypatch):
    def read():
        return environment.database("DB", default=Path("db.sqlite3"))

    assert read() == {"ENGINE": "django.db.backends.sqlite3", "NAME": Path("db.sqlite3")}
    monkeypatch.setenv("DB", "sqlite:////srv/faces.sqlite3")
    assert read() == {"ENGINE": "django.db.backends.sqlite3", "NAME": "/srv/faces.sqlite3"}
    monkeypatch.setenv("DB", "postgresql://ada:p%40ss@db.internal:5433/faces")
    postgres = read()
    assert postgres["ENGINE"] == "django.db.backends.postgresql"
    assert [postgres[key] for key in ("NAME", "USER", "PASSWORD", "HOST", "PORT")] == [
        "faces",
        "ada",
        "p@ss",
        "db.internal",
        "5433",
    ]


@pytest.mark.parametrize("url", ["mysql://ada:secret@host/faces", "faces.sqlite3", "sqlite://"])
def test_database_that_is_not_known(monkeypatch, url):
    monkeypatch.setenv("DB", url)
    with pytest.raises(ImproperlyConfigured, match="postgresql://<user>") as caught:
        environment.database("DB", default=Path("db.sqlite3"))
    assert "secret" not in str(caught.value)
