from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from django.utils.translation import gettext, override


@pytest.fixture
def catalogue(tmp_path: Path, settings: Any) -> Callable[[str, dict[str, str]], None]:
    """Write a catalogue of the site, as ``compilemessages`` does."""

    def write(language: str, texts: dict[str, str]) -> None:
        catalog = Catalog(locale=language)
        for text, translated in texts.items():
            catalog.add(text, translated)
        path = tmp_path / language / "LC_MESSAGES" / "django.mo"
        path.parent.mkdir(parents=True)
        with path.open("wb") as file:
            write_mo(file, catalog)
        settings.LOCALE_PATHS = [tmp_path]

    return write


@pytest.mark.parametrize(
    ("language", "own", "other"),
    [
        ("de", "Dein Foto ändern", "Sie haben kein Bild."),
        ("en", "Change your photo", "You have no picture."),
        # A language that the kit has no catalogue for.
        ("it", "Cambia la tua immagine", "You have no picture."),
    ],
)
def test_a_site_words_one_text_itself_and_keeps_the_others(catalogue, language, own, other):
    catalogue(language, {"Change your picture": own})
    with override(language):
        assert gettext("Change your picture") == own
        assert gettext("You have no picture.") == other
