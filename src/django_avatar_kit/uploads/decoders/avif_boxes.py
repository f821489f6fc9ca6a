"""The boxes of an AVIF: where its streams of AV1 are, and what libavif is not to look at.

Boxes within boxes, as ISO/IEC 14496-12 and 23008-12 have them. Only what is asked for is
understood; anything else that is wrong is for libavif to find out. The counts are limited for its
sake: it makes room for each entry of a table, and looks through one table for each of another.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Boxes of an animation that hold the others.
FOLDERS = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl"})
#: Bytes of a version and flags, with which many boxes begin.
VERSION = 4
#: A picture in tiles has some hundred of each.
MOST_BOXES = MOST_ENTRIES = 10_000
#: Of an animation: an hour at 25 a second.
MOST_FRAMES = 100_000
MOST_LOOKS = 10_000_000
AV1, EXIF = b"av01", b"Exif"
IN_IDAT = 1
#: Properties that choose among the layers of a picture.
LAYERS = frozenset({b"a1op", b"lsel"})

Place = tuple[int, int]
"""Where bytes start and end in the file."""


class Box(NamedTuple):
    """Where its body starts and ends."""

    kind: bytes
    start: int
    end: int


@dataclass(kw_only=True)
class Track:
    """Of an animation: its colours, its alpha or its sound."""

    is_av1: bool = False
    chunks: int = 0
    first_chunk: int = 0
    first_size: int = 0
    #: Of which tables something was read.
    known: set[bytes] = field(default_factory=set)
    #: The first chunk of each run, and how many frames each of its chunks has.
    runs: list[tuple[int, int]] = field(default_factory=list)


class Boxes:
    """Of a whole file. Raises ``SyntaxError`` where there are too many."""

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self._walked = 0
        #: Pictures of animations, and the pieces that these lie in.
        self.frames = self.chunks = 0
        #: Whether a picture says which of its layers is meant: then each tile has its own decoder.
        self.has_layers = False
        #: Where the file names the type of an item, and that is EXIF.
        self.exif: list[int] = []
        #: What each stream of AV1 is put together from. Of an animation, its first picture.
        self.streams: list[tuple[Place, ...]] = []
        self._look_into(Box(b"", 0, len(data)), Track())

    def _look_into(self, folder: Box, track: Track) -> None:
        for box in self._inside(folder.start, folder.end):
            if box.kind == b"meta":
                self._meta(box)
            elif box.kind == b"trak":
                track = Track()
                self._look_into(box, track)
                self._add(track)
            elif box.kind in FOLDERS:
                self._look_into(box, track)
            else:
                self._table(box, track)

    def _inside(self, start: int, end: int) -> Iterator[Box]:
        while start + 8 <= end:
            self._step()
            size, head = self._number(start, 4), 8
            if size == 1:
                size, head = self._number(start + 8, 8), 16
            elif size == 0:
                size = end - start
            kind = bytes(self._data[start + 4 : start + 8])
            yield Box(kind, start + head, min(start + max(size, head), end))
            start += max(size, head)

    def _step(self, count: int = 1) -> None:
        self._walked += count
        if self._walked > MOST_BOXES:
            raise SyntaxError("an AVIF of too many boxes")

    def _number(self, at: int, size: int) -> int:
        """One that is cut off is for libavif to refuse."""
        return int.from_bytes(self._data[at : at + size], "big")

    def _count(self, at: int, size: int = 4, most: int = MOST_ENTRIES) -> int:
        count = self._number(at, size)
        if count > most:
            raise SyntaxError("an AVIF with too long a table")
        return count

    # --- pictures -----------------------------------------------------------------------------

    def _meta(self, meta: Box) -> None:
        av1: set[int] = set()
        places: dict[int, list[tuple[int, Place]]] = {}
        inline = 0
        for box in self._inside(meta.start + VERSION, meta.end):
            if box.kind == b"iinf":
                av1 |= self._items(box)
            elif box.kind == b"iloc":
                places |= self._locations(box)
            elif box.kind == b"idat":
                inline = box.start
            elif box.kind == b"iprp":
                self._properties(box)
            elif box.kind == b"iref":
                self._references(box)
        for item in sorted(av1 & places.keys()):
            found = []
            for method, (start, end) in places[item]:
                shift = inline if method == IN_IDAT else 0
                found.append((shift + start, shift + end))
            self.streams.append(tuple(found))

    def _items(self, table: Box) -> set[int]:
        """Those of AV1."""
        found = set()
        wide = self._data[table.start] if table.start < table.end else 0
        for box in self._inside(table.start + VERSION + (4 if wide else 2), table.end):
            long = 4 if self._number(box.start, 1) > 2 else 2
            at = box.start + VERSION + long + 2
            kind = bytes(self._data[at : at + 4])
            if at + len(kind) > box.end:
                continue
            if kind == AV1:
                found.add(self._number(box.start + VERSION, long))
            elif kind == EXIF:
                self.exif.append(at)
        return found

    def _locations(self, table: Box) -> dict[int, list[tuple[int, Place]]]:
        """Of each item: how it is found, and where."""
        version, at = self._number(table.start, 1), table.start + VERSION
        sizes = self._number(at, 2)
        offset_size, length_size, base_size = sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15
        index_size = sizes & 15 if version else 0
        long = 4 if version > 1 else 2
        at += 2 + long
        found: dict[int, list[tuple[int, Place]]] = {}
        for _ in range(self._count(at - long, long)):
            item, at = self._number(at, long), at + long
            method = self._number(at, 2) & 15 if version else 0
            at += 4 if version else 2
            base, at = self._number(at, base_size), at + base_size
            extents, at = self._number(at, 2), at + 2
            for _ in range(extents):
                self._step()
                at += index_size
                start = base + self._number(at, offset_size)
                length = self._number(at + offset_size, length_size)
                at += offset_size + length_size
                end = start + length if length else len(self._data)
                found.setdefault(item, []).append((method, (start, end)))
        return found

    def _references(self, table: Box) -> None:
        long = 4 if self._number(table.start, 1) else 2
        for box in self._inside(table.start + VERSION, table.end):
            self._step(self._number(box.start + long, 2))

    def _properties(self, folder: Box) -> None:
        for box in self._inside(folder.start, folder.end):
            if box.kind == b"ipco":
                kinds = {each.kind for each in self._inside(box.start, box.end)}
                self.has_layers |= not kinds.isdisjoint(LAYERS)
            elif box.kind == b"ipma":
                self._associations(box)

    def _associations(self, table: Box) -> None:
        long = 4 if self._number(table.start, 1) else 2
        wide = 1 + (self._number(table.start, VERSION) & 1)
        at = table.start + VERSION + 4
        for _ in range(self._count(at - 4)):
            count = self._number(at + long, 1)
            self._step(count)
            at += long + 1 + wide * count

    # --- animations ---------------------------------------------------------------------------

    def _table(self, box: Box, track: Track) -> None:
        count, entries = box.start + VERSION, box.start + VERSION + 4
        kind = b"stco" if box.kind == b"co64" else box.kind
        if kind not in {b"stsd", b"stco", b"stsz", b"stsc"}:
            return
        if kind in track.known:
            raise SyntaxError("an AVIF with two tables of the same kind")
        track.known.add(kind)
        if kind == b"stsd":
            track.is_av1 = any(each.kind == AV1 for each in self._inside(entries, box.end))
        elif kind == b"stco":
            track.chunks = self._count(count, most=MOST_FRAMES)
            track.first_chunk = self._number(entries, 4 if box.kind == b"stco" else 8)
        elif kind == b"stsz":
            # One size for all, or one for each behind their count.
            track.first_size = self._number(count, 4) or self._number(entries + 4, 4)
        else:
            starts = range(entries, entries + 12 * self._count(count), 12)
            track.runs = [(self._number(at, 4), self._number(at + 4, 4)) for at in starts]

    def _add(self, track: Track) -> None:
        if not track.is_av1:
            return
        # libavif looks through all runs for each chunk.
        if len(track.runs) * track.chunks > MOST_LOOKS:
            raise SyntaxError("an AVIF with too long a table")
        ends = [first for first, _each in track.runs[1:]] + [track.chunks + 1]
        for (first, each), end in zip(track.runs, ends, strict=False):
            self.frames += max(0, min(end, track.chunks + 1) - first) * each
        self.chunks += track.chunks
        if self.frames > MOST_FRAMES:
            raise SyntaxError("an AVIF of too many frames")
        self.streams.append(((track.first_chunk, track.first_chunk + track.first_size),))
