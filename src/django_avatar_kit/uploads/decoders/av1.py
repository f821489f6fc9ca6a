"""AV1: the size and kind of the frames of a stream, from its headers.

A decoder allocates what the stream says, whatever the file around it says. Names are those of the
AV1 Bitstream & Decoding Process Specification, sections 5.3 to 5.9.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .bits import Bits

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..geometry import Size

SEQUENCE_HEADER, FRAME_HEADER, FRAME, REDUNDANT_FRAME_HEADER = 1, 3, 6, 7
KEY_FRAME, SWITCH_FRAME = 0, 3
HAS_EXTENSION, HAS_SIZE = 0x04, 0x02
#: The value of ``seq_force_screen_content_tools`` and ``seq_force_integer_mv`` that leaves the
#: choice to each frame.
SELECT = 2
#: The description of colours that stands for sRGB, which is never subsampled.
SRGB = (1, 13, 0)
#: Bytes. Headers are shorter: 32 operating points take a tenth of it.
LONGEST_HEADER = 1024
MOST_UNITS = 10_000


@dataclass(kw_only=True)
class Coded:
    """A sequence of frames, most often of one, as a decoder allocates memory for it."""

    size: Size
    """In px, of the largest frame that there can be."""
    frames: int = 0
    samples: float
    """Of a pixel's colours, 1 to 3, as the planes hold them."""
    deep: bool
    """Whether a sample has more than 8 bits."""
    grain: bool
    """Whether film grain may be applied, which takes another picture of the same size."""


def coded(streams: Iterable[bytes]) -> list[list[Coded]]:
    """The sequences of each stream. Raises ``SyntaxError`` for bad data, or too much of it."""
    left = MOST_UNITS
    result = []
    for data in streams:
        found: list[_Sequence] = []
        for kind, body in _units(data):
            left -= 1
            if left < 0:
                raise SyntaxError("a stream of AV1 in too many pieces")
            if kind == SEQUENCE_HEADER:
                found.append(_Sequence(Bits(body)))
            elif kind in {FRAME_HEADER, FRAME, REDUNDANT_FRAME_HEADER}:
                if not found:
                    raise SyntaxError("a frame of AV1 without its sequence")
                found[-1].add_frame(Bits(body))
        result.append([one.coded for one in found])
    return result


def _units(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The type and the first bytes of each unit (OBU)."""
    at = 0
    while at < len(data):
        head = data[at]
        at += 2 if head & HAS_EXTENSION else 1
        size = len(data) - at
        if head & HAS_SIZE:
            size, at = _leb128(data, at)
        yield head >> 3 & 15, data[at : min(at + size, at + LONGEST_HEADER)]
        at += size


def _leb128(data: bytes, at: int) -> tuple[int, int]:
    """A number of up to eight bytes, and where it ends."""
    value = 0
    for place, byte in enumerate(data[at : at + 8]):
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return value, at + place + 1
    raise SyntaxError("a size in a stream of AV1 that does not end")


class _Sequence:
    """A sequence header: what is wanted, and what it takes to read its frame headers."""

    def __init__(self, bits: Bits) -> None:
        profile = bits(3)
        bits()  # still_picture
        # reduced_still_picture_header: no frame has a size of its own.
        self._reduced = bool(bits())
        # Of the time that a frame is shown at; 0 without one.
        self._presentation_bits = 0
        if self._reduced:
            bits(5)  # seq_level_idx
        else:
            self._presentation_bits = _skip_operating_points(bits)
        across, down = bits(4) + 1, bits(4) + 1
        size = bits(across) + 1, bits(down) + 1
        # The largest frame, in px, that can be told in the bits for a frame's own size.
        self._most = 1 << across, 1 << down
        self._frame_id_bits = 0
        if not self._reduced and bits():
            self._frame_id_bits = bits(4) + 2  # delta_frame_id_length
            self._frame_id_bits += bits(3) + 1
        bits(3)  # 128 px superblocks, intra filter, intra edge filter
        self._tools, self._integer = (SELECT, SELECT) if self._reduced else _forced(bits)
        bits(3)  # superres, CDEF, restoration
        samples, deep = _samples(bits, profile)
        self.coded = Coded(size=size, samples=samples, deep=deep, grain=bool(bits()))

    def add_frame(self, bits: Bits) -> None:
        self.coded.frames += 1
        if self._has_own_size(bits):
            self.coded.size = self._most

    def _has_own_size(self, bits: Bits) -> bool:
        """Whether a frame says how large it is. If not, it is as large as its sequence."""
        if self._reduced or bits():  # show_existing_frame
            return False
        kind = bits(2)
        shown = bits()
        # showable_frame stands where a frame is not shown.
        bits(self._presentation_bits if shown else 1)
        if kind != SWITCH_FRAME and not (kind == KEY_FRAME and shown):
            bits()  # error_resilient_mode
        bits()  # disable_cdf_update
        tools = bits() if self._tools == SELECT else self._tools
        if tools and self._integer == SELECT:
            bits()  # force_integer_mv
        bits(self._frame_id_bits)
        return kind == SWITCH_FRAME or bool(bits())


def _skip_operating_points(bits: Bits) -> int:
    """Skip times and operating points. The result is how many bits a frame's time has."""
    presentation = delay = 0
    if bits():  # timing_info
        bits(64)
        equal = bits()
        if equal:
            zeros = 0
            while not bits():
                zeros += 1
            bits(zeros if zeros < 32 else 0)
        if bits():  # decoder_model_info
            delay = bits(5) + 1
            bits(37)
            # A frame has its time only where frames do not follow in equal steps.
            length = bits(5) + 1
            presentation = 0 if equal else length
    has_delay = bits()
    for _ in range(bits(5) + 1):
        bits(12)  # operating_point_idc
        if bits(5) > 7:  # seq_level_idx
            bits()  # seq_tier
        if delay and bits():
            bits(2 * delay + 1)
        if has_delay and bits():
            bits(4)
    return presentation


def _forced(bits: Bits) -> tuple[int, int]:
    """``seq_force_screen_content_tools`` and ``seq_force_integer_mv``."""
    bits(4)  # compounds, warped motion, dual filter
    has_order = bits()
    if has_order:
        bits(2)
    tools = SELECT if bits() else bits()
    integer = bits() if tools and not bits() else SELECT
    if has_order:
        bits(3)
    return tools, integer


def _samples(bits: Bits, profile: int) -> tuple[float, bool]:
    """Samples of a pixel, and whether they have more than 8 bits."""
    deep = bool(bits())
    twelve = bits() if profile == 2 and deep else 0
    grey = bits() if profile != 1 else 0
    described = (bits(8), bits(8), bits(8)) if bits() else None
    if grey:
        bits()  # color_range
        return 1, deep
    # 1 for half as many samples of the colour differences: across and down.
    across, down = {0: (1, 1), 2: (1, 0)}.get(profile, (0, 0))
    if described == SRGB:
        across = down = 0
    else:
        bits()  # color_range
        if twelve:
            across = bits()
            down = bits() if across else 0
        if across and down:
            bits(2)  # chroma_sample_position
    bits()  # separate_uv_delta_q
    return 1 + 2 / (1 + across) / (1 + down), deep
