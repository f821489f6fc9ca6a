"""HEIF, as telephones store photos: boxes and streams are read here, pixels by pillow-heif.

libheif never sees the file, but small files of one tile each, which are made here.
"""

from __future__ import annotations

import math
from typing import IO, TYPE_CHECKING

from PIL import Image

from .. import colour_spaces
from .base import Decoder, Need
from .heif_boxes import Boxes
from .heif_tiles import Tiles, pillow_heif

if TYPE_CHECKING:
    from ..geometry import Edges, Part, Size
    from ..rasters import Raster
    from .heif_boxes import Layer

#: Bytes for each pixel, where colours and alpha of a part are put together; and where colours were
#: multiplied by alpha.
MERGED, DIVIDED = 1, 12
#: Px that may be stored for one that is shown. And px in any case: the smallest picture takes a
#: block of 64 × 64 px.
MOST_STORED, ANY_CASE = 8, 1_000_000


class Heif(Decoder):
    """A HEIF in HEVC. Of several pictures, the primary one.

    Its boxes tell the orientation, and its EXIF does not count: an iPhone writes both.
    """

    # pillow-heif and libheif, which the first upload loads. Measured.
    base_memory = int(6.5 * 1024 * 1024)
    # Enough for the largest photos of telephones, of 48 megapixels.
    patience = 7

    def __init__(self, file: IO[bytes]) -> None:
        pillow_heif()
        file.seek(0)
        data = file.read()
        boxes = Boxes(memoryview(data))
        self._length = len(data) + boxes.copied
        self._colours = Tiles(boxes.colours)
        self._alpha = Tiles(boxes.alpha) if boxes.alpha else None
        self._premultiplied = boxes.premultiplied
        self._shown = _shown(boxes.colours, self._colours.size)
        self.size = self._shown[2] - self._shown[0], self._shown[3] - self._shown[1]
        self._refuse_hidden_pixels()
        self.mode = self._colours.mode + "A" * (self._alpha is not None)
        self.orientation = boxes.colours.orientation
        self.profile = boxes.colours.profile or _told_profile(boxes.colours.colours)

    def _refuse_hidden_pixels(self) -> None:
        stored = math.prod(self._colours.size)
        if stored > MOST_STORED * math.prod(self.size) + ANY_CASE:
            raise SyntaxError("a HEIF of far more pixels than it shows")
        if self._alpha and math.prod(self._alpha.size) > stored:
            raise SyntaxError("a HEIF with more alpha than colours")

    def need(self, size: Size, scale: float) -> Need:
        # All that is stored, of which a part may be shown.
        stored = _scaled(self._colours.size, size, self.size)
        decoding, tiles = self._colours.memory(stored)
        pixels = math.prod(stored)
        alpha = before = left = 0
        if self._alpha:
            alpha = pixels
            left, kept = self._alpha.memory(_scaled(self._alpha.size, size, self.size))
            # Put together in one picture, and that brought to the size of the colours.
            before = left + kept + 2 * pixels
            if 2 * scale > 1:
                alpha += (DIVIDED if self._premultiplied else MERGED) * pixels
        held = self._length + alpha + tiles
        if self._colours.in_parts:
            # Tiles are decoded while parts of the picture are cut from others. What their streams
            # took on the way leaves gaps, which are about as large as the file. Measured.
            held += decoding + self._length
        # What decoding the alpha took, the allocator gives back too late. Measured.
        peak = max(before, alpha + left + decoding)
        return Need(max(held, self._length + peak), held, direct=False)

    def work(self, size: Size, _scale: float) -> float:
        layers = [self._colours, self._alpha] if self._alpha else [self._colours]
        # What renditions show is decoded again, if it is a small part of tiles: a third of all.
        again = 4 / 3 if self._colours.in_parts else 1
        total = again * sum(layer.work for layer in layers)
        return total * math.prod(size) / math.prod(self.size)

    def decode(self, _scale: float) -> Raster:
        alpha = None
        if self._alpha:
            alpha = self._alpha.part((0, 0, *self._alpha.size))
            alpha = alpha if alpha.mode == "L" else alpha.convert("L")
            # Frees its tiles.
            self._alpha = None
            if alpha.size != self._colours.size:
                alpha = alpha.resize(self._colours.size, Image.Resampling.BILINEAR)
        if not self._colours.in_parts:
            self._colours.part((0, 0, 1, 1))
        return HeifRaster(self._colours, self._shown, alpha, premultiplied=self._premultiplied)


def _told_profile(numbers: bytes) -> bytes | None:
    """Of a colour space in numbers; None where it is sRGB, or unknown."""
    primaries, transfer = (int.from_bytes(numbers[at : at + 2], "big") for at in (0, 2))
    return colour_spaces.of_code_points(primaries, transfer) or None


def _scaled(size: Size, wanted: Size, whole: Size) -> Size:
    """``size``, if ``whole`` had the ``wanted`` size."""
    return (
        max(1, math.ceil(size[0] * wanted[0] / whole[0])),
        max(1, math.ceil(size[1] * wanted[1] / whole[1])),
    )


class HeifRaster:
    """What is shown of tiles, with its alpha."""

    def __init__(
        self, tiles: Tiles, shown: Part, alpha: Image.Image | None, *, premultiplied: bool
    ) -> None:
        self.size = shown[2] - shown[0], shown[3] - shown[1]
        self.extent: Edges = (0, 0, *self.size)
        self._tiles, self._start, self._alpha = tiles, shown[:2], alpha
        self._premultiplied = premultiplied

    def part(self, part: Part) -> Image.Image:
        left, top = self._start
        at = part[0] + left, part[1] + top, part[2] + left, part[3] + top
        image = self._tiles.part(at)
        if self._alpha is None:
            return image
        alpha = self._alpha.crop(at)
        if not self._premultiplied:
            image.putalpha(alpha)
            return image
        image = image.convert("RGB")
        return Image.merge("RGBa", [*image.split(), alpha]).convert("RGBA")


def _shown(layer: Layer, size: Size) -> Part:
    """What is to be shown of a picture as it is stored; all, where that would be nothing."""
    if layer.aperture is None or 0 in layer.aperture[1::2]:
        return 0, 0, *size
    values = layer.aperture
    ends = []
    for side, at in zip(size, (0, 2), strict=True):
        length = values[at] / values[at + 1]
        # From the middle of all to the middle of what is shown.
        offset = values[at + 4] / values[at + 5]
        start = max(0, math.floor((side - length) / 2 + offset))
        ends.append((start, min(side, start + math.floor(length))))
    (left, right), (top, bottom) = ends
    return (left, top, right, bottom) if left < right and top < bottom else (0, 0, *size)
