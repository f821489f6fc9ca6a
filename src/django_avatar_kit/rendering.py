"""From an owner to the markup and the URLs of the avatar, without a query or a storage call.

``avatar_html()``, ``avatar_url()`` and ``get_face()`` do in Python what the tags do in templates.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from html import escape
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.utils.safestring import SafeString

from .columns import AvatarColumn, is_default
from .conf import get_config
from .display import html as markup
from .display.display_names import display_name
from .display.owners import locate
from .fallbacks import fallback_html, fallback_pictures, fallback_url
from .names import MASTER, Name
from .storage.adapter import JoinedUrls
from .storage.base import urls


@dataclass(frozen=True, kw_only=True)
class Face:
    """An avatar or its fallback, as ``{% avatar user 64 as face %}`` gives it.

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

    __html__ = __str__


class Layout:
    """A size and attributes, checked, ordered and escaped once for any number of avatars.

    It holds what the settings say at this moment: a tag makes a new one when they change.
    """

    __slots__ = ("_alt", "_close", "_open", "alt", "attrs", "size")

    def __init__(self, size: Any, attrs: Mapping[str, Any]) -> None:
        """Raises ``ValueError`` for a bad size, ``TypeError`` for a bad attribute."""
        self.size = clean_size(size)
        try:
            merged = markup.attribute_names(get_config().img_attrs)
        except TypeError as error:
            raise ImproperlyConfigured(f'AVATAR_KIT["IMG_ATTRS"]: {error}') from error
        merged |= markup.attribute_names(attrs)
        self.attrs: dict[str, str | bool] = {
            name: value if value is True else markup.as_text(value)
            for name, value in merged.items()
            if value is not None and value is not False
        }
        #: None for the display name of whoever is shown.
        self.alt = markup.as_text(self.attrs.pop("alt")) if "alt" in self.attrs else None
        self._open = f' width="{self.size}" height="{self.size}" alt="'
        self._alt = None if self.alt is None else markup.attribute_value(self.alt)
        self._close = f'"{markup.attributes(self.attrs)}>'

    def html(self, obj: Any) -> SafeString:
        """The markup of the avatar of ``obj``, or of a fallback."""
        owner, avatar_field, key = locate(obj)
        if avatar_field is None or key is None:
            return fallback_html(owner, self.size, self._alt_of(owner), self.attrs)
        return self._finish(_head(avatar_field, key, self.size), owner)

    def face(self, obj: Any) -> Face:
        """The same in parts."""
        owner, avatar_field, key = locate(obj)
        alt = self._alt_of(owner)
        if avatar_field is None or key is None:
            pictures, color = markup.Pictures(*fallback_pictures(owner, self.size)), ""
            html = fallback_html(owner, self.size, alt, self.attrs)
        else:
            pictures, color = _pictures(avatar_field, key, self.size)
            html = self._finish(pictures.head(), owner)
        return Face(
            **pictures._asdict(),
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

    ``obj`` is anything that :func:`~django_avatar_kit.display.owners.locate` takes. Keyword
    arguments become attributes: ``data_foo`` gives ``data-foo``, ``class_`` gives ``class``, True
    an attribute without a value, None or False none. ``alt`` is the display name unless it is
    given.

    Raises ``ValueError`` for a bad size, ``TypeError`` for a bad attribute or object.
    """
    return Layout(size, attrs).html(obj)


def avatar_url(obj: Any, size: Any = None) -> str:
    """The URL of an avatar's rendition for ``size`` px; without one a fallback's, or ``""``."""
    size = clean_size(size)
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
    """Whether there is a stored file that is not the default of its column."""
    _owner, avatar_field, key = locate(obj)
    return avatar_field is not None and key is not None and not is_default(key, avatar_field)


def clean_size(size: Any) -> int:
    """A size in px from an integer or a numeric string, None for ``DEFAULT_SIZE``.

    Raises ``ValueError`` naming the value.
    """
    if size is None:
        return get_config().default_size
    number = int(size) if isinstance(size, str) and size.strip().isdecimal() else size
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise ValueError(f"The size of an avatar is a number of pixels, 1 or more, not {size!r}.")
    return number


def _pictures(avatar_field: AvatarColumn, key: str, size: int) -> tuple[markup.Pictures, str]:
    """The URLs, and the colour as in ``Face``; of a file from before the kit, only its own URL."""
    name = Name.parse(key)
    if name is None:
        return markup.Pictures(avatar_field.storage.url(key)), ""
    url = urls(avatar_field.rendition_storage)
    return markup.pictures_of(name, url, size), f"#{name.color}"


def _head(avatar_field: AvatarColumn, key: str, size: int) -> str:
    """``Pictures.head()`` of a key, from a template where the storage allows it.

    It does where URLs are a base and the key (``urls()`` gives ``JoinedUrls`` there): the markup
    of two avatars then differs in folder and token only. With ``Name.parse()`` and a call for each
    URL it would take a third longer to load and show a row.
    """
    match = MASTER.fullmatch(key)
    if match and isinstance(url := urls(avatar_field.rendition_storage), JoinedUrls):
        folder, token, sizes, formats = match.group(1, 3, 7, 8)
        stem = f"{_escaped(url.func, *url.args, folder)}{token}"
        return markup.template_of(sizes, formats, size).replace(markup.STEM, stem)
    return _pictures(avatar_field, key, size)[0].head()


# Keys with the same prefix are in 256 folders.
@lru_cache(maxsize=4096)
def _escaped(url: Callable[..., str], base: str, folder: str) -> str:
    return escape(url(base, folder))
