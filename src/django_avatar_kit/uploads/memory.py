"""How much memory a decode takes, told from the header.

Each factor says where it comes from; ``benchmarks/sections/memory.py`` holds all of them against
what processes really used. Everything is in bytes.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

Size = tuple[int, int]


class Need(NamedTuple):
    """Of a decode, in bytes."""

    decoding: int
    """At most, while it goes on."""
    kept: int
    """When it is done."""
    plain: bool = True
    """Whether its pixels are used as they are, and not a copy of them in another mode."""


#: Pillow gives each pixel of more than one channel four bytes.
PIXEL = {"1": 1, "L": 1, "P": 1, "I;16": 2, "LA": 4, "RGB": 4, "RGBA": 4, "CMYK": 4}

#: Pillow notes where each row begins.
ROW = 8

#: The head of a JPEG, as it is read and as it is handed to the decoder; and segment by segment,
#: of which there may be many.
HEADS = 2.5

#: A file that is searched for what it lacks, read block by block.
SEARCHED = 9 / 8

#: A file that is taken apart: itself, its parts, and these joined; and a piece of it as text.
COPIES, PIECE = 3, 4 * 1024 * 1024

#: libjpeg: a block has 64 coefficients of two bytes.
BLOCK_SIDE, BLOCK = 8, 128
#: Rows of blocks on their way, for each px of width: eight rows, those above and below that they
#: are smoothed with, and where there are fewer samples, those in between. Measured: 10 to 14.
ROWS = 14


def jpeg(
    size: Size,
    divisor: int,
    *,
    mode: str,
    sampling: Sequence[tuple[int, int]],
    held: bool,
    head: int,
    file: int = 0,
    split: bool = False,
) -> Need:
    """``held``: progressive, or in several scans; then all coefficients wait for the last one.

    ``head``: bytes that are kept of what comes before the first scan. ``file``: of all, where all
    of it is looked at; ``split``: and the components are decoded one after the other.
    """
    width, height = size
    most_across = max((across for across, _down in sampling), default=1) or 1
    most_down = max((down for _across, down in sampling), default=1) or 1
    # An image of the drafted size, and some rows of each component.
    pixels = math.ceil(width / divisor) * math.ceil(height / divisor) * PIXEL[mode]
    samples = sum(across * down for across, down in sampling) / most_across
    rows = math.ceil(ROWS * width * samples / divisor)
    coefficients = 0
    if held:
        # Each component in whole units of as many blocks as its sampling says.
        across_units = math.ceil(width / (BLOCK_SIDE * most_across))
        down_units = math.ceil(height / (BLOCK_SIDE * most_down))
        blocks = sum(across * down for across, down in sampling)
        coefficients = across_units * down_units * blocks * BLOCK
    read = int(HEADS * head)
    if not split:
        decoding = read + pixels + rows + coefficients
        return Need(decoding + int(SEARCHED * file), read + pixels + rows)
    # Planes gather while there are the coefficients of one, and become the image.
    planes = math.ceil(width / divisor) * math.ceil(height / divisor) * len(sampling)
    decoding = planes + pixels + (rows + coefficients) // len(sampling)
    return Need(read + decoding + COPIES * file + PIECE, read + planes + pixels)


#: A list that grows, and what it has outgrown.
LISTS = 2


def png(
    size: Size, *, mode: str, bits: int, plain: bool, twice: bool, unpacking: int, listed: int
) -> Need:
    """``bits``: of a pixel in the file; ``twice``: its low bytes are looked at, too.

    ``unpacking``: bytes that its profile takes beside itself; ``listed``: where its chunks are.
    """
    width, height = size
    pixels = height * (width * PIXEL[mode] + ROW) * (1 + twice)
    # Two rows as they are in the file: this and the one before.
    decoding = pixels + 2 * (1 + width * bits // 8)
    return Need(LISTS * listed + max(decoding, unpacking), LISTS * listed + pixels, plain)


def gif(size: Size) -> Need:
    """One byte for a pixel: its place in the palette."""
    return Need(size[0] * size[1], size[0] * size[1], plain=False)


def webp(size: Size, *, file: int) -> Need:
    """Two RGBA canvases of libwebp's WebPAnimDecoder, and the bytes that Pillow copies from one.

    Lossless, there is a third one until that copy is made. A tenth is for what is fitted.
    """
    pixels = size[0] * size[1]
    return Need(int(12.1 * pixels) + 3 * file, 4 * pixels + 2 * file, plain=False)


#: dav1d: what it notes of each pixel's block for the filters that come last, and of each of its
#: samples. Fitted. Its rows are whole blocks of so many px.
AV1_WIDTH = 128
AV1_PIXEL, AV1_SAMPLE = 0.5, 0.13
ALPHA_CHANNELS = 4
#: Of one more decoder, with its threads. Measured.
AV1_DECODER = 750_000
#: What libavif notes of each picture of an animation. Measured.
AVIF_FRAME = 120


def avif(
    size: Size,
    *,
    coded: Size,
    file: int,
    frames: int,
    decoders: int,
    beside: int,
    samples: tuple[float, float],
    deep: bool,
    grain: bool,
    raw: str,
) -> Need:
    """The planes, RGB or RGBA of them, and the copy of that which Pillow makes.

    ``coded``: of the planes, which may be larger than what is shown; ``beside``: pixels of further
    ones that are kept beside them. ``samples``: of a pixel's colours, and of its alpha; ``deep``:
    of two bytes each; ``grain``: of which it makes two pictures; ``decoders``: one for each tile,
    where they cannot share one, which keep their planes until the last is done.
    """
    channels, pixels = len(raw), size[0] * size[1]
    decoded = math.ceil(coded[0] / AV1_WIDTH) * AV1_WIDTH * coded[1]
    has_alpha = channels == ALPHA_CHANNELS
    planes = samples[0] + samples[1] * has_alpha
    notes = planes * AV1_SAMPLE + AV1_PIXEL * (1 + has_alpha)
    # Alpha once more, where libavif spreads its values over the full range.
    pictures = (planes * (1 + grain + (decoders > 1)) + has_alpha) * (1 + deep)
    kept = beside * (samples[0] * (1 + deep) + AV1_PIXEL)
    decoding = int(decoded * (pictures + notes) + kept + pixels * 2 * channels)
    read = 2 * file + AVIF_FRAME * frames + AV1_DECODER * (decoders - 1)
    return Need(decoding + read, channels * pixels, plain=False)
