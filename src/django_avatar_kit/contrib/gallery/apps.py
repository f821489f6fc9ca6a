"""``"django_avatar_kit.contrib.gallery"`` in ``INSTALLED_APPS``: several avatars a user."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AvatarGalleryConfig(AppConfig):
    name = "django_avatar_kit.contrib.gallery"
    label = "avatar_kit_gallery"
    verbose_name = _("Avatars")
    # Fixed, so that DEFAULT_AUTO_FIELD of the site asks for no migration of this app.
    default_auto_field = "django.db.models.BigAutoField"
