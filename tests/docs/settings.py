"""The settings with which the examples of the documentation are run, in a process of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import django_avatar_kit.contrib
from tests.neighbours.settings import *  # noqa: F403
from tests.neighbours.settings import INSTALLED_APPS, TEMPLATES

# The test app has a profile, too, and a user of the documentation has one.
INSTALLED_APPS = [app for app in INSTALLED_APPS if not app.startswith("tests.")]
INSTALLED_APPS += ["django.contrib.staticfiles", "tests.docs.people", "tests.docs.more"]
INSTALLED_APPS += [
    f"django_avatar_kit.contrib.{path.parent.name}"
    for path in sorted(Path(django_avatar_kit.contrib.__file__).parent.glob("*/apps.py"))
]
INSTALLED_APPS += [
    "taggit",
    "wagtail",
    "wagtail.admin",
    "wagtail.documents",
    "wagtail.images",
    "wagtail.users",
]
INSTALLED_APPS = list(dict.fromkeys(INSTALLED_APPS))
WAGTAIL_SITE_NAME = "People"
# Of the two profiles that users have now.
AVATAR_KIT = {"OWNER": {"auth.user": "profile"}}
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
#: What a template that stands alone on a page extends or loads, if it says nothing else.
BASE = (
    "{% block title %}{% endblock %}"
    "{% block main %}{% block content %}{% endblock %}{% endblock %}"
)
_engine: dict[str, Any] = TEMPLATES[0]
TEMPLATES = [
    {
        **_engine,
        "APP_DIRS": False,
        "OPTIONS": {
            **_engine["OPTIONS"],
            "builtins": [
                "django.templatetags.i18n",
                "django.templatetags.static",
                "django_avatar_kit.templatetags.avatar_kit",
            ],
            "loaders": [
                ("django.template.loaders.locmem.Loader", {"base.html": BASE}),
                "django.template.loaders.app_directories.Loader",
            ],
        },
    }
]


class _NoMigrations:
    """All tables are made at once, from the models."""

    def __contains__(self, label: str) -> bool:
        return True

    def __getitem__(self, label: str) -> None:
        return None


MIGRATION_MODULES = _NoMigrations()
