"""The segments and scans of a whole JPEG, and whether a file without end marker is complete."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..geometry import Size

EOI, SOS, DRI = 0xD9, 0xDA, 0xDD
#: Markers that no body follows.
WITHOUT_BODY = frozenset({0x01, *range(0xD0, 0xDA)})

#: In the data of a scan, only zero or a restart marker follows 0xFF. Outside of it, any number of
#: the same bytes may come before a marker; they are passed over one by one.
NEXT_MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")
RESTARTS = tuple(bytes([0xFF, marker]) for marker in range(0xD0, 0xD8))

#: Encoders write a few for each scan.
MOST_SEGMENTS = 2000

BLOCK_SIDE = 8  # px
COEFFICIENTS = 64  # of a block


@dataclass(frozen=True, kw_only=True)
class Component:
    """A plane of the picture, as luminance or one ink."""

    number: int
    across: int
    """Blocks side by side in a unit of all components; ``down``: one above the other."""
    down: int


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A marker and its body; of a scan, also the coded data that follows."""

    marker: int
    body: bytes
    begin: int
    """Where the coded data begins in the file, and where it ends."""
    end: int

    @property
    def numbers(self) -> bytes:
        """Of the components of a scan."""
        return self.body[1 : 1 + 2 * self.body[0] : 2]

    @property
    def spectral(self) -> bytes:
        """First and last coefficient of a scan, and the bits left out, before it and after it."""
        return self.body[1 + 2 * self.body[0] :]


def segments(data: bytes) -> Iterator[Segment]:
    """The segments that have a body, and the end of the picture if it has one.

    Raises ``SyntaxError`` for too many.
    """
    at = 2
    for _ in range(MOST_SEGMENTS):
        found = NEXT_MARKER.search(data, at)
        if found is None:
            return
        at = found.end()
        marker = found[1][0]
        if marker == EOI:
            # Anything that follows is another picture.
            yield Segment(marker=marker, body=b"", begin=at, end=at)
            return
        if marker in WITHOUT_BODY:
            continue
        begin = at + int.from_bytes(data[at : at + 2], "big")
        body = data[at + 2 : begin]
        at = begin
        if marker == SOS:
            behind = NEXT_MARKER.search(data, begin)
            at = behind.start() if behind else len(data)
        if body:
            yield Segment(marker=marker, body=body, begin=begin, end=at)
    raise SyntaxError("a JPEG of too many segments")


def is_complete(data: bytes, size: Size, components: Sequence[Component]) -> bool:
    """Whether the scans have every coefficient, down to its last bit. Raises ``SyntaxError``.

    Only a codec can tell what is missing in the last restart interval of a scan.
    """
    seen: set[tuple[int, int]] = set()
    interval = 0
    for segment in segments(data):
        if segment.marker == DRI:
            interval = int.from_bytes(segment.body, "big")
        elif segment.marker == SOS:
            # Not one by one, since there may be millions.
            restarts = sum(data.count(one, segment.begin, segment.end) for one in RESTARTS)
            if restarts >= _restarts(segment.numbers, interval, size, components):
                seen |= _completed(segment)
    wanted = {(one.number, place) for one in components for place in range(COEFFICIENTS)}
    return wanted <= seen


def _restarts(numbers: bytes, interval: int, size: Size, components: Sequence[Component]) -> int:
    """How many restart markers a scan of these components must have."""
    chosen = [one for one in components if one.number in numbers]
    if not interval or not chosen:
        return 0
    across = down = 1
    if len(chosen) == 1:
        # A single component comes block by block; several come in units that have all of them.
        across, down = chosen[0].across, chosen[0].down
    width = -(-size[0] * across // (BLOCK_SIDE * max(one.across for one in components)))
    height = -(-size[1] * down // (BLOCK_SIDE * max(one.down for one in components)))
    return -(-width * height // interval) - 1


def _completed(scan: Segment) -> set[tuple[int, int]]:
    """Component and place of the coefficients that have all their bits after this scan."""
    spectral = scan.spectral
    if len(spectral) < 3 or spectral[2] & 15:
        return set()
    last = min(spectral[1], COEFFICIENTS - 1)
    return {(number, at) for number in scan.numbers for at in range(spectral[0], last + 1)}
