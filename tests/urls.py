from __future__ import annotations

from django.contrib.auth import views
from django.urls import include, path

urlpatterns = [
    path("avatar/", include("django_avatar_kit.urls")),
    path("accounts/login/", views.LoginView.as_view(), name="login"),
]
