from __future__ import annotations

import json
import zipfile

import pytest
from django.core.exceptions import SuspiciousFileOperation
from PIL import UnidentifiedImageError

from django_avatar_kit.exceptions import StorageError
from django_avatar_kit.interruptions import is_interruption


class SoftTimeLimitExceeded(Exception):  # noqa: N818
    """As Celery's, whose class is defined in billiard."""


class Deadline(RuntimeError):  # noqa: N818
    """A site's own, and no less so for what it is derived from."""


class QuotaExceeded(OSError):  # noqa: N818
    """Of a site's own storage, which says with it that it has failed."""


class Renamed(SuspiciousFileOperation):
    """Derived from one of Django's."""


CLIENTS = type("ClientError", (Exception,), {"__module__": "botocore.exceptions"})


@pytest.mark.parametrize(
    "error",
    [
        OSError(28, "No space left on device"),
        QuotaExceeded(),
        TimeoutError(),
        ValueError(),
        NotImplementedError(),
        json.JSONDecodeError("", "", 0),
        zipfile.BadZipFile(),
        Renamed(),
        UnidentifiedImageError(),
        StorageError(key="a", reason="b"),
        CLIENTS(),
        type("Ours", (CLIENTS,), {"__module__": "shop.storage"})(),
        type("NotFound", (Exception,), {"__module__": "google.api_core.exceptions"})(),
    ],
)
def test_what_a_storage_raises(error):
    assert not is_interruption(error)


@pytest.mark.parametrize(
    "error", [SoftTimeLimitExceeded(), Deadline(), KeyboardInterrupt(), SystemExit()]
)
def test_what_somebody_else_raises(error):
    assert is_interruption(error)
