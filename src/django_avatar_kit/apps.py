"""What happens once, when Django is ready: checks are registered and handlers connected."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig, apps
from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _


class AvatarKitConfig(AppConfig):
    name = "django_avatar_kit"
    label = "avatar_kit"
    verbose_name = _("Avatars")
    default_auto_field = "django.db.models.BigAutoField"

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        # Not a system check: without easy-thumbnails, the field cannot be imported.
        if not any(entry.split(".")[0] == "easy_thumbnails" for entry in settings.INSTALLED_APPS):
            raise ImproperlyConfigured(
                "django-avatar-kit needs easy-thumbnails. Add 'easy_thumbnails' to INSTALLED_APPS."
            )

    def ready(self) -> None:
        from .checks import check_columns, check_field, check_models, check_settings
        from .fields import AvatarField
        from .lifecycle import receivers

        AvatarField.check_arguments = check_field
        checks.register(check_settings)
        checks.register(check_models, checks.Tags.models)
        checks.register(check_columns, checks.Tags.database)
        receivers.connect(apps.get_models())
        if apps.is_installed("rest_framework"):
            from .contrib import rest_framework

            rest_framework.connect()
