"""What docs/howto/wagtail.md says, in a site of its own with the user of custom-user.md."""

from __future__ import annotations

from pathlib import Path

from tests.support.howtos import page
from tests.support.small_site import Site

SETTINGS = """
INSTALLED_APPS += [
    "people.wagtail_users.UsersConfig",
    "wagtail.images",
    "wagtail.documents",
    "wagtail.admin",
    "wagtail",
    "taggit",
    "django.contrib.staticfiles",
]
AUTH_USER_MODEL = "people.User"
WAGTAIL_SITE_NAME = "tests"
WAGTAILADMIN_BASE_URL = "http://testserver"
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
# Wagtail's hundred migrations take most of a minute.
MIGRATION_MODULES = dict.fromkeys(
    ["taggit", "wagtailadmin", "wagtailcore", "wagtaildocs", "wagtailimages", "wagtailusers"]
)
"""
URLS = """
from django.urls import include

urlpatterns += [
    path("avatar/", include("django_avatar_kit.urls")),
    path("cms/", include("wagtail.admin.urls")),
]
"""
MODELS = """
from django.contrib.auth.models import AbstractUser
from django_avatar_kit.models import AvatarMixin


class User(AvatarMixin, AbstractUser):
    pass
"""


def test_the_site_of_the_page(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.add_page(page("wagtail"))
    site.add("settings.py", SETTINGS)
    site.add("urls.py", URLS)
    site.add("people/models.py", MODELS)
    edit = (tmp_path / "templates/wagtailusers/users/edit.html").read_text()
    site.write(
        "templates/wagtailusers/users/create.html", edit.replace("edit.html", "create.html")
    )
    site.run(
        """
        from people.models import User

        who = {"email": "a@example.org", "first_name": "Ada", "last_name": "Lovelace"}
        ada = User.objects.create_superuser("ada", **who)
        client = Client()
        client.force_login(ada)
        users = client.get("/cms/users/").content.decode()
        assert "/avatar/initials/" in users

        account = client.get("/cms/account/").content.decode()
        assert 'name="picture-avatar"' in account
        edit = client.get(f"/cms/users/edit/{ada.pk}/").content.decode()
        assert 'name="avatar"' in edit
        assert 'name="avatar"' in client.get("/cms/users/new/").content.decode()
        more = {"username": "ada", "is_superuser": "on", "is_active": "on"}
        picture = {"avatar": make_upload()}
        client.post(f"/cms/users/edit/{ada.pk}/", {**who, **more, **picture})
        assert User.objects.get().avatar
        users = client.get("/cms/users/").content.decode()
        assert ".webp" in users and "/avatar/initials/" not in users
        """,
    )
