"""Every page in every language of the menu."""

from __future__ import annotations

import gettext
import re
from datetime import datetime, timezone
from pathlib import Path

import pytest
from django.conf import settings as live_settings
from django.utils.translation import get_language_info, to_locale, trans_real
from django.utils.translation.trans_real import DjangoTranslation

from django_avatar_kit.test import make_upload
from profiles.models import Team

from .factories import ProfileFactory, UserFactory
from .support import Page

pytestmark = pytest.mark.django_db

LANGUAGES = [code for code, _name in live_settings.LANGUAGES]
TRANSLATED = [code for code in LANGUAGES if code != "en"]
RIGHT_TO_LEFT = {"ar", "he"}

#: For a member of the staff who has used everything.
PAGES = (
    "/",
    "/teams/",
    "/people/zoë/",
    "/me/",
    "/avatar/?next=/me/",
    "/avatar/delete/?next=/me/",
    "/rounds/",
    "/storage/",
    "/nowhere/",
)


@pytest.fixture
def used(client, settings):
    """A site where every part of every page has something to show; who looks is on its staff."""
    settings.DEBUG = False
    profile = ProfileFactory(
        user=UserFactory(username="zoë", is_staff=True),
        display_name="Zoë Moß",
        headline="♪",
        pictured=True,
    )
    Team.objects.create(name="¶", purpose="§").members.add(profile)
    client.force_login(profile.user)
    for color in ("red", "navy"):
        client.post("/rounds/all/send/", {"picture": make_upload("ä.jpg", color=color)})
    # So that the next pages show no message.
    client.get("/")
    return client


def in_language(client, language: str):
    client.cookies[live_settings.LANGUAGE_COOKIE_NAME] = language
    return client


def texts_of_the_site(language: str) -> dict[str, str]:
    """The translations of the example's own catalogue, by the English text."""
    path = Path(live_settings.LOCALE_PATHS[0], to_locale(language), "LC_MESSAGES", "django.mo")
    with path.open("rb") as file:
        catalogue = vars(gettext.GNUTranslations(file))["_catalog"]
    pairs = ((key if isinstance(key, str) else key[0], text) for key, text in catalogue.items())
    return {key: text for key, text in pairs if key}


def pattern(text: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"%\\\(\w+\\\)s", ".+", re.escape(text)))


@pytest.mark.parametrize("language", TRANSLATED)
def test_no_page_has_a_text_of_the_site_in_english(used, language):
    client = in_language(used, language)
    texts = texts_of_the_site(language)
    assert len(texts) > 90
    english = [pattern(text) for text, translated in texts.items() if text != translated]
    for address in PAGES:
        page = Page(client.get(address).text)
        seen = {text for text in page.texts if any(each.fullmatch(text) for each in english)}
        assert not seen, f"{address} in {language}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_says_its_language_and_direction(used, language):
    client = in_language(used, language)
    for address in (*PAGES, "/admin/"):
        (html,) = Page(client.get(address).text).attributes("html")
        assert html["lang"] == language
        assert html.get("dir") == ("rtl" if language in RIGHT_TO_LEFT else "ltr")


@pytest.mark.parametrize("address", [*PAGES, "/accounts/login/"])
def test_every_word_of_a_page_can_be_translated(used, monkeypatch, address):
    """No page has a word that did not go through ``gettext``, names of people and things apart."""
    monkeypatch.setattr(DjangoTranslation, "gettext", lambda self, text: f"⟦{text}⟧")
    monkeypatch.setattr(DjangoTranslation, "ngettext", lambda self, one, many, number: f"⟦{one}⟧")
    # The menu's names of languages, which are their own.
    monkeypatch.setattr(trans_real, "_translations", {})
    if address == "/accounts/login/":
        used.logout()
    page = Page(used.get(address).text)
    names = {
        "Faces",
        "Zoë Moß",
        "Zoë Moß · Faces",
        "♪",
        "¶",
        "§",
        "?",
        "·",
        "django-avatar-kit",
        "Amazon S3",
    }
    names |= {"AvatarField", "easy-thumbnails", "django-cleanup", "ThumbnailerImageField"}
    menu = {option for option in page.texts if option in own_names()}
    left = {
        text
        for text in page.texts
        if "⟦" not in text and "⟧" not in text and re.search(r"[^\W\d_]", text)
    }
    assert left - names - menu == set()


def own_names() -> set[str]:
    return {get_language_info(code)["name_local"] for code in LANGUAGES}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_menu_switches_the_language(client, language):
    response = client.post(
        "/i18n/setlang/", {"language": language, "next": "/teams/?a=1"}, follow=True
    )
    assert response.redirect_chain == [("/teams/?a=1", 302)]
    page = Page(response.text)
    assert page.attributes("html")[0]["lang"] == language
    (chosen,) = [each for each in page.attributes("option") if "selected" in each]
    assert chosen["value"] == language
    # And it stays.
    assert Page(client.get("/").text).attributes("html")[0]["lang"] == language


def test_the_menu_lists_every_language_by_its_own_name(client):
    page = Page(client.get("/").text)
    options = page.attributes("option")
    assert [option["value"] for option in options] == LANGUAGES
    assert all(option["lang"] == option["value"] for option in options)
    assert own_names() <= set(page.texts)


def test_a_new_visitor_gets_the_language_of_their_browser(client):
    response = client.get("/", headers={"accept-language": "pl, en;q=0.5"})
    assert response["Content-Language"] == "pl"
    assert "accept-language" in response["Vary"].lower()


@pytest.mark.parametrize(
    ("language", "expected"),
    [("de", "1. März 2021"), ("ja", "2021年3月1日"), ("en", "March 1, 2021")],
)
def test_dates_are_written_as_the_language_does(client, language, expected):
    profile = ProfileFactory(user__date_joined=datetime(2021, 3, 1, 12, tzinfo=timezone.utc))
    page = in_language(client, language).get(f"/people/{profile.user.username}/").text
    assert expected in page


@pytest.mark.parametrize(
    ("language", "expected"),
    [("en", "1 person"), ("ru", "1 человек"), ("pl", "1 osoba"), ("ar", "شخص واحد")],
)
def test_one_is_counted_as_the_language_does(client, language, expected):
    ProfileFactory()
    assert expected in in_language(client, language).get("/").text
