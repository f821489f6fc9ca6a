"""Storages on S3 of the tests' own, and what several tests do with them."""

from __future__ import annotations

from typing import Any

import pytest
from storages.backends.s3 import S3Storage

from django_avatar_kit.storage import presigned_urls
from django_avatar_kit.storage.base import Write

KEY = "avatars/3f/" + "3f" * 16 + ".64.webp"
IMMUTABLE = "public, max-age=31536000, immutable"

#: Keys of objects that any storage method would take for “photos/me.jpg”, or refuse.
ODD = ["photos//me.jpg", "photos/./me.jpg", "photos/x/../me.jpg", "photos\\me.jpg", "../me.jpg"]


def write(storage: Any, key: str, data: bytes = b"data") -> Write:
    return Write(storage=storage, key=key, data=data, content_type="image/webp")


def actions(requests: list[Any]) -> list[str]:
    return [request.action for request in requests]


class TimeIsUp(Exception):  # noqa: N818
    """As a task queue raises it in the middle of whatever goes on."""


class Clock:
    """The time that the kit and botocore see, in seconds since the epoch."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1_700_000_000.0
        monkeypatch.setattr(presigned_urls.time, "time", lambda: self.now)


class OwnUrl(S3Storage):
    def url(self, name: str, *args: Any, **kwargs: Any) -> str:
        return f"https://example.org/{name}"


class OwnParameters(S3Storage):
    def get_object_parameters(self, name: str) -> dict[str, Any]:
        return {**super().get_object_parameters(name), "ContentDisposition": "inline"}
