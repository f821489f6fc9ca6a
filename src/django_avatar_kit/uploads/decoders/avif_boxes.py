"""The boxes of an AVIF: where its streams are, and its EXIF.

Anything that is wrong and not asked for, libavif refuses.
"""

from __future__ import annotations

from .boxes import IN_IDAT, VERSION, Box, BoxReader, Extent

#: Boxes of an animation that hold the others.
FOLDERS = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl"})
#: Tables of an animation: what its frames are, where its chunks start (in four or eight bytes
#: each), how many bytes each frame has, and how many frames each chunk has.
TABLES = frozenset({b"stsd", b"stco", b"co64", b"stsz", b"stsc"})
#: Of an animation: an hour at 25 a second.
MOST_FRAMES = 100_000
#: Runs times chunks, since libavif searches all runs for each chunk.
MOST_SEARCHES = 10_000_000
AV1, EXIF = b"av01", b"Exif"
#: Properties that choose among the layers of a picture.
LAYERS = frozenset({b"a1op", b"lsel"})


class Boxes(BoxReader):
    """All boxes of a file. Raises ``SyntaxError`` where there are too many."""

    def __init__(self, data: memoryview) -> None:
        super().__init__(data)
        self._searches = 0
        #: Frames of animations, and the chunks that they lie in.
        self.frames = self.chunks = 0
        #: Whether a picture chooses among its layers. Each tile then has its own decoder.
        self.has_layers = False
        #: Where the types of items are that are EXIF.
        self.exif: list[int] = []
        #: The parts of each stream of AV1. Of an animation, its first frame.
        self.streams: list[tuple[Extent, ...]] = []
        #: Code points of the first primaries and transfer that are told.
        self.colours: tuple[int, int] | None = None
        self._read_folder(Box(b"", 0, len(data)), None)

    def _read_folder(self, folder: Box, tables: dict[bytes, Box] | None) -> None:
        """``tables``: those of the track that the folder belongs to, by their kinds."""
        for box in self.inside(folder.start, folder.end):
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

    # --- pictures -----------------------------------------------------------------------------

    def _read_meta(self, meta: Box) -> None:
        items: set[int] = set()
        extents: dict[int, list[tuple[int, Extent]]] = {}
        idat = 0
        for box in self.inside(meta.start + VERSION, meta.end):
            if box.kind == b"iinf":
                items |= self._av1_items(box)
            elif box.kind == b"iloc":
                extents |= self.locations(box)
            elif box.kind == b"idat":
                idat = box.start
            elif box.kind == b"iprp":
                self._read_properties(box)
            elif box.kind == b"iref":
                # As well.
                for _reference in self.references(box):
                    pass
        for item in sorted(items & extents.keys()):
            shifted = (
                (start + idat, end + idat) if method == IN_IDAT else (start, end)
                for method, (start, end) in extents[item]
            )
            self.streams.append(tuple(shifted))

    def _av1_items(self, table: Box) -> set[int]:
        """The numbers of the items of AV1. Those of EXIF are noted on the way."""
        types = list(self.item_types(table))
        self.exif += [each.start for each in types if each.kind == EXIF]
        return {each.item for each in types if each.kind == AV1}

    def _read_properties(self, folder: Box) -> None:
        for box in self.inside(folder.start, folder.end):
            if box.kind == b"ipco":
                for each in self.inside(box.start, box.end):
                    self.has_layers |= each.kind in LAYERS
                    if each.kind == b"colr" and self.colours is None:
                        self.colours = self.code_points(each)
            elif box.kind == b"ipma":
                # libavif has an entry for each.
                self.associations(box)

    # --- animations ---------------------------------------------------------------------------

    def _read_track(self, tables: dict[bytes, Box]) -> None:
        """Of an animation: its colours, its alpha or its sound, for which limits hold as well."""
        missing = Box(b"", len(self.data), len(self.data))
        kinds, starts, sizes, chunk_runs = (
            tables.get(kind, missing) for kind in (b"stsd", b"stco", b"stsz", b"stsc")
        )
        numbers = self.numbers(starts.start + VERSION)
        chunks = numbers.count(most=MOST_FRAMES)
        start = numbers(8 if starts.kind == b"co64" else 4)
        numbers = self.numbers(chunk_runs.start + VERSION)
        count = numbers.count()
        # Of all tracks together, since each run is read here.
        self.tally(count)
        entries = ((numbers(4), numbers(4), numbers(4)) for _ in range(count))
        # The first chunk of each run, from 1, and how many frames each chunk of the run has.
        runs = [(first, frames) for first, frames, _description in entries]
        if all(each.kind != AV1 for each in self.inside(kinds.start + VERSION + 4, kinds.end)):
            return
        self._searches += len(runs) * chunks
        if self._searches > MOST_SEARCHES:
            raise SyntaxError("an AVIF with too long a table")
        ends = [first for first, _frames in runs[1:]] + [chunks + 1]
        for (first, frames), end in zip(runs, ends, strict=False):
            self.frames += max(0, min(end, chunks + 1) - first) * frames
        self.chunks += chunks
        if self.frames > MOST_FRAMES:
            raise SyntaxError("an AVIF of too many frames")
        numbers = self.numbers(sizes.start + VERSION)
        # One size for all; or zero, then their count and the size of each.
        size, _count, first_size = numbers(4), numbers(4), numbers(4)
        self.streams.append(((start, start + (size or first_size)),))
