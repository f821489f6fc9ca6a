"""A small site made of a page of the documentation, in a process of its own.

Blocks whose first line names a file (``# people/models.py``) become that file; those for
``settings.py`` and ``urls.py`` come behind the lines that every Django project begins with.
"""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import django_avatar_kit
from tests.support.code_blocks import ROOT, blocks

SETTINGS = """
from pathlib import Path

BASE_DIR = Path(__file__).parent
SECRET_KEY = "only for tests"
ALLOWED_HOSTS = ["testserver"]
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ROOT_URLCONF = "urls"
STATIC_URL = "/static/"
MEDIA_ROOT, MEDIA_URL = BASE_DIR / "media", "/media/"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db"}}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "easy_thumbnails",
    "django_avatar_kit",
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
        "DIRS": [BASE_DIR / "templates"],
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
"""
URLS = """
from django.contrib import admin
from django.urls import path

urlpatterns = [path("admin/", admin.site.urls)]
"""
#: Run before what a test does: everything that a person types to see the first page.
START = """
import django, os
os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
django.setup()
from django.core.management import call_command
call_command("makemigrations", "people", verbosity=0)
call_command("migrate", run_syncdb=True, verbosity=0)
call_command("check", fail_level="WARNING")
from django.test import Client
from django.test.utils import setup_test_environment
setup_test_environment()
from django_avatar_kit.test import make_upload
"""


def make(page: str, folder: Path) -> Path:
    """Write the files of a page. Code without a file name is left out."""
    files = {"settings.py": SETTINGS, "urls.py": URLS, "people/__init__.py": ""}
    for block in blocks("python", "django", page=page):
        if block.file:
            # Other folders than these two are those of the app.
            alone = "/" not in block.file and block.file not in files
            name = f"people/{block.file}" if alone else block.file
            files[name] = files.get(name, "") + block.code.replace(
                "from .views", "from people.views" if name == "urls.py" else "from .views"
            )
    for name, code in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(code, "utf-8")
    return folder


def run(site: Path, code: str) -> None:
    """Run code in the site, after its migrations. Raises ``AssertionError`` with its output."""
    source = str(Path(django_avatar_kit.__file__).parent.parent)
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(site), source, str(ROOT)]),
        "PYTHONWARNINGS": "error",
    }
    script = START + textwrap.dedent(code)
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=site,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
