"""Decoded pixels, and resizing them band by band, so that there is never a second copy of all."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Protocol

from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable

    from .geometry import Edges, Part, Size

#: Measured on photographs (benchmarks/uploads/imaging.py): softer filters lose 4 to 15 dB on hair
#: and leaves, and save 2 of about 90 ms.
FILTER = Image.Resampling.LANCZOS
#: Source px that the filter reads on each side, for each px of the result.
SUPPORT = 3
#: Before the filter, whole numbers of px are averaged, down to no less than 1.5 times the size of
#: the result. That takes a third of the time, and no difference is visible.
GAP = 1.5
#: Pixels that are handled at a time: few enough for a cache, and enough to be worth a call.
BAND = 1 << 18


#: Pixels stay as they were decoded unless they are to become fewer than one in so many across.
#: Renditions are better when they are cut straight from them, but that takes longer for each.
STAYS = 1.4


def stays(scale: float) -> bool:
    """Whether what is to be cut at ``scale`` is better left as it is."""
    return scale * STAYS > 1


class Raster(Protocol):
    """The pixels of a decoded picture."""

    size: Size
    extent: Edges
    """Where the source lies in it: a quarter of 4031 px is 1007.75 px."""

    def part(self, part: Part) -> Image.Image:
        """Some of them, in L, LA, RGB, RGBA or CMYK of 8 bits."""


class ImageRaster:
    """The pixels of an image of Pillow's."""

    def __init__(
        self,
        image: Image.Image,
        *,
        extent: Edges | None = None,
        convert: Callable[[Image.Image, Part], Image.Image] | None = None,
    ) -> None:
        """``convert`` is given any part of ``image``, and returns it in one of the modes above."""
        self.size = image.size
        self.extent = extent or (0, 0, *image.size)
        self._image = image
        self._convert = convert

    def part(self, part: Part) -> Image.Image:
        cut = self._image if part == (0, 0, *self.size) else self._image.crop(part)
        return self._convert(cut, part) if self._convert else cut


class BytesRaster:
    """Rows of bytes as a decoder returns them. No image of all of them is ever made."""

    def __init__(self, data: bytes, size: Size, raw_mode: str) -> None:
        """``raw_mode``: a letter for each byte of a pixel, where an X is ignored."""
        self.size = size
        self.extent: Edges = (0, 0, *size)
        self._data = memoryview(data)
        self._raw_mode = raw_mode
        self._stride = size[0] * len(raw_mode)

    def part(self, part: Part) -> Image.Image:
        left, top, right, bottom = part
        image = Image.new(self._raw_mode.removesuffix("X"), (right - left, bottom - top), None)
        start = top * self._stride + left * len(self._raw_mode)
        rows: Any = self._data[start : bottom * self._stride]
        # The stride leads from a row to the next one, also where only some columns are wanted.
        image.frombytes(rows, "raw", self._raw_mode, self._stride, 1)
        return image


def shrunk(raster: Raster, part: Edges, size: Size) -> Image.Image:
    """``part`` of a raster, resized to ``size``. Equals, to the bit, one ``resize()`` of all."""
    left, top = math.floor(part[0]), math.floor(part[1])
    right, bottom = math.ceil(part[2]), math.ceil(part[3])
    across, down = reduction(part[2] - part[0], size[0]), reduction(part[3] - part[1], size[1])
    rows = max(1, BAND // (right - left) // down) * down
    tall: Image.Image = Image.new("L", (1, 1))
    mode = ""
    for upper in range(top, bottom, rows):
        lower = min(upper + rows, bottom)
        band, mode = _reduced(raster, (left, upper, right, lower), (across, down))
        # To its width at once and to its height at the end, which is what resize() does.
        edges: Edges = ((part[0] - left) / across, 0, (part[2] - left) / across, band.height)
        band = band.resize((size[0], band.height), FILTER, box=edges)
        if upper == top:
            tall = Image.new(band.mode, (size[0], -(-(bottom - top) // down)))
        tall.paste(band, (0, (upper - top) // down))
    edges = (0, (part[1] - top) / down, size[0], (part[3] - top) / down)
    small = tall.resize(size, FILTER, box=edges)
    return small if small.mode == mode else small.convert(mode)


def reduction(long: float, short: int) -> int:
    """The whole number by which ``long`` px are divided before the filter makes ``short`` ones."""
    return max(1, int(long / short / GAP))


def _reduced(raster: Raster, part: Part, factors: Size) -> tuple[Image.Image, str]:
    """``part`` divided by ``factors``, with colours multiplied by alpha; and its mode before."""
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
    return _side_by_side(pieces), mode


def _side_by_side(pieces: list[Image.Image]) -> Image.Image:
    if len(pieces) == 1:
        return pieces[0]
    whole = Image.new(pieces[0].mode, (sum(piece.width for piece in pieces), pieces[0].height))
    at = 0
    for piece in pieces:
        whole.paste(piece, (at, 0))
        at += piece.width
    return whole
