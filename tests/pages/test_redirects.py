"""Where both views redirect to, and what they accept as ``next``."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import path

from django_avatar_kit.test import make_upload
from django_avatar_kit.views import AvatarChangeView
from tests.support.pages import CHANGE, DELETE, page

urlpatterns = [path("<path:anything>/picture/", AvatarChangeView.as_view())]


class TestNext:
    SAFE = ["/me/", "/me/?a=1&b=2#c", "http://testserver/me/"]
    UNSAFE = [
        "https://evil.example/",
        "//evil.example/",
        "///evil.example",
        "http:evil.example",
        "javascript:alert(1)",
        "\\\\evil.example",
        "\x08//evil.example",
        "http://testserver@evil.example/",
        "http://[",
        # Longer than Django redirects to, once it is encoded.
        "/" + "\N{GRINNING FACE}" * 300,
    ]

    def post(self, client: Client, url: str, data: Any = (), **options: Any) -> Any:
        return client.post(url, {**dict(data), "avatar": make_upload()}, **options)

    @pytest.mark.parametrize("url", [CHANGE, DELETE])
    @pytest.mark.parametrize("target", SAFE)
    def test_safe(self, url, target, client):
        assert self.post(client, url, {"next": target})["Location"] == target
        assert self.post(client, url, query_params={"next": target})["Location"] == target
        shown = client.get(url, {"next": target})
        assert shown.context["next"] == target

    @pytest.mark.parametrize("url", [CHANGE, DELETE])
    @pytest.mark.parametrize("target", UNSAFE)
    def test_unsafe(self, url, target, client, profile):
        assert self.post(client, url, {"next": target})["Location"] == CHANGE
        assert self.post(client, url, query_params={"next": target})["Location"] == CHANGE
        content = page(client.get(url, {"next": target}))
        assert "evil" not in content
        assert 'name="next"' not in content

    @pytest.mark.parametrize("url", [CHANGE, DELETE])
    def test_half_a_character_leads_nowhere(self, url, client, profile):
        part = b'--part\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'
        body = part % (b"avatar", b'; filename="me.png"', make_upload().read())
        body += part % (b"next", b"", b"/+2AA-") + b"--part--\r\n"
        kind = "multipart/form-data; boundary=part; charset=utf-7"
        response = client.generic("POST", url, body, content_type=kind)
        assert (response.status_code, response["Location"]) == (302, CHANGE)

    @pytest.mark.parametrize(
        "target",
        [
            "https:evil.example",
            "HTTP://evil.example",
            "/\\evil.example",
            "\\/evil.example",
            "/\t/evil.example",
            "/\r\n/evil.example",
            " //evil.example",
            "\u00a0//evil.example",
            "http:///evil.example",
            "http://testserver:80@evil.example/",
            "http://evil.example#@testserver/",
            "http://evil.example\\@testserver/",
            "http://testserver.evil.example/",
            "//testserver@evil.example",
            "http://evil。example",
            "ftp://testserver/evil",
            "data:text/html,evil",
            "vbscript:evil",
            "java\nscript:evil()",
            "javascript://testserver/%0aevil()",
            "/" + "evil" * 999,
        ],
    )
    def test_hostile(self, target, client, user):
        """No page, no redirect and no answer to a script contains it."""
        for url in (CHANGE, DELETE):
            assert "evil" not in client.get(url, {"next": target}).content.decode()
            answer = client.get(url, {"next": target}, headers={"accept": "application/json"})
            assert answer.json()["url"] == CHANGE
        assert client.post(DELETE, {"next": target})["Location"] == CHANGE
        # Logged out, the whole URL is the parameter of the login page, and is one of this site.
        response = Client().get(CHANGE, {"next": target})
        assert response["Location"].startswith("/accounts/login/?next=/avatar/%3Fnext%3D")

    def test_no_header_is_added(self, client, user):
        response = client.post(DELETE, {"next": "/me/\r\nSet-Cookie: session=evil"})
        assert response["Location"] == "/me/%0D%0ASet-Cookie:%20session=evil"
        assert "session=evil" not in str(response.cookies)

    @pytest.mark.urls(__name__)
    def test_a_path_that_looks_like_another_host(self, client, user):
        """Behind a pattern that matches anything, which then is what browsers call a host."""
        where = {"PATH_INFO": "//evil.example/picture/"}
        content = client.get("/", headers={"HX-Request": "true"}, **where).content.decode()
        assert 'action="/%2Fevil.example/picture/"' in content
        response = self.post(client, "/", **where)
        assert response["Location"] == "/%2Fevil.example/picture/"

    def test_the_form_wins(self, client):
        response = self.post(client, CHANGE, {"next": "/a/"}, query_params={"next": "/b/"})
        assert response["Location"] == "/a/"
        evil = {"next": "//evil.example"}
        response = self.post(client, CHANGE, evil, query_params={"next": "/b/"})
        assert response["Location"] == CHANGE

    def test_https(self, client):
        """HTTPS does not lead to HTTP."""
        response = self.post(client, CHANGE, {"next": "http://testserver/me/"}, secure=True)
        assert response["Location"] == CHANGE

    def test_next_stays_on_the_page(self, client, profile):
        response = client.post(CHANGE, {"avatar": make_upload(content=b"no"), "next": "/me/"})
        content = page(response)
        assert '<input type="hidden" name="next" value="/me/">' in content
        assert '<a href="/me/" class="avatar-kit-button">Cancel</a>' in content
