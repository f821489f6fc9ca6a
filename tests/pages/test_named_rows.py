"""Pictures of other rows than the user's own: named by ``model`` and the URL."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpResponse
from django.test import Client
from django.urls import path

from django_avatar_kit.test import make_upload
from django_avatar_kit.views import AvatarChangeView, AvatarDeleteView
from tests.support.pages import Needed, page, stored
from tests.testapp.models import Channel, Default, Profile, Team

pytestmark = pytest.mark.urls(__name__)

JSON = {"accept": "application/json"}


class Captains:
    """Whoever has the team's name may change its picture."""

    request: Any

    def may_change(self, row: Any) -> bool:
        return bool(row.name == self.request.user.username)


class TeamView(Captains, AvatarChangeView):
    model = Team
    delete_url = "team-delete"


class TeamDelete(Captains, AvatarDeleteView):
    model = Team
    success_url = "team"


class ByName(Captains, AvatarChangeView):
    queryset = Team.objects.exclude(name="hidden")
    slug_field = "name"
    slug_url_kwarg = "name"
    success_url = "teams"


class Some(AvatarChangeView):
    def get_queryset(self) -> Any:
        return Team.objects.filter(name=self.request.user.username)

    def may_change(self, row: Any) -> bool:
        return True


def nothing(request: Any) -> HttpResponse:
    return HttpResponse()


urlpatterns = [
    path("teams/", nothing, name="teams"),
    path("team/<int:pk>/", TeamView.as_view(), name="team"),
    path("team/<int:pk>/delete/", TeamDelete.as_view(), name="team-delete"),
    path("by-name/<slug:name>/", ByName.as_view()),
    path("some/<int:pk>/", Some.as_view()),
    path("unsaid/<int:pk>/", AvatarChangeView.as_view(model=Team)),
    path("unsaid/", AvatarChangeView.as_view(model=Team)),
    path("said/<int:pk>/", AvatarChangeView.as_view(model=Team, may_change=lambda _row: True)),
    path("profile/<int:pk>/", AvatarChangeView.as_view(model=Profile)),
    path("profile/", AvatarChangeView.as_view(model=Profile)),
    path("user/", AvatarChangeView.as_view(model=User)),
    path("default/", AvatarChangeView.as_view(model=Default)),
    path("accounts/login/", nothing, name="login"),
]


@pytest.fixture
def team(user: User) -> Team:
    return Team.objects.create(name="ada", avatar=make_upload())


@pytest.fixture
def others(db: None) -> Team:
    return Team.objects.create(name="bob", avatar=make_upload())


class TestRowsOfTheUrl:
    def test_change(self, client, team):
        url = f"/team/{team.pk}/"
        response = client.post(url, {"avatar": make_upload(color="red")})
        assert response["Location"] == url
        assert Team.objects.get(pk=team.pk).avatar.name != team.avatar.name
        # Templates of the site have it under the name of the model as well.
        assert client.get(url).context["object"] == team

    def test_delete(self, client, team):
        """Names of URLs get the key of the row."""
        response = client.post(f"/team/{team.pk}/delete/")
        assert response["Location"] == f"/team/{team.pk}/"
        assert not Team.objects.get(pk=team.pk).avatar

    def test_the_link_to_the_removal(self, client, team):
        assert f'<a href="/team/{team.pk}/delete/"' in page(client.get(f"/team/{team.pk}/"))

    def test_a_slug_a_queryset_and_a_name_without_a_key(self, client, team):
        response = client.post("/by-name/ada/", {"avatar": make_upload()})
        assert response["Location"] == "/teams/"
        Team.objects.create(name="hidden")
        for name in ("hidden", "nobody"):
            assert client.get(f"/by-name/{name}/").status_code == 404
            assert client.post(f"/by-name/{name}/", headers=JSON).status_code == 404

    def test_a_queryset_that_depends_on_the_user(self, client, team, others):
        assert client.get(f"/some/{team.pk}/").status_code == 200
        assert client.get(f"/some/{others.pk}/").status_code == 404

    def test_an_error_of_the_site_while_a_row_is_loaded(self, client, team, monkeypatch):
        def fail(*args: Any, **kwargs: Any) -> Any:
            raise ValueError("cannot be decrypted")

        monkeypatch.setattr(Team, "from_db", classmethod(fail))
        with pytest.raises(ValueError, match="cannot be decrypted"):
            client.get(f"/team/{team.pk}/")

    def test_as_arguments_of_as_view(self, client, others):
        assert client.post(f"/said/{others.pk}/", {"avatar": make_upload()}).status_code == 302


