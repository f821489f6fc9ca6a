"""``path("avatar/", include("django_avatar_kit.urls"))``"""

from __future__ import annotations

from django.urls import path

from . import views

app_name = "avatar_kit"

urlpatterns = [
    path("", views.AvatarChangeView.as_view(), name="change"),
    path("delete/", views.AvatarDeleteView.as_view(), name="delete"),
    path("initials/<str:letters>-<int:hue>.svg", views.InitialsView.as_view(), name="initials"),
]
