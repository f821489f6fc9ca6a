"""The frames of a GIF."""

from __future__ import annotations

import struct
from contextlib import closing
from typing import IO, TYPE_CHECKING, NamedTuple

from PIL import Image

from .base import BLOCK, Codec, read_exactly
from .frames import MOST_PLAYS, Disposal, Frames, Step, TooLongError, shown_for
from .gif import (
    EXTENSION,
    GRAPHIC_CONTROL,
    HAS_PALETTE,
    HAS_TRANSPARENCY,
    IMAGE,
    IS_INTERLACED,
    Gif,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

APPLICATION = 0xFF
#: The extensions that say how often an animation is shown again.
LOOPS = frozenset({b"NETSCAPE2.0", b"ANIMEXTS1.0"})
LOOP_COUNT = 1
#: 4 is what some old programs wrote for 3; browsers take it so.
DISPOSALS = {2: Disposal.CLEAR, 3: Disposal.RESTORE, 4: Disposal.RESTORE}
#: Of a frame without an extension of its own: it stays, it is opaque, and it takes no time.
NO_CONTROL = b"\0\0\0\0"
#: Encoders fill blocks of 255 bytes, of which the largest usual upload has 41,000.
MOST_BLOCKS = 100_000


class Where(NamedTuple):
    start: int
    end: int
    """In the file, of the blocks of pixels."""
    bits: int
    """With which the codec begins."""
    interlaced: bool
    palette: bytes
    transparent: int | None
    """The index that stands for transparent."""


class GifFrames(Frames):
    """The frames of a GIF. What lies beyond the canvas is cut off, as in browsers."""

    most_pixels = 10_000_000

    def __init__(self, file: IO[bytes], source: Gif) -> None:  # noqa: ARG002 - as for all formats
        self._file = file
        self._blocks = 0
        self.steps = []
        self.plays = 1
        file.seek(10)
        flags = read_exactly(file, 3)[0]
        self._palette = self._read_palette(flags)
        control = NO_CONTROL
        # Without a trailer as well, which browsers do not ask for.
        while (kind := file.read(1)) in {EXTENSION, IMAGE}:
            if kind == IMAGE:
                self.add(self._read_step(control))
                control = NO_CONTROL
            else:
                control = self._read_extension() or control

    def _read_palette(self, flags: int) -> bytes:
        return read_exactly(self._file, 6 << (flags & 7)) if flags & HAS_PALETTE else b""

    def _read_extension(self) -> bytes:
        """What it says of the next frame, if anything."""
        label = read_exactly(self._file, 1)[0]
        block = self._read_block()
        if label == GRAPHIC_CONTROL and len(block) >= len(NO_CONTROL):
            self._skip_blocks()
            return block
        looping = label == APPLICATION and block in LOOPS
        while block:
            block = self._read_block()
            if looping and len(block) == 3 and block[0] == LOOP_COUNT:
                # How often it is shown once more; 0 for ever.
                again = int.from_bytes(block[1:], "little")
                self.plays = min(again + 1, MOST_PLAYS) if again else 0
        return b""

    def _read_step(self, control: bytes) -> Step:
        left, top, across, down, flags = struct.unpack("<HHHHB", read_exactly(self._file, 9))
        if not across or not down:
            raise SyntaxError("a frame without pixels")
        palette = self._read_palette(flags) or self._palette
        bits = read_exactly(self._file, 1)[0]
        start = self._file.tell()
        self._skip_blocks()
        where = Where(
            start=start,
            end=self._file.tell(),
            bits=bits,
            interlaced=bool(flags & IS_INTERLACED),
            palette=palette,
            transparent=control[3] if control[0] & HAS_TRANSPARENCY else None,
        )
        return Step(
            box=(left, top, left + across, top + down),
            # It is given in hundredths of a second.
            duration=shown_for(10 * int.from_bytes(control[1:3], "little")),
            blends=True,
            disposal=DISPOSALS.get(control[0] >> 2 & 7, Disposal.KEEP),
            where=where,
        )

    def _skip_blocks(self) -> None:
        while self._read_block():
            pass

    def _read_block(self) -> bytes:
        self._blocks += 1
        if self._blocks > MOST_BLOCKS:
            raise TooLongError
        return read_exactly(self._file, read_exactly(self._file, 1)[0])

    def pixels(self, step: Step) -> Image.Image:
        where: Where = step.where
        image = Image.new("P" if where.palette else "L", step.size)
        arguments = (where.bits, where.interlaced)
        with closing(Codec(image, "gif", arguments, (0, 0, *step.size))) as codec:
            if not codec.feed_all(self._data(where)):
                raise OSError("a frame ends too early")
        if where.palette:
            image.putpalette(where.palette)
        if where.transparent is not None:
            image.info["transparency"] = where.transparent
        return image.convert("RGB" if where.transparent is None else "RGBA")

    def _data(self, where: Where) -> Iterator[bytes]:
        for start in range(where.start, where.end, BLOCK):
            self._file.seek(start)
            yield self._file.read(min(BLOCK, where.end - start))
