"""PNG: the chunks are read here, the pixels by Pillow's codec.

Pillow unpacks every text it finds, and refuses a picture for the length of one. Here, what is no
part of the picture is skipped unread.
"""

from __future__ import annotations

import math
import os
import struct
import zlib
from array import array
from contextlib import closing
from copy import copy
from typing import IO, TYPE_CHECKING

from PIL import Image, ImageChops

from ..orientation import read_orientation
from ..rasters import ImageRaster, Raster
from .base import BLOCK, LARGEST_PROFILE, PIXEL, Codec, Decoder, Need, file_length, is_bad_data
from .png_colours import told_profile, unpacked_profile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..geometry import Size

SIGNATURE = b"\x89PNG\r\n\x1a\n"

#: By bit depth and colour type: Pillow's mode of the picture, and of the rows in the file.
MODES = {
    (1, 0): ("1", "1"),
    (2, 0): ("L", "L;2"),
    (4, 0): ("L", "L;4"),
    (8, 0): ("L", "L"),
    (16, 0): ("L", "L;16B"),
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
#: By Pillow's mode: that of rows of 16 bits of which the low bytes are wanted.
LOW_BYTES = {"L": "L;16", "RGB": "RGB;16L"}
#: First column and row of each pass of an interlaced picture, and the steps from there.
ADAM7 = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)
ZLIB_HEAD, CHECKSUM = 2, 4  # bytes
#: Pixels at the end of the picture, in which noise stands before they are decoded.
MARKED = 64
#: Bytes that can come of what a codec has already taken.
LONGEST_MATCH = 258
#: Bytes of rows. A larger picture is not decoded a second time, nor is a frame of many.
MOST_AGAIN = 4 << 20
#: Bytes that one packed byte can become, by the documentation of zlib.
MOST_UNPACKED = 1032

#: Time: for each byte of the rows, of which each may have the slowest filter, and for each byte
#: that they are packed in; for each row; and for each pixel of an interlaced picture. Measured;
#: see ``work()``. What is packed badly is noise, and with alpha, noise takes long to encode, too.
WORK_UNPACKED, WORK_PACKED, WORK_ROW, WORK_INTERLACED = 1.75, 1.2, 6, 0.85
WORK_PACKED_ALPHA = 3.2

#: Encoders write 8 KiB at a time, so a file of the largest usual size has about a thousand.
MOST_CHUNKS = 20_000
#: The chunks that are read, and the bytes that each may have.
LARGEST = {
    b"IHDR": 13,
    b"PLTE": 768,
    b"tRNS": 256,
    b"eXIf": 1 << 20,
    b"iCCP": LARGEST_PROFILE,
    b"cICP": 4,
    b"sRGB": 1,
    b"gAMA": 4,
    b"cHRM": 32,
}

ROW = 8  # bytes: Pillow notes where each row begins
LISTS = 2  # a list that grows, and the smaller one that it was copied from


