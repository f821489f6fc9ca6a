"""HEIFs in memory: boxes and headers by hand; pixels from pillow-heif, where it is installed."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL import Image

VPS, SPS, PPS, IDR, TRAIL, SEI = 32, 33, 34, 19, 1, 39

# --- boxes ------------------------------------------------------------------------------------


def box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I", 8 + len(body)) + kind + body


def versioned(kind: bytes, *parts: bytes, version: int = 0) -> bytes:
    return box(kind, bytes([version, 0, 0, 0]), *parts)


@dataclass(frozen=True)
class Item:
    """An item of a file, with the boxes that describe it. Items are numbered from 1."""

    kind: bytes
    data: bytes = b""
    properties: Sequence[bytes] = ()


class Reference(NamedTuple):
    kind: bytes
    item: int
    others: Sequence[int]


def heif(
    items: Sequence[Item], *references: Reference, primary: int = 1, wide: bool = False
) -> bytes:
    """A file of these items. ``wide``: the numbers of properties have two bytes."""
    properties: list[bytes] = []
    associations = b""
    for number, item in enumerate(items, 1):
        associations += struct.pack(">HB", number, len(item.properties))
        for each in item.properties:
            if each not in properties:
                properties.append(each)
            code = 1 + properties.index(each)
            associations += struct.pack(">H", 0x8000 | code) if wide else bytes([0x80 | code])
    entries = [
        versioned(b"infe", struct.pack(">HH", number, 0), item.kind, b"\0", version=2)
        for number, item in enumerate(items, 1)
    ]
    head = box(b"ftyp", b"heic\0\0\0\0mif1heic")

    def meta(start: int) -> bytes:
        places = b""
        for number, item in enumerate(items, 1):
            places += struct.pack(">HHHII", number, 0, 1, start, len(item.data))
            start += len(item.data)
        return versioned(
            b"meta",
            versioned(b"hdlr", bytes(4) + b"pict" + bytes(13)),
            versioned(b"pitm", struct.pack(">H", primary)),
            versioned(b"iinf", struct.pack(">H", len(items)), *entries),
            versioned(b"iloc", b"\x44\0", struct.pack(">H", len(items)), places),
            versioned(
                b"iref",
                *(
                    box(kind, struct.pack(f">HH{len(others)}H", item, len(others), *others))
                    for kind, item, others in references
                ),
            ),
            box(
                b"iprp",
                box(b"ipco", *properties),
                box(
                    b"ipma",
                    bytes([0, 0, 0, int(wide)]),
                    struct.pack(">I", len(items)),
                    associations,
                ),
            ),
        )

    start = len(head) + len(meta(0)) + 8
    return head + meta(start) + box(b"mdat", *(item.data for item in items))


def ispe(width: int, height: int) -> bytes:
    """The size, which libheif reads and the kit does not."""
    return versioned(b"ispe", struct.pack(">II", width, height))


def irot(turns: int) -> bytes:
    """Turned by so many times 90 degrees, anticlockwise."""
    return box(b"irot", bytes([turns]))


def imir(axis: int) -> bytes:
    """0 for top and bottom, 1 for left and right."""
    return box(b"imir", bytes([axis]))


def clap(*numbers: int) -> bytes:
    """Width, height and two offsets, each as a fraction."""
    return box(b"clap", struct.pack(">8i", *numbers))


def profile(data: bytes, kind: bytes = b"prof") -> bytes:
    return box(b"colr", kind, data)


def nclx(primaries: int, transfer: int, matrix: int, *, full: bool = True) -> bytes:
    return box(b"colr", b"nclx", struct.pack(">HHHB", primaries, transfer, matrix, full << 7))


def auxiliary(name: bytes = b"urn:mpeg:hevc:2015:auxid:1") -> bytes:
    return versioned(b"auxC", name + b"\0")


def grid(rows: int, columns: int, width: int, height: int, *, long: bool = False) -> bytes:
    """The data of an item of the kind "grid"."""
    sizes = struct.pack(">II" if long else ">HH", width, height)
    return bytes([0, int(long), rows - 1, columns - 1]) + sizes


# --- headers of HEVC --------------------------------------------------------------------------


def ue(value: int) -> str:
    """Bits of an Exp-Golomb code."""
    bits = format(value + 1, "b")
    return "0" * (len(bits) - 1) + bits


def unit(kind: int, body: bytes = b"\x80", *, layer: int = 0) -> bytes:
    return struct.pack(">H", kind << 9 | layer << 3 | 1) + body


def sps(
    width: int = 64,
    height: int = 64,
    *,
    chroma: int = 1,
    window: tuple[int, int, int, int] | None = None,
    depths: tuple[int, int] = (8, 8),
    sub_layers: int = 0,
    profile: int = 1,
) -> bytes:
    """A sequence parameter set, as far as its size and colours."""
    text = "0000" + format(sub_layers, "03b") + "1" + format(profile, "08b") + "1" * 88
    if sub_layers:
        text += "11" * sub_layers + "00" * (8 - sub_layers) + "1" * 96 * sub_layers
    text += ue(0) + ue(chroma) + ("0" if chroma == 3 else "") + ue(width) + ue(height)
    text += "0" if window is None else "1" + "".join(map(ue, window))
    text += "".join(ue(depth - 8) for depth in depths) + "1" * 9
    text += "0" * (-len(text) % 8)
    return unit(SPS, int(text, 2).to_bytes(len(text) // 8, "big"))


def record(*units: bytes, length_size: int = 4) -> bytes:
    """A ``hvcC``, each unit in an array of its own."""
    head = b"\1" + bytes(20) + bytes([length_size - 1, len(units)])
    return head + b"".join(
        bytes([each[0] >> 1, 0, 1]) + struct.pack(">H", len(each)) + each for each in units
    )


def stream(*units: bytes, length_size: int = 4) -> bytes:
    return b"".join(len(each).to_bytes(length_size, "big") + each for each in units)


def hvcc(*units: bytes) -> bytes:
    return box(b"hvcC", record(*(units or (sps(),))))


# --- pixels -----------------------------------------------------------------------------------


def encoded(picture: Image.Image, **options: Any) -> bytes:
    """As pillow-heif writes it."""
    import pillow_heif

    out = io.BytesIO()
    pillow_heif.from_pillow(picture).save(out, **{"quality": 95, **options})
    return out.getvalue()


def item(picture: Image.Image, *properties: bytes, **options: Any) -> Item:
    """A picture as an item of a file that is made here. Both sides are multiples of 64 px."""
    assert (picture.width % 64, picture.height % 64) == (0, 0)
    data = encoded(picture, **{"chroma": 444, **options})
    own = taken(data, b"hvcC"), ispe(*picture.size)
    return Item(b"hvc1", data[data.index(b"mdat") + 4 :], (*own, *properties))


def taken(data: bytes, kind: bytes) -> bytes:
    """The first box of a kind."""
    at = data.index(kind) - 4
    return data[at : at + int.from_bytes(data[at : at + 4], "big")]


def tiled(picture: Image.Image, side: int, *properties: bytes, **options: Any) -> bytes:
    """In tiles of ``side`` px, as telephones store photos."""
    columns, rows = -(-picture.width // side), -(-picture.height // side)
    tiles = [
        item(
            picture.crop((x * side, y * side, (x + 1) * side, (y + 1) * side)).convert("RGB"),
            **options,
        )
        for y in range(rows)
        for x in range(columns)
    ]
    size = ispe(*picture.size)
    whole = Item(b"grid", grid(rows, columns, *picture.size), (size, *properties))
    return heif([whole, *tiles], Reference(b"dimg", 1, range(2, 2 + len(tiles))))
