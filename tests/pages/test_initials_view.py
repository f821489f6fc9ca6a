"""The picture of initials."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from django_avatar_kit import fallbacks
from django_avatar_kit.display.initials import initials_svg
from tests.support.pages import CHANGE


class TestInitials:
    def test_picture(self, client):
        response = Client().get("/avatar/initials/AL-210.svg")
        assert response.status_code == 200
        assert response.content.decode() == initials_svg("AL", 210)
        assert dict(response.headers) == {
            "Content-Type": "image/svg+xml",
            "Cache-Control": "public, max-age=31536000, immutable",
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "X-Content-Type-Options": "nosniff",
        }

    def test_silhouette(self):
        response = Client().get("/avatar/initials/_-0.svg")
        assert response.content.decode() == initials_svg("", 0)

    def test_what_the_fallback_links_to(self):
        for name in ("Ada Lovelace", "Жанна", "李", "🦊", "O-K"):
            user = User(pk=7, first_name=name)
            response = Client().get(fallbacks.Initials().url(user, 64) or "")
            assert response.status_code == 200, name

    @pytest.mark.parametrize(
        "path",
        [
            "al-210",
            "ALLO-210",
            "-210",
            "%3Csvg%3E-210",
            "A%00-210",
            "AL-360",
            "AL--1",
            "AL-",
            "AL-" + "9" * 5000,
            "A" * 5000 + "-1",
        ],
    )
    def test_no_such_picture(self, path):
        assert Client().get(f"/avatar/initials/{path}.svg").status_code == 404

    def test_methods(self, db):
        response = Client().head("/avatar/initials/AL-210.svg")
        assert response.status_code == 200
        assert response.content == b""
        for method in ("post", "put", "delete", "options"):
            response = getattr(Client(), method)("/avatar/initials/AL-210.svg")
            assert response.status_code == 405
            assert response["Allow"] == "GET, HEAD"

    def test_no_session(self, client, django_assert_num_queries):
        """The response is the same for all users."""
        with django_assert_num_queries(0):
            response = client.get("/avatar/initials/AL-210.svg")
        assert "Vary" not in response.headers
        assert not response.cookies

    def test_where_the_site_wants_a_login(self, db, settings):
        settings.MIDDLEWARE = [
            *settings.MIDDLEWARE,
            "django.contrib.auth.middleware.LoginRequiredMiddleware",
        ]
        assert Client().get(CHANGE).status_code == 302
        assert Client().get("/avatar/initials/AL-210.svg").status_code == 200
