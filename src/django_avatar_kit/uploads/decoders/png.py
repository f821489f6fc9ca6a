"""PNG: the chunks by hand, the pixels by Pillow's decoder.

Pillow unpacks every text it finds, and refuses a picture for the length of one. Here what is no
part of the picture is skipped unread.
"""

from __future__ import annotations

import struct
import zlib
from array import array
from typing import IO, TYPE_CHECKING

from PIL import Image, ImageChops

from .. import memory, orientation
from ..rasters import ImageRaster, Raster
from . import base

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SIGNATURE = b"\x89PNG\r\n\x1a\n"

# Bit depth and colour type, and how Pillow calls the picture and its rows.
MODES = {
    (1, 0): ("1", "1"),
    (2, 0): ("L", "L;2"),
    (4, 0): ("L", "L;4"),
    (8, 0): ("L", "L"),
    (16, 0): ("I;16", "I;16B"),
    (8, 2): ("RGB", "RGB"),
    (16, 2): ("RGB", "RGB;16B"),
    (1, 3): ("P", "P;1"),
    (2, 3): ("P", "P;2"),
    (4, 3): ("P", "P;4"),
    (8, 3): ("P", "P"),
    (8, 4): ("LA", "LA"),
    (16, 4): ("RGBA", "LA;16B"),
    (8, 6): ("RGBA", "RGBA"),
    (16, 6): ("RGBA", "RGBA;16B"),
}
SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
GREY, TRUECOLOUR, INDEXED, GREY_ALPHA, COLOUR_ALPHA = 0, 2, 3, 4, 6
DEEP = 16
ZLIB_HEAD = 2  # bytes
# For one byte, as zlib says of itself.
MOST_UNPACKED = 1032

# Encoders write 8 KiB at a time; so a file of the largest usual size has about a thousand.
MOST_CHUNKS = 100_000
KEPT = frozenset({b"IHDR", b"PLTE", b"tRNS", b"iCCP", b"eXIf"})
LARGEST = {
    b"IHDR": 13,
    b"PLTE": 768,
    b"tRNS": 256,
    b"eXIf": 1 << 20,
    b"iCCP": base.LARGEST_PROFILE,
}


