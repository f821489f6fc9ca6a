"""Uploads made to cost as much as possible: the worst of each format that somebody could think of.

Each is at most as large as the default ``MAX_UPLOAD_SIZE``. Some are pictures like any other, only
larger, and some are nothing but a header that promises much. They are the same each time.
"""

from __future__ import annotations

import random
import struct
import zlib
from functools import partial
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any

from PIL import Image

from benchmarks.uploads.corpus import TABLE, encoded, pixels
from tests.support import images, vp8l
from tests.support.corpus import webp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

Size = tuple[int, int]

LARGEST = 10 * 1024 * 1024  # bytes of an upload
MEGABYTE = 1024 * 1024
#: In px: 12 and 24 megapixels.
PHOTO, LARGE = (4032, 3024), (6000, 4000)


def noise(count: int) -> bytes:
    return random.Random(0).randbytes(count)


def filled(head: bytes, unit: bytes, tail: bytes = b"") -> bytes:
    """As many units as an upload has room for."""
    room = LARGEST - len(head) - len(tail)
    return head + unit * (room // len(unit)) + tail


#: What is chosen of a picture, by the name of its file: x, y, width and height; then the size of
#: the picture. A small part takes a decode at full size.
CROPS = {"hostile-jpeg-48-megapixels-cropped": (100, 100, 512, 512, 8000, 6000)}


# --- JPEG -------------------------------------------------------------------------------------

EOI, SOI = b"\xff\xd9", b"\xff\xd8"


def jpeg_of_scans(size: Size, scans: int) -> bytes:
    """Progressive, with so many scans more. Each is empty, where bits of all blocks should be."""
    data = encoded("jpeg", "RGB", size, progressive=True, quality=30)
    scan = b"\xff\xda\0\x0c\3\1\0\2\0\3\0\0\0\x10"
    return data[:-2] + scan * scans + data[-2:]


def grey_jpeg_of_scans(size: Size, scans: int, *, interval: int = 0, end: bytes = EOI) -> bytes:
    """As above. There should be a restart marker each ``interval`` blocks, and there is none."""
    data = encoded("jpeg", "L", size, progressive=True, quality=30)
    at = data.rindex(b"\xff\xda")
    begin, finish = (b"\xff\xdd\0\4" + each.to_bytes(2, "big") for each in (interval, 0))
    scan = b"\xff\xda\0\x08\1\1\0\0\0\x10"
    return data[:at] + begin + scan * scans + finish + data[at:-2] + end


def arithmetic_jpeg(size: Size, marker: int = 0xC9) -> bytes:
    """Noise in place of arithmetic codes, of which any bits are valid."""
    data = encoded("jpeg", "RGB", (64, 64), subsampling=0)
    frame, scan = data.index(b"\xff\xc0"), data.index(b"\xff\xda")
    head = data[:frame] + bytes([0xFF, marker]) + data[frame + 2 : frame + 5]
    head += struct.pack(">HH", size[1], size[0]) + data[frame + 9 : scan + 14]
    codes = noise(LARGEST - len(head) - 2).replace(b"\xff", b"\xfe")
    return head + codes + b"\xff\xd9"


def jpeg_of_restarts(size: Size) -> bytes:
    """A restart marker behind each unit of blocks."""
    return encoded("jpeg", "RGB", size, restart_marker_blocks=1, quality=20)


def jpegs() -> Iterator[tuple[str, Callable[[], bytes]]]:
    plain = partial(encoded, "jpeg", "RGB", (700, 500))
    progressive = partial(encoded, "jpeg", "RGB", (700, 500), progressive=True)
    table = b"\xff\xdb" + (2 + 65 * 1000).to_bytes(2, "big") + (b"\0" + b"\x10" * 64) * 1000
    yield "jpeg-48-megapixels", partial(encoded, "jpeg", "RGB", (8000, 6000), quality=85)
    yield "jpeg-48-megapixels-cropped", partial(encoded, "jpeg", "RGB", (8000, 6000), quality=85)
    yield "jpeg-all-ones", lambda: filled(b"\xff\xd8\xff", b"\xff", plain()[2:])
    yield "jpeg-all-ones-between", lambda: filled(progressive()[:-2], b"\xff", b"\xff\xd9")
    yield "jpeg-all-ones-behind", lambda: filled(progressive()[:-2], b"\xff")
    yield "jpeg-comments", lambda: filled(b"\xff\xd8", b"\xff\xfe\0\2", plain()[2:])
    yield "jpeg-long-comments", lambda: filled(b"\xff\xd8", b"\xff\xfe\xff\xff" + bytes(65533))
    yield "jpeg-tables", lambda: filled(b"\xff\xd8", table, plain()[2:])
    yield "jpeg-tables-between", lambda: filled(progressive()[:-2], table, b"\xff\xd9")
    yield "jpeg-restarts", lambda: filled(progressive()[:-2], b"\xff\xd0")
    yield "jpeg-restart-each-block", partial(jpeg_of_restarts, PHOTO)
    yield "jpeg-half-a-marker", lambda: filled(plain()[:-2], b"\0")
    for scans in (20, 80, 1000):
        yield f"jpeg-12-megapixels-{scans}-scans", partial(jpeg_of_scans, PHOTO, scans)
    yield "jpeg-24-megapixels-8-scans", partial(jpeg_of_scans, LARGE, 8)
    yield "jpeg-51-megapixels-40-scans", partial(jpeg_of_scans, TABLE, 40)
    yield "jpeg-grey-41-megapixels-50-scans", partial(grey_jpeg_of_scans, (6400, 6400), 50)
    yield "jpeg-grey-18-megapixels-85-scans", partial(grey_jpeg_of_scans, (4300, 4200), 85)
    for scans in (15, 85):
        yield (
            f"jpeg-grey-12-megapixels-{scans}-scans-of-restarts",
            partial(grey_jpeg_of_scans, PHOTO, scans, interval=1),
        )
    for size in (PHOTO, LARGE, TABLE):
        name = f"jpeg-{size[0]}x{size[1]}-before-another"
        yield name, partial(grey_jpeg_of_scans, size, 0, end=SOI)
        whole = partial(encoded, "jpeg", "RGB", size, quality=80)
        yield f"{name}-one-scan", lambda whole=whole: whole()[:-2] + SOI
    for what, unit in (
        ("comments", b"\xff\xfe\0\2"),
        ("intervals", b"\xff\xdd\0\4\0\1"),
        ("markers", b"\xff\1"),
    ):
        yield f"jpeg-{what}-at-the-end", lambda unit=unit: filled(progressive()[:-2], unit)
    for size in ((1000, 1000), PHOTO, LARGE, TABLE):
        name = f"{size[0]}x{size[1]}"
        yield f"jpeg-arithmetic-{name}", partial(arithmetic_jpeg, size)
        yield f"jpeg-arithmetic-progressive-{name}", partial(arithmetic_jpeg, size, 0xCA)


# --- PNG --------------------------------------------------------------------------------------


def filtered_png(
    size: Size,
    colour: int,
    samples: int,
    depth: int = 8,
    *,
    interlaced: bool = False,
    checksum: bool = True,
) -> bytes:
    """Each row has the filter that takes longest (Paeth), on values that are soon packed."""
    packer = zlib.compressobj(6)
    parts = []
    for left, top, across, down in images.ADAM7 if interlaced else ((0, 0, 1, 1),):
        columns, rows = -(-(size[0] - left) // across), -(-(size[1] - top) // down)
        if columns > 0 and rows > 0:
            length = (columns * depth * samples + 7) // 8
            some = b"\4" + noise(length // 64 + 1) * 64
            row = some[: 1 + length]
            at_once = min(rows, max(1, MEGABYTE // len(row)))
            parts += [packer.compress(row * at_once) for _ in range(rows // at_once)]
            parts.append(packer.compress(row * (rows % at_once)))
    data = b"".join([*parts, packer.flush()])
    if not checksum:
        data = data[:-4] + b"sum?"
    header = struct.pack(">IIBBBBB", *size, depth, colour, 0, 0, interlaced)
    return b"".join(
        [
            images.SIGNATURE,
            images.chunk(b"IHDR", header),
            images.chunk(b"IDAT", data),
            images.chunk(b"IEND"),
        ]
    )


def png_of_blocks() -> bytes:
    """Each few bytes are packed with a table of codes of their own."""
    # Level 0 would copy them; Z_FULL_FLUSH ends a block.
    packer = zlib.compressobj(9)
    row = noise(1 + 4 * 1000)
    parts = []
    left = LARGEST - 20_000
    rows = 0
    while left > 0:
        line = b"\0" + row[: 4 * 1000]
        for at in range(0, len(line), 100):
            part = packer.compress(line[at : at + 100]) + packer.flush(zlib.Z_FULL_FLUSH)
            parts.append(part)
            left -= len(part)
        rows += 1
    header = struct.pack(">IIBBBBB", 1000, rows, 8, 6, 0, 0, 0)
    return b"".join(
        [
            images.SIGNATURE,
            images.chunk(b"IHDR", header),
            images.chunk(b"IDAT", b"".join([*parts, packer.flush()])),
            images.chunk(b"IEND"),
        ]
    )


def pngs() -> Iterator[tuple[str, Callable[[], bytes]]]:
    def parts() -> tuple[bytes, bytes]:
        data = images.png(images.quarters())
        at = data.index(b"IDAT") - 4
        return data[:at], data[at:]

    yield "png-chunks", lambda: filled(parts()[0], images.chunk(b"tEXt"), parts()[1])
    yield "png-empty-data", lambda: filled(parts()[0], images.chunk(b"IDAT"), parts()[1])
    yield "png-small-blocks", png_of_blocks
    yield "png-endless-text", images.text_bomb
    yield "png-endless-profile", images.profile_bomb
    yield (
        "png-endless-rows",
        lambda: images.raw_png((10, 1), bytes(31) + bytes(500 * MEGABYTE)),
    )
    # The first of each kind are as large as the limits allow.
    for name, size, colour, samples, depth in (
        ("rgba-8", (3840, 2160), 6, 4, 8),
        ("rgba-12", PHOTO, 6, 4, 8),
        ("rgba-51", TABLE, 6, 4, 8),
        ("rgb-15", (4700, 3340), 2, 3, 8),
        ("rgb-24", LARGE, 2, 3, 8),
        ("rgb-51", TABLE, 2, 3, 8),
        ("grey-42", (6560, 6460), 0, 1, 8),
        ("grey-51", TABLE, 0, 1, 8),
        ("grey-alpha-13", (4170, 3240), 4, 2, 8),
        ("grey-alpha-24", LARGE, 4, 2, 8),
        ("16-bit-rgb-8", (3300, 2520), 2, 3, 16),
        ("16-bit-rgba-12", PHOTO, 6, 4, 16),
        ("16-bit-rgb-24", LARGE, 2, 3, 16),
        ("16-bit-grey-24", (5600, 4350), 0, 1, 16),
        ("16-bit-grey-51", TABLE, 0, 1, 16),
    ):
        yield f"png-paeth-{name}", partial(filtered_png, size, colour, samples, depth)
    for name, size, colour, samples, depth in (
        ("rgba-7", (3450, 2080), 6, 4, 8),
        ("rgb-13", (4200, 3160), 2, 3, 8),
        ("grey-31", (5600, 5500), 0, 1, 8),
        ("4-bit-grey-43", (6620, 6520), 0, 1, 4),
        ("16-bit-rgb-8", (3250, 2430), 2, 3, 16),
    ):
        yield (
            f"png-interlaced-{name}",
            partial(filtered_png, size, colour, samples, depth, interlaced=True),
        )
    for name, size, colour, samples in (
        ("rgb-1-px-wide", (1, 8_000_000), 2, 3),
        ("rgb-8-px-wide", (8, 1_690_000), 2, 3),
        ("grey-1-px-wide", (1, 11_200_000), 0, 1),
        ("grey-2-px-wide", (2, 8_300_000), 0, 1),
        ("grey-1-px-high", (16_500_000, 1), 0, 1),
    ):
        for interlaced in (False, True):
            yield (
                f"png-{name}{'-interlaced' * interlaced}",
                partial(filtered_png, size, colour, samples, interlaced=interlaced),
            )
    yield (
        "png-paeth-rgb-15-wrong-checksum",
        partial(filtered_png, (4700, 3340), 2, 3, checksum=False),
    )


# --- GIF --------------------------------------------------------------------------------------


def gif_in_pieces() -> bytes:
    """The data of the picture in blocks of one byte."""
    data = encoded("gif", "P", (1999, 1999))
    start = data.index(b",\0\0\0\0") + 11
    blocks, at = [], start
    while data[at]:
        blocks.append(data[at + 1 : at + 1 + data[at]])
        at += 1 + data[at]
    pieces = b"".join(chain.from_iterable(zip(repeat(b"\1"), map(_byte, b"".join(blocks)))))
    return data[:start] + pieces + b"\0;"


def _byte(value: int) -> bytes:
    return bytes([value])


def gifs() -> Iterator[tuple[str, Callable[[], bytes]]]:
    screen = b"GIF89a" + struct.pack("<HHBBB", 60, 40, 0, 0, 0)
    yield "gif-nothing", lambda: filled(screen, b"\0")
    yield "gif-small-blocks", lambda: filled(screen + b"!\xfe", b"\1x")
    yield "gif-extensions", lambda: filled(screen, b"!\xfe\0")
    yield "gif-in-pieces", gif_in_pieces
    yield "gif-51-megapixels", partial(encoded, "gif", "P", TABLE, interlace=1)
    yield "gif-51-megapixels-flat", lambda: images.encoded(Image.new("P", TABLE), "gif")


# --- WebP -------------------------------------------------------------------------------------


def _lossless(size: Size, **options: Any) -> bytes:
    return webp.riff(webp.chunk(b"VP8L", vp8l.picture(size, **options)))


def _with_alpha(size: Size, **options: Any) -> bytes:
    alpha = webp.chunk(b"ALPH", vp8l.alpha(size, **options))
    return webp.riff(webp.extended(size, webp.HAS_ALPHA), alpha, webp.pixels("RGB", size))


def webps() -> Iterator[tuple[str, Callable[[], bytes]]]:
    head = b"RIFF\xff\xff\x9f\0WEBP"
    yield "webp-chunks", lambda: filled(head, b"ABCD\0\0\0\0")
    yield (
        "webp-profiles",
        lambda: filled(head, b"ICCP" + (1000).to_bytes(4, "little") + bytes(1000)),
    )
    best = {"quality": 100, "method": 0}
    for name, size in (("12", PHOTO), ("16", (4600, 3450)), ("20", (5160, 3870))):
        yield f"webp-lossy-{name}", partial(encoded, "webp", "RGB", size, method=0)
        yield f"webp-lossy-alpha-{name}", partial(encoded, "webp", "RGBA", size, method=0)
        yield f"webp-flat-{name}", partial(_flat, "webp", size)
        yield f"webp-flat-lossless-{name}", partial(_flat, "webp", size, lossless=True)
    yield "webp-lossy-best", partial(encoded, "webp", "RGB", (3600, 2700), **best)
    lossless = {"lossless": True, "quality": 0, "method": 0}
    yield "webp-lossless", partial(encoded, "webp", "RGB", (2600, 1900), **lossless)
    yield "webp-lossless-alpha", partial(encoded, "webp", "RGBA", (2000, 1600), **lossless)
    yield (
        "webp-lossless-thorough",
        partial(encoded, "webp", "RGB", (1999, 1999), lossless=True, quality=100, method=4),
    )
    # Groups of codes: beyond the limits, and nearly as many as they allow; and as much as is read
    # before them.
    size = (1000, 1000)
    yield "webp-codes-refused", partial(_lossless, size, groups=62_500)
    yield "webp-codes", partial(_lossless, size, groups=14_000, tile=3)
    yield "webp-codes-large", partial(_lossless, size, groups=9_000, tile=3, large=True)
    yield "webp-codes-of-alpha", partial(_with_alpha, size, groups=14_000, tile=3)
    before = {"transforms": (vp8l.PREDICTOR, vp8l.CROSS_COLOUR), "long": True}
    yield "webp-codes-behind-1", partial(_lossless, size, tile=3, **before)
    yield "webp-codes-behind-9", partial(_lossless, (3464, 2598), tile=4, **before)


def _flat(format: str, size: Size, **options: object) -> bytes:
    return images.encoded(Image.new("RGB", size, (200, 100, 50)), format, **options)


# --- AVIF -------------------------------------------------------------------------------------


def box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I", 8 + len(body)) + kind + body


def avif_of_tracks() -> bytes:
    """Each track has a table of ten thousand runs."""
    runs = struct.pack(">III", 1, 1, 1) * 10_000
    stbl = box(b"stbl", box(b"stsc", bytes(4), struct.pack(">I", 10_000), runs))
    track = box(b"trak", box(b"mdia", box(b"minf", stbl)))
    data = images.animation("avif")
    count = (LARGEST - len(data) - 8) // len(track)
    return data + box(b"moov", track * count)


def avifs() -> Iterator[tuple[str, Callable[[], bytes]]]:
    yield "avif-tracks", avif_of_tracks
    ftyp = box(b"ftyp", b"avif\0\0\0\0avifmif1")
    yield "avif-boxes", lambda: filled(ftyp, box(b"free"))
    for name, size in (("8", (3200, 2400)), ("12", PHOTO), ("16", (4600, 3450)), ("24", LARGE)):
        yield f"avif-{name}", partial(encoded, "avif", "RGB", size, speed=10)
        yield f"avif-flat-{name}", partial(_flat, "avif", size, speed=10)
    yield (
        "avif-444-alpha-8",
        partial(encoded, "avif", "RGBA", (3200, 2400), speed=10, subsampling="4:4:4"),
    )
    yield (
        "avif-444-8",
        partial(encoded, "avif", "RGB", (3200, 2400), speed=10, subsampling="4:4:4"),
    )
    yield (
        "avif-best-4",
        partial(encoded, "avif", "RGB", (2400, 1800), speed=10, quality=100, subsampling="4:4:4"),
    )
    yield (
        "avif-grain-4",
        partial(encoded, "avif", "RGB", (2400, 1800), speed=10, advanced={"film-grain-test": "1"}),
    )
    yield (
        "avif-small-blocks-4",
        partial(
            encoded,
            "avif",
            "RGB",
            (2400, 1800),
            speed=8,
            quality=95,
            advanced={"max-partition-size": "4", "min-partition-size": "4"},
        ),
    )


# --- colour profiles --------------------------------------------------------------------------


def steps_profile() -> bytes:
    """A conversion of hundreds of thousands of steps, all of which are the same few bytes."""
    step = b"matf" + bytes(4) + struct.pack(">HH12f", 3, 3, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0)
    count = 400_000
    place = struct.pack(">II", 16 + 8 * count, len(step))
    steps = b"mpet" + bytes(4) + struct.pack(">HHI", 3, 3, count) + place * count + step
    return images.profile(b"RGB ", b"XYZ ", {b"D2B0": steps, b"A2B0": b"", b"wtpt": images.D50})


def table_profile(space: bytes, inputs: int, side: int) -> bytes:
    """A conversion through as large a table as fits."""
    identity = struct.pack(">9i", *(65536 if place % 4 == 0 else 0 for place in range(9)))
    head = b"mft2" + bytes(4) + bytes([inputs, 3, side, 0]) + identity
    curves = struct.pack(">HH", 4096, 4096) + bytes(2 * 4096 * inputs)
    table = head + curves + noise(2 * 3 * side**inputs) + bytes(2 * 4096 * 3)
    return images.profile(space, b"Lab ", {b"A2B0": table, b"wtpt": images.D50})


def profiled() -> Iterator[tuple[str, Callable[[], bytes]]]:
    def png(profile: bytes) -> bytes:
        return images.png(pixels((1999, 1999)), icc_profile=profile, compress_level=1)

    def cmyk(profile: bytes) -> bytes:
        return encoded("jpeg", "CMYK", (1999, 1999), icc_profile=profile)

    yield "png-profile-of-steps", lambda: png(steps_profile())
    yield "png-profile-of-a-table", lambda: png(table_profile(b"RGB ", 3, 85))
    yield "jpeg-cmyk-profile-of-a-table", lambda: cmyk(table_profile(b"CMYK", 4, 27))


# --- no pictures ------------------------------------------------------------------------------


def others() -> Iterator[tuple[str, Callable[[], bytes]]]:
    yield "text-letters", lambda: filled(b"", b"I am a cat. ")
    yield "text-tags", lambda: filled(b"", b"<a:" + b"b" * 100)
    yield "text-one-tag", lambda: filled(b"<", b"a")
    yield "text-spaces", lambda: filled(b"", b" ")


def write(folder: Path) -> list[Path]:
    """Write all of them as files, except what would be refused for its bytes alone."""
    paths = []
    everything = chain(jpegs(), pngs(), gifs(), webps(), avifs(), profiled(), others())
    for name, build in everything:
        path = folder / f"hostile-{name}.{name.partition('-')[0]}"
        if not path.exists():
            path.write_bytes(build())
        paths.append(path)
    return paths
