from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings as live_settings

# Before any test replaces it.
REAL_MEDIA = Path(live_settings.MEDIA_ROOT)

Stored = Callable[[], set[str]]


def files_below(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(autouse=True)
def stored(settings, tmp_path: Path) -> Iterator[Stored]:
    """What lies in storage now. Each test has an empty one, and leaves the real one alone."""
    before = files_below(REAL_MEDIA)
    settings.MEDIA_ROOT = tmp_path / "media"
    yield lambda: files_below(tmp_path / "media")
    left = files_below(REAL_MEDIA) - before
    assert not left, f"This test has littered {REAL_MEDIA}: {sorted(left)}"


@pytest.fixture(autouse=True)
def quick_passwords(settings) -> None:
    """Hashing is slow on purpose, and no test is about it."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
