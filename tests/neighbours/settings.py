"""The settings of the tests, with the packages that a site may have beside the kit."""

from __future__ import annotations

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS

_more: list[str] = [
    "avatar",
    "imagekit",
    "pictures",
    "sorl.thumbnail",
    "versatileimagefield",
    "django_avatar_kit.contrib.gallery",
    "django_avatar_kit.contrib.profile",
    "tests.neighbours.moving",
]
INSTALLED_APPS = [*INSTALLED_APPS, *(app for app in _more if app not in INSTALLED_APPS)]

# django-pictures makes its files in a task of this queue (Django 6.0 and later).
TASKS = {
    "default": {
        "BACKEND": "django.tasks.backends.immediate.ImmediateBackend",
        "QUEUES": ["default", "pictures"],
    }
}
