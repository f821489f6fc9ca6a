"""The viewset of ``contrib.rest_framework``, behind a router and for clients as REST has them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from rest_framework.reverse import reverse
from rest_framework.test import APIClient

from django_avatar_kit.contrib.rest_framework.views import AvatarViewSet
from django_avatar_kit.exceptions import KeyChanged, UnreadableUpload
from django_avatar_kit.rendering import avatar_url, get_face
from django_avatar_kit.test import make_upload, settle
from tests.support.pages import stored
from tests.testapp.models import Channel, Profile

pytestmark = [pytest.mark.urls("tests.support.api"), pytest.mark.usefixtures("small")]
URL = "/api/me/avatar/"


class Service:
    """Whom a token stands for, as the ``TokenUser`` of simplejwt: there is no row of it."""

    pk = 1
    is_anonymous = False
    is_authenticated = True

    def get_username(self) -> str:
        return "metrics"


@pytest.fixture
def client(user: User) -> APIClient:
    client = APIClient()
    client.force_authenticate(user)
    return client


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Do something between the moment when a row is read and the one when it is saved."""

    def arrange(do: Callable[[], object]) -> None:
        def slow(view: Any) -> None:
            do()
            monkeypatch.undo()
            view._save()

        monkeypatch.setattr(AvatarViewSet, "_save", slow)

    return arrange


def put(client: APIClient, url: str = URL, **data: Any) -> Any:
    return client.put(url, {"avatar": make_upload(color="red"), **data}, format="multipart")


def described(row: Any, name: str = "avatar", size: int | None = None) -> dict[str, Any]:
    if name == "avatar":
        # As a request has them: the name is that of the user, whom the profile knows.
        assert row.user
    avatar = getattr(row, name)
    site, face = "http://testserver", get_face(avatar, size)
    dense = [f"{site}{each}" for each in face.srcset.split(", ") if each]
    return {
        "has_avatar": True,
        "src": site + face.src,
        "srcset": ", ".join(dense),
        "color": face.color,
        "alt": face.alt,
        "urls": {str(each): site + avatar_url(avatar, each) for each in avatar.field.spec.sizes},
    }


def test_the_name_of_the_url(client):
    assert reverse("me-avatar") == URL


class TestAnswers:
    def test_the_avatar(self, client, profile):
        response = client.get(URL)
        assert (response.status_code, response.json()) == (200, described(profile))

    def test_the_fallback_of_whoever_has_none(self, client):
        answer = client.get(URL).json()
        assert answer["src"].startswith("http://testserver/avatar/initials/")
        assert answer == {
            "has_avatar": False,
            "src": answer["src"],
            "srcset": "",
            "color": "",
            "alt": "ada",
            "urls": {"16": answer["src"], "32": answer["src"]},
        }
        assert not Profile.objects.exists()

    @pytest.mark.parametrize("method", ["get", "put", "delete"])
    def test_nobody_has_an_avatar_where_a_site_lets_anybody_in(self, monkeypatch, method):
        monkeypatch.setattr(AvatarViewSet, "permission_classes", [])
        assert getattr(APIClient(), method)(URL).status_code == 403

    @pytest.mark.parametrize("method", ["get", "put", "delete"])
    def test_a_service_that_is_no_user_of_the_table_has_none(self, client, method, db):
        client.force_authenticate(Service())
        assert getattr(client, method)(URL).status_code == 403

    def test_a_new_picture(self, client, user, profile, files):
        response = put(client, crop="10,20,300,300")
        settle()
        row = Profile.objects.get(user=user)
        assert row.avatar.name != profile.avatar.name
        assert row.avatar.avatar_name.crop == (10, 20, 300, 300)
        assert (response.status_code, response.json()) == (200, described(row))
        assert row.bio == "countess"
        assert files() == set(row.avatar.avatar_name.files)

    def test_the_first_one_of_a_profile(self, client, user):
        response = put(client)
        assert response.json() == described(Profile.objects.get(user=user))

    def test_in_a_transaction_for_each_request(self, client, user, profile, monkeypatch):
        monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
        assert put(client).json() == described(Profile.objects.get(user=user))

    def test_removed(self, client, user, profile, files):
        response = client.delete(URL)
        settle()
        assert (response.status_code, response.content) == (204, b"")
        assert stored(user) == ""
        assert files() == set()

    def test_nothing_to_remove(self, client):
        assert client.delete(URL).status_code == 204
        assert not Profile.objects.exists()


