"""What a field asks of an upload: what it may be, and what is to be made of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .names import Fit


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What to accept."""

    max_pixels: int
    formats: Sequence[str]
    """Keys of the formats that may be uploaded."""
    max_memory: int | None = None
    """Bytes that a decode may take, as estimated; None for the kit's own files."""


@dataclass(frozen=True, kw_only=True)
class Spec:
    """What to make of an upload."""

    sizes: Sequence[int]
    """Sides of the renditions, in px."""
    formats: Sequence[str]
    """Of the renditions: "webp", "jpeg", "avif", "png"."""
    quality: Mapping[str, int]
    """0 to 100 for each format; the master needs "jpeg", and "webp" where it has alpha."""
    master_side: int
    """The master's long side is at most this, in px."""
    background: str | None
    """A colour that Pillow knows, to put under transparent pixels; None keeps them."""
    fit: Fit
