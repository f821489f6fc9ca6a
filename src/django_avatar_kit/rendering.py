"""From an owner to the markup and the URLs of the avatar, without a query or a storage call.

``avatar_html()``, ``avatar_url()``, ``get_face()`` and ``avatar_group()`` do in Python what the
tags do in templates.
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
from .conf import get_config, is_text, is_whole
from .display import groups
from .display import html as markup
from .display.absolute_urls import absolute_url
from .display.display_names import display_name
from .display.owners import locate, prefetch_avatars
from .display.placeholders import placeholder_of
from .fallbacks import fallback_html, fallback_pictures, fallback_url
from .formats import nearest, rendition_encoders
from .missing_files import locator
from .names import MASTER, MOVES, Name
from .storage.adapter import JoinedUrls
from .storage.base import urls

__all__ = ["Face", "Group", "avatar_group", "avatar_html", "avatar_url", "get_face", "has_avatar"]


@dataclass(frozen=True, kw_only=True)
class Face:
    """An avatar or its fallback, as ``{% avatar user 64 as face %}`` gives it.

    ``{{ face }}`` is the markup; nothing else here is escaped yet.
    """

    #: URL of the picture for a plain screen; the fallback's, or "", where there is no avatar.
    src: str
    #: The ``srcset`` of the ``<img>`` for screens two and three times as dense; "" where one
    #: picture serves all.
    srcset: str
    #: Media type and ``srcset`` of each ``<source>``, best first; empty with a single format.
    sources: tuple[tuple[str, str], ...]
    #: What is read out instead of the picture.
    alt: str
    #: Average colour of the picture, as ``#rrggbb``; "" where it is not known.
    color: str
    #: The class of ``avatar_kit/avatar.css`` that has nearly that colour; "" where there is none.
    placeholder: str
    #: As asked for, in CSS px, whatever the size of the file.
    width: int
    #: As asked for, in CSS px: it is a square.
    height: int
    #: All further attributes; True stands for one without a value.
    attrs: Mapping[str, str | bool]
    #: The whole markup.
    html: SafeString = field(repr=False)
    #: The ``srcset`` of what moves, an animated WebP, for those who have not asked for reduced
    #: motion; "" where the avatar stands still.
    animated: str = ""

    def __str__(self) -> str:
        return self.html

    __html__ = __str__


class Layout:
    """A size and attributes, checked, ordered and escaped once for any number of avatars.

    It holds what the settings say at this moment: a tag makes a new one when they change.
    """

    __slots__ = ("_alt", "_close", "_colored", "_locate", "_open", "alt", "attrs", "size")

    def __init__(self, size: Any, attrs: Mapping[str, Any]) -> None:
        """Raises ``ValueError`` for a bad size, ``TypeError`` for a bad attribute."""
        self.size = clean_size(size)
        self._locate = locator()
        try:
            merged = markup.attribute_names(get_config().img_attrs)
            placeholder = markup.take_placeholder(dict(merged))
        except TypeError as error:
            raise ImproperlyConfigured(f'AVATAR_KIT["IMG_ATTRS"]: {error}') from error
        merged |= markup.attribute_names(attrs)
        placeholder = markup.take_placeholder(merged)
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
        #: The same with a place for the class of the placeholder, if that is asked for.
        self._colored = f'"{markup.attributes(_with_stem(self.attrs))}>' if placeholder else None

    def html(self, obj: Any) -> SafeString:
        """The markup of the avatar of ``obj``, or of a fallback."""
        owner, avatar_field, key = self._locate(obj)
        if avatar_field is None or key is None:
            return fallback_html(owner, self.size, self._alt_of(owner), self.attrs)
        return self._finish(_head(avatar_field, key, self.size), owner, key)

    def face(self, obj: Any) -> Face:
        """The same in parts."""
        owner, avatar_field, key = self._locate(obj)
        alt = self._alt_of(owner)
        if avatar_field is None or key is None:
            pictures, color = markup.Pictures(*fallback_pictures(owner, self.size)), ""
            html = fallback_html(owner, self.size, alt, self.attrs)
        else:
            pictures, color = _pictures(avatar_field, key, self.size)
            html = self._finish(pictures.head(), owner, key)
        return Face(
            **pictures._asdict(),
            alt=alt,
            color=color,
            placeholder=placeholder_of(key),
            width=self.size,
            height=self.size,
            attrs=dict(self.attrs),
            html=html,
        )

    def _finish(self, head: str, owner: Any, key: str) -> SafeString:
        alt = escape(display_name(owner)) if self._alt is None else self._alt
        tail = "</picture>" if head.startswith("<picture>") else ""
        close = self._close
        if self._colored is not None and (color := placeholder_of(key)):
            close = self._colored.replace(markup.STEM, color)
        return SafeString(f"{head}{self._open}{alt}{close}{tail}")

    def _alt_of(self, owner: Any) -> str:
        return display_name(owner) if self.alt is None else self.alt


def avatar_html(obj: Any, size: Any = None, **attrs: Any) -> SafeString:
    """The markup of an avatar, ``size`` CSS px wide and high (``DEFAULT_SIZE`` without one).

    ``obj`` is whatever ``{% avatar %}`` takes: a row with an avatar, its field file, an owner
    whose one-to-one profile has one, the text of the column, None, or an ``AnonymousUser``.
    Keyword arguments become attributes: ``data_foo`` gives ``data-foo``, ``class_`` gives
    ``class``, True an attribute without a value, None or False none. ``alt`` is the display name
    unless it is given.

    Raises ``ValueError`` for a bad size, ``TypeError`` for a bad attribute or object.
    """
    return Layout(size, attrs).html(obj)


def avatar_url(
    obj: Any,
    size: Any = None,
    *,
    format: Any = None,
    absolute: bool = False,
    request: Any = None,
) -> str:
    """The URL of an avatar's rendition for ``size`` px; without one a fallback's, or ``""``.

    ``format`` is the one that is wanted, as in ``FORMATS``; without one it is that of the
    ``<img>``. An avatar that lacks it gives the newest of the older formats that it has (what
    shows a WebP shows a JPEG), else the oldest of all; a file from before the kit is what it is;
    and of the fallbacks those are passed over whose URL is that of an SVG, which mails cannot
    show.

    ``absolute`` puts scheme and host before it: of ``request``, else of ``BASE_URL``, else of the
    current site of ``django.contrib.sites``.

    Raises ``ValueError`` for a bad size or format, ``TypeError`` for a bad object, and
    ``ImproperlyConfigured`` where the host is not known.
    """
    url = _url(obj, clean_size(size), clean_format(format))
    return absolute_url(url, request) if absolute else url


def _url(obj: Any, size: int, format: str | None) -> str:
    owner, avatar_field, key = locator()(obj)
    if avatar_field is None or key is None:
        return fallback_url(owner, size, raster=format is not None)
    name = Name.parse(key)
    if name is None:
        return str(avatar_field.storage.url(key))
    chosen = name.formats[-1] if format is None else nearest(format, name.formats)
    return urls(avatar_field.rendition_storage)(name.rendition(name.best(size), chosen))


def get_face(obj: Any, size: Any = None, **attrs: Any) -> Face:
    """An avatar in parts, for markup of one's own; arguments as for :func:`avatar_html`."""
    return Layout(size, attrs).face(obj)


