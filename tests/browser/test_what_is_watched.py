"""The fixtures themselves: they see what they are there to see."""

from __future__ import annotations

import pytest
from django.http import HttpResponse
from django.urls import path

from tests.browser import axe
from tests.browser.site.urls import urlpatterns as site

pytestmark = pytest.mark.urls(__name__)

SHELL = '<!DOCTYPE html><html lang="en"><title>A page</title><main><h1>A page</h1>{}</main>'


def page_of(body):
    return lambda request: HttpResponse(SHELL.format(body))


urlpatterns = [
    *site,
    path("inline/", page_of('<script>document.title = "ran"</script>')),
    path("attribute/", page_of('<p style="color: red">Red</p>')),
    path("data/", page_of('<img alt="" src="data:image/gif;base64,R0lGODlhAQABAAAAACw=">')),
    path("elsewhere/", page_of('<img alt="" src="http://127.0.0.1:9/face.png">')),
    path("missing/", page_of('<img alt="" src="/nothing.png">')),
    path("nameless/", page_of('<input type="file">')),
]


@pytest.mark.parametrize(
    ("address", "word"),
    [
        ("/inline/", "policy: script-src-elem refused inline"),
        ("/attribute/", "policy: style-src-attr refused inline"),
        ("/data/", "policy: img-src refused data"),
        ("/elsewhere/", "request to another site: http://127.0.0.1:9/face.png"),
        ("/missing/", "404"),
    ],
)
def test_what_the_browser_complains_of_is_an_error(page, complaints, address, word):
    page.goto(address)
    page.wait_for_load_state("networkidle")
    assert any(word in each for each in complaints.unexpected()), complaints.found
    assert page.title() == "A page"
    complaints.expect("")


def test_axe_finds_an_input_without_a_name(page):
    page.goto("/nameless/")
    found = axe.violations(page)
    assert len(found) == 1
    assert found[0].startswith("label at ")
