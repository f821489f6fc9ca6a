"""GIF: the blocks are read here, the pixels of the first frame by Pillow's codec."""

from __future__ import annotations

import math
import struct
from contextlib import closing
from typing import IO, TYPE_CHECKING

from PIL import Image

from ..rasters import ImageRaster, Raster
from .base import BLOCK, Codec, Decoder, Need, file_length, read_exactly

if TYPE_CHECKING:
    from ..geometry import Part, Size

EXTENSION, IMAGE, TRAILER = b"!", b",", b";"
GRAPHIC_CONTROL = 0xF9
#: Blocks before the picture. That is 10 MB of them, and each takes a moment to read past.
MOST_BLOCKS = 50_000
#: Time: for each pixel, and for each byte of the file; see ``work()``. Measured.
WORK_PIXEL, WORK_BYTE = 0.6, 2
HAS_PALETTE, IS_INTERLACED, HAS_TRANSPARENCY = 0x80, 0x40, 1


class Gif(Decoder):
    """A GIF. Of an animation, the first frame."""

    _transparent: int | None = None
    """The index that stands for transparent."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._left = MOST_BLOCKS
        self._bytes = file_length(file)
        file.seek(6)
        width, height, flags = struct.unpack("<HHBxx", read_exactly(file, 7))
        self._palette = self._read_palette(flags)
        while (kind := self._next()) != IMAGE:
            if kind == EXTENSION:
                self._read_extension()
            elif kind == TRAILER:
                raise SyntaxError("a GIF without a picture")
        left, top, across, down, flags = struct.unpack("<HHHHB", read_exactly(file, 9))
        if not across or not down:
            raise SyntaxError("a GIF without pixels")
        self._frame = (left, top, left + across, top + down)
        self._interlaced = bool(flags & IS_INTERLACED)
        self._palette = self._read_palette(flags) or self._palette
        self._bits = read_exactly(file, 1)[0]
        self._start = file.tell()
        # A frame may be larger than the screen that the header describes.
        self.size: Size = (max(width, left + across), max(height, top + down))
        self._fills = self._frame == (0, 0, *self.size)
        alpha = "" if self._transparent is None and self._fills else "A"
        self.mode = ("RGB" if self._palette else "L") + alpha

    def _read_palette(self, flags: int) -> bytes:
        return read_exactly(self._file, 6 << (flags & 7)) if flags & HAS_PALETTE else b""

    def _read_extension(self) -> None:
        label = read_exactly(self._file, 1)[0]
        block = self._read_block()
        if label == GRAPHIC_CONTROL and len(block) >= 4:
            self._transparent = block[3] if block[0] & HAS_TRANSPARENCY else None
        while block:
            block = self._read_block()

    def _read_block(self) -> bytes:
        return read_exactly(self._file, self._next()[0])

    def _next(self) -> bytes:
        """The byte that a block begins with."""
        self._left -= 1
        if self._left < 0:
            raise SyntaxError("a GIF of too many blocks")
        return read_exactly(self._file, 1)

    def need(self, size: Size, _scale: float) -> Need:
        # One byte for a pixel: its index in the palette.
        return Need(size[0] * size[1], size[0] * size[1], direct=False)

    def work(self, size: Size, _scale: float) -> float:
        pixels = size[0] * size[1]
        return WORK_PIXEL * pixels + WORK_BYTE * self._bytes * pixels / math.prod(self.size)

    def decode(self, _scale: float) -> Raster:
        mode = "P" if self._palette else "L"
        # What the frame leaves free is transparent; _with_alpha() is for frames without an index
        # that stands for that.
        image = Image.new(mode, self.size, self._transparent or 0)
        self._file.seek(self._start)
        with closing(Codec(image, "gif", (self._bits, self._interlaced), self._frame)) as codec:
            if not codec.feed_all(iter(lambda: self._file.read(BLOCK), b"")):
                raise OSError("the picture ends too early")
        if self._palette:
            image.putpalette(self._palette)
        if self._transparent is not None:
            image.info["transparency"] = self._transparent
        elif not self._fills:
            return ImageRaster(image, convert=self._with_alpha)
        return ImageRaster(image, convert=lambda part, _at: part.convert(self.mode))

    def _with_alpha(self, part: Image.Image, at: Part) -> Image.Image:
        """Transparent where the frame is not. ``at`` is where ``part`` lies in the picture."""
        alpha = Image.new("L", part.size)
        left, top, right, bottom = self._frame
        alpha.paste(255, (left - at[0], top - at[1], right - at[0], bottom - at[1]))
        part = part.convert(self.mode)
        part.putalpha(alpha)
        return part
