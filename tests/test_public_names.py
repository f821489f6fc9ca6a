"""Names that sites import, load and reverse: they stay when the modules behind them move."""

from __future__ import annotations

import inspect

import pytest
from django.apps import apps
from django.template import engines
from django.template.loader import get_template
from django.test import override_settings
from django.urls import reverse

from django_avatar_kit.fields import AvatarField, AvatarFieldFile
from django_avatar_kit.rendering import Face
from tests.testapp.models import Profile

IMPORTS = [
    "from django_avatar_kit.models import AvatarMixin, prefetch_avatars",
    "from django_avatar_kit.fields import AvatarField",
    "from django_avatar_kit.forms import AvatarForm, AvatarField, AvatarInput",
    "from django_avatar_kit.views import AvatarChangeView, AvatarDeleteView",
    "from django_avatar_kit.urls import app_name, urlpatterns",
    "from django_avatar_kit.signals import avatar_updated, avatar_deleted",
    "from django_avatar_kit.rendering import avatar_url, avatar_html, get_face",
    "from django_avatar_kit.rendering import avatar_group, has_avatar",
    "from django_avatar_kit.fallbacks import Fallback, Gravatar, Identicon, Initials, Static",
    "from django_avatar_kit.contrib.jinja import AvatarKit",
    "from django_avatar_kit.exceptions import AvatarError, UploadError, StorageError",
    "from django_avatar_kit.test import make_image, make_upload, settle",
    "from django_avatar_kit.test import assert_avatar_files, assert_no_litter",
    "from django_avatar_kit.test import AvatarTestMixin, isolated_storages",
    "from django_avatar_kit.test.factory_boy import AvatarUpload",
    "from django_avatar_kit.test.pytest_plugin import avatar_storages, storage_calls",
    "from django_avatar_kit.contrib.rest_framework import AvatarUploadField",
    "from django_avatar_kit.contrib.rest_framework import AvatarCropField, AvatarFaceField",
    "from django_avatar_kit.contrib.rest_framework.views import AvatarViewSet",
    "from django_avatar_kit.contrib.allauth.pictures import take_picture",
    "from django_avatar_kit.downloads import DownloadError, DownloadRefused, DownloadTimeout",
    "from django_avatar_kit.downloads import DownloadRules, download, save_from_url",
]

EVERY_FORM_OF_THE_TAGS = """\
{% load avatar_kit %}{% prefetch_avatars users %}
{% avatar user 64 class="rounded" %}{% avatar user size=64 %}{% avatar user %}
{% avatar user 64 as face %}{{ face }} {{ face.src }} {{ face.srcset }} {{ face.alt }}
{{ face.color }}{{ face.placeholder }}{% avatar_url user 64 %}{{ user|has_avatar }}
{% avatar_url user 64 format="jpeg" absolute=False %}{% avatar_group users 40 max=5 %}
"""


@pytest.mark.parametrize("statement", IMPORTS)
def test_import_paths(statement):
    exec(statement, {})  # noqa: S102


def test_the_app_label():
    assert apps.get_app_config("avatar_kit").name == "django_avatar_kit"


@pytest.mark.parametrize("name", ["change", "delete"])
def test_url_names(name):
    assert reverse(f"avatar_kit:{name}")


def test_the_arguments_of_the_model_field():
    parameters = inspect.signature(AvatarField).parameters
    assert {"upload_to", "storage", "sizes", "formats", "fit"} <= set(parameters)


def test_the_field_file():
    assert isinstance(Profile().avatar, AvatarFieldFile)
    assert list(inspect.signature(Profile().avatar.url_for).parameters) == ["size"]
    assert {"url", "width", "height", "save", "delete", "open"} <= set(dir(AvatarFieldFile))
    assert {"recrop", "save_from_url"} <= set(dir(AvatarFieldFile))


def test_what_a_tag_gives_in_parts():
    assert {"src", "srcset", "alt", "color"} <= set(Face.__dataclass_fields__)


def test_template_tags():
    template = engines["django"].from_string(EVERY_FORM_OF_THE_TAGS)
    assert "rounded" in template.render({"user": None, "users": []})


@pytest.mark.parametrize("engine", ["django.DjangoTemplates", "jinja2.Jinja2"])
@pytest.mark.parametrize(
    "name", ["base.html", "change.html", "confirm_delete.html", "widgets/avatar_input.html"]
)
def test_template_names(engine, name):
    backend = {"BACKEND": f"django.template.backends.{engine}", "APP_DIRS": True}
    with override_settings(TEMPLATES=[backend]):
        assert get_template(f"avatar_kit/{name}")
