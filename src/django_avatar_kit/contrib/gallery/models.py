"""The pictures of users."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from .base import PictureBase

__all__ = ["Picture"]


class Picture(PictureBase):
    """One of a user's pictures: ``user.avatar_pictures``, ``user.primary_avatar``."""

    #: Whose picture it is.
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="avatar_pictures",
        verbose_name=pgettext_lazy("whose picture it is", "user"),
    )
    #: The owner once more if this is the picture to show. Unique, so that there is only one.
    primary_of = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        null=True,
        editable=False,
        related_name="primary_avatar",
        verbose_name=_("shown for"),
    )

    class Meta(PictureBase.Meta):
        verbose_name = _("picture")
        verbose_name_plural = _("pictures")
