"""How much memory a decode takes, told from the header.

Each factor says where it comes from; ``benchmarks/sections/memory.py`` holds all of them against
what processes really used. Everything is in bytes.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from . import rasters

if TYPE_CHECKING:
    from collections.abc import Sequence

Size = tuple[int, int]


class Need(NamedTuple):
    """Of a decode, in bytes."""

    decoding: int
    """At most, while it goes on."""
    kept: int
    """When it is done."""


#: Pillow gives each pixel of more than one channel four bytes.
PIXEL = {"1": 1, "L": 1, "P": 1, "I;16": 2, "LA": 4, "RGB": 4, "RGBA": 4, "CMYK": 4}

#: A file that is taken apart: itself, its parts, and these joined; and a piece of it as text.
COPIES, PIECE = 3, 4 * 1024 * 1024

#: libjpeg: a block has 64 coefficients of two bytes.
BLOCK_SIDE, BLOCK = 8, 128


def jpeg(
    size: Size,
    divisor: int,
    *,
    mode: str,
    sampling: Sequence[tuple[int, int]],
    held: bool,
    split: int = 0,
) -> Need:
    """``held``: progressive, or in several scans; then all coefficients wait for the last one.

    ``split``: length of a file whose components are decoded one after the other.
    """
    width, height = size
    most_across = max((across for across, _down in sampling), default=1) or 1
    most_down = max((down for _across, down in sampling), default=1) or 1
    # An image of the drafted size, and some rows of each component on their way.
    pixels = math.ceil(width / divisor) * math.ceil(height / divisor) * PIXEL[mode]
    rows = 4 * width * BLOCK_SIDE * len(sampling) * most_down // divisor
    coefficients = 0
    if held:
        # Each component in whole units of as many blocks as its sampling says.
        across_units = math.ceil(width / (BLOCK_SIDE * most_across))
        down_units = math.ceil(height / (BLOCK_SIDE * most_down))
        blocks = sum(across * down for across, down in sampling)
        coefficients = across_units * down_units * blocks * BLOCK
    if not split:
        return Need(pixels + rows + coefficients, pixels)
    # First it is taken apart. Then planes gather while there are the coefficients of one, and
    # become the image.
    planes = math.ceil(width / divisor) * math.ceil(height / divisor) * len(sampling)
    decoding = planes + pixels + (rows + coefficients) // len(sampling) + 2 * split
    return Need(max(decoding, COPIES * split + PIECE), planes + pixels)


def png(size: Size, *, mode: str, bits: int, twice: bool) -> Need:
    """``bits``: of a pixel in the file; ``twice``: its low bytes are looked at, too."""
    width, height = size
    pixels = width * height * PIXEL[mode] * (1 + twice)
    # Two rows as they are in the file: this and the one before.
    return Need(pixels + 2 * (1 + width * bits // 8), pixels)


def gif(size: Size) -> Need:
    """One byte for a pixel: its place in the palette."""
    return Need(size[0] * size[1], size[0] * size[1])


def webp(size: Size, *, file: int) -> Need:
    """Two RGBA canvases of libwebp's WebPAnimDecoder, and the bytes that Pillow copies from one.

    Lossless, there is a third one until that copy is made.
    """
    pixels = size[0] * size[1]
    return Need(12 * pixels + 3 * file, 4 * pixels + 2 * file)


#: dav1d: what it notes of each pixel's block for the filters that come last, and of each of its
#: samples. Fitted.
AV1_PIXEL, AV1_SAMPLE = 0.5, 0.13
ALPHA_CHANNELS = 4


def avif(size: Size, *, file: int, samples: float, deep: bool, raw: str) -> Need:
    """The planes, RGB or RGBA of them, and the copy of that which Pillow makes.

    ``samples``: of a pixel's colours; ``deep``: of two bytes each.
    """
    channels, pixels = len(raw), size[0] * size[1]
    planes = samples + (channels == ALPHA_CHANNELS)
    notes = planes * AV1_SAMPLE + AV1_PIXEL * (2 if channels == ALPHA_CHANNELS else 1)
    decoding = int(pixels * (planes * (1 + deep) + notes + 2 * channels))
    return Need(decoding + 2 * file, channels * pixels + 2 * file)


# --- what becomes of it ---------------------------------------------------------------------

#: Pixels in bands of ``rasters``: as they are, reduced, and at their new width.
BANDS = 4 * rasters.BAND
#: Encoding the renditions, of which one at a time is in hand; and what is small and always there.
ENCODE, ENCODE_PIXEL, ALWAYS = 9 * 1024 * 1024 // 4, 8, 3 * 1024 * 1024 // 4
#: Bytes a pixel, from a plain picture of this mode to RGB or RGBA in sRGB; a profile takes 4 more.
CONVERT = {"RGB": 4, "L": 5, "CMYK": 8, "LA": 14, "RGBA": 14}
PROFILE = 4
#: Bytes a pixel of a WebP with alpha, while it is encoded.
ENCODE_ALPHA = 33


def shrink(raster: Size, scale: float, *, mode: str) -> int:
    """The picture at its new width and not yet at its new height, and what comes of it."""
    if 2 * scale > 1:
        # Kept as it is, once it is plain.
        return PIXEL[mode] * raster[0] * raster[1]
    width, height = (math.ceil(side * scale) for side in raster)
    tall = math.ceil(raster[1] / rasters.reduction(raster[1], height))
    rows = tall + height * (1 + (mode in {"LA", "RGBA"}))
    return PIXEL[mode] * (width * rows + BANDS)


def finish(
    raster: Size, scale: float, master: Size, *, mode: str, profile: bool, flat: bool
) -> int:
    """From the shrunk picture to all files. ``flat``: with something put under its alpha."""
    kept = 1.0 if 2 * scale > 1 else scale
    width, height = math.ceil(raster[0] * kept), math.ceil(raster[1] * kept)
    pixels = width * height
    convert = pixels * (CONVERT[mode] + PROFILE * profile)
    encode = pixels * 4 + min(ENCODE, ENCODE_PIXEL * pixels)
    if (width, height) != master:
        # At its new width first, and then at its new height.
        encode += 4 * master[0] * (height + master[1])
    if mode in {"LA", "RGBA"} and not flat:
        encode += ENCODE_ALPHA * master[0] * master[1]
    return max(convert, encode)
