"""The stored master, which a form shows to crop it anew."""

from __future__ import annotations

import json
import re
import time
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User

from django_avatar_kit.display.sealed import seal
from django_avatar_kit.forms import AvatarForm
from django_avatar_kit.rendering import avatar_url
from django_avatar_kit.test import make_upload
from tests.support.lifecycle import column, make_profile
from tests.testapp.models import Place, Profile

pytestmark = pytest.mark.django_db


@pytest.fixture
def profile() -> Profile:
    return make_profile("grace")


def told(row: Any) -> Any:
    """What the widget tells the script."""
    (text,) = re.findall('data-master="([^"]*)"', str(AvatarForm(instance=row)["avatar"]))
    return json.loads(unescape(text))


def sealed(*what: Any, hours: int = 0) -> str:
    content = json.dumps([int(time.time()) // 3600 - hours, *what])
    return f"/avatar/master/{seal(content.encode(), 'master.')}/"


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
    assert dict(response.headers) == {
        "Content-Type": "image/jpeg",
        # In the browser of whoever is shown the form, and in no cache between.
        "Cache-Control": "private, max-age=3600, immutable",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cross-Origin-Resource-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
    }
    assert not response.cookies


def test_the_content_type_is_that_of_the_stored_file(client):
    profile = make_profile("lin", avatar=False)
    profile.avatar.save("photo.jpg", make_upload(format="png", mode="RGBA", color="#ff000080"))
    response = client.get(told(profile)["url"])
    assert response.headers["Content-Type"] == "image/webp"


def test_no_master_of_another_avatar(profile, client):
    url = told(profile)["url"]
    profile.avatar.recrop(None)
    assert client.get(url).status_code == 404


def test_no_master_after_a_day(profile, client):
    what = ["testapp.profile", profile.pk, "avatar", "default", profile.avatar.avatar_name.token]
    assert client.get(sealed(*what, hours=24)).status_code == 200
    assert client.get(sealed(*what, hours=25)).status_code == 404


def test_the_url_stays_the_same_and_says_nothing(profile):
    url = told(profile)["url"]
    assert url in {told(profile)["url"], told(profile)["url"]}
    assert re.fullmatch("/avatar/master/[a-z2-7]+/", url)


def test_a_composite_key(client, storage):
    place = Place(row=1, seat=2)
    place.avatar.save("a.png", make_upload())
    assert client.get(told(place)["url"]).status_code == 200


def test_no_master_that_is_gone(profile, client, caplog):
    url = told(profile)["url"]
    profile.avatar.storage.delete(column(profile))
    assert client.get(url).status_code == 404
    assert column(profile) in caplog.text


@pytest.mark.parametrize(
    "text", ["x", "a" * 40, "a" * 48, "a" * 4_000, "A" * 48, "a" * 48 + "%0A"]
)
def test_no_master_that_was_not_sealed_here(profile, client, text):
    assert client.get(f"/avatar/master/{text}/").status_code == 404


def test_a_seal_of_initials_is_none_of_a_master(profile, client):
    url = avatar_url(User(username="Bo Li"), 64)
    text = re.findall("initials/(.+)[.]svg", url)[0]
    assert client.get(f"/avatar/master/{text}/").status_code == 404
    text = told(profile)["url"].split("/")[-2]
    assert client.get(f"/avatar/initials/{text}.svg").status_code == 404


@pytest.mark.parametrize(
    ("at", "value"),
    [
        (0, "testapp.gone"),
        (1, "0"),
        (1, "not a number"),
        (1, [1, 2]),
        (2, "user"),
        (2, "gone"),
        (3, "gone"),
        (4, "3f9c0d1e2a4b5c6d7e8f9a0b1c2d3ee1"),
    ],
)
def test_what_is_not_there_any_more(profile, client, at, value):
    """A URL that an earlier release of the site has given out."""
    token = profile.avatar.avatar_name.token
    what = ["testapp.profile", profile.pk, "avatar", "default", token]
    assert client.get(sealed(*what)).status_code == 200
    what[at] = value
    assert client.get(sealed(*what)).status_code == 404


def test_only_reading(profile, client):
    assert client.post(told(profile)["url"]).status_code == 405


def test_there_is_none(profile):
    assert told(Profile()) is None
    assert told(Profile(pk=1, avatar="old.png")) is None
    profile.pk = None
    assert told(profile) is None


@pytest.mark.urls("django.contrib.auth.urls")
def test_without_the_urls_of_the_kit(profile):
    assert told(profile) is None
