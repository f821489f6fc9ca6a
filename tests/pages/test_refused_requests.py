"""Requests that come too late, from elsewhere, or only in part: a clear word, and nothing lost."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.mixins import PermissionRequiredMixin
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, HttpResponseRedirect
from django.test import Client, RequestFactory
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from django_avatar_kit.test import make_upload, settle
from django_avatar_kit.views import AvatarChangeView, AvatarDeleteView
from tests.support.pages import CHANGE, DELETE, page, stored, told
from tests.testapp.models import Profile, Team

BOTH = pytest.mark.parametrize("url", [CHANGE, DELETE])
SORRY = (
    "This page was open for too long, or you have logged in again since. Nothing has been saved; "
    "please send it once more."
)


@pytest.fixture
def strict(user: Any) -> Client:
    """A client whose tokens are checked."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    return client


def own_page(request: Any, reason: str = "") -> HttpResponse:
    return HttpResponse(f"Our own page: {reason}", status=403)


class TestTokens:
    @BOTH
    def test_a_person_gets_the_page_again(self, url, strict, user, profile, caplog):
        response = strict.post(url, {"avatar": make_upload(color="red"), "next": "/me/"})
        assert response.status_code == 403
        assert (
            '<p class="avatar-kit-notice error" role="status" tabindex="-1" autofocus>'
            f"{SORRY}</p>\n"
        ) in page(response)
        # The page is complete, and nothing of what was sent has been looked at.
        assert "errorlist" not in page(response)
        assert "Forbidden (CSRF" in caplog.text
        assert stored(user) == profile.avatar.name

    @BOTH
    def test_and_its_form_works(self, url, strict, user, profile):
        shown = strict.post(url, {"avatar": make_upload(color="red")}).content.decode()
        (token,) = re.findall(r'csrfmiddlewaretoken" value="(\w+)"', shown)
        data = {"avatar": make_upload(color="red"), "csrfmiddlewaretoken": token}
        assert strict.post(url, data).status_code == 302
        assert stored(user) != profile.avatar.name

    @BOTH
    def test_a_script(self, url, strict, user, profile):
        data = {"avatar": make_upload(color="red")}
        response = strict.post(url, data, headers={"accept": "application/json"})
        assert response.status_code == 403
        assert response.json() == {
            "ok": False,
            "errors": {"__all__": [{"message": SORRY, "code": "csrf"}]},
        }
        assert stored(user) == profile.avatar.name

    @BOTH
    def test_htmx(self, url, strict, user, profile):
        response = strict.post(url, headers={"HX-Request": "true"})
        assert response.status_code == 200
        assert "HX-Trigger" not in response
        assert SORRY in page(response)
        assert page(response).strip().startswith("<section")
        assert stored(user) == profile.avatar.name

    @BOTH
    def test_a_page_of_the_sites_own(self, url, strict, user, profile, settings):
        settings.CSRF_FAILURE_VIEW = f"{__name__}.own_page"
        response = strict.post(url, {"avatar": make_upload()})
        assert response.status_code == 403
        assert response.content == b"Our own page: CSRF cookie not set."
        assert stored(user) == profile.avatar.name

    @BOTH
    def test_another_origin(self, url, strict, user, profile):
        shown = strict.get(url).content.decode()
        (token,) = re.findall(r'csrfmiddlewaretoken" value="(\w+)"', shown)
        data = {"avatar": make_upload(color="red"), "csrfmiddlewaretoken": token}
        response = strict.post(url, data, headers={"origin": "https://evil.example"})
        assert response.status_code == 403
        assert stored(user) == profile.avatar.name
        data["avatar"] = make_upload(color="red")
        assert strict.post(url, data, headers={"origin": "http://testserver"}).status_code == 302

    @BOTH
    def test_the_token_in_a_header(self, url, strict, user, profile):
        strict.get(url)
        headers = {"X-CSRFToken": strict.cookies["csrftoken"].value}
        assert strict.post(url, {"avatar": make_upload()}, headers=headers).status_code == 302
        assert stored(user) != profile.avatar.name

    def test_a_view_that_is_decorated_again(self, rf, user, profile):
        """An exemption of the site's own cannot be had by accident."""
        from django.utils.decorators import method_decorator
        from django.views.decorators.cache import cache_control

        @method_decorator(cache_control(private=True), name="dispatch")
        class View(AvatarChangeView):
            pass

        request = rf.post("/", {"avatar": make_upload(color="red")})
        request.user = user
        assert View.as_view()(request).status_code == 403
        assert stored(user) == profile.avatar.name


