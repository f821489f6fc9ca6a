"""Initials: an owner's letters and colour, and the SVG that shows them."""

from __future__ import annotations

import colorsys
import hashlib
import re
import unicodedata
from functools import cache, lru_cache
from html import escape
from typing import Any

from ..lazy import unwrap
from .owners import link_of

#: WCAG 2.1, success criterion 1.4.3 (AA): letters against their background.
CONTRAST = 4.5

#: Colours of initials: 24 hues, 15 degrees apart, are about as many as can be told apart at a
#: glance, and few enough that the hue says next to nothing about the key it comes from.
HUES = 24

#: Stands in the URL for the silhouette that is drawn where there are no letters.
NO_LETTERS = "_"

#: An emoji of a family or of a couple takes up to ten code points.
MAX_CLUSTER = 12

_ZWJ = "\u200d"
_ZWNJ = "\u200c"
#: Canonical combining class of the signs that drop a vowel and join two consonants.
_VIRAMA = 9

#: What continues a character: the joiner, tags (as in the flag of England) and skin tones.
_EXTENDING = re.compile("[\u200d\U000e0020-\U000e007f\U0001f3fb-\U0001f3ff]")
#: Two regional indicators.
_FLAG = re.compile("[\U0001f1e6-\U0001f1ff]{2}")

_SILHOUETTE = (
    '<rect width="64" height="64" fill="#6b7280"/>'
    '<g fill="#fff"><circle cx="32" cy="25" r="11"/><path d="M10 64a22 22 0 0 1 44 0z"/></g>'
)


def hue(owner: Any) -> int:
    """A colour for the owner, as an angle in degrees (a multiple of 15); always the same one.

    A profile has the hue of its user, loaded or not. It is taken from a hash, so that neither keys
    nor names can be read from it.
    """
    owner = unwrap(owner)
    if owner is None:
        return 0
    model, key = type(owner), owner.pk
    link = link_of(model)
    if link is not None and (linked := owner.__dict__.get(link.attname)) is not None:
        model, key = link.related_model, linked
    # A model, its proxies and its children share their keys, and so the hue.
    model = model._meta.concrete_model or model
    while getattr(relation := model._meta.pk.remote_field, "parent_link", False):
        model = relation.model
    digest = hashlib.blake2b(f"{model._meta.label_lower}:{key}".encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") % HUES * (360 // HUES)


def initials_svg(letters: str, hue: int, size: int = 64) -> str:
    """A whole SVG document of ``size`` × ``size`` px; the silhouette where ``letters`` is empty.

    ``letters`` is what :func:`clean_letters` returned, ``hue`` an angle in degrees.
    """
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{size}" height="{size}" '
        f'viewBox="0 0 64 64">{drawing(letters, hue)}</svg>'
    )


# The letters cost more than the rest of the drawing, and a page shows the same people again.
@lru_cache(maxsize=4096)
def letters_of(name: str) -> str:
    """The initials of a display name: of its first and last word, upper case if there is one.

    A letter keeps its combining marks. A name without letters or digits gives its first emoji, and
    ``""`` where it has none.
    """
    found = _first_letters(name)
    if len(found) == 1:
        # A user name: ada.lovelace, ada_lovelace, or a name with its middle dot in katakana.
        found = _first_letters(re.sub(r"[._\-\u00b7\u30fb]", " ", name))
    if not found:
        return next((c for c in _clusters(name) if unicodedata.category(c[0]) == "So"), "")
    return found[0] if len(found) == 1 else found[0] + found[-1]


def clean_letters(text: str) -> str | None:
    """The letters that a URL of the initials view asks for: ``""`` for ``_``, the silhouette.

    None for whatever :func:`letters_of` would never give (more than two letters, lower case, any
    other text), so that each picture has one URL, and nobody can have the site draw a message.
    """
    if text == NO_LETTERS:
        return ""
    # First of all: the view is public, and normalising a long text takes long.
    if not text or len(text) > 2 * MAX_CLUSTER:
        return None
    clusters = _clusters(text)
    return text if len(clusters) <= 2 and letters_of(" ".join(clusters)) == text else None


@cache
def color_of(hue: int) -> str:
    """The background for a hue, as ``#rrggbb``: as light as white letters on it allow."""
    # In percent: 60 is light enough that every hue has to come down from it.
    lightness = 60
    while True:
        # Fully saturated, initials would draw more attention than the pictures beside them.
        rgb = colorsys.hls_to_rgb(hue % 360 / 360, lightness / 100, 0.5)
        channels = [round(channel * 255) for channel in rgb]
        # The contrast to white, whose luminance is 1.
        if 1.05 / (_luminance(channels) + 0.05) >= CONTRAST:
            return "#{:02x}{:02x}{:02x}".format(*channels)
        lightness -= 1


@lru_cache(maxsize=4096)
def drawing(letters: str, hue: int) -> str:
    """What stands inside the ``<svg>``, whose view box is 64 × 64."""
    if not letters:
        return _SILHOUETTE
    clusters = _clusters(letters)
    # Arabic letters would join, and these are of two words.
    arabic = any(unicodedata.bidirectional(cluster[0]) == "AL" for cluster in clusters)
    text = (_ZWNJ if arabic else "").join(clusters)
    # Presentation attributes: a style attribute is refused by a strict content security policy.
    return (
        f'<rect width="64" height="64" fill="{color_of(hue)}"/>'
        '<text x="32" y="32" dy=".35em" text-anchor="middle" '
        f'font-family="system-ui,sans-serif" font-size="{28 if len(clusters) == 1 else 24}" '
        f'fill="#fff">{escape(text)}</text>'
    )


def _first_letters(text: str) -> list[str]:
    # NFKC: full-width letters, ligatures and letters in circles are the letters they stand for.
    words = unicodedata.normalize("NFKC", text).split()
    return [letter for word in words if (letter := _first_letter(word))]


def _first_letter(word: str) -> str:
    for cluster in _clusters(word):
        if cluster[0].isalnum():
            # Title case: upper case would give Georgian capitals, which few fonts have.
            upper = _clusters(unicodedata.normalize("NFKC", cluster.title()))
            # The capital of ß is two letters.
            return upper[0] if len(upper) == 1 else cluster
    return ""


def _clusters(text: str) -> list[str]:
    """What a reader takes for one character each: a practical part of Unicode's annex 29.

    Combining marks, joined emoji, skin tones, flags and Indic conjuncts stay whole; one that goes
    on for more than MAX_CLUSTER code points is cut.
    """
    clusters: list[str] = []
    for char in text:
        if clusters and _continues(clusters[-1], char):
            if len(clusters[-1]) < MAX_CLUSTER:
                clusters[-1] += char
        else:
            clusters.append(char)
    return clusters


def _continues(cluster: str, char: str) -> bool:
    last, category = cluster[-1], unicodedata.category(char)
    return bool(
        # Variation selectors and keycaps are marks, too.
        category.startswith("M")
        or _EXTENDING.match(char)
        # What a joiner joins: emoji only, or else whole words would pass for one letter.
        or (last == _ZWJ and category == "So")
        # The consonant after a virama.
        or (unicodedata.combining(last) == _VIRAMA and category == "Lo")
        or _FLAG.fullmatch(cluster + char)
    )


def _luminance(channels: list[int]) -> float:
    """Relative luminance of an sRGB colour, as WCAG 2.1 defines it."""
    linear = [
        value / 12.92 if (value := channel / 255) <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for channel in channels
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
