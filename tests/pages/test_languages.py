"""The pages in every language of the kit, as LocaleMiddleware chooses it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest
from django.utils.translation import override

from django_avatar_kit.test import make_upload
from tests.support.languages import LANGUAGES, LOANWORDS, catalogue, every_language
from tests.support.pages import CHANGE, DELETE, page


@pytest.fixture(autouse=True)
def language_of_the_browser(settings: Any) -> Iterator[None]:
    session, *others = settings.MIDDLEWARE
    settings.MIDDLEWARE = [session, "django.middleware.locale.LocaleMiddleware", *others]
    # The language of the last request stays that of the thread.
    with override("en"):
        yield


@pytest.fixture(autouse=True, params=["django", "jinja2"])
def engine(request: Any, settings: Any) -> None:
    if request.param == "jinja2":
        jinja2 = {"BACKEND": "django.template.backends.jinja2.Jinja2", "APP_DIRS": True}
        settings.TEMPLATES = [jinja2, *settings.TEMPLATES]


def get(client: Any, url: str, language: str) -> str:
    return page(client.get(url, headers={"accept-language": language}))


def texts_of(html: str) -> set[str]:
    """The texts between the tags of a page, and those of its attributes."""
    found = [*re.split(r"<[^>]*>", html), *re.findall(r'="([^"]*)"', html)]
    return {unescape(text).strip() for text in found} - {""}


def texts_of_script(html: str) -> dict[str, Any]:
    found = re.findall(r'data-texts="([^"]*)"', html)
    assert len(found) == 1
    texts: dict[str, Any] = json.loads(unescape(found[0]))
    return texts


@every_language
@pytest.mark.parametrize("url", [CHANGE, DELETE])
def test_a_page_has_one_language(language, url, client, profile):
    mine = catalogue(language)
    english = (texts_of(get(client, url, "en")) & mine.keys()) - LOANWORDS
    assert len(english) > 2
    html = get(client, url, language)
    assert {mine[text] for text in english} <= texts_of(html)
    assert not english & texts_of(html)
    direction = ' dir="rtl"' if LANGUAGES[language] == "rtl" else ""
    assert f'<html lang="{language}"{direction}>' in html


@every_language
def test_the_script_has_its_texts_in_the_language_of_the_page(language, client, profile):
    mine = catalogue(language)
    english, shown = (texts_of_script(get(client, CHANGE, each)) for each in ("en", language))
    assert "The upload was cancelled. Nothing has changed." in english.values()
    # These are written by Django, or joined.
    others = {"allowed_text", "limit_text", "limit_megapixels", "units", "separator", "login"}
    assert {name: shown[name] for name in english.keys() - others} == {
        name: mine[english[name]] for name in english.keys() - others
    }


@pytest.mark.parametrize("language", ["de-at", "fr-ca", "es-mx", "ar-dz"])
def test_a_region_has_the_language_of_the_whole(language, client, profile):
    english = "Choose a picture first."
    response = client.post(CHANGE, headers={"accept-language": language})
    assert catalogue(language[:2])[english] in page(response)


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("de", "„notes.txt“ ist kein Bild. Bitte wählen Sie ein Foto oder ein anderes Bild."),
        (
            "ar",
            (
                "الملف «\u2068notes.txt\u2069» ليس صورة. "
                "يُرجى اختيار صورة فوتوغرافية أو أي صورة أخرى."
            ),
        ),
    ],
)
def test_an_upload_is_refused_in_the_language_of_the_page(language, sentence, client, profile):
    upload = make_upload("notes.txt", b"buy milk")
    headers = {"accept-language": language}
    assert sentence in page(client.post(CHANGE, {"avatar": upload}, headers=headers))


def test_success_is_told_in_the_language_of_the_page(client, profile):
    headers = {"accept-language": "ja"}
    response = client.post(CHANGE, {"avatar": make_upload()}, headers=headers, follow=True)
    assert "画像を保存しました。" in page(response)
