"""What to show where there is no avatar: initials, a figure, a static file, or a Gravatar.

A fallback gives markup, and the URL of a picture where only a URL will do (a mail, an API). Both
are made without a query, and neither puts a name into a URL.
"""
# The base class names parameters that it does not use, for those who override its methods.
# ruff: noqa: ARG002

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256
from html import escape
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.core.exceptions import ImproperlyConfigured
from django.templatetags.static import static
from django.urls import NoReverseMatch, reverse
from django.utils.html import conditional_escape
from django.utils.module_loading import import_string
from django.utils.safestring import SafeString, mark_safe

from .conf import cached, get_config, is_dict_of, is_text, is_whole
from .display.colors import hue
from .display.display_names import display_name
from .display.html import attribute_value, attributes
from .display.identicons import code_of, drawing_of
from .display.initials import drawing, letters_of, seal_initials
from .lazy import unwrap

__all__ = ["Attributes", "Fallback", "Gravatar", "Identicon", "Initials", "Static"]

#: Of an ``<img>``, not escaped; True stands for one without a value.
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

    def raster_url(self, owner: Any, size: int) -> str | None:
        """The same, but never that of an SVG file: mail programs do not show these."""
        url = self.url(owner, size)
        is_svg = url is not None and urlsplit(url).path.lower().endswith((".svg", ".svgz"))
        return None if is_svg else url

    def srcset(self, owner: Any, size: int) -> str:
        """The same picture for denser screens, beside ``url()``; "" where one serves all."""
        return ""


def img(src: str, srcset: str, size: int, alt: str, attrs: Attributes) -> SafeString:
    """The ``<img>`` of a fallback that has a URL; the other arguments as for ``html()``."""
    dense = f' srcset="{escape(srcset)}"' if srcset else ""
    return mark_safe(  # noqa: S308
        f'<img src="{escape(src)}"{dense} width="{size}" height="{size}"'
        f' alt="{attribute_value(alt)}"{attributes(attrs)}>'
    )


class Initials(Fallback):
    """One or two letters of the display name on a colour of the owner's, as an inline ``<svg>``.

    The URL form leads to the view of ``django_avatar_kit.urls``, where a site includes that. What
    the picture shows stands in it sealed: letters may be a whole name.
    """

    def html(self, owner: Any, size: int, alt: str, attrs: Attributes) -> SafeString:
        return _svg(drawing(letters_of(display_name(owner)), hue(owner)), size, alt, attrs)

    def url(self, owner: Any, size: int) -> str | None:
        letters = letters_of(display_name(owner))
        # The silhouette is grey for everyone: one picture to cache.
        sealed = seal_initials(letters, hue(owner) if letters else 0)
        return _page("initials", sealed=sealed)


class Identicon(Fallback):
    """A symmetric figure of the owner's own, on the colour that initials would have.

    Figures are made with the site's ``SECRET_KEY``; with a ``salt``, they outlast a change of it.
    """

    def __init__(self, salt: str = "") -> None:
        """Raises ``TypeError`` where ``salt`` is no text."""
        if not is_text(salt):
            raise TypeError(f"salt is {salt!r}. It must be a text")
        self.salt = salt

    def html(self, owner: Any, size: int, alt: str, attrs: Attributes) -> SafeString:
        return _svg(drawing_of(code_of(owner, self.salt)) or "", size, alt, attrs)

    def url(self, owner: Any, size: int) -> str | None:
        return _page("identicon", code=code_of(owner, self.salt))


class Static(Fallback):
    """A picture among the static files, the same for everyone."""

    #: A silhouette, and the same silhouette for mails.
    DEFAULT, DEFAULT_RASTER = "avatar_kit/default.svg", "avatar_kit/default.png"

    def __init__(self, path: str = DEFAULT) -> None:
        """Raises ``TypeError`` where ``path`` is no text."""
        if not is_text(path) or not path:
            raise TypeError(f"path is {path!r}. It must be that of a static file, as a text")
        self.path = path

    def html(self, owner: Any, size: int, alt: str, attrs: Attributes) -> SafeString:
        return img(self.url(owner, size), "", size, alt, attrs)

    def url(self, owner: Any, size: int) -> str:
        return static(self.path)

    def raster_url(self, owner: Any, size: int) -> str | None:
        if self.path == self.DEFAULT:
            return static(self.DEFAULT_RASTER)
        return super().raster_url(owner, size)