class Png(Decoder):
    """A PNG. Of an animation, the picture that viewers without animation show."""

    _is_frame = False

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._kept: dict[bytes, bytes] = {}
        # Start and size of the data of each chunk, in turn. An array, since there may be many.
        self._data = array("Q")
        self._read_chunks(file_length(file))
        width, height, depth, colour, _method, filtering, interlaced = struct.unpack(
            ">IIBBBBB", self._kept[b"IHDR"]
        )
        if (depth, colour) not in MODES or filtering or not width or not height:
            raise SyntaxError("not a kind of PNG that there is")
        if colour == INDEXED and b"PLTE" not in self._kept:
            raise SyntaxError("a PNG without its palette")
        self.size: Size = (width, height)
        self._depth, self._colour, self._interlaced = depth, colour, bool(interlaced)
        self._mode, self._raw_mode = MODES[depth, colour]
        self._hidden = self._hidden_values()
        alpha = b"tRNS" in self._kept or colour in {GREY_ALPHA, COLOUR_ALPHA}
        self.mode = ("L" if colour in {GREY, GREY_ALPHA} else "RGB") + ("A" if alpha else "")
        self.orientation = read_orientation(self._kept.pop(b"eXIf", b""))
        packed = self._kept.pop(b"iCCP", b"")
        profile = unpacked_profile(packed)
        # Held twice while it is unpacked. A broken one is gone, and was as large as can be.
        most = 2 * min(LARGEST_PROFILE, MOST_UNPACKED * len(packed))
        self._unpacking = len(packed) + (len(profile) if profile else most)
        self.profile = told_profile(self._kept, profile)

    # --- the chunks ---------------------------------------------------------------------------

    def _read_chunks(self, end: int) -> None:
        """Keep what the picture is made of. What follows its pixels may be cut off."""
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
            elif name not in self._kept and size <= LARGEST.get(name, -1) and self._counts(name):
                self._keep(name, size)
            at += 12 + size
        else:
            raise SyntaxError("a PNG of too many chunks")
        if not self._data:
            raise EOFError("a PNG without pixels")

    def _counts(self, name: bytes) -> bool:
        """Whether a chunk stands where browsers heed it."""
        if name == b"tRNS" and self._kept[b"IHDR"][9] == INDEXED and b"PLTE" not in self._kept:
            return False
        return name == b"eXIf" or not self._data

    def _keep(self, name: bytes, size: int) -> None:
        data = self._file.read(size)
        checksum = self._file.read(4)
        if checksum == zlib.crc32(data, zlib.crc32(name)).to_bytes(4, "big"):
            self._kept[name] = data
        elif name[:1].isupper():
            # Chunks in lower case are not critical.
            raise SyntaxError(f"broken PNG file (bad header checksum in {name!r})")

    def _hidden_values(self) -> bytes:
        """The values of a colour that is transparent. Of 16 bits, then the low byte of each."""
        hidden = self._kept.get(b"tRNS", b"")
        if self._colour not in {GREY, TRUECOLOUR} or len(hidden) != 2 * SAMPLES[self._colour]:
            return b""
        if self._depth == DEEP:
            return hidden[::2] + hidden[1::2]
        # The file has the value in its own depth, which Pillow spreads over 0 to 255.
        most = (1 << self._depth) - 1
        return bytes((value & most) * (255 // most) for value in hidden[1::2])

    def need(self, size: Size, _scale: float) -> Need:
        width, height = size
        pixels = height * (width * PIXEL[self._mode] + ROW)
        # The low bytes of 16 bits are a second picture.
        pixels *= 2 if self._hidden and self._depth == DEEP else 1
        # Two rows as they are in the file: this one, and the one before.
        rows = 2 * (1 + width * self._depth * SAMPLES[self._colour] // 8)
        listed = LISTS * self._data.itemsize * len(self._data)
        direct = self._mode == self.mode and b"tRNS" not in self._kept
        return Need(listed + max(pixels + rows, self._unpacking), listed + pixels, direct)

    def work(self, size: Size, _scale: float) -> float:
        pixels = size[0] * size[1]
        unpacked = pixels * self._depth * SAMPLES[self._colour] / 8
        packed = sum(self._data[1::2]) * pixels / math.prod(self.size)
        work: float = WORK_UNPACKED * unpacked + WORK_ROW * size[1]
        work += (WORK_PACKED_ALPHA if self.mode.endswith("A") else WORK_PACKED) * packed
        if self._interlaced:
            work += WORK_INTERLACED * pixels
            # Those of a single row are counted as well.
            work += WORK_UNPACKED * unpacked if size[1] == 1 else 0
        return work * (2 if self._hidden and self._depth == DEEP else 1)

    # --- the pixels ---------------------------------------------------------------------------

    def like(self, size: Size, data: array[int]) -> Png:
        """A picture of the same kind, as a frame is: its size, and start and size of its data."""
        other = copy(self)
        other.size, other._data, other._is_frame = size, data, True
        return other

    def decode(self, _scale: float) -> Raster:
        image = self._decoded(self._raw_mode)
        if self._colour == INDEXED:
            image.putpalette(self._kept[b"PLTE"])
            if b"tRNS" in self._kept:
                image.info["transparency"] = self._kept[b"tRNS"]
        low = None
        if self._hidden and self._depth == DEEP:
            low = self._decoded(LOW_BYTES[self._mode])
        return ImageRaster(
            image, convert=lambda part, at: self._converted(part, low and low.crop(at))
        )

    def _converted(self, part: Image.Image, low: Image.Image | None) -> Image.Image:
        """A part of the picture with its palette or hidden colour applied.

        ``low`` has the low bytes of colours of 16 bits.
        """
        if self._hidden:
            return _with_alpha(part.convert("L") if part.mode == "1" else part, self._hidden, low)
        # Pillow unpacks grey and alpha of 16 bits into RGBA, which no grey profile fits.
        return part if part.mode == self.mode else part.convert(self.mode)

    def _decoded(self, raw_mode: str) -> Image.Image:
        try:
            return self._filled(raw_mode, self._blocks())
        except OSError as error:
            # Not the time limit of a signal handler, which is one as well.
            once = self._is_frame or self._unpacked_size() > MOST_AGAIN
            if once or not is_bad_data(error):
                raise
        # Something may follow a wrong checksum.
        return self._filled(raw_mode, self._blocks_of_rows())

    def _filled(self, raw_mode: str, blocks: Iterable[bytes]) -> Image.Image:
        image = Image.new(self._mode, self.size, None)
        # Where the last pixels will be. The codec also ends where rows are missing.
        across, down = self.size
        last = down - 1 - (down % 2 if self._interlaced else 0)
        end = (max(0, across - MARKED), max(0, last), across, max(0, last) + 1)
        mark = _noise(self._mode, end[2] - end[0])
        image.paste(mark, end)
        arguments = (raw_mode, 1) if self._interlaced else (raw_mode,)
        with closing(Codec(image, "zip", arguments, (0, 0, *self.size))) as codec:
            ended = codec.feed_all(_with_checksum_apart(blocks))
            # Of an interlaced row, there are parts from before the last pass.
            if not ended or last < 0 or image.crop(end).tobytes() == mark.tobytes():
                # Short ones may equal the mark, or wait in the codec until another byte comes.
                if last >= 0 and self._row_bytes(across) > LONGEST_MATCH:
                    raise OSError("the picture has too few rows")
                for _block in self._blocks_of_rows():
                    pass
                if not ended:
                    codec.feed(b"\0")
        return image

    def _blocks(self) -> Iterator[bytes]:
        values = iter(self._data)
        for start, size in zip(values, values, strict=True):
            self._file.seek(start)
            for done in range(0, size, BLOCK):
                yield self._file.read(min(size - done, BLOCK))

    def _blocks_of_rows(self) -> Iterator[bytes]:
        """Up to the end of the rows. Raises ``OSError`` where rows are missing."""
        unpacking = zlib.decompressobj(-zlib.MAX_WBITS)
        left, head = self._unpacked_size(), ZLIB_HEAD
        for block in self._blocks():
            packed, head = block[head:], max(0, head - len(block))
            while packed and left > 0 and not unpacking.eof:
                left -= len(unpacking.decompress(packed, BLOCK))
                packed = unpacking.unconsumed_tail
            yield block[: len(block) - len(packed or unpacking.unused_data)]
            if left <= 0:
                return
        raise OSError("the picture has too few rows")

    def _unpacked_size(self) -> int:
        """Bytes of all rows, each with the byte that names its filter."""
        width, height = self.size
        total = 0
        for left, top, across, down in ADAM7 if self._interlaced else ((0, 0, 1, 1),):
            columns, rows = -(-(width - left) // across), -(-(height - top) // down)
            total += rows * (1 + self._row_bytes(columns)) if columns > 0 else 0
        return total

    def _row_bytes(self, columns: int) -> int:
        """Without the one that names its filter."""
        bits: int = columns * self._depth * SAMPLES[self._colour]
        return (bits + 7) // 8


def _with_checksum_apart(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes, the last four one by one.

    They are the checksum of the rows, which browsers ignore if it is wrong. The codec ends with
    the last row and does not ask for it, but drops that row if it comes together with a wrong one.
    """
    held = b""
    for block in blocks:
        held += block
        if len(held) > CHECKSUM:
            yield held[:-CHECKSUM]
            held = held[-CHECKSUM:]
    for byte in held:
        yield bytes([byte])


def _noise(mode: str, width: int) -> Image.Image:
    """A row that nobody can foresee."""
    return Image.frombytes(mode, (width, 1), os.urandom(PIXEL[mode] * width))


def _with_alpha(part: Image.Image, hidden: bytes, low: Image.Image | None) -> Image.Image:
    """Transparent where each channel of ``part``, and of ``low``, has its value of ``hidden``."""
    channels = [*part.split(), *(low.split() if low else ())]
    alpha = Image.new("L", part.size)
    for channel, value in zip(channels, hidden, strict=True):
        differs = channel.point([255 * (other != value) for other in range(256)])
        alpha = ImageChops.lighter(alpha, differs)
    return Image.merge(part.mode + "A", [*part.split(), alpha])
