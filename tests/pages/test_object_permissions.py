"""Who may change a row's picture, asked of a backend that knows permissions of single rows.

Such are django-guardian and django-rules; here it is the few lines that Django's documentation has
for a backend of one's own. Teams stand for any model.
"""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from django.urls import include, path
from rest_framework.routers import DefaultRouter

from django_avatar_kit.contrib.rest_framework.views import AvatarViewSet
from django_avatar_kit.test import make_upload
from django_avatar_kit.views import AvatarChangeView, AvatarDeleteView
from tests.support.lifecycle import column
from tests.testapp.models import Team

pytestmark = [pytest.mark.urls(__name__), pytest.mark.usefixtures("small", "captains")]


class Captains(BaseBackend):
    """Whoever has the name of a team may change it, and nothing else."""

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        return perm == "testapp.change_team" and getattr(obj, "name", "") == user_obj.username


class MayChangeTeam:
    model: Any = Team
    request: Any

    def may_change(self, row: Any) -> bool:
        return bool(self.request.user.has_perm("testapp.change_team", row))


class TeamView(MayChangeTeam, AvatarChangeView):
    pass


class TeamDelete(MayChangeTeam, AvatarDeleteView):
    success_url = "team"


class TeamViewSet(MayChangeTeam, AvatarViewSet):
    pass


router = DefaultRouter()
router.register(r"teams/(?P<pk>\d+)", TeamViewSet, basename="api-team")
urlpatterns = [
    path("team/<int:pk>/", TeamView.as_view(), name="team"),
    path("team/<int:pk>/delete/", TeamDelete.as_view(), name="team-delete"),
    path("named/<str:slug>/", TeamView.as_view(slug_field="name")),
    path("api/", include(router.urls)),
    path("avatar/", include("django_avatar_kit.urls")),
    path("accounts/login/", lambda _request: HttpResponse(), name="login"),
]


@pytest.fixture
def captains(settings: Any) -> None:
    backend = f"{__name__}.{Captains.__name__}"
    settings.AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend", backend]


@pytest.fixture
def client(user: User) -> Client:
    client = Client()
    client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def own(user: User) -> Team:
    return Team.objects.create(name="ada", avatar=make_upload())


@pytest.fixture
def others(db: None) -> Team:
    return Team.objects.create(name="bob", avatar=make_upload())


def send(client: Client, method: str, url: str) -> Any:
    sent = {"avatar": make_upload(color="red")} if method in {"post", "put"} else {}
    if method == "put":
        body, content_type = encode_multipart(BOUNDARY, sent), MULTIPART_CONTENT
        return client.put(url, body, content_type=content_type)
    return getattr(client, method)(url, sent)


URLS = [
    ("get", "/team/{}/"),
    ("post", "/team/{}/"),
    ("get", "/team/{}/delete/"),
    ("post", "/team/{}/delete/"),
    ("get", "/api/teams/{}/avatar/"),
    ("put", "/api/teams/{}/avatar/"),
    ("delete", "/api/teams/{}/avatar/"),
]


@pytest.mark.parametrize(("method", "url"), URLS)
def test_somebody_elses(method, url, client, others, files):
    before = column(others), files()
    response = send(client, method, url.format(others.pk))
    assert response.status_code == 403
    assert others.avatar.avatar_name.token not in response.content.decode()
    assert "master" not in response.content.decode()
    assert (column(others), files()) == before


@pytest.mark.parametrize(("method", "url"), URLS)
def test_ones_own(method, url, client, own):
    assert send(client, method, url.format(own.pk)).status_code in {200, 204, 302}


def test_the_original_is_for_those_who_may_change_it(client, own):
    """The page has a URL of it, which nobody else is shown."""
    page = client.get(f"/team/{own.pk}/").content.decode()
    assert "/avatar/master/" in page


@pytest.mark.lifecycle
@pytest.mark.parametrize("name", ["ad\0a", "\0", "ada\0"])
def test_a_name_that_no_database_can_look_for(name, client, own):
    """PostgreSQL fails at a NUL."""
    assert client.get(f"/named/{name.replace(chr(0), '%00')}/").status_code == 404
