"""Writes a HEIF of one picture: all that libheif ever reads.

It has no other items, no metadata, and only numbers that were checked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..geometry import Size

ITEM = b"\0\1"
#: The box "iloc" with an offset and a length of four bytes for one item of one extent.
LOCATION = b"\x44\0" + b"\0\1" + ITEM + b"\0\0" + b"\0\1"


def still(size: Size, record: bytes, colours: bytes, picture: bytes) -> bytes:
    """A file of one item of HEVC.

    ``record`` is the content of its ``hvcC``, ``colours`` that of its ``colr`` of numbers, or b"".
    """
    width, height = (side.to_bytes(4, "big") for side in size)
    properties = [_box(b"hvcC", record), _full(b"ispe", width + height)]
    if colours:
        properties.append(_box(b"colr", b"nclx" + colours))
    numbers = bytes(range(1, 1 + len(properties)))
    associations = b"\0\0\0\1" + ITEM + bytes([len(properties)]) + numbers
    head = _box(b"ftyp", b"heic\0\0\0\0mif1heic")

    def meta(start: int) -> bytes:
        place = start.to_bytes(4, "big") + len(picture).to_bytes(4, "big")
        return _full(
            b"meta",
            _full(b"hdlr", bytes(4) + b"pict" + bytes(13)),
            _full(b"pitm", ITEM),
            _full(b"iloc", LOCATION + place),
            _full(b"iinf", b"\0\1", _box(b"infe", b"\2\0\0\0" + ITEM + b"\0\0hvc1\0")),
            _box(b"iprp", _box(b"ipco", *properties), _full(b"ipma", associations)),
        )

    return head + meta(len(head) + len(meta(0)) + 8) + _box(b"mdat", picture)


def _box(kind: bytes, *content: bytes) -> bytes:
    return (8 + sum(map(len, content))).to_bytes(4, "big") + kind + b"".join(content)


def _full(kind: bytes, *content: bytes) -> bytes:
    """A box with its version and flags, which are 0."""
    return _box(kind, bytes(4), *content)
