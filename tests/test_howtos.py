"""What the how-tos say, done as they say it. Their code is taken from the pages."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.storage import FileSystemStorage
from django.core.management import call_command
from django.db import connection, connections
from django.template import engines
from jinja2 import Environment

from django_avatar_kit.rendering import avatar_html, avatar_url
from django_avatar_kit.signals import avatar_deleted, avatar_updated
from django_avatar_kit.test import make_upload
from tests.support import site_of_a_page
from tests.support.code_blocks import blocks
from tests.support.lifecycle import make_profile, upload
from tests.testapp.models import Profile, Team

HOWTO = "docs/howto/"


def code(page: str, containing: str, *languages: str) -> str:
    """The one block of a page that contains a text."""
    found = [
        block.code
        for block in blocks(*languages or ["python"], page=f"{HOWTO}{page}.md")
        if containing in block.code
    ]
    assert len(found) == 1, f"{len(found)} blocks of {page} contain {containing!r}"
    return found[0]


def run(source: str, **names: Any) -> dict[str, Any]:
    exec(source, names)  # noqa: S102
    return names


def render(source: str, **context: Any) -> str:
    return engines["django"].from_string(source).render(context)


class TestCustomUser:
    def test_the_site_of_the_page(self, tmp_path):
        site = site_of_a_page.make(f"{HOWTO}custom-user.md", tmp_path)
        template = code("custom-user", "Change your picture", "django")
        (site / "templates").mkdir()
        (site / "templates/me.html").write_text(template)
        # The last setting of the page is for sites that have profiles, too.
        settings = (site / "settings.py").read_text()
        (site / "settings.py").write_text(settings.rpartition("# settings.py\n")[0])
        site_of_a_page.run(
            site,
            """
            from django.template.loader import render_to_string
            from people.models import User

            ada = User.objects.create_superuser("ada")
            client = Client()
            client.force_login(ada)
            assert client.post("/avatar/", {"avatar": make_upload()}).status_code == 302
            ada = User.objects.get()
            shown = render_to_string("me.html", {"user": ada})
            assert '.64.webp"' in shown and 'href="/avatar/"' in shown, shown
            assert b".32.webp" in client.get("/admin/people/user/").content
            change = client.get(f"/admin/people/user/{ada.pk}/change/").content
            assert b'type="file" name="avatar"' in change
            """,
        )

    def test_a_name_for_initials(self, settings):
        found = run(code("custom-user", "def display_name"))
        settings.AVATAR_KIT = {"DISPLAY_NAME": found["display_name"]}
        user = User(username="ada@example.org")
        user.nickname = "Countess"
        assert 'aria-label="Countess"' in avatar_html(user, 64)


class TestTeams:
    def test_the_site_of_the_page(self, tmp_path):
        site = site_of_a_page.make(f"{HOWTO}teams.md", tmp_path)
        site_of_a_page.run(
            site,
            """
            from django.contrib.auth.models import User
            from people.models import Team

            ada, bob = map(User.objects.create_user, ["ada", "bob"])
            team = Team.objects.create(name="Rockets", captain=ada)
            url = f"/teams/{team.pk}/picture/"
            client = Client()
            client.force_login(bob)
            assert client.post(url, {"avatar": make_upload()}).status_code == 403
            client.force_login(ada)
            assert client.post(url, {"avatar": make_upload()}).status_code == 302
            assert Team.objects.get().avatar
            assert client.post(f"{url}delete/").status_code == 302
            assert not Team.objects.get().avatar
            """,
        )


class TestMails:
    @pytest.fixture(autouse=True)
    def as_the_page_says(self, settings):
        settings.AVATAR_KIT = run(code("mail", "BASE_URL"))["AVATAR_KIT"]

    @pytest.mark.django_db
    def test_a_user_with_a_picture(self):
        profile = make_profile(avatar=False)
        profile.avatar.save("a.jpg", make_upload(size=(200, 200)))
        shown = render(code("mail", "mails/welcome.html", "django"), user=profile.user)
        key = profile.avatar.avatar_name.rendition(128, "jpeg")
        assert f'src="https://example.org/media/{key}" width="64"' in shown

    @pytest.mark.parametrize("part", ["mails/welcome.html", "as picture"])
    def test_a_user_without_one(self, part):
        shown = render(code("mail", part, "django"), user=User(username="ada"))
        assert (
            '<img src="https://example.org/static/avatar_kit/default.png" width="64" height="64"'
            ' alt="">'
        ) in shown

    def test_pages_still_show_initials(self):
        assert avatar_html(User(username="ada"), 64).startswith("<svg ")


@pytest.mark.django_db(transaction=True, databases=["default", "other"])
class TestPrivateMasters:
    def test_renditions_move_to_a_storage_of_their_own(self, settings, renditions, files):
        make_profile()
        copy = ["avatar_copy", "--from", "default", "--to", "renditions", "--only", "renditions"]
        call_command(*copy, verbosity=0)
        settings.AVATAR_KIT = {"RENDITION_STORAGE": "renditions"}
        call_command(*copy, verbosity=0)
        call_command(*copy, "--delete-source", verbosity=0)
        name = Profile.objects.get().avatar.avatar_name
        there = {path.name for path in renditions.rglob("*.webp")}
        assert files() == {str(name)}
        assert {f"avatars/{key[:2]}/{key}" for key in there} == set(name.files) - {str(name)}

    def test_masters_in_a_folder_that_is_not_served(self, settings, tmp_path, files):
        found = run(code("private-masters", '"masters"'), BASE_DIR=tmp_path)
        settings.STORAGES, settings.AVATAR_KIT = found["STORAGES"], found["AVATAR_KIT"]
        name = make_profile().avatar.avatar_name
        masters = {path.name for path in (tmp_path / "private").rglob("*.jpg")}
        assert masters == {str(name).rpartition("/")[2]}
        assert files() == set(name.files) - {str(name)}


class TestCdn:
    @pytest.mark.django_db(transaction=True)
    def test_a_replaced_picture_is_forgotten(self, monkeypatch):
        """The queue and CloudFront are stand-ins: the page is about what they are told."""
        told: list[list[str]] = []
        queue = SimpleNamespace(task=lambda function: SimpleNamespace(enqueue=told.append))
        monkeypatch.setitem(sys.modules, "django.tasks", queue)
        forget = run(code("cdn", "create_invalidation"))["forget"]
        try:
            profile = make_profile()
            assert told == []
            old = profile.avatar.avatar_name
            profile.avatar.save("b.jpg", upload(color="red"))
            assert [set(paths) for paths in told] == [{f"/media/{key}" for key in old.files}]
        finally:
            avatar_updated.disconnect(forget)
            avatar_deleted.disconnect(forget)


class FollowsTheTenant(FileSystemStorage):
    """As TenantFileSystemStorage of django-tenants: both depend on the connection's schema."""

    @property
    def location(self) -> str:
        return f"{self.base_location}/{connection.schema_name}"

    @property
    def base_url(self) -> str:
        return f"/media/{connection.schema_name}/"


