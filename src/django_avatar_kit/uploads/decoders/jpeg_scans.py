"""Whether a JPEG that has no end marker lacks anything else: told from the heads of its scans."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

EOI, SOS, DRI = 0xD9, 0xDA, 0xDD
ALONE = frozenset({0x01, *range(0xD0, 0xDA)})
"""Markers without a segment."""

# In the data of a scan, 0xFF is followed by zero or by a restart marker, and by nothing else.
NEXT_MARKER = re.compile(rb"\xff+([\x01-\xcf\xd8-\xfe])")
RESTART = re.compile(rb"\xff[\xd0-\xd7]")

BLOCK_SIDE = 8  # px
COEFFICIENTS = 64  # of a block


@dataclass(frozen=True, kw_only=True)
class Component:
    """Of the frame: a plane of the picture."""

    number: int
    across: int
    """How many of its blocks lie side by side in a unit of all components; ``down``: in rows."""
    down: int


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A marker and what belongs to it."""

    marker: int
    body: bytes
    begin: int
    """Where the coded data of a scan starts in the file, and where it ends."""
    end: int

    @property
    def numbers(self) -> bytes:
        """Of the components of a scan."""
        return self.body[1 : 1 + 2 * self.body[0] : 2]


def lacks_something(data: bytes, size: tuple[int, int], components: Sequence[Component]) -> bool:
    """Whether some coefficient never came, or not to its last bit.

    What is missing within the last restart interval of a scan, only a decoder can tell.
    """
    seen: set[tuple[int, int]] = set()
    interval = 0
    for one in segments(data):
        if one.marker == DRI:
            interval = int.from_bytes(one.body, "big")
        elif one.marker == SOS and len(one.body) > 2 * one.body[0]:
            restarts = sum(1 for _ in RESTART.finditer(data, one.begin, one.end))
            if restarts >= _restarts(one.numbers, interval, size, components):
                seen |= _to_the_last_bit(one)
    wanted = {(one.number, place) for one in components for place in range(COEFFICIENTS)}
    return not wanted <= seen


def segments(data: bytes) -> Iterator[Segment]:
    """Those of a whole file that have a body, and the end of the picture if it is there."""
    at = 2
    while found := NEXT_MARKER.search(data, at):
        at = found.end()
        marker = found[1][0]
        if marker == EOI:
            # What follows is another picture, if anything.
            yield Segment(marker=marker, body=b"", begin=at, end=at)
            return
        if marker in ALONE:
            continue
        begin = at + int.from_bytes(data[at : at + 2], "big")
        body = data[at + 2 : begin]
        at = begin
        if marker == SOS:
            behind = NEXT_MARKER.search(data, begin)
            at = behind.start() if behind else len(data)
        if body:
            yield Segment(marker=marker, body=body, begin=begin, end=at)


def _restarts(
    numbers: bytes, interval: int, size: tuple[int, int], components: Sequence[Component]
) -> int:
    """How many restart markers a scan must have."""
    chosen = [one for one in components if one.number in numbers]
    if not interval or not chosen:
        return 0
    across = down = 1
    if len(chosen) == 1:
        # A single component comes block by block; several come in units that have them all.
        across, down = chosen[0].across, chosen[0].down
    width = -(-size[0] * across // (BLOCK_SIDE * max(one.across for one in components)))
    height = -(-size[1] * down // (BLOCK_SIDE * max(one.down for one in components)))
    return -(-width * height // interval) - 1


def _to_the_last_bit(scan: Segment) -> set[tuple[int, int]]:
    """Component and place of the coefficients that are complete after it."""
    spectral = scan.body[1 + 2 * scan.body[0] :]
    # The first and the last coefficient, and how many bits were left out, before and now.
    if len(spectral) < 3 or spectral[2] & 15:
        return set()
    return {
        (number, place)
        for number in scan.numbers
        for place in range(spectral[0], min(spectral[1], COEFFICIENTS - 1) + 1)
    }
