"""``"django_avatar_kit.contrib.profile"`` in ``INSTALLED_APPS``: an avatar for every user."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AvatarProfileConfig(AppConfig):
    name = "django_avatar_kit.contrib.profile"
    label = "avatar_kit_profile"
    verbose_name = _("Avatars")
    # Fixed, so that DEFAULT_AUTO_FIELD of the site asks for no migration of this app.
    default_auto_field = "django.db.models.BigAutoField"
