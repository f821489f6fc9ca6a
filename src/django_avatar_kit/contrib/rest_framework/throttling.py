"""How often a user may change an avatar: decoding and encoding a picture takes time."""

from __future__ import annotations

from typing import Any

from rest_framework.permissions import SAFE_METHODS
from rest_framework.settings import api_settings
from rest_framework.throttling import UserRateThrottle

__all__ = ["AvatarUploadThrottle"]


class AvatarUploadThrottle(UserRateThrottle):
    """Limits changes to the rate of ``"avatar_upload"`` in ``DEFAULT_THROTTLE_RATES``, if any."""

    scope = "avatar_upload"

    def get_rate(self) -> str | None:
        # The base class has no rates but those of when it was imported, and demands one.
        rate: str | None = api_settings.DEFAULT_THROTTLE_RATES.get(self.scope)
        return rate

    def allow_request(self, request: Any, view: Any) -> bool:
        return request.method in SAFE_METHODS or bool(super().allow_request(request, view))
