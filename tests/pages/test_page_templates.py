"""The templates as sites override them, in both engines, and where the focus is after errors."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django import forms

from django_avatar_kit.forms import AvatarForm
from django_avatar_kit.test import make_upload
from django_avatar_kit.views import AvatarChangeView
from tests.support.pages import CHANGE, DELETE, page
from tests.testapp.models import Profile

FRAME = """<!DOCTYPE html>
<title>{% block title %}{% endblock %} – Example</title>
<nav>Example</nav>
<main>{% block main %}{% endblock %}</main>
"""
#: As the quickstart has it.
BASE = """{% extends "base.html" %}
{% block main %}{% block content %}{% endblock %}{% endblock %}
"""
BLOCKS = {
    "change.html": "assets heading notice summary form fields actions",
    "confirm_delete.html": "assets heading notice picture form question actions nothing",
    "base.html": "messages",
}
ENGINES = pytest.mark.parametrize("engine", ["django.DjangoTemplates", "jinja2.Jinja2"])


@pytest.fixture
def site(engine: str, tmp_path: Path, settings: Any) -> Any:
    """Writes the templates of a site, which come before those of the kit."""
    folder = tmp_path / "templates"

    def write(name: str, source: str) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(source)
        # Anew, since what has been loaded is kept.
        settings.TEMPLATES = [
            {
                "BACKEND": f"django.template.backends.{engine}",
                "DIRS": [str(folder)],
                "APP_DIRS": True,
            }
        ]

    write("any.html", "")
    return write


@ENGINES
class TestFrames:
    @pytest.mark.parametrize("url", [CHANGE, DELETE])
    def test_in_the_frame_of_a_site(self, url, site, client, profile):
        plain = page(client.get(url))
        site("base.html", FRAME)
        site("avatar_kit/base.html", BASE)
        framed = page(client.get(url))
        start, end = "<nav>Example</nav>\n<main>", "</main>"
        assert framed.startswith("<!DOCTYPE html>\n<title>")
        assert " – Example</title>\n" in framed
        # All that the kit's page has, its style sheets included.
        content = plain.partition('<main class="avatar-kit-main">\n')[2].partition("</main>")[0]
        assert content.startswith("<link ")
        assert framed.partition(start)[2].partition(end)[0] == content

    def test_a_frame_whose_block_is_called_content(self, site, client, profile):
        site("base.html", FRAME.replace("block main", "block content"))
        site("avatar_kit/base.html", '{% extends "base.html" %}')
        assert "<main><link " in page(client.get(CHANGE))

    @pytest.mark.parametrize(
        ("name", "block"),
        [(name, block) for name, blocks in BLOCKS.items() for block in blocks.split()],
    )
    def test_each_block(self, name, block, site, client, user, monkeypatch):
        """In the page, and in its part for htmx, from one template of the site."""
        override = (
            f'{{% extends "avatar_kit/{name}" %}}'
            f"{{% block avatar_kit_{block} %}}[mine]{{% endblock %}}"
        )
        if name == "base.html":
            site("mine.html", override)
            site("avatar_kit/change.html", '{% extends "mine.html" %}')
            assert "[mine]" in page(client.get(CHANGE))
            return
        if block != "nothing":
            Profile.objects.create(user=user, avatar=make_upload())
        view = "AvatarDeleteView" if name == "confirm_delete.html" else "AvatarChangeView"
        site("mine.html", override)
        monkeypatch.setattr(f"django_avatar_kit.views.{view}.template_name", "mine.html")
        url = DELETE if view == "AvatarDeleteView" else CHANGE
        assert page(client.get(url)).count("[mine]") == 1
        assert page(client.get(url, headers={"HX-Request": "true"})).count("[mine]") == 1

    def test_a_view_of_a_site_that_uses_the_template(self, site, settings):
        """Without what the kit's view puts into the context, it is a page."""
        from django.template.loader import render_to_string

        context = {"form": forms.Form(), "gettext": str, "avatar_media": lambda *_args: ""}
        html = render_to_string("avatar_kit/change.html", context)
        assert "<title>Change your picture</title>" in html
        assert "data-avatar-kit-submit>" in html


def test_a_template_of_the_same_name(tmp_path, client, profile, settings):
    """Django lets a template extend the one that it overrides."""
    engine = settings.TEMPLATES[0]
    settings.TEMPLATES = [{**engine, "DIRS": [str(tmp_path)]}]
    (tmp_path / "avatar_kit").mkdir()
    (tmp_path / "avatar_kit" / "change.html").write_text(
        '{% extends "avatar_kit/change.html" %}'
        "{% block avatar_kit_heading %}{{ block.super }}<p>Squares look best.</p>{% endblock %}"
    )
    assert "Change your picture</h1>\n<p>Squares look best.</p>" in page(client.get(CHANGE))


