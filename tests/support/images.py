"""Builders of pictures in memory: good, strange and hostile ones, by plain Pillow or by hand.

Everything returns ``bytes`` of a file, except the functions that say they return a picture.
"""

from __future__ import annotations

import io
import random
import struct
import zlib
from functools import cache
from typing import TYPE_CHECKING, Any

from PIL import ExifTags, Image, ImageCms, ImageEnhance

if TYPE_CHECKING:
    from collections.abc import Sequence

RED, GREEN, BLUE, WHITE = (220, 30, 30), (30, 180, 60), (40, 60, 210), (250, 250, 250)
SVG = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<!-- drawn by hand -->\n'
    b'<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64">'
    b"<script>alert(1)</script></svg>"
)


# --- pictures ---------------------------------------------------------------------------------


def quarters(
    size: tuple[int, int] = (60, 40), colours: Sequence[Any] = (RED, GREEN, BLUE, WHITE)
) -> Image.Image:
    """Which way up is it? Red and green are above, blue and white below."""
    picture = Image.new("RGB", size, colours[0])
    middle_x, middle_y = size[0] // 2, size[1] // 2
    picture.paste(colours[1], (middle_x, 0, size[0], middle_y))
    picture.paste(colours[2], (0, middle_y, middle_x, size[1]))
    picture.paste(colours[3], (middle_x, middle_y, *size))
    return picture


def half_grey() -> tuple[int, int, int]:
    """What RED is in greyscale."""
    value = Image.new("RGB", (1, 1), RED).convert("L").getpixel((0, 0))
    return (value, value, value)  # type: ignore[return-value]


