"""A typed view of ``settings.AVATAR_KIT``, made again when that changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any, TypeVar, cast

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed

from . import formats as image_formats

SETTING = "AVATAR_KIT"

_Function = TypeVar("_Function", bound=Callable[..., Any])


def cached(function: _Function) -> _Function:
    """``functools.cache``, emptied whenever a setting changes."""
    made = cache(function)
    setting_changed.connect(lambda **_kwargs: made.cache_clear(), weak=False)
    return cast("_Function", made)


@dataclass(frozen=True, kw_only=True)
class Config:
    """The keys of ``AVATAR_KIT``, in lower case, with their defaults."""

    #: Sides of the square renditions, in px.
    sizes: tuple[int, ...] = (32, 64, 128, 256, 512)
    #: Encodings of each rendition; more than one gives a ``<picture>``, the last is its ``<img>``.
    formats: tuple[str, ...] = ("webp",)
    #: Encoder quality (1-100) by format. Merged over the defaults.
    quality: Mapping[str, int] = field(default_factory=image_formats.default_quality)
    #: Longest side of the stored original, in px. ``uploads.imaging`` says why it is 1000.
    master_side: int = 1000
    #: Largest upload, in bytes.
    max_upload_size: int = 10 * 1024 * 1024
    #: Largest upload, in px (width times height), read from the header. 50 megapixels pass.
    max_pixels: int = 52_000_000
    #: Most memory that decoding an upload may take, in bytes, estimated from its header.
    max_decode_memory: int = 256 * 1024 * 1024
    #: Formats that may be uploaded, told by content.
    upload_formats: tuple[str, ...] = field(default_factory=image_formats.default_uploads)
    #: Whether an animated upload keeps moving; if not, its first frame is the picture.
    animated: bool = False
    #: A CSS colour that flattens transparency, or None to keep it.
    background: str | None = None
    #: What is shown without an avatar: the first of these that has something to show.
    fallbacks: tuple[str | Mapping[str, Any], ...] = ("initials",)
    #: Size of ``{% avatar user %}``, in px.
    default_size: int = 64
    #: Attributes of every ``<img>``.
    img_attrs: Mapping[str, Any] = field(default_factory=lambda: {"loading": "lazy"})
    #: Alias in ``STORAGES`` of the masters, and of the renditions if they are stored elsewhere.
    storage: str = "default"
    rendition_storage: str | None = None
    #: ``(owner) -> str``, or its dotted path: the name used for alt texts and initials.
    display_name: Callable[[Any], str] | str | None = None
    #: Scheme and host of absolute URLs that are made without a request.
    base_url: str | None = None
    #: ``{"app.model": "accessor"}`` for owners with several relations to a profile.
    owner: Mapping[str, str] | None = None
    #: Most pictures of one owner in ``contrib.gallery``.
    gallery_limit: int = 10
    #: False for a site that reads the files of another one and must not delete them.
    delete_files: bool = True
    #: Whether an avatar whose file is not in storage is shown as a fallback. For development.
    fallback_if_missing: bool = False


KEYS = frozenset(f.name.upper() for f in fields(Config))


@cached
def get_config() -> Config:
    """The settings as they are now.

    Raises ``ImproperlyConfigured`` for a value of the wrong type. Unknown keys, and values that
    are out of range, are reported by the system checks only.
    """
    values, wrong = read()
    for name, (value, expected) in wrong.items():
        key = f"{SETTING}[{name.upper()!r}]"
        raise ImproperlyConfigured(f"{key} is {value!r}. It must be {expected}.")
    return Config(**values)


def read() -> tuple[dict[str, Any], dict[str, tuple[Any, str]]]:
    """The values that can be used, and those of the wrong type with what they must be instead.

    Both are dictionaries whose keys are field names of :class:`Config`; unknown keys are left out.
    Raises ``ImproperlyConfigured`` where the setting is no dictionary.
    """
    given = getattr(settings, SETTING, None)
    given = {} if given is None else given
    if not isinstance(given, Mapping):
        raise ImproperlyConfigured(f"{SETTING} is {given!r}. It must be a dictionary.")
    values: dict[str, Any] = {}
    wrong: dict[str, tuple[Any, str]] = {}
    for option in fields(Config):
        if (key := option.name.upper()) in given:
            fits, expected = _TYPES[str(option.type)]
            if fits(given[key]):
                values[option.name] = listed(given[key])
            else:
                wrong[option.name] = given[key], expected
    if "sizes" in values:
        values["sizes"] = ladder(values["sizes"])
    if "quality" in values:
        values["quality"] = {**image_formats.default_quality(), **values["quality"]}
    return values, wrong


def ladder(sizes: Any) -> Any:
    """Sizes in ascending order, each once. Anything but a list of whole numbers is returned as is,
    for the checks to report.
    """
    return tuple(sorted(set(sizes))) if is_list_of(is_whole)(sizes) else sizes


def listed(values: Any) -> Any:
    """A list as a tuple. Anything but a list is returned as is, for the checks to report."""
    if isinstance(values, AbstractSet):
        # The order of a set differs between processes, and the markup would with it.
        return tuple(sorted(values, key=str))
    return tuple(values) if is_list_of()(values) else values


def is_whole(value: Any) -> bool:
    """Whether it is a whole number; True and False are not."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_text(value: Any) -> bool:
    """Whether it is a ``str``; a lazy translation, whose text depends on the language, is not."""
    return isinstance(value, str)


def is_list_of(fits: Callable[[Any], bool] = lambda _value: True) -> Callable[[Any], bool]:
    """A test for lists, tuples and sets of what ``fits``, but not for a text or a generator."""
    return lambda value: (
        isinstance(value, (Sequence, AbstractSet))
        and not isinstance(value, (str, bytes, bytearray))
        and all(map(fits, value))
    )


def is_dict_of(fits: Callable[[Any], bool] = lambda _value: True) -> Callable[[Any], bool]:
    """A test for dictionaries whose keys are texts, and whose values ``fits`` accepts."""
    return lambda value: (
        isinstance(value, Mapping) and all(map(is_text, value)) and all(map(fits, value.values()))
    )


def _or_none(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or fits(value)


#: For each annotation in :class:`Config` a test, and what a value that fails it must be instead.
_TYPES: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "bool": (lambda value: isinstance(value, bool), "True or False"),
    "int": (is_whole, "a whole number"),
    "str": (is_text, "a text"),
    "str | None": (_or_none(is_text), "a text, or None"),
    "tuple[int, ...]": (is_list_of(is_whole), "a list or tuple of whole numbers"),
    "tuple[str, ...]": (is_list_of(is_text), "a list or tuple of texts"),
    "tuple[str | Mapping[str, Any], ...]": (
        # The entries are checked where the fallbacks are made of them.
        is_list_of(),
        "a list or tuple of names, dotted paths and dictionaries",
    ),
    "Mapping[str, int]": (is_dict_of(is_whole), "a dictionary of whole numbers"),
    "Mapping[str, Any]": (is_dict_of(), "a dictionary whose keys are texts"),
    "Mapping[str, str] | None": (
        _or_none(is_dict_of(is_text)),
        "a dictionary of texts such as {'auth.user': 'profile'}, or None",
    ),
    "Callable[[Any], str] | str | None": (
        lambda value: value is None or is_text(value) or callable(value),
        "a function of the owner, its dotted path, or None",
    ),
}