class Checked:
    """Checks of a site's own, before GET and POST."""

    request: Any
    kwargs: Any

    def get_object(self) -> Any:
        return Team.objects.get(pk=self.kwargs["pk"])

    def check(self) -> None:
        if self.get_object().name != self.request.user.username:
            raise PermissionDenied

    def get(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        self.check()
        return super().get(request, *args, **kwargs)  # type: ignore[misc]

    def post(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        self.check()
        return super().post(request, *args, **kwargs)  # type: ignore[misc]


class CheckedChange(Checked, AvatarChangeView):
    pass


class CheckedDelete(Checked, AvatarDeleteView):
    pass


class PermittedChange(AvatarChangeView, PermissionRequiredMixin):
    permission_required = "testapp.change_team"


class PermittedDelete(AvatarDeleteView, PermissionRequiredMixin):
    permission_required = "testapp.change_team"


class PermittedFirst(PermissionRequiredMixin, AvatarChangeView):
    permission_required = "testapp.change_team"


VIEWS = pytest.mark.parametrize("view", [AvatarChangeView, AvatarDeleteView])


class TestChecksOfASite:
    """Without a token, nobody sees what GET would not show them."""

    def send(self, view: Any, user: Any, method: str = "post", **headers: str) -> Any:
        team, _created = Team.objects.get_or_create(name="bob")
        if not team.avatar:
            team.avatar = make_upload()
            team.save()
        request = getattr(RequestFactory(), method)("/", headers=headers)
        request.user = user
        response = view.as_view()(request, pk=team.pk)
        return response.render() if hasattr(response, "render") else response

    @pytest.mark.parametrize("view", [CheckedChange, CheckedDelete])
    @pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}], ids=["page", "htmx"])
    def test_in_its_methods(self, headers, view, user):
        for method in ("get", "post"):
            with pytest.raises(PermissionDenied):
                self.send(view, user, method, **headers)

    @pytest.mark.parametrize("view", [CheckedChange, CheckedDelete])
    def test_which_are_passed(self, view, user):
        user.username = "bob"
        response = self.send(view, user)
        assert response.status_code == 403
        assert SORRY in response.content.decode()
        assert Team.objects.get().avatar.avatar_name.token in response.content.decode()
        assert self.send(view, user, **{"HX-Request": "true"}).status_code == 200
        assert SORRY not in self.send(view, user, "get").content.decode()

    @pytest.mark.parametrize("view", [PermittedChange, PermittedDelete])
    @pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}], ids=["page", "htmx"])
    def test_in_a_mixin_on_the_right(self, headers, view, user):
        for method in ("get", "post"):
            with pytest.raises(PermissionDenied):
                self.send(view, user, method, **headers)

    @pytest.mark.parametrize("view", [PermittedFirst, PermittedChange, PermittedDelete])
    def test_a_script(self, view, user):
        """On which side the mixin stands makes no difference."""
        response = self.send(view, user, "get", accept="application/json")
        assert response.status_code == 403
        assert b'"code": "permission_denied"' in response.content

    @VIEWS
    def test_that_lead_elsewhere(self, view, user):
        class Elsewhere(view):  # type: ignore[misc,valid-type]
            def get(self, request: Any, *args: Any, **kwargs: Any) -> Any:
                return HttpResponseRedirect("/elsewhere/")

        response = self.send(Elsewhere, user)
        assert (response.status_code, response["Location"]) == (302, "/elsewhere/")

    @VIEWS
    def test_without_a_page(self, view, user):
        class PostOnly(view):  # type: ignore[misc,valid-type]
            http_method_names = ["post"]

        response = self.send(PostOnly, user)
        assert response.status_code == 403
        assert "avatar-kit" not in response.content.decode()

    @VIEWS
    def test_the_request_stays_what_it_was(self, view, user, profile):
        request = RequestFactory().post("/")
        request.user = user
        assert view.as_view()(request).status_code == 403
        assert request.method == "POST"


