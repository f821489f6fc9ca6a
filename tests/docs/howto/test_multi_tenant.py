from __future__ import annotations

import pytest
from django.core.files.storage import FileSystemStorage
from django.db import connection, connections

from django_avatar_kit.rendering import avatar_url
from tests.support.howtos import code, run
from tests.support.lifecycle import make_profile
from tests.testapp.models import Profile

pytestmark = pytest.mark.django_db(transaction=True)


class FollowsTheTenant(FileSystemStorage):
    """As TenantFileSystemStorage of django-tenants: both depend on the connection's schema."""

    @property
    def location(self) -> str:
        return f"{self.base_location}/{connection.schema_name}"

    @property
    def base_url(self) -> str:
        return f"/media/{connection.schema_name}/"


@pytest.fixture(autouse=True)
def _acme(monkeypatch: pytest.MonkeyPatch, small: None) -> None:
    """django-tenants has chosen a tenant."""
    monkeypatch.setattr(connections["default"], "schema_name", "acme", raising=False)


def test_a_folder_for_each(monkeypatch):
    page = code("multi-tenant", "def tenant_folder")
    function = page[page.index("def tenant_folder") : page.index("class Profile")]
    folder = run(function, connection=connection)["tenant_folder"]
    monkeypatch.setattr(Profile._meta.get_field("avatar"), "upload_to", folder)
    assert str(make_profile().avatar.name).startswith("acme/avatars/")


def test_a_storage_that_follows_the_tenant(settings, media):
    here = f"{__name__}.FollowsTheTenant"
    options = {"BACKEND": here, "OPTIONS": {"location": str(media)}}
    settings.STORAGES = {**settings.STORAGES, "default": options}
    profile = make_profile()
    assert avatar_url(profile, 32).startswith("/media/acme/avatars/")
    name = profile.avatar.avatar_name
    assert all((media / "acme" / key).exists() for key in name.files)
    connection.schema_name = "globex"
    assert avatar_url(profile, 32).startswith("/media/globex/avatars/")
