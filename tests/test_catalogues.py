"""The translations of the kit, as a site of each language shows them."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import django
import pytest
from django.apps import apps
from django.core.management import call_command
from django.utils.translation import override

from django_avatar_kit.exceptions import EmptyUpload, UnsupportedFormat, UploadTooLarge
from django_avatar_kit.forms import AvatarField
from django_avatar_kit.views import AvatarChangeView
from tests.support.languages import (
    LANGUAGES,
    LOANWORDS,
    LOCALE,
    catalogue,
    every_language,
    folder_of,
    form_for,
    text_of,
    texts,
)
from tests.testapp.models import Profile

DJANGO = Path(django.__file__).parent
PLACEHOLDER = re.compile(r"%\((\w+)\)([sd])")


def values_of(text: str) -> dict[str, Any]:
    return {name: 5 if kind == "d" else f"<{name}>" for name, kind in PLACEHOLDER.findall(text)}


def test_these_languages_are_there():
    assert {path.name for path in LOCALE.iterdir()} == {*map(folder_of, LANGUAGES)}


class TestEveryText:
    @every_language
    def test_is_translated_in_all_languages(self, language):
        mine, german = catalogue(language), catalogue("de")
        assert {text_of(key) for key in mine} == {text_of(key) for key in german}
        assert all(text.strip() for text in mine.values())

    @every_language
    def test_takes_its_values(self, language):
        for key, text in catalogue(language).items():
            values = values_of(text_of(key))
            written = text % values if values else text
            # A form for one number need not name it.
            assert all(str(value) in written for name, value in values.items() if name != "count")

    @every_language
    def test_is_not_left_in_english(self, language):
        same = {text_of(key) for key, text in catalogue(language).items() if text == text_of(key)}
        # Others are punctuation around a value.
        assert {
            text for text in same if re.search("[a-z]", PLACEHOLDER.sub("", text))
        } <= LOANWORDS

    @every_language
    def test_has_one_form_for_every_kind_of_number(self, language):
        forms = {form_for(language, number) for number in [*range(200), 10**6]}
        plurals = [key for key in catalogue(language) if isinstance(key, tuple)]
        assert plurals
        for text in {text for text, _form in plurals}:
            assert {form for each, form in plurals if each == text} == forms

    @every_language
    def test_of_django_s_own_is_translated_as_django_does(self, language):
        """Catalogues of all apps are one: the kit's "Save" would be the admin's as well."""
        mine = {key: text for key, text in catalogue(language).items() if "\x04" not in str(key)}
        shared = set()
        for path in DJANGO.glob(f"**/locale/{folder_of(language)}/LC_MESSAGES/django.mo"):
            for key, text in texts(path).items():
                if key in mine and text:
                    shared.add(key)
                    assert mine[key] == text, path
        assert "Save" in shared


class TestTheLanguageOfTheMoment:
    """Nothing is translated when a module is imported, or when an error is raised."""

    @pytest.mark.parametrize(
        ("lazy", "english", "german"),
        [
            (
                AvatarChangeView.nothing_message,
                "Choose a picture first.",
                "Bitte wählen Sie zuerst ein Bild.",
            ),
            (AvatarField.widget.clear_checkbox_label, "Remove", "Entfernen"),
            (Profile._meta.get_field("avatar").verbose_name, "avatar", "Avatar"),
            (apps.get_app_config("avatar_kit").verbose_name, "Avatars", "Avatare"),
            (
                EmptyUpload.message,
                "“%(filename)s” is empty. Choose another file.",
                "„%(filename)s“ ist leer. Bitte wählen Sie eine andere Datei.",
            ),
        ],
    )
    def test_is_that_of_every_text_of_a_class(self, lazy, english, german):
        with override("de"):
            assert str(lazy).startswith(german)
        with override("en"):
            assert str(lazy).startswith(english)

    def test_is_that_of_an_error_that_was_raised_in_another(self):
        with override("ja"):
            error = UploadTooLarge(filename="a.jpg", size=12 * 2**20, limit=10 * 2**20)
        assert str(error) == "“a.jpg” is 12.0\xa0MB. Upload a file of at most 10.0\xa0MB."
        with override("fr"):
            assert str(error).startswith("«\xa0a.jpg\xa0» fait 12,0\xa0Mio. Téléversez un fichier")

    @pytest.mark.django_db(databases="__all__")
    def test_is_not_written_into_migrations(self, settings):
        settings.LANGUAGE_CODE = "de"
        # pytest-django turns migrations off.
        settings.MIGRATION_MODULES = {}
        output = io.StringIO()
        with override("de"):
            call_command("makemigrations", "testapp", dry_run=True, verbosity=3, stdout=output)
        assert "verbose_name='avatar'" in output.getvalue()
        assert "verbose_name='Avatar'" not in output.getvalue()


class TestFromRightToLeft:
    def test_every_value_is_isolated(self):
        """Between U+2068 and U+2069; what is always from left to right begins with U+2066."""
        for language in ("ar", "he"):
            for text in catalogue(language).values():
                rest = re.sub("[\u2066-\u2068][^\u2069]*\u2069", "", text)
                assert not re.search(r"%\(\w+\)s", rest), text

    def test_a_file_name_does_not_turn_the_sentence(self):
        error = EmptyUpload(filename="IMG_1234 (2).jpg")
        with override("he"):
            assert str(error) == ('הקובץ "\u2068IMG_1234 (2).jpg\u2069" ריק. נא לבחור קובץ אחר.')

    def test_a_list_of_latin_words_begins_on_the_right(self):
        """U+2067, since its first letter would turn it; its commas lie between Latin letters."""
        error = UnsupportedFormat(filename="a.tif", format="TIFF", allowed=("jpeg", "png", "webp"))
        with override("he"):
            assert str(error).endswith(
                "בפורמט \u2067\u2067JPEG,\u200f PNG\u2069 או \u2068WebP\u2069\u2069."
            )
