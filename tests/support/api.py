"""URLs of an API: the avatar of whoever is logged in, and those of channels."""

from __future__ import annotations

from typing import Any

from django.urls import include, path
from rest_framework.routers import DefaultRouter

from django_avatar_kit.contrib.rest_framework.views import AvatarViewSet
from tests.testapp.models import Channel


class ChannelAvatarViewSet(AvatarViewSet):
    """The icon of a channel."""

    model = Channel
    field_name = "banner"
    size = 40

    def may_change(self, row: Any) -> bool:
        return bool(row.name == self.request.user.get_username())


router = DefaultRouter()
router.register("me", AvatarViewSet, basename="me")
router.register(r"channels/(?P<pk>[^/.]+)", ChannelAvatarViewSet, basename="channel")

urlpatterns = [
    path("api/", include(router.urls)),
    path("avatar/", include("django_avatar_kit.urls")),
]