class Words(AvatarForm):
    """A form with more than a picture."""

    class Meta:
        model = Profile
        fields = ["avatar", "bio"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["bio"].required = True

    def clean(self) -> Any:
        if self.cleaned_data.get("bio") == "none":
            raise forms.ValidationError("Say <more>.")
        return self.cleaned_data


def focused(html: str) -> list[str]:
    """The elements that take the focus when the page is loaded."""
    return [
        re.sub(r' (?:rows|cols|accept|aria-[a-z]+|id)="[^"]*"', "", each)
        for each in re.findall(r"<[^>]* autofocus[^>]*>", html)
    ]


@ENGINES
class TestFocus:
    @pytest.fixture(autouse=True)
    def form(self, monkeypatch):
        monkeypatch.setattr(AvatarChangeView, "form_class", Words)

    def test_nowhere_at_first(self, site, client, profile):
        assert focused(page(client.get(CHANGE))) == []

    def test_on_the_field_that_is_in_error(self, site, client, profile):
        html = page(client.post(CHANGE, {"bio": ""}))
        assert focused(html) == ['<textarea name="bio" autofocus required>']
        assert "<title>Error: Change your picture</title>" in html
        html = page(client.post(CHANGE, {"bio": "x", "avatar": make_upload(content=b"no")}))
        assert focused(html) == ['<input type="file" name="avatar" autofocus>']
        # The next form of the same class begins anew.
        assert focused(page(client.get(CHANGE))) == []

    def test_on_a_list_of_several(self, site, client, profile):
        html = page(client.post(CHANGE, {"bio": "", "avatar": make_upload("<>.jpg", b"no")}))
        assert (
            '<div class="avatar-kit-notice error" role="group"'
            ' aria-labelledby="avatar-kit-summary" tabindex="-1" autofocus>\n'
            '<p id="avatar-kit-summary">Please correct this:</p>\n'
            "<ul>\n"
            '<li><a href="#id_avatar">“&lt;&gt;.jpg” is not an image. Choose a photo or another '
            "picture.</a></li>\n"
            '<li><a href="#id_bio">This field is required.</a></li>\n'
            "</ul>\n"
            "</div>\n"
            "<form "
        ) in html
        assert len(focused(html)) == 1

    def test_on_an_error_of_the_whole_form(self, site, client, profile):
        html = page(client.post(CHANGE, {"bio": "none", "avatar": make_upload()}))
        assert (
            '<p id="avatar-kit-summary">Please correct this:</p>\n'
            "<ul>\n<li>Say &lt;more&gt;.</li>\n</ul>\n</div>\n<form "
        ) in html
        assert len(focused(html)) == 1


def test_errors_of_the_kit_with_a_form_that_lacks_the_field(client, profile, monkeypatch):
    class Bio(AvatarForm):
        class Meta:
            model = Profile
            fields = ["bio"]

    monkeypatch.setattr(AvatarChangeView, "form_class", Bio)
    html = page(client.post(CHANGE, b"{}", content_type="application/json"))
    assert html.count("the request was sent as “application/json”") == 2
    assert len(focused(html)) == 1


def test_the_style_sheet_names_nothing_that_is_not_the_kits():
    """Classes and custom properties begin with the kit's name, and nothing is fetched."""
    css = (
        Path(__file__).parent.parent.parent / "src/django_avatar_kit/static/avatar_kit/pages.css"
    ).read_text()
    css = re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)
    selectors = re.findall(r"([^{}]+)\{", css)
    classes = {name for each in selectors for name in re.findall(r"\.([a-z][\w-]*)", each)}
    # Those of Django's messages and forms, inside of the kit's own.
    django_names = {"errorlist", "nonfield", "helptext", "success", "warning", "error"}
    assert {name for name in classes - django_names if not name.startswith("avatar-kit-")} == set()
    properties = set(re.findall(r"--[\w-]+", css))
    assert {name for name in properties if not name.startswith("--avatar-kit-")} == set()
    assert not re.search(r"url\(|@import|!important", css)
    # Sides are named by the direction of the text.
    assert not re.search(r"(margin|padding|border|inset)-(left|right|top|bottom)|float:", css)
    for condition in ("prefers-color-scheme: dark", "forced-colors", "prefers-reduced-motion"):
        assert condition in css
