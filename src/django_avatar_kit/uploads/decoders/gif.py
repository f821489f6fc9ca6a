"""GIF: its first picture, the blocks by hand, the pixels by Pillow's decoder."""

from __future__ import annotations

import struct
from typing import IO

from PIL import Image

from .. import memory
from ..rasters import ImageRaster, Part, Raster
from . import base

EXTENSION, PICTURE, END = b"!", b",", b";"
GRAPHIC_CONTROL = 0xF9
HAS_PALETTE, IS_INTERLACED, HAS_TRANSPARENCY = 0x80, 0x40, 1


class Gif:
    """A GIF, opened. ``file`` is read from its start. Of an animation, the first frame."""

    format = "GIF"
    orientation = 1
    profile = None

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        file.seek(6)
        width, height, flags = struct.unpack("<HHBxx", base.exactly(file, 7))
        self._palette = self._read_palette(flags)
        self._transparent = self._no_transparency()
        while (kind := base.exactly(file, 1)) != PICTURE:
            if kind == EXTENSION:
                self._extension()
            elif kind == END:
                raise SyntaxError("a GIF without a picture")
        left, top, across, down, flags = struct.unpack("<HHHHB", base.exactly(file, 9))
        self._place = (left, top, left + across, top + down)
        self._interlaced = bool(flags & IS_INTERLACED)
        self._palette = self._read_palette(flags) or self._palette
        self._bits = base.exactly(file, 1)[0]
        self._start = file.tell()
        # A frame may be larger than its screen.
        self.size: base.Size = (max(width, left + across), max(height, top + down))
        self._covers = self._place == (0, 0, *self.size)
        alpha = "" if self._transparent is None and self._covers else "A"
        self.mode = ("RGB" if self._palette else "L") + alpha
        if not across or not down:
            raise SyntaxError("a GIF without pixels")

    @staticmethod
    def _no_transparency() -> int | None:
        return None

    def _read_palette(self, flags: int) -> bytes:
        return base.exactly(self._file, 6 << (flags & 7)) if flags & HAS_PALETTE else b""

    def _extension(self) -> None:
        label = base.exactly(self._file, 1)[0]
        block = self._block()
        if label == GRAPHIC_CONTROL and len(block) >= 4:
            self._transparent = block[3] if block[0] & HAS_TRANSPARENCY else None
        while block:
            block = self._block()

    def _block(self) -> bytes:
        return base.exactly(self._file, base.exactly(self._file, 1)[0])

    def divisor(self, _scale: float) -> int:
        """There is no smaller decode."""
        return 1

    def need(self, size: base.Size, _scale: float) -> memory.Need:
        """For a decode, were the picture of this size."""
        return memory.gif(size)

    def spare(self) -> None:
        """There is no way that takes less memory."""

    def decode(self, _scale: float) -> Raster:
        """At full size. An ``OSError`` where part of it is missing."""
        mode = "P" if self._palette else "L"
        # What the frame leaves free is transparent. Where no index stands for that, see below.
        image = Image.new(mode, self.size, self._transparent or 0)
        arguments = (self._bits, self._interlaced)
        feed = base.Feed(base.new_decoder(image, "gif", arguments, self._place))
        self._file.seek(self._start)
        try:
            while not feed(data := self._file.read(base.BLOCK)):
                if not data:
                    raise OSError("the picture ends too early")
        finally:
            feed.decoder.cleanup()
        if self._palette:
            image.putpalette(self._palette)
        if self._transparent is not None:
            image.info["transparency"] = self._transparent
        elif not self._covers:
            return ImageRaster(image, plain=self._seen_through)
        return ImageRaster(image, plain=lambda part, _at: part.convert(self.mode))

    def _seen_through(self, part: Image.Image, at: Part) -> Image.Image:
        """With alpha: transparent where the frame is not."""
        alpha = Image.new("L", part.size)
        left, top, right, bottom = self._place
        alpha.paste(255, (left - at[0], top - at[1], right - at[0], bottom - at[1]))
        part = part.convert(self.mode)
        part.putalpha(alpha)
        return part
