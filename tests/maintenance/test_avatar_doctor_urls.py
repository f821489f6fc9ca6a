"""``avatar_doctor``: what a browser gets from the storage's URLs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.files.storage import FileSystemStorage

from django_avatar_kit.storage.s3 import CACHE_CONTROL
from tests.support.doctoring import bad, field_in, free_port

pytestmark = pytest.mark.usefixtures("no_proxy")


class Site:
    """A web server that sends what a test wants for any path, by default the file."""

    def __init__(self, media: Path) -> None:
        self.media = media
        self.status = 200
        self.headers = {"Content-Type": "image/webp", "Cache-Control": CACHE_CONTROL}
        self.body: bytes | None = None
        self.garbage = False
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if site.garbage:
                    self.wfile.write(b"I do not speak HTTP.\r\n")
                    return
                self.send_response(site.status)
                for name, value in site.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                path = site.media / urlsplit(self.path).path.removeprefix("/media/")
                self.wfile.write(path.read_bytes() if site.body is None else site.body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def stop(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def site(media: Path) -> Iterator[Site]:
    site = Site(media)
    yield site
    site.stop()


def test_a_url_is_fetched(told, site):
    found = told(site.url)
    assert bad(found) == {}
    assert found["URL"].found.startswith(f"{site.url}/media/avatars/")
    assert found["content type"].found == "image/webp"
    assert found["cache"].found == CACHE_CONTROL


def test_a_url_with_a_host_needs_no_base(told, site, settings):
    settings.MEDIA_URL = f"{site.url}/media/"
    assert bad(told()) == {}
    assert "URL" in told()


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Content-Type": "image/webp; charset=x", "Cache-Control": "immutable"}, {}),
        (
            {"Content-Type": "application/octet-stream", "Cache-Control": "no-cache"},
            {"content type": "application/octet-stream", "cache": "no-cache"},
        ),
        ({}, {"content type": "none", "cache": "none"}),
    ],
)
def test_headers(told, site, headers, expected):
    site.headers = headers
    found = told(site.url)
    assert bad(found) == dict.fromkeys(expected, "warning")
    for what, said in expected.items():
        assert found[what].found == said
        assert found[what].advice.startswith("Have whatever serves the files send ")


@pytest.mark.parametrize(
    ("status", "body", "said", "advice"),
    [
        (404, b"", ": 404", "look where MEDIA_URL"),
        (403, b"", ": 403", "Let everybody read it"),
        (500, b"", ": 500", "Let everybody read it"),
        (200, b"<html>", "other bytes than were written", "Look what is served there."),
    ],
)
def test_a_url_that_leads_elsewhere(told, site, status, body, said, advice):
    site.status, site.body = status, body
    found = told(site.url)
    assert bad(found) == {"URL": "failure"}
    assert said in found["URL"].found
    assert advice in found["URL"].advice
    assert "cache" not in found


def test_a_server_that_is_none(told, site):
    site.garbage = True
    found = told(site.url)
    assert bad(found) == {"URL": "failure"}
    assert "I do not speak HTTP" in found["URL"].found
    found = told(f"http://127.0.0.1:{free_port()}")
    assert bad(found) == {"URL": "failure"}
    assert "Connection refused" in found["URL"].found
    assert found["URL"].advice.startswith("Look whether the host is right")


def test_signatures_of_others(only, told, site):
    class Signing(FileSystemStorage):
        def url(self, name: str | None) -> str:
            return f"{super().url(name)}?X-Amz-Expires=week&sig=1&Goog-Signature=2"

    only(field_in(Signing()))
    found = told(site.url)
    assert bad(found) == {"signature": "warning"}
    assert found["signature"].found == "anybody may fetch it without"
    assert "sig" not in found["URL"].found
    site.status = 403
    found = told(site.url)
    assert found["URL"].found.endswith(": 403")
    assert "pass the query on" in found["URL"].advice
