from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from django.urls import resolve
from django.utils.safestring import SafeString, mark_safe
from PIL import Image

from django_avatar_kit import fallbacks
from django_avatar_kit.display.colors import color_of, hue
from django_avatar_kit.display.initials import initials_svg, letters_of, unseal_initials
from django_avatar_kit.fallbacks import (
    Fallback,
    Initials,
    Static,
    fallback_html,
    fallback_url,
    get_fallbacks,
)
from tests.testapp.models import Team

SILHOUETTE = (
    '<rect width="64" height="64" fill="#6b7280"/>'
    '<g fill="#fff"><circle cx="32" cy="25" r="11"/><path d="M10 64a22 22 0 0 1 44 0z"/></g>'
)


class Mine(Fallback):
    """For Ada only, and without escaping anything."""

    def __init__(self, who: str = "ada") -> None:
        self.who = who

    def html(self, owner, size, alt, attrs):
        return f"<b>{alt}" if getattr(owner, "username", "") == self.who else None

    def url(self, owner, size):
        return f"/{size}/" if getattr(owner, "username", "") == self.who else None


def shown(url: str) -> tuple[str, int] | None:
    return unseal_initials(resolve(url).kwargs["sealed"])


def ada() -> User:
    return User(pk=1, username="ada", first_name="Ada", last_name="Lovelace")


# --- initials ---


def test_initials() -> None:
    assert Initials().html(ada(), 40, "Ada Lovelace", {"loading": "lazy", "class": "rounded"}) == (
        '<svg width="40" height="40" viewBox="0 0 64 64" role="img" aria-label="Ada Lovelace"'
        f' class="rounded"><rect width="64" height="64" fill="{color_of(hue(ada()))}"/>'
        '<text x="32" y="32" dy=".35em" text-anchor="middle"'
        ' font-family="system-ui,sans-serif" font-size="24" fill="#fff">AL</text></svg>'
    )


def test_decorative_initials() -> None:
    markup = Initials().html(ada(), 40, "", {})

    assert markup.startswith('<svg width="40" height="40" viewBox="0 0 64 64" aria-hidden="true">')
    assert markup.endswith(">AL</text></svg>")


def test_silhouette_of_somebody_without_a_name() -> None:
    assert Initials().html(Team(pk=1), 40, "", {}) == (
        f'<svg width="40" height="40" viewBox="0 0 64 64" aria-hidden="true">{SILHOUETTE}</svg>'
    )


def test_attributes_of_initials() -> None:
    given: dict[str, str | bool] = {
        "loading": "lazy",
        "decoding": "async",
        "data-user": mark_safe("A &amp; B"),
        "hidden": True,
        "aria-label": '"><script>',
    }

    assert Initials().html(None, 40, '"Ada" <ada>', given) == (
        '<svg width="40" height="40" viewBox="0 0 64 64" role="img"'
        ' aria-label="&quot;&gt;&lt;script&gt;" data-user="A &amp; B" hidden>'
        f"{SILHOUETTE}</svg>"
    )
    assert 'aria-label="&quot;Ada&quot; &lt;ada&gt;"' in Initials().html(
        None, 40, '"Ada" <ada>', {}
    )


def test_nothing_that_a_strict_policy_refuses() -> None:
    for owner in (ada(), None):
        for markup in (Initials().html(owner, 64, "Ada", {}), initials_svg("AL", 15)):
            assert "style" not in markup
            assert "data:" not in markup
            assert "http" not in markup.replace('xmlns="http://www.w3.org/2000/svg"', "")


def test_letters_of_two_words_do_not_join() -> None:
    assert ">م\u200cع</text>" in initials_svg("مع", 15)
    assert ">על</text>" in initials_svg("על", 15)


def test_one_letter_is_larger() -> None:
    assert 'font-size="28"' in initials_svg("A", 15)
    assert 'font-size="24"' in initials_svg("AL", 15)


@pytest.mark.parametrize("letters", ["AL", "", "🦊", "É", "क्षश"])
def test_whole_document(letters) -> None:
    root = ET.fromstring(initials_svg(letters, 15, 128))  # noqa: S314

    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert root.attrib == {"width": "128", "height": "128", "viewBox": "0 0 64 64"}
    assert "".join(root.itertext()) == letters


def test_url_of_initials() -> None:
    url = str(Initials().url(ada(), 64))

    assert re.fullmatch("/avatar/initials/[a-z2-7]{40}[.]svg", url)
    assert shown(url) == ("AL", hue(ada()))
    # The same person has the same URL, in every process that has the same key, at any size.
    assert url == Initials().url(ada(), 128)
    assert url == Initials().url(User(pk=1, first_name="Anna", last_name="Lee"), 64)
    assert url != Initials().url(User(pk=2, first_name="Ada", last_name="Lovelace"), 64)
    assert Initials().url(None, 64) == Initials().url(Team(pk=7), 64)
    assert shown(str(Initials().url(None, 64))) == ("", 0)


