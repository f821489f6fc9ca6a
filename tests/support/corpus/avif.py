"""AVIF: kinds, boxes in every place, tables that lie; and HEIF, where Pillow can write it."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import partial

from tests.support import images
from tests.support.corpus import metadata
from tests.support.corpus.base import (
    EITHER,
    MARKER,
    TRUNCATED,
    Case,
    case,
    cut,
    marked,
    patched,
    picture,
)

encode = partial(images.encoded, format="avif", speed=10)


def box(kind: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">I", 8 + len(body)) + kind + body


def cases() -> Iterator[Case]:
    plain = encode(picture())
    yield from _kinds()
    yield from _boxes(plain)
    yield from _marked(plain)
    yield from _damaged(plain)


def _kinds() -> Iterator[Case]:
    for mode in ("L", "RGB", "RGBA"):
        for sampling in ("4:2:0", "4:2:2", "4:4:4", "4:0:0"):
            yield case(f"{mode}, {sampling}", encode(picture(mode), subsampling=sampling))
    for size in ((1, 1), (17, 9), (1, 70), (130, 3)):
        yield case(f"{size[0]} × {size[1]} px", encode(picture(size=size)))
    for quality in (0, 100):
        yield case(f"quality {quality}", encode(picture(), quality=quality))
    for value in range(1, 9):
        yield case(f"orientation {value}", encode(picture(), exif=images.exif(value)))
    yield case("limited range", encode(picture(), range="limited"))
    yield case("premultiplied", encode(picture("RGBA"), alpha_premultiplied=True))
    yield case("in tiles", encode(picture(size=(200, 140)), tile_rows=1, tile_cols=1))
    yield case("an animation", images.animation("avif", speed=10))
    for name, profile in metadata.profiles().items():
        yield case(f"profile {name}", encode(picture(), icc_profile=profile), EITHER)


def _boxes(plain: bytes) -> Iterator[Case]:
    for kind in (b"free", b"skip", b"uuid", b"junk", b"\0\0\0\0"):
        yield case(f"a box {kind.decode()} at its end", plain + box(kind, bytes(40)), EITHER)
    yield case("a box without end", plain + b"\0\0\0\0free" + bytes(40), EITHER)
    yield case(
        "a box of 64 bits", plain + b"\0\0\0\1free" + struct.pack(">Q", 56) + bytes(40), EITHER
    )
    yield case("a box that is longer than it is", plain + b"\x7f\xff\xff\xfffree", EITHER)
    yield case("a box of four bytes", plain + b"\0\0\0\4free", EITHER)
    yield case("9,000 boxes", plain + box(b"free") * 9000, EITHER)
    yield case("11,000 boxes", plain + box(b"free") * 11_000, TRUNCATED)
    yield case("boxes of no size", plain + bytes(4000), EITHER)
    yield case("twice", plain * 2, EITHER)


def _marked(plain: bytes) -> Iterator[Case]:
    for name, exif in metadata.exif_kinds().items():
        yield marked(name, encode(picture(), exif=exif))
    yield marked("XMP", encode(picture(), xmp=metadata.XMP))
    yield marked("a profile's name", encode(picture(), icc_profile=metadata.profile()))
    for kind in (b"free", b"skip", b"uuid", b"mdat", b"udta"):
        yield marked(f"a box {kind.decode()}", plain + box(kind, MARKER * 3))
    for name, trailer in metadata.trailers().items():
        yield marked(name, plain + box(b"free", trailer))
    yield marked("a picture with bytes behind its boxes", plain + MARKER, EITHER)
    # A brand that nobody knows, in the first box.
    brand = box(b"ftyp", plain[8:16] + b"avifmif1" + MARKER + bytes(3))
    length = int.from_bytes(plain[:4], "big")
    yield marked("a brand", _shifted(brand + plain[length:], len(brand) - length), EITHER)


def _shifted(data: bytes, by: int) -> bytes:
    """With the first place that the table of items names moved by so many bytes."""
    at = data.find(b"iloc") + 4
    # Version, sizes, a count of one, then: number, reference, count of extents, offset.
    at += 4 + 2 + 2 + 2 + 2 + 2
    place = int.from_bytes(data[at : at + 4], "big") + by
    return patched(data, at, struct.pack(">I", place))


def _damaged(plain: bytes) -> Iterator[Case]:
    yield from cut("RGB", plain, 10, EITHER)
    yield from cut("an animation", images.animation("avif", speed=10), 5, EITHER)
    for name, kind, offset in (
        ("the size of the picture", b"ispe", 8),
        ("the depth of its channels", b"pixi", 8),
        ("where its pixels are", b"iloc", 8),
        ("how many items there are", b"iinf", 8),
        ("the settings of its codec", b"av1C", 4),
        ("its properties", b"ipma", 8),
        ("its handler", b"hdlr", 12),
        ("its main item", b"pitm", 8),
        ("its colours", b"colr", 4),
    ):
        at = plain.find(kind) + offset
        for label, new in (("zeros", bytes(4)), ("ones", b"\xff" * 4)):
            yield case(f"{name} of {label}", patched(plain, at, new), EITHER)
    at = plain.find(b"ispe") + 8
    for size in ((60_000, 60_000), (8000, 6400), (1, 1)):
        spoilt = patched(plain, at, struct.pack(">II", *size))
        yield case(f"says that it has {size[0]} × {size[1]} px", spoilt, EITHER)
    for kind in (b"meta", b"iloc", b"iinf", b"iprp", b"ipco", b"mdat", b"ftyp"):
        at = plain.find(kind) - 4
        for length in (0, 1, 7, 0x7FFFFFFF):
            spoilt = patched(plain, at, struct.pack(">I", length))
            yield case(f"a box {kind.decode()} of {length} bytes", spoilt, EITHER)
    pixels = plain.find(b"mdat") + 4
    for name, new in (("zeros", bytes(16)), ("ones", b"\xff" * 16)):
        yield case(f"pixels of {name}", patched(plain, pixels, new), EITHER)
    yield case("first box only", plain[: int.from_bytes(plain[:4], "big")], TRUNCATED)
