"""What to show where there is no avatar: initials, or a picture among the static files.

A fallback gives markup, and the URL of a picture where only a URL will do (a mail, an API). Both
are made without a query, and neither puts a name into a URL.
"""
# The base class names parameters that it does not use, for those who override its methods.
# ruff: noqa: ARG002

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.templatetags.static import static
from django.urls import NoReverseMatch, reverse
from django.utils.html import conditional_escape
from django.utils.module_loading import import_string
from django.utils.safestring import SafeString, mark_safe

from .conf import cached, get_config, is_dict_of, is_text
from .display.display_names import display_name
from .display.html import attribute_value, attributes
from .display.initials import NO_LETTERS, drawing, hue, letters_of

Attributes = Mapping[str, str | bool]

#: Attributes of an ``<img>`` that mean nothing on an ``<svg>``.
_IMG_ONLY = frozenset(
    {"crossorigin", "decoding", "fetchpriority", "loading", "referrerpolicy", "sizes"}
)


class Fallback:
    """Base class. What a site lists in ``FALLBACKS`` derives from it.

    ``OPTIONS`` of the setting are the keyword arguments of the constructor. An answer of None asks
    the next fallback of the list.
    """

    def html(self, owner: Any, size: int, alt: str, attrs: Attributes) -> SafeString | None:
        """Markup of ``size`` × ``size`` CSS px for ``owner`` (None for nobody in particular).

        ``alt`` is the text to read out, ``""`` where the picture only decorates. ``attrs`` are the
        attributes that the tag was given, not escaped yet; True stands for one without a value.
        """
        return None

    def url(self, owner: Any, size: int) -> str | None:
        """The URL of a picture for ``owner``, for ``size`` × ``size`` px."""
        return None


class Initials(Fallback):
    """One or two letters of the display name on a colour of the owner's, as an inline ``<svg>``.

    The URL form leads to the view of ``django_avatar_kit.urls``, where a site includes that.
    """

    def html(self, owner: Any, size: int, alt: str, attrs: Attributes) -> SafeString:
        letters = letters_of(display_name(owner))
        role = {"role": "img", "aria-label": alt} if alt else {"aria-hidden": "true"}
        given = {name: value for name, value in attrs.items() if name not in _IMG_ONLY}
        return mark_safe(  # noqa: S308
            f'<svg width="{size}" height="{size}" viewBox="0 0 64 64"'
            f"{attributes({**role, **given})}>{drawing(letters, hue(owner))}</svg>"
        )

    def url(self, owner: Any, size: int) -> str | None:
        letters = letters_of(display_name(owner)) or NO_LETTERS
        # The silhouette is grey for everyone: one picture to cache.
        angle = 0 if letters == NO_LETTERS else hue(owner)
        try:
            return reverse("avatar_kit:initials", kwargs={"letters": letters, "hue": angle})
        except NoReverseMatch:
            return None


class Static(Fallback):
    """A picture among the static files, the same for everyone."""

    def __init__(self, path: str = "avatar_kit/default.svg") -> None:
        """Raises ``TypeError`` where ``path`` is no text."""
        if not is_text(path) or not path:
            raise TypeError(f"path is {path!r}. It must be that of a static file, as a text")
        self.path = path

    def html(self, owner: Any, size: int, alt: str, attrs: Attributes) -> SafeString:
        return mark_safe(  # noqa: S308
            f'<img src="{escape(self.url(owner, size))}" width="{size}" height="{size}"'
            f' alt="{attribute_value(alt)}"{attributes(attrs)}>'
        )

    def url(self, owner: Any, size: int) -> str:
        return static(self.path)


#: What ``FALLBACKS`` may call by a short name.
BUILTINS: Mapping[str, type[Fallback]] = {"initials": Initials, "static": Static}


@cached
def get_fallbacks() -> tuple[Fallback, ...]:
    """The fallbacks of the settings, in their order; raises as :func:`make_fallback`."""
    return tuple(map(make_fallback, get_config().fallbacks))


def fallback_html(owner: Any, size: int, alt: str, attrs: Attributes) -> SafeString:
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


def make_fallback(entry: Any) -> Fallback:
    """What an entry of ``FALLBACKS`` stands for.

    Raises ``ImproperlyConfigured`` for a name that is not known, a path that cannot be imported,
    or options that the fallback does not take.
    """
    if isinstance(entry, str):
        entry = {"BACKEND": entry}
    if not isinstance(entry, Mapping):
        raise ImproperlyConfigured(
            f"AVATAR_KIT['FALLBACKS'] takes names, dotted paths and dictionaries, not {entry!r}."
        )
    backend, options = entry.get("BACKEND"), entry.get("OPTIONS", {})
    if not is_dict_of()(options):
        raise ImproperlyConfigured(
            f'The "OPTIONS" of a fallback are {options!r}. They must be a dictionary whose '
            "keys are texts."
        )
    if "BACKEND" not in entry or entry.keys() - {"BACKEND", "OPTIONS"}:
        raise ImproperlyConfigured(
            'A fallback that is not a string has the keys "BACKEND" and, where it takes any, '
            f'"OPTIONS", not {", ".join(map(repr, entry)) or "none"}.'
        )
    if not isinstance(backend, str):
        raise ImproperlyConfigured(
            f'The "BACKEND" of a fallback is {backend!r}. It must be a name or a dotted path.'
        )
    try:
        return _class_of(backend)(**options)
    except TypeError as error:
        raise ImproperlyConfigured(f"OPTIONS of the fallback “{backend}”: {error}") from error


def _class_of(backend: str) -> type[Fallback]:
    known = (
        f"Known names are {', '.join(BUILTINS)}; any other fallback is named by its dotted path."
    )
    try:
        fallback: Any = BUILTINS.get(backend) or import_string(backend)
    # The others for a path such as "..fallbacks" or ".fallbacks".
    except (ImportError, TypeError, ValueError) as error:
        raise ImproperlyConfigured(f"There is no fallback “{backend}”. {known}") from error
    if not (isinstance(fallback, type) and issubclass(fallback, Fallback)):
        raise ImproperlyConfigured(
            f"“{backend}” is not a subclass of django_avatar_kit.fallbacks.Fallback. {known}"
        )
    return fallback
