"""PNG: kinds, chunks in every order, rows that lie."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from PIL import Image

from tests.support import images
from tests.support.corpus import metadata
from tests.support.corpus.base import (
    EITHER,
    MARKER,
    SIZE,
    TRUNCATED,
    Case,
    case,
    marked,
    picture,
)
from tests.support.images import SIGNATURE, chunk, raw_png

#: The bit depths of each colour type, and the samples of a pixel.
DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
NAMES = {0: "grey", 2: "RGB", 3: "palette", 4: "grey and alpha", 6: "RGBA"}
PALETTE = chunk(b"PLTE", bytes(range(256)) * 3)


def rows(
    size: tuple[int, int], depth: int, colour: int, filtering: int = 0, *, interlaced: bool = False
) -> bytes:
    """Rows of any kind, of bytes that rise."""
    result = b""
    for left, top, across, down in images.ADAM7 if interlaced else ((0, 0, 1, 1),):
        columns, lines = -(-(size[0] - left) // across), -(-(size[1] - top) // down)
        if columns > 0 and lines > 0:
            length = (columns * depth * SAMPLES[colour] + 7) // 8
            row = bytes(at * 7 % 256 for at in range(length))
            result += (bytes([filtering]) + row) * lines
    return result


def made(
    depth: int = 8,
    colour: int = 2,
    size: tuple[int, int] = SIZE,
    *,
    interlaced: bool = False,
    filtering: int = 0,
    before: bytes = b"",
    after: bytes = b"",
) -> bytes:
    return raw_png(
        size,
        rows(size, depth, colour, filtering, interlaced=interlaced),
        depth=depth,
        colour=colour,
        interlaced=interlaced,
        before=(PALETTE if colour == 3 else b"") + before,
        after=after,
    )


def of_chunks(*chunks: bytes, colour: int = 2) -> bytes:
    """A file of a header and these chunks."""
    header = struct.pack(">IIBBBBB", *SIZE, 8, colour, 0, 0, 0)
    return SIGNATURE + chunk(b"IHDR", header) + b"".join(chunks)


IDAT = chunk(b"IDAT", zlib.compress(rows(SIZE, 8, 2)))
IEND = chunk(b"IEND")


def cases() -> Iterator[Case]:
    yield from _kinds()
    yield from _transparency()
    yield from _chunks()
    yield from _colours()
    yield from _marked()
    yield from _animated()


def _kinds() -> Iterator[Case]:
    for colour, depths in DEPTHS.items():
        for depth in depths:
            for interlaced in (False, True):
                name = f"{NAMES[colour]} of {depth} bits" + ", interlaced" * interlaced
                yield case(name, made(depth, colour, interlaced=interlaced))
    for number in range(1, 5):
        for colour in (0, 3, 6):
            name = f"{NAMES[colour]}, filter {number}"
            yield case(name, made(8, colour, filtering=number))
    for size in ((1, 1), (1, 40), (40, 1), (2, 3), (5, 5), (9, 8)):
        for interlaced in (False, True):
            name = f"{size[0]} × {size[1]} px" + ", interlaced" * interlaced
            yield case(name, made(4, 0, size, interlaced=interlaced))
    for mode in ("1", "L", "P", "RGB", "RGBA", "LA", "I;16"):
        encoded = picture("L" if mode == "I;16" else mode).convert(mode)
        yield case(f"Pillow's {mode}", images.encoded(encoded, "png"))


def _transparency() -> Iterator[Case]:
    for depth in DEPTHS[0]:
        for interlaced in (False, True):
            name = f"one grey of {depth} bits hidden" + ", interlaced" * interlaced
            hidden = chunk(b"tRNS", b"\0\1")
            yield case(name, made(depth, 0, interlaced=interlaced, before=hidden))
    for depth in DEPTHS[2]:
        name = f"one colour of {depth} bits hidden"
        yield case(name, made(depth, 2, before=chunk(b"tRNS", b"\0\0\0\7\0\x0e")))
    for depth in DEPTHS[3]:
        for count in (1, 2, 256):
            name = f"{count} of a palette of {depth} bits transparent"
            yield case(name, made(depth, 3, before=chunk(b"tRNS", bytes(count))))
    for length in (0, 1, 3, 7):
        for colour in (0, 2):
            name = f"{NAMES[colour]} with {length} bytes of transparency"
            yield case(name, made(8, colour, before=chunk(b"tRNS", bytes(length))), EITHER)
    yield case("transparency beside alpha", made(8, 6, before=chunk(b"tRNS", bytes(6))), EITHER)
    yield case("transparency behind the pixels", made(8, 3, after=chunk(b"tRNS", bytes(9))))
    yield case("transparency twice", made(8, 3, before=chunk(b"tRNS", bytes(9)) * 2))


def _chunks() -> Iterator[Case]:
    packed = zlib.compress(rows(SIZE, 8, 2))
    bytewise = b"".join(chunk(b"IDAT", packed[at : at + 1]) for at in range(len(packed)))
    yield case("pixels byte by byte", of_chunks(bytewise, IEND))
    empty = chunk(b"IDAT")
    yield case("empty chunks around its pixels", of_chunks(empty * 5, IDAT, empty * 5, IEND))
    halves = chunk(b"IDAT", packed[:20]), chunk(b"IDAT", packed[20:])
    yield case("a text between its pixels", of_chunks(halves[0], _text(), halves[1], IEND))
    yield case("pixels that are stored unpacked", _stored())
    yield case("pixels twice", of_chunks(IDAT, IDAT, IEND))
    yield case("nothing but its pixels", of_chunks(IDAT))
    yield case("two headers", of_chunks(of_chunks()[8:], IDAT, IEND))
    yield case("a palette beside colours", made(before=PALETTE))
    yield case("a palette beside grey", made(8, 0, before=PALETTE))
    yield case("two palettes", made(8, 3, before=PALETTE))
    pixels = chunk(b"IDAT", zlib.compress(rows(SIZE, 8, 3)))
    for length in (0, 1, 2, 3, 6, 767):
        short = chunk(b"PLTE", bytes(length))
        yield case(
            f"a palette of {length} bytes", of_chunks(short, pixels, IEND, colour=3), EITHER
        )
    yield case(
        "a palette of 771 bytes",
        of_chunks(chunk(b"PLTE", bytes(771)), pixels, IEND, colour=3),
        TRUNCATED,
    )
    yield case("a palette behind the pixels", of_chunks(pixels, PALETTE, IEND, colour=3), EITHER)
    yield case("without a palette", of_chunks(pixels, IEND, colour=3), TRUNCATED)
    yield case("5,000 texts", made(before=_text() * 5000))
    yield case("110,000 chunks", made(before=chunk(b"teSt") * 110_000), TRUNCATED)
    yield case("a text that unpacks to megabytes", images.text_bomb())
    yield case("a late text that unpacks to megabytes", images.late_text_bomb())
    yield case("a profile that unpacks to megabytes", images.profile_bomb())
    yield case("an unknown critical chunk", made(before=chunk(b"TeSt", b"hello")))
    yield case("the chunk of Apple's own kind", _of_apple(), EITHER)


def _text() -> bytes:
    return chunk(b"tEXt", b"Comment\0hello")


def _stored() -> bytes:
    packer = zlib.compressobj(0)
    return of_chunks(chunk(b"IDAT", packer.compress(rows(SIZE, 8, 2)) + packer.flush()), IEND)


def _of_apple() -> bytes:
    """As Xcode writes for iPhones: a chunk before the header, and pixels without a zlib header."""
    packer = zlib.compressobj(wbits=-15)
    raw = packer.compress(rows(SIZE, 8, 6)) + packer.flush()
    header = struct.pack(">IIBBBBB", *SIZE, 8, 6, 0, 0, 0)
    parts = chunk(b"CgBI", b"\x50\0\x20\2"), chunk(b"IHDR", header), chunk(b"IDAT", raw), IEND
    return SIGNATURE + b"".join(parts)


def of_gamma(gamma: int) -> bytes:
    """A chunk; 45455 is 1 / 2.2."""
    return chunk(b"gAMA", struct.pack(">I", gamma))


def _colours() -> Iterator[Case]:
    for name, profile in metadata.profiles().items():
        for colour in (0, 2):
            body = b"icc\0\0" + zlib.compress(profile)
            label = f"{NAMES[colour]} with a profile {name}"
            yield case(label, made(8, colour, before=chunk(b"iCCP", body)))
    for name, body in {
        "of no name": b"\0\0" + zlib.compress(images.srgb_profile()),
        "of another method": b"icc\0\7" + zlib.compress(images.srgb_profile()),
        "that is not packed": b"icc\0\0" + images.srgb_profile(),
        "of no end": b"icc",
        "of nothing": b"",
    }.items():
        yield case(f"a profile {name}", made(before=chunk(b"iCCP", body)))
    for gamma in (0, 1, 45455, 100_000, 0x7FFFFFFF, 0xFFFFFFFF):
        yield case(f"a gamma of {gamma}", made(before=of_gamma(gamma)))
    yield case("a gamma of two bytes", made(before=chunk(b"gAMA", b"\0\1")))
    srgb = (31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
    for name, points in {
        "of sRGB": srgb,
        "of zeros": (0,) * 8,
        "of more": (99_999_999,) * 8,
    }.items():
        primaries = chunk(b"cHRM", struct.pack(">8I", *points))
        yield case(f"primaries {name}", made(before=of_gamma(45455) + primaries))
    for name, body in {
        "sRGB": b"\0",
        "sBIT": b"\1\1\1",
        "bKGD": bytes(6),
        "pHYs": bytes(9),
        "hIST": bytes(512),
        "tIME": b"\x07\xe0\1\1\0\0\0",
        "cICP": b"\x09\x10\0\1",
        "mDCV": bytes(24),
        "cLLI": bytes(8),
        "oFFs": bytes(9),
        "sTER": b"\0",
    }.items():
        yield case(f"a chunk {name}", made(before=chunk(name.encode(), body)))
    for value in range(1, 9):
        exif = chunk(b"eXIf", metadata.orientation(value))
        yield case(f"orientation {value}", made(before=exif))
    yield case(
        "orientation behind the pixels", made(after=chunk(b"eXIf", metadata.orientation(6)))
    )
    for name, exif in metadata.odd_exif().items():
        yield case(f"EXIF {name}", made(before=chunk(b"eXIf", exif)))


def _marked() -> Iterator[Case]:
    packed = zlib.compress(MARKER)
    for name, kind, body in (
        ("text", b"tEXt", b"Author\0" + MARKER),
        ("packed text", b"zTXt", b"Author\0\0" + packed),
        ("Unicode text", b"iTXt", b"Author\0\0\0en\0" + MARKER + b"\0" + MARKER),
        ("packed Unicode text", b"iTXt", b"Author\0\1\0en\0Author\0" + packed),
        ("XMP", b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + metadata.XMP),
        (
            "EXIF as text",
            b"zTXt",
            b"Raw profile type exif\0\0" + zlib.compress(MARKER.hex().encode() + MARKER),
        ),
        ("suggested palette", b"sPLT", MARKER + b"\0\x08" + bytes(6)),
        ("signature", b"dSIG", MARKER),
        ("unknown chunk", b"prVt", MARKER),
        ("unknown critical chunk", b"PrVt", MARKER),
        ("C2PA's chunk", b"caBX", MARKER),
        ("a screenshot's chunk", b"iDOT", MARKER),
        ("profile", b"iCCP", MARKER + b"\0\0" + zlib.compress(metadata.profile())),
    ):
        yield marked(f"{name} before the pixels", made(before=chunk(kind, body)))
        yield marked(f"{name} behind the pixels", made(after=chunk(kind, body)))
    for name, exif in metadata.exif_kinds().items():
        yield marked(name, made(before=chunk(b"eXIf", exif)))
    for name, payload in metadata.PAYLOADS.items():
        yield marked(f"{name} in a text", made(before=chunk(b"tEXt", b"Comment\0" + payload)))
    for name, trailer in metadata.trailers().items():
        yield marked(name, made() + trailer)
    yield marked(
        "bytes behind the packed pixels", of_pixels(zlib.compress(rows(SIZE, 8, 2)) + MARKER)
    )
    yield marked("rows that no one sees", of_pixels(zlib.compress(rows(SIZE, 8, 2) + MARKER)))
    palette = MARKER + bytes(3 * 250 - len(MARKER) % 3)
    few = chunk(b"IDAT", zlib.compress((b"\0" + b"\xf0\xf1" * 12) * SIZE[1]))
    unused = chunk(b"PLTE", palette.ljust(768, b"\x55")[:768])
    yield marked("colours that no pixel has", of_chunks(unused, few, IEND, colour=3))
    yield marked("colours that are transparent", hidden_colours())
    yield marked("grey that is transparent", hidden_colours("LA"))
    yield marked("colours that are hidden in a palette", _hidden_palette())


def of_pixels(packed: bytes) -> bytes:
    return of_chunks(chunk(b"IDAT", packed), IEND)


def hidden_colours(mode: str = "RGBA", size: tuple[int, int] = (32, 32)) -> bytes:
    """The marker in the colours of pixels that are fully transparent, beside some that are not."""
    bands = len(mode) - 1
    hidden = (MARKER * 300)[: size[0] * (size[1] // 2) * bands]
    text = Image.frombytes(mode[:-1], (size[0], size[1] // 2), hidden)
    whole = Image.new(mode, size, (200, 90, 60, 255)[-bands - 1 :])
    text.putalpha(0)
    whole.paste(text, (0, 0))
    return images.encoded(whole, "png")


def _hidden_palette() -> bytes:
    """The marker in colours of a palette all of which are transparent, and which pixels have."""
    colours = (MARKER + bytes(2)).ljust(768, b"\x44")
    row = b"\0" + bytes([0, 1, 2, 3, 4]) + b"\x20" * (SIZE[0] - 5)
    return of_chunks(
        chunk(b"PLTE", colours),
        chunk(b"tRNS", bytes(5)),
        chunk(b"IDAT", zlib.compress(row * SIZE[1])),
        IEND,
        colour=3,
    )


def _animated() -> Iterator[Case]:
    yield case("an animation", images.animation("png"))
    secret = zlib.compress((b"\0" + (MARKER * 6)[: 3 * SIZE[0]].ljust(3 * SIZE[0])) * SIZE[1])
    control = chunk(b"acTL", struct.pack(">II", 2, 0))
    frames = [
        chunk(b"fcTL", struct.pack(">IIIIIHHBB", number, *SIZE, 0, 0, 1, 10, 0, 0))
        for number in (0, 1)
    ]
    second = chunk(b"fdAT", struct.pack(">I", 2) + secret)
    yield marked(
        "a frame that no one sees without animation",
        of_chunks(control, frames[0], IDAT, frames[1], second, IEND),
    )
    for count in (0, 1, 0xFFFFFFFF):
        lying = chunk(b"acTL", struct.pack(">II", count, 0))
        yield marked(
            f"an animation that says it has {count} frames",
            of_chunks(lying, frames[0], IDAT, frames[1], second, IEND),
        )
    outside = chunk(b"fcTL", struct.pack(">IIIIIHHBB", 1, *SIZE, 1000, 1000, 1, 0, 9, 9))
    yield marked(
        "a frame outside of the picture",
        of_chunks(control, frames[0], IDAT, outside, second, IEND),
    )
    yield case("an animation cut off", images.animation("png")[:-60])
