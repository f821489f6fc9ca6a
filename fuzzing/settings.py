"""Django settings of a small site: users with a profile, and the page that changes its avatar."""

from __future__ import annotations

from tests.settings import MIDDLEWARE, PASSWORD_HASHERS, TEMPLATES

__all__ = ["MIDDLEWARE", "PASSWORD_HASHERS", "TEMPLATES"]

SECRET_KEY = "only for fuzzing"
ALLOWED_HOSTS = ["testserver"]
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ROOT_URLCONF = "fuzzing.urls"
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "easy_thumbnails",
    "django_avatar_kit",
    "django_avatar_kit.contrib.profile",
    "django_cleanup.apps.CleanupConfig",
]
STATIC_URL = "/static/"
MEDIA_URL = "/media/"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
# Signed and kept by the client, so that no upload leaves a row behind.
SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
