"""JPEG: the header is read here, the pixels by Pillow's codec.

A file that lacks its end marker, and nothing else, is accepted. Pillow's own loop either refuses
it or, where a site sets ``LOAD_TRUNCATED_IMAGES``, accepts half a picture as well.
"""

from __future__ import annotations

import io
import math
import re
from contextlib import closing
from typing import IO, TYPE_CHECKING

from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from ..orientation import read_orientation
from ..rasters import ImageRaster, Raster
from . import base
from .jpeg_scans import BLOCK_SIDE, COEFFICIENTS, DRI, SOS, WITHOUT_BODY, Component, is_complete

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..geometry import Size

SOI, EOI = b"\xff\xd8", b"\xff\xd9"
#: How the segments of a scan and of a restart interval begin, and the bytes of the latter.
SCAN, INTERVAL, INTERVAL_BYTES = bytes([0xFF, SOS]), b"\xff\xdd\0\4", 6
INTERVAL_TOLD = re.compile(INTERVAL + b"(..)", re.DOTALL)
SOFS = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
#: Frames with arithmetic codes.
ARITHMETIC = frozenset({0xC9, 0xCA})
APP0, APP1, APP2, APP14, LAST_APP, COMMENT = 0xE0, 0xE1, 0xE2, 0xEE, 0xEF, 0xFE
EXIF, ICC = b"Exif\0", b"ICC_PROFILE\0"  # any byte may follow the zero of EXIF
#: Segments that tell how colours are coded, and the bytes below which libjpeg ignores them.
COLOUR_SEGMENTS = {APP0: 14, APP14: 12}
#: The longest profiles and texts have a few hundred.
MOST_SEGMENTS = 1000
#: Bytes before the first scan that the codec is given. The tables that there can be take 3 kB.
LARGEST_HEAD = 1 << 16
#: Encoders write about ten scans, and twenty at the most. See ``WORK_SCAN``.
MOST_SCANS = 100
#: A marker, and the bytes that it is searched in: any number of bytes 0xFF may come before it, but
#: nobody writes more than a few.
MARKER, SEARCHED = re.compile(rb"\xff[\x01-\xfe]"), 1 << 16
#: What ends a picture of several scans: its end marker, or the start of another picture or frame.
NEXT_PICTURE = (b"\xff\xc0", b"\xff\xc1", b"\xff\xc2", SOI)
END_OR_NEXT = (EOI, *NEXT_PICTURE)
#: What ends a picture of one scan, in whose data only zero or a restart marker follows 0xFF.
NEXT_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8\xda-\xfe]")

#: A byte of ones in the data of a scan. Encoders fill up the last byte with ones, and no Huffman
#: code consists of ones only.
ONES = b"\xff\0"
#: Bytes that libjpeg reads in advance, whether it needs them or not.
LOOKAHEAD = 8

#: Time: for each byte, and for each sample of the result; see ``work()``. Measured, except for
#: arithmetic codes, which few builds of Pillow can decode.
WORK_BYTE, WORK_BYTE_ARITHMETIC, WORK_SAMPLE = 2.5, 14, 0.35
#: Of several scans: for each byte more, for each sample, and for each pixel and scan. Measured.
WORK_BYTE_MORE, WORK_COEFFICIENTS, WORK_SCAN = 4.4, 0.45, 0.03
#: For each restart. Measured.
WORK_RESTART = 3

# What follows is about memory; see ``need()``.
#: The head of the file: as it is read, as the codec is given it, and its single segments.
HEADS = 2.5
#: Rows of blocks in hand, for each px of width: eight rows, those above and below that they are
#: smoothed with, and where there are fewer samples, those in between. Measured: 10 to 14.
ROWS = 14
#: The whole file, searched block by block.
SEARCH = 9 / 8