def photograph(kind: str, size: tuple[int, int] = (4032, 3024)) -> Image.Image:
    """A picture with the statistics of a "smooth", "skin", "noisy" or "detail" photograph."""
    rng = random.Random(kind)

    def grain(cell: int, size: tuple[int, int] = size) -> Image.Image:
        width, height = -(-size[0] // cell) + 1, -(-size[1] // cell) + 1
        field = Image.frombytes("RGB", (width, height), rng.randbytes(width * height * 3))
        return field.resize(size, Image.Resampling.BICUBIC)

    if kind == "detail":
        quarter = (size[0] // 4, size[1] // 4)
        coarse = grain(2, quarter)
        for octave in range(2, 8):
            coarse = Image.blend(coarse, grain(2**octave, quarter), 0.3)
        picture = Image.blend(grain(2), coarse.resize(size, Image.Resampling.BICUBIC), 0.9)
        return ImageEnhance.Contrast(picture).enhance(1.8)
    picture = grain(max(size) // 12)
    if kind == "skin":
        return Image.blend(picture, Image.new("RGB", size, (222, 172, 144)), 0.7)
    return Image.blend(picture, grain(1), 0.12) if kind == "noisy" else picture


# --- files ------------------------------------------------------------------------------------


def encoded(picture: Image.Image, format: str, **options: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, format, **options)
    return out.getvalue()


# What undoes each turn that an orientation asks for.
_STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def exif(orientation: int | None = None, *, gps: bool = False) -> bytes:
    tags = Image.Exif()
    if orientation is not None:
        tags[ExifTags.Base.Orientation] = orientation
    if gps:
        tags[ExifTags.Base.Artist] = "Jane Doe"
        tags.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] = "N"
        tags.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitude] = (48.0, 12.0, 30.0)
    return tags.tobytes()


def turned(upright: Image.Image, orientation: int, format: str = "jpeg", **options: Any) -> bytes:
    """Stored as a camera held that way stores it: a viewer that minds EXIF shows ``upright``."""
    transpose = _STORED[orientation]
    stored = upright if transpose is None else upright.transpose(transpose)
    return encoded(stored, format, exif=exif(orientation), **options)


def jpeg(picture: Image.Image | None = None, **options: Any) -> bytes:
    """Of the best quality unless told otherwise, so that colours can be compared."""
    return encoded(picture or quarters(), "jpeg", **{"quality": 95, "subsampling": 0} | options)


def png(picture: Image.Image | None = None, **options: Any) -> bytes:
    return encoded(picture or quarters(), "png", **options)


def talkative_jpeg(picture: Image.Image | None = None) -> bytes:
    """Says where it was taken, by whom, with what; and hides an archive behind its end."""
    return (
        jpeg(
            picture,
            exif=exif(1, gps=True),
            comment=b"secret comment",
            xmp=b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>secret xmp</x:xmpmeta>",
            icc_profile=srgb_profile(),
        )
        + b"PK\x03\x04secret payload"
    )


def two_picture_jpeg() -> bytes:
    """MPO, as iPhones and Samsungs write: a JPEG, and a second one behind it."""
    second = Image.new("RGB", (60, 40), BLUE)
    return encoded(quarters(), "mpo", save_all=True, append_images=[second], quality=95)


def animation(format: str, frames: Sequence[Any] = (RED, BLUE), **options: Any) -> bytes:
    first, *others = (Image.new("RGB", (48, 48), colour) for colour in frames)
    return encoded(
        first, format, save_all=True, append_images=others, duration=100, loop=0, **options
    )


# --- PNG by hand: what Pillow does not write --------------------------------------------------

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY, TRUECOLOUR = 0, 2


def chunk(name: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def raw_png(
    size: tuple[int, int],
    rows: bytes,
    *,
    depth: int = 8,
    colour: int = TRUECOLOUR,
    interlaced: bool = False,
    before: bytes = b"",
    after: bytes = b"",
) -> bytes:
    """``rows`` start with a filter byte each; ``before`` and ``after`` are chunks around them."""
    header = struct.pack(">IIBBBBB", *size, depth, colour, 0, 0, interlaced)
    return (
        SIGNATURE
        + chunk(b"IHDR", header)
        + before
        + chunk(b"IDAT", zlib.compress(rows))
        + after
        + chunk(b"IEND")
    )


def grey_16_bit(size: tuple[int, int], value: int, transparent: int | None = None) -> bytes:
    """All pixels ``value``, the first row ``transparent`` if that is given."""
    first = value if transparent is None else transparent
    values = [first] + [value] * (size[1] - 1)
    rows = b"".join(b"\0" + struct.pack(">H", of_row) * size[0] for of_row in values)
    before = b"" if transparent is None else chunk(b"tRNS", struct.pack(">H", transparent))
    return raw_png(size, rows, depth=16, colour=GREY, before=before)


def truecolour_16_bit(
    size: tuple[int, int], value: tuple[int, int, int], *, transparent: bool = False
) -> bytes:
    pixel = struct.pack(">HHH", *value)
    before = chunk(b"tRNS", pixel) if transparent else b""
    return raw_png(size, (b"\0" + pixel * size[0]) * size[1], depth=16, before=before)


#: The first column and row of each pass, and the steps to the next ones.
ADAM7 = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)


def interlaced(picture: Image.Image | None = None) -> bytes:
    picture = picture or quarters()
    rows = b""
    for x, y, step_x, step_y in ADAM7:
        for row in range(y, picture.height, step_y):
            pixels = [
                picture.getpixel((column, row)) for column in range(x, picture.width, step_x)
            ]
            if pixels:
                rows += b"\0" + bytes(value for pixel in pixels for value in pixel)
    return raw_png(picture.size, rows, interlaced=True)


# --- hostile ----------------------------------------------------------------------------------


def huge_png(size: tuple[int, int] = (60_000, 60_000)) -> bytes:
    """A few hundred bytes that claim to be gigapixels."""
    return raw_png(size, b"\0" * 100)


ENDLESS = zlib.compress(b"\0" * 3 * 2**20, 9)


def text_bomb() -> bytes:
    return raw_png((1, 1), b"\0\1\2\3", before=chunk(b"zTXt", b"Comment\0\0" + ENDLESS))


def late_text_bomb() -> bytes:
    return raw_png((1, 1), b"\0\1\2\3", after=chunk(b"zTXt", b"Comment\0\0" + ENDLESS))


def profile_bomb() -> bytes:
    return raw_png((1, 1), b"\0\1\2\3", before=chunk(b"iCCP", b"icc\0\0" + ENDLESS))


def webp_header(first_chunk: bytes, body: bytes) -> bytes:
    """Only the head of a WebP: enough to be refused by."""
    payload = b"WEBP" + first_chunk + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", len(payload)) + payload


# --- colour profiles --------------------------------------------------------------------------


@cache
def srgb_profile() -> bytes:
    # Once, since the second in which it is made is in it.
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def swapped_profile() -> bytes:
    """sRGB, but what it calls red is blue: nobody can overlook whether it was applied."""
    profile = srgb_profile()
    for name in (b"XYZ", b"TRC"):
        profile = profile.replace(b"r" + name, b"?" + name, 1)
        profile = profile.replace(b"b" + name, b"r" + name, 1)
        profile = profile.replace(b"?" + name, b"b" + name, 1)
    return profile


def grey_profile(gamma: float = 1.0) -> bytes:
    """Linear light unless told otherwise: mid-grey becomes much brighter in sRGB."""
    curve = b"curv" + struct.pack(">IIH", 0, 1, round(gamma * 256)) + b"\0\0"
    return profile(b"GRAY", b"XYZ ", {b"kTRC": curve, b"wtpt": D50})


def cmyk_profile() -> bytes:
    """Any ink at all is black; no ink is white."""
    corners = b"\xff\x80\x80" + b"\0\x80\x80" * 15
    straight = bytes(range(256))
    identity = struct.pack(">9i", *(65536 if place % 4 == 0 else 0 for place in range(9)))
    table = b"mft1\0\0\0\0\4\3\2\0" + identity + straight * 4 + corners + straight * 3
    return profile(b"CMYK", b"Lab ", {b"A2B0": table, b"wtpt": D50})


D50 = b"XYZ " + struct.pack(">I3i", 0, *(round(value * 65536) for value in (0.9642, 1, 0.8249)))


def profile(space: bytes, connection: bytes, tags: dict[bytes, bytes]) -> bytes:
    directory, data = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for name, tag in tags.items():
        directory += name + struct.pack(">II", start + len(data), len(tag))
        data += tag + b"\0" * (-len(tag) % 4)
    kind = b"mntr" if space == b"GRAY" else b"prtr"
    header = (
        struct.pack(">I", start + len(data))
        + b"\0\0\0\0\x02\x40\0\0"
        + kind
        + space
        + connection
        + b"\0" * 12
        + b"acsp"
        + b"\0" * 28
        + D50[8:]
    )
    return header.ljust(128, b"\0") + directory + data
