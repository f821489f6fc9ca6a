"""Decoded pixels that are looked at in parts, so that there is never a second copy of them all."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Protocol

from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable

Size = tuple[int, int]
Part = tuple[int, int, int, int]
"""Left, top, right and bottom in px."""
Edges = tuple[float, float, float, float]
"""The same, where they may lie within a pixel."""

# Measured on photographs (see benchmarks/imaging.py): softer filters cost 4 to 15 dB on hair and
# leaves, and save 2 of about 90 ms.
FILTER = Image.Resampling.LANCZOS
# How many px of what is resized lie under the filter, on each side, for each px that results.
SUPPORT = 3
# A first step by a whole number, to no less than thrice the size: fast, and as good.
GAP = 3.0
# Pixels that are looked at together: few enough for a cache, enough to be worth a call.
BAND = 1 << 18


class Raster(Protocol):
    """Pixels of a decoded picture."""

    size: Size
    extent: Edges
    """Where the source lies in it, if not exactly: a quarter of 4031 px is 1007.75 px."""

    def part(self, part: Part) -> Image.Image:
        """In one of L, LA, RGB, RGBA and CMYK, 8 bits deep."""


class ImageRaster:
    """A picture of Pillow's; ``plain`` makes one of the modes above of any part of it."""

    def __init__(
        self,
        image: Image.Image,
        *,
        extent: Edges | None = None,
        plain: Callable[[Image.Image, Part], Image.Image] | None = None,
    ) -> None:
        self.size = image.size
        self.extent = extent or (0, 0, *image.size)
        self._image = image
        self._plain = plain

    def part(self, part: Part) -> Image.Image:
        cut = self._image if part == (0, 0, *self.size) else self._image.crop(part)
        return self._plain(cut, part) if self._plain else cut


class BytesRaster:
    """Rows of bytes as decoders hand them out, of which never a whole picture is made."""

    def __init__(self, data: bytes, size: Size, raw: str) -> None:
        self.size = size
        self.extent: Edges = (0, 0, *size)
        self._data = memoryview(data)
        self._raw = raw
        self._mode = raw.removesuffix("X")
        self._stride = size[0] * len(raw)

    def part(self, part: Part) -> Image.Image:
        left, top, right, bottom = part
        rows: Any = self._data[top * self._stride : bottom * self._stride]
        size = (self.size[0], bottom - top)
        image = Image.new(self._mode, size, None)
        image.frombytes(rows, "raw", self._raw, 0, 1)
        whole = (left, right) == (0, self.size[0])
        return image if whole else image.crop((left, 0, right, bottom - top))


def shrunk(raster: Raster, part: Edges, size: Size) -> Image.Image:
    """``part`` of a raster, resized to ``size``, to the bit as Pillow does it in one go."""
    left, top = math.floor(part[0]), math.floor(part[1])
    right, bottom = math.ceil(part[2]), math.ceil(part[3])
    across, down = reduction(part[2] - part[0], size[0]), reduction(part[3] - part[1], size[1])
    rows = max(1, BAND // (right - left) // down) * down
    tall: Image.Image = Image.new("L", (1, 1))
    mode = ""
    for upper in range(top, bottom, rows):
        lower = min(upper + rows, bottom)
        band, mode = _reduced(raster, (left, upper, right, lower), (across, down))
        # To its width at once, and to its height at last: as resize() does, and much smaller.
        edges: Edges = ((part[0] - left) / across, 0, (part[2] - left) / across, band.height)
        band = band.resize((size[0], band.height), FILTER, box=edges)
        if upper == top:
            tall = Image.new(band.mode, (size[0], -(-(bottom - top) // down)))
        tall.paste(band, (0, (upper - top) // down))
    edges = (0, (part[1] - top) / down, size[0], (part[3] - top) / down)
    small = tall.resize(size, FILTER, box=edges)
    return small if small.mode == mode else small.convert(mode)


def reduction(long: float, short: int) -> int:
    """The whole number by which ``long`` px may be divided on their way to ``short`` ones."""
    return max(1, int(long / short / GAP))


def _reduced(raster: Raster, part: Part, factors: Size) -> tuple[Image.Image, str]:
    """``part``, reduced, with alpha multiplied in; and the mode it had before that."""
    left, upper, right, lower = part
    columns = max(1, BAND // (lower - upper) // factors[0]) * factors[0]
    pieces = []
    mode = ""
    for start in range(left, right, columns):
        piece = raster.part((start, upper, min(start + columns, right), lower))
        mode = piece.mode
        if mode in {"LA", "RGBA"}:
            # Colours of invisible pixels must not bleed into visible ones.
            piece = piece.convert(mode[:-1] + "a")
        pieces.append(piece if factors == (1, 1) else piece.reduce(factors))
    return _joined(pieces), mode


def _joined(pieces: list[Image.Image]) -> Image.Image:
    """Side by side."""
    if len(pieces) == 1:
        return pieces[0]
    whole = Image.new(pieces[0].mode, (sum(piece.width for piece in pieces), pieces[0].height))
    at = 0
    for piece in pieces:
        whole.paste(piece, (at, 0))
        at += piece.width
    return whole
