"""From a name to markup: ordered, escaped, and without asking anything of anyone.

``avatar_html()``, ``avatar_url()`` and ``get_face()`` do in Python what the tags do in templates.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

from django.core.exceptions import ImproperlyConfigured
from django.utils.functional import Promise
from django.utils.safestring import SafeString

from .columns import is_default
from .conf import get_config
from .display.owners import display_name, locate
from .fallbacks import attribute_value, attributes, fallback_html, fallback_url
from .names import _MASTER, Name
from .storage.base import urls

if TYPE_CHECKING:
    from .columns import AvatarColumn

#: Attributes that the kit itself writes.
RESERVED = frozenset({"src", "srcset", "width", "height"})

#: What the HTML standard does not allow in the name of an attribute.
_NOT_IN_A_NAME = re.compile(r"""[\s"'<>/=\x00-\x1f\x7f]""")


@dataclass(frozen=True, kw_only=True)
class Face:
    """An avatar or its stand-in, as ``{% avatar user 64 as face %}`` gives it.

    ``{{ face }}`` is the markup; nothing else here is escaped yet.
    """

    #: URL of the picture for a plain screen; the fallback's, or "", where there is no avatar.
    src: str
    #: The ``srcset`` of the ``<img>`` for denser screens; "" where one picture serves all.
    srcset: str
    #: Media type and ``srcset`` of each ``<source>``, best first; empty with a single format.
    sources: tuple[tuple[str, str], ...]
    #: What is read out instead of the picture.
    alt: str
    #: Average colour of the picture, as ``#rrggbb``; "" where it is not known.
    color: str
    #: As asked for, in CSS px, whatever the size of the file.
    width: int
    height: int
    #: All further attributes; True stands for one without a value.
    attrs: Mapping[str, str | bool]
    #: The whole markup.
    html: SafeString = field(repr=False)

    def __str__(self) -> str:
        return self.html

    def __html__(self) -> str:
        return self.html


class Layout:
    """A size and attributes, made ready for any number of avatars.

    Everything that does not depend on the avatar is checked, ordered and escaped here, once: a tag
    keeps its layout as long as the settings stay what they are.
    """

    __slots__ = ("_alt", "_close", "_open", "alt", "attrs", "size")

    def __init__(self, size: Any, attrs: Mapping[str, Any]) -> None:
        """Raises ``ValueError`` for a bad size, ``TypeError`` for a bad attribute."""
        config = get_config()
        self.size = config.default_size if size is None else clean_size(size)
        try:
            merged = _named(config.img_attrs)
        except TypeError as error:
            raise ImproperlyConfigured(f'AVATAR_KIT["IMG_ATTRS"]: {error}') from error
        merged |= _named(attrs)
        alt = merged.pop("alt", None)
        #: None for the display name of whoever is shown.
        self.alt: str | None = None if alt is None or alt is False else _text(alt)
        self.attrs: dict[str, str | bool] = {
            name: value if value is True else _text(value)
            for name, value in merged.items()
            if value is not None and value is not False
        }
        self._open = f' width="{self.size}" height="{self.size}" alt="'
        self._alt = None if self.alt is None else attribute_value(self.alt)
        self._close = f'"{attributes(self.attrs)}>'

    def html(self, obj: Any) -> SafeString:
        """The markup of whatever stands for ``obj``."""
        owner, avatar_field, key = locate(obj)
        if avatar_field is None or key is None:
            return fallback_html(owner, self.size, self._alt_of(owner), self.attrs)
        # A third of what Name.parse() costs, and all that is needed here in most cases.
        match = _MASTER.fullmatch(key)
        if match and isinstance(url := urls(avatar_field.rendition_storage), partial):
            # Where URLs are joined from a prefix and the key, the markup is joined from constants.
            folder, token, sizes, formats = match.group(1, 3, 7, 8)
            stem = f"{_escaped(url.func, *url.args, folder)}{token}"
            head = stem.join(_pieces(sizes, formats, self.size))
        else:
            head = _pictures_of(avatar_field, key, self.size)[0].head()
        return self._finish(head, owner)

    def face(self, obj: Any) -> Face:
        """The same in parts."""
        owner, avatar_field, key = locate(obj)
        alt = self._alt_of(owner)
        if avatar_field is None or key is None:
            pictures, color = _Pictures(fallback_url(owner, self.size)), ""
            html = fallback_html(owner, self.size, alt, self.attrs)
        else:
            pictures, color = _pictures_of(avatar_field, key, self.size)
            html = self._finish(pictures.head(), owner)
        return Face(
            src=pictures.src,
            srcset=pictures.srcset,
            sources=pictures.sources,
            alt=alt,
            color=color,
            width=self.size,
            height=self.size,
            attrs=dict(self.attrs),
            html=html,
        )

    def _finish(self, head: str, owner: Any) -> SafeString:
        alt = escape(display_name(owner)) if self._alt is None else self._alt
        tail = "</picture>" if head.startswith("<picture>") else ""
        return SafeString(f"{head}{self._open}{alt}{self._close}{tail}")

    def _alt_of(self, owner: Any) -> str:
        return display_name(owner) if self.alt is None else self.alt


