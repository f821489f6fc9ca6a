"""JPEG: the header by hand, the pixels by Pillow's decoder in a loop of our own.

Pillow's own loop knows two answers to a file that lacks its end marker: it is refused, or, where a
site sets ``LOAD_TRUNCATED_IMAGES``, any half of a picture is taken. This one takes a picture that
is whole, and no other.
"""

from __future__ import annotations

import io
import re
from typing import IO, TYPE_CHECKING

from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from .. import memory, orientation
from ..rasters import ImageRaster, Raster
from . import base, jpeg_components
from .jpeg_scans import ALONE, SOS, Component, lacks_something

if TYPE_CHECKING:
    from collections.abc import Iterator

FILL = 0xFF
SOI, EOI = b"\xff\xd8", b"\xff\xd9"
SOFS = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
APP0, APP1, APP2, APP14, LAST_APP, COMMENT = 0xE0, 0xE1, 0xE2, 0xEE, 0xEF, 0xFE
# What tells the decoder how colours are coded, and the bytes without which libjpeg does not look.
TELLING = {APP0: 14, APP14: 12}
# The longest profiles and texts have a few hundred.
MOST_SEGMENTS = 10_000
# Encoders write about ten, and twenty at the most. Each takes 90 ms for 32 megapixels.
SCAN, MOST_SCANS = b"\xff\xda", 100
# Any number of these bytes may stand before the one that tells which marker it is.
ANY_MARKER, SKIPPED = re.compile(rb"\xff+([\x01-\xfe])"), 4096
# What ends a picture of several scans that has no end marker: the start of another, or of a frame.
NEXT_PICTURE = re.compile(rb"\xff[\xc0-\xc2\xd8]")
END_OR_NEXT = re.compile(rb"\xff[\xc0-\xc2\xd8\xd9]")
# And one of a single scan, in whose data 0xFF is followed by zero or by a restart marker.
NEXT_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8\xda-\xfe]")
# Behind the name of EXIF is a zero, and any byte at all.
EXIF, ICC = b"Exif\0", b"ICC_PROFILE\0"

# One byte of ones in the data of a scan. Encoders fill up the last byte with ones, and no code
# of a Huffman table consists of ones only.
ONES = b"\xff\0"
# The bit reader of libjpeg wants 8 bytes in advance, whether it will use them or not.
LOOKAHEAD = 8


class _Header(JpegImageFile):
    """Without a look into EXIF for the resolution in print, where a broken EXIF would warn."""

    def _read_dpi_from_exif(self) -> None:
        pass


