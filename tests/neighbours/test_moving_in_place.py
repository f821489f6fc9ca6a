"""docs/howto/moving-in.md, step by step: a project on easy-thumbnails, or on a stock field.

The project is a real one, with migrations and processes of its own, since its models change.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import django_avatar_kit

#: Where the kit is installed, or its checkout.
KIT = Path(django_avatar_kit.__file__).parent.parent

SETTINGS = """
from pathlib import Path
BASE = Path(__file__).parent
SECRET_KEY = "only for tests"
DEBUG = True
ALLOWED_HOSTS = ["testserver"]
ROOT_URLCONF = "site_urls"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "django.contrib.auth", "django.contrib.contenttypes", "easy_thumbnails", *APPS, "profiles",
]
DATABASES = {"default": {
    "ENGINE": "django.db.backends.sqlite3", "NAME": BASE / "db.sqlite3",
    "OPTIONS": {"timeout": 30},
}}
MEDIA_ROOT, MEDIA_URL = BASE / "media", "/media/"
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "DIRS": [BASE]}]
AVATAR_KIT = {"SIZES": (32, 64)}
"""

URLS = """
from django.conf import settings
from django.conf.urls.static import static
from django.shortcuts import render
from django.urls import path
from profiles.models import Profile

def page(request, template):
    return render(request, template, {"profiles": Profile.objects.order_by("pk")})

urlpatterns = [path("<path:template>", page)]
urlpatterns = static(settings.MEDIA_URL, document_root=settings.MEDIA_ROOT) + urlpatterns
"""

MODELS = """
from django.db import models
IMPORT

class Profile(BASES):
    name = models.CharField(max_length=20)
    FIELD
"""

LOOP = (
    '{}{{% for each in profiles %}}{{% if each.avatar %}}<img src="{}">{{% endif %}}{{% endfor %}}'
)
OLD = {
    "easy": (
        "from easy_thumbnails.fields import ThumbnailerImageField",
        'avatar = ThumbnailerImageField(upload_to="photos", blank=True)',
        LOOP.format("{% load thumbnail %}", "{% thumbnail each.avatar 32x32 crop %}"),
    ),
    "stock": (
        "",
        'avatar = models.ImageField(upload_to="photos", blank=True)',
        LOOP.format("", "{{ each.avatar.url }}"),
    ),
}
NEW = "{% load avatar_kit %}{% for each in profiles %}{% avatar each 32 %}{% endfor %}"

#: What both processes begin with: a page, and the pictures on it.
BEGIN = """
import os, re, sys, threading
from io import BytesIO
os.environ["DJANGO_SETTINGS_MODULE"] = "site_settings"
import django
django.setup()
from django.core.files.base import ContentFile
from django.core.management import call_command
from django.test import Client
from PIL import Image
from profiles.models import Profile

def page(template):
    answer = Client().get(f"/{template}")
    assert answer.status_code == 200
    return answer.content.decode()

def pictures(template):
    '''The URLs on a page, all of which can be fetched.'''
    urls = re.findall('<img src="([^"]+)"', page(template))
    for url in urls:
        answer = Client().get(url)
        assert (answer.status_code, len(b"".join(answer)) > 0) == (200, True), url
        answer.close()
    return urls
"""

BEFORE = """
call_command("makemigrations", "profiles", verbosity=0)
call_command("migrate", verbosity=0)
for number in range(6):
    buffer = BytesIO()
    Image.new("RGB", (90, 60), (40 * number, 0, 0)).save(buffer, "JPEG")
    picture = ContentFile(buffer.getvalue(), name=f"{number}.jpg")
    Profile.objects.create(name=str(number), avatar=picture)
Profile.objects.create(name="nobody")
assert len(pictures("old.html")) == 6
"""

AFTER = """
# 2. The column.
call_command("makemigrations", "profiles", verbosity=0)
call_command("migrate", verbosity=0)
old = set(Profile.objects.exclude(avatar="").values_list("avatar", flat=True))
assert len(pictures("old.html")) == 6

# 3. Nothing to settle; then the files, while the site is in use.
call_command("avatar_build", dry_run=True)
errors, done = [], threading.Event()
def visit():
    while not done.is_set():
        try:
            page("old.html")
        except BaseException as error:
            errors.append(error)
visitor = threading.Thread(target=visit)
visitor.start()
call_command("avatar_build", jobs=2)
done.set()
visitor.join()
assert errors == []
new = set(Profile.objects.exclude(avatar="").values_list("avatar", flat=True))
assert len(new) == 6 and not new & old
assert not any(Profile._meta.get_field("avatar").storage.exists(key) for key in old)
assert len(pictures("old.html")) == 6

# 4. The templates.
assert len(pictures("new.html")) == 6
assert all("32.webp" in url for url in pictures("new.html"))
assert page("new.html").count("<svg") == 1
call_command("avatar_build")
"""


class Project:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "profiles").mkdir()
        (folder / "profiles/__init__.py").touch()
        (folder / "profiles/migrations").mkdir()
        (folder / "profiles/migrations/__init__.py").touch()
        (folder / "site_urls.py").write_text(URLS)
        (folder / "new.html").write_text(NEW)

    def models(self, *, bases: str, field: str, imports: str) -> None:
        text = MODELS.replace("BASES", bases).replace("FIELD", field).replace("IMPORT", imports)
        (self.folder / "profiles/models.py").write_text(text)

    def apps(self, *apps: str) -> None:
        text = SETTINGS.replace("*APPS", "".join(f'"{app}",' for app in apps).rstrip(","))
        (self.folder / "site_settings.py").write_text(text.replace(", ,", ","))

    def run(self, code: str) -> str:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", BEGIN + code],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": f"{self.folder}{os.pathsep}{KIT}"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.mark.parametrize("kind", OLD)
def test_the_whole_move(tmp_path, kind):
    project = Project(tmp_path)
    imports, field, template = OLD[kind]
    (tmp_path / "old.html").write_text(template)
    project.apps()
    project.models(bases="models.Model", field=field, imports=imports)
    project.run(BEFORE)
    # 1. The mixin in place of the field.
    project.apps("django_avatar_kit")
    mixin = "from django_avatar_kit.models import AvatarMixin"
    project.models(bases="AvatarMixin, models.Model", field="", imports=mixin)
    out = project.run(AFTER)
    assert "6 checked: 0 to be rebuilt, 6 to be adopted, 0 up to date, " in out
    assert "6 checked: 0 rebuilt, 6 adopted, 0 up to date, 0 changed meanwhile, 0 failed." in out
    assert out.splitlines()[-1].startswith("6 checked: 0 rebuilt, 0 adopted, 6 up to date")
