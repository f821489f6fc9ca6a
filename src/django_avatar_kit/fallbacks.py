"""What to show where there is no avatar: initials, or a picture among the static files.

A fallback gives markup, and the URL of a picture where only a URL will do (a mail, an API). Both
are made without a query, and neither puts a name into a URL.
"""

from __future__ import annotations

import colorsys
import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from html import escape
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.templatetags.static import static
from django.urls import NoReverseMatch, reverse
from django.utils.html import conditional_escape
from django.utils.module_loading import import_string
from django.utils.safestring import SafeString, mark_safe

from .conf import get_config, is_dict_of, is_text
from .display import owners

#: WCAG 2.1, success criterion 1.4.3 (AA): letters against their background.
CONTRAST = 4.5

#: Stands in the URL for the silhouette that is drawn where there are no letters.
NO_LETTERS = "_"

#: An emoji of a family or of a couple takes up to ten code points.
MAX_CLUSTER = 12

#: Attributes of an ``<img>`` that mean nothing on an ``<svg>``.
_IMG_ONLY = frozenset(
    {"crossorigin", "decoding", "fetchpriority", "loading", "referrerpolicy", "sizes"}
)

_ZWJ = "\u200d"
_ZWNJ = "\u200c"
#: Canonical combining class of the signs that drop a vowel and join two consonants.
_VIRAMA = 9

_SILHOUETTE = (
    '<rect width="64" height="64" fill="#6b7280"/>'
    '<g fill="#fff"><circle cx="32" cy="25" r="11"/><path d="M10 64a22 22 0 0 1 44 0z"/></g>'
)


class Fallback:
    """Base class. What a site lists in ``FALLBACKS`` derives from it.

    ``OPTIONS`` of the setting are the keyword arguments of the constructor. An answer of None asks
    the next fallback of the list.
    """

    def html(
        self,
        owner: Any,  # noqa: ARG002
        size: int,  # noqa: ARG002
        alt: str,  # noqa: ARG002
        attrs: Mapping[str, str | bool],  # noqa: ARG002
    ) -> SafeString | None:
        """Markup of ``size`` × ``size`` CSS px for ``owner`` (None for nobody in particular).

        ``alt`` is the text to read out, ``""`` where the picture only decorates. ``attrs`` are the
        attributes that the tag was given, not escaped yet; True stands for one without a value.
        """
        return None

    def url(self, owner: Any, size: int) -> str | None:  # noqa: ARG002
        """The URL of a picture for ``owner``, for ``size`` × ``size`` px."""
        return None


class Initials(Fallback):
    """One or two letters of the display name on a colour of the owner's, as an inline ``<svg>``.

    The URL form leads to the view of ``django_avatar_kit.urls``, where a site includes that.
    """

    def html(self, owner: Any, size: int, alt: str, attrs: Mapping[str, str | bool]) -> SafeString:
        letters = letters_of(owners.display_name(owner))
        role: dict[str, str | bool] = (
            {"role": "img", "aria-label": alt} if alt else {"aria-hidden": "true"}
        )
        given = {name: value for name, value in attrs.items() if name not in _IMG_ONLY}
        return mark_safe(  # noqa: S308
            f'<svg width="{size}" height="{size}" viewBox="0 0 64 64"'
            f"{attributes({**role, **given})}>{_drawing(letters, owners.hue(owner))}</svg>"
        )

    def url(self, owner: Any, size: int) -> str | None:  # noqa: ARG002
        letters = letters_of(owners.display_name(owner))
        # The silhouette is grey for everyone: one picture to cache.
        hue = owners.hue(owner) if letters else 0
        try:
            return reverse(
                "avatar_kit:initials", kwargs={"letters": letters or NO_LETTERS, "hue": hue}
            )
        except NoReverseMatch:
            return None


class Static(Fallback):
    """A picture among the static files, the same for everyone."""

    def __init__(self, path: str = "avatar_kit/default.svg") -> None:
        """Raises ``TypeError`` where ``path`` is no text."""
        if not is_text(path) or not path:
            raise TypeError(f"path is {path!r}. It must be that of a static file, as a text")
        self.path = path

    def html(self, owner: Any, size: int, alt: str, attrs: Mapping[str, str | bool]) -> SafeString:
        return mark_safe(  # noqa: S308
            f'<img src="{escape(self.url(owner, size))}" width="{size}" height="{size}"'
            f' alt="{attribute_value(alt)}"{attributes(attrs)}>'
        )

    def url(self, owner: Any, size: int) -> str:  # noqa: ARG002
        return static(self.path)


