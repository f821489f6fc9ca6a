"""The memory that an upload takes, estimated from its header: decoded, converted, cut and encoded.

It follows ``imaging`` step by step: what one does in other steps, the other has to count.
Everything is in bytes. ``benchmarks/sections/memory.py`` compares it with what processes used: 1
to 1.4 times that.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ..formats import ALPHA_MASTER, OPAQUE_MASTER, rendition_encoders
from . import geometry, rasters
from .cuts import cuts_of
from .decoders.base import PIXEL
from .orientation import upright_size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..formats import Encoder
    from ..names import Box
    from ..specs import Spec
    from .decoders.base import Decoder
    from .geometry import Size

MEGABYTE = 1024 * 1024
#: The code of Pillow that the first upload of a process loads, and what else does not depend on
#: its size. Measured on pictures of one pixel and of 60 rows.
BASE = int(1.5 * MEGABYTE)
#: To convert colours through a profile, and more of it where there are four inks, for a table of
#: their mixtures; and for each byte of the profile, a copy and its tables. These become larger
#: where it has tables for many colours, of one byte or of two. Measured.
PROFILED, INKS, PROFILE = MEGABYTE, MEGABYTE // 4, 2
TABLES_IN_PROFILE = {b"mft1": 10, b"mAB ": 10, b"mft2": 6, b"mpet": 5}
#: For each pixel while it becomes RGB or RGBA in sRGB; and once more for a profile, or a turn.
CONVERT = {"RGB": 0, "L": 4, "CMYK": 4, "LA": 10, "RGBA": 10}
COPY = 4
#: The code that resizes, and the weights of its filter for each px of both sides. Measured.
RESIZED, WEIGHTS = MEGABYTE // 4, 48
#: At most, what the allocator keeps for a while of memory that was freed. Measured.
LEFT = 8 * MEGABYTE
#: What the allocator leaves unused between blocks, which differs from run to run. Measured.
SPREAD = 0.02
#: For each pixel of the largest square, all squares: each has at most a quarter of the next one's.
SQUARES = 4 * 4 / 3
ALPHA = frozenset({"LA", "RGBA"})


def needed(
    source: Decoder, size: Size, *, crop: Box | None, spec: Spec, sharpness: float = 1.0
) -> int:
    """At most, for an upload of this ``size`` as it is stored.

    ``sharpness``: at which share of the scale that a chosen part can use, from 0 to 1.
    """
    orientation = source.orientation
    whole = upright_size(size, orientation)
    crop = geometry.clipped(crop, whole)
    cuts = cuts_of(source, size, crop, spec, sharpness)
    raster = cuts.raster
    need = source.need(size, cuts.finest)
    box = geometry.selection(whole, crop, spec)
    # While there are the decoded pixels: one part is cut from them after the other.
    most: float = max(need.peak, need.kept)
    held, left = need.kept, 0.0
    copied = 0 if need.direct else need.kept / math.prod(raster)
    kept = [
        part if rasters.stays(scale) else geometry.scaled(part, scale)
        for part, scale in cuts.scales
    ]
    for (part, scale), size_kept in zip(cuts.scales, kept, strict=True):
        result = PIXEL[source.mode] * math.prod(size_kept)
        unchanged = part == raster and rasters.stays(scale)
        if unchanged and need.direct:
            continue
        taken = result if unchanged else _cutting(part, scale, source.mode, copied)
        most = max(most, held + left + taken)
        held += result
        # Half of the rest was still in use, or not given back, when the next was cut. Measured.
        left = min(LEFT, (taken - result) / 2)
    converting = _converting(source, [math.prod(one) for one in kept])
    alpha = source.mode in ALPHA and spec.background is None
    upright = [upright_size(one, orientation) for one in kept]
    encoding = _encoding(source.mode, upright, box, whole, spec, alpha=alpha)
    if geometry.master_size(whole, spec) != whole or min(spec.sizes) < max(box[2:]):
        encoding += RESIZED + WEIGHTS * max(map(sum, kept))
    encoders = rendition_encoders()
    used = {*spec.formats, ALPHA_MASTER if alpha else OPAQUE_MASTER}
    most = max(most, max(converting, encoding) + sum(encoders[one].base_memory for one in used))
    always = BASE + source.base_memory
    if source.profile:
        # What is built for it may be kept for the next upload of the same profile.
        always += len(source.profile) + PROFILED + INKS * (source.mode == "CMYK")
    return always + math.ceil((1 + SPREAD) * most)


def _cutting(part: Size, scale: float, mode: str, copied: float) -> float:
    """A part of the raster, as it is or shrunk. ``copied``: for each pixel that it is cut from."""
    pixel, pixels = PIXEL[mode], math.prod(part)
    if rasters.stays(scale):
        return (pixel + copied) * pixels
    width, height = geometry.scaled(part, scale)
    across, down = (rasters.reduction(*pair) for pair in zip(part, (width, height), strict=True))
    tall = math.ceil(part[1] / down)
    reduced = 1 / (across * down) if across * down > 1 else scale
    alpha = mode in ALPHA
    band = min(rasters.BAND, pixels) * (pixel * (1 + alpha + reduced) + copied)
    # At the new width but not yet at the new height, and the result.
    return pixel * width * (tall + height * (1 + alpha)) + band


def _converting(source: Decoder, pixels: list[int]) -> float:
    """To sRGB, and upright: one picture of ``pixels`` after the other, and all beside it."""
    profile = 0
    if source.profile:
        kinds = (each for kind, each in TABLES_IN_PROFILE.items() if kind in source.profile)
        profile = max(kinds, default=PROFILE) * len(source.profile)
    more = CONVERT[source.mode] + COPY * bool(source.profile) + COPY * (source.orientation != 1)
    peaks = []
    left = 0
    for one in pixels:
        beside = 4 * (sum(pixels) - one) + left
        peaks.append(profile + beside + (PIXEL[source.mode] + more) * one)
        left = min(LEFT, more * one)
    return max(peaks)


def _encoding(
    mode: str, kept: Sequence[Size], shown: Box, whole: Size, spec: Spec, *, alpha: bool
) -> float:
    """The renditions, of which one at a time is encoded; then the master.

    ``kept``: the pictures to cut them from: one, or another one for the renditions.
    """
    encoders = rendition_encoders()
    flat = 4 if mode in ALPHA and not alpha else 0
    held = 4 * sum(math.prod(one) for one in kept)
    long = max(shown[2:])
    side = min(max(spec.sizes), long)
    cut = (math.ceil(shown[2] * side / long), math.ceil(shown[3] * side / long))
    margin = side * side - math.prod(cut)
    # The margin is transparent, or of one colour.
    transparent = alpha or (margin > 0 and spec.background is None)
    cost = max(
        _encode(encoders[one], math.prod(cut), margin, alpha=transparent) for one in spec.formats
    )
    squares = (SQUARES + 4 * (margin > 0)) * side * side
    # How high what is shown is, in px of the picture that it is cut from.
    tall = kept[-1][1] if len(kept) > 1 else math.ceil(shown[3] * kept[0][1] / whole[1])
    strip = _resizing(cut, tall)
    size = geometry.master_size(whole, spec)
    renditions = held + flat * math.prod(kept[-1]) + strip + squares + cost
    held += flat * math.prod(kept[0])
    encoder = encoders[ALPHA_MASTER if alpha else OPAQUE_MASTER]
    master = _encode(encoder, math.prod(size), 0, alpha=alpha)
    if size == kept[0]:
        return max(renditions, held + master)
    held += 4 * math.prod(size)
    resizing = _resizing(size, kept[0][1]) + min(LEFT, max(strip, cost))
    return max(renditions, held + resizing, held + master)


def _encode(encoder: Encoder, pixels: int, margin: int, *, alpha: bool) -> int:
    """A picture of so many pixels, and of so many that are all the same."""
    each = encoder.pixel_memory[alpha]
    even = each if encoder.padding_memory is None else min(each, encoder.padding_memory)
    table, all_tables = encoder.alpha_tables if alpha else (0, 0)
    return each * pixels + even * margin + min(all_tables, table * pixels)


def _resizing(size: Size, tall: int) -> int:
    """At its new width, and not yet at its new height."""
    return 4 * size[0] * tall if tall != size[1] else 0
