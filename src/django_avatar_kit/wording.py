"""How error messages write the values that they name: briefly, on one line, in words."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from math import log10
from pathlib import PurePath
from typing import Any

from django.template.defaultfilters import filesizeformat
from django.utils.formats import number_format
from django.utils.functional import lazy
from django.utils.translation import gettext, gettext_lazy, ngettext, pgettext

#: What an upload without a name is called; in a message it is translated.
UNNAMED = "upload"
#: Characters of a text, digits of a number and values of a crop box that are shown.
LONGEST_TEXT, LONGEST_NUMBER, MOST_SIDES = 60, 20, 8


def _join_alternatives(words: Sequence[str]) -> str:
    # Not Django's get_text_list(): its "or" is translated where our sentence is not.
    *others, last = words or ("",)
    if not others:
        return last
    # Translators: the end of a list of formats, "JPEG, PNG or WebP". Where more than one comes
    # before the last, they are joined by the text that has the context "between the items".
    return gettext("%(others)s or %(last)s") % {
        "others": pgettext("between the items of a list", ", ").join(others),
        "last": last,
    }


def _megapixels(pixels: int) -> str:
    # Three digits, written out: "1600", not "1.6e+03".
    return number_format(Decimal(f"{pixels / 1_000_000:.3g}"))


def _picture_size(width: int, height: int) -> str:
    # Translators: stands as the reason in "The crop box … cannot be used: … .".
    text = gettext("the picture is %(width)s × %(height)s px")
    return text % {"width": width, "height": height}


def _quoted(text: str) -> str:
    # Translators: a text that somebody wrote, in the quotation marks of the language.
    return gettext("“%(text)s”") % {"text": text}


def _bytes_of_length(type_name: str, length: int) -> str:
    # Translators: "type" is a Python type, such as bytes.
    text = ngettext("%(type)s of length %(count)d", "%(type)s of length %(count)d", length)
    return text % {"type": type_name, "count": length}


def _object_of_type(type_name: str) -> str:
    # Translators: "type" is a Python type, such as Profile.
    return gettext("An object of type %(type)s") % {"type": type_name}


def _long_number(digits: int) -> str:
    text = ngettext(
        "a number of about %(count)d digit", "a number of about %(count)d digits", digits
    )
    return text % {"count": digits}


# Lazy: they are written in the language of whoever reads the message.
#: Bytes as "12.0 MB".
size_text: Callable[[int], Any] = lazy(filesizeformat, str)
#: Words as "a, b or c".
any_of: Callable[[Sequence[str]], Any] = lazy(_join_alternatives, str)
#: Millions of pixels, with three digits.
megapixels: Callable[[int], Any] = lazy(_megapixels, str)
#: "the picture is 640 × 480 px".
picture_size: Callable[[int, int], Any] = lazy(_picture_size, str)
_quoted_text = lazy(_quoted, str)
_bytes_text = lazy(_bytes_of_length, str)
_object_text = lazy(_object_of_type, str)


def filename_text(filename: object) -> Any:
    """The file name alone, on one line: a client may send a path and control characters."""
    given = str(filename) if isinstance(filename, str | PurePath) else ""
    shown = _shortened(re.split(r"[/\\]", given)[-1]) or UNNAMED
    # Translators: a file without a name, in “upload” is not an image.
    return gettext_lazy("upload") if shown == UNNAMED else shown


def url_text(url: str) -> str:
    """A URL without user name, password and query, which may be secret; a long one is cut."""
    return _shortened(re.sub("(?<=//)[^/?#]*@", "", re.split("[?#]", url)[0]))


def described(value: object) -> Any:
    """A text as it is, but short; of anything else the type."""
    if isinstance(value, str):
        return _quoted_text(_shortened(value))
    if isinstance(value, bytes | bytearray | memoryview):
        return _bytes_text(type(value).__name__, len(value))
    return _object_text(type(value).__qualname__)


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
        return _long_number(int(value.bit_length() * log10(2)) + 1)
    if isinstance(value, str):
        return repr(_shortened(value))
    return (
        repr(value) if value is None or isinstance(value, int | float) else str(described(value))
    )


def _shortened(text: str) -> str:
    """A text without control characters; a long one is cut in the middle."""
    text = "".join(character for character in text if character.isprintable()).strip()
    if len(text) <= LONGEST_TEXT:
        return text
    half = (LONGEST_TEXT - 1) // 2
    return f"{text[:half]}…{text[-half:]}"
