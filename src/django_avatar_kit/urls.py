"""``path("avatar/", include("django_avatar_kit.urls"))``"""

from __future__ import annotations

from django.urls import path

from . import picture_views, views

__all__ = ["app_name", "urlpatterns"]

#: The namespace: ``{% url "avatar_kit:change" %}``.
app_name = "avatar_kit"

#: Two pages, ``change`` and ``delete``, and pictures that Django itself answers with.
urlpatterns = [
    path("", views.AvatarChangeView.as_view(), name="change"),
    path("delete/", views.AvatarDeleteView.as_view(), name="delete"),
    path("master/<str:seal>/", picture_views.MasterView.as_view(), name="master"),
    # As URLs of initials were, which pages and mails may still have. No sealed one has a hyphen.
    path(
        "initials/<str:letters>-<int:hue>.svg",
        picture_views.LettersView.as_view(),
        name="initials",
    ),
    path("initials/<str:sealed>.svg", picture_views.InitialsView.as_view(), name="initials"),
    path("identicon/<str:code>.svg", picture_views.IdenticonView.as_view(), name="identicon"),
]