@pytest.mark.parametrize(
    "name", ["李 明", "Bo Li", "Ø", "👩🏽\u200d🚀 🏳\ufe0f\u200d🌈", "क्षमा शर्मा"]
)
def test_url_of_initials_holds_no_name(name) -> None:
    """Two letters may be all of a name: whoever reads the URL reads neither them nor how many."""
    url = str(Initials().url(Team(pk=7, name=name), 64))

    assert shown(url) == (letters_of(name), hue(Team(pk=7)))
    assert re.fullmatch("/avatar/initials/(?:[a-z2-7]{24})+[a-z2-7]{16}[.]svg", url)


def test_no_url_of_initials_without_the_kits_urls(settings) -> None:
    settings.ROOT_URLCONF = "django.contrib.auth.urls"
    settings.AVATAR_KIT = {"FALLBACKS": ["initials", "static"]}

    assert Initials().url(ada(), 64) is None
    assert fallback_url(ada(), 64) == "/static/avatar_kit/default.svg"


# --- static files ---


def test_static() -> None:
    assert Static().html(None, 40, 'A "B"', {"loading": "lazy", "hidden": True}) == (
        '<img src="/static/avatar_kit/default.svg" width="40" height="40" alt="A &quot;B&quot;"'
        ' loading="lazy" hidden>'
    )
    assert Static(path="img/a&b.png").html(None, 40, "", {}) == (
        '<img src="/static/img/a%26b.png" width="40" height="40" alt="">'
    )


def test_file_that_comes_with_the_kit() -> None:
    path = Path(fallbacks.__file__).parent / "static/avatar_kit/default.svg"

    assert path.read_text().strip() == initials_svg("", 0)
    with Image.open(path.with_suffix(".png")) as image:
        assert (image.format, image.size) == ("PNG", (256, 256))


# --- which one ---


def test_default() -> None:
    assert [type(each) for each in get_fallbacks()] == [Initials]


def test_all_ways_to_name_one(settings) -> None:
    settings.AVATAR_KIT = {
        "FALLBACKS": [
            f"{__name__}.Mine",
            {"BACKEND": f"{__name__}.Mine", "OPTIONS": {"who": "bob"}},
            {"BACKEND": "static", "OPTIONS": {"path": "img/nobody.png"}},
            {"BACKEND": "initials"},
        ]
    }

    first, second, third, fourth = get_fallbacks()
    assert isinstance(first, Mine)
    assert isinstance(second, Mine)
    assert (first.who, second.who) == ("ada", "bob")
    assert isinstance(third, Static)
    assert third.path == "img/nobody.png"
    assert isinstance(fourth, Initials)
    assert get_fallbacks() is get_fallbacks()


def test_first_with_an_answer(settings) -> None:
    settings.AVATAR_KIT = {"FALLBACKS": [f"{__name__}.Mine"]}

    # A fallback that forgets to escape is escaped whole.
    assert fallback_html(ada(), 64, "Ada", {}) == "&lt;b&gt;Ada"
    assert fallback_url(ada(), 64) == "/64/"
    assert fallback_html(None, 64, "Ada", {}) == ""
    assert type(fallback_html(None, 64, "Ada", {})) is SafeString
    assert fallback_url(None, 64) == ""


def test_base_class_has_no_answer() -> None:
    assert Fallback().html(None, 64, "", {}) is None
    assert Fallback().url(None, 64) is None


KNOWN = (
    "Known names are initials, identicon, static, gravatar; any other fallback is named by its "
    "dotted path."
)
KEYS = 'A fallback that is not a string has the keys "BACKEND" and, where it takes any, "OPTIONS"'
NO_SUBCLASS = "is not a subclass of django_avatar_kit.fallbacks.Fallback"


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("initals", f"There is no fallback “initals”. {KNOWN}"),
        ("tests.nowhere.Mine", f"There is no fallback “tests.nowhere.Mine”. {KNOWN}"),
        ("django.utils.html.escape", f"“django.utils.html.escape” {NO_SUBCLASS}. {KNOWN}"),
        ("django.views.View", f"“django.views.View” {NO_SUBCLASS}. {KNOWN}"),
        ({"OPTIONS": {}}, f"{KEYS}, not 'OPTIONS'."),
        ({}, f"{KEYS}, not none."),
        ({"BACKEND": "static", "PATH": "x"}, f"{KEYS}, not 'BACKEND', 'PATH'."),
    ],
    ids=str,
)
def test_mistakes(settings, entry, message) -> None:
    settings.AVATAR_KIT = {"FALLBACKS": [entry]}

    with pytest.raises(ImproperlyConfigured) as caught:
        get_fallbacks()

    assert str(caught.value) == message


def test_options_that_are_not_taken(settings) -> None:
    settings.AVATAR_KIT = {"FALLBACKS": [{"BACKEND": "static", "OPTIONS": {"file": "x"}}]}

    with pytest.raises(
        ImproperlyConfigured, match=r"^OPTIONS of the fallback “static”: .*argument 'file'$"
    ):
        get_fallbacks()
