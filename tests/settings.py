"""Settings of the kit's own tests: SQLite, or PostgreSQL with AVATAR_KIT_TEST_DB=postgres.

All other settings of tests begin with these: those of neighbours, of ``contrib``, of the browser,
and of small sites in processes of their own (``support/small_site.py``).
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from tests.support import postgres

SECRET_KEY = "only for tests"
ALLOWED_HOSTS = ["testserver"]
USE_TZ = True
ROOT_URLCONF = "tests.urls"
LANGUAGE_CODE = "en"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "easy_thumbnails",
    "django_avatar_kit",
    # In its selected mode, a process started by a test has it instead.
    os.environ.get("AVATAR_KIT_TEST_CLEANUP", "django_cleanup.apps.CleanupConfig"),
    "rest_framework",
    "reversion",
    "simple_history",
    "tests.testapp",
]
INSTALLED_APPS = [app for app in INSTALLED_APPS if app]

MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
STATIC_URL = "/static/"
MEDIA_URL = "/media/"
# Never written to: each test has a folder of its own, see conftest.
MEDIA_ROOT = str(Path(tempfile.gettempdir()) / "django-avatar-kit-must-stay-empty")
# The same for both that the test app names.
STORAGES = {
    **{
        alias: {"BACKEND": "django.core.files.storage.FileSystemStorage"}
        for alias in ("default", "renditions")
    },
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def _database(name: str) -> dict[str, Any]:
    if os.environ.get("AVATAR_KIT_TEST_DB") == "postgres":
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": name,
            "USER": "postgres",
            "HOST": "127.0.0.1",
            "PORT": postgres.port(),
            # The test app has no migrations, and its tables refer to those of apps that have.
            "TEST": {"MIGRATE": False},
        }
    # A file, since an in-memory database would be shared by threads without any lock.
    folder = Path(tempfile.gettempdir())
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": folder / f"{name}.sqlite3",
        # Nothing here is worth a disk write.
        "OPTIONS": {"timeout": 30, "init_command": "PRAGMA synchronous=OFF"},
        "TEST": {"NAME": folder / f"test_{name}_{os.getpid()}.sqlite3"},
    }


DATABASES = {"default": _database("avatar_kit"), "other": _database("avatar_kit_other")}
