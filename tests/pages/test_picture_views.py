"""Pictures that Django answers with: initials whose URL says nothing, and identicons."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from django_avatar_kit.display.identicons import drawing_of
from django_avatar_kit.display.initials import initials_svg, seal_initials, svg_document
from django_avatar_kit.fallbacks import Identicon, Initials

HEADERS = {
    "Content-Type": "image/svg+xml",
    "Cache-Control": "public, max-age=31536000, immutable",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
}


@pytest.mark.parametrize("name", ["Ada Lovelace", "李 明", "🦊", "עדה לבלייס", "O-K"])
def test_initials(client, name):
    user = User(pk=7, first_name=name)

    response = client.get(Initials().url(user, 64))

    assert (response.status_code, dict(response.headers)) == (200, HEADERS)
    inside = str(Initials().html(user, 64, "", {})).partition(">")[2].removesuffix("</svg>")
    assert response.content.decode() == svg_document(inside)


def test_silhouette(client):
    assert client.get(Initials().url(None, 64)).content.decode() == initials_svg("", 0)


def test_identicon(client):
    url = Identicon().url(User(pk=7), 64) or ""

    response = client.get(url)

    assert (response.status_code, dict(response.headers)) == (200, HEADERS)
    code = url.removeprefix("/avatar/identicon/").removesuffix(".svg")
    assert response.content.decode() == svg_document(drawing_of(code) or "")


@pytest.mark.parametrize(
    "path",
    [
        "initials/AL.svg",
        "initials/" + "a" * 40 + ".svg",
        "initials/" + "a" * 5000 + ".svg",
        "initials/%E6%9D%8E%E6%98%8E.svg",
        "identicon/fffff.svg",
        "identicon/0.svg",
        "identicon/AAAAA.svg",
        "identicon/" + "0" * 5000 + ".svg",
        "identicon/%00.svg",
        "identicon/00000-0.svg",
    ],
)
def test_no_such_picture(client, path):
    assert client.get(f"/avatar/{path}").status_code == 404


def test_nothing_but_what_the_site_has_sealed_is_drawn(client, settings):
    path = f"/avatar/initials/{seal_initials('XY', 15)}.svg"
    assert client.get(path).status_code == 200

    settings.SECRET_KEY = "another"

    assert client.get(path).status_code == 404
    settings.SECRET_KEY_FALLBACKS = ["only for tests"]
    assert client.get(path).content.decode() == initials_svg("XY", 15)


@pytest.mark.parametrize(
    "path", [f"/avatar/initials/{seal_initials('', 0)}.svg", "/avatar/identicon/00000.svg"]
)
def test_the_same_for_everybody(client, db, settings, django_assert_num_queries, path):
    with django_assert_num_queries(0):
        response = client.get(path)
    assert response.status_code == 200
    assert "Vary" not in response.headers
    assert not response.cookies
    assert Client().post(path).status_code == 405

    settings.MIDDLEWARE = [
        *settings.MIDDLEWARE,
        "django.contrib.auth.middleware.LoginRequiredMiddleware",
    ]
    assert Client().get(path).status_code == 200