def avatar_html(obj: Any, size: Any = None, **attrs: Any) -> SafeString:
    """The markup of an avatar, ``size`` CSS px wide and high (``DEFAULT_SIZE`` without one).

    ``obj`` is anything that :func:`~django_avatar_kit.display.owners.resolve` takes. Keyword
    arguments become attributes: ``data_foo`` gives ``data-foo``, ``class_`` gives ``class``, True
    an attribute without a value, None or False none. ``alt`` is the display name unless it is
    given.

    Raises ``ValueError`` for a bad size, ``TypeError`` for a bad attribute or object.
    """
    return Layout(size, attrs).html(obj)


def avatar_url(obj: Any, size: Any = None) -> str:
    """The URL of an avatar's rendition for ``size`` px; without one a fallback's, or ``""``."""
    size = get_config().default_size if size is None else clean_size(size)
    owner, avatar_field, key = locate(obj)
    if avatar_field is None or key is None:
        return fallback_url(owner, size)
    name = Name.parse(key)
    if name is None:
        return str(avatar_field.storage.url(key))
    return urls(avatar_field.rendition_storage)(name.rendition(name.best(size), name.formats[-1]))


def get_face(obj: Any, size: Any = None, **attrs: Any) -> Face:
    """An avatar in parts, for markup of one's own; arguments as for :func:`avatar_html`."""
    return Layout(size, attrs).face(obj)


def has_avatar(obj: Any) -> bool:
    """Whether there is a picture of one's own: a stored file that is nobody's default."""
    _owner, field, key = locate(obj)
    return field is not None and key is not None and not is_default(key, field)


def clean_size(size: Any) -> int:
    """A size in px from an integer or a numeric string. Raises ``ValueError`` naming the value."""
    number = int(size) if isinstance(size, str) and size.strip().isdecimal() else size
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise ValueError(f"The size of an avatar is a number of pixels, 1 or more, not {size!r}.")
    return number


def attribute_name(name: str) -> str:
    """The attribute that a keyword argument stands for, or ``TypeError`` if it cannot be one."""
    attribute = name.rstrip("_").replace("_", "-").lower()
    if not attribute or _NOT_IN_A_NAME.search(attribute):
        raise TypeError(f"“{name}” cannot be the name of an HTML attribute.")
    if attribute in RESERVED:
        raise TypeError(f"“{attribute}” is written by the avatar itself; ask for another size.")
    return attribute


class _Pictures(NamedTuple):
    """The URLs of one avatar at one size, not escaped."""

    src: str
    srcset: str = ""
    #: Media type and ``srcset`` of the formats before the last.
    sources: tuple[tuple[str, str], ...] = ()

    def head(self) -> str:
        """The markup up to the URLs of the ``<img>``."""
        sources = "".join(
            f'<source type="{media_type}" srcset="{escape(srcset)}">'
            for media_type, srcset in self.sources
        )
        dense = f' srcset="{escape(self.srcset)}"' if self.srcset else ""
        return f'{"<picture>" if sources else ""}{sources}<img src="{escape(self.src)}"{dense}'


def _pictures_of(avatar_field: AvatarColumn, key: str, size: int) -> tuple[_Pictures, str]:
    """The URLs, and the colour as in ``Face``; of a file from before the kit, only its own URL."""
    name = Name.parse(key)
    if name is None:
        return _Pictures(avatar_field.storage.url(key)), ""
    return _pictures(name, urls(avatar_field.rendition_storage), size), f"#{name.color}"


def _pictures(name: Name, url: Callable[[str], str], size: int) -> _Pictures:
    small, large = name.best(size), name.best(2 * size)
    *others, last = name.formats
    sources = []
    for each in others:
        srcset = url(name.rendition(small, each))
        if small != large:
            srcset = f"{srcset} 1x, {url(name.rendition(large, each))} 2x"
        sources.append((f"image/{each}", srcset))
    return _Pictures(
        url(name.rendition(small, last)),
        "" if small == large else f"{url(name.rendition(large, last))} 2x",
        tuple(sources),
    )


# Few, but for uploads smaller than the largest size, which add their own.
@lru_cache(maxsize=1024)
def _pieces(sizes: str, formats: str, size: int) -> tuple[str, ...]:
    """What stands between the stems of the URLs in ``_Pictures.head()``, for all such names."""
    listed = tuple(map(int, sizes.split("_"))), tuple(formats.split("_"))
    name = Name("", "\0", "", 0, 0, *listed, None, "cover", "", "")
    return tuple(_pictures(name, str, size).head().split("\0"))


# 256 folders to a prefix.
@lru_cache(maxsize=4096)
def _escaped(url: Callable[..., str], base: str, folder: str) -> str:
    return escape(url(base, folder))


def _named(attrs: Mapping[str, Any]) -> dict[str, Any]:
    return {attribute_name(name): value for name, value in attrs.items()}


def _text(value: Any) -> str:
    # Safe strings stay what they are; translations become text in the language of this moment.
    if isinstance(value, str):
        return value
    if hasattr(value, "__html__") and not isinstance(value, Promise):
        return SafeString(value.__html__())
    return str(value)
