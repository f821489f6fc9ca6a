"""A small site in a process of its own, with an app that is called ``people``."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

from tests.support.markdown import blocks_of
from tests.support.processes import python

#: What begins the settings, as ``startproject`` has it.
SETTINGS = """\
from pathlib import Path

from tests.settings import *

BASE_DIR = Path(__file__).parent
ROOT_URLCONF = "urls"
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
TEMPLATES[0]["DIRS"] = [BASE_DIR / "templates"]
MEDIA_ROOT = BASE_DIR / "media"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": BASE_DIR / "db.sqlite3",
        "OPTIONS": {"timeout": 30, "init_command": "PRAGMA synchronous=OFF"},
    }
}
"""
URLS = """\
from django.contrib import admin
from django.urls import path

urlpatterns = [path("admin/", admin.site.urls)]
"""
#: Run before what a test does: everything that a person types to see the first page.
START = """
import os
os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
import django
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


class Site:
    """The files of a site in an empty folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.write("settings.py", SETTINGS)
        self.write("urls.py", URLS)
        self.write("people/__init__.py", "")

    def write(self, name: str, text: str) -> None:
        """Write a file, in place of one that is there."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text), "utf-8")

    def add(self, name: str, text: str) -> None:
        """Write at the end of a file, which need not be there."""
        path = self.folder / name
        before = path.read_text("utf-8") if path.exists() else ""
        self.write(name, f"{before}\n{dedent(text)}\n")

    def add_page(self, page: Path) -> None:
        """Add the files of a page of the documentation.

        They are the blocks whose first line names a file, such as ``# people/models.py``.
        """
        for block in blocks_of(page, "python", "django"):
            if block.file in {"settings.py", "urls.py"}:
                # These belong to the project. Other files without a folder are those of the app.
                self.add(block.file, block.text.replace("from .views", "from people.views"))
            elif block.file:
                name = block.file if "/" in block.file else f"people/{block.file}"
                self.add(name, block.text)

    def run(self, code: str) -> str:
        """Run some lines in the site, after its migrations. Returns what they print."""
        return python(START + dedent(code), "-W", "error", folder=self.folder)
