"""The stored master, which a form shows to crop it anew."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any

import pytest
from django.core import signing

from django_avatar_kit.forms import AvatarForm
from django_avatar_kit.widget_data import MASTER_SALT
from tests.support.lifecycle import column, make_profile
from tests.testapp.models import Profile

pytestmark = pytest.mark.django_db


@pytest.fixture
def profile() -> Profile:
    return make_profile("grace")


def told(row: Any) -> Any:
    """What the widget tells the script."""
    (text,) = re.findall('data-master="([^"]*)"', str(AvatarForm(instance=row)["avatar"]))
    return json.loads(unescape(text))


def signed(*what: Any) -> str:
    return f"/avatar/master/{signing.dumps(list(what), salt=MASTER_SALT)}/"


def test_what_the_script_is_told(profile):
    name = profile.avatar.avatar_name
    master = told(profile)
    assert {key: master[key] for key in ("token", "size", "box")} == {
        "token": name.token,
        "size": [60, 40],
        "box": [10, 0, 40, 40],
    }
    assert name.secret not in json.dumps(master)


def test_the_chosen_part(profile):
    profile.avatar.recrop((5, 6, 20, 20))
    assert told(profile)["box"] == [5, 6, 20, 20]


def test_the_master(profile, client):
    response = client.get(told(profile)["url"])
    assert response.content == profile.avatar.open().read()
    profile.avatar.close()
    assert response.headers["Content-Type"] == "image/jpeg"
    assert response.headers["Cache-Control"] == "private, max-age=3600, immutable"
    assert response.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_no_master_of_another_avatar(profile, client):
    url = told(profile)["url"]
    profile.avatar.recrop(None)
    assert client.get(url).status_code == 404


def test_no_master_after_a_day(profile, client, monkeypatch):
    url = told(profile)["url"]
    real = signing.time.time
    monkeypatch.setattr(signing.time, "time", lambda: real() + 24 * 60 * 60 + 5)
    assert client.get(url).status_code == 404


def test_no_master_that_is_gone(profile, client, caplog):
    url = told(profile)["url"]
    profile.avatar.storage.delete(column(profile))
    assert client.get(url).status_code == 404
    assert column(profile) in caplog.text


def test_no_unsigned_master(profile, client):
    token = profile.avatar.avatar_name.token
    what = ["testapp.profile", str(profile.pk), "avatar", "default", token]
    assert client.get(signed(*what)).status_code == 200
    assert client.get(f"/avatar/master/{signing.dumps(what)}/").status_code == 404
    assert client.get("/avatar/master/x/").status_code == 404


@pytest.mark.parametrize(
    ("at", "value"),
    [
        (0, "testapp.gone"),
        (1, "0"),
        (2, "user"),
        (2, "gone"),
        (3, "gone"),
        (4, "3f9c0d1e2a4b5c6d7e8f9a0b1c2d3ee1"),
    ],
)
def test_what_is_not_there_any_more(profile, client, at, value):
    """A signed URL that an earlier release of the site has given out."""
    token = profile.avatar.avatar_name.token
    what = ["testapp.profile", str(profile.pk), "avatar", "default", token]
    what[at] = value
    assert client.get(signed(*what)).status_code == 404


def test_only_reading(profile, client):
    assert client.post(told(profile)["url"]).status_code == 405


def test_there_is_none(profile, settings):
    assert told(Profile()) is None
    assert told(Profile(pk=1, avatar="old.png")) is None
    profile.pk = None
    assert told(profile) is None


@pytest.mark.urls("django.contrib.auth.urls")
def test_without_the_urls_of_the_kit(profile):
    assert told(profile) is None
