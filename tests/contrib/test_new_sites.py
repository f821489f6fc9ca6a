"""A site that adds one line to INSTALLED_APPS and no setting, with a user model of its own."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest
from django.core.management import call_command

from tests.support.processes import python

PEOPLE = """
    from django.contrib.auth.models import AbstractUser
    from django.db import models

    class Person(AbstractUser):
        id = models.UUIDField(primary_key=True, default=__import__("uuid").uuid4)
    """
START = """
import django
from django.conf import settings
from django.core.management import call_command

settings.configure(
    SECRET_KEY="x",
    ALLOWED_HOSTS=["testserver"],
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "people",
        "easy_thumbnails",
        "django_avatar_kit",
        "django_avatar_kit.contrib.{app}",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    TEMPLATES=[
        {{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}}
    ],
    AUTH_USER_MODEL="people.Person",
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    DATABASES={{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}}},
    ROOT_URLCONF="people.urls",
    MEDIA_ROOT={media!r},
    STATIC_URL="static/",
)
django.setup()
call_command("makemigrations", "people", verbosity=0)
call_command("migrate", verbosity=0)
"""
WALK = """
# Exits with 1 where a migration is missing.
call_command("makemigrations", check=True, dry_run=True, verbosity=0)
call_command("check", fail_level="WARNING")

from django.template import Context, Template
from django.test import Client
from django_avatar_kit.test import make_upload
from people.models import Person

ada = Person.objects.create(username="ada")
client = Client()
client.force_login(ada)
response = client.post("/avatar/", {"avatar": make_upload()})
assert response.status_code == 302, response.content
shown = Template("{% load avatar_kit %}{% avatar user %}")
html = shown.render(Context({"user": Person.objects.get()}))
assert html.startswith('<img src="/avatars/'), html
assert 'alt="ada"' in html, html
"""


@pytest.fixture
def people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An app with the user model, and the URLs, which can be imported by the process."""
    folder = tmp_path / "people"
    (folder / "migrations").mkdir(parents=True)
    for name, text in {
        "__init__.py": "",
        "migrations/__init__.py": "",
        "models.py": PEOPLE,
    }.items():
        (folder / name).write_text(dedent(text))
    monkeypatch.syspath_prepend(tmp_path)
    return folder


@pytest.mark.parametrize("auto_field", ["BigAutoField", "AutoField"])
def test_no_migration_is_missing(db, settings, auto_field):
    # pytest runs without migrations.
    settings.MIGRATION_MODULES = {}
    settings.DEFAULT_AUTO_FIELD = f"django.db.models.{auto_field}"
    labels = ("avatar_kit_profile", "avatar_kit_gallery")
    # Exits where one is missing.
    call_command("makemigrations", *labels, check=True, dry_run=True, skip_checks=True)


def start(app: str, tmp_path: Path) -> str:
    return START.format(app=app, media=str(tmp_path / "media"))


def urls(module: str) -> str:
    return dedent(f"""
        from django.urls import include, path
        urlpatterns = [path("avatar/", include("{module}"))]
        """)


def test_a_profile_for_every_user(people, tmp_path):
    (people / "urls.py").write_text(urls("django_avatar_kit.urls"))
    python(start("profile", tmp_path) + WALK)


def test_a_gallery_for_every_user(people, tmp_path):
    (people / "urls.py").write_text(urls("django_avatar_kit.contrib.gallery.urls"))
    python(start("gallery", tmp_path) + WALK)