class Jpeg:
    """A JPEG, opened. ``file`` is read from its start."""

    format = "JPEG"

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.orientation, self._has_exif = 1, False
        self.profile: bytes | None = None
        self._icc: list[bytes] = []
        self._icc_bytes = 0
        self._frame = self._scan = b""
        self._progressive = False
        # Comments, previews and the like are left out unread, however large they are.
        self._head = b"".join(self._segments())
        self._start = file.tell()
        self._image = _Header(io.BytesIO(self._head))
        self.size: base.Size = self._image.size
        self.profile = self._joined_profile()
        in_vain = 0 if self.profile else min(self._icc_bytes, base.LARGEST_PROFILE)
        self._read = len(self._head) + in_vain
        self.mode = self._image.mode
        self._components = self._read_components()
        # libjpeg keeps all coefficients where those of a block are spread over several scans.
        self._held = self._progressive or self._scan[0] < len(self._components)
        self._split = False
        # Where another picture follows that is in the way: what lies from there is not read.
        self._end: int | None = None
        # Whether all is there is then told from the heads of all scans.
        self._unended = self._held and not self._has_end()

    # --- the header ---------------------------------------------------------------------------

    def _segments(self) -> list[bytes]:
        """What a decoder needs, up to the start of the first scan."""
        file = self._file
        file.seek(len(SOI))
        kept = [SOI]
        for _ in range(MOST_SEGMENTS):
            marker = _next_marker(file)
            if marker in ALONE:
                continue
            size = base.exactly(file, 2)
            body = base.exactly(file, max(0, int.from_bytes(size, "big") - 2))
            if self._needed(marker, body):
                kept.append(bytes([FILL, marker]) + size + body)
            if self._scan:
                return kept
        raise SyntaxError("a JPEG of too many segments")

    def _needed(self, marker: int, body: bytes) -> bool:
        if marker == SOS:
            self._scan = body
        elif marker in SOFS:
            if self._frame:
                raise SyntaxError("two frames in one JPEG")
            self._frame, self._progressive = body, marker in PROGRESSIVE
        elif marker == APP1 and body.startswith(EXIF) and not self._has_exif:
            self._has_exif = True
            self.orientation = orientation.orientation(body[len(EXIF) + 1 :])
        elif marker == APP2 and body.startswith(ICC):
            self._icc_bytes += len(body)
            # Of one that is too large some parts are missing.
            if self._icc_bytes <= base.LARGEST_PROFILE:
                self._icc.append(body[len(ICC) :])
        if marker in TELLING:
            return len(body) >= TELLING[marker]
        return not (APP0 <= marker <= LAST_APP or marker == COMMENT)

    def _joined_profile(self) -> bytes | None:
        # Each part says which it is, and how many there are.
        parts = sorted((part for part in self._icc if len(part) > 2), key=lambda part: part[0])
        self._icc = []
        if not parts or parts[0][1] != len(parts):
            return None
        return b"".join(memoryview(part)[2:] for part in parts)

    def _has_end(self) -> bool:
        """Within the data of scans there is no marker. A ``SyntaxError`` for too many scans."""
        if sum(block.count(SCAN) for block in self._blocks()) > MOST_SCANS:
            raise SyntaxError("a JPEG of too many scans")
        found = self._search(END_OR_NEXT)
        return found is not None and found[0] == EOI

    def _search(self, pattern: re.Pattern[bytes]) -> tuple[bytes, int] | None:
        """The first two bytes like these behind the head, and where they are in the file."""
        at, last = self._start, b""
        for block in self._blocks():
            if found := pattern.search(last + block):
                return found[0], at - len(last) + found.start()
            at, last = at + len(block), block[-1:]
        return None

    def _read_components(self) -> list[Component]:
        listed = self._frame[6:]
        return [
            Component(number=listed[at], across=listed[at + 1] >> 4, down=listed[at + 1] & 15)
            for at in range(0, len(listed) - 2, 3)
        ]

    # --- memory -------------------------------------------------------------------------------

    def divisor(self, scale: float) -> int:
        """By how much a decode may be smaller, to be no less than ``scale``."""
        return next(divisor for divisor in (8, 4, 2, 1) if divisor * scale <= 1)

    def need(self, size: base.Size, scale: float) -> memory.Need:
        """For a decode, were the picture of this size."""
        sampling = [(one.across, one.down) for one in self._components]
        searched = self._split or self._unended
        return memory.jpeg(
            size,
            self.divisor(scale),
            mode=self._image.mode,
            sampling=sampling,
            held=self._held,
            head=self._read,
            file=base.length(self._file) if searched else 0,
            split=self._split,
        )

    def spare(self) -> None:
        """Decode one component after the other from now on, where that is possible."""
        self._split = jpeg_components.can_be_split(self._whole(), self.size, self._components)

    def _whole(self) -> bytes:
        # What is joined would be there twice.
        whole = io.BytesIO()
        whole.write(self._head)
        for block in self._blocks():
            whole.write(block)
        return whole.getvalue()

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

    # --- the pixels ---------------------------------------------------------------------------

    def decode(self, scale: float) -> Raster:
        """At no less than ``scale``. An ``OSError`` where part of it is missing."""
        if self._split:
            return self._decode_split(scale)
        try:
            return self._decode_whole(scale)
        except OSError:
            if not self._leave_next():
                raise
        return self._decode_whole(scale)

    def _leave_next(self) -> bool:
        """Whether something else begins before this picture has ended; it is then left out.

        libjpeg stumbles over its start, even where it has all pixels.
        """
        found = self._search(NEXT_PICTURE if self._held else NEXT_MARKER)
        if found is None:
            return False
        self._end = found[1]
        # The one there was has been drafted already.
        self._image = _Header(io.BytesIO(self._head))
        return True

    def _decode_whole(self, scale: float) -> Raster:
        header, divisor = self._image, self.divisor(scale)
        width, height = self.size
        # draft() takes the smaller of both ratios, so the box must have the picture's own shape.
        drafted = header.draft(None, (max(1, width // divisor), max(1, height // divisor)))
        extent = drafted[1] if drafted else (0, 0, width, height)
        image = Image.new(header.mode, header.size, None)
        arguments = (*(header.tile[0].args or ()), *header.decoderconfig)
        feed = base.Feed(base.new_decoder(image, "jpeg", arguments, (0, 0, *header.size)))
        try:
            if not feed(self._head) and not any(map(feed, self._blocks())):
                self._finish(feed)
        finally:
            feed.decoder.cleanup()
        return ImageRaster(image, extent=extent)

    def _decode_split(self, scale: float) -> Raster:
        files = jpeg_components.split(self._whole(), self.size, self._components)
        planes = [Jpeg(io.BytesIO(files.pop(0))).decode(scale) for _ in self._components]
        return jpeg_components.PlanesRaster(planes, luminance=self._has_luminance())

    def _has_luminance(self) -> bool:
        """As libjpeg guesses it."""
        info = self._image.info
        colours = len(self._components) == 3
        if colours and "jfif" in info:
            return True
        if "adobe_transform" in info:
            return bool(info["adobe_transform"])
        return colours and bytes(one.number for one in self._components) != b"RGB"

    def _finish(self, feed: base.Feed) -> None:
        """The file has no end marker: give it one if nothing else is missing.

        In one scan, the decoder is content once it has the last row. In several, it waits for one
        more: in that state it drops every byte that is no marker, and in the midst of a block it
        drops nothing until it has enough for all of it.
        """
        if feed(ONES * LOOKAHEAD):
            return
        for _ in range(2 * LOOKAHEAD):
            if feed.left or feed(ONES):
                raise OSError("the picture ends within a scan")
        whole = self._held and not lacks_something(self._whole(), self.size, self._components)
        if not whole or not feed(EOI):
            raise OSError("the picture ends between two scans")


def _next_marker(file: IO[bytes]) -> int:
    """Rubbish before it is skipped, as libjpeg does."""
    while True:
        here = file.tell()
        block = file.read(SKIPPED)
        if found := ANY_MARKER.search(block):
            file.seek(here + found.end())
            return found[1][0]
        if len(block) < SKIPPED:
            raise EOFError("the file ends too early")
        # The last byte may begin one.
        file.seek(here + len(block) - 1)