class Gravatar(Fallback):
    """The picture that belongs to the owner's e-mail address at Gravatar, Libravatar or the like.

    Only visitors' browsers ask that server; what it is told of the address is its SHA-256. Without
    an address, or where it is not loaded, the next fallback is asked.
    """

    #: Pictures of Gravatar are at most this wide, in px. https://docs.gravatar.com/sdk/images/
    LARGEST = 2048
    #: How strict Gravatar is to be, by its own words.
    RATINGS = ("g", "pg", "r", "x")

    def __init__(
        self,
        default: str | int | None = "mp",
        rating: str | None = None,
        base_url: str = "https://gravatar.com/avatar/",
        largest: int = LARGEST,
    ) -> None:
        """Raises ``TypeError`` or ``ValueError`` for options that cannot be meant.

        ``default`` is what that server shows for an address that it does not know: one of its own
        names, 404, or the URL of a picture; None for the server's choice. ``largest`` is the
        widest picture to ask for, in px (512 for Libravatar).
        """
        default = "404" if default == 404 else default
        if not (default is None or (is_text(default) and default)):
            raise TypeError(f"default is {default!r}. It must be a text such as 'mp', or None")
        if rating is not None and rating not in self.RATINGS:
            raise ValueError(
                f"rating is {rating!r}. It must be one of {', '.join(self.RATINGS)}, or None"
            )
        if not is_text(base_url) or not _BASE_URL.fullmatch(base_url):
            raise ValueError(
                f"base_url is {base_url!r}. It must begin with https://, http:// or /, and have "
                "neither a query nor a fragment"
            )
        if not is_whole(largest) or largest < 1:
            raise ValueError(f"largest is {largest!r}. It must be a number of px, 1 or more")
        self.base_url = base_url if base_url.endswith("/") else f"{base_url}/"
        self.query = {"d": default, "r": rating}
        self.largest = largest

    def email(self, owner: Any) -> str:
        """The address of ``owner``, "" if there is none; to be overridden where it is elsewhere.

        That of a user whom ``AUTH_USER_MODEL`` describes is in its ``EMAIL_FIELD``, that of any
        other in a column ``email``. A deferred column counts as none: loading it is a query.
        """
        owner = unwrap(owner)
        column = getattr(owner, "EMAIL_FIELD", None) or "email"
        value: Any = None if owner is None else vars(owner).get(column)
        return value if is_text(value) else ""

    def html(self, owner: Any, size: int, alt: str, attrs: Attributes) -> SafeString | None:
        url = self.url(owner, size)
        if url is None:
            return None
        # The page need not be told to that server.
        given = {"referrerpolicy": "no-referrer", **attrs}
        return img(url, self.srcset(owner, size), size, alt, given)

    def url(self, owner: Any, size: int) -> str | None:
        address = self.email(owner).strip().lower()
        if len(address) > _LONGEST_ADDRESS or not _ADDRESS.fullmatch(address):
            return None
        digest = sha256(address.encode(errors="replace")).hexdigest()
        query = {"s": min(size, self.largest), **self.query}
        pairs = [(name, value) for name, value in query.items() if value is not None]
        return f"{self.base_url}{digest}?{urlencode(pairs)}"

    def srcset(self, owner: Any, size: int) -> str:
        wanted = [size, 2 * size, 3 * size]
        sizes = [min(each, self.largest) for each in wanted]
        return ", ".join(
            f"{self.url(owner, each)} {density}x"
            for density, each in enumerate(sizes, 1)
            if each > sizes[density - 2] and density > 1
        )


_BASE_URL = re.compile(r"(?:https?://[^/?#\s]|/)[^?#\s]*")
#: Characters of an address, by RFC 5321 (section 4.5.3.1.3, without its angle brackets).
_LONGEST_ADDRESS = 254
_ADDRESS = re.compile(r"[^\s@]\S*@\S*[^\s@]")


def _svg(inside: str, size: int, alt: str, attrs: Attributes) -> SafeString:
    role = {"role": "img", "aria-label": alt} if alt else {"aria-hidden": "true"}
    given = {name: value for name, value in attrs.items() if name not in _IMG_ONLY}
    return mark_safe(  # noqa: S308
        f'<svg width="{size}" height="{size}" viewBox="0 0 64 64"'
        f"{attributes({**role, **given})}>{inside}</svg>"
    )


def _page(name: str, **kwargs: str) -> str | None:
    """The URL of a view of the kit; None where the site does not include its URLs."""
    try:
        return reverse(f"avatar_kit:{name}", kwargs=kwargs)
    except NoReverseMatch:
        return None


#: What ``FALLBACKS`` may call by a short name.
BUILTINS: Mapping[str, type[Fallback]] = {
    "initials": Initials,
    "identicon": Identicon,
    "static": Static,
    "gravatar": Gravatar,
}


#: Those that have markup for everyone, so that nothing behind them is shown on a page.
ALWAYS = (Initials, Identicon, Static)


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


def fallback_url(owner: Any, size: int, *, raster: bool = False) -> str:
    """The URL of the first fallback that has one, else an empty string.

    With ``raster``, that of an SVG file is passed over: mail programs do not show these.
    """
    for fallback in get_fallbacks():
        answer = fallback.raster_url if raster else fallback.url
        if (url := answer(owner, size)) is not None:
            return url
    return ""


def fallback_pictures(owner: Any, size: int) -> tuple[str, str]:
    """The URL of the first fallback that has one, and its ``srcset``; both may be empty."""
    for fallback in get_fallbacks():
        if (url := fallback.url(owner, size)) is not None:
            return url, fallback.srcset(owner, size)
    return "", ""


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
    except (TypeError, ValueError) as error:
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
