"""The boxes of an AVIF (ISO/IEC 14496-12 and 23008-12): where its streams are, and its EXIF.

Only what is asked for is understood; anything else that is wrong, libavif refuses. Counts are
limited for its sake: it allocates memory for each entry of a table, and searches one table for
each entry of another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Boxes of an animation that hold the others.
FOLDERS = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl"})
#: Tables of an animation: what its frames are, where its chunks start (in four or eight bytes
#: each), how many bytes each frame has, and how many frames each chunk has.
TABLES = frozenset({b"stsd", b"stco", b"co64", b"stsz", b"stsc"})
#: Bytes of version and flags, with which many boxes begin.
VERSION = 4
#: A picture in tiles has some hundred of each.
MOST_BOXES = MOST_ENTRIES = 10_000
#: Of an animation: an hour at 25 a second.
MOST_FRAMES = 100_000
#: Runs times chunks, since libavif searches all runs for each chunk.
MOST_SEARCHES = 10_000_000
AV1, EXIF = b"av01", b"Exif"
IN_IDAT = 1  # how an extent is found: in the box "idat"
#: Properties that choose among the layers of a picture.
LAYERS = frozenset({b"a1op", b"lsel"})

Extent = tuple[int, int]
"""Where bytes start and end in the file."""


class Box(NamedTuple):
    """Where its body starts and ends."""

    kind: bytes
    start: int
    end: int


class _Numbers:
    """Reads numbers one after the other. One that is cut off is for libavif to refuse."""

    def __init__(self, data: memoryview, at: int) -> None:
        self._data = data
        self.at = at

    def __call__(self, size: int) -> int:
        self.at += size
        return int.from_bytes(self._data[self.at - size : self.at], "big")

    def count(self, size: int = 4, most: int = MOST_ENTRIES) -> int:
        count = self(size)
        if count > most:
            raise SyntaxError("an AVIF with too long a table")
        return count


class Boxes:
    """All boxes of a file. Raises ``SyntaxError`` where there are too many."""

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self._walked = 0
        #: Frames of animations, and the chunks that they lie in.
        self.frames = self.chunks = 0
        #: Whether a picture chooses among its layers. Each tile then has its own decoder.
        self.has_layers = False
        #: Where the types of items are that are EXIF.
        self.exif: list[int] = []
        #: The parts of each stream of AV1. Of an animation, its first frame.
        self.streams: list[tuple[Extent, ...]] = []
        self._read_folder(Box(b"", 0, len(data)), None)

    def _read_folder(self, folder: Box, tables: dict[bytes, Box] | None) -> None:
        """``tables``: those of the track that the folder belongs to, by their kinds."""
        for box in self._inside(folder.start, folder.end):
            if box.kind == b"meta":
                self._read_meta(box)
            elif box.kind == b"trak":
                own: dict[bytes, Box] = {}
                self._read_folder(box, own)
                self._read_track(own)
            elif box.kind in FOLDERS:
                self._read_folder(box, tables)
            elif tables is not None and box.kind in TABLES:
                kind = b"stco" if box.kind == b"co64" else box.kind
                if kind in tables:
                    raise SyntaxError("an AVIF with two tables of the same kind")
                tables[kind] = box

    def _inside(self, start: int, end: int) -> Iterator[Box]:
        while start + 8 <= end:
            self._count()
            size, head = self._numbers(start)(4), 8
            if size == 1:
                size, head = self._numbers(start + 8)(8), 16
            elif size == 0:
                size = end - start
            kind = bytes(self._data[start + 4 : start + 8])
            yield Box(kind, start + head, min(start + max(size, head), end))
            start += max(size, head)

    def _count(self, boxes: int = 1) -> None:
        self._walked += boxes
        if self._walked > MOST_BOXES:
            raise SyntaxError("an AVIF of too many boxes")

    def _numbers(self, at: int) -> _Numbers:
        return _Numbers(self._data, at)

    # --- pictures -----------------------------------------------------------------------------

    def _read_meta(self, meta: Box) -> None:
        items: set[int] = set()
        extents: dict[int, list[tuple[int, Extent]]] = {}
        idat = 0
        for box in self._inside(meta.start + VERSION, meta.end):
            if box.kind == b"iinf":
                items |= self._av1_items(box)
            elif box.kind == b"iloc":
                extents |= self._locations(box)
            elif box.kind == b"idat":
                idat = box.start
            elif box.kind == b"iprp":
                self._read_properties(box)
            elif box.kind == b"iref":
                long = 4 if self._numbers(box.start)(1) else 2
                for each in self._inside(box.start + VERSION, box.end):
                    self._count(self._numbers(each.start + long)(2))
        for item in sorted(items & extents.keys()):
            shifted = (
                (start + idat, end + idat) if method == IN_IDAT else (start, end)
                for method, (start, end) in extents[item]
            )
            self.streams.append(tuple(shifted))

    def _av1_items(self, table: Box) -> set[int]:
        """The numbers of the items of AV1. Those of EXIF are noted on the way."""
        found = set()
        wide = self._numbers(table.start)(VERSION) >> 24
        for box in self._inside(table.start + VERSION + (4 if wide else 2), table.end):
            numbers = self._numbers(box.start)
            long = 4 if numbers(VERSION) >> 24 > 2 else 2
            item, _protection = numbers(long), numbers(2)
            kind = bytes(self._data[numbers.at : numbers.at + 4])
            if numbers.at + len(kind) > box.end:
                continue
            if kind == AV1:
                found.add(item)
            elif kind == EXIF:
                self.exif.append(numbers.at)
        return found

    def _locations(self, table: Box) -> dict[int, list[tuple[int, Extent]]]:
        """Of each item: how its extents are found, and where they are."""
        numbers = self._numbers(table.start)
        version, sizes = numbers(VERSION) >> 24, numbers(2)
        offset_size, length_size, base_size = sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15
        index_size = sizes & 15 if version else 0
        long = 4 if version > 1 else 2
        found: dict[int, list[tuple[int, Extent]]] = {}
        for _ in range(numbers.count(long)):
            item = numbers(long)
            method = numbers(2) & 15 if version else 0
            _reference, base = numbers(2), numbers(base_size)
            for _ in range(numbers(2)):
                self._count()
                _index, offset, length = map(numbers, (index_size, offset_size, length_size))
                start = base + offset
                end = start + length if length else len(self._data)
                found.setdefault(item, []).append((method, (start, end)))
        return found

    def _read_properties(self, folder: Box) -> None:
        for box in self._inside(folder.start, folder.end):
            if box.kind == b"ipco":
                kinds = {each.kind for each in self._inside(box.start, box.end)}
                self.has_layers |= not kinds.isdisjoint(LAYERS)
            elif box.kind == b"ipma":
                numbers = self._numbers(box.start)
                version_and_flags = numbers(VERSION)
                long, wide = 4 if version_and_flags >> 24 else 2, 1 + (version_and_flags & 1)
                for _ in range(numbers.count()):
                    _item, associations = numbers(long), numbers(1)
                    self._count(associations)
                    numbers.at += wide * associations

    # --- animations ---------------------------------------------------------------------------

    def _read_track(self, tables: dict[bytes, Box]) -> None:
        """Of an animation: its colours, its alpha or its sound, for which limits hold as well."""
        missing = Box(b"", len(self._data), len(self._data))
        kinds, starts, sizes, chunk_runs = (
            tables.get(kind, missing) for kind in (b"stsd", b"stco", b"stsz", b"stsc")
        )
        numbers = self._numbers(starts.start + VERSION)
        chunks = numbers.count(most=MOST_FRAMES)
        start = numbers(8 if starts.kind == b"co64" else 4)
        numbers = self._numbers(chunk_runs.start + VERSION)
        entries = ((numbers(4), numbers(4), numbers(4)) for _ in range(numbers.count()))
        # The first chunk of each run, from 1, and how many frames each chunk of the run has.
        runs = [(first, frames) for first, frames, _description in entries]
        if all(each.kind != AV1 for each in self._inside(kinds.start + VERSION + 4, kinds.end)):
            return
        if len(runs) * chunks > MOST_SEARCHES:
            raise SyntaxError("an AVIF with too long a table")
        ends = [first for first, _frames in runs[1:]] + [chunks + 1]
        for (first, frames), end in zip(runs, ends, strict=False):
            self.frames += max(0, min(end, chunks + 1) - first) * frames
        self.chunks += chunks
        if self.frames > MOST_FRAMES:
            raise SyntaxError("an AVIF of too many frames")
        numbers = self._numbers(sizes.start + VERSION)
        # One size for all; or zero, then their count and the size of each.
        size, _count, first_size = numbers(4), numbers(4), numbers(4)
        self.streams.append(((start, start + (size or first_size)),))
