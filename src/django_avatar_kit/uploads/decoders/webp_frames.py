"""The frames of a WebP."""

from __future__ import annotations

import io
from functools import cached_property
from typing import IO, TYPE_CHECKING

from PIL.WebPImagePlugin import WebPImageFile

from .base import file_length, read_exactly
from .frames import Disposal, Frames, Step, TooLongError, shown_for
from .webp import (
    ALPHA,
    EXTENDED,
    FRAME,
    FRAME_HEAD,
    HEAD,
    LOSSLESS,
    LOSSY,
    MOST_CHUNKS,
    WebP,
    pixels_in,
    riff,
    told_by,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL import Image

    from .vp8l import Codes
    from .webp import Chunk

CONTROL = b"ANIM"
CLEARS, REPLACES = 1, 2


class WebPFrames(Frames):
    """The frames of a WebP."""

    most_pixels = 3_000_000

    def __init__(self, file: IO[bytes], source: WebP) -> None:
        self._file = file
        self._source = source
        self._chunks = 0
        self.steps = []
        self.plays = 0
        end = file_length(file)
        for chunk in source.chunks_between(HEAD, end):
            if chunk.name not in {CONTROL, FRAME}:
                continue
            if chunk.start + chunk.size > end:
                raise EOFError("the animation ends too early")
            file.seek(chunk.start)
            if chunk.name == CONTROL:
                self.plays = int.from_bytes(read_exactly(file, 6)[4:], "little")
            else:
                self.add(self._read_step(chunk))

    def _read_step(self, chunk: Chunk) -> Step:
        head = read_exactly(self._file, FRAME_HEAD)
        numbers = [int.from_bytes(head[at : at + 3], "little") for at in range(0, 15, 3)]
        left, top = 2 * numbers[0], 2 * numbers[1]
        width, height = numbers[2] + 1, numbers[3] + 1
        if left + width > self._source.size[0] or top + height > self._source.size[1]:
            raise SyntaxError("a frame that does not lie in the picture")
        pixels = pixels_in(self._chunks_of(chunk))
        if not pixels:
            raise EOFError("a frame without a picture")
        # A decoder trusts the frame and what is in it alike.
        if told_by(pixels[-1].name, self._source.body(pixels[-1], 10))[:2] != (width, height):
            raise SyntaxError("a frame of two sizes")
        return Step(
            box=(left, top, left + width, top + height),
            duration=shown_for(numbers[4]),
            blends=not head[15] & REPLACES,
            disposal=Disposal.CLEAR if head[15] & CLEARS else Disposal.KEEP,
            where=pixels,
        )

    def _chunks_of(self, frame: Chunk) -> Iterator[Chunk]:
        end = frame.start + frame.size
        for chunk in self._source.chunks_between(frame.start + FRAME_HEAD, end):
            self._chunks += 1
            if self._chunks > MOST_CHUNKS:
                raise TooLongError
            if chunk.name in {ALPHA, LOSSY, LOSSLESS} and chunk.start + chunk.size > end:
                raise EOFError("a frame ends too early")
            yield chunk

    @cached_property
    def _codes(self) -> list[Codes]:
        """Of each frame."""
        return [self._source.codes(step.where) for step in self.steps]

    @property
    def memory(self) -> int:
        return max(codes.memory for codes in self._codes)

    @property
    def work(self) -> int:
        return sum(codes.work for codes in self._codes)

    def pixels(self, step: Step) -> Image.Image:
        chunks = [(chunk.name, self._source.body(chunk)) for chunk in step.where]
        if chunks[0][0] == ALPHA:
            sides = b"".join((side - 1).to_bytes(3, "little") for side in step.size)
            chunks.insert(0, (EXTENDED, b"\x10\0\0\0" + sides))
        image: Image.Image = WebPImageFile(io.BytesIO(riff(chunks)))
        image.load()
        return image