class Png:
    """A PNG, opened. ``file`` is read from its start. Of an animation, what old viewers show."""

    format = "PNG"

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._kept: dict[bytes, bytes] = {}
        # Where the data of a chunk starts, and how long it is, in turn: there may be many.
        self._data = array("Q")
        self._walk(base.length(file))
        header = self._kept[b"IHDR"]
        width, height, depth, colour, _method, filtering, interlaced = struct.unpack(
            ">IIBBBBB", header
        )
        if (depth, colour) not in MODES or filtering or not width or not height:
            raise SyntaxError("not a kind of PNG that there is")
        if colour == INDEXED and b"PLTE" not in self._kept:
            raise SyntaxError("a PNG without its palette")
        self.size: base.Size = (width, height)
        self._depth, self._colour, self._interlaced = depth, colour, bool(interlaced)
        self._mode, self._raw = MODES[depth, colour]
        hidden = b"tRNS" in self._kept
        colours = "L" if colour in {GREY, GREY_ALPHA} else "RGB"
        self.mode = colours + ("A" if hidden or colour in {GREY_ALPHA, COLOUR_ALPHA} else "")
        self.orientation = orientation.orientation(self._kept.pop(b"eXIf", b""))
        packed = self._kept.pop(b"iCCP", b"")
        self.profile = _unpacked(packed)
        unpacked = min(base.LARGEST_PROFILE, MOST_UNPACKED * len(packed))
        # Twice, while it is put together; a broken one is gone, and was as large as can be.
        self._unpacking = len(packed) + (len(self.profile) if self.profile else 2 * unpacked)

    # --- the chunks ---------------------------------------------------------------------------

    def _walk(self, end: int) -> None:
        """Find what the picture is made of; what is cut off behind its pixels is not missed."""
        file = self._file
        at = len(SIGNATURE)
        for _ in range(MOST_CHUNKS):
            file.seek(at)
            head = file.read(8)
            name, size = head[4:], int.from_bytes(head[:4], "big")
            if len(head) < 8 or name == b"IEND":
                break
            if not self._kept and name != b"IHDR":
                raise SyntaxError("a PNG without its header")
            if name == b"IDAT":
                self._data.extend((at + 8, max(0, min(size, end - at - 8))))
            elif name in KEPT and name not in self._kept and size <= LARGEST[name]:
                self._keep(name, size)
            at += 12 + size
        else:
            raise SyntaxError("a PNG of too many chunks")
        if not self._data:
            raise EOFError("a PNG without pixels")

    def _keep(self, name: bytes, size: int) -> None:
        data = self._file.read(size)
        sum_ = self._file.read(4)
        if len(sum_) == 4 and int.from_bytes(sum_, "big") == zlib.crc32(data, zlib.crc32(name)):
            self._kept[name] = data
        elif name[:1].isupper():
            raise SyntaxError(f"broken PNG file (bad header checksum in {name!r})")

    # --- memory -------------------------------------------------------------------------------

    def divisor(self, _scale: float) -> int:
        """There is no smaller decode."""
        return 1

    def need(self, size: base.Size, _scale: float) -> memory.Need:
        """For a decode, were the picture of this size."""
        hidden = b"tRNS" in self._kept
        return memory.png(
            size,
            mode=self._mode,
            bits=self._depth * SAMPLES[self._colour],
            plain=self._mode == self.mode and not hidden,
            twice=self._depth == DEEP and self._colour == TRUECOLOUR and hidden,
            unpacking=self._unpacking,
            listed=self._data.itemsize * len(self._data),
        )

    def spare(self) -> None:
        """There is no way that takes less memory."""

    # --- the pixels ---------------------------------------------------------------------------

    def decode(self, _scale: float) -> Raster:
        """At full size. An ``OSError`` where part of it is missing."""
        image = self._decoded(self._raw)
        hidden = self._kept.get(b"tRNS", b"")
        if self._colour == INDEXED:
            image.putpalette(self._kept[b"PLTE"])
            if hidden:
                image.info["transparency"] = hidden
            wanted = "RGBA" if hidden else "RGB"
            return ImageRaster(image, plain=lambda part, _at: part.convert(wanted))
        if self._mode == "I;16":
            return ImageRaster(image, plain=lambda part, _at: _from_16_bits(part, hidden))
        if self._colour == GREY_ALPHA and self._depth == DEEP:
            # Pillow unpacks these into three equal channels, which no grey profile fits.
            return ImageRaster(image, plain=lambda part, _at: part.convert("LA"))
        if self._mode == "1":
            return ImageRaster(image, plain=lambda part, _at: self._shown(part.convert("L")))
        if self._colour == TRUECOLOUR and self._depth == DEEP and len(hidden) == 6:
            low = self._decoded("RGB;16L")
            return ImageRaster(
                image,
                plain=lambda part, at: _with_alpha(part, hidden[::2], low.crop(at), hidden[1::2]),
            )
        return ImageRaster(image, plain=lambda part, _at: self._shown(part))

    def _shown(self, part: Image.Image) -> Image.Image:
        """With alpha where one colour is declared transparent."""
        hidden = self._kept.get(b"tRNS", b"")
        if self._colour == GREY and len(hidden) == 2:
            # The value is that of the file; Pillow has spread the few there are over 0 to 255.
            most = (1 << self._depth) - 1
            value = (int.from_bytes(hidden, "big") & most) * (255 // most)
            return _with_alpha(part, bytes([value]))
        if self._colour == TRUECOLOUR and len(hidden) == 6:
            return _with_alpha(part, hidden[1::2])
        return part

    def _decoded(self, raw: str) -> Image.Image:
        image = self._filled(raw, self._blocks())
        if image is None:
            # The checksum behind the rows may be wrong or missing, which browsers do not mind.
            image = self._filled(raw, self._rows(), unended=True)
        if image is None:
            raise OSError("the picture ends too early")
        return image

    def _filled(
        self, raw: str, blocks: Iterable[bytes], *, unended: bool = False
    ) -> Image.Image | None:
        """None where the decoder is not content; ``unended``, it only must not object."""
        image = Image.new(self._mode, self.size, None)
        arguments = (raw, 1) if self._interlaced else (raw,)
        feed = base.Feed(base.new_decoder(image, "zip", arguments, (0, 0, *self.size)))
        try:
            return image if any(map(feed, blocks)) or unended else None
        except OSError:
            return None
        finally:
            feed.decoder.cleanup()

    def _blocks(self) -> Iterator[bytes]:
        values = iter(self._data)
        for start, size in zip(values, values, strict=True):
            self._file.seek(start)
            for done in range(0, size, base.BLOCK):
                yield self._file.read(min(size - done, base.BLOCK))

    def _rows(self) -> Iterator[bytes]:
        """The data without the checksum at its end. An ``OSError`` where rows are missing."""
        unpacked = zlib.decompressobj(-zlib.MAX_WBITS)
        left, head = self._rows_bytes(), ZLIB_HEAD
        for block in self._blocks():
            packed, head = block[head:], max(0, head - len(block))
            while packed and left > 0:
                left -= len(unpacked.decompress(packed, base.BLOCK))
                packed = unpacked.unconsumed_tail
            end = len(block) - len(packed or unpacked.unused_data)
            yield block[:end]
            if left <= 0:
                return
        raise OSError("the picture ends too early")

    def _rows_bytes(self) -> int:
        """Of all rows, unpacked, each with the byte for its filter."""
        width, height = self.size
        bits = self._depth * SAMPLES[self._colour]
        passes = ADAM7 if self._interlaced else ((0, 0, 1, 1),)
        total = 0
        for left, top, across, down in passes:
            columns, rows = -(-(width - left) // across), -(-(height - top) // down)
            total += rows * (1 + (columns * bits + 7) // 8) if columns > 0 else 0
        return total


ADAM7 = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)
"""First column and row of each pass, and the steps from there."""


def _unpacked(chunk: bytes) -> bytes | None:
    """The profile in an iCCP chunk; None if it is broken, or too large to be one."""
    # A name, a zero, and the only way to pack there is.
    head = chunk.find(b"\0") + 1
    if not head or chunk[head : head + 1] != b"\0":
        return None
    unpacking = zlib.decompressobj()
    try:
        profile = unpacking.decompress(memoryview(chunk)[head + 1 :], base.LARGEST_PROFILE)
    except zlib.error:
        return None
    return profile if unpacking.eof else None


def _from_16_bits(part: Image.Image, hidden: bytes) -> Image.Image:
    # Pillow would clip: the high byte of each little-endian pair is the 8-bit value.
    pairs = part.tobytes()
    high = Image.frombytes("L", part.size, pairs[1::2])
    if len(hidden) != 2:
        return high
    low = Image.frombytes("L", part.size, pairs[::2])
    return _with_alpha(high, hidden[:1], low, hidden[1:])


def _with_alpha(
    part: Image.Image, hidden: bytes, low: Image.Image | None = None, low_hidden: bytes = b""
) -> Image.Image:
    """Transparent where each channel, and each of ``low``, has the value that is hidden."""
    channels = [*part.split(), *(low.split() if low else ())]
    alpha = Image.new("L", part.size)
    for channel, value in zip(channels, hidden + low_hidden, strict=True):
        differs = channel.point([255 * (other != value) for other in range(256)])
        alpha = ImageChops.lighter(alpha, differs)
    return Image.merge(part.mode + "A", [*part.split(), alpha])
