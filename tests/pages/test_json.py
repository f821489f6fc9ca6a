"""The views as a script uses them: JSON for whoever asks for it."""

from __future__ import annotations

import json
from typing import Any
from unittest import mock

import pytest
from django.contrib.messages import get_messages
from django.core.files.base import ContentFile
from django.db import connection
from django.http import Http404
from django.test import Client, RequestFactory

from django_avatar_kit.exceptions import AvatarError
from django_avatar_kit.forms import AvatarForm
from django_avatar_kit.rendering import avatar_html, get_face
from django_avatar_kit.test import make_upload, settle
from django_avatar_kit.view_answers import VARY, avatar_data
from django_avatar_kit.views import AvatarChangeView, AvatarDeleteView
from tests.support import animations
from tests.support.pages import CHANGE, DELETE, stored, told
from tests.testapp.models import Channel, Profile

JSON = {"accept": "application/json"}
BOTH = pytest.mark.parametrize("url", [CHANGE, DELETE])


def described(profile: Profile) -> dict[str, Any]:
    """What a script is told about a picture: the same as the tags show."""
    name = profile.avatar.avatar_name
    url = f"/media/{name.folder}{name.token}"
    return {
        "has_avatar": True,
        "src": f"{url}.64.webp",
        "srcset": get_face(profile, 64).srcset,
        "alt": "ada",
        "color": f"#{name.color}",
        "html": avatar_html(profile, 64, alt="ada"),
        # Of a picture that is too small for some sizes, the largest that there is.
        "urls": {str(n): f"{url}.{name.best(n)}.webp" for n in (32, 64, 128, 256, 512)},
    }


class TestAnswers:
    @pytest.mark.parametrize(
        "accept", ["a/b;x*=bogus''1", "text/html" + ";a=1" * 3000, "*/*;q=x", "\xff"]
    )
    def test_a_header_that_says_nothing_gets_the_page(self, accept, client):
        response = client.get(CHANGE, headers={"accept": accept})
        assert response.status_code == 200
        assert response["Content-Type"].startswith("text/html")

    def test_the_present_avatar(self, client, profile):
        for url, back in ((CHANGE, CHANGE), (DELETE, CHANGE), (f"{DELETE}?next=/me/", "/me/")):
            response = client.get(url, headers=JSON)
            assert response.status_code == 200
            assert response["Content-Type"] == "application/json"
            assert response.json() == {
                "ok": True,
                "message": "",
                "url": back,
                "avatar": described(profile),
            }

    def test_nobody_has_one_at_first(self, client):
        avatar = client.get(CHANGE, headers=JSON).json()["avatar"]
        assert avatar["has_avatar"] is False
        assert avatar["src"].startswith("/avatar/initials/")
        assert set(avatar["urls"]) == {"32", "64", "128", "256", "512"}
        assert avatar["color"] == avatar["srcset"] == ""
        assert avatar["html"].startswith("<svg ")
        assert not Profile.objects.exists()

    def test_saved(self, client, user, profile, files):
        response = client.post(
            CHANGE, {"avatar": make_upload(color="red"), "next": "/me/"}, headers=JSON
        )
        settle()
        row = Profile.objects.get(user=user)
        assert row.avatar.name != profile.avatar.name
        assert response.status_code == 200
        assert response.json() == {
            "ok": True,
            "message": "Your picture is saved.",
            "url": "/me/",
            "avatar": described(row),
        }
        assert files() == set(row.avatar.avatar_name.files)

    def test_the_first_one_of_a_profile(self, client, user):
        response = client.post(CHANGE, {"avatar": make_upload()}, headers=JSON)
        assert response.json()["avatar"] == described(Profile.objects.get(user=user))

    def test_in_a_transaction_for_each_request(self, client, user, profile, monkeypatch):
        monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
        response = client.post(CHANGE, {"avatar": make_upload(color="red")}, headers=JSON)
        assert response.json()["avatar"] == described(Profile.objects.get(user=user))

    @pytest.mark.parametrize(("url", "data"), [(CHANGE, {"avatar-clear": "on"}), (DELETE, {})])
    def test_removed(self, url, data, client, user, profile):
        response = client.post(url, data, headers=JSON)
        answer = response.json()
        assert answer["ok"] is True
        assert answer["message"] == "Your picture has been removed."
        assert answer["url"] == CHANGE
        assert answer["avatar"]["has_avatar"] is False
        assert answer["avatar"]["src"].startswith("/avatar/initials/")
        assert stored(user) == ""

    def test_nothing_to_remove(self, client):
        answer = client.post(DELETE, headers=JSON).json()
        assert (answer["ok"], answer["message"]) == (True, "You have no picture.")

    def test_nothing_changed(self, client, user, profile, monkeypatch):
        class Words(AvatarForm):
            class Meta:
                model = Profile
                fields = ["avatar", "bio"]

        monkeypatch.setattr(AvatarChangeView, "form_class", Words)
        answer = client.post(CHANGE, {"bio": "countess"}, headers=JSON).json()
        assert (answer["ok"], answer["message"]) == (True, "Nothing has changed.")
        assert answer["avatar"] == described(profile)

    def test_another_field_with_a_default(self, user, db):
        """A default is nobody's own, and is shown all the same."""
        channel = Channel.objects.create(name="news")
        request = RequestFactory().get("/", headers=JSON)
        request.user = user
        view = AvatarChangeView.as_view(field_name="badge", get_object=lambda: channel)
        avatar = json.loads(view(request).content)["avatar"]
        assert avatar["has_avatar"] is False
        assert avatar["src"] == "/media/defaults/badge.png"
        assert avatar["urls"] == {"16": "/media/defaults/badge.png"}


