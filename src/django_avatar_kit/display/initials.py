"""Initials: the letters of a name, and the SVG that shows them."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from html import escape

from .colors import STEP, color_of
from .sealed import seal, unseal

#: Stands for no letters in the URLs that held letters.
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

#: What no reader takes for two: Hangul of which Unicode has no whole syllable (an initial and a
#: vowel, a vowel and a final), and the two parts of the vowel am in Thai and Lao.
_PAIR = re.compile(
    "[\u1100-\u115f\ua960-\ua97c][\u1160-\u11a7\ud7b0-\ud7c6]"
    "|[\u1160-\u11a7\ud7b0-\ud7c6\uac00-\ud7a3][\u11a8-\u11ff\ud7cb-\ud7fb]"
    "|\u0e4d\u0e32|\u0ecd\u0eb2"
)
#: Vowels that are written before the consonant they follow: no initials (Thai, Lao, Tai Lue, Tai
#: Viet; Unicode's Logical_Order_Exception).
_LEADING_VOWEL = re.compile(
    "[\u0e40-\u0e44\u0ec0-\u0ec4\u19b5-\u19b7\u19ba\uaab5\uaab6\uaab9\uaabb\uaabc]"
)

#: Drawn where there are no letters.
SILHOUETTE = (
    '<rect width="64" height="64" fill="#6b7280"/>'
    '<g fill="#fff"><circle cx="32" cy="25" r="11"/><path d="M10 64a22 22 0 0 1 44 0z"/></g>'
)


def initials_svg(letters: str, hue: int, size: int = 64) -> str:
    """A whole SVG document of ``size`` × ``size`` px; the silhouette where ``letters`` is empty.

    ``letters`` is what :func:`clean_letters` returned, ``hue`` an angle in degrees.
    """
    return svg_document(drawing(letters, hue), size)


def svg_document(drawing: str, size: int = 64) -> str:
    """A whole SVG document of ``size`` × ``size`` px around a drawing of 64 × 64."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{size}" height="{size}" '
        f'viewBox="0 0 64 64">{drawing}</svg>'
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
        return next(filter(_is_emoji, _clusters(name)), "")
    return found[0] if len(found) == 1 else found[0] + found[-1]


def clean_letters(text: str) -> str | None:
    """The letters that an old URL of initials asks for: ``""`` for ``_``, the silhouette.

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


@lru_cache(maxsize=4096)
def drawing(letters: str, hue: int) -> str:
    """What stands inside the ``<svg>``, whose view box is 64 × 64."""
    if not letters:
        return SILHOUETTE
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


def seal_initials(letters: str, hue: int) -> str:
    """What a URL says of a picture of initials; ``hue`` is a multiple of 15, in degrees."""
    return seal(bytes([1 + hue // STEP]) + letters.encode())


def unseal_initials(sealed: str) -> tuple[str, int] | None:
    """Letters and hue of what :func:`seal_initials` gave; None for anything else."""
    content = unseal(sealed)
    return None if content is None else (content[1:].decode(), (content[0] - 1) * STEP)


def _first_letters(text: str) -> list[str]:
    # NFKC: full-width letters, ligatures and letters in circles are the letters they stand for.
    words = unicodedata.normalize("NFKC", text).split()
    return [letter for word in words if (letter := _first_letter(word))]


def _first_letter(word: str) -> str:
    for cluster in _clusters(word):
        if cluster[0].isalnum() and not _LEADING_VOWEL.match(cluster):
            # Title case: upper case would give Georgian capitals, which few fonts have.
            upper = _clusters(unicodedata.normalize("NFKC", cluster.title()))
            # The capital of ß is two letters.
            return upper[0] if len(upper) == 1 else cluster
    return ""


def _is_emoji(cluster: str) -> bool:
    # The keycaps of # and * are no symbols by their category.
    return unicodedata.category(cluster[0]) == "So" or cluster.endswith("\u20e3")


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
        # What a joiner joins: emoji only, or else whole words would pass for one letter. Arrows of
        # emoji are mathematical symbols.
        or (last == _ZWJ and category in {"So", "Sm"})
        # The consonant after a virama, which a joiner may follow.
        or (category == "Lo" and _ends_in_virama(cluster))
        or _PAIR.fullmatch(last + char)
        or _FLAG.fullmatch(cluster + char)
    )


def _ends_in_virama(cluster: str) -> bool:
    return unicodedata.combining(cluster.rstrip(_ZWJ)[-1:] or " ") == _VIRAMA