#: What ``FALLBACKS`` may call by a short name.
BUILTINS: Mapping[str, type[Fallback]] = {"initials": Initials, "static": Static}


@cache
def get_fallbacks() -> tuple[Fallback, ...]:
    """The fallbacks of the settings, in their order.

    Raises ``ImproperlyConfigured`` for a name that is not known, a path that cannot be imported,
    or options that the fallback does not take.
    """
    return make_fallbacks(get_config().fallbacks)


def make_fallbacks(entries: Iterable[str | Mapping[str, Any]]) -> tuple[Fallback, ...]:
    """Those that the entries of the setting stand for; raises as :func:`get_fallbacks`."""
    return tuple(map(_load, entries))


def fallback_html(owner: Any, size: int, alt: str, attrs: Mapping[str, str | bool]) -> SafeString:
    """The markup of the first fallback that has some, else an empty string."""
    for fallback in get_fallbacks():
        if (markup := fallback.html(owner, size, alt, attrs)) is not None:
            return conditional_escape(markup)
    return SafeString()


def fallback_url(owner: Any, size: int) -> str:
    """The URL of the first fallback that has one, else an empty string."""
    for fallback in get_fallbacks():
        if (url := fallback.url(owner, size)) is not None:
            return url
    return ""


def initials_svg(letters: str, hue: int, size: int = 64) -> str:
    """A whole SVG document of ``size`` × ``size`` px; the silhouette where ``letters`` is empty.

    ``letters`` is what :func:`clean_letters` returned, ``hue`` an angle in degrees.
    """
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{size}" height="{size}" '
        f'viewBox="0 0 64 64">{_drawing(letters, hue)}</svg>'
    )


# The letters cost more than the rest of the drawing, and a page shows the same people again.
@lru_cache(maxsize=4096)
def letters_of(name: str) -> str:
    """The initials of a display name: of its first and last word, upper case if there is one.

    A letter keeps its combining marks. A name without letters or digits gives its first emoji, and
    ``""`` where it has none.
    """
    words = _words(name)
    if len(words) == 1:
        # A user name: ada.lovelace, ada_lovelace, or a name with its middle dot in katakana.
        words = _words(re.sub(r"[._\-\u00b7\u30fb]", " ", name))
    found = [letter for word in words if (letter := _first_letter(word))]
    if not found:
        return _first_emoji(name)
    return found[0] if len(found) == 1 else found[0] + found[-1]


def clean_letters(text: str) -> str | None:
    """The letters that a URL of the initials view asks for: ``""`` for ``_``, the silhouette.

    None for whatever :func:`letters_of` would never give (more than two letters, lower case, any
    other text), so that each picture has one URL, and nobody can have the site draw a message.
    """
    if text == NO_LETTERS:
        return ""
    # Long before anything is normalised: the view is public.
    if not text or len(text) > 2 * MAX_CLUSTER:
        return None
    clusters = _clusters(text)
    letters = letters_of(" ".join(clusters))
    return text if letters == text and len(clusters) <= 2 else None


@cache
def color_of(hue: int) -> str:
    """The background for a hue, as ``#rrggbb``: as light as white letters on it allow."""
    # A fully saturated background shouts down every picture beside it.
    saturation = 0.5
    # In percent: 60 is light enough that every hue has to come down from it.
    lightness = 60
    while True:
        rgb = colorsys.hls_to_rgb(hue % 360 / 360, lightness / 100, saturation)
        channels = [round(channel * 255) for channel in rgb]
        # The contrast to white, whose luminance is 1.
        if 1.05 / (_luminance(channels) + 0.05) >= CONTRAST:
            return "#{:02x}{:02x}{:02x}".format(*channels)
        lightness -= 1


def attributes(attrs: Mapping[str, str | bool]) -> str:
    """Attributes as they stand in a tag, each after a space; True gives a bare name."""
    return "".join(
        f" {name}" if value is True else f' {name}="{attribute_value(value)}"'
        for name, value in attrs.items()
    )


def attribute_value(value: Any) -> str:
    """``value`` for between double quotes: a safe string keeps its entities, but has no quote."""
    if hasattr(value, "__html__"):
        return value.__html__().replace('"', "&quot;")  # type: ignore[no-any-return]
    return escape(str(value))


