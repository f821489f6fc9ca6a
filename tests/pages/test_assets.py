"""Style sheets and scripts with the nonce of a request, by the tag, and as a function."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import django
import pytest
from django import forms
from django.forms import Media, Script
from django.template import Context, RequestContext, Template, engines
from django.test import RequestFactory
from django.utils.functional import SimpleLazyObject

from django_avatar_kit.assets import avatar_media
from django_avatar_kit.forms import AvatarField, AvatarForm, AvatarInput
from django_avatar_kit.test import make_upload
from tests.support.pages import CHANGE, DELETE
from tests.testapp.models import Profile

SITES: Any = Media(
    css={"all": ["a.css"], "print": ["/b.css"]},
    js=["https://cdn.example/c.js", Script("d.js", type="module")],  # type: ignore[list-item]
)
PAGES = '<link href="/static/avatar_kit/pages.css" media="all" rel="stylesheet">'


class Element:
    """What a site may put among its assets."""

    def __init__(self, html: str) -> None:
        self.html = html

    def __html__(self) -> str:
        return self.html


def rendered(source: str, context: Any) -> str:
    return Template("{% load avatar_kit %}" + source).render(context)


def starts(html: Any) -> list[str]:
    return re.findall(r"<(?:link|script|style)\b[^>]*>", str(html))


class TestElements:
    def test_without_a_nonce_they_are_those_of_django(self):
        assert str(avatar_media(SITES)) == str(SITES)
        assert str(avatar_media(SITES, RequestFactory().get("/"))) == str(SITES)

    def test_with_a_nonce(self):
        assert str(avatar_media(SITES, "abc")) == re.sub(
            "<(link|script) ", r'<\1 nonce="abc" ', str(SITES)
        )

    @pytest.mark.parametrize(
        ("html", "expected"),
        [
            ("<script>f('<script src=x>')</script>", "<script nonce>f('<script src=x>')</script>"),
            ("\n <STYLE>a{}</STYLE>", "\n <STYLE nonce>a{}</STYLE>"),
            ('<script nonce="own" src=x></script>', '<script nonce="own" src=x></script>'),
            ("<scripture>", "<scripture>"),
            ("<!-- <script> -->", "<!-- <script> -->"),
            ('<meta name="x">', '<meta name="x">'),
            ('<link title=" nonces=">', '<link nonce title=" nonces=">'),
        ],
    )
    def test_elements_of_ones_own(self, html, expected):
        media = Media(js=[Element(html)])  # type: ignore[list-item]
        assert avatar_media(media, "abc") == expected.replace(" nonce>", ' nonce="abc">').replace(
            " nonce ", ' nonce="abc" '
        )

    def test_a_nonce_is_escaped(self):
        assert ' nonce="&quot;&gt;"' in avatar_media(SITES, '">')

    @pytest.mark.parametrize("name", ["csp_nonce", "_csp_nonce"])
    def test_the_request_of_either_middleware(self, name):
        """That of django-csp, and that of Django; both make the nonce when it is asked for."""
        request = SimpleNamespace(**{name: SimpleLazyObject(lambda: "lazy")})
        assert avatar_media(SITES, request).count(' nonce="lazy"') == 4

    def test_no_nonce_is_made_for_nothing(self):
        def fail() -> str:
            raise AssertionError

        assert avatar_media(Media(), SimpleNamespace(csp_nonce=SimpleLazyObject(fail))) == ""

    @pytest.mark.parametrize("nonce", [None, 5, SimpleNamespace(csp_nonce=None)])
    def test_no_nonce(self, nonce):
        assert "nonce" not in avatar_media(SITES, nonce)


class TestSources:
    def test_whatever_has_media(self, profile):
        class Picture(forms.Form):
            picture = AvatarField()

        form = AvatarForm(instance=profile)
        formset = forms.formset_factory(Picture)()
        for source in (form, form.media, AvatarInput(), formset):
            assert avatar_media(source) == str(AvatarInput().media)

    def test_nothing_means_all_of_the_kit(self):
        assert starts(avatar_media()) == [PAGES, *starts(AvatarInput().media)]

    @pytest.mark.parametrize("source", [5, "form", object])
    def test_something_else(self, source):
        with pytest.raises(TypeError, match=r"^avatar_media takes a form, a formset, a widget or"):
            avatar_media(source)


class TestTag:
    def test_the_request_of_the_context(self):
        request = RequestFactory().get("/")
        request.csp_nonce = "abc"
        html = rendered("{% avatar_media media %}", RequestContext(request, {"media": SITES}))
        assert html == str(avatar_media(SITES, "abc"))

    def test_the_variable_of_djangos_context_processor(self):
        context = Context({"media": SITES, "csp_nonce": SimpleLazyObject(lambda: "abc")})
        assert rendered("{% avatar_media media %}", context) == str(avatar_media(SITES, "abc"))

    def test_the_processor_without_the_middleware(self):
        request = RequestFactory().get("/")
        context = RequestContext(request, {"media": SITES, "csp_nonce": None})
        assert rendered("{% avatar_media media %}", context) == str(SITES)

    def test_without_a_form(self):
        for source in ("{% avatar_media %}", "{% avatar_media no_such_form %}"):
            assert rendered(source, Context()) == str(avatar_media())

    def test_as_a_variable(self):
        source = "{% avatar_media media as assets %}[{{ assets }}]"
        assert rendered(source, Context({"media": SITES})) == f"[{SITES}]"

    def test_in_jinja2(self, settings):
        settings.TEMPLATES = [
            {
                "BACKEND": "django.template.backends.jinja2.Jinja2",
                "OPTIONS": {"environment": f"{__name__}.environment"},
            }
        ]
        request = RequestFactory().get("/")
        request.csp_nonce = "abc"
        template = engines["jinja2"].from_string("{{ avatar_media(media, request) }}")
        assert template.render({"media": SITES}, request) == str(avatar_media(SITES, "abc"))


def environment(**options: Any) -> Any:
    from jinja2 import Environment

    made = Environment(**options)  # noqa: S701 - Django turns escaping on.
    made.globals["avatar_media"] = avatar_media
    return made


@pytest.mark.skipif(django.VERSION < (6, 0), reason="Django 5.2 has no middleware for a policy.")
@pytest.mark.parametrize(
    "engine", ["django.DjangoTemplates", "jinja2.Jinja2"], ids=["django", "jinja2"]
)
class TestPolicy:
    """The pages under Django's own middleware, with a policy that takes nothing but nonces."""

    @pytest.fixture(autouse=True)
    def policy(self, engine, settings):
        from django.utils.csp import CSP

        settings.SECURE_CSP = {
            "default-src": [CSP.NONE],
            "script-src": [CSP.NONCE],
            "style-src": [CSP.NONCE],
            "img-src": [CSP.SELF, "blob:"],
            "connect-src": [CSP.SELF],
            "form-action": [CSP.SELF],
        }
        settings.MIDDLEWARE = [
            "django.middleware.csp.ContentSecurityPolicyMiddleware",
            *settings.MIDDLEWARE,
        ]
        settings.TEMPLATES = [{"BACKEND": f"django.template.backends.{engine}", "APP_DIRS": True}]

    @pytest.mark.parametrize("url", [CHANGE, DELETE])
    def test_pages(self, url, client, profile):
        response = client.get(url)
        (nonce,) = set(re.findall(r"'nonce-([^']+)'", response["Content-Security-Policy"]))
        html = response.content.decode()
        assert len(starts(html)) == len(starts(response.context_data["assets"]))
        for element in starts(html):
            assert f' nonce="{nonce}"' in element
        # Nor anything that no nonce can allow.
        assert not re.search(r"\s(style|on\w+)=|<style|<script(?![^>]*\ssrc=)|data:[^\"]*,", html)

    def test_each_request_has_its_own(self, client, profile):
        nonces = {starts(client.get(CHANGE).content.decode())[0] for _ in range(2)}
        assert len(nonces) == 2

    def test_an_error(self, client, profile):
        response = client.post(CHANGE, {"avatar": make_upload(content=b"no")})
        assert all(" nonce=" in each for each in starts(response.content.decode()))

    def test_parts_have_none(self, client, profile):
        """The nonce of a part would not be that of the page which it is put into."""
        for url in (CHANGE, DELETE):
            response = client.get(url, headers={"HX-Request": "true"})
            assert starts(response.content.decode()) == []
            assert "nonce-" not in response["Content-Security-Policy"]
        assert Profile.objects.get().avatar
