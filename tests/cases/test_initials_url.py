"""Case E11: the URL of initials carries no cookie, and may be cached for everybody."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from tests.support.pages import CHANGE

INITIALS = "/avatar/initials/AL-210.svg"


class Nosy:
    """A site's own middleware that reads the user after the response was made."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> Any:
        response = self.get_response(request)
        assert request.user.username == "ada"
        assert request.session["_auth_user_id"]
        response.set_cookie("seen", "1")
        return response


class Writing(Nosy):
    def __call__(self, request: Any) -> Any:
        request.session["pages"] = request.session.get("pages", 0) + 1
        return self.get_response(request)


def with_middleware(settings: Any, *names: str) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, *(f"{__name__}.{name}" for name in names)]


@pytest.mark.parametrize("engine", ["db", "cache", "cached_db", "file", "signed_cookies"], ids=str)
def test_e11_a_session_that_is_saved_at_every_request(engine, user, settings, tmp_path):
    settings.SESSION_ENGINE = f"django.contrib.sessions.backends.{engine}"
    settings.SESSION_FILE_PATH = str(tmp_path)
    settings.SESSION_SAVE_EVERY_REQUEST = True
    client = Client()
    client.force_login(user)
    response = client.get(INITIALS)
    assert response.status_code == 200
    assert not response.cookies
    assert dict(response.headers) == {
        "Content-Type": "image/svg+xml",
        "Cache-Control": "public, max-age=31536000, immutable",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "X-Content-Type-Options": "nosniff",
    }
    # The user is still logged in.
    assert client.get(CHANGE).status_code == 200


def test_e11_neither_a_query_nor_a_save(client, settings, django_assert_num_queries):
    settings.SESSION_SAVE_EVERY_REQUEST = True
    with django_assert_num_queries(0):
        client.get(INITIALS)


@pytest.mark.parametrize("everything", [True, False])
def test_e11_a_middleware_that_asks_who_is_there(everything, client, settings):
    settings.SESSION_SAVE_EVERY_REQUEST = everything
    with_middleware(settings, "Nosy")
    assert not client.get(INITIALS).cookies
    # Every other URL sets a cookie as before.
    assert "seen" in client.get(CHANGE).cookies


def test_e11_what_a_middleware_writes_is_kept(client, settings):
    with_middleware(settings, "Writing")
    for _request in range(2):
        assert not client.get(INITIALS).cookies
    assert client.session["pages"] == 2


def test_e11_a_session_that_has_gone(client, settings):
    """No cookie is deleted either."""
    client.session.flush()
    assert not client.get(INITIALS).cookies


CONDITIONAL = "django.middleware.http.ConditionalGetMiddleware"


class Baker(Nosy):
    """Sets a cookie in each way that Django offers."""

    def __call__(self, request: Any) -> Any:
        response = self.get_response(request)
        assert request.user.username == "ada"
        response.set_cookie("a", "1", max_age=60, path="/", secure=True, httponly=True)
        response.set_signed_cookie("b", "1", samesite="Lax")
        response.delete_cookie("c")
        response.cookies["d"] = "1"
        response.cookies["d"]["path"] = "/"
        response.cookies.load("e=1")
        response.cookies.update({"f": response.cookies["d"]})
        return response


def etag_of(client: Client) -> Any:
    return client.get(INITIALS).headers["ETag"]


@pytest.mark.parametrize("place", [0, 1, 2, 4])
@pytest.mark.parametrize("method", ["get", "head"])
def test_e11_nor_on_the_answer_that_nothing_has_changed(place, method, client, settings):
    settings.SESSION_SAVE_EVERY_REQUEST = True
    settings.MIDDLEWARE = [
        *settings.MIDDLEWARE[:place],
        CONDITIONAL,
        *settings.MIDDLEWARE[place:],
    ]
    settings.MIDDLEWARE = [f"{__name__}.Baker", *settings.MIDDLEWARE]
    # The session is read after all other middleware has run, too.
    with_middleware(settings, "Baker")
    etag = etag_of(client)
    for headers, status in (({}, 200), ({"If-None-Match": etag}, 304)):
        response = getattr(client, method)(INITIALS, headers=headers)
        assert response.status_code == (200 if method == "head" else status)
        assert response.headers["Cache-Control"].startswith("public")
        assert not response.cookies
        assert "Set-Cookie" not in response.headers
        assert list(response.cookies.values()) == []
    # The user is still logged in.
    assert {"a", "b", "c", "d", "e", "f"} <= set(client.get(CHANGE).cookies)


def test_e11_what_is_not_there_is_not_for_every_cache(client, settings):
    response = client.get(INITIALS.replace("AL", "nobody"))
    assert response.status_code == 404
    assert "Cache-Control" not in response.headers


def test_e11_without_sessions(db, settings):
    settings.MIDDLEWARE = []
    assert Client().get(INITIALS).status_code == 200
