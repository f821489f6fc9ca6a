from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.utils.functional import SimpleLazyObject

from django_avatar_kit.display.colors import color_of, hue
from django_avatar_kit.display.initials import (
    clean_letters,
    letters_of,
    seal_initials,
    unseal_initials,
)
from tests.testapp.models import Profile, Team

# --- letters ---


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("Ada Lovelace", "AL"),
        ("ada", "A"),
        ("  ada   king\tlovelace\n", "AL"),
        ("ada.lovelace", "AL"),
        ("ada_lovelace", "AL"),
        ("ada-lovelace", "AL"),
        ("Jean-Luc Picard", "JP"),
        ("O'Brien", "O"),
        ("(Ada) “Lovelace”", "AL"),
        ("R2 D2", "RD"),
        ("42", "4"),
        ("王小明", "王"),
        ("김철수", "김"),
        ("マリー・キュリー", "マキ"),
        ("עדה לבלייס", "על"),
        ("محمد علي", "مع"),
        ("क्षमा शर्मा", "क्षश"),
        ("е\u0301лена", "Е\u0301"),  # noqa: RUF001
        ("e\u0301lodie", "É"),
        ("საქართველო", "ს"),
        ("ßen", "ß"),
        ("ﬁona", "F"),
        ("ΐα", "Ϊ\u0301"),
        ("Ａｄａ", "A"),  # noqa: RUF001
        ("🦊", "🦊"),
        ("🦊 Fox", "F"),
        ("* 🦊", "🦊"),
        ("👩🏽\u200d🚀", "👩🏽\u200d🚀"),
        ("🇩🇪🇫🇷", "🇩🇪"),
        ("🏴\U000e0067\U000e0062\U000e007f!", "🏴\U000e0067\U000e0062\U000e007f"),
        ("👨\u200d👩\u200d👧\u200d👦 Ortiz", "O"),
        ("👨\u200d👩\u200d👧\u200d👦👨\u200d👩\u200d👧", "👨\u200d👩\u200d👧\u200d👦"),
        ("👩🏽\u200d❤\ufe0f\u200d💋\u200d👨🏿", "👩🏽\u200d❤\ufe0f\u200d💋\u200d👨🏿"),
        ("🏳\ufe0f\u200d🌈", "🏳\ufe0f\u200d🌈"),
        ("🙂\u200d↔\ufe0f", "🙂\u200d↔\ufe0f"),
        ("1\ufe0f\u20e3 2\ufe0f\u20e3", "1\ufe0f\u20e32\ufe0f\u20e3"),
        ("#\ufe0f\u20e3!", "#\ufe0f\u20e3"),
        ("สมชาย ใจดี", "สจ"),
        ("น้ำฝน", "น้\u0e4d\u0e32"),
        ("ໄພ ດວງ", "ພດ"),
        ("เ", ""),
        ("क्\u200dषमा", "क्\u200dष"),
        ("શ્રી", "શ્રી"),
        ("김 철수", "김철"),
        ("\u1100\u1175\u11b7 \u110e\u1165\u11af", "김철"),
        # Old Hangul, of which there are no whole syllables.
        ("\u1112\u119e\u11ab", "\u1112\u119e\u11ab"),
        ("ㅋㅋㅋ", "\u110f"),
        ("\u200fמשה\u200f \u202eכהן\u202c", "מכ"),  # noqa: RUF001
        ("\u2067نور\u2069 الدين", "نا"),
        ("\ud800", ""),
        ("A\ud800 \udfffB", "AB"),
        ("Z\u0351\u036b\u0343a\u0326l\u0348g\u031eo\u0310", "Z\u0351\u036b\u0313"),
        ("", ""),
        ("...", ""),
        ("\u200d\u0301", ""),
        ("A" + "\u0363" * 50, "A" + "\u0363" * 11),
    ],
)
def test_letters(name, letters) -> None:
    assert letters_of(name) == letters
    # What the kit writes into a URL, the view draws.
    assert clean_letters(letters or "_") == letters
    assert unseal_initials(seal_initials(letters, 345)) == (letters, 345)


@pytest.mark.parametrize(
    "text",
    [
        *["", "al", "Al", "ALE", "A L", " A", "É ", "e\u0301", "-", "__", "<b>", "A<", "1."],
        *["👩A", "🦊🦊", "A\u200dB\u200dC", "A" * 100, "A" + "\u0363" * 50],
    ],
)
def test_what_the_view_must_not_draw(text) -> None:
    assert clean_letters(text) is None


# --- colours ---


@pytest.mark.parametrize("angle", range(360))
def test_contrast(angle) -> None:
    assert re.fullmatch("#[0-9a-f]{6}", color_of(angle))
    channels = [int(color_of(angle)[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    ]
    contrast = 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)

    # As light as it may be, and no lighter.
    assert 4.5 <= contrast < 4.9


def test_any_angle() -> None:
    assert color_of(375) == color_of(15)


def test_hue(ada) -> None:
    assert hue(ada) == hue(ada.profile) == hue(Profile.objects.get())
    assert hue(SimpleLazyObject(lambda: ada)) == hue(ada)
    assert hue(None) == hue(SimpleLazyObject(lambda: None)) == 0
    assert hue(Profile(pk=3)) == hue(Profile(pk=3, bio="Another."))


def test_hues_are_spread() -> None:
    hues = [hue(Team(pk=pk)) for pk in range(1000)]

    assert set(hues) == set(range(0, 360, 15))
    assert max(map(hues.count, set(hues))) < 70
    assert hues != [hue(User(pk=pk)) for pk in range(1000)]
