"""The boxes of a file (ISO/IEC 14496-12) and the tables of its items (23008-12): AVIF and HEIF.

Only what is asked for is understood. Counts are limited, also for the sake of a decoder that reads
the same file: libavif allocates memory for each entry of a table, and searches one table for each
entry of another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Bytes of version and flags, with which many boxes begin.
VERSION = 4
#: A picture in tiles has some hundred of each.
MOST_BOXES = MOST_ENTRIES = 10_000
IN_FILE, IN_IDAT = 0, 1  # how an extent is found: in the file, or in the box "idat"

#: A kind of colour property: numbers instead of a profile.
IN_CODE_POINTS = int.from_bytes(b"nclx", "big")

Extent = tuple[int, int]
"""Where bytes start and end in the file."""


class Box(NamedTuple):
    """Where its body starts and ends."""

    kind: bytes
    start: int
    end: int


class ItemType(NamedTuple):
    """What an item is, and where that is written."""

    item: int
    kind: bytes
    start: int


class Reference(NamedTuple):
    """From an item to others: ``kind`` says what they are to it."""

    kind: bytes
    item: int
    others: tuple[int, ...]


class Numbers:
    """Reads numbers one after the other. One that is cut off is for the decoder to refuse."""

    def __init__(self, data: memoryview, at: int) -> None:
        self._data = data
        self.at = at

    def __call__(self, size: int) -> int:
        self.at += size
        return int.from_bytes(self._data[self.at - size : self.at], "big")

    def count(self, size: int = 4, most: int = MOST_ENTRIES) -> int:
        count = self(size)
        if count > most:
            raise SyntaxError("a file with too long a table")
        return count


class BoxReader:
    """Reads boxes, and counts them. Raises ``SyntaxError`` where there are too many."""

    def __init__(self, data: memoryview) -> None:
        self.data = data
        self._walked = 0

    def inside(self, start: int, end: int) -> Iterator[Box]:
        """The boxes between two places of the file."""
        while start + 8 <= end:
            self.tally()
            size, head = self.numbers(start)(4), 8
            if size == 1:
                size, head = self.numbers(start + 8)(8), 16
            elif size == 0:
                size = end - start
            kind = bytes(self.data[start + 4 : start + 8])
            yield Box(kind, start + head, min(start + max(size, head), end))
            start += max(size, head)

    def tally(self, boxes: int = 1) -> None:
        """Count boxes, or entries of their tables."""
        self._walked += boxes
        if self._walked > MOST_BOXES:
            raise SyntaxError("a file of too many boxes")

    def numbers(self, at: int) -> Numbers:
        return Numbers(self.data, at)

    def code_points(self, colours: Box) -> tuple[int, int] | None:
        """Of a box "colr", those of the primaries and of the transfer; None if it has others."""
        numbers = self.numbers(colours.start)
        return (numbers(2), numbers(2)) if numbers(4) == IN_CODE_POINTS else None

    # --- tables of items ----------------------------------------------------------------------

    def item_types(self, table: Box) -> Iterator[ItemType]:
        """Of the box "iinf"."""
        wide = self.numbers(table.start)(VERSION) >> 24
        for box in self.inside(table.start + VERSION + (4 if wide else 2), table.end):
            numbers = self.numbers(box.start)
            long = 4 if numbers(VERSION) >> 24 > 2 else 2
            item, _protection = numbers(long), numbers(2)
            kind = bytes(self.data[numbers.at : numbers.at + 4])
            if numbers.at + len(kind) <= box.end:
                yield ItemType(item, kind, numbers.at)

    def locations(self, table: Box) -> dict[int, list[tuple[int, Extent]]]:
        """Of the box "iloc": of each item, how its extents are found, and where they are."""
        numbers = self.numbers(table.start)
        version, sizes = numbers(VERSION) >> 24, numbers(2)
        offset_size, length_size, base_size = sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15
        index_size = sizes & 15 if version else 0
        long = 4 if version > 1 else 2
        found: dict[int, list[tuple[int, Extent]]] = {}
        for _ in range(numbers.count(long)):
            item = numbers(long)
            method = numbers(2) & 15 if version else IN_FILE
            _reference, base = numbers(2), numbers(base_size)
            for _ in range(numbers(2)):
                self.tally()
                _index, offset, length = map(numbers, (index_size, offset_size, length_size))
                start = base + offset
                end = start + length if length else len(self.data)
                found.setdefault(item, []).append((method, (start, end)))
        return found

    def references(self, table: Box) -> Iterator[Reference]:
        """Of the box "iref"."""
        long = 4 if self.numbers(table.start)(1) else 2
        for box in self.inside(table.start + VERSION, table.end):
            numbers = self.numbers(box.start)
            item, count = numbers(long), numbers(2)
            self.tally(count)
            yield Reference(box.kind, item, tuple(numbers(long) for _ in range(count)))

    def associations(self, table: Box) -> dict[int, list[int]]:
        """Of the box "ipma": of each item, the numbers of its properties, from 1."""
        numbers = self.numbers(table.start)
        version_and_flags = numbers(VERSION)
        long, wide = 4 if version_and_flags >> 24 else 2, 1 + (version_and_flags & 1)
        # The first bit says whether a reader must understand the property.
        number = 0x7FFF if wide > 1 else 0x7F
        found: dict[int, list[int]] = {}
        for _ in range(numbers.count()):
            item, count = numbers(long), numbers(1)
            self.tally(count)
            found.setdefault(item, []).extend(numbers(wide) & number for _ in range(count))
        return found
