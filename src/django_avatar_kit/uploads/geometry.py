"""What of a picture is shown, in how many pixels: geometry, before any pixel is looked at."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..names import Box
    from ..specs import Spec
    from .rasters import Edges, Size


def within(crop: Box | None, size: Size) -> Box | None:
    """The part of ``crop`` that lies in the picture; None if nothing does."""
    if crop is None:
        return None
    x, y, width, height = crop
    left, top = max(0, x), max(0, y)
    right, bottom = min(size[0], x + width), min(size[1], y + height)
    return (left, top, right - left, bottom - top) if left < right and top < bottom else None


def selection(source: Size, crop: Box | None, spec: Spec) -> Box:
    """What the renditions show, in px of ``source``.

    ``contain``: the crop or the whole. ``cover``: the centred square of it, except that the square
    of a whole portrait stands at its top: so its upper third, where heads are, is always kept, or
    as much of it as a square can hold.
    """
    x, y, width, height = crop or (0, 0, *source)
    if spec.fit == "contain":
        return x, y, width, height
    side = min(width, height)
    return x + (width - side) // 2, y + (height - side) // 2 if crop else 0, side, side


def scales(source: Size, crop: Box | None, spec: Spec) -> tuple[float, float]:
    """The least of its full size at which the upload serves the master, and the renditions."""
    _x, _y, width, height = selection(source, crop, spec)
    master = min(1.0, spec.master_side / max(source))
    renditions = min(1.0, max(spec.sizes) / max(width, height))
    # One picture for both, where that takes little more than the master does.
    if master < renditions <= ONE_FOR_BOTH * master:
        master = renditions
    return master, renditions


ONE_FOR_BOTH = 1.25


def ladder(sizes: Sequence[int], side: int) -> tuple[int, ...]:
    """Of these sizes those that exist for a square of ``side`` px, ascending: none is upscaled.

    Those above ``side`` are replaced by one of exactly that.
    """
    return tuple(sorted({min(size, side) for size in sizes}))


def scaled(size: Size, scale: float) -> Size:
    """At this scale, and no smaller, in whole px."""
    # Rounded first: 600,000 px at 1000 / 600,000 are not 1000.0000000001.
    return math.ceil(round(size[0] * scale, 6)), math.ceil(round(size[1] * scale, 6))


def edges_of(box: Box) -> Edges:
    x, y, width, height = box
    return x, y, x + width, y + height


def master_size(source: Size, spec: Spec) -> Size:
    """Of the stored original, in px."""
    scale = min(1.0, spec.master_side / max(source))
    width, height = source
    return max(1, round(width * scale)), max(1, round(height * scale))
