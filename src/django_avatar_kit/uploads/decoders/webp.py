"""WebP: the chunks are read here, the pixels by Pillow's decoder.

Pillow's decoder allocates memory for all pixels, several times, before it tells how many there
are. It also refuses a file for what follows the pixels.
"""

from __future__ import annotations

import io
import math
from functools import cached_property
from typing import IO, TYPE_CHECKING, NamedTuple

from PIL.WebPImagePlugin import WebPImageFile

from ..orientation import read_orientation
from ..rasters import BytesRaster, Raster
from . import vp8l
from .base import LARGEST_PROFILE, Decoder, Need, file_length

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..geometry import Size

HEAD = 12  # bytes: RIFF, a size, WEBP
EXTENDED, FRAME = b"VP8X", b"ANMF"
LOSSY, LOSSLESS, ALPHA = b"VP8 ", b"VP8L", b"ALPH"
NEEDED = frozenset({EXTENDED, b"ANIM", ALPHA, LOSSY, LOSSLESS, FRAME})
FRAME_HEAD = 16  # bytes
#: Bytes of the head of a lossless picture; and of alpha, whose last bits tell how it is packed.
LOSSLESS_HEAD, ALPHA_HEAD, PACKING, IS_LOSSLESS = 5, 1, 0b11, 1
PROFILE_FLAG, ALPHA_FLAG, EXIF_FLAG, XMP_FLAG = 0x20, 0x10, 0x08, 0x04
SIDE = 0x3FFF  # the bits of a width or height
#: Time: for each pixel, and for each byte; see ``work()``. Measured.
WORK_LOSSY, WORK_LOSSLESS = (2.8, 10), (5, 3)
LARGEST_EXIF = 1 << 20  # bytes
#: An animation has two for each frame. What follows them is not looked at.
MOST_CHUNKS = 10_000


class Chunk(NamedTuple):
    name: bytes
    start: int
    """Where its body starts in the file."""
    size: int
    """Bytes of its body, as it says. The file may end before that."""


