"""A typed, live view of ``settings.AVATAR_KIT``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from django.conf import settings
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
_sequences = frozenset({"sizes", "formats", "upload_formats", "fallbacks"})


def get_config() -> Config:
    """The settings as they are now. Unknown keys are left to the system check to report."""
    global _config
    if _config is None:
        _config = _read()
    return _config


def _read() -> Config:
    given: Mapping[str, Any] = getattr(settings, SETTING, None) or {}
    values: dict[str, Any] = {}
    for key, value in given.items():
        if key not in KEYS:
            continue
        name = key.lower()
        listed = name in _sequences and not isinstance(value, str)
        values[name] = tuple(value) if listed else value
    if all(isinstance(size, int) for size in values.get("sizes", "")):
        values["sizes"] = tuple(sorted(set(values.get("sizes", Config.sizes))))
    if "quality" in values:
        values["quality"] = {**QUALITY, **values["quality"]}
    return Config(**values)


def _forget(*, setting: str, **kwargs: Any) -> None:
    global _config
    if setting == SETTING:
        _config = None


setting_changed.connect(_forget, dispatch_uid="avatar_kit.conf")
