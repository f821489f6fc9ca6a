"""WebP: the chunks by hand, the pixels by Pillow's decoder.

That one makes room for all pixels, several times over, before it tells how many there are; and it
refuses a file for the length of what stands behind its pixels.
"""

from __future__ import annotations

import io
from typing import IO

from PIL.WebPImagePlugin import WebPImageFile

from .. import memory, orientation
from ..rasters import BytesRaster, Raster
from . import base

HEAD = 12  # bytes: RIFF, a size, WEBP
SIDE = 0x3FFF
EXTENDED, FRAME = b"VP8X", b"ANMF"
LOSSY, LOSSLESS, ALPHA = b"VP8 ", b"VP8L", b"ALPH"
PARTS = frozenset({EXTENDED, b"ANIM", ALPHA, LOSSY, LOSSLESS, FRAME})
FRAME_HEAD = 16
PROFILE_FLAG, ALPHA_FLAG, EXIF_FLAG, XMP_FLAG = 0x20, 0x10, 0x08, 0x04
# In the fifth byte of a lossless picture.
LOSSLESS_ALPHA = 0x10
LARGEST_EXIF = 1 << 20
EXIF = b"Exif\0\0"
MOST_CHUNKS = 100_000


class WebP:
    """A WebP, opened. ``file`` is read from its start. Of an animation, the first frame."""

    format = "WebP"

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.orientation = 1
        self.profile: bytes | None = None
        # Name, and where its body starts and how long it is, of each chunk the picture is made of.
        self._parts: list[tuple[bytes, int, int]] = []
        self._whole = False
        self._end = base.length(file)
        self._walk()
        self.size = self._size()
        # Where a first frame leaves something free, that is transparent.
        seen_through = self._has_alpha() or self._leaves_free()
        self.mode = "RGBA" if seen_through else "RGB"

    def _walk(self) -> None:
        """A last chunk that is cut off is not missed, if it is no part of the picture."""
        at = HEAD
        found = False
        for _ in range(MOST_CHUNKS):
            self._file.seek(at)
            head = self._file.read(8)
            if len(head) < 8:
                break
            name, size = head[:4], int.from_bytes(head[4:], "little")
            whole = at + 8 + size <= self._end
            known = any(name == part for part, _start, _size in self._parts)
            if name in PARTS and not known and not found:
                self._parts.append((name, at + 8, size))
                # What follows are further frames.
                found = name in {LOSSY, LOSSLESS, FRAME}
                self._whole = found and whole
            elif name == b"ICCP" and whole and size <= base.LARGEST_PROFILE:
                self.profile = self._file.read(size)
            elif name == b"EXIF" and whole and size <= LARGEST_EXIF:
                # Some write it as in a JPEG.
                self.orientation = orientation.orientation(
                    self._file.read(size).removeprefix(EXIF)
                )
            at += 8 + size + size % 2
        if not self._parts:
            raise EOFError("a WebP without a picture")

    def _body(self, start: int, size: int) -> bytes:
        self._file.seek(start)
        return self._file.read(size)

    def _pictures(self) -> list[tuple[bytes, int, int]]:
        """The parts; instead of a frame, those that it is made of."""
        name, start, size = self._parts[-1]
        if name != FRAME:
            return self._parts
        found: list[tuple[bytes, int, int]] = []
        # A frame may say that it is longer than the file.
        at, end = start + FRAME_HEAD, min(start + size, self._end)
        while at + 8 <= end and len(found) < MOST_CHUNKS:
            head = self._body(at, 8)
            length = int.from_bytes(head[4:], "little")
            found.append((head[:4], at + 8, length))
            at += 8 + length + length % 2
        return found

    def _size(self) -> base.Size:
        """The canvas in px; checked against what lies on it, for a decoder trusts either."""
        sizes = [
            _measured(name, self._body(start, min(10, size))) for name, start, size in self._parts
        ]
        sizes += [
            _measured(name, self._body(start, min(10, size)))
            for name, start, size in self._pictures()
        ]
        return max(size[0] for size in sizes), max(size[1] for size in sizes)

    def _has_alpha(self) -> bool:
        """As far as the header tells."""
        for name, start, _size in (*self._parts, *self._pictures()):
            head = self._body(start, 5)
            if name == EXTENDED and head[0] & ALPHA_FLAG:
                return True
            if name == ALPHA or (name == LOSSLESS and head[4] & LOSSLESS_ALPHA):
                return True
        return False

    def _leaves_free(self) -> bool:
        """Whether the first frame of an animation is smaller than its canvas."""
        name, start, _size = self._parts[-1]
        if name != FRAME:
            return False
        head = self._body(start, FRAME_HEAD).ljust(FRAME_HEAD, b"\0")
        numbers = [int.from_bytes(head[at : at + 3], "little") for at in (0, 3, 6, 9)]
        return numbers != [0, 0, self.size[0] - 1, self.size[1] - 1]

    def divisor(self, _scale: float) -> int:
        """There is no smaller decode."""
        return 1

    def need(self, size: base.Size, _scale: float) -> memory.Need:
        """For a decode, were the picture of this size."""
        length = sum(size for _name, _start, size in self._parts)
        return memory.webp(size, file=length)

    def spare(self) -> None:
        """There is no way that takes less memory."""

    def decode(self, _scale: float) -> Raster:
        """At full size. An ``EOFError`` where part of it is missing."""
        if not self._whole:
            raise EOFError("the picture ends too early")
        image = WebPImageFile(io.BytesIO(self._plain_file()))
        data, _timestamp = image._decoder.get_next()
        # libwebp gives four bytes for each pixel in any case.
        return BytesRaster(data, self.size, "RGBA" if self.mode == "RGBA" else "RGBX")

    def _plain_file(self) -> bytes:
        """Without anything but the picture."""
        chunks = []
        for name, start, size in self._parts:
            body = self._body(start, size)
            if name == EXTENDED:
                unheard = 0xFF ^ (PROFILE_FLAG | EXIF_FLAG | XMP_FLAG)
                body = bytes([body[0] & unheard]) + body[1:]
            chunks += [name, size.to_bytes(4, "little"), body, b"\0" * (size % 2)]
        length = 4 + sum(map(len, chunks))
        return b"".join([b"RIFF", length.to_bytes(4, "little"), b"WEBP", *chunks])


def _measured(name: bytes, body: bytes) -> base.Size:
    """Width and height in px as the several kinds of chunks write them; (0, 0) for others."""
    body = body.ljust(10, b"\0")
    if name == EXTENDED:
        return int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
    if name == LOSSLESS:
        bits = int.from_bytes(body[1:5], "little")
        return (bits & SIDE) + 1, (bits >> 14 & SIDE) + 1
    if name == LOSSY:
        return int.from_bytes(body[6:8], "little") & SIDE, int.from_bytes(
            body[8:], "little"
        ) & SIDE
    return 0, 0
