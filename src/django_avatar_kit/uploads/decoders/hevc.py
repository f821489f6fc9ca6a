"""HEVC: the one picture of a stream, and how large it is, from its headers.

A decoder allocates what the stream says, whatever the file around it says; and it takes parameters
and pictures from wherever they come. So the parameters are read here, and only slices of one
picture are passed on. Names are those of Rec. ITU-T H.265, sections 7.3.1 to 7.3.2; the record of
the parameters is that of ISO/IEC 14496-15.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .bits import Bits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..geometry import Size

VPS, SPS, PPS = 32, 33, 34
#: Types of slices of a picture that needs no other one.
FIRST_INTRA, LAST_INTRA = 16, 21
#: Bytes of the record before its parameter sets.
RECORD = 22
#: Bytes of a record. A real encoder writes about a hundred.
LONGEST_RECORD = 1 << 14
#: Bytes of a sequence parameter set that are read: six sub-layers take a third of it.
LONGEST_HEADER = 256
#: Slice segments of a picture: no level of HEVC allows more.
MOST_SLICES = 600
LONGEST_NUMBER = 4  # bytes, of the length that precedes a unit
SIDE, MARGIN = 1 << 16, 128  # px: at the most, and of these not shown
DEEPEST = 16  # bits of a sample
#: Px for one sample of the colour differences, across and down. Grey has none.
CHROMA = {0: (1, 1), 1: (2, 2), 2: (2, 1), 3: (1, 1)}


@dataclass(frozen=True, kw_only=True)
class Coded:
    """A picture as a decoder allocates memory for it."""

    coded: Size
    """In px, whole blocks."""
    size: Size
    """In px, as it is shown."""
    chroma: int
    """``chroma_format_idc``: 0 for grey, 1 for 4:2:0, 2 for 4:2:2, 3 for 4:4:4."""
    depths: tuple[int, int]
    """Bits of a sample: of luma, and of chroma."""
    profile: bytes
    """Twelve bytes of profile, tier and level."""

    @property
    def deep(self) -> bool:
        """Whether a sample has more than 8 bits."""
        return max(self.depths) > 8


class Parameters:
    """The record of a stream's parameters, ``hvcC``. Raises ``SyntaxError`` for a bad one."""

    def __init__(self, record: bytes) -> None:
        if len(record) > LONGEST_RECORD:
            raise SyntaxError("an HEVC stream of too many parameters")
        #: The parameter sets, in their order.
        self.units: list[bytes] = []
        #: Bytes of the length before each unit of the stream.
        self.length_size = 1 + (record[RECORD - 1] & 3) if len(record) > RECORD else 0
        found = set()
        for unit in _sets(record):
            kind = _type_of(unit)
            if kind == SPS:
                found.add(_read_sps(unit))
            if kind in {VPS, SPS, PPS}:
                self.units.append(unit)
        if len(found) != 1:
            raise SyntaxError("an HEVC stream without its size, or of several sizes")
        (self.coded,) = found

    def record(self) -> bytes:
        """As :meth:`picture` needs it: nothing but what was read here."""
        luma, chroma = (depth - 8 for depth in self.coded.depths)
        head = b"\1" + self.coded.profile + b"\xf0\0\xfc"
        head += bytes([0xFC | self.coded.chroma, 0xF8 | luma & 7, 0xF8 | chroma & 7, 0, 0, 0x0B])
        sets = (
            bytes([0x80 | _type_of(unit), 0, 1]) + len(unit).to_bytes(2, "big") + unit
            for unit in self.units
        )
        return head + bytes([len(self.units)]) + b"".join(sets)

    def picture(self, stream: memoryview) -> bytes:
        """The slices of the first picture of a stream, each with its length in four bytes.

        Raises ``EOFError`` where one is cut off, and ``SyntaxError`` where there is none.
        """
        slices: list[bytes | memoryview] = []
        for unit in self._units(stream):
            if not FIRST_INTRA <= _type_of(unit) <= LAST_INTRA or len(unit) < 3:
                continue
            starts = unit[2] & 0x80  # first_slice_segment_in_pic_flag
            if starts and slices:
                break
            slices += [len(unit).to_bytes(LONGEST_NUMBER, "big"), unit]
            if len(slices) > 2 * MOST_SLICES:
                raise SyntaxError("an HEVC picture of too many slices")
        if not slices:
            raise SyntaxError("an HEVC stream without a picture")
        return b"".join(slices)

    def _units(self, stream: memoryview) -> Iterator[memoryview]:
        at = 0
        while at < len(stream):
            start = at + self.length_size
            at = start + int.from_bytes(stream[at:start], "big")
            if at > len(stream):
                raise EOFError("an HEVC stream that ends too early")
            yield stream[start:at]


def _type_of(unit: bytes | memoryview) -> int:
    """``nal_unit_type``; -1 for a unit of another layer, or without a header."""
    if len(unit) < 2 or unit[0] & 0x81 or unit[1] >> 3:
        return -1
    return unit[0] >> 1


def _sets(record: bytes) -> Iterator[bytes]:
    """The units of all arrays of a record."""
    at = RECORD + 1
    for _ in range(record[RECORD] if len(record) > RECORD else 0):
        count = int.from_bytes(record[at + 1 : at + 3], "big")
        at += 3
        for _ in range(count):
            size = int.from_bytes(record[at : at + 2], "big")
            at += 2 + size
            if at > len(record):
                raise SyntaxError("a record of HEVC that ends too early")
            yield record[at - size : at]


def _read_sps(unit: bytes) -> Coded:
    """The beginning of a sequence parameter set."""
    # A decoder takes out the 3 wherever it reads 0, 0, 3.
    bits = Bits(unit[2:LONGEST_HEADER].replace(b"\0\0\3", b"\0\0"))
    bits(4)  # sps_video_parameter_set_id
    sub_layers = bits(3)
    bits()  # sps_temporal_id_nesting_flag
    profile = bits(96).to_bytes(12, "big")
    _skip_sub_layers(bits, sub_layers)
    bits.exp_golomb()  # sps_seq_parameter_set_id
    chroma = bits.exp_golomb()
    if chroma not in CHROMA:
        raise SyntaxError("an HEVC stream of unknown colours")
    if chroma == 3:
        bits()  # separate_colour_plane_flag
    width, height = bits.exp_golomb(), bits.exp_golomb()
    across, down = CHROMA[chroma]
    left = right = top = bottom = 0
    if bits():  # conformance_window_flag
        left, right, top, bottom = (bits.exp_golomb() for _ in range(4))
    shown = width - across * (left + right), height - down * (top + bottom)
    depths = 8 + bits.exp_golomb(), 8 + bits.exp_golomb()
    more = max(width - shown[0], height - shown[1])
    if min(shown) < 1 or more > MARGIN or max(width, height) > SIDE or max(depths) > DEEPEST:
        raise SyntaxError("an HEVC stream of impossible numbers")
    return Coded(coded=(width, height), size=shown, chroma=chroma, depths=depths, profile=profile)


def _skip_sub_layers(bits: Bits, count: int) -> None:
    """Profiles and levels of sub-layers, which a picture does not have."""
    flags = [(bits(), bits()) for _ in range(count)]
    bits(2 * (8 - count) if count else 0)
    for has_profile, has_level in flags:
        bits(88 * has_profile + 8 * has_level)
