from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.core.signals import request_started


class AvatarKitAllauthConfig(AppConfig):
    name = "django_avatar_kit.contrib.allauth"
    label = "avatar_kit_allauth"
    verbose_name = "Avatars of social accounts"

    def ready(self) -> None:
        # Receivers run in the order in which they were connected, and another app's may make the
        # profile of a new user. So ours is connected last, when all apps are ready.
        request_started.connect(self.connect, dispatch_uid=self.label)

    def connect(self, **_kwargs: Any) -> None:
        """Listen to django-allauth, from the first request on."""
        from allauth.account.signals import user_signed_up
        from allauth.socialaccount.signals import social_account_added

        from . import pictures

        for signal in (user_signed_up, social_account_added):
            signal.connect(pictures.receive, dispatch_uid=self.label)
        request_started.disconnect(dispatch_uid=self.label)