@dataclass(frozen=True, kw_only=True)
class Group:
    """The first of many avatars, as :func:`avatar_group` gives it; ``{{ group }}`` shows it."""

    #: Those that are shown.
    faces: tuple[Face, ...]
    #: How many are not.
    more: int
    #: How many there are in all.
    total: int
    #: What the group is called; "" where it is hidden from screen readers.
    label: str
    #: The whole markup; empty where there is nobody.
    html: SafeString = field(repr=False)

    def __str__(self) -> str:
        return self.html

    __html__ = __str__


def avatar_group(
    objects: Any,
    /,
    size: Any = None,
    *,
    max: Any = None,  # noqa: A002 - as the tag has it
    total: Any = None,
    label: Any = None,
    **attrs: Any,
) -> Group:
    """The first ``max`` (5) of many avatars, and how many more there are, as an overlapping row.

    ``objects`` is a list, a queryset, a related manager, or a page of what :func:`avatar_html`
    takes; None is an empty one. A queryset that is not loaded costs one query for those who are
    shown, and one to count where there are more; profiles that are not loaded cost one for all.
    ``total`` says how many there are where that is known. ``label`` is what a screen reader calls
    the group: the plural of the model's name without one. ``alt=""`` hides the group from it,
    where the names stand beside. Attributes that only a picture has are put on the pictures, all
    others on the list.

    Raises ``ValueError`` for a bad size or number, ``TypeError`` for a bad attribute or object.
    """
    most = 5 if max is None else clean_number(max, "avatars in a group", 1)
    total = None if total is None else clean_number(total, "avatars in all", 0)
    named = markup.attribute_names(attrs)
    if named.get("alt") not in (None, False, ""):
        raise TypeError(
            'The “alt” of a group is "", or each avatar has its own; there is “label”.'
        )
    layout = Layout(size, {name: named[name] for name in groups.OF_PICTURES & named.keys()})
    shown, total = groups.first_of(objects, most, total)
    prefetch_avatars(shown)
    faces = tuple(map(layout.face, shown))
    more = total - len(faces)
    hidden = layout.alt == ""
    label = "" if hidden else str(label or groups.label_of(shown))
    html = SafeString()
    if total:
        attrs = groups.list_attributes(named, label, hidden=hidden)
        html = groups.list_of([face.html for face in faces], more, layout.size, attrs)
    return Group(faces=faces, more=more, total=total, label=label, html=html)


