from __future__ import annotations

from django.urls import include, path

from tests.urls import urlpatterns as own

urlpatterns = [*own, path("old/", include("avatar.urls"))]
