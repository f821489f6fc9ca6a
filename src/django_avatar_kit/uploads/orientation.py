"""Which way up a picture is, from its EXIF alone: that is what browsers heed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .rasters import Edges, Size

#: How the one entry begins that counts: its tag, its type (a number of two bytes), and how many
#: there are; and how many bytes each of these has. An entry has 12 bytes in all.
UPRIGHT, ENTRY = ((0x0112, 2), (3, 2), (1, 4)), 12
TRANSPOSED: Mapping[int, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
TURNED = frozenset({5, 6, 7, 8})
# Where the stored right edge, or bottom edge, comes to lie at the left, or at the top.
FAR_EDGE_LEFT = frozenset({2, 3, 6, 7})
FAR_EDGE_TOP = frozenset({3, 4, 7, 8})
# What undoes each; all others undo themselves.
UNDONE = {6: 8, 8: 6}


def orientation(exif: bytes) -> int:
    """1 to 8; 1 where a picture says nothing, or nothing that can be read.

    Read by hand: Pillow reads all entries, of which thousands may claim the same megabyte, and
    takes other types of numbers than browsers do. ``exif`` is a TIFF file, as EXIF is.
    """
    order: Literal["little", "big"] = "little" if exif.startswith(b"II*\0") else "big"
    if order == "big" and not exif.startswith(b"MM\0*"):
        return 1
    start = int.from_bytes(exif[4:8], order)
    count = int.from_bytes(exif[start : start + 2], order)
    for at in range(start + 2, min(start + 2 + ENTRY * count, len(exif)), ENTRY):
        if exif[at : at + 8] == b"".join(part.to_bytes(size, order) for part, size in UPRIGHT):
            value = int.from_bytes(exif[at + 8 : at + 10], order)
            return value if value in TRANSPOSED else 1
    return 1


def size(stored: Size, orientation: int) -> Size:
    return stored[::-1] if orientation in TURNED else stored


def turned(edges: Edges, size: Size, orientation: int) -> Edges:
    """What ``edges`` are after transposing; ``size`` is that of the picture after it."""
    left, top, right, bottom = edges
    if orientation in TURNED:
        left, top, right, bottom = top, left, bottom, right
    if orientation in FAR_EDGE_LEFT:
        left, right = size[0] - right, size[0] - left
    if orientation in FAR_EDGE_TOP:
        top, bottom = size[1] - bottom, size[1] - top
    return left, top, right, bottom


def stored(edges: Edges, size: Size, orientation: int) -> Edges:
    """What became ``edges`` by transposing; ``size`` is that of the picture before it."""
    return turned(edges, size, UNDONE.get(orientation, orientation))


def transposed(image: Image.Image, orientation: int) -> Image.Image:
    return image.transpose(TRANSPOSED[orientation]) if orientation in TRANSPOSED else image
