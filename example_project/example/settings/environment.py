"""Settings read from the environment, so that nothing secret or local is in version control."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

if TYPE_CHECKING:
    from pathlib import Path

#: Each is a module beside this one; the first is taken where nothing is said.
_STORAGES = ("filesystem", "s3")
_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off", ""})


def settings_module() -> str:
    """The settings of the place where media live, which ``STORAGE`` names."""
    storage = os.environ.get("STORAGE") or _STORAGES[0]
    if storage not in _STORAGES:
        raise ImproperlyConfigured(
            f"STORAGE={storage!r} is no place for media that this project knows. "
            f"Use {' or '.join(_STORAGES)}."
        )
    return f"example.settings.{storage}"


def flag(name: str, *, default: bool) -> bool:
    """A switch: 1/0, true/false, yes/no or on/off."""
    value = os.environ.get(name)
    if value is None:
        return default
    if value.lower() in _TRUE:
        return True
    if value.lower() in _FALSE:
        return False
    raise ImproperlyConfigured(f"{name}={value!r} is neither on nor off. Use 1 or 0.")


def words(name: str) -> list[str]:
    """A list, separated by commas."""
    return [word.strip() for word in os.environ.get(name, "").split(",") if word.strip()]


def content_security_policy(*pictures: str) -> dict[str, list[str]]:
    """A strict ``SECURE_CSP``: all from this site, nothing inline.

    ``pictures`` are URLs below which media are; of those on another server, its origin is allowed.
    """
    origins = {
        f"{parts.scheme}://{parts.netloc}" for parts in map(urlsplit, pictures) if parts.netloc
    }
    return {
        "default-src": ["'self'"],
        "img-src": ["'self'", "blob:", *sorted(origins)],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }


def database(name: str, *, default: Path) -> dict[str, Any]:
    """A ``DATABASES`` entry: the SQLite file ``default``, or what the URL ``name`` holds says.

    ``sqlite:///<path>`` or ``postgresql://<user>:<password>@<host>:<port>/<name>``.
    """
    value = os.environ.get(name)
    if not value:
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": default}
    url = urlsplit(value)
    path = unquote(url.path[1:])
    if url.scheme == "sqlite" and path:
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": path}
    if url.scheme in {"postgres", "postgresql"} and path:
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": path,
            "USER": unquote(url.username or ""),
            "PASSWORD": unquote(url.password or ""),
            "HOST": url.hostname or "",
            "PORT": str(url.port or ""),
            "CONN_HEALTH_CHECKS": True,
            "CONN_MAX_AGE": 60,
        }
    # The URL may hold a password, so the message shows its scheme alone.
    raise ImproperlyConfigured(
        f"{name} ({url.scheme or 'no scheme'}) names no database that this project knows. Use "
        "sqlite:///<path> or postgresql://<user>:<password>@<host>:<port>/<name>."
    )
