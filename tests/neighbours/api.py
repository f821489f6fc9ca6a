"""An API with the kit's viewset, and with serializers that have its fields."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.urls import include, path
from rest_framework import serializers
from rest_framework.routers import SimpleRouter
from rest_framework.viewsets import ModelViewSet

from django_avatar_kit.contrib.rest_framework import (
    AvatarCropField,
    AvatarFaceField,
    AvatarUploadField,
)
from django_avatar_kit.contrib.rest_framework.views import AvatarViewSet
from tests.testapp.models import Team

#: For drf-spectacular.
APART = {"COMPONENT_SPLIT_REQUEST": True}


class CaptainSerializer(serializers.ModelSerializer):
    face = AvatarFaceField(source="*", urls=True)

    class Meta:
        model = User
        fields = ["username", "face"]


class TeamSerializer(serializers.ModelSerializer):
    face = AvatarFaceField(source="*", size=48)
    captain = CaptainSerializer(read_only=True)
    portrait = AvatarUploadField(source="avatar")
    avatar = AvatarUploadField(write_only=True)
    crop = AvatarCropField()

    class Meta:
        model = Team
        fields = ["name", "face", "captain", "portrait", "avatar", "crop"]


class TeamViewSet(ModelViewSet):
    """Teams."""

    queryset = Team.objects.all()
    serializer_class = TeamSerializer
    http_method_names = ["post"]


router = SimpleRouter()
router.register("me", AvatarViewSet, basename="me")
router.register("teams", TeamViewSet)
urlpatterns = [path("api/", include(router.urls))]
