"""Media in a folder of this machine: rounds 1 to 4 of the example."""

from __future__ import annotations

import os

from . import base
from .base import *  # noqa: F403
from .environment import content_security_policy

MEDIA_ROOT = os.environ.get("DJANGO_MEDIA_ROOT") or base.BASE_DIR / "media"
MEDIA_URL = os.environ.get("DJANGO_MEDIA_URL") or "media/"
SECURE_CSP = content_security_policy(MEDIA_URL)

STORAGES = {
    **base.STORAGES,
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
}
