"""The pixels of a HEIF, decoded tile by tile and only as far as they are asked for.

A telephone stores a photo as tiles of 512 px. So a photo of any size takes little memory.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ImproperlyConfigured
from PIL import Image

from ..rasters import BytesRaster
from . import heif_file
from .hevc import Parameters

if TYPE_CHECKING:
    from ..geometry import Part, Size
    from .heif_boxes import Layer, Stream

#: Rows of tiles that are kept: a band of pixels may lie in two.
ROWS = 2
#: Modes of pillow-heif, and bytes of a pixel. 10 bits of grey come as 16, other colours as 8.
MODES = {"L": 1, "RGB": 3, "I;16": 2}

#: Of the numbers of colours: those of sRGB for primaries and curve, which are converted elsewhere;
#: and matrices to make RGB with. A stream has numbers of its own, which count without these.
PRIMARIES_AND_CURVE, MATRICES = b"\0\1\0\x0d", frozenset({0, 1, 2, *range(4, 12)})

#: Time: for each pixel of a stream with 8 bits, and with more; and for each byte. See
#: ``Decoder.work()``. Measured.
WORK = {0: (2.5, 6), 1: (5, 10), 2: (7, 14), 3: (7, 14)}
WORK_BYTE = 19
#: Px that a tile takes at least, to set up a decoder. Measured.
WORK_TILE = 60_000

# What follows is about memory.
#: Bytes for each pixel of a tile while it is decoded: of streams with 8 bits, and with more. It
#: differs with the subsampling, since libheif converts that in several steps. Measured.
DECODING = {0: (2.7, 4.7), 1: (5.3, 8.2), 2: (8.8, 13.8), 3: (9.7, 15.8)}
#: A decoder with its thread, and how often it and this module copy the bytes of a tile. Measured.
DECODER, COPIES = 600_000, 5
#: A decoder works on whole blocks of so many px, at the most.
BLOCK = 64


class Tiles:
    """A picture of HEVC, in tiles of one size; most pictures have one tile only.

    Raises ``SyntaxError`` for one whose tiles do not fit.
    """

    def __init__(self, layer: Layer) -> None:
        self._streams = layer.streams
        self._colours = _matrix_only(layer.colours)
        self._parameters = {
            record: Parameters(record) for record in {each.parameters for each in layer.streams}
        }
        coded = [each.coded for each in self._parameters.values()]
        if len({(each.coded, each.size) for each in coded}) != 1:
            raise SyntaxError("a HEIF with tiles of several sizes")
        self._coded, self._tile_size = coded[0].coded, coded[0].size
        self._columns, rows = layer.columns, len(layer.streams) // layer.columns
        self.size: Size = layer.size or self._tile_size
        for side, tile, count in zip(
            self.size, self._tile_size, (self._columns, rows), strict=True
        ):
            if -(-side // tile) != count:
                raise SyntaxError("a HEIF with more tiles than it shows, or fewer")
        self.mode = "RGB" if any(each.chroma for each in coded) else "L"
        self._pixel = max(DECODING[each.chroma][each.deep] for each in coded)
        self._work = max(WORK[each.chroma][each.deep] for each in coded)
        #: Those that were used last.
        self._decoded: OrderedDict[int, BytesRaster] = OrderedDict()

    @property
    def in_parts(self) -> bool:
        """Whether there is more than one tile."""
        return len(self._streams) > 1

    def memory(self, size: Size) -> tuple[int, int]:
        """Bytes to decode a tile, and of all decoded tiles that are kept, if it had this size."""
        width, height = self._tile_size if self.in_parts else size
        columns, rows = -(-size[0] // width), -(-size[1] // height)
        coded = (
            math.ceil(side * whole / shown / BLOCK) * BLOCK
            for side, whole, shown in zip(
                (width, height), self._coded, self._tile_size, strict=True
            )
        )
        stream = max(len(each.data) for each in self._streams)
        decoding = DECODER + self._pixel * math.prod(coded) + COPIES * stream
        kept = min(ROWS, rows) * columns * width * height * MODES[self.mode]
        return math.ceil(decoding), kept

    @property
    def work(self) -> float:
        """The time to decode all tiles; see ``Decoder.work()``."""
        tile = WORK_TILE + self._work * math.prod(self._coded)
        length = sum(len(each.data) for each in self._streams)
        return tile * len(self._streams) + WORK_BYTE * length

    def part(self, part: Part) -> Image.Image:
        """Some of its pixels, in ``mode``."""
        left, top, right, bottom = part
        width, height = self._tile_size
        columns = range(left // width, -(-right // width))
        rows = range(top // height, -(-bottom // height))
        if len(columns) == len(rows) == 1:
            cut = self._cut(columns[0], rows[0], part)
            return cut if cut.mode == self.mode else cut.convert(self.mode)
        whole = Image.new(self.mode, (right - left, bottom - top), None)
        for row in rows:
            for column in columns:
                x, y = column * width, row * height
                inner = max(left, x), max(top, y), min(right, x + width), min(bottom, y + height)
                whole.paste(self._cut(column, row, inner), (inner[0] - left, inner[1] - top))
        return whole

    def _cut(self, column: int, row: int, part: Part) -> Image.Image:
        """A part of the picture that lies in one tile."""
        x, y = column * self._tile_size[0], row * self._tile_size[1]
        left, top, right, bottom = part
        tile = self._tile(row * self._columns + column)
        return tile.part((left - x, top - y, right - x, bottom - y))

    def _tile(self, number: int) -> BytesRaster:
        tile = self._decoded.pop(number, None)
        if tile is None:
            while len(self._decoded) >= ROWS * self._columns:
                self._decoded.popitem(last=False)
            tile = self._decode(self._streams[number])
        self._decoded[number] = tile
        return tile

    def _decode(self, stream: Stream) -> BytesRaster:
        parameters = self._parameters[stream.parameters]
        picture = parameters.picture(stream.data)
        file = heif_file.still(self._tile_size, parameters.record(), self._colours, picture)
        del picture
        image = pillow_heif().open_heif(file)
        data = image.data
        if (
            image.size != self._tile_size
            or image.mode not in MODES
            or len(data) != MODES[image.mode] * math.prod(self._tile_size)
        ):
            raise SyntaxError("a HEIF of another kind than it says")
        if image.mode == "I;16":
            # The high bytes, which come second.
            return BytesRaster(bytes(data[1::2]), self._tile_size, "L")
        return BytesRaster(data, self._tile_size, image.mode)


def _matrix_only(colours: bytes) -> bytes:
    """The numbers of colours, without those that libheif does not need, and may not know."""
    known = int.from_bytes(colours[4:6], "big") in MATRICES
    return PRIMARIES_AND_CURVE + colours[4:] if colours and known else b""


def pillow_heif() -> Any:
    """The package, which is loaded only where a HEIF is opened.

    Raises ``ImproperlyConfigured`` where it is not installed.
    """
    try:
        import pillow_heif
    except ImportError as error:
        raise ImproperlyConfigured(
            "HEIF cannot be decoded without pillow-heif: pip install django-avatar-kit[heif]"
        ) from error
    return pillow_heif
