"""What an upload may be, and what is made of it: the settings of one field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .names import Fit

__all__ = ["Limits", "Spec"]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Which uploads are accepted."""

    max_pixels: int
    """Width times height, in px."""
    formats: Sequence[str]
    """Keys of the formats that may be uploaded."""
    max_memory: int | None = None
    """Bytes that an upload may take, as estimated. None, for the kit's own files: no limit."""
    max_work: int | None = None
    """Time that an upload may take, as estimated, in px of a plain JPEG that is decoded at full
    size. None, for the kit's own files: no limit."""


@dataclass(frozen=True, kw_only=True)
class Spec:
    """What is made of an upload."""

    sizes: Sequence[int]
    """Sides of the renditions, in px."""
    formats: Sequence[str]
    """Keys of the formats of the renditions; see ``formats``."""
    quality: Mapping[str, int]
    """By format, 0 to 100. Formats that are missing get Pillow's default."""
    master_side: int
    """The master's long side is at most this, in px."""
    background: str | None
    """A colour that Pillow knows, to put under transparent pixels; None keeps them."""
    fit: Fit
    """``"cover"`` cuts the picture to a square, ``"contain"`` shows all of it on one."""
    animated: bool = False
    """Whether an animation keeps moving, in files beside those of its first frame."""
