"""How much memory a decode takes, told from the header.

Each factor says where it comes from; ``benchmarks/sections/memory.py`` holds all of them against
what processes really used. Everything is in bytes.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

Size = tuple[int, int]

#: Pillow gives each pixel of more than one channel four bytes.
PIXEL = {"1": 1, "L": 1, "P": 1, "I;16": 2, "LA": 4, "RGB": 4, "RGBA": 4, "CMYK": 4}

#: libjpeg: a block has 64 coefficients of two bytes.
BLOCK_SIDE, BLOCK = 8, 128


def jpeg(
    size: Size, divisor: int, *, mode: str, sampling: Sequence[tuple[int, int]], held: bool
) -> int:
    """``held``: progressive, or in several scans; then all coefficients wait for the last one."""
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
    return pixels + rows + coefficients


def png(size: Size, *, mode: str, bits: int, twice: bool) -> int:
    """``bits``: of a pixel in the file; ``twice``: its low bytes are looked at, too."""
    width, height = size
    # The image, and two rows as they are in the file: this and the one before.
    return width * height * PIXEL[mode] * (1 + twice) + 2 * (1 + width * bits // 8)


def gif(size: Size) -> int:
    """One byte for a pixel: its place in the palette."""
    return size[0] * size[1]


def webp(size: Size, *, file: int, lossless: bool) -> int:
    """Two RGBA canvases of libwebp's WebPAnimDecoder, and the bytes that Pillow copies from one.

    Lossless, there is another one while it is decoded, before that copy is made, and its indices.
    """
    return size[0] * size[1] * (14 if lossless else 12) + 3 * file


#: dav1d: what it notes of each pixel's block for the filters that come last.
AV1 = 0.6
ALPHA_CHANNELS = 4


def avif(size: Size, *, file: int, planes: float, raw: str) -> int:
    """The planes, RGB or RGBA of them, and the copy of that which Pillow makes."""
    channels = len(raw)
    alpha = planes / 3 if channels == ALPHA_CHANNELS else 0
    return int(size[0] * size[1] * (planes + alpha + 2 * channels + AV1)) + 2 * file


# --- what becomes of it ---------------------------------------------------------------------

#: Pixels in bands of ``rasters``, and in what the allocator keeps between two of them.
BANDS = 13 * 1024 * 1024 // 4
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
        return BANDS // 2
    width = math.ceil(raster[0] * scale)
    reduced = math.ceil(raster[1] / max(1, int(1 / scale / 3)))
    rows = reduced + math.ceil(raster[1] * scale)
    # Little is kept where little results.
    bands = min(BANDS, BANDS // 3 + width * reduced)
    return PIXEL[mode] * (width * rows + bands)


def finish(raster: Size, scale: float, master: Size, *, mode: str, profile: bool) -> int:
    """From the shrunk picture to all files."""
    kept = 1.0 if 2 * scale > 1 else scale
    width, height = math.ceil(raster[0] * kept), math.ceil(raster[1] * kept)
    pixels = width * height
    convert = pixels * (CONVERT[mode] + PROFILE * profile)
    encode = pixels * 4 + min(ENCODE, ENCODE_PIXEL * pixels)
    if (width, height) != master:
        # At its new width first, and then at its new height.
        encode += 4 * master[0] * (height + master[1])
    if mode in {"LA", "RGBA"}:
        encode += ENCODE_ALPHA * master[0] * master[1]
    return max(convert, encode) + ALWAYS
