"""Splits a JPEG of several scans into a grey JPEG for each component, and joins their pixels.

A codec keeps all coefficients until the last scan has come; those of one component are a third.
Most scans have one component alone and are copied as they are. The others have the first (DC)
coefficients of all components, block by block. These are separated by the lengths of their Huffman
codes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from PIL import Image, ImageChops

from ..rasters import BAND
from .jpeg_scans import BLOCK_SIDE, DRI, EOI, RESTART, SOS, segments

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..geometry import Edges, Part, Size
    from ..rasters import Raster
    from .jpeg_scans import Component, Segment

SOI = b"\xff\xd8"
DHT, DQT = 0xC4, 0xDB
#: Frames with Huffman codes: baseline, extended, progressive.
SOF0, SOF1, SOF2 = 0xC0, 0xC1, 0xC2
STUFFED, ONES = b"\xff\0", b"\xff"

#: Bytes of a scan that are handled at a time. As text they take a hundred times as much.
PIECE = 16 * 1024
LONGEST_CODE, LONGEST_VALUE = 16, 15  # bits
#: In a scan. Encoders write one for each row of blocks at the most, and each takes its time.
MOST_RESTARTS = 20_000
#: Scans of several components: the first bits of all DC coefficients, and a few more bits.
MOST_SHARED = 4


def can_be_split(data: bytes, size: Size, components: Sequence[Component]) -> bool:
    """Whether ``split`` can do it, and in a time that is within reason."""
    if len(components) < 2 or any((one.across, one.down) != (1, 1) for one in components):
        return False
    frame = shared = 0
    for segment in segments(data):
        if segment.marker in {SOF0, SOF1, SOF2}:
            frame = segment.marker
        elif segment.marker == DRI:
            interval = int.from_bytes(segment.body, "big")
            if interval and _blocks(size) > MOST_RESTARTS * interval:
                return False
        elif segment.marker == SOS and segment.body[0] > 1:
            shared += 1
            if frame != SOF2 or segment.spectral[:2] != b"\0\0" or shared > MOST_SHARED:
                return False
    return bool(frame)


def _blocks(size: Size) -> int:
    return -(-size[0] // BLOCK_SIDE) * -(-size[1] // BLOCK_SIDE)


def split(data: bytes, size: Size, components: Sequence[Component]) -> list[bytearray]:
    """One file for each component. It has an end marker if ``data`` has one.

    Raises ``SyntaxError`` where codes make no sense.
    """
    blocks = _blocks(size)
    files = {one.number: bytearray(SOI) for one in components}
    patterns: dict[int, str] = {}
    interval = blocks
    for segment in segments(data):
        if segment.marker == SOS:
            scans: Sequence[bytes | bytearray] = [data[segment.begin : segment.end]]
            if segment.body[0] > 1:
                scans = _separated(scans[0], segment.body, patterns, blocks, interval)
            for at, (number, scan) in enumerate(zip(segment.numbers, scans, strict=True)):
                head = b"\1" + segment.body[1 + 2 * at : 3 + 2 * at] + segment.spectral
                files[number].extend(_segment(SOS, head) + scan)
            continue
        if segment.marker == DHT:
            patterns |= _patterns(segment.body)
        elif segment.marker == DRI:
            interval = int.from_bytes(segment.body, "big") or blocks
        for at, file in enumerate(files.values()):
            file.extend(_for_one(segment, at))
    return list(files.values())


def _for_one(segment: Segment, at: int) -> bytes:
    """A segment outside of scans, as the file of the component number ``at`` has it."""
    marker, body = segment.marker, segment.body
    if marker in {SOF0, SOF1, SOF2}:
        return _segment(marker, body[:5] + b"\1" + body[6 + 3 * at :][:3])
    if marker in {DHT, DQT, DRI}:
        return _segment(marker, body)
    return bytes([0xFF, EOI]) if marker == EOI else b""


def _segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + (len(body) + 2).to_bytes(2, "big") + body


# --- DC coefficients --------------------------------------------------------------------------


def _patterns(tables: bytes) -> dict[int, str]:
    """By the number of a DC table: a pattern of any of its codes, with the value that follows."""
    found = {}
    while tables:
        kind, counts = tables[0], tables[1:17]
        symbols, tables = tables[17 : 17 + sum(counts)], tables[17 + sum(counts) :]
        if kind > 3:  # a table for AC coefficients
            continue
        codes = []
        code = at = 0
        for length, count in enumerate(counts, 1):
            for symbol in symbols[at : at + count]:
                if symbol > LONGEST_VALUE or code >> length:
                    raise SyntaxError("a table of codes that there cannot be")
                codes.append(f"{code:0{length}b}[01]{{{symbol}}}")
                code += 1
            code <<= 1
            at += count
        found[kind] = "|".join(codes)
    return found


def _separated(
    scan: bytes | bytearray, head: bytes, patterns: Mapping[int, str], blocks: int, interval: int
) -> list[bytearray]:
    """A scan of DC coefficients as one for each of its components."""
    if head[-1] >> 4:
        # A later scan has one more bit of each, and no codes.
        kinds = ["[01]"] * head[0]
    else:
        kinds = [patterns[tables >> 4] for tables in head[2 : 2 + 2 * head[0] : 2]]
    # The last group finds whatever remains.
    pattern = re.compile("".join(f"({kind})" for kind in kinds) + "|([01]+)")
    scans = [bytearray() for _ in kinds]
    at = 0
    for left in range(blocks, 0, -interval):
        found = RESTART.search(scan, at)
        end, after = found.span() if found else (len(scan), len(scan))
        columns = _columns(scan[at:end], pattern, min(left, interval))
        for into, bits in zip(scans, columns, strict=True):
            into.extend(bits.finished() + scan[end:after])
        at = after
    return scans


def _columns(coded: bytes | bytearray, pattern: re.Pattern[str], count: int) -> list[_Bits]:
    """The codes of ``count`` blocks, component by component."""
    columns = [_Bits() for _ in range(pattern.groups - 1)]
    most = len(columns) * (LONGEST_CODE + LONGEST_VALUE)
    coded = coded.replace(STUFFED, ONES)
    text = ""
    for at in range(0, len(coded), PIECE):
        # A byte of ones in front keeps the zeros at the start, and is cut off again.
        text += f"{int.from_bytes(ONES + coded[at : at + PIECE], 'big'):b}"[8:]
        rows = pattern.findall(text)
        text = rows.pop()[-1] if rows[-1][-1] else ""
        rows = rows[:count]
        count -= len(rows)
        for column, codes in zip(columns, zip(*rows, strict=True), strict=False):
            column.add("".join(codes))
        if not count:
            return columns
        if len(text) >= most:
            break
    raise SyntaxError("a scan of codes that there cannot be")


class _Bits:
    """Bytes of a scan, made of text of ones and zeros."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._text = ""

    def add(self, text: str) -> None:
        self._text += text
        whole = len(self._text) // 8
        self._bytes += int(self._text[: 8 * whole] or "0", 2).to_bytes(whole, "big")
        self._text = self._text[8 * whole :]

    def finished(self) -> bytes:
        """Filled up with ones, as encoders do."""
        self.add("1" * (-len(self._text) % 8))
        return bytes(self._bytes).replace(ONES, STUFFED)


