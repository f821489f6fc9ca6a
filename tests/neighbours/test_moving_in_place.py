"""docs/howto/moving-in.md, step by step: a project on easy-thumbnails, or on a stock field.

The project is a real one, with migrations and processes of its own, since its models change.
"""

from __future__ import annotations

import pytest

from tests.support.small_site import Site

SETTINGS = """
# So that Django serves the pictures.
DEBUG = True
AVATAR_KIT = {"SIZES": (32, 64)}
"""
URLS = """
from django.conf import settings
from django.conf.urls.static import static
from django.shortcuts import render
from django.urls import path
from people.models import Profile

def page(request, template):
    return render(request, template, {"profiles": Profile.objects.order_by("pk")})

urlpatterns = [
    *static(settings.MEDIA_URL, document_root=settings.MEDIA_ROOT),
    path("<path:template>", page),
]
"""
MODELS = """
from django.db import models
from easy_thumbnails.fields import ThumbnailerImageField

class Profile(models.Model):
    name = models.CharField(max_length=20)
    avatar = {field}
"""
#: Step 1: the mixin in place of the field.
MODELS_WITH_THE_MIXIN = """
from django.db import models
from django_avatar_kit.models import AvatarMixin

class Profile(AvatarMixin, models.Model):
    name = models.CharField(max_length=20)
"""
LOOP = "{{% for each in profiles %}}{{% if each.avatar %}}{}{{% endif %}}{{% endfor %}}"
#: The field, and how a page shows it.
OLD = {
    "easy-thumbnails": (
        'ThumbnailerImageField(upload_to="photos", blank=True)',
        "{% load thumbnail %}" + LOOP.format('<img src="{% thumbnail each.avatar 32x32 crop %}">'),
    ),
    "stock": (
        'models.ImageField(upload_to="photos", blank=True)',
        LOOP.format('<img src="{{ each.avatar.url }}">'),
    ),
}
NEW = "{% load avatar_kit %}{% for each in profiles %}{% avatar each 32 %}{% endfor %}"

#: What both processes begin with: a page, and the pictures on it.
PAGES = """
import re
from people.models import Profile

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
for number in range(6):
    picture = make_upload(f"{number}.jpg", size=(90, 60), color=(40 * number, 0, 0))
    Profile.objects.create(name=str(number), avatar=picture)
Profile.objects.create(name="nobody")
assert len(pictures("old.html")) == 6
"""
AFTER = """
import threading

# 2. The column has been changed by the migration.
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


@pytest.mark.parametrize("kind", OLD)
def test_the_whole_move(tmp_path, kind):
    field, template = OLD[kind]
    site = Site(tmp_path)
    site.add("settings.py", SETTINGS + 'INSTALLED_APPS.remove("django_avatar_kit")')
    site.write("urls.py", URLS)
    site.write("people/models.py", MODELS.format(field=field))
    site.write("templates/old.html", template)
    site.write("templates/new.html", NEW)
    site.run(PAGES + BEFORE)
    site.add("settings.py", 'INSTALLED_APPS.insert(-1, "django_avatar_kit")')
    site.write("people/models.py", MODELS_WITH_THE_MIXIN)
    out = site.run(PAGES + AFTER)
    assert "6 checked: 0 to be rebuilt, 6 to be adopted, 0 up to date, " in out
    assert "6 checked: 0 rebuilt, 6 adopted, 0 up to date, 0 changed meanwhile, 0 failed." in out
    assert out.splitlines()[-1].startswith("6 checked: 0 rebuilt, 0 adopted, 6 up to date")
