"""What an upload takes in all, told from its header: its decode, and what becomes of it.

This follows ``imaging`` step by step: what one does in other steps, the other must count.
``benchmarks/sections/memory.py`` holds it against what processes really used. All in bytes.
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

from . import geometry, intake, orientation, rasters
from .memory import PIXEL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..names import Box
    from ..specs import Limits, Spec
    from .rasters import Size

MEGABYTE = 1024 * 1024
#: What is small, and the code of Pillow that the first upload of a process brings into memory; and
#: what single decoders and encoders bring. Measured on pictures of one pixel and of 60 rows.
ALWAYS = int(1.4 * MEGABYTE)
DECODER = {"JPEG": MEGABYTE // 10, "AVIF": int(1.3 * MEGABYTE)}
ENCODER = {"jpeg": MEGABYTE // 2, "avif": int(4.6 * MEGABYTE)}
#: What turns colours through a profile, and for each byte of that: a copy and its tables, which
#: become larger where they have entries of one byte, or of two, for many colours. Measured.
PROFILED, PROFILE = MEGABYTE // 2, 2
TABLES_IN_PROFILE = {b"mft1": 10, b"mAB ": 10, b"mft2": 6, b"mpet": 5}
#: For each pixel of a plain picture, while it becomes RGB or RGBA in sRGB. Where it goes through
#: a profile or is turned, there is one more of it.
CONVERT = {"RGB": 0, "L": 4, "CMYK": 4, "LA": 10, "RGBA": 10}
COPY = 4
#: What resizing takes beside its pixels: its code, and its filter's weights for each px of a side.
#: Measured.
RESIZED, WEIGHTS = MEGABYTE // 4, 48
#: For each pixel that is encoded: in RGB, and in RGBA. Measured on noise.
ENCODE = {"jpeg": (1, 1), "png": (6, 6), "webp": (7, 42), "avif": (34, 46)}
#: For each pixel around a contained picture, at the most, as all are the same.
EVEN = {"webp": 12}
#: Of WebP in RGBA: its tables, for each pixel up to so many bytes.
TABLES, ALL_TABLES = 1600, MEGABYTE
#: Of what was given back, the allocator may keep so much for a while. Measured.
LEFT = 8 * MEGABYTE
#: What the allocator leaves unused between blocks, from run to run. Measured.
SPREAD = 0.02
#: All squares together, each with at most a quarter of the next one's pixels.
SQUARES = 4 * 4 / 3


def affordable(
    source: intake.Source, crop: Box | None, spec: Spec, filename: str, limits: Limits
) -> tuple[float, float]:
    """The scales to decode at: for the master, and for the renditions.

    Raises ``TooMuchMemory`` where nothing is within the limit.
    """
    wanted = partial(needed, source, crop=crop, spec=spec)
    whole = orientation.size(source.size, source.orientation)
    master, renditions = geometry.scales(whole, crop, spec)
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
    way = source.orientation
    whole = orientation.size(size, way)
    crop = geometry.within(crop, whole)
    master, renditions = geometry.scales(whole, crop, spec)
    finest = max(master, sharpness * renditions)
    need, divisor = source.need(size, finest), source.divisor(finest)
    raster = _over(size, divisor)
    parts = [(raster, master * divisor)]
    if finest > master:
        shown = geometry.selection(whole, crop, spec)[2:]
        parts.append((_over(orientation.size(shown, way), divisor), finest * divisor))
    # While there are the decoded pixels: one part is cut from them after the other.
    most: float = max(need.decoding, need.kept)
    held, left = need.kept, 0.0
    copied = 0 if need.plain else need.kept / math.prod(raster)
    kept = [_kept(part, scale) for part, scale in parts]
    for (part, scale), size_kept in zip(parts, kept, strict=True):
        result = PIXEL[source.mode] * math.prod(size_kept)
        as_it_is = part == raster and 2 * scale > 1
        if as_it_is and need.plain:
            continue
        taken = result if as_it_is else _cutting(part, scale, source.mode, copied)
        most = max(most, held + left + taken)
        held += result
        # Half of the rest was still in use, or not given back, when the next was cut. Measured.
        left = min(LEFT, (taken - result) / 2)
    srgb = _becoming_srgb(source, [math.prod(one) for one in kept], turned=way != 1)
    upright_kept = [orientation.size(one, way) for one in kept]
    box = geometry.selection(whole, crop, spec)
    encoding = _encoding(source, upright_kept, box, whole, spec)
    smaller = geometry.master_size(whole, spec) != whole or min(spec.sizes) < max(box[2:])
    resizing = (RESIZED + WEIGHTS * max(map(sum, kept))) * smaller
    most = max(most, max(*srgb, max(encoding) + resizing) + _encoders(source, spec))
    always = ALWAYS + DECODER.get(source.format, 0) + len(source.profile or b"")
    return always + math.ceil((1 + SPREAD) * most)


ALPHA = frozenset({"LA", "RGBA"})


def _over(size: Size, divisor: int) -> Size:
    return math.ceil(size[0] / divisor), math.ceil(size[1] / divisor)


def _kept(part: Size, scale: float) -> Size:
    return part if 2 * scale > 1 else geometry.scaled(part, scale)


def _cutting(part: Size, scale: float, mode: str, copied: float) -> float:
    """A part of the raster, as it is or shrunk; ``copied``: of what it is cut from, a pixel."""
    plain, pixels = PIXEL[mode], math.prod(part)
    if 2 * scale > 1:
        return (plain + copied) * pixels
    width, height = geometry.scaled(part, scale)
    across, down = (rasters.reduction(*pair) for pair in zip(part, (width, height), strict=True))
    tall = math.ceil(part[1] / down)
    reduced = 1 / (across * down) if across * down > 1 else scale
    alpha = mode in ALPHA
    band = min(rasters.BAND, pixels) * (plain * (1 + alpha + reduced) + copied)
    # At the new width and not yet at the new height, and what comes of it.
    return plain * width * (tall + height * (1 + alpha)) + band


def _becoming_srgb(source: intake.Source, pixels: list[int], *, turned: bool) -> list[float]:
    """One picture after the other, with all beside it."""
    more = CONVERT[source.mode] + COPY * bool(source.profile) + COPY * turned
    profile = _of_profile(source.profile) if source.profile else 0
    peaks: list[float] = []
    left = 0
    for one in pixels:
        beside = 4 * (sum(pixels) - one) + left
        peaks.append(profile + beside + (PIXEL[source.mode] + more) * one)
        left = min(LEFT, more * one)
    return peaks


def _of_profile(profile: bytes) -> int:
    kinds = (each for kind, each in TABLES_IN_PROFILE.items() if kind in profile)
    return PROFILED + max(kinds, default=PROFILE) * len(profile)


def _encoders(source: intake.Source, spec: Spec) -> int:
    """Those of the renditions and of the master."""
    alpha = source.mode in ALPHA and spec.background is None
    return sum(ENCODER.get(one, 0) for one in {*spec.formats, "webp" if alpha else "jpeg"})


def _encoding(
    source: intake.Source, kept: Sequence[Size], shown: Box, whole: Size, spec: Spec
) -> list[float]:
    """The renditions, of which one at a time is in hand; and the master."""
    alpha = source.mode in ALPHA and spec.background is None
    flat = 4 if source.mode in ALPHA and not alpha else 0
    held = 4 * sum(math.prod(one) for one in kept)
    long = max(shown[2:])
    side = min(max(spec.sizes), long)
    cut = (math.ceil(shown[2] * side / long), math.ceil(shown[3] * side / long))
    around = side * side - math.prod(cut)
    # What is around it is transparent, or of one colour.
    seen_through = alpha or (around > 0 and spec.background is None)
    cost = max(_encode(one, math.prod(cut), around, alpha=seen_through) for one in spec.formats)
    squares = (SQUARES + 4 * (around > 0)) * side * side
    # What is shown, in pixels of what it is cut from.
    tall = kept[-1][1] if len(kept) > 1 else math.ceil(shown[3] * kept[0][1] / whole[1])
    strip = _resizing(cut, tall)
    size = geometry.master_size(whole, spec)
    renditions = held + flat * math.prod(kept[-1]) + strip + squares + cost
    held += flat * math.prod(kept[0])
    master = _encode("webp" if alpha else "jpeg", math.prod(size), 0, alpha=alpha)
    if size == kept[0]:
        return [renditions, held + master]
    held += 4 * math.prod(size)
    return [
        renditions,
        held + _resizing(size, kept[0][1]) + min(LEFT, max(strip, cost)),
        held + master,
    ]


def _encode(format: str, pixels: int, around: int, *, alpha: bool) -> int:
    """``around``: pixels that are all the same."""
    tables = min(ALL_TABLES, TABLES * pixels) if format == "webp" and alpha else 0
    each = ENCODE[format][alpha]
    return each * pixels + min(each, EVEN.get(format, each)) * around + tables


def _resizing(size: Size, tall: int) -> int:
    """At its new width, and not yet at its new height."""
    return 4 * size[0] * tall if tall != size[1] else 0
