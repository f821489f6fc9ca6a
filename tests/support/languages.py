"""The languages of the kit, and what their compiled catalogues hold."""

from __future__ import annotations

import gettext
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import django_avatar_kit

LOCALE = Path(django_avatar_kit.__file__).parent / "locale"
#: By Django's code, as it stands in a request and in a page: the direction of the page.
LANGUAGES = {
    "ar": "rtl",
    "de": "ltr",
    "es": "ltr",
    "fr": "ltr",
    "he": "rtl",
    "ja": "ltr",
    "pl": "ltr",
    "pt-br": "ltr",
    "ru": "ltr",
    "zh-hans": "ltr",
}

#: Loanwords that are the same in a language or more.
LOANWORDS = {"Avatar", "avatar", "Avatars", "Error:", "Zoom"}

every_language = pytest.mark.parametrize("language", LANGUAGES)


def folder_of(language: str) -> str:
    return {"pt-br": "pt_BR", "zh-hans": "zh_Hans"}.get(language, language)


@cache
def translations(path: Path) -> gettext.GNUTranslations:
    with path.open("rb") as file:
        return gettext.GNUTranslations(file)


def texts(path: Path) -> dict[Any, str]:
    """What a compiled catalogue holds: by the text, or by the text and the number of a form."""
    found: dict[Any, str] = vars(translations(path))["_catalog"]
    return {key: text for key, text in found.items() if key}


def catalogue(language: str) -> dict[Any, str]:
    return texts(LOCALE / folder_of(language) / "LC_MESSAGES" / "django.mo")


def form_for(language: str, number: int) -> int:
    path = LOCALE / folder_of(language) / "LC_MESSAGES" / "django.mo"
    form: int = vars(translations(path))["plural"](number)
    return form


def text_of(key: Any) -> str:
    """The English text, without its context."""
    text: str = (key if isinstance(key, str) else key[0]).rpartition("\x04")[2]
    return text