class TestPermission:
    @pytest.mark.parametrize("url", ["/team/{}/", "/team/{}/delete/"])
    @pytest.mark.parametrize("method", ["get", "post"])
    def test_somebody_elses(self, method, url, client, others, files):
        before = files()
        url = url.format(others.pk)
        assert getattr(client, method)(url).status_code == 403
        response = getattr(client, method)(url, headers=JSON)
        assert response.status_code == 403
        assert response.json() == {
            "ok": False,
            "errors": {
                "__all__": [
                    {"message": "You may not change this picture.", "code": "permission_denied"}
                ]
            },
        }
        assert Team.objects.get(pk=others.pk).avatar.name == others.avatar.name
        assert files() == before

    def test_a_request_of_another_site(self, user, others):
        """Nothing of the row is shown, whatever is wrong with the token."""
        client = Client(enforce_csrf_checks=True)
        client.force_login(user)
        response = client.post(f"/team/{others.pk}/")
        assert response.status_code == 403
        assert others.avatar.avatar_name.token not in response.content.decode()

    def test_login_comes_first(self, team, others):
        for row in (team, others):
            assert Client().get(f"/team/{row.pk}/")["Location"].startswith("/accounts/login/")

    def test_nobody_by_default(self, client, team):
        with pytest.raises(
            ImproperlyConfigured,
            match=r"^AvatarChangeView does not say who may change the avatar of a team\. "
            r"Override may_change\(self, row\), which returns True for a row that "
            r"self\.request\.user may change\.$",
        ):
            client.post(f"/unsaid/{team.pk}/", {"avatar": make_upload()})
        assert Team.objects.get().avatar.name == team.avatar.name

    def test_ones_own_profile_by_default(self, client, user, profile):
        bob = Profile.objects.create(user=User.objects.create(username="bob"))
        assert client.post(f"/profile/{bob.pk}/", {"avatar": make_upload()}).status_code == 403
        assert not Profile.objects.get(pk=bob.pk).avatar
        url = f"/profile/{profile.pk}/"
        assert client.post(url, {"avatar": make_upload()})["Location"] == url
        assert stored(user) != profile.avatar.name

    def test_a_user_with_an_avatar_of_their_own(self, rf, team, others):
        """As with a custom user model that has an avatar."""
        team.is_authenticated = True
        view = AvatarChangeView.as_view(model=Team)
        for row, allowed in ((team, True), (others, False)):
            request = rf.get("/", headers=JSON)
            request.user = team
            assert (view(request, pk=row.pk).status_code == 200) is allowed
            assert view(request).status_code == 200


class TestRowsOfTheUser:
    """A ``model`` without a key in the URL says which of the user's rows is meant."""

    def test_one_of_several_profiles(self, client, user, profile):
        client.post("/profile/", {"avatar": make_upload(color="red")})
        assert stored(user) != profile.avatar.name

    def test_a_profile_that_does_not_exist_yet(self, client, user):
        assert client.get("/profile/").status_code == 200
        assert not Profile.objects.exists()
        client.post("/profile/", {"avatar": make_upload()})
        assert stored(user)

    def test_no_link_to_a_page_that_may_be_about_another_row(self, client, profile, monkeypatch):
        monkeypatch.setattr(AvatarChangeView, "form_class", Needed)
        assert re.findall("<a ", page(client.get("/profile/"))) == []

    def test_a_row_of_nobody(self, client, db):
        with pytest.raises(
            ImproperlyConfigured,
            match=r"^The URL of AvatarChangeView does not say which team is meant\. Put <int:pk> "
            r"or <slug:slug> into its path, or override get_object\(\)\.$",
        ):
            client.get("/unsaid/")
        with pytest.raises(ImproperlyConfigured, match="does not say which default is meant"):
            client.get("/default/")

    def test_a_user_model_without_an_avatar(self, client, db):
        with pytest.raises(ImproperlyConfigured, match=r"auth\.User has no AvatarField"):
            client.get("/user/")

    def test_another_field_of_a_row(self, rf, user):
        channel = Channel.objects.create(name="news")
        view = AvatarChangeView.as_view(
            model=Channel, field_name="banner", may_change=lambda _row: True
        )
        request = rf.post("/", {"banner": make_upload()}, headers=JSON)
        request.user = user
        request._dont_enforce_csrf_checks = True
        assert view(request, pk=channel.pk).status_code == 200
        row = Channel.objects.get()
        assert row.banner
        assert not row.avatar
