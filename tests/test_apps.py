"""What is connected when Django starts, in processes that start a small project."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from tests.support.processes import python

FILES = {
    "__init__.py": "",
    "models.py": """
        from django.db import models
        from django_avatar_kit.fields import AvatarField
        from django_avatar_kit.models import AvatarMixin

        class Cat(AvatarMixin):
            class Meta:
                app_label = "cats"

        class Odd(models.Model):
            face = AvatarField(fit="stretch", sizes=(0,))

            class Meta:
                app_label = "cats"
        """,
    "admin.py": """
        from django import forms
        from django.contrib import admin
        from cats.models import Cat

        class CatForm(forms.ModelForm):
            class Meta:
                model = Cat
                fields = ["avatar"]

        @admin.register(Cat)
        class CatAdmin(admin.ModelAdmin):
            form = CatForm
        """,
}

START = """
import django
from django.conf import settings

settings.configure(
    INSTALLED_APPS=[
        "django.contrib.admin",
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.messages",
        "django.contrib.sessions",
        "cats",
        "easy_thumbnails",
        "django_avatar_kit",
    ],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    AVATAR_KIT={"COLOUR": 1},
    MEDIA_ROOT="/nowhere",
)
django.setup()
"""


@pytest.fixture(autouse=True)
def cats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An app with a model and its admin, which can be imported by the processes."""
    (tmp_path / "cats").mkdir()
    for name, text in FILES.items():
        (tmp_path / "cats" / name).write_text(dedent(text))
    monkeypatch.syspath_prepend(tmp_path)


def test_the_form_of_an_admin_that_is_listed_before_the_kit():
    """The admin imports ``admin.py`` of all apps in its ``ready()``, before that of the kit."""
    python(
        START
        + dedent(
            """
            import sys
            assert "cats.admin" in sys.modules
            from cats.admin import CatForm
            from django_avatar_kit.forms import AvatarField, AvatarInput
            field = CatForm.base_fields["avatar"]
            assert type(field) is AvatarField, type(field)
            # The admin's own widget for file fields is for forms that the admin makes itself.
            assert type(field.widget) is AvatarInput, type(field.widget)
            """
        )
    )


def test_the_checks_of_settings_models_and_fields_are_run():
    python(
        START
        + dedent(
            """
            from django.core.checks import run_checks
            from cats.models import Cat, Odd
            assert Cat._meta.get_field("avatar").check() == []
            of_field = [message.id for message in Odd._meta.get_field("face").check()]
            assert of_field == ["avatar_kit.E004", "avatar_kit.E012"], of_field
            found = sorted(m.id for m in run_checks() if m.id.startswith("avatar_kit."))
            # Of the settings and of the model.
            wanted = sorted([*of_field, "avatar_kit.E001", "avatar_kit.E010"])
            assert found == wanted, found
            """
        )
    )