class TestErrors:
    def test_a_bad_picture(self, client, user, profile, files):
        before = files()
        response = client.put(URL, {"avatar": make_upload("a.jpg", b"no")}, format="multipart")
        assert response.status_code == 400
        assert response.json() == {
            "avatar": ["“a.jpg” is not an image. Choose a photo or another picture."]
        }
        assert response.data["avatar"][0].code == "invalid_image"
        assert (stored(user), files()) == (profile.avatar.name, before)

    @pytest.mark.parametrize("data", [{}, {"crop": "0,0,9,9"}])
    def test_no_picture(self, data, client):
        response = client.put(URL, data, format="multipart")
        assert response.status_code == 400
        assert response.json() == {"avatar": ["No file was submitted."]}
        assert not Profile.objects.exists()

    def test_a_bad_crop(self, client, user):
        response = put(client, crop="0,0,9,8")
        assert response.status_code == 400
        assert response.data["avatar"][0].code == "invalid_crop"
        assert not Profile.objects.exists()

    def test_another_kind_of_request(self, client):
        assert client.put(URL, {"avatar": None}, format="json").status_code == 415
        assert client.post(URL).status_code == 405
        assert client.patch(URL).status_code == 405

    def test_nobody_is_logged_in(self, db):
        for method in ("get", "put", "delete"):
            response = getattr(APIClient(), method)(URL)
            assert response.status_code == 403
            assert response.data["detail"].code == "not_authenticated"

    def test_the_token_of_a_session_is_asked_for(self, user):
        client = APIClient(enforce_csrf_checks=True)
        client.force_login(user)
        assert put(client).status_code == 403
        assert not Profile.objects.exists()

    @pytest.mark.parametrize(("method", "status"), [("put", 404), ("delete", 204)])
    def test_the_row_is_deleted_meanwhile(self, method, status, client, profile, files, meanwhile):
        meanwhile(lambda: Profile.objects.all().delete())
        response = getattr(client, method)(URL, {"avatar": make_upload()}, format="multipart")
        assert response.status_code == status
        assert status == 204 or response.data["detail"].code == "not_found"
        settle()
        assert files() == set()

    def test_the_storage_fails(self, client, user, profile, storage, monkeypatch, caplog):
        def full(*_args: Any, **_options: Any) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(type(storage), "save", full)
        response = put(client)
        assert response.status_code == 503
        assert response.json() == {
            "detail": "Your picture could not be saved, since the storage could not be reached or "
            "is full. Nothing has changed; please try again later."
        }
        assert response.data["detail"].code == "storage"
        assert "No space left on device" in caplog.text
        assert stored(user) == profile.avatar.name

    @pytest.mark.parametrize(
        ("error", "status", "code", "sentence"),
        [
            (
                UnreadableUpload(filename="a.jpg", reason="it is closed"),
                400,
                "unreadable",
                {"avatar": ["“a.jpg” cannot be read: it is closed. Upload it once more."]},
            ),
            (
                KeyChanged(key="x", expected="y"),
                503,
                "key_changed",
                {
                    "detail": "Your picture could not be saved, and nothing has changed. Please "
                    "try again later."
                },
            ),
        ],
    )
    def test_other_errors_of_a_save(
        self, error, status, code, sentence, client, profile, monkeypatch
    ):
        def fail(*_args: Any, **_options: Any) -> None:
            raise error

        monkeypatch.setattr(Profile, "save", fail)
        response = put(client)
        assert (response.status_code, response.json()) == (status, sentence)
        (detail,) = response.data.values()
        assert (detail[0] if isinstance(detail, list) else detail).code == code


class TestThrottle:
    def test_changes_are_limited_if_the_site_says_so(self, client, settings):
        settings.REST_FRAMEWORK = {"DEFAULT_THROTTLE_RATES": {"avatar_upload": "2/min"}}
        settings.CACHES = {
            "default": {
                "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
                "LOCATION": "of this test",
            }
        }
        assert put(client).status_code == 200
        assert client.delete(URL).status_code == 204
        assert put(client).status_code == 429
        assert client.get(URL).status_code == 200

    def test_beside_those_of_the_site(self, client, settings, monkeypatch):
        class Never:
            def allow_request(self, request: Any, view: Any) -> bool:
                return False

            def wait(self) -> None:
                return None

        monkeypatch.setattr("tests.support.api.AvatarViewSet.throttle_classes", [Never])
        assert client.get(URL).status_code == 429


class TestRowsOfAURL:
    def test_another_field_of_another_model(self, client, user):
        channel = Channel.objects.create(name="ada")
        url = f"/api/channels/{channel.pk}/avatar/"
        assert reverse("channel-avatar", kwargs={"pk": channel.pk}) == url
        answer = put(client, url).json()
        row = Channel.objects.get()
        assert answer == described(row, "banner", 40)
        assert row.avatar.name in ("", None)

    def test_who_may_not(self, client):
        channel = Channel.objects.create(name="news")
        assert put(client, f"/api/channels/{channel.pk}/avatar/").status_code == 403
        assert put(client, "/api/channels/0/avatar/").status_code == 404

    def test_a_service_may_be_let_change_them(self, client):
        channel = Channel.objects.create(name="metrics")
        client.force_authenticate(Service())
        assert put(client, f"/api/channels/{channel.pk}/avatar/").status_code == 200

    @pytest.mark.parametrize("method", ["get", "put", "delete"])
    def test_a_key_that_no_row_can_have(self, client, method):
        assert getattr(client, method)("/api/channels/news/avatar/").status_code == 404
