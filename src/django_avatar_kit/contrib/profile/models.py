"""The profile of a site that wants nothing but avatars on its users."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from ...models import AvatarMixin

__all__ = ["Profile"]


class Profile(AvatarMixin):
    """The avatar of one user: ``user.avatar_profile.avatar``.

    A user needs no row. It is made when they save their first picture on the change page; until
    then, ``{% avatar user %}`` shows the fallback.
    """

    #: Whose avatar it is.
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        # Not "profile", which many sites have already.
        related_name="avatar_profile",
        verbose_name=pgettext_lazy("whose picture it is", "user"),
    )

    class Meta:
        verbose_name = _("profile")
        verbose_name_plural = _("profiles")

    def __str__(self) -> str:
        return str(self.user)
