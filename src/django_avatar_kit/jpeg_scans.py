"""Whether a JPEG that has no end marker lacks anything else: told from the heads of its scans."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SOS, DRI = 0xDA, 0xDD
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
class Scan:
    head: bytes
    interval: int
    """Units between two restart markers; 0 where there are none."""
    restarts: int
    """How many of these markers there are."""

    @property
    def numbers(self) -> bytes:
        """Of its components."""
        return self.head[1 : 1 + 2 * self.head[0] : 2]


def lacks_something(data: bytes, size: tuple[int, int], components: Sequence[Component]) -> bool:
    """Whether some coefficient never came, or not to its last bit.

    What is missing within the last restart interval of a scan, only a decoder can tell.
    """
    seen: set[tuple[int, int]] = set()
    for scan in scans(data):
        if scan.restarts >= _restarts(scan, size, components):
            seen |= _to_the_last_bit(scan)
    wanted = {(one.number, place) for one in components for place in range(COEFFICIENTS)}
    return not wanted <= seen


def scans(data: bytes) -> Iterator[Scan]:
    """All scans of a whole file."""
    interval = begin = 0
    head = b""
    at = 2
    while found := NEXT_MARKER.search(data, at):
        if head:
            restarts = len(RESTART.findall(data, begin, found.start()))
            yield Scan(head=head, interval=interval, restarts=restarts)
            head = b""
        at = found.end()
        marker = found[1][0]
        if marker in ALONE:
            continue
        begin = at + int.from_bytes(data[at : at + 2], "big")
        body = data[at + 2 : begin]
        if marker == SOS:
            head = body
        elif marker == DRI:
            interval = int.from_bytes(body, "big")
        at = begin
    if head:
        yield Scan(head=head, interval=interval, restarts=len(RESTART.findall(data, begin)))


def _restarts(scan: Scan, size: tuple[int, int], components: Sequence[Component]) -> int:
    """How many restart markers it must have."""
    chosen = [one for one in components if one.number in scan.numbers]
    if not scan.interval or not chosen:
        return 0
    across = down = 1
    if len(chosen) == 1:
        # A single component comes block by block; several come in units that have them all.
        across, down = chosen[0].across, chosen[0].down
    width = -(-size[0] * across // (BLOCK_SIDE * max(one.across for one in components)))
    height = -(-size[1] * down // (BLOCK_SIDE * max(one.down for one in components)))
    return -(-width * height // scan.interval) - 1


def _to_the_last_bit(scan: Scan) -> set[tuple[int, int]]:
    """Component and place of the coefficients that are complete after it."""
    spectral = scan.head[1 + 2 * scan.head[0] :]
    # The first and the last coefficient, and how many bits were left out, before and now.
    if len(spectral) < 3 or spectral[2] & 15:
        return set()
    return {
        (number, place)
        for number in scan.numbers
        for place in range(spectral[0], min(spectral[1], COEFFICIENTS - 1) + 1)
    }
