"""What an upload takes in all, told from its header: its decode, and what becomes of it.

This follows ``imaging`` step by step: what one does in other steps, the other must count.
``benchmarks/sections/memory.py`` holds it against what processes really used. All in bytes.
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

from . import framing, intake, rasters, upright
from .memory import PIXEL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .framing import Box, Spec
    from .rasters import Size

#: What is small, and what the allocator keeps; that differs from run to run.
ALWAYS = 13 * 1024 * 1024 // 8
#: Pixels in a band of ``rasters``, and in what it is reduced to.
BANDS = 2 * rasters.BAND
#: For each pixel of a plain picture that becomes RGB or RGBA in sRGB. Where it goes through a
#: profile or is turned, there is one more of it.
CONVERT = {"RGB": 0, "L": 4, "CMYK": 4, "LA": 10, "RGBA": 10}
COPY = 4
#: For each pixel that is encoded: in RGB, and in RGBA. Measured on noise of 1000 × 1000 px.
ENCODE = {"jpeg": (1, 1), "png": (6, 6), "webp": (8, 38), "avif": (34, 44)}
#: All squares together, each with at most a quarter of the next one's pixels.
SQUARES = 4 * 4 / 3


def affordable(
    source: intake.Source, crop: Box | None, spec: Spec, filename: str, limits: intake.Limits
) -> tuple[float, float]:
    """The scales to decode at: for the master, and for the renditions.

    Raises ``TooMuchMemory`` where nothing is within the limit.
    """
    wanted = partial(needed, source, crop=crop, spec=spec)
    whole = upright.size(source.size, upright.orientation(source.exif))
    master, renditions = framing.scales(whole, crop, spec)
    if limits.max_memory is None or wanted(source.size) <= limits.max_memory:
        return master, renditions
    source.spare()
    intake.check_memory(source, partial(wanted, sharpness=0.0), filename, limits)
    # What somebody chose comes out smaller, rather than not at all.
    sharpness = 1.0
    while wanted(source.size, sharpness=sharpness) > limits.max_memory:
        sharpness /= 2
    return master, max(master, sharpness * renditions)


def needed(
    source: intake.Source, size: Size, *, crop: Box | None, spec: Spec, sharpness: float = 1.0
) -> int:
    """For an upload of this ``size``, as it is stored, at the most.

    ``sharpness``: with this share of the pixels that a chosen part can use.
    """
    way = upright.orientation(source.exif)
    whole = upright.size(size, way)
    crop = framing.within(crop, whole)
    master, renditions = framing.scales(whole, crop, spec)
    finest = max(master, sharpness * renditions)
    need, divisor = source.need(size, finest), source.divisor(finest)
    raster = _over(size, divisor)
    peaks: list[float] = [need.decoding]
    parts = [(raster, master * divisor)]
    if finest > master:
        shown = framing.selection(whole, crop, spec)[2:]
        parts.append((_over(upright.size(shown, way), divisor), finest * divisor))
    plain = PIXEL[source.mode]
    # While there are the decoded pixels, of the picture and of its detail.
    held = need.kept
    kept = []
    for part, scale in parts:
        as_it_is = part == raster and need.plain and 2 * scale > 1
        if not as_it_is:
            peaks.append(held + plain * _shrinking(part, scale, alpha=source.mode in ALPHA))
        kept.append(_kept(part, scale))
        held += 0 if as_it_is else plain * math.prod(kept[-1])
    pixels = [math.prod(one) for one in kept]
    peaks += _becoming_srgb(source, pixels, turned=way != 1)
    peaks += _encoding(source, kept, framing.selection(whole, crop, spec), whole, spec)
    return ALWAYS + math.ceil(max(peaks))


ALPHA = frozenset({"LA", "RGBA"})


def _over(size: Size, divisor: int) -> Size:
    return math.ceil(size[0] / divisor), math.ceil(size[1] / divisor)


def _kept(part: Size, scale: float) -> Size:
    return part if 2 * scale > 1 else framing.scaled(part, scale)


def _shrinking(part: Size, scale: float, *, alpha: bool) -> int:
    """Pixels: the picture at its new width and not yet at its new height, and what comes of it."""
    if 2 * scale > 1:
        return math.prod(part)
    width, height = framing.scaled(part, scale)
    tall = math.ceil(part[1] / rasters.reduction(part[1], height))
    return width * (tall + height * (1 + alpha)) + BANDS


def _becoming_srgb(source: intake.Source, pixels: list[int], *, turned: bool) -> list[float]:
    """One picture after the other, with all beside it."""
    more = CONVERT[source.mode] + COPY * bool(source.profile) + COPY * turned
    return [4 * sum(pixels) + more * one for one in pixels]


def _encoding(
    source: intake.Source, kept: Sequence[Size], shown: Box, whole: Size, spec: Spec
) -> list[float]:
    """The renditions, of which one at a time is in hand; and the master."""
    alpha = source.mode in ALPHA and spec.background is None
    held = 4 * sum(math.prod(one) for one in kept)
    flat = 4 if source.mode in ALPHA and not alpha else 0
    side = min(max(spec.sizes), max(shown[2:]))
    costs = max(ENCODE[format][alpha] for format in spec.formats)
    padded = 4 if spec.fit == "contain" else 0
    renditions = flat * math.prod(kept[-1]) + (SQUARES + padded + costs) * side * side
    width, height = framing.master_size(whole, spec)
    master = (
        flat * math.prod(kept[0]) + ENCODE["webp" if alpha else "jpeg"][alpha] * width * height
    )
    if {width, height} != set(kept[0]):
        # At its new width first, and then at its new height.
        master += 4 * width * (max(kept[0]) + height)
    return [held + renditions, held + master]
