"""The site's addresses."""

from __future__ import annotations

from django.conf import settings
from django.conf.urls.static import static
from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import include, path

from profiles.forms import LogInForm

urlpatterns = [
    path("", include("profiles.urls")),
    path("avatar/", include("django_avatar_kit.urls")),
    path(
        "accounts/login/",
        LoginView.as_view(authentication_form=LogInForm, redirect_authenticated_user=True),
        name="login",
    ),
    path("accounts/logout/", LogoutView.as_view(), name="logout"),
    path("admin/", admin.site.urls),
    # The language menu in the footer.
    path("i18n/", include("django.conf.urls.i18n")),
]
if settings.MEDIA_ROOT:
    # Media on the development server; in production the web server's business. Where they are not
    # in a folder, this would serve the current directory.
    urlpatterns += static(settings.MEDIA_URL, document_root=settings.MEDIA_ROOT)