@pytest.mark.django_db(transaction=True)
class TestTenants:
    @pytest.fixture(autouse=True)
    def acme(self, monkeypatch):
        here = connections["default"]
        monkeypatch.setattr(here, "schema_name", "acme", raising=False)

    def test_a_folder_for_each(self, monkeypatch):
        page = code("multi-tenant", "def tenant_folder")
        function = page[page.index("def tenant_folder") : page.index("class Profile")]
        folder = run(function, connection=connection)["tenant_folder"]
        monkeypatch.setattr(Profile._meta.get_field("avatar"), "upload_to", folder)
        assert str(make_profile().avatar.name).startswith("acme/avatars/")

    def test_a_storage_that_follows_the_tenant(self, settings, media):
        here = f"{__name__}.FollowsTheTenant"
        options = {"BACKEND": here, "OPTIONS": {"location": str(media)}}
        settings.STORAGES = {**settings.STORAGES, "default": options}
        profile = make_profile()
        assert avatar_url(profile, 32).startswith("/media/acme/avatars/")
        name = profile.avatar.avatar_name
        assert all((media / "acme" / key).exists() for key in name.files)
        connection.schema_name = "globex"
        assert avatar_url(profile, 32).startswith("/media/globex/avatars/")


class TestGravatar:
    @pytest.mark.parametrize("part", ['("gravatar", "initials")', '"rating"', "libravatar"])
    def test_the_settings(self, settings, part):
        settings.AVATAR_KIT = run(code("gravatar", part))["AVATAR_KIT"]
        host = "seccdn.libravatar.org" if part == "libravatar" else "gravatar.com"
        user = User(username="ada", email="ada@example.org")
        assert avatar_url(user, 64).startswith(f"https://{host}/avatar/")
        assert avatar_html(User(username="ada"), 64).startswith("<svg ")

    def test_an_address_that_is_somewhere_else(self):
        fallback = run(code("gravatar", "class WorkGravatar"))["WorkGravatar"]()
        owner = SimpleNamespace(work_address="ada@example.org")
        assert fallback.url(owner, 64).startswith("https://gravatar.com/avatar/")
        assert fallback.url(None, 64) is None


class TestLooks:
    def test_the_class_of_all_avatars(self, settings):
        settings.AVATAR_KIT = run(code("looks", "IMG_ATTRS"))["AVATAR_KIT"]
        assert 'class="round"' in avatar_html(Team(name="Rockets"), 64)
        assert 'class="big"' in avatar_html(Team(name="Rockets"), 64, class_="big")


class TestJinja:
    @pytest.mark.django_db
    def test_the_functions(self, settings):
        settings.AVATAR_KIT = {"BASE_URL": "https://example.org"}
        environment = run(code("jinja2", "def environment"))["environment"](autoescape=True)
        assert isinstance(environment, Environment)
        page = environment.from_string(code("jinja2", "{{ avatar(user", "jinja"))
        user = make_profile().user
        shown = page.render(user=user, users=[user], comments=[])
        assert 'class="rounded"' in shown
        assert shown.rstrip().endswith("…")
