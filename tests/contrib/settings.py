"""The settings of the tests, with the apps of ``contrib`` instead of the test app.

A site has one of them. Both in one process take half the time, and each test names the one that
it is about (``OWNER``). Sites with one and no setting are in ``test_new_sites``.
"""

from __future__ import annotations

from tests.settings import *  # noqa: F403

ROOT_URLCONF = "tests.contrib.urls"
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "easy_thumbnails",
    "django_avatar_kit",
    "django_avatar_kit.contrib.profile",
    "django_avatar_kit.contrib.gallery",
    "django_cleanup.apps.CleanupConfig",
    "tests.contrib.teams",
]
