"""A typed, live view of ``settings.AVATAR_KIT``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, fields
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed

SETTING = "AVATAR_KIT"

#: JPEG and WebP at 80 cannot be told from the source at avatar sizes; AVIF reaches that at 60.
QUALITY: Mapping[str, int] = {"webp": 80, "jpeg": 80, "avif": 60}


@dataclass(frozen=True, kw_only=True)
class Config:
    """The keys of ``AVATAR_KIT``, in lower case, with their defaults."""

    #: Sides of the square renditions, in px.
    sizes: tuple[int, ...] = (32, 64, 128, 256, 512)
    #: Encodings of each rendition; more than one gives a ``<picture>``, the last is its ``<img>``.
    formats: tuple[str, ...] = ("webp",)
    #: Encoder quality (1-100) by format. Merged over the defaults.
    quality: Mapping[str, int] = field(default_factory=lambda: QUALITY)
    #: Longest side of the stored original, in px. See ``imaging`` for why it is 1000.
    master_side: int = 1000
    #: Largest upload, in bytes.
    max_upload_size: int = 10 * 1024 * 1024
    #: Largest upload, in px (width times height), read from the header. 50 megapixels pass.
    max_pixels: int = 52_000_000
    #: Most memory that decoding an upload may take, in bytes, estimated from its header.
    max_decode_memory: int = 256 * 1024 * 1024
    #: What may be uploaded, by content.
    upload_formats: tuple[str, ...] = ("jpeg", "png", "webp", "gif", "avif")
    #: A CSS colour that flattens transparency, or None to keep it.
    background: str | None = None
    #: What stands in for a missing avatar, asked in this order.
    fallbacks: tuple[str | Mapping[str, Any], ...] = ("initials",)
    #: Size of ``{% avatar user %}``, in px.
    default_size: int = 64
    #: Attributes of every ``<img>``.
    img_attrs: Mapping[str, Any] = field(default_factory=lambda: {"loading": "lazy"})
    #: Alias in ``STORAGES`` of the masters, and of the renditions where those live elsewhere.
    storage: str = "default"
    rendition_storage: str | None = None
    #: ``(owner) -> str``, or its dotted path: the name used for alt texts and initials.
    display_name: Callable[[Any], str] | str | None = None
    #: ``{"app.model": "accessor"}`` where the profile of an owner cannot be found unambiguously.
    owner: Mapping[str, str] | None = None
    #: False where a site reads another site's files and must never delete any.
    delete_files: bool = True


#: The keys as a site writes them.
KEYS = frozenset(f.name.upper() for f in fields(Config))

_config: Config | None = None


def get_config() -> Config:
    """The settings as they are now. Unknown keys are left to the system check to report.

    Raises ``ImproperlyConfigured`` for a value of the wrong type. One of the right type that is
    out of range is left to the check, too.
    """
    global _config
    if _config is None:
        values, wrong = read()
        for name, (value, expected) in wrong.items():
            key = f"{SETTING}[{name.upper()!r}]"
            raise ImproperlyConfigured(f"{key} is {value!r}. It must be {expected}.")
        _config = Config(**values)
    return _config


def read() -> tuple[dict[str, Any], dict[str, tuple[Any, str]]]:
    """The values given for known keys; those of the wrong type apart, with what they must be.

    Both by the names of :class:`Config`. Raises ``ImproperlyConfigured`` where the setting is no
    dictionary at all.
    """
    given = getattr(settings, SETTING, None)
    if given is None:
        given = {}
    if not isinstance(given, Mapping):
        raise ImproperlyConfigured(f"{SETTING} is {given!r}. It must be a dictionary.")
    values: dict[str, Any] = {}
    wrong: dict[str, tuple[Any, str]] = {}
    for option in fields(Config):
        key = option.name.upper()
        if key not in given:
            continue
        fits, expected = _TYPES[str(option.type)]
        value = given[key]
        if fits(value):
            values[option.name] = value
        else:
            wrong[option.name] = value, expected
    if "sizes" in values:
        values["sizes"] = ladder(values["sizes"])
    for name in {"formats", "upload_formats", "fallbacks"} & values.keys():
        values[name] = listed(values[name])
    if "quality" in values:
        values["quality"] = {**QUALITY, **values["quality"]}
    return values, wrong


def ladder(sizes: Any) -> Any:
    """Sizes in their order, each once. What is no list of whole numbers is left to the checks."""
    return tuple(sorted(set(sizes))) if is_list_of(is_whole)(sizes) else sizes


def listed(values: Any) -> Any:
    """A list as a tuple. What is no list is left to the checks."""
    if isinstance(values, AbstractSet):
        # Its own order would be another one in each process, and so would be the markup.
        return tuple(sorted(values, key=str))
    return tuple(values) if is_list_of(_anything)(values) else values


# --- what a value may be ----------------------------------------------------------------------


def is_whole(value: Any) -> bool:
    """Whether it is a whole number; True and False are none."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_text(value: Any) -> bool:
    # A lazy translation is none: it would mean something else in each language.
    return isinstance(value, str)


def _anything(value: Any) -> bool:  # noqa: ARG001
    return True


def is_list_of(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """A text is no list of its letters, and a generator would be empty when it is read again."""
    return lambda value: (
        isinstance(value, (Sequence, AbstractSet))
        and not isinstance(value, (str, bytes, bytearray))
        and all(map(fits, value))
    )


def is_dict_of(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: (
        isinstance(value, Mapping) and all(map(is_text, value)) and all(map(fits, value.values()))
    )


def _or_none(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or fits(value)


#: For each annotation in :class:`Config`: whether a value fits it, and what to say if not.
_TYPES: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "bool": (lambda value: isinstance(value, bool), "True or False"),
    "int": (is_whole, "a whole number"),
    "str": (is_text, "a text"),
    "str | None": (_or_none(is_text), "a text, or None"),
    "tuple[int, ...]": (is_list_of(is_whole), "a list or tuple of whole numbers"),
    "tuple[str, ...]": (is_list_of(is_text), "a list or tuple of texts"),
    "tuple[str | Mapping[str, Any], ...]": (
        # What each entry is, the fallbacks themselves look at.
        is_list_of(_anything),
        "a list or tuple of names, dotted paths and dictionaries",
    ),
    "Mapping[str, int]": (is_dict_of(is_whole), "a dictionary of whole numbers"),
    "Mapping[str, Any]": (is_dict_of(_anything), "a dictionary whose keys are texts"),
    "Mapping[str, str] | None": (
        _or_none(is_dict_of(is_text)),
        "a dictionary of texts such as {'auth.user': 'profile'}, or None",
    ),
    "Callable[[Any], str] | str | None": (
        lambda value: value is None or is_text(value) or callable(value),
        "a function of the owner, its dotted path, or None",
    ),
}


def _forget(*, setting: str, **kwargs: Any) -> None:
    global _config
    if setting == SETTING:
        _config = None


setting_changed.connect(_forget, dispatch_uid="avatar_kit.conf")
