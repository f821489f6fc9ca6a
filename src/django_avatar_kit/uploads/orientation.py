"""The orientation of EXIF: how a stored picture is turned or mirrored to be upright."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Literal

from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .geometry import Edges, Size

TRANSPOSES: Mapping[int, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
#: Orientations in which width and height change places.
SWAPPED = frozenset({5, 6, 7, 8})
#: Orientations in which the right edge becomes the left one, or the bottom edge the top one. Where
#: width and height change places, that is looked at afterwards.
MIRRORED, UPSIDE_DOWN = frozenset({2, 3, 6, 7}), frozenset({3, 4, 7, 8})
#: The orientation that undoes another one. All others undo themselves.
INVERSE = {6: 8, 8: 6}

TAG, SHORT, ENTRY = 0x0112, 3, 12  # the tag, its type (16 bits), and bytes of an entry


def read_orientation(exif: bytes) -> int:
    """1 to 8; 1 where there is no orientation, or none that browsers would understand.

    ``exif`` is a TIFF file, as EXIF is. Pillow's reader is not used: it reads all entries, of
    which thousands may refer to the same megabyte, and accepts types of numbers that browsers do
    not.
    """
    order: Literal["little", "big"] = "little" if exif.startswith(b"II*\0") else "big"
    if order == "big" and not exif.startswith(b"MM\0*"):
        return 1
    wanted = struct.pack("<HHI" if order == "little" else ">HHI", TAG, SHORT, 1)
    start = int.from_bytes(exif[4:8], order)
    count = int.from_bytes(exif[start : start + 2], order)
    for at in range(start + 2, min(start + 2 + ENTRY * count, len(exif)), ENTRY):
        if exif[at : at + 8] == wanted:
            value = int.from_bytes(exif[at + 8 : at + 10], order)
            return value if value in TRANSPOSES else 1
    return 1


def upright_size(stored: Size, orientation: int) -> Size:
    """The size of an upright picture from its size as it is stored. It is its own inverse."""
    return stored[::-1] if orientation in SWAPPED else stored


def to_upright(edges: Edges, size: Size, orientation: int) -> Edges:
    """Edges in the stored picture as edges in the upright one, which has this ``size``."""
    left, top, right, bottom = edges
    if orientation in SWAPPED:
        left, top, right, bottom = top, left, bottom, right
    if orientation in MIRRORED:
        left, right = size[0] - right, size[0] - left
    if orientation in UPSIDE_DOWN:
        top, bottom = size[1] - bottom, size[1] - top
    return left, top, right, bottom


def to_stored(edges: Edges, size: Size, orientation: int) -> Edges:
    """Edges in the upright picture as edges in the stored one, which has this ``size``."""
    return to_upright(edges, size, INVERSE.get(orientation, orientation))


def transposed(image: Image.Image, orientation: int) -> Image.Image:
    """A stored picture turned upright."""
    return image.transpose(TRANSPOSES[orientation]) if orientation in TRANSPOSES else image
