"""Any storage will do that has Django's plain methods, wherever and whenever settings name it."""

from __future__ import annotations

from contextvars import ContextVar
from html import escape
from io import StringIO
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, Storage, storages
from django.core.management import CommandError, call_command
from django.template import Context, Template
from easy_thumbnails.files import get_thumbnailer

from django_avatar_kit.fields import AvatarField
from django_avatar_kit.rendering import avatar_html
from django_avatar_kit.storage.base import Write, adapter_of, delete_all, write_one
from django_avatar_kit.test import settle
from tests.support.lifecycle import column, files_of, fresh, make_profile, upload
from tests.support.processes import python
from tests.testapp.models import Bare, Profile

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("small")]


class Bottomless(Storage):
    """The least that a storage must do: no path(), no listdir(), no times, no sizes."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def _open(self, name: str, mode: str = "rb") -> Any:
        try:
            return ContentFile(self.files[name], name=name)
        except KeyError:
            raise FileNotFoundError(name) from None

    def _save(self, name: str, content: Any) -> str:
        self.files[name] = content.read()
        return name

    def delete(self, name: str) -> None:
        self.files.pop(name, None)

    def exists(self, name: str) -> bool:
        return name in self.files

    def url(self, name: str | None) -> str:
        return f"https://files.example.org/{name}"


tenant: ContextVar[str] = ContextVar("tenant", default="acme")


class OfTheTenant(Bottomless):
    """Whose URL is another one for each request."""

    def url(self, name: str | None) -> str:
        return f"https://{tenant.get()}.example.org/{name}?a=1&b=2"


KINDS = {
    "in memory": "django.core.files.storage.InMemoryStorage",
    "bottomless": "tests.storage.test_any_storage.Bottomless",
    "of the tenant": "tests.storage.test_any_storage.OfTheTenant",
}


@pytest.fixture(params=KINDS)
def place(request: Any, settings: Any) -> Any:
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": KINDS[request.param]}}
    return storages["default"]


def there(place: Any, keys: set[str]) -> set[str]:
    return {key for key in keys if place.exists(key)}


def test_an_avatar_comes_and_goes(place):
    profile = make_profile()
    first = files_of(column(profile))
    assert there(place, first) == first
    profile = fresh(profile)
    profile.avatar = upload("red")
    profile.save()
    settle()
    second = files_of(column(profile))
    assert there(place, first | second) == second
    profile.delete()
    settle()
    assert there(place, second) == set()


def test_it_is_shown_with_the_urls_of_the_storage(place):
    profile = fresh(make_profile())
    name = profile.avatar.avatar_name
    small, large = (place.url(name.rendition(size, "webp")) for size in (16, 32))
    assert avatar_html(profile, 16, alt="", loading=None) == (
        f'<img src="{escape(small)}" srcset="{escape(large)} 2x" width="16" height="16" alt="">'
    )


def test_it_is_rebuilt(place, settings):
    profile = make_profile()
    before = files_of(column(profile))
    settings.AVATAR_KIT = {"SIZES": (8, 24)}
    call_command("avatar_build", verbosity=0)
    settle()
    after = files_of(column(profile))
    assert there(place, before | after) == after
    assert fresh(profile).avatar.avatar_name.sizes == (8, 24)


def test_a_file_from_before_the_kit_is_adopted(place):
    place.save("old/me.png", upload())
    profile = make_profile(avatar=False)
    Profile.objects.filter(pk=profile.pk).update(avatar="old/me.png")
    call_command("avatar_build", verbosity=0)
    settle()
    assert there(place, {"old/me.png"}) == set()
    assert there(place, files_of(column(profile))) == files_of(column(profile))


def test_a_thumbnail_on_the_fly_goes_with_it(place):
    profile = fresh(make_profile())
    thumbnail = get_thumbnailer(profile.avatar).get_thumbnail({"size": (20, 10), "crop": True})
    assert place.exists(thumbnail.name)
    profile.delete()
    settle()
    assert not place.exists(thumbnail.name)


@pytest.mark.django_db(databases=["default", "other"])
def test_a_storage_that_cannot_list_cannot_be_swept(settings):
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": KINDS["bottomless"]}}
    with pytest.raises(CommandError, match="it cannot list its files"):
        call_command("avatar_sweep", stdout=StringIO(), stderr=StringIO())


def test_a_url_is_that_of_the_request(settings):
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": KINDS["of the tenant"]}}
    profile = fresh(make_profile())
    template = Template("{% load avatar_kit %}{% avatar_url profile 16 %}")
    token = tenant.set("first")
    one = template.render(Context({"profile": profile}))
    tenant.set("second")
    other = template.render(Context({"profile": profile}))
    tenant.reset(token)
    assert one.startswith("https://first.example.org/avatars/")
    assert other == one.replace("first", "second")


# --- nothing is bound at import ---------------------------------------------------------------


def test_the_storage_is_that_of_the_moment(settings, media):
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": KINDS["in memory"]}}
    profile = make_profile()
    assert storages["default"].exists(column(profile))
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": KINDS["in memory"]}}
    assert not storages["default"].exists(column(profile))
    other = make_profile("eve")
    assert storages["default"].exists(column(other))
    assert not any(path.is_file() for path in media.rglob("*"))


def test_an_alias_of_the_settings(settings):
    settings.STORAGES = {**settings.STORAGES, "pictures": {"BACKEND": KINDS["in memory"]}}
    settings.AVATAR_KIT = {"SIZES": (16,), "STORAGE": "pictures"}
    profile = make_profile()
    assert storages["pictures"].exists(column(profile))


def of_the_moment() -> Storage:
    return storages["moment"]


def test_a_callable_of_a_field_is_called_again_when_settings_have_changed(settings):
    field = AvatarField(storage=of_the_moment, thumbnail_storage=of_the_moment)
    found = []
    for _ in range(2):
        settings.STORAGES = {**settings.STORAGES, "moment": {"BACKEND": KINDS["in memory"]}}
        assert field.storage is storages["moment"]
        assert field.rendition_storage is storages["moment"]
        found.append(field.storage)
    assert found[0] is not found[1]


def test_static_files_with_a_manifest_stay_where_they_are(settings, tmp_path):
    backend = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
    settings.STATIC_ROOT = str(tmp_path / "static")
    settings.STORAGES = {
        "default": {"BACKEND": KINDS["in memory"]},
        "staticfiles": {"BACKEND": backend},
    }
    settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "django.contrib.staticfiles"]
    settings.AVATAR_KIT = {"SIZES": (16,), "FALLBACKS": ("static",)}
    call_command("collectstatic", interactive=False, verbosity=0)
    profile = make_profile(avatar=False)
    assert 'src="/static/avatar_kit/default.' in avatar_html(profile, 16)
    assert 'src="/static/avatar_kit/default.svg"' not in avatar_html(profile, 16)
    profile.avatar = upload()
    profile.save()
    assert storages["default"].exists(column(profile))
    assert not list((tmp_path / "static").rglob("*.webp"))


@pytest.mark.parametrize("alias", ["easy_thumbnails", "default"])
def test_thumbnails_of_stock_fields_are_where_the_settings_say(alias, settings, django_cleanup):
    settings.STORAGES = {**settings.STORAGES, alias: {"BACKEND": KINDS["in memory"]}}
    place = storages[alias]
    row = Bare.objects.create(photo=upload())
    thumbnail = get_thumbnailer(row.photo).get_thumbnail({"size": (8, 8)})
    assert place.exists(thumbnail.name)
    row.photo.delete(save=False)
    place.delete(thumbnail.name)


def test_no_storage_is_made_before_it_is_needed():
    code = (
        "import django; from django.conf import settings; settings.configure("
        "INSTALLED_APPS=['django.contrib.contenttypes', 'django.contrib.auth', 'easy_thumbnails',"
        " 'django_avatar_kit', 'tests.testapp'],"
        " STORAGES={'default': {'BACKEND': 'there.is.None'}, 'staticfiles': {'BACKEND': 'x.Y'}});"
        "django.setup()"
    )
    python(code)


class Answered(FileSystemStorage):
    """Its client raises the HTTP answer as an object, as httpx and requests do."""

    def delete(self, name: str) -> None:
        error: Any = type("HTTPStatusError", (Exception,), {"__module__": "httpx"})("404")
        error.response = object()
        raise error


def test_a_file_that_is_gone_is_no_failure_whatever_the_answer_is_kept_in(tmp_path):
    assert delete_all(Answered(tmp_path), ["a.webp"]) == []


class Partly(Storage):
    """Lists some of what lies deeper at once, and the folders."""

    tree = {"": (["a", "b"], ["c.jpg", "a/one.jpg"]), "a": ([], ["one.jpg"]), "b": ([], ["two"])}

    def listdir(self, path: str) -> Any:
        return self.tree[path.rstrip("/")]

    def exists(self, name: str) -> bool:
        return True


def test_a_storage_that_lists_only_some_folders_at_once():
    assert sorted(found.key for found in adapter_of(Partly()).walk()) == [
        "a/one.jpg",
        "b/two",
        "c.jpg",
    ]


class Proxy:
    """Takes everything from another storage."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)


def test_a_storage_that_only_behaves_like_one(tmp_path):
    proxy: Any = Proxy(FileSystemStorage(tmp_path))
    write_one(Write(storage=proxy, key="a/b.webp", data=b"x", content_type="image/webp"))
    assert delete_all(proxy, ["a/b.webp"]) == []
    assert not (tmp_path / "a/b.webp").exists()
