"""What is cut from the decoded pixels of an upload, as both estimates need to know it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import geometry
from .orientation import upright_size

if TYPE_CHECKING:
    from ..names import Box
    from ..specs import Spec
    from .decoders.base import Decoder
    from .geometry import Size


@dataclass(frozen=True, kw_only=True)
class Cuts:
    """What is cut from the decoded pixels, and at which scales."""

    finest: float
    """The scale of the decode."""
    raster: Size
    """The decoded pixels."""
    scales: list[tuple[Size, float]]
    """The size of each part in px of the raster, and the scale to cut it at."""


def cuts_of(
    source: Decoder, size: Size, crop: Box | None, spec: Spec, sharpness: float = 1.0
) -> Cuts:
    """Of an upload of this ``size``. ``crop`` lies within it, as it is upright."""
    whole = upright_size(size, source.orientation)
    master, renditions = geometry.scales(whole, crop, spec)
    finest = max(master, sharpness * renditions)
    divisor = source.divisor(finest)
    raster = geometry.scaled(size, 1 / divisor)
    scales = [(raster, master * divisor)]
    if finest > master:
        box = geometry.selection(whole, crop, spec)
        shown = upright_size(box[2:], source.orientation)
        scales.append((geometry.scaled(shown, 1 / divisor), finest * divisor))
    return Cuts(finest=finest, raster=raster, scales=scales)
