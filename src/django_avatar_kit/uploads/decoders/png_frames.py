"""The frames of a PNG with an animation (APNG, part of PNG since its third edition)."""

from __future__ import annotations

import math
import struct
import zlib
from array import array
from typing import IO, TYPE_CHECKING

from .base import file_length, read_exactly
from .frames import MOST_FRAMES, MOST_PLAYS, Disposal, Frames, Step, TooLongError, shown_for
from .png import SIGNATURE, WORK_UNPACKED, Png

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL import Image

CONTROL, FRAME, DATA, FRAME_DATA = b"acTL", b"fcTL", b"IDAT", b"fdAT"
DISPOSALS = (Disposal.KEEP, Disposal.CLEAR, Disposal.RESTORE)
SOURCE, OVER = 0, 1
#: The time of a pixel of four bytes, as in ``Decoder.work()``: ``most_pixels`` allows for it.
USUAL = 4 * WORK_UNPACKED


class PngFrames(Frames):
    """The frames of a PNG. Its default image is one of them if it has a frame's header."""

    most_pixels = 3_000_000

    def __init__(self, file: IO[bytes], source: Png) -> None:
        self._file = file
        self._source = source
        self._sequence = 0
        self.steps = []
        self.plays = 0
        wanted = 0
        for name, size in self._chunks():
            if name == CONTROL:
                wanted, plays = struct.unpack(">II", self._checked(name, size, 8))
                self.plays = min(plays, MOST_PLAYS)
                if wanted > MOST_FRAMES:
                    raise TooLongError
            elif name == DATA and not wanted:
                # Behind the picture, the chunk that begins an animation means nothing.
                return
            elif name == FRAME:
                if len(self.steps) == wanted:
                    break
                self.add(self._read_step(self._checked(name, size, 26)))
            elif name == DATA and self.steps:
                self._note(file.tell(), size)
            elif name == FRAME_DATA and self.steps:
                self._check_sequence(read_exactly(file, 4))
                self._note(file.tell(), size - 4)
        if len(self.steps) < wanted or not all(step.where for step in self.steps):
            raise EOFError("the animation ends too early")

    def _chunks(self) -> Iterator[tuple[bytes, int]]:
        """Name and size of each, with the file at its data. Their number was checked before."""
        at, end = len(SIGNATURE), file_length(self._file)
        while at + 8 <= end:
            self._file.seek(at)
            size, name = struct.unpack(">I4s", self._file.read(8))
            if name == b"IEND":
                return
            yield name, size
            at += 12 + size

    def _checked(self, name: bytes, size: int, expected: int) -> bytes:
        data = read_exactly(self._file, expected)
        checksum = zlib.crc32(data, zlib.crc32(name)).to_bytes(4, "big")
        if size != expected or read_exactly(self._file, 4) != checksum:
            raise SyntaxError(f"broken animation (bad {name!r})")
        return data

    def _read_step(self, data: bytes) -> Step:
        self._check_sequence(data[:4])
        width, height, left, top, time, unit, disposal, blending = struct.unpack(
            ">IIIIHHBB", data[4:]
        )
        right, bottom = left + width, top + height
        if (
            not width
            or not height
            or right > self._source.size[0]
            or bottom > self._source.size[1]
        ):
            raise SyntaxError("a frame that does not lie in the picture")
        if disposal >= len(DISPOSALS) or blending not in {SOURCE, OVER}:
            raise SyntaxError("a frame of an unknown kind")
        return Step(
            box=(left, top, right, bottom),
            duration=shown_for(1000 * time / (unit or 100)),
            blends=blending == OVER,
            disposal=DISPOSALS[disposal],
            # Start and size of each part of its data, in turn.
            where=array("Q"),
        )

    def _check_sequence(self, number: bytes) -> None:
        if int.from_bytes(number, "big") != self._sequence:
            raise SyntaxError("frames out of order")
        self._sequence += 1

    def _note(self, start: int, size: int) -> None:
        self.steps[-1].where.extend((start, max(0, size)))

    @property
    def work(self) -> int:
        """What pixels of more than four bytes, interlaced or packed badly, take longer."""
        return sum(
            max(0, round(self._source_of(step).work(step.size, 1) - USUAL * math.prod(step.size)))
            for step in self.steps
        )

    def _source_of(self, step: Step) -> Png:
        return self._source.like(step.size, step.where)

    def pixels(self, step: Step) -> Image.Image:
        raster = self._source_of(step).decode(1)
        image = raster.part((0, 0, *step.size))
        return image.convert("RGBA" if image.mode.endswith("A") else "RGB")