class TestMessages:
    def test_only_for_a_script_that_goes_to_the_url(self, client, profile):
        """A script that stays on its page shows the message of the answer itself."""
        response = client.post(CHANGE, {"avatar": make_upload()}, headers=JSON)
        assert told(response) == []
        navigate = {**JSON, "Avatar-Kit-Navigate": "true"}
        response = client.post(CHANGE, {"avatar": make_upload()}, headers=navigate)
        assert told(response) == ["Your picture is saved."]
        response = client.post(DELETE, headers=navigate)
        assert told(response)[-1] == "Your picture has been removed."


class TestErrors:
    def test_a_bad_upload(self, client, user, profile, files):
        before = files()
        response = client.post(CHANGE, {"avatar": make_upload("<b>.jpg", b"no")}, headers=JSON)
        assert response.status_code == 400
        assert response.json() == {
            "ok": False,
            "errors": {
                "avatar": [
                    {
                        "message": (
                            "“<b>.jpg” is not an image. Choose a photo or another picture."
                        ),
                        "code": "invalid_image",
                    }
                ]
            },
        }
        settle()
        assert files() == before
        assert stored(user) == profile.avatar.name

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ({}, "nothing_chosen"),
            ({"avatar": "cat.jpg"}, "not_multipart"),
            ({"avatar": make_upload(), "avatar-clear": "on"}, "contradiction"),
        ],
    )
    def test_other_refusals(self, body, code, client, profile):
        response = client.post(CHANGE, body, headers=JSON)
        assert response.status_code == 400
        ((error,),) = response.json()["errors"].values()
        assert error["code"] == code

    def test_json_in_the_request(self, client, user, profile):
        response = client.post(CHANGE, {"avatar": "x"}, "application/json", headers=JSON)
        assert response.status_code == 400
        (error,) = response.json()["errors"]["avatar"]
        assert error["code"] == "not_multipart"
        assert "application/json" in error["message"]

    def test_an_error_that_is_about_no_field(self, client, profile, monkeypatch):
        class Moody(AvatarForm):
            def clean(self) -> None:
                self.add_error(None, "Not today.")

        monkeypatch.setattr(AvatarChangeView, "form_class", Moody)
        response = client.post(CHANGE, {"avatar": make_upload()}, headers=JSON)
        assert response.json()["errors"] == {"__all__": [{"message": "Not today.", "code": ""}]}

    def test_a_storage_that_fails(self, client, user, profile, storage, monkeypatch, caplog):
        monkeypatch.setattr(storage, "save", mock.Mock(side_effect=OSError(28, "full")))
        response = client.post(CHANGE, {"avatar": make_upload(color="red")}, headers=JSON)
        assert response.status_code == 503
        (told,) = response.json()["errors"]["avatar"]
        assert told == {"message": str(AvatarChangeView.storage_message), "code": "storage"}
        assert stored(user) == profile.avatar.name

    def test_any_other_failure(self, client, user, profile, monkeypatch, caplog):
        monkeypatch.setattr(AvatarForm, "save", mock.Mock(side_effect=AvatarError()))
        response = client.post(CHANGE, {"avatar": make_upload(color="red")}, headers=JSON)
        assert response.status_code == 503
        (told,) = response.json()["errors"]["avatar"]
        assert told == {"message": str(AvatarChangeView.failure_message), "code": "avatar"}
        assert stored(user) == profile.avatar.name

    def test_somebody_elses(self, user):
        """Errors that other views would answer with a page have the same shape."""

        def missing() -> None:
            raise Http404

        request = RequestFactory().get("/", headers=JSON)
        request.user = user
        response = AvatarChangeView.as_view(get_object=missing)(request)
        assert response.status_code == 404
        assert b'"code": "not_found"' in response.content
        request = RequestFactory().get("/")
        request.user = user
        with pytest.raises(Http404):
            AvatarChangeView.as_view(get_object=missing)(request)