# --- joined -----------------------------------------------------------------------------------


class PlanesRaster:
    """Components that were decoded one by one, in colour again."""

    def __init__(self, planes: Sequence[Raster], *, luminance: bool) -> None:
        """``luminance``: the first three are luminance and two differences, not colours."""
        self.size: Size = planes[0].size
        self.extent: Edges = planes[0].extent
        self._planes = planes
        self._luminance = luminance

    def part(self, part: Part) -> Image.Image:
        left, top, right, bottom = part
        mode = "RGB" if len(self._planes) == 3 else "CMYK"
        image = Image.new(mode, (right - left, bottom - top))
        rows = max(1, BAND // (right - left))
        for upper in range(top, bottom, rows):
            band = self._joined((left, upper, right, min(upper + rows, bottom)))
            image.paste(band, (0, upper - top))
        return image

    def _joined(self, part: Part) -> Image.Image:
        planes = [plane.part(part) for plane in self._planes]
        colours = Image.merge("YCbCr" if self._luminance else "RGB", planes[:3]).convert("RGB")
        if len(planes) == 3:
            return colours
        # Inks are stored inverted, and once more where they are luminance.
        inks = colours if self._luminance else ImageChops.invert(colours)
        return Image.merge("CMYK", (*inks.split(), ImageChops.invert(planes[3])))
