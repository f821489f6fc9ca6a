"""A tiny site on the installed wheel: migrate, upload, show, replace, delete.

Started by check.py in an empty directory, with the wheel's own requirements and nothing
else: no test runner, no checkout. So it brings its settings along, instead of those of the tests.
"""

from __future__ import annotations

import io
import os
import re
import sys
import textwrap
from importlib.metadata import distribution
from importlib.resources import files
from pathlib import Path

import django
from django.core.management import call_command
from django.utils import translation
from PIL import Image

SITE = Path(__file__).resolve().parent
MEDIA = SITE / "media"

FILES = {
    "site_settings.py": """
        DEBUG = False
        ALLOWED_HOSTS = ["testserver"]
        SECRET_KEY = "smoke"
        ROOT_URLCONF = "site_urls"
        USE_TZ = True
        DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "site.sqlite3"}}
        DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
        INSTALLED_APPS = [
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.messages",
            "django.contrib.sessions",
            "easy_thumbnails",
            "django_avatar_kit",
            "django_cleanup.apps.CleanupConfig",
            "people",
        ]
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
                    ],
                },
            },
        ]
        MEDIA_ROOT = "media"
        MEDIA_URL = "/media/"
        STATIC_URL = "/static/"
        LOGIN_REDIRECT_URL = "/"
    """,
    "site_urls.py": """
        from django.shortcuts import render
        from django.urls import include, path

        urlpatterns = [
            path("", lambda request: render(request, "people/me.html")),
            path("avatar/", include("django_avatar_kit.urls")),
        ]
    """,
    "people/__init__.py": "",
    "people/models.py": """
        from django.conf import settings
        from django.db import models
        from django_avatar_kit.models import AvatarMixin

        class Profile(AvatarMixin, models.Model):
            user = models.OneToOneField(
                settings.AUTH_USER_MODEL, models.CASCADE, related_name="profile"
            )
    """,
    "people/templates/people/me.html": "{% load avatar_kit %}{% avatar user 64 class='round' %}",
}


def write_site() -> None:
    for name, text in FILES.items():
        target = SITE / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(textwrap.dedent(text))
    (SITE / "people" / "migrations").mkdir()
    (SITE / "people" / "migrations" / "__init__.py").touch()


def photo(color: str) -> io.BytesIO:
    data = io.BytesIO()
    Image.new("RGB", (800, 600), color).save(data, "JPEG")
    data.seek(0)
    data.name = "IMG_0001.jpg"
    return data


def stored() -> set[str]:
    return {path.relative_to(MEDIA).as_posix() for path in MEDIA.rglob("*") if path.is_file()}


def check_metadata() -> None:
    import django_avatar_kit

    kit = distribution("django-avatar-kit")
    assert kit.version == django_avatar_kit.__version__, kit.version
    assert kit.metadata["License-Expression"] == "BSD-3-Clause"
    assert "site-packages" in str(django_avatar_kit.__file__), django_avatar_kit.__file__
    assert files("django_avatar_kit").joinpath("py.typed").is_file()


def use_site() -> None:
    from django.contrib.auth import get_user_model
    from django.test import Client
    from django.urls import reverse

    user = get_user_model().objects.create_user("ada", password="smoke")
    client = Client(raise_request_exception=True)
    client.force_login(user)

    page = client.get("/").content.decode()
    assert page.startswith("<"), page
    assert not MEDIA.exists() or not stored()

    response = client.post(reverse("avatar_kit:change"), {"avatar": photo("teal")})
    assert response.status_code == 302, response.content.decode()
    page = client.get("/").content.decode()
    source = re.search(r'src="/media/([^"]+)"', page)
    assert source, page
    first = stored()
    assert source[1] in first, (source[1], first)
    assert not any("IMG_0001" in name for name in first), first
    client.get(reverse("avatar_kit:change"))
    with translation.override("de"):
        page = client.get(reverse("avatar_kit:change")).content.decode()
        assert "Ihr Bild ändern</h1>" in page, page

    client.post(reverse("avatar_kit:change"), {"avatar": photo("navy")})
    second = stored()
    assert second, second
    assert not first & second, "The replaced avatar left files."

    client.post(reverse("avatar_kit:delete"))
    assert not stored(), stored()
    assert client.get("/").content.decode().startswith("<")


def main() -> None:
    write_site()
    sys.path.insert(0, str(SITE))
    os.environ["DJANGO_SETTINGS_MODULE"] = "site_settings"
    django.setup()
    call_command("makemigrations", "people", verbosity=0)
    call_command("migrate", verbosity=0)
    call_command("check", fail_level="WARNING")
    check_metadata()
    use_site()
    call_command("avatar_sweep")
    print("The wheel works on its own: uploaded, shown, translated, replaced, deleted.")


if __name__ == "__main__":
    main()