class WebP(Decoder):
    """A WebP. Of an animation, the first frame."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._end = file_length(file)
        self._chunks = self._read_chunks()
        if not self._chunks:
            raise EOFError("a WebP without a picture")
        last = self._chunks[-1]
        # A frame may say that it is longer than the file.
        within = last.start + FRAME_HEAD, min(last.start + last.size, self._end)
        inner = list(self.chunks_between(*within)) if last.name == FRAME else []
        self._pixels = pixels_in(inner if last.name == FRAME else self._chunks)
        heads = [told_by(each.name, self.body(each, 10)) for each in (*self._chunks, *inner)]
        # A decoder trusts the canvas and what lies on it alike.
        self.size = max(width for width, _, _ in heads), max(height for _, height, _ in heads)
        alpha = any(alpha for _, _, alpha in heads)
        self.mode = "RGBA" if alpha or self._leaves_free(last) else "RGB"

    def _read_chunks(self) -> list[Chunk]:
        """The chunks of the picture; profile and orientation are read on the way.

        What follows the first picture, or frame, is of no importance: it may be cut off.
        """
        needed: dict[bytes, Chunk] = {}
        found = False
        for chunk in self.chunks_between(HEAD, self._end):
            name, start, size = chunk
            whole = start + size <= self._end
            if name in NEEDED and name not in needed and not found:
                needed[name] = chunk
                found = name in {LOSSY, LOSSLESS, FRAME}
            elif name == b"ICCP" and whole and size <= LARGEST_PROFILE:
                self.profile = self.body(chunk)
            elif name == b"EXIF" and whole and size <= LARGEST_EXIF:
                # Some programs write it as in a JPEG.
                self.orientation = read_orientation(self.body(chunk).removeprefix(b"Exif\0\0"))
        return list(needed.values())

    def chunks_between(self, at: int, end: int) -> Iterator[Chunk]:
        """Those of the file, or of a frame in it."""
        for _ in range(MOST_CHUNKS):
            if at + 8 > end:
                return
            self._file.seek(at)
            head = self._file.read(8)
            size = int.from_bytes(head[4:], "little")
            yield Chunk(head[:4], at + 8, size)
            at += 8 + size + size % 2

    def body(self, chunk: Chunk, most: int | None = None) -> bytes:
        """What is in a chunk, or its first bytes."""
        self._file.seek(chunk.start)
        return self._file.read(chunk.size if most is None else min(most, chunk.size))

    def _leaves_free(self, last: Chunk) -> bool:
        """Whether the first frame of an animation is smaller than its canvas."""
        if last.name != FRAME:
            return False
        head = self.body(last, FRAME_HEAD).ljust(FRAME_HEAD, b"\0")
        numbers = [int.from_bytes(head[at : at + 3], "little") for at in (0, 3, 6, 9)]
        return numbers != [0, 0, self.size[0] - 1, self.size[1] - 1]

    def codes(self, pixels: list[Chunk]) -> vp8l.Codes:
        """Those of one picture, by its chunks. Raises as a decoder does."""
        if not pixels:
            return vp8l.Codes()
        first, last = pixels[0], pixels[-1]
        size = told_by(last.name, self.body(last, 10))[:2]
        if last.name == LOSSLESS:
            chunk, head = last, LOSSLESS_HEAD
        elif first.name == ALPHA and self.body(first, 1)[0] & PACKING == IS_LOSSLESS:
            chunk, head = first, ALPHA_HEAD
        else:
            return vp8l.Codes()
        self._file.seek(chunk.start + head)
        return vp8l.Reader(self._file, chunk.size - head, size).codes()

    @cached_property
    def _codes(self) -> vp8l.Codes:
        return self.codes(self._pixels)

    def need(self, size: Size, _scale: float) -> Need:
        # Two RGBA canvases of libwebp's WebPAnimDecoder, and the bytes that Pillow copies from
        # one. A lossless picture has a third one until that copy is made. The tenth is fitted.
        pixels, file = size[0] * size[1], self._length()
        # A smaller picture has fewer codes.
        tables = self._codes.memory * min(1, pixels / math.prod(self.size))
        peak = int(12.1 * pixels + tables) + 3 * file
        return Need(peak, 4 * pixels + 2 * file, direct=False)

    def _length(self) -> int:
        """Bytes of the picture. A chunk may say that it has more, which ``decode`` refuses."""
        return sum(min(chunk.size, self._end - chunk.start) for chunk in self._chunks)

    def work(self, size: Size, _scale: float) -> float:
        pixels = size[0] * size[1]
        lossless = any(name == LOSSLESS for name, _start, _size in self._chunks)
        each, byte = WORK_LOSSLESS if lossless else WORK_LOSSY
        share = pixels / math.prod(self.size)
        codes = self._codes.work * min(1, share)
        return each * pixels + byte * self._length() * share + codes

    def decode(self, _scale: float) -> Raster:
        last = self._chunks[-1]
        if last.name not in {LOSSY, LOSSLESS, FRAME} or last.start + last.size > self._end:
            raise EOFError("the picture ends too early")
        image = WebPImageFile(io.BytesIO(self._only_picture()))
        # Private in Pillow 12 and 13. The public load() makes an image of all pixels beside these.
        data, _timestamp = image._decoder.get_next()
        # libwebp returns four bytes for a pixel in any case.
        return BytesRaster(data, self.size, "RGBA" if self.mode == "RGBA" else "RGBX")

    def _only_picture(self) -> bytes:
        """A file of nothing but the picture."""
        chunks = []
        for chunk in self._chunks:
            body = self.body(chunk)
            if chunk.name == EXTENDED:
                left_out = PROFILE_FLAG | EXIF_FLAG | XMP_FLAG
                body = bytes([body[0] & ~left_out]) + body[1:]
            chunks.append((chunk.name, body))
        return riff(chunks)


def pixels_in(chunks: Iterable[Chunk]) -> list[Chunk]:
    """The chunks of a picture's pixels: alpha, if there is any, and then the colours."""
    alpha: list[Chunk] = []
    for chunk in chunks:
        if chunk.name in {LOSSY, LOSSLESS}:
            return [*alpha, chunk]
        if chunk.name == ALPHA and not alpha:
            alpha = [chunk]
    return []


def riff(chunks: Iterable[tuple[bytes, bytes]]) -> bytes:
    """A WebP of these chunks, each by its name and what is in it."""
    parts = [b"WEBP"]
    for name, body in chunks:
        parts += [name, len(body).to_bytes(4, "little"), body, b"\0" * (len(body) % 2)]
    return b"".join([b"RIFF", sum(map(len, parts)).to_bytes(4, "little"), *parts])


def told_by(name: bytes, head: bytes) -> tuple[int, int, bool]:
    """What the first bytes of a chunk tell: width and height in px, or 0; whether it has alpha."""
    if len(head) < {EXTENDED: 1, LOSSLESS: 5}.get(name, 0):
        raise EOFError("a chunk ends too early")
    head = head.ljust(10, b"\0")
    if name == EXTENDED:
        width, height = (int.from_bytes(head[at : at + 3], "little") + 1 for at in (4, 7))
        return width, height, bool(head[0] & ALPHA_FLAG)
    if name == LOSSLESS:
        bits = int.from_bytes(head[1:5], "little")
        # 14 bits each, then one that tells of alpha.
        return (bits & SIDE) + 1, (bits >> 14 & SIDE) + 1, bool(bits >> 28 & 1)
    if name == LOSSY:
        width, height = (int.from_bytes(head[at : at + 2], "little") & SIDE for at in (6, 8))
        return width, height, False
    return 0, 0, name == ALPHA
