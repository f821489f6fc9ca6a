"""AV1: how large the frames of a stream are, and of what kind, told from its headers.

A decoder makes room for what the stream says of itself, whatever the file around it says. Names
are those of the AV1 Bitstream & Decoding Process Specification, sections 5.3 to 5.9.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .base import Size

SEQUENCE_HEADER, FRAME_HEADER, FRAME, REDUNDANT_FRAME_HEADER = 1, 3, 6, 7
#: What ``seq_force_screen_content_tools`` says where each frame chooses.
SELECT = 2
HAS_EXTENSION, HAS_SIZE = 0x04, 0x02
#: Headers are shorter than this, in bytes: 32 operating points take a tenth of it.
LONGEST_HEADER = 1024
#: The three values that stand for sRGB, which is never subsampled.
SRGB = (1, 13, 0)
MOST_UNITS = 10_000


@dataclass(frozen=True, kw_only=True)
class Coded:
    """What a decoder has to make room for: a sequence of frames, most often of a single one."""

    size: Size
    """In px, of the largest frame there can be."""
    frames: int
    samples: float
    """Of a pixel's colours, as the planes hold them."""
    deep: bool
    """Whether a sample has more than 8 bits."""
    grain: bool
    """Whether a film's grain may be put on, which takes another picture of the same size."""


@dataclass(kw_only=True)
class _Sequence:
    coded: Coded
    most: Size
    """The largest frame, in px, that could be told in the bits which a frame has for its size."""
    reduced: bool
    """Whether it is a still picture with headers cut short: no frame has a size of its own."""
    forced_tools: int
    forced_integer: int
    frame_id_bits: int
    presentation_bits: int
    """Of a time that a frame is shown at; 0 without one."""


def coded(streams: Iterable[bytes]) -> list[list[Coded]]:
    """The sequences of each stream. Raises ``SyntaxError`` for what is none, or in many pieces."""
    left = MOST_UNITS
    result = []
    for data in streams:
        found: list[_Sequence] = []
        for kind, body in _units(data):
            left -= 1
            if left < 0:
                raise SyntaxError("a stream of AV1 in too many pieces")
            if kind == SEQUENCE_HEADER:
                found.append(_sequence(_Bits(body)))
            elif kind in {FRAME_HEADER, FRAME, REDUNDANT_FRAME_HEADER}:
                if not found:
                    raise SyntaxError("a frame of AV1 without its sequence")
                found[-1].coded = _with_frame(_Bits(body), found[-1])
        result.append([one.coded for one in found])
    return result


def _with_frame(bits: _Bits, sequence: _Sequence) -> Coded:
    before = sequence.coded
    size = sequence.most if _has_own_size(bits, sequence) else before.size
    return replace(before, size=size, frames=before.frames + 1)


def _units(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The kind and the body of each unit (OBU)."""
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


class _Bits:
    """The bits of a header, from its start."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    def __call__(self, count: int = 1) -> int:
        self._left -= count
        if self._left < 0:
            raise SyntaxError("a header in a stream of AV1 that ends too early")
        return self._value >> self._left & ((1 << count) - 1)

    def skip(self, *counts: int) -> None:
        for count in counts:
            self(count)

    def skip_uvlc(self) -> None:
        """A number in a code of variable length."""
        zeros = 0
        while not self():
            zeros += 1
        if zeros < 32:
            self(zeros)


def _sequence(bits: _Bits) -> _Sequence:
    profile = bits(3)
    bits()  # still_picture
    reduced = bool(bits())
    presentation = 0
    if reduced:
        bits(5)  # seq_level_idx
    else:
        presentation = _skip_operating(bits)
    across, down = bits(4) + 1, bits(4) + 1
    width, height = bits(across) + 1, bits(down) + 1
    frame_id = 0
    if not reduced and bits():
        frame_id = bits(4) + 2  # delta_frame_id_length
        frame_id += bits(3) + 1
    bits.skip(1, 1, 1)  # 128 px superblocks, intra filter, intra edge filter
    tools = integer = SELECT
    if not reduced:
        tools, integer = _tools(bits)
    bits.skip(1, 1, 1)  # superres, CDEF, restoration
    samples, deep = _colours(bits, profile)
    return _Sequence(
        coded=Coded(
            size=(width, height), frames=0, samples=samples, deep=deep, grain=bool(bits())
        ),
        most=(1 << across, 1 << down),
        reduced=reduced,
        forced_tools=tools,
        forced_integer=integer,
        frame_id_bits=frame_id,
        presentation_bits=presentation,
    )


def _skip_operating(bits: _Bits) -> int:
    """Times and operating points. How many bits the time has that a frame is shown at."""
    presentation = delay = 0
    has_model = False
    if bits():  # timing_info
        bits.skip(32, 32)
        equal = bits()
        if equal:
            bits.skip_uvlc()
        has_model = bool(bits())
        if has_model:
            delay = bits(5) + 1
            bits.skip(32, 5)
            # A time is told where pictures do not follow in equal steps.
            length = bits(5) + 1
            presentation = 0 if equal else length
    has_delay = bits()
    for _ in range(bits(5) + 1):
        bits(12)  # operating_point_idc
        if bits(5) > 7:  # seq_level_idx
            bits()  # seq_tier
        if has_model and bits():
            bits.skip(delay, delay, 1)
        if has_delay and bits():
            bits(4)
    return presentation


def _tools(bits: _Bits) -> tuple[int, int]:
    """``seq_force_screen_content_tools`` and ``seq_force_integer_mv``."""
    bits.skip(1, 1, 1, 1)  # compounds, warped motion, dual filter
    has_order = bits()
    if has_order:
        bits.skip(1, 1)
    tools = SELECT if bits() else bits()
    integer = SELECT
    if tools and not bits():
        integer = bits()
    if has_order:
        bits(3)
    return tools, integer


def _colours(bits: _Bits, profile: int) -> tuple[float, bool]:
    """Samples of a pixel, and whether they have more than 8 bits."""
    deep = bool(bits())
    twelve = bits() if profile == 2 and deep else 0
    grey = bits() if profile != 1 else 0
    described = tuple(bits(8) for _ in range(3)) if bits() else None
    if grey:
        bits()  # color_range
        return 1, deep
    across = down = 0
    if described != SRGB:
        bits()  # color_range
        across, down = _subsampled(bits, profile, twelve)
        if across and down:
            bits(2)  # chroma_sample_position
    bits()  # separate_uv_delta_q
    return 1 + 2 / (1 + across) / (1 + down), deep


def _subsampled(bits: _Bits, profile: int, twelve: int) -> Size:
    """Whether there are half as many samples of colours, across and down."""
    if profile != 2:
        return (1, 1) if profile == 0 else (0, 0)
    if not twelve:
        return 1, 0
    across = bits()
    return across, bits() if across else 0


KEY_FRAME, SWITCH_FRAME = 0, 3


def _has_own_size(bits: _Bits, sequence: _Sequence) -> bool:
    """Whether a frame says how large it is, instead of as large as its sequence."""
    if sequence.reduced or bits():  # show_existing_frame
        return False
    kind = bits(2)
    shown = bits()
    if shown:
        bits(sequence.presentation_bits)
    else:
        bits()  # showable_frame
    if kind != SWITCH_FRAME and not (kind == KEY_FRAME and shown):
        bits()  # error_resilient_mode
    bits()  # disable_cdf_update
    tools = bits() if sequence.forced_tools == SELECT else sequence.forced_tools
    if tools and sequence.forced_integer == SELECT:
        bits()  # force_integer_mv
    bits(sequence.frame_id_bits)
    return kind == SWITCH_FRAME or bool(bits())
