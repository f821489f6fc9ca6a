"""A site that adds one line to INSTALLED_APPS and no setting, with a user model of its own."""

from __future__ import annotations

import pytest
from django.core.management import call_command

from tests.support.small_site import Site

PEOPLE = """
from django.contrib.auth.models import AbstractUser
from django.db import models

class Person(AbstractUser):
    id = models.UUIDField(primary_key=True, default=__import__("uuid").uuid4)
"""
SETTINGS = """
INSTALLED_APPS.append("django_avatar_kit.contrib.{app}")
AUTH_USER_MODEL = "people.Person"
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
"""
URLS = """
from django.urls import include

urlpatterns += [path("avatar/", include("{urls}"))]
"""
WALK = """
# Exits with 1 where a migration is missing.
call_command("makemigrations", check=True, dry_run=True, verbosity=0)

from django.template import Context, Template
from people.models import Person

ada = Person.objects.create(username="ada")
client = Client()
client.force_login(ada)
response = client.post("/avatar/", {"avatar": make_upload()})
assert response.status_code == 302, response.content
shown = Template("{% load avatar_kit %}{% avatar user %}")
html = shown.render(Context({"user": Person.objects.get()}))
assert html.startswith('<img src="/media/avatars/'), html
assert 'alt="ada"' in html, html
"""


@pytest.mark.parametrize("auto_field", ["BigAutoField", "AutoField"])
def test_no_migration_is_missing(db, settings, auto_field):
    # pytest runs without migrations.
    settings.MIGRATION_MODULES = {}
    settings.DEFAULT_AUTO_FIELD = f"django.db.models.{auto_field}"
    labels = ("avatar_kit_profile", "avatar_kit_gallery")
    # Exits where one is missing.
    call_command("makemigrations", *labels, check=True, dry_run=True, skip_checks=True)


@pytest.mark.parametrize(
    ("app", "urls"),
    [
        ("profile", "django_avatar_kit.urls"),
        ("gallery", "django_avatar_kit.contrib.gallery.urls"),
    ],
)
def test_an_avatar_for_every_user(tmp_path, app, urls):
    site = Site(tmp_path)
    site.add("settings.py", SETTINGS.format(app=app))
    site.write("people/models.py", PEOPLE)
    site.add("urls.py", URLS.format(urls=urls))
    site.run(WALK)
