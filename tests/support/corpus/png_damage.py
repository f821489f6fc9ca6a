"""PNG: cut off, spoilt, and with headers that lie."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from tests.support import images
from tests.support.corpus.base import EITHER, SIZE, TRUNCATED, Case, case, cut, patched, picture
from tests.support.corpus.png import IDAT, IEND, NAMES, made, of_chunks, of_pixels, rows
from tests.support.images import SIGNATURE, chunk


def cases() -> Iterator[Case]:
    yield from _damaged()
    yield from _headers()


def _damaged() -> Iterator[Case]:
    whole = images.png(picture(size=(48, 48)))
    yield from cut("RGB", whole)
    yield from cut("interlaced", images.interlaced(), 5)
    yield case("without half of its end", made()[:-6])
    yield case("without its last checksum", of_chunks(IDAT[:-4]))
    yield case("signature only", SIGNATURE, TRUNCATED)
    yield case("no chunk but its end", SIGNATURE + IEND, TRUNCATED)
    yield case("header only", of_chunks(IEND), TRUNCATED)
    yield case("no pixels in its chunk", of_chunks(chunk(b"IDAT"), IEND), TRUNCATED)
    packed = zlib.compress(rows(SIZE, 8, 2))
    yield case("a wrong checksum of zlib", of_pixels(packed[:-4] + b"\0\0\0\0"))
    yield case("no checksum of zlib", of_pixels(packed[:-4]))
    yield case("half of its rows", of_pixels(zlib.compress(rows(SIZE, 8, 2)[:600])), TRUNCATED)
    yield case("a wrong head of zlib", of_pixels(b"\0\0" + packed[2:]), EITHER)
    yield case("a dictionary of zlib", of_pixels(b"\x78\xbb\0\0\0\1" + packed[2:]), TRUNCATED)
    yield case("pixels that are not packed", of_pixels(rows(SIZE, 8, 2)), TRUNCATED)
    for number in (5, 100, 255):
        yield case(f"filter {number}", made(filtering=number), TRUNCATED)
    for name, kind in (("header", b"IHDR"), ("pixels", b"IDAT"), ("palette", b"PLTE")):
        data = made(8, 3)
        at = data.find(kind) - 4
        for length in (0, 1, 0x7FFFFFFF, 0xFFFFFFFF):
            spoilt = patched(data, at, struct.pack(">I", length))
            yield case(f"{name} that says it has {length} bytes", spoilt, EITHER)
    for name, kind, expected in (
        ("header", b"IHDR", TRUNCATED),
        ("pixels", b"IDAT", "taken"),
        ("palette", b"PLTE", TRUNCATED),
        ("transparency", b"tRNS", "taken"),
    ):
        data = made(8, 3, before=chunk(b"tRNS", b"\7"))
        at = data.find(kind)
        end = at + 4 + int.from_bytes(data[at - 4 : at], "big")
        yield case(f"a wrong checksum of its {name}", patched(data, end, b"\1\2\3\4"), expected)


def _headers() -> Iterator[Case]:
    for size, expected in {
        (0, 16): TRUNCATED,
        (16, 0): TRUNCATED,
        (60_000, 60_000): "too_many_pixels",
        (0xFFFFFFFF, 0xFFFFFFFF): "too_many_pixels",
        (0x7FFFFFFF, 1): "too_many_pixels",
        (7000, 7000): EITHER,
        (1, 50_000_000): EITHER,
    }.items():
        yield case(f"says that it has {size[0]} × {size[1]} px", images.huge_png(size), expected)
    for colour in (1, 5, 7, 255):
        yield case(f"colour type {colour}", _header(colour=colour), TRUNCATED)
    for colour, depth in ((0, 3), (2, 4), (3, 16), (4, 1), (6, 2), (2, 0), (2, 255)):
        name = f"{NAMES[colour]} of {depth} bits"
        yield case(name, _header(depth=depth, colour=colour), TRUNCATED)
    yield case("another packing", _header(method=1), EITHER)
    yield case("another filtering", _header(filtering=1), TRUNCATED)
    yield case("another interlacing", _header(interlacing=2), EITHER)
    yield case("a header of 12 bytes", SIGNATURE + chunk(b"IHDR", bytes(12)) + IDAT, TRUNCATED)
    yield case("a header of 14 bytes", SIGNATURE + chunk(b"IHDR", bytes(14)) + IDAT, TRUNCATED)
    for name, head in (("MNG", b"\x8aMNG\r\n\x1a\n"), ("JNG", b"\x8bJNG\r\n\x1a\n")):
        yield case(name, head + made()[8:], "invalid_image")
    yield case("line ends of text", made().replace(b"\r\n", b"\n"), "invalid_image")


def _header(
    depth: int = 8, colour: int = 2, method: int = 0, filtering: int = 0, interlacing: int = 0
) -> bytes:
    header = struct.pack(">IIBBBBB", *SIZE, depth, colour, method, filtering, interlacing)
    return SIGNATURE + chunk(b"IHDR", header) + IDAT + IEND