def _load(entry: str | Mapping[str, Any]) -> Fallback:
    backend: Any
    if isinstance(entry, str):
        backend, options = entry, {}
    else:
        if not isinstance(entry, Mapping):
            raise ImproperlyConfigured(
                "AVATAR_KIT['FALLBACKS'] takes names, dotted paths and dictionaries, "
                f"not {entry!r}."
            )
        backend, options = entry.get("BACKEND", ""), entry.get("OPTIONS", {})
        if not is_dict_of(lambda value: True)(options):  # noqa: ARG005
            raise ImproperlyConfigured(
                f'The "OPTIONS" of a fallback are {options!r}. They must be a dictionary whose '
                "keys are texts."
            )
        if not backend or entry.keys() - {"BACKEND", "OPTIONS"}:
            raise ImproperlyConfigured(
                'A fallback that is not a string has the keys "BACKEND" and, where it takes any, '
                f'"OPTIONS", not {", ".join(map(repr, entry)) or "none"}.'
            )
    if not isinstance(backend, str):
        raise ImproperlyConfigured(
            f'The "BACKEND" of a fallback is {backend!r}. It must be a name or a dotted path.'
        )
    known = (
        f"Known names are {', '.join(BUILTINS)}; any other fallback is named by its dotted path."
    )
    fallback: Any = BUILTINS.get(backend)
    if fallback is None:
        try:
            fallback = import_string(backend)
        # The others for a path such as "..fallbacks" or ".fallbacks".
        except (ImportError, TypeError, ValueError) as error:
            raise ImproperlyConfigured(f"There is no fallback “{backend}”. {known}") from error
        if not (isinstance(fallback, type) and issubclass(fallback, Fallback)):
            raise ImproperlyConfigured(
                f"“{backend}” is not a subclass of django_avatar_kit.fallbacks.Fallback. {known}"
            )
    try:
        return fallback(**options)  # type: ignore[no-any-return]
    except TypeError as error:
        raise ImproperlyConfigured(f"OPTIONS of the fallback “{backend}”: {error}") from error


@lru_cache(maxsize=4096)
def _drawing(letters: str, hue: int) -> str:
    if not letters:
        return _SILHOUETTE
    clusters = _clusters(letters)
    # Letters of two words do not join, as Arabic ones would.
    arabic = any(unicodedata.bidirectional(cluster[0]) == "AL" for cluster in clusters)
    text = (_ZWNJ if arabic else "").join(clusters)
    # Presentation attributes: a style attribute is refused by a strict content security policy.
    return (
        f'<rect width="64" height="64" fill="{color_of(hue)}"/>'
        '<text x="32" y="32" dy=".35em" text-anchor="middle" '
        f'font-family="system-ui,sans-serif" font-size="{28 if len(clusters) == 1 else 24}" '
        f'fill="#fff">{escape(text)}</text>'
    )


def _words(text: str) -> list[str]:
    # NFKC: full-width letters, ligatures and letters in circles are the letters they stand for.
    return [w for w in unicodedata.normalize("NFKC", text).split() if _first_letter(w)]


def _first_letter(word: str) -> str:
    for cluster in _clusters(word):
        if cluster[0].isalnum():
            # The title case: Georgian has capitals that few fonts know, and no one writes alone.
            upper = _clusters(unicodedata.normalize("NFKC", cluster.title()))
            # ß has no capital of one letter.
            return upper[0] if len(upper) == 1 else cluster
    return ""


def _first_emoji(name: str) -> str:
    return next((c for c in _clusters(name) if unicodedata.category(c[0]) == "So"), "")


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
    last = cluster[-1]
    return (
        # Marks, variation selectors and keycaps are marks too; then tags (flags of England …).
        unicodedata.category(char).startswith("M")
        or char == _ZWJ
        or "\U000e0020" <= char <= "\U000e007f"
        # Skin tones.
        or "\U0001f3fb" <= char <= "\U0001f3ff"
        # What a joiner joins: emoji only, or else whole words would pass for one letter.
        or (last == _ZWJ and unicodedata.category(char) == "So")
        # The consonant after a virama.
        or (unicodedata.combining(last) == _VIRAMA and unicodedata.category(char) == "Lo")
        # The second half of a flag.
        or (len(cluster) == 1 and _is_regional(cluster) and _is_regional(char))
    )


def _is_regional(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"


def _luminance(channels: list[int]) -> float:
    """Relative luminance of an sRGB colour, as WCAG 2.1 defines it."""
    linear = [
        value / 12.92 if (value := channel / 255) <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for channel in channels
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _forget(**_kwargs: Any) -> None:
    get_fallbacks.cache_clear()


setting_changed.connect(_forget, dispatch_uid="avatar_kit.fallbacks")
