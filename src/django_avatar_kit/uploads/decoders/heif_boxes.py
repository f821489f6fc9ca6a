"""The boxes of a HEIF (ISO/IEC 23008-12): where its picture is, and how it is to be shown.

Thumbnails, depth maps, gain maps, further pictures and metadata are not looked at.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from .base import LARGEST_PROFILE
from .boxes import IN_FILE, IN_IDAT, VERSION, Box, BoxReader, Reference

if TYPE_CHECKING:
    from ..geometry import Size

HEVC, GRID = b"hvc1", b"grid"
TILE_OF, AUXILIARY, PREMULTIPLIED = b"dimg", b"auxl", b"prem"
#: What an auxiliary picture calls itself if it is the alpha of another one.
ALPHA = frozenset({b"urn:mpeg:hevc:2015:auxid:1", b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha"})
#: A photo of 48 megapixels in tiles of 512 px has 192.
MOST_TILES = 1000
#: How many times over the bytes of a file may be read.
MOST_READ = 2
#: Types of a box of colours: an ICC profile, or numbers for primaries, curve and matrix.
PROFILES, NUMBERS = frozenset({b"prof", b"rICC"}), b"nclx"
#: The corners of a stored picture, clockwise from the upper left, where they are when it is shown:
#: for each orientation of EXIF, from 1.
CORNERS = ("0123", "1032", "2301", "3210", "0321", "3012", "2103", "1230")


class Stream(NamedTuple):
    """A picture of HEVC: its ``hvcC``, and its data."""

    parameters: bytes
    data: memoryview


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A picture of one stream, or of tiles in rows."""

    streams: list[Stream]
    columns: int = 1
    size: Size | None = None
    """In px, of tiles; they may reach beyond it. None where it is that of the stream."""
    profile: bytes | None = None
    colours: bytes = b""
    """The box ``colr`` of numbers, without its head; b"" without one."""
    aperture: tuple[int, ...] | None = None
    """The box ``clap``: width, height and two offsets from the middle, each as a fraction."""
    orientation: int = 1


@dataclass(kw_only=True)
class _Meta:
    primary: int = 0
    kinds: dict[int, bytes] = field(default_factory=dict)
    extents: dict[int, list[tuple[int, tuple[int, int]]]] = field(default_factory=dict)
    idat: Box | None = None
    properties: list[Box] = field(default_factory=list)
    associations: dict[int, list[int]] = field(default_factory=dict)
    references: list[Reference] = field(default_factory=list)