class TestNegotiation:
    @pytest.mark.parametrize(
        ("accept", "kind"),
        [
            ("application/json", "application/json"),
            ("application/*", "application/json"),
            ("application/json, text/plain, */*", "application/json"),
            ("application/json, text/javascript, */*; q=0.01", "application/json"),
            ("text/html;q=0.5, application/json", "application/json"),
            ("*/*", "text/html"),
            ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html"),
            ("application/json;q=0.5, text/html", "text/html"),
            ("text/html, application/json", "text/html"),
            ("image/png", "text/html"),
            ("", "text/html"),
            (";;;,q=x,/", "text/html"),
        ],
    )
    @BOTH
    def test_who_gets_json(self, url, accept, kind, client, profile):
        response = client.get(url, headers={"accept": accept})
        assert response.status_code == 200
        assert response["Content-Type"].partition(";")[0] == kind

    def test_without_the_header(self, client, profile):
        assert client.get(CHANGE)["Content-Type"].startswith("text/html")

    @BOTH
    @pytest.mark.parametrize("accept", ["application/json", "text/html"])
    def test_caches_are_told(self, url, accept, client, profile):
        for response in (
            client.get(url, headers={"accept": accept}),
            client.post(url, headers={"accept": accept}),
            Client().get(url, headers={"accept": accept}),
        ):
            vary = {name.strip() for name in response["Vary"].split(",")}
            assert set(VARY) <= vary
            assert "no-store" in response["Cache-Control"]

    @BOTH
    def test_head_and_options(self, url, client, profile):
        assert client.head(url, headers=JSON).status_code == 200
        assert client.options(url, headers=JSON)["Allow"] == "GET, POST, HEAD, OPTIONS"
        assert client.put(url, headers=JSON).status_code == 405


class TestLogin:
    """A session that was never there, or ended meanwhile."""

    @pytest.mark.parametrize(
        ("method", "message"),
        [
            ("get", AvatarChangeView.login_message),
            ("post", AvatarChangeView.logged_out_message),
        ],
    )
    @BOTH
    def test_login_required(self, url, method, message, user, profile, files):
        before = files()
        data = {"avatar": make_upload(color="red")} if method == "post" else {}
        response = getattr(Client(), method)(url, data, headers=JSON)
        assert response.status_code == 401
        assert response.json()["ok"] is False
        assert response.json()["errors"] == {
            "__all__": [{"message": str(message), "code": "login_required"}]
        }
        assert response.json()["login_url"].startswith(f"/accounts/login/?next={url}")
        assert list(get_messages(response.wsgi_request)) == []
        assert files() == before
        assert stored(user) == profile.avatar.name

    def test_a_login_page_of_the_views_own(self, db):
        response = AvatarDeleteView.as_view(login_url="/enter/")(anonymous())
        assert b'"login_url": "/enter/?next=/somewhere/"' in response.content

    def test_no_way_to_log_in(self, db):
        response = AvatarDeleteView.as_view(raise_exception=True)(anonymous())
        assert response.status_code == 403
        assert b'"code": "permission_denied"' in response.content


def anonymous() -> Any:
    request = RequestFactory().get("/somewhere/", headers=JSON)
    request.user = mock.Mock(is_authenticated=False)
    return request


def test_what_moves_is_told_to_a_script(settings, profile):
    settings.AVATAR_KIT = {"SIZES": (6, 12), "ANIMATED": True}
    profile.avatar.save("film.gif", ContentFile(animations.gif()))
    profile = Profile.objects.get()
    told = avatar_data(profile.avatar)
    assert told["animated"] == f"/media/{profile.avatar.avatar_name.animated_rendition(12)}"
    assert list(told)[:4] == ["has_avatar", "src", "srcset", "animated"]
