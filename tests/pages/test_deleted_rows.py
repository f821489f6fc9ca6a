"""Rows that somebody deletes while a request about them is on its way: no error 500, no files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest
from django.db import DatabaseError, IntegrityError, connection
from django.test import Client, RequestFactory

from django_avatar_kit import pipeline, views
from django_avatar_kit.forms import AvatarForm
from django_avatar_kit.test import make_upload, settle
from django_avatar_kit.views import AvatarChangeView
from tests.support.pages import CHANGE, DELETE, page, stored, told
from tests.testapp.models import Profile

JSON = {"accept": "application/json"}
HTMX = {"HX-Request": "true"}
FAILED = "Your picture could not be saved, and nothing has changed. Please try again later."
STORAGE = (
    "Your picture could not be saved, since the storage could not be reached or is full. "
    "Nothing has changed; please try again later."
)


@pytest.fixture(params=[False, True], ids=["autocommit", "atomic"], autouse=True)
def atomic(request: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    request.getfixturevalue("db" if request.param else "transactional_db")
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", request.param)


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Do something while the upload is being decoded."""

    def arrange(do: Callable[[], object]) -> None:
        receive = pipeline.receive

        def slow(*args: Any, **kwargs: Any) -> Any:
            monkeypatch.setattr(pipeline, "receive", receive)
            do()
            return receive(*args, **kwargs)

        monkeypatch.setattr(pipeline, "receive", slow)

    return arrange


def change(client: Client, headers: dict[str, str]) -> Any:
    return client.post(CHANGE, {"avatar": make_upload(color="red")}, headers=headers)


def gone() -> None:
    Profile.objects.all().delete()


@pytest.fixture
def just_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """The row is deleted just before it is saved."""
    save = views.save_row

    def late(*args: Any) -> Any:
        gone()
        return save(*args)

    monkeypatch.setattr(views, "save_row", late)


class TestChange:
    @pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "htmx"])
    def test_a_person(self, headers, client, profile, files, meanwhile):
        meanwhile(gone)
        response = change(client, headers)
        assert response.status_code == 200
        assert response.context["form"].errors == {"avatar": [FAILED]}
        assert FAILED in page(response)
        # Neither the old picture nor the new one is there to be shown.
        assert "/media/" not in page(response)
        assert "HX-Trigger" not in response
        settle()
        assert files() == set()
        assert not Profile.objects.exists()

    def test_a_script(self, client, profile, files, meanwhile):
        meanwhile(gone)
        response = change(client, JSON)
        assert response.status_code == 404
        assert response.json() == {
            "ok": False,
            "errors": {"avatar": [{"message": FAILED, "code": "not_found"}]},
        }
        assert told(response) == []
        settle()
        assert files() == set()

    def test_once_more(self, client, user, profile, files, meanwhile):
        """As the message says: a user without a profile gets one."""
        meanwhile(gone)
        change(client, {})
        assert change(client, {}).status_code == 302
        settle()
        assert files() == set(Profile.objects.get(user=user).avatar.avatar_name.files)

    def test_removed(self, client, profile, files, just_before):
        response = client.post(CHANGE, {"avatar-clear": "on"})
        assert response.context["form"].errors == {"avatar": [FAILED]}
        settle()
        assert files() == set()

    def test_a_form_without_the_picture(self, client, profile, just_before, monkeypatch):
        class Words(AvatarForm):
            class Meta:
                model = Profile
                fields = ["bio"]

        monkeypatch.setattr(AvatarChangeView, "form_class", Words)
        response = client.post(CHANGE, {"bio": "mathematician"})
        assert response.context["form"].errors == {"__all__": [FAILED]}
        assert "/media/" not in page(response)

    @pytest.mark.parametrize("headers", [{}, JSON], ids=["page", "json"])
    def test_while_the_storage_fails(self, headers, client, profile, storage, monkeypatch):
        save = views.save_row

        def then_gone(*args: Any) -> Any:
            try:
                return save(*args)
            finally:
                gone()

        monkeypatch.setattr(views, "save_row", then_gone)
        monkeypatch.setattr(storage, "save", mock.Mock(side_effect=OSError(28, "full")))
        response = change(client, headers)
        assert response.status_code == (503 if headers else 200)
        assert STORAGE in response.content.decode()
        assert "/media/" not in response.content.decode()


@pytest.mark.usefixtures("profile", "just_before")
class TestDelete:
    def test_a_person(self, client, files):
        response = client.post(DELETE)
        assert response["Location"] == CHANGE
        assert told(response) == ["You have no picture."]
        settle()
        assert files() == set()

    def test_htmx(self, client):
        response = client.post(DELETE, headers=HTMX)
        assert response.status_code == 200
        assert '<p class="avatar-kit-notice info"' in page(response)
        assert "You have no picture." in page(response)
        assert "/media/" not in page(response)

    def test_a_script(self, client):
        answer = client.post(DELETE, headers=JSON).json()
        assert (answer["ok"], answer["message"]) == (True, "You have no picture.")
        assert answer["avatar"]["has_avatar"] is False


class TestOtherErrors:
    """Those of a database are not hidden."""

    @pytest.mark.parametrize("url", [CHANGE, DELETE])
    def test_the_row_is_there(self, url, client, user, profile, monkeypatch):
        broken = mock.Mock(side_effect=DatabaseError("deadlock detected"))
        monkeypatch.setattr(Profile, "save", broken)
        with pytest.raises(DatabaseError, match="deadlock"):
            client.post(url, {"avatar": make_upload(color="red")})
        assert stored(user) == profile.avatar.name

    def test_the_row_is_new(self, user):
        broken = mock.Mock(side_effect=IntegrityError("NOT NULL constraint failed"))
        view = AvatarChangeView.as_view(
            get_object=lambda: Profile(user=user), create_object=lambda new: new
        )
        request = RequestFactory().post("/", {"avatar": make_upload()})
        request.user = user
        request._dont_enforce_csrf_checks = True
        with mock.patch.object(Profile, "save", broken), pytest.raises(IntegrityError):
            view(request)