class TestSessions:
    @BOTH
    def test_a_session_that_has_ended(self, url, client, user, profile, files):
        """The person logs in, comes back to the page, and is told what has become of it."""
        before = files()
        client.get(url)
        client.logout()
        response = client.post(url, {"avatar": make_upload(color="red")})
        assert response["Location"] == f"/accounts/login/?next={url}"
        assert told(response) == [
            (
                "You are not logged in any more, so nothing has been saved. "
                "Please log in and send it once more."
            )
        ]
        client.force_login(user)
        assert "so nothing has been saved." in page(client.get(url))
        assert files() == before
        assert stored(user) == profile.avatar.name

    def test_whoever_only_looks_is_told_nothing(self, db):
        assert told(Client().get(CHANGE)) == []

    @pytest.mark.parametrize("accept", ["text/html", "application/json"])
    def test_with_the_token_in_the_session(self, accept, strict, user, profile, settings):
        """The token has gone together with the session, and the login is what is missing."""
        settings.CSRF_USE_SESSIONS = True
        strict.get(CHANGE)
        strict.logout()
        response = strict.post(CHANGE, {"avatar": make_upload()}, headers={"accept": accept})
        assert response.status_code == (401 if accept == "application/json" else 302)
        assert stored(user) == profile.avatar.name

    @BOTH
    def test_another_person_has_logged_in(self, url, user, profile):
        """The token of the old page does not fit, and the picture is nobody else's."""
        from django.contrib.auth.models import User

        client = Client(enforce_csrf_checks=True)
        client.force_login(user)
        (old,) = re.findall(r'csrfmiddlewaretoken" value="(\w+)"', page_of(client, url))
        bob = User.objects.create(username="bob")
        client.force_login(bob)
        # As login() does.
        client.cookies["csrftoken"] = "x" * 32
        response = client.post(url, {"avatar": make_upload(), "csrfmiddlewaretoken": old})
        assert response.status_code == 403
        assert stored(user) == profile.avatar.name
        assert not Profile.objects.filter(user=bob).exists()


def page_of(client: Client, url: str) -> str:
    content: str = client.get(url).content.decode()
    return content


class TestCutOff:
    """The browser was closed, or the upload cancelled, in the middle of the file."""

    BODY = encode_multipart(
        BOUNDARY, {"avatar": make_upload(color="red"), "next": "/me/", "avatar-clear": ""}
    )
    START = BODY.index(b"\r\n\r\n") + 4
    END = BODY.index(b"\r\n--", START)

    def send(self, client: Client, body: bytes, accept: str = "text/html") -> Any:
        headers = {"accept": accept}
        return client.generic("POST", CHANGE, body, MULTIPART_CONTENT, headers=headers)

    @pytest.mark.parametrize("accept", ["text/html", "application/json"])
    @pytest.mark.parametrize("part", [0.0, 0.01, 0.5, 0.99])
    def test_nothing_is_stored(self, part, accept, client, user, profile, files):
        before = files()
        cut = self.START + int((self.END - self.START) * part)
        response = self.send(client, self.BODY[:cut], accept)
        assert response.status_code == (400 if accept == "application/json" else 200)
        settle()
        assert files() == before
        assert stored(user) == profile.avatar.name

    @pytest.mark.parametrize("length", [0, 10, 60, 100])
    def test_not_even_the_head_has_arrived(self, length, client, user, profile, files):
        before = files()
        response = self.send(client, self.BODY[:length])
        assert response.status_code in {200, 400}
        assert files() == before
        assert stored(user) == profile.avatar.name

    def test_the_connection_breaks(self, client, user, profile, files, monkeypatch):
        """As a server reports it, while Django reads."""
        from django.core.handlers.wsgi import LimitedStream
        from django.http import UnreadablePostError

        def broken(self: Any, *args: Any) -> bytes:
            raise OSError("connection reset")

        before = files()
        monkeypatch.setattr(LimitedStream, "read", broken)
        with pytest.raises(UnreadablePostError):
            client.post(CHANGE, {"avatar": make_upload(color="red")})
        assert files() == before
        assert stored(user) == profile.avatar.name

    def test_all_of_it(self, client, user, profile):
        assert self.send(client, self.BODY)["Location"] == "/me/"
        assert stored(user) != profile.avatar.name
