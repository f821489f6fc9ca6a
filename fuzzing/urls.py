from __future__ import annotations

from django.urls import include, path

urlpatterns = [path("avatar/", include("django_avatar_kit.urls"))]
