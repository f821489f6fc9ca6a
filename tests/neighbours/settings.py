"""The settings of the tests, with the packages that a site may have beside the kit."""

from __future__ import annotations

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS, MIDDLEWARE

_more: list[str] = [
    "avatar",
    "imagekit",
    "pictures",
    "sorl.thumbnail",
    "versatileimagefield",
    "django_avatar_kit.contrib.gallery",
    "django_avatar_kit.contrib.profile",
    "tests.neighbours.moving",
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.dummy",
    "allauth.socialaccount.providers.google",
    "allauth.socialaccount.providers.openid_connect",
    "django_avatar_kit.contrib.allauth",
    "drf_spectacular",
]
INSTALLED_APPS = [*INSTALLED_APPS, *(app for app in _more if app not in INSTALLED_APPS)]
MIDDLEWARE = [*MIDDLEWARE, "allauth.account.middleware.AccountMiddleware"]

REST_FRAMEWORK = {"DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema"}

AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
ACCOUNT_EMAIL_VERIFICATION = "none"
LOGIN_REDIRECT_URL = "/welcome/"
SOCIALACCOUNT_PROVIDERS = {
    name: {"APPS": [{"client_id": "id", "secret": "secret", "provider_id": name, "name": name}]}
    for name in ("google", "openid_connect")
}

# django-pictures makes its files at once. By default, it asks a worker of Celery on Django 5.2.
PICTURES = {"PROCESSOR": "pictures.tasks._process_picture"}
