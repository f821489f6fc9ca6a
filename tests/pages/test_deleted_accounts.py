"""Accounts that are deleted while their first picture is on its way: no error 500, no files."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from rest_framework.test import APIClient

from django_avatar_kit import downloads, views
from django_avatar_kit.contrib.rest_framework.views import AvatarViewSet
from django_avatar_kit.exceptions import AvatarError
from django_avatar_kit.test import make_upload, settle
from tests.support.pages import CHANGE
from tests.testapp.models import Profile

pytestmark = pytest.mark.django_db(transaction=True)


def deleted_before_its_profile(monkeypatch: pytest.MonkeyPatch, view: Any) -> None:
    """After the session was checked and the picture was decoded."""
    create = view.create_object

    def late(self: Any, new: Any) -> Any:
        User.objects.all().delete()
        return create(self, new)

    monkeypatch.setattr(view, "create_object", late)


@pytest.mark.parametrize(
    ("headers", "status"), [({}, 200), ({"accept": "application/json"}, 404)], ids=["page", "json"]
)
def test_on_the_page(
    headers: dict[str, str],
    status: int,
    client: Client,
    files: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    deleted_before_its_profile(monkeypatch, views.AvatarChangeView)
    response: Any = client.post(CHANGE, {"avatar": make_upload()}, headers=headers)
    assert response.status_code == status
    settle()
    assert not Profile.objects.exists()
    assert files() == set()


@pytest.mark.urls("tests.support.api")
def test_in_the_api(user: User, files: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    deleted_before_its_profile(monkeypatch, AvatarViewSet)
    client = APIClient()
    client.force_authenticate(user)
    response = client.put("/api/me/avatar/", {"avatar": make_upload()}, format="multipart")
    assert response.status_code == 404
    settle()
    assert not Profile.objects.exists()
    assert files() == set()


def test_from_a_url(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def late(*_arguments: Any) -> Any:
        User.objects.all().delete()
        return make_upload()

    monkeypatch.setattr(downloads, "download", late)
    with pytest.raises(AvatarError):
        downloads.save_from_url(user, "https://pictures.example.org/ada.jpg")
    assert not Profile.objects.exists()
