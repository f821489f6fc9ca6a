"""Writes an animated WebP frame by frame, so that no more than one is encoded at a time.

Pillow's ``save_all`` takes all frames at once. Each frame is encoded here as a picture of what has
changed since the one before, and laid over it. There is nothing else in the file.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from PIL import Image, ImageChops

from .decoders.webp import ALPHA, ALPHA_FLAG, EXTENDED, FRAME, HEAD, LOSSY, riff

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .geometry import Part, Size

CONTROL = b"ANIM"
ANIMATION_FLAG = 0x02
#: Of a frame: its pixels take the place of those below, and stay.
REPLACES = 2
#: Half the time of the method of other renditions, for files that are a little larger. There are
#: many frames, and nobody looks at one for long.
METHOD = 0


class AnimatedWebP:
    """One file in the making."""

    def __init__(self, size: Size, quality: int | None, plays: int) -> None:
        """``size`` in px; ``quality`` from 0 to 100, None for Pillow's default."""
        self._size = size
        self._options = {"method": METHOD} | ({} if quality is None else {"quality": quality})
        self._plays = plays
        self._before: Image.Image | None = None
        self._frames: list[tuple[Part, int, bytes]] = []
        self._alpha = False

    def add(self, image: Image.Image, duration: int) -> None:
        """The next frame, in RGB or RGBA, for so many ms. All have the same mode."""
        box = (0, 0, *image.size)
        if self._before is not None:
            changed = ImageChops.difference(self._before, image).getbbox(alpha_only=False)
            if changed is None:
                box, shown, data = self._frames[-1]
                self._frames[-1] = box, shown + duration, data
                return
            # The file has half of where a frame begins.
            left, top, right, bottom = changed
            box = (left & ~1, top & ~1, right, bottom)
        self._before = image
        self._frames.append((box, duration, self._encoded(image.crop(box))))

    def _encoded(self, image: Image.Image) -> bytes:
        out = io.BytesIO()
        image.save(out, "webp", **self._options)
        chunks = []
        for name, chunk in _chunks(out.getvalue()):
            if name in {ALPHA, LOSSY}:
                self._alpha = self._alpha or name == ALPHA
                chunks.append(chunk)
        return b"".join(chunks)

    def data(self) -> bytes:
        """The whole file."""
        flags = ANIMATION_FLAG | (ALPHA_FLAG if self._alpha else 0)
        head = bytes([flags, 0, 0, 0]) + _sides(self._size)
        # Nothing shows through it: the first frame covers all of the canvas.
        background = bytes(4)
        frames = [
            (
                FRAME,
                _number(left // 2)
                + _number(top // 2)
                + _sides((right - left, bottom - top))
                + _number(duration)
                + bytes([REPLACES])
                + data,
            )
            for (left, top, right, bottom), duration, data in self._frames
        ]
        control = background + self._plays.to_bytes(2, "little")
        return riff([(EXTENDED, head), (CONTROL, control), *frames])


def _chunks(file: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name of each chunk, and all of it."""
    at = HEAD
    while at < len(file):
        size = int.from_bytes(file[at + 4 : at + 8], "little")
        end = at + 8 + size + size % 2
        yield file[at : at + 4], file[at:end]
        at = end


def _sides(size: Size) -> bytes:
    return b"".join(_number(side - 1) for side in size)


def _number(value: int) -> bytes:
    return value.to_bytes(3, "little")