class Jpeg(base.Decoder):
    """A JPEG. Of one with several pictures (MPO, as phones write), the first."""

    base_memory = 1024 * 1024 // 10

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._has_exif = self._arithmetic = False
        self._profile_parts: list[bytes] = []
        self._profile_bytes = 0
        self._frame = self._scan = b""
        self._scans = 1
        # The shortest restart interval, in units of blocks; 0 for none.
        self._interval = 0
        # Without comments, previews and the like, however large they are.
        self._head = b"".join(self._read_segments())
        self._start = file.tell()
        # Where the data ends; None if it is the end of the file.
        self._end: int | None = None
        self._image = JpegImageFile(io.BytesIO(self._head))
        self.size: Size = self._image.size
        self.mode = self._image.mode
        self.profile = self._joined_profile()
        unused = 0 if self.profile else min(self._profile_bytes, base.LARGEST_PROFILE)
        self._read = len(self._head) + unused
        listed = self._frame[6:]
        self._components = [
            Component(number=listed[at], across=listed[at + 1] >> 4, down=listed[at + 1] & 15)
            for at in range(0, len(listed) - 2, 3)
        ]
        # libjpeg keeps all coefficients where those of a block are spread over several scans.
        progressive = "progressive" in self._image.info
        self._multi_scan = progressive or self._scan[0] < len(self._components)
        self._has_end, self._has_next = True, False
        if self._multi_scan:
            self._find_end()

    # --- the header ---------------------------------------------------------------------------

    def _read_segments(self) -> list[bytes]:
        """What a codec needs, up to the data of the first scan."""
        file = self._file
        file.seek(len(SOI))
        kept = [SOI]
        length = 0
        for _ in range(MOST_SEGMENTS):
            marker = _next_marker(file)
            if marker in WITHOUT_BODY:
                continue
            size = base.read_exactly(file, 2)
            body = base.read_exactly(file, max(0, int.from_bytes(size, "big") - 2))
            if self._is_needed(marker, body):
                kept.append(bytes([0xFF, marker]) + size + body)
                length += len(body)
            if length > LARGEST_HEAD:
                raise SyntaxError("a JPEG of too many tables")
            if self._scan:
                return kept
        raise SyntaxError("a JPEG of too many segments")

    def _is_needed(self, marker: int, body: bytes) -> bool:
        """Whether a codec needs a segment. What only the kit needs is read here."""
        if marker == SOS:
            self._scan = body
        elif marker in SOFS:
            if self._frame:
                raise SyntaxError("two frames in one JPEG")
            self._frame = body
            self._arithmetic = marker in ARITHMETIC
        elif marker == DRI:
            self._note_interval(body)
        elif marker == APP1 and body.startswith(EXIF) and not self._has_exif:
            # Browsers go on to the next one where there is nothing in it.
            self._has_exif = len(body) > len(EXIF) + 1
            self.orientation = read_orientation(body[len(EXIF) + 1 :])
        elif marker == APP2 and body.startswith(ICC):
            self._profile_bytes += len(body)
            if self._profile_bytes <= base.LARGEST_PROFILE:
                self._profile_parts.append(body[len(ICC) :])
        if marker in COLOUR_SEGMENTS:
            return len(body) >= COLOUR_SEGMENTS[marker]
        return not (APP0 <= marker <= LAST_APP or marker == COMMENT)

    def _joined_profile(self) -> bytes | None:
        """None if parts are missing, as those of one that is too large."""
        # Each part begins with its number, from 1, and how many there are. Of two profiles, the
        # first counts, as in browsers.
        parts: dict[int, bytes] = {}
        for part in self._profile_parts:
            if len(part) > 2:
                parts.setdefault(part[0], part)
        self._profile_parts = []
        numbers = range(1, 1 + max((part[1] for part in parts.values()), default=0))
        too_long = self._profile_bytes > base.LARGEST_PROFILE
        if not parts or too_long or parts.keys() != set(numbers):
            return None
        return b"".join(memoryview(parts[number])[2:] for number in numbers)

    def _find_end(self) -> None:
        """Read on, behind the first scan. Raises ``SyntaxError`` for too many scans."""
        last = b""
        intervals = 0
        for block in self._blocks():
            searched = last + block
            self._scans += searched.count(SCAN) - last.count(SCAN)
            # Counted first: to read a million takes a while.
            intervals += searched.count(INTERVAL) - last.count(INTERVAL)
            if max(self._scans, intervals) > MOST_SCANS:
                raise SyntaxError("a JPEG of too many scans")
            for body in INTERVAL_TOLD.findall(searched):
                self._note_interval(body)
            last = searched[1 - INTERVAL_BYTES :]
        self._file.seek(self._start)
        found = _find(self._file, END_OR_NEXT)
        self._has_end = found is not None and found[0] == EOI
        self._has_next = found is not None and found[0] != EOI

    def _note_interval(self, body: bytes) -> None:
        if interval := int.from_bytes(body, "big"):
            self._interval = min(interval, self._interval or interval)

    def _blocks(self) -> Iterator[bytes]:
        """What comes after the head."""
        at = self._start
        while self._end is None or at < self._end:
            self._file.seek(at)
            block = self._file.read(min(base.BLOCK, (self._end or at + base.BLOCK) - at))
            if not block:
                return
            at += len(block)
            yield block

    def _whole(self) -> bytes:
        # Not joined, which would hold the parts and the result at once.
        whole = io.BytesIO()
        whole.write(self._head)
        for block in self._blocks():
            whole.write(block)
        return whole.getvalue()

    # --- size and memory ----------------------------------------------------------------------

    def divisor(self, scale: float) -> int:
        return next(divisor for divisor in (8, 4, 2, 1) if divisor * scale <= 1)

    def need(self, size: Size, scale: float) -> base.Need:
        width, height = size
        divisor = self.divisor(scale)
        most_across = max((one.across for one in self._components), default=1) or 1
        most_down = max((one.down for one in self._components), default=1) or 1
        blocks = sum(one.across * one.down for one in self._components)
        decoded = math.ceil(width / divisor) * math.ceil(height / divisor)
        pixels = decoded * base.PIXEL[self.mode]
        rows = math.ceil(ROWS * width * (blocks / most_across) / divisor)
        coefficients = 0
        if self._multi_scan:
            # Each component has whole units of as many blocks as its sampling says.
            units = math.ceil(width / (BLOCK_SIDE * most_across))
            units *= math.ceil(height / (BLOCK_SIDE * most_down))
            coefficients = units * blocks * COEFFICIENTS * 2  # bytes each
        read = int(HEADS * self._read)
        # All of the file is held where its end is looked for, or where it is decoded at once.
        at_once = self._arithmetic or not self._has_end
        held = int(SEARCH * base.file_length(self._file)) if at_once else 0
        return base.Need(read + pixels + rows + coefficients + held, read + pixels + rows)

    def work(self, size: Size, scale: float) -> float:
        pixels = math.prod(size)
        length = base.file_length(self._file) * pixels / math.prod(self.size)
        byte = WORK_BYTE_ARITHMETIC if self._arithmetic else WORK_BYTE
        decoded = pixels / self.divisor(scale) ** 2
        work = byte * length + WORK_SAMPLE * len(self._components) * decoded
        if self._interval:
            # Where the markers are missing, the codec looks for each of them all the same.
            work += WORK_RESTART * self._scans * pixels / BLOCK_SIDE**2 / self._interval
        if self._multi_scan:
            most = max((one.across * one.down for one in self._components), default=1) or 1
            samples = sum(one.across * one.down for one in self._components) / most
            work += WORK_BYTE_MORE * length + pixels * (
                WORK_COEFFICIENTS * samples + WORK_SCAN * self._scans
            )
        return 2 * work if self._has_next else work

    # --- the pixels ---------------------------------------------------------------------------

    def decode(self, scale: float) -> Raster:
        try:
            return self._decode_at_once(scale)
        except OSError as error:
            if not base.is_bad_data(error) or not self._leave_out_next():
                raise
        return self._decode_at_once(scale)

    def _leave_out_next(self) -> bool:
        """Whether something else begins before this picture has ended. It is then not read again.

        libjpeg fails at its start, even if it has all pixels of this picture.
        """
        self._file.seek(self._start)
        found = _find(self._file, NEXT_PICTURE if self._multi_scan else NEXT_MARKER)
        if found is None:
            return False
        self._end = found[1]
        # The one that there was has been drafted already.
        self._image = JpegImageFile(io.BytesIO(self._head))
        return True

    def _decode_at_once(self, scale: float) -> Raster:
        header, divisor = self._image, self.divisor(scale)
        width, height = self.size
        # draft() takes the smaller one of both ratios, so the box needs the picture's own shape.
        drafted = header.draft(None, (max(1, width // divisor), max(1, height // divisor)))
        image = Image.new(header.mode, header.size, None)
        arguments = (*(header.tile[0].args or ()), *header.decoderconfig)
        with closing(base.Codec(image, "jpeg", arguments, (0, 0, *header.size))) as codec:
            if self._arithmetic:
                # libjpeg cannot wait for more of these codes. It takes all of them, or fails.
                if not codec.feed(self._whole()):
                    raise OSError("the picture ends too early")
            elif not codec.feed(self._head) and not codec.feed_all(self._blocks()):
                self._finish(codec)
        return ImageRaster(image, extent=drafted[1] if drafted else (0, 0, width, height))

    def _finish(self, codec: base.Codec) -> None:
        """Supply the end marker. Raises ``OSError`` if anything else is missing.

        Of a single scan, the codec is content once it has the last row. Of several, it waits for
        another one, and drops every byte that is no marker; but within a block it drops nothing
        until it has enough for all of it.
        """
        if codec.feed(ONES * LOOKAHEAD):
            return
        for _ in range(2 * LOOKAHEAD):
            if codec.unread or codec.feed(ONES):
                raise OSError("the picture ends within a scan")
        complete = self._multi_scan and is_complete(self._whole(), self.size, self._components)
        if not complete or not codec.feed(EOI):
            raise OSError("the picture ends between two scans")


def _next_marker(file: IO[bytes]) -> int:
    """The next marker. Rubbish before it is skipped, as libjpeg does."""
    here = file.tell()
    found = MARKER.search(file.read(SEARCHED))
    if found is None:
        raise EOFError("the file ends too early")
    file.seek(here + found.end())
    return found[0][-1]


def _find(
    file: IO[bytes], wanted: Sequence[bytes] | re.Pattern[bytes]
) -> tuple[bytes, int] | None:
    """The first of these markers in the rest of a file, and where it is."""
    while len(block := file.read(base.BLOCK)) > 1:
        here = file.tell() - len(block)
        if isinstance(wanted, re.Pattern):
            found = wanted.search(block)
            at = found.start() if found else -1
        else:
            # Several times faster than a pattern where there are millions of bytes 0xFF.
            at = min((at for one in wanted if (at := block.find(one)) >= 0), default=-1)
        if at >= 0:
            return block[at : at + 2], here + at
        # The last byte may begin a marker.
        file.seek(here + len(block) - 1)
    return None