def has_avatar(obj: Any) -> bool:
    """Whether the row names a file that is not the default of its column."""
    _owner, avatar_field, key = locate(obj)
    return avatar_field is not None and key is not None and not is_default(key, avatar_field)


def clean_size(size: Any) -> int:
    """A size in px from an integer or a numeric string, None for ``DEFAULT_SIZE``.

    Raises ``ValueError`` naming the value.
    """
    if size is None:
        return get_config().default_size
    number = _whole(size)
    if number is None or number < 1:
        raise ValueError(f"The size of an avatar is a number of pixels, 1 or more, not {size!r}.")
    return number


def clean_number(value: Any, what: str, least: int) -> int:
    """A number from an integer or a numeric string. Raises ``ValueError`` naming the value."""
    number = _whole(value)
    if number is None or number < least:
        raise ValueError(f"The number of {what} is {least} or more, not {value!r}.")
    return number


def clean_format(format: Any) -> str | None:
    """A format that renditions can have, or None. Raises ``ValueError`` naming the value."""
    known = rendition_encoders()
    if format is None or (is_text(format) and format in known):
        return None if format is None else str(format)
    raise ValueError(f"The format of an avatar is one of {', '.join(known)}, not {format!r}.")


def _whole(value: Any) -> int | None:
    number = int(value) if isinstance(value, str) and value.strip().isdecimal() else value
    return number if is_whole(number) else None


def _with_stem(attrs: Mapping[str, str | bool]) -> dict[str, str | bool]:
    """The attributes with ``STEM`` as the last of their classes."""
    given = attrs.get("class", True)
    classes = "" if given is True else f"{markup.attribute_value(given)} "
    return {**attrs, "class": SafeString(f"{classes}{markup.STEM}")}


def _pictures(avatar_field: AvatarColumn, key: str, size: int) -> tuple[markup.Pictures, str]:
    """The URLs, and the colour as in ``Face``; of a file from before the kit, only its own URL."""
    name = Name.parse(key)
    if name is None:
        return markup.Pictures(avatar_field.storage.url(key)), ""
    name = name._replace(animated=name.animated and avatar_field.is_animated)
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
        if formats.endswith(MOVES) and not avatar_field.is_animated:
            formats = formats.removesuffix(MOVES)
        stem = f"{_escaped(url.func, *url.args, folder)}{token}"
        return markup.template_of(sizes, formats, size).replace(markup.STEM, stem)
    return _pictures(avatar_field, key, size)[0].head()


# Keys with the same prefix are in 256 folders.
@lru_cache(maxsize=4096)
def _escaped(url: Callable[..., str], base: str, folder: str) -> str:
    return escape(url(base, folder))
