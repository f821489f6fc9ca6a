"""How error messages write the values that they name: briefly, on one line, in words."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from math import log10
from pathlib import PurePath
from typing import Any

from django.template.defaultfilters import filesizeformat
from django.utils.functional import lazy
from django.utils.translation import gettext, pgettext_lazy

#: Characters of a text, digits of a number and values of a crop box that are shown.
LONGEST_TEXT, LONGEST_NUMBER, MOST_SIDES = 60, 20, 8


def _join_alternatives(words: Sequence[str]) -> str:
    # Not Django's get_text_list(): its "or" is translated where our sentence is not.
    *others, last = words or ("",)
    if not others:
        return last
    return gettext("%(others)s or %(last)s") % {
        "others": str(pgettext_lazy("between the items of a list", ", ")).join(others),
        "last": last,
    }


# Lazy: they are written in the language of whoever reads the message.
#: Bytes as "12.0 MB".
size_text: Callable[[int], Any] = lazy(filesizeformat, str)
#: Words as "a, b or c".
any_of: Callable[[Sequence[str]], Any] = lazy(_join_alternatives, str)


def megapixels(pixels: int) -> str:
    """Millions of pixels, with three digits."""
    return f"{pixels / 1_000_000:.3g}"


def filename_text(filename: object) -> str:
    """The file name alone, on one line: a client may send a path and control characters."""
    given = str(filename) if isinstance(filename, str | PurePath) else ""
    return _shortened(re.split(r"[/\\]", given)[-1]) or "upload"


def described(value: object) -> str:
    """A text as it is, but short; of anything else the type."""
    if isinstance(value, str):
        return f"“{_shortened(value)}”"
    if isinstance(value, bytes | bytearray | memoryview):
        return f"{type(value).__name__} of length {len(value)}"
    return f"An object of type {type(value).__qualname__}"


def box_text(crop: object) -> str:
    """A crop box as it was given, but short: it may come from a client, and hold anything."""
    if not isinstance(crop, tuple | list):
        return _side_text(crop)
    inner = ", ".join(map(_side_text, crop[:MOST_SIDES]))
    more = ", …" if len(crop) > MOST_SIDES else ""
    return f"[{inner}{more}]" if isinstance(crop, list) else f"({inner}{more})"


def _side_text(value: object) -> str:
    if isinstance(value, int) and abs(value) >= 10**LONGEST_NUMBER:
        # Python refuses to convert numbers of more than 4,300 digits to text.
        return f"a number of about {int(value.bit_length() * log10(2)) + 1} digits"
    if isinstance(value, str):
        return repr(_shortened(value))
    return repr(value) if value is None or isinstance(value, int | float) else described(value)


def _shortened(text: str) -> str:
    """A text without control characters; a long one is cut in the middle."""
    text = "".join(character for character in text if character.isprintable()).strip()
    if len(text) <= LONGEST_TEXT:
        return text
    half = (LONGEST_TEXT - 1) // 2
    return f"{text[:half]}…{text[-half:]}"
