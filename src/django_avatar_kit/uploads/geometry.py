"""What of a picture is shown, and in how many pixels: arithmetic on sizes and boxes, no pixels."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..names import Box
    from ..specs import Spec

Size = tuple[int, int]
"""Width and height in px."""
Part = tuple[int, int, int, int]
"""Left, top, right and bottom in px."""
Edges = tuple[float, float, float, float]
"""The same, where an edge may lie within a pixel."""

#: The renditions use the master's scale where theirs is larger by no more than this factor: one
#: picture for both takes less than two.
ONE_FOR_BOTH = 1.25


def clipped(crop: Box | None, size: Size) -> Box | None:
    """The part of ``crop`` that lies in the picture; None if no pixel does."""
    if crop is None:
        return None
    x, y, width, height = crop
    left, top = max(0, x), max(0, y)
    right, bottom = min(size[0], x + width), min(size[1], y + height)
    return (left, top, right - left, bottom - top) if left < right and top < bottom else None


def selection(source: Size, crop: Box | None, spec: Spec) -> Box:
    """What the renditions show, in px of ``source``.

    ``contain``: the crop, or the whole picture. ``cover``: the centred square of it; but without a
    crop the square of a portrait begins at its top, so that the upper third, where heads are, is
    kept as far as a square can hold it.
    """
    x, y, width, height = crop or (0, 0, *source)
    if spec.fit == "contain":
        return x, y, width, height
    side = min(width, height)
    return x + (width - side) // 2, y + (height - side) // 2 if crop else 0, side, side


def scales(source: Size, crop: Box | None, spec: Spec) -> tuple[float, float]:
    """The smallest scales, at most 1, at which the upload serves the master and the renditions."""
    _x, _y, width, height = selection(source, crop, spec)
    master = min(1.0, spec.master_side / max(source))
    renditions = min(1.0, max(spec.sizes) / max(width, height))
    if master < renditions <= ONE_FOR_BOTH * master:
        master = renditions
    return master, renditions


def ladder(sizes: Sequence[int], side: int) -> tuple[int, ...]:
    """The sizes of renditions of a square of ``side`` px, ascending.

    Nothing is enlarged: one rendition of exactly ``side`` px replaces all larger sizes.
    """
    return tuple(sorted({min(size, side) for size in sizes}))


def scaled(size: Size, scale: float) -> Size:
    """At this scale, rounded up to whole px."""
    # Rounded first, since 600,000 px * (1000 / 600,000) is 1000.0000000001.
    return math.ceil(round(size[0] * scale, 6)), math.ceil(round(size[1] * scale, 6))


def edges_of(box: Box) -> Edges:
    """A box as edges instead of a corner and a size."""
    x, y, width, height = box
    return x, y, x + width, y + height


def master_size(source: Size, spec: Spec) -> Size:
    """Width and height of the stored original, in px."""
    scale = min(1.0, spec.master_side / max(source))
    width, height = source
    return max(1, round(width * scale)), max(1, round(height * scale))
