from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.views import LoginView
from django.urls import include, path

from . import views

urlpatterns = [
    path("avatar/", include("django_avatar_kit.urls")),
    path("accounts/login/", LoginView.as_view(template_name="site/login.html"), name="login"),
    path("admin/", admin.site.urls),
    path("plain/", views.plain, name="plain"),
    path("wordy/", views.WordyView.as_view(), name="wordy"),
    path("nonced/", views.nonced),
    path("several/<int:pk>/", views.several, name="several"),
    path("players/<int:pk>/", views.players, name="players"),
    path("swapped/", views.swapped, name="swapped"),
    path("swapped/form/", views.swapped_form, name="swapped_form"),
    path("swapped/kit/", views.swapped_kit, name="swapped_kit"),
    path("favicon.ico", views.favicon),
]
