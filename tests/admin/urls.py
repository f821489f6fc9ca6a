from __future__ import annotations

from django.urls import path

from tests.admin.site import site

urlpatterns = [path("admin/", site.urls)]
