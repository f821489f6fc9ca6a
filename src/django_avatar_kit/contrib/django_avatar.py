"""For the time in which a site moves from django-avatar: what has not been imported yet is shown.

AVATAR_KIT = {
    "FALLBACKS": ("django_avatar_kit.contrib.django_avatar.DjangoAvatar", "initials"),
}
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model

from ..fallbacks import Attributes, Fallback, img

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

__all__ = ["DjangoAvatar"]


class DjangoAvatar(Fallback):
    """The picture that a user has in django-avatar, at django-avatar's cost: a query each.

    To be removed from ``FALLBACKS`` when ``avatar_import`` has run.
    """

    def html(self, owner: Any, size: int, alt: str, attrs: Attributes) -> SafeString | None:
        url = self.url(owner, size)
        return None if url is None else img(url, "", size, alt, attrs)

    def url(self, owner: Any, size: int) -> str | None:
        if not isinstance(owner, get_user_model()) or owner.pk is None:
            return None
        from avatar.providers import PrimaryAvatarProvider

        url: str | None = PrimaryAvatarProvider.get_avatar_url(owner, size)
        return url
