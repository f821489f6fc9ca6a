"""One person, two tabs: whoever saves last wins, both are told the truth, and no file is left."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from django_avatar_kit import pipeline
from django_avatar_kit.test import make_upload, settle
from tests.support.pages import CHANGE, DELETE, page, stored, told
from tests.testapp.models import Profile

JSON = {"accept": "application/json"}
ANSWERS = pytest.mark.parametrize("headers", [{}, JSON], ids=["pages", "json"])


@pytest.fixture
def tabs(user: Any) -> tuple[Client, Client]:
    """Two connections of one browser, and so of one session."""
    first, second = Client(), Client()
    first.force_login(user)
    second.cookies = first.cookies
    for tab in (first, second):
        tab.get(CHANGE)
    return first, second


def done(response: Any) -> bool:
    return response.status_code == 302 or response.json()["ok"] is True


def only(files: Any) -> bool:
    """Whether the files of the present avatar are there, and no others."""
    settle()
    name = Profile.objects.get().avatar.avatar_name
    return bool(files() == set(name.files if name else ()))


@ANSWERS
def test_one_after_the_other(headers, tabs, profile, files):
    first, second = tabs
    assert done(first.post(CHANGE, {"avatar": make_upload(color="red")}, headers=headers))
    between = Profile.objects.get().avatar.name
    assert done(second.post(CHANGE, {"avatar": make_upload(color="blue")}, headers=headers))
    assert Profile.objects.get().avatar.name not in {between, profile.avatar.name}
    assert only(files)


@ANSWERS
@pytest.mark.parametrize("existing", [True, False])
def test_at_the_same_time(existing, headers, tabs, user, files, monkeypatch, request):
    """The second tab sends and saves while the upload of the first is being decoded."""
    if existing:
        request.getfixturevalue("profile")
    first, second = tabs
    receive, between = pipeline.receive, []

    def slow(*args: Any, **kwargs: Any) -> Any:
        monkeypatch.setattr(pipeline, "receive", receive)
        assert done(second.post(CHANGE, {"avatar": make_upload(color="blue")}, headers=headers))
        between.append(stored(user))
        return receive(*args, **kwargs)

    monkeypatch.setattr(pipeline, "receive", slow)
    response = first.post(CHANGE, {"avatar": make_upload(color="red")}, headers=headers)
    assert done(response)
    assert stored(user) not in {"", *between}
    if headers:
        # Each tab is told about the picture that it has saved itself.
        name = Profile.objects.get().avatar.avatar_name
        assert name.token in response.json()["avatar"]["src"]
    assert only(files)


@ANSWERS
def test_removed_in_one_and_replaced_in_the_other(headers, tabs, user, profile, files):
    first, second = tabs
    assert done(first.post(DELETE, headers=headers))
    assert done(second.post(CHANGE, {"avatar": make_upload(color="red")}, headers=headers))
    assert stored(user)
    assert only(files)


@ANSWERS
def test_removed_while_the_other_is_sending(headers, tabs, user, profile, files, monkeypatch):
    first, second = tabs
    receive = pipeline.receive

    def slow(*args: Any, **kwargs: Any) -> Any:
        monkeypatch.setattr(pipeline, "receive", receive)
        assert done(second.post(DELETE, headers=headers))
        return receive(*args, **kwargs)

    monkeypatch.setattr(pipeline, "receive", slow)
    assert done(first.post(CHANGE, {"avatar": make_upload(color="red")}, headers=headers))
    assert stored(user)
    assert only(files)


def test_removed_in_both(tabs, user, profile, files):
    """The page of the second tab still shows a picture to remove."""
    first, second = tabs
    assert "Remove picture" in page(second.get(DELETE))
    assert told(first.post(DELETE)) == ["Your picture has been removed."]
    assert told(second.post(DELETE))[-1] == "You have no picture."
    assert second.post(CHANGE, {"avatar-clear": "on"}).status_code == 200
    assert stored(user) == ""
    assert only(files)


@ANSWERS
def test_refused_in_one_and_saved_in_the_other(headers, tabs, user, profile, files):
    first, second = tabs
    response = first.post(CHANGE, {"avatar": make_upload(content=b"no")}, headers=headers)
    assert response.status_code == (400 if headers else 200)
    assert done(second.post(CHANGE, {"avatar": make_upload(color="red")}, headers=headers))
    assert stored(user) != profile.avatar.name
    assert only(files)
