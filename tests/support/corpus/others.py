"""What is no picture, or none that is taken; and files that are two things at once."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from tests.support import images
from tests.support.corpus import gif, jpeg, metadata, png
from tests.support.corpus.base import MARKER, Case, case, marked, picture

NOT_AN_IMAGE, UNSUPPORTED, SVG = "invalid_image", "unsupported_format", "svg"


def cases() -> Iterator[Case]:
    yield from _formats()
    yield from _drawings()
    yield from _no_pictures()
    yield from _double()


def _formats() -> Iterator[Case]:
    for format in ("tiff", "bmp", "ico", "jpeg2000"):
        size = (32, 32)
        yield case(format, images.encoded(picture(size=size), format), UNSUPPORTED)
    for format in ("ppm", "tga", "pcx", "sgi", "dds", "icns"):
        size = (32, 32)
        yield case(format, images.encoded(picture(size=size), format), NOT_AN_IMAGE)
    for name, head in (
        ("EPS", b"%!PS-Adobe-3.0 EPSF-3.0\n"),
        ("PSD", b"8BPS\0\1" + bytes(30)),
        ("JPEG XL", b"\xff\x0a" + bytes(30)),
        ("JPEG XL in boxes", b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(30)),
        ("JPEG 2000's codes", b"\xff\x4f\xff\x51" + bytes(30)),
        ("BigTIFF", b"II+\0\x08\0\0\0" + bytes(30)),
        ("TIFF, big-endian", b"MM\0*\0\0\0\x08" + bytes(30)),
    ):
        yield marked(name, head + MARKER, UNSUPPORTED)


def _drawings() -> Iterator[Case]:
    for name, data in {
        "plain": images.SVG,
        "with a byte order mark": b"\xef\xbb\xbf" + images.SVG,
        "in UTF-16": images.SVG.decode().encode("utf-16"),
        "behind blank lines": b"\n\n\t " + images.SVG,
        "with entities": b'<!DOCTYPE svg [<!ENTITY a "a">]><svg>&a;</svg>',
        "with a prefix": b"<s:svg xmlns:s='http://www.w3.org/2000/svg'/>",
    }.items():
        yield marked(f"SVG {name}", data + MARKER, SVG)


def _no_pictures() -> Iterator[Case]:
    for name, data in {
        "text": b"hello",
        "a page": metadata.PAYLOADS["HTML"],
        "a script": b"#!/bin/sh\necho",
        "PHP": metadata.PAYLOADS["PHP"],
        "a PDF": metadata.document(),
        "an archive": metadata.archive(),
        "packed by gzip": b"\x1f\x8b\x08" + bytes(20),
        "a program": b"MZ" + bytes(60),
        "a program of Linux": b"\x7fELF" + bytes(60),
        "a film": b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(60),
        "WebM": b"\x1a\x45\xdf\xa3" + bytes(60),
        "sound": b"ID3\3" + bytes(60),
        "a font": b"wOF2" + bytes(60),
        "a table": b"name,picture\nada,ada.jpg\n",
        "JSON": b'{"picture": "data:image/png;base64,iVBORw0KGgo="}',
        "one byte": b"\0",
        "zeros": bytes(4096),
        "ones": b"\xff" * 4096,
        "a picture in Base64": b"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk",
        "a picture behind a blank": b" " + png.made(),
        "a picture behind a PDF": metadata.document() + jpeg.plain(),
        "a picture behind an archive": metadata.archive() + png.made(),
        "a picture in a request": b"Content-Type: image/png\r\n\r\n" + png.made(),
    }.items():
        yield case(name, data, NOT_AN_IMAGE, marked=MARKER in data)
    yield case("nothing", b"", "empty")


def _double() -> Iterator[Case]:
    """Files that a careless reader takes for something else."""
    yield marked("GIF and Java archive", gif.made() + metadata.archive())
    yield marked("JPEG and Java archive", jpeg.plain() + metadata.archive())
    yield marked("PNG and Java archive", png.made() + metadata.archive())
    page = b"<html><!--" + MARKER + b"--><script>alert(1)</script>"
    yield marked("JPEG and page", jpeg.behind_start(jpeg.plain(), jpeg.segment(0xFE, page)))
    text = png.chunk(b"tEXt", b"Comment\0" + page)
    yield marked("PNG and page", png.made(before=text))
    # Ends as a program of Windows or a film would begin: the first bytes alone do not tell.
    for name, more in (("program", b"MZ" + MARKER), ("film", b"\0\0\0\x18ftypmp42" + MARKER)):
        yield marked(f"PNG and {name}", png.made() + more)
    picture_in_picture = png.chunk(
        b"prVt", jpeg.behind_start(jpeg.plain(), jpeg.segment(0xFE, MARKER))
    )
    yield marked("a JPEG in a PNG", png.made(before=picture_in_picture))
    inside = jpeg.segment(0xE5, png.made(after=png.chunk(b"tEXt", b"a\0" + MARKER)))
    yield marked("a PNG in a JPEG", jpeg.behind_start(jpeg.plain(), inside))
    phar = b"<?php __HALT_COMPILER(); ?>\r\n" + struct.pack("<I", 40) + MARKER
    yield marked("JPEG and PHP archive", jpeg.behind_start(jpeg.plain(), jpeg.segment(0xFE, phar)))