class Boxes(BoxReader):
    """The primary picture of a file. Raises ``SyntaxError``, or ``EOFError`` where data is cut."""

    def __init__(self, data: memoryview) -> None:
        super().__init__(data)
        self._left_to_read = MOST_READ * len(data)
        #: Bytes that were copied, since they lie in several places.
        self.copied = 0
        metas = [box for box in self.inside(0, len(data)) if box.kind == b"meta"]
        self._meta = self._read_meta(metas[0]) if metas else _Meta()
        primary = self._meta.primary
        self.colours = self._layer(primary)
        alpha = self._alpha_of(primary)
        #: The alpha of the picture; None without one.
        self.alpha = None if alpha is None else self._layer(alpha)
        #: Whether colours are multiplied by alpha already.
        self.premultiplied = any(
            each.kind == PREMULTIPLIED and each.item == primary and alpha in each.others
            for each in self._meta.references
        )

    def _read_meta(self, box: Box) -> _Meta:
        meta = _Meta()
        for each in self.inside(box.start + VERSION, box.end):
            if each.kind == b"pitm":
                numbers = self.numbers(each.start)
                meta.primary = numbers(4 if numbers(VERSION) >> 24 else 2)
            elif each.kind == b"iinf":
                meta.kinds |= {one.item: one.kind for one in self.item_types(each)}
            elif each.kind == b"iloc":
                meta.extents |= self.locations(each)
            elif each.kind == b"idat":
                meta.idat = each
            elif each.kind == b"iref":
                meta.references += self.references(each)
            elif each.kind == b"iprp":
                self._read_properties(meta, each)
        return meta

    def _read_properties(self, meta: _Meta, folder: Box) -> None:
        for box in self.inside(folder.start, folder.end):
            if box.kind == b"ipco":
                meta.properties += self.inside(box.start, box.end)
            elif box.kind == b"ipma":
                meta.associations |= self.associations(box)

    # --- items --------------------------------------------------------------------------------

    def _layer(self, item: int) -> Layer:
        items, columns, size = [item], 1, None
        if self._meta.kinds.get(item) == GRID:
            items, columns, size = self._grid(item)
        properties = self._properties(item)
        # Of a photo in tiles, the first one may tell what the whole does not.
        profile, colours = self._colours([*self._properties(items[0]), *properties])
        turned = "0123"
        aperture = None
        for box in properties:
            value = self.data[box.start : box.end]
            if box.kind == b"irot" and len(value):
                turns = value[0] & 3  # of 90 degrees, anticlockwise
                turned = turned[turns:] + turned[:turns]
            elif box.kind == b"imir" and len(value):
                # Left and right change places, or top and bottom.
                turned = "".join(
                    turned[at] for at in ((1, 0, 3, 2) if value[0] & 1 else (3, 2, 1, 0))
                )
            elif box.kind == b"clap" and len(value) == 32:
                numbers = [value[at : at + 4] for at in range(0, 32, 4)]
                aperture = tuple(int.from_bytes(each, "big", signed=True) for each in numbers)
        return Layer(
            streams=[self._stream(each) for each in items],
            columns=columns,
            size=size,
            profile=profile,
            colours=colours,
            aperture=aperture,
            orientation=1 + CORNERS.index(turned),
        )

    def _grid(self, item: int) -> tuple[list[int], int, Size]:
        """The tiles, how many there are in a row, and the size of the whole in px."""
        data = self._content(item)
        side = 4 if data[1:2] and data[1] & 1 else 2
        if len(data) < 4 + 2 * side:
            raise SyntaxError("a HEIF with a broken grid")
        rows, columns = data[2] + 1, data[3] + 1
        width, height = data[4 : 4 + side], data[4 + side : 4 + 2 * side]
        tiles = [
            other
            for each in self._meta.references
            if each.kind == TILE_OF and each.item == item
            for other in each.others
        ]
        if len(tiles) != rows * columns or len(tiles) > MOST_TILES:
            raise SyntaxError("a HEIF with too few tiles, or too many")
        return tiles, columns, (int.from_bytes(width, "big"), int.from_bytes(height, "big"))

    def _alpha_of(self, item: int) -> int | None:
        for each in self._meta.references:
            if each.kind == AUXILIARY and item in each.others:
                for box in self._properties(each.item):
                    name = bytes(self.data[box.start + VERSION : min(box.end, box.start + 64)])
                    if box.kind == b"auxC" and name.partition(b"\0")[0] in ALPHA:
                        return each.item
        return None

    def _properties(self, item: int) -> list[Box]:
        known = self._meta.properties
        numbers = self._meta.associations.get(item, ())
        return [known[number - 1] for number in numbers if 0 < number <= len(known)]

    def _colours(self, properties: list[Box]) -> tuple[bytes | None, bytes]:
        """The ICC profile, and the numbers. Later ones count."""
        profile, numbers = None, b""
        for box in properties:
            kind = bytes(self.data[box.start : box.start + 4])
            size = box.end - box.start - 4
            if box.kind != b"colr":
                continue
            if kind in PROFILES and 0 < size <= LARGEST_PROFILE:
                profile = bytes(self.data[box.start + 4 : box.end])
            elif kind == NUMBERS and size == 7:
                numbers = bytes(self.data[box.start + 4 : box.end])
        return profile, numbers

    def _stream(self, item: int) -> Stream:
        kinds = [box for box in self._properties(item) if box.kind == b"hvcC"]
        if self._meta.kinds.get(item) != HEVC or not kinds:
            raise SyntaxError("a HEIF without a picture in HEVC")
        return Stream(bytes(self.data[kinds[0].start : kinds[0].end]), self._content(item))

    def _content(self, item: int) -> memoryview:
        """The bytes of an item. Raises ``EOFError`` where the file ends before."""
        parts = []
        idat = self._meta.idat
        for method, (start, end) in self._meta.extents.get(item, ()):
            if method == IN_IDAT and idat is not None:
                start, end = start + idat.start, end + idat.start  # noqa: PLW2901
            elif method != IN_FILE:
                raise SyntaxError("a HEIF that refers to more than itself")
            if end > len(self.data):
                raise EOFError("a HEIF that ends too early")
            self._left_to_read -= end - start
            if self._left_to_read < 0:
                raise SyntaxError("a HEIF that uses the same bytes again and again")
            parts.append(self.data[start:end])
        if len(parts) == 1:
            return parts[0]
        self.copied += sum(map(len, parts))
        return memoryview(b"".join(parts))
