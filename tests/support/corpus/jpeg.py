"""JPEG: modes, sampling, scans, segments, lengths that lie."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from tests.support import images
from tests.support.corpus import metadata
from tests.support.corpus.base import (
    EITHER,
    MARKER,
    SIZE,
    TAKEN,
    TRUNCATED,
    Case,
    case,
    cut,
    marked,
    patched,
    picture,
)

SOI, EOI = b"\xff\xd8", b"\xff\xd9"
COM = 0xFE


def segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def behind_start(data: bytes, *segments: bytes) -> bytes:
    """With these segments in front of all others."""
    return SOI + b"".join(segments) + data[2:]


def plain(mode: str = "RGB", size: tuple[int, int] = SIZE, **options: object) -> bytes:
    return images.encoded(picture(mode, size), "jpeg", **options)


def cases() -> Iterator[Case]:
    yield from _kinds()
    yield from _turned()
    yield from _segments()
    yield from _marked()
    yield from _damaged()
    yield from _headers()


def _kinds() -> Iterator[Case]:
    for mode in ("L", "RGB", "CMYK"):
        for quality in (1, 50, 100):
            for progressive in (False, True):
                name = f"{mode}, quality {quality}" + ", progressive" * progressive
                yield case(name, plain(mode, quality=quality, progressive=progressive))
    for sampling in ("4:4:4", "4:2:2", "4:2:0"):
        for size in ((1, 1), (7, 9), (17, 16), (1, 300), (300, 1)):
            name = f"{sampling}, {size[0]} × {size[1]} px"
            progressive = size == (17, 16)
            yield case(name, plain(size=size, subsampling=sampling, progressive=progressive))
    for blocks in (1, 2, 5):
        for mode in ("L", "RGB"):
            name = f"{mode}, restarts after {blocks} blocks"
            yield case(name, plain(mode, restart_marker_blocks=blocks))
    yield case("restarts after each row, progressive", plain(restart_marker_rows=1, progressive=1))
    yield case("RGB that was not converted", plain(keep_rgb=True))
    yield case("optimized", plain(optimize=True))
    yield case("four inks, turned to luminance", _luminance_of_inks())


def _luminance_of_inks() -> bytes:
    data = bytearray(plain("CMYK"))
    # The last byte of Adobe's segment says what the components are.
    data[data.find(b"Adobe") + 11] = 2
    return bytes(data)


def _turned() -> Iterator[Case]:
    upright = picture()
    for value in range(1, 9):
        yield case(f"orientation {value}", images.turned(upright, value))
    for value in (2, 5, 8):
        big = segment(0xE1, b"Exif\0\0" + metadata.orientation(value, ">"))
        yield case(f"orientation {value}, big-endian", behind_start(plain(), big))
    for name, exif in metadata.odd_exif().items():
        yield case(f"EXIF {name}", behind_start(plain(), segment(0xE1, b"Exif\0\0" + exif)))
    six, three = (segment(0xE1, b"Exif\0\0" + metadata.orientation(value)) for value in (6, 3))
    yield case("EXIF twice", behind_start(plain(), six, three))


def _segments() -> Iterator[Case]:
    data = plain()
    for name, profile in metadata.profiles().items():
        parts = [profile[at : at + 60_000] for at in range(0, len(profile), 60_000)]
        segments = [
            segment(0xE2, b"ICC_PROFILE\0" + bytes([number, len(parts)]) + part)
            for number, part in enumerate(parts, 1)
        ]
        yield case(f"profile {name}", behind_start(data, *segments))
        if len(segments) > 1:
            yield case("profile of parts in another order", behind_start(data, *segments[::-1]))
            yield case("profile of which a part is missing", behind_start(data, segments[0]))
            yield case("profile of a part twice", behind_start(data, segments[0], *segments))
    yield case("inks with a profile for inks", _with_profile(plain("CMYK"), images.cmyk_profile()))
    yield case("grey with a profile for grey", _with_profile(plain("L"), images.grey_profile()))
    yield case("profile without its numbers", behind_start(data, segment(0xE2, b"ICC_PROFILE\0")))
    yield case("rubbish between segments", data[:20] + b"\0rubbish\0" + data[20:])
    yield case("many bytes before a marker", SOI + b"\xff" * 500 + data[2:])
    yield case("an empty comment", behind_start(data, segment(COM, b"")))
    yield case("a comment of 65,533 bytes", behind_start(data, segment(COM, bytes(65_533))))
    yield case("900 comments", behind_start(data, segment(COM, b"") * 900))
    yield case("11,000 comments", behind_start(data, segment(COM, b"") * 11_000), TRUNCATED)
    yield case("Adobe's segment cut off", behind_start(data, segment(0xEE, b"Adobe\0d")))
    yield case(
        "Adobe's segment of an unknown transform",
        behind_start(data, segment(0xEE, b"Adobe\0d\0\0\0\0\7")),
    )
    yield case("JFIF cut off", behind_start(data, segment(0xE0, b"JFIF\0\1")))
    yield case("a density of zero", patched(data, data.find(b"JFIF") + 7, b"\1\0\0\0\0"))


def _with_profile(data: bytes, profile: bytes) -> bytes:
    return behind_start(data, segment(0xE2, b"ICC_PROFILE\0\1\1" + profile))


def _marked() -> Iterator[Case]:
    data = plain()
    for name, exif in metadata.exif_kinds().items():
        yield marked(name, behind_start(data, segment(0xE1, b"Exif\0\0" + exif)))
    xmp = segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + metadata.XMP)
    yield marked("XMP", behind_start(data, xmp))
    head = b"http://ns.adobe.com/xmp/extension/\0" + b"0" * 32
    more = head + struct.pack(">II", len(metadata.XMP), 0) + metadata.XMP
    yield marked("XMP in two parts", behind_start(data, xmp, segment(0xE1, more)))
    yield marked("IPTC", behind_start(data, segment(0xED, metadata.iptc())))
    yield marked("a profile's name", _with_profile(data, metadata.profile()))
    for number in range(16):
        body = b"Unknown\0" + MARKER
        yield marked(f"APP{number}", behind_start(data, segment(0xE0 + number, body)))
    for name, payload in metadata.PAYLOADS.items():
        yield marked(f"{name} in a comment", behind_start(data, segment(COM, payload)))
    # The length of the first segment is "/*", so that the file begins a comment of JavaScript.
    script = metadata.PAYLOADS["JavaScript"].ljust(0x2F2A - 2, b" ")
    yield marked("a script from its first byte on", behind_start(data, segment(0xE0, script)))
    for name, trailer in metadata.trailers().items():
        yield marked(name, data + trailer)
    yield marked("a PDF in a comment", behind_start(data, segment(COM, metadata.document())))
    # Three bytes a pixel, which no viewer shows.
    preview = b"JFIF\0\1\1\0\0\1\0\1\5\1" + (MARKER + b"\0\0")
    yield marked("a preview in JFIF", SOI + segment(0xE0, preview) + data[20:])
    jfxx = segment(0xE0, b"JFXX\0\x10" + metadata.thumbnail())
    yield marked("a preview behind JFIF", data[:20] + jfxx + data[20:])
    table = segment(0xDB, b"\3" + (MARKER * 5)[:64])
    yield marked("a table of quantization that is not used", behind_start(data, table))
    huffman = segment(0xC4, b"\x13" + bytes(7) + b"\x0d" + bytes(8) + MARKER)
    yield marked("a table of Huffman codes that is not used", behind_start(data, huffman))
    scans = plain(progressive=True)
    at = scans.find(b"\xff\xc4", scans.find(b"\xff\xda"))
    yield marked("a comment between scans", scans[:at] + segment(COM, MARKER) + scans[at:])
    second = images.encoded(
        picture(), "mpo", save_all=True, append_images=[picture()], comment=MARKER
    )
    yield marked("two pictures (MPO)", second)
    yield marked("bytes before the end", data[:-2] + MARKER + EOI)
    yield marked("no end but other bytes", data[:-2] + MARKER, EITHER)
    everything = [
        segment(0xE1, b"Exif\0\0" + metadata.exif_kinds()["EXIF with everything"]),
        xmp,
        segment(0xED, metadata.iptc()),
        segment(COM, MARKER),
    ]
    yield marked("everything at once", behind_start(data, *everything) + metadata.archive())


def _damaged() -> Iterator[Case]:
    yield from cut("RGB", plain(size=(64, 64)))
    yield from cut("progressive", plain(size=(64, 64), progressive=True), expected=EITHER)
    yield from cut("grey with restarts", plain("L", (64, 64), restart_marker_blocks=2), 5)
    data = plain()
    yield case("without its end marker", data[:-2])
    yield case("progressive, without its end marker", plain(progressive=True)[:-2])
    yield case("without half of its end marker", data[:-1])
    yield case("with its end marker only", SOI + EOI, TRUNCATED)
    yield case("with its start only", SOI + b"\xff", TRUNCATED)
    yield case("twice", data * 2)
    yield case("inside of itself", SOI + data)
    scan = data.find(b"\xff\xda")
    for name, byte in (("zeros", b"\0"), ("ones", b"\xff"), ("stuffed ones", b"\xff\0")):
        spoilt = data[: scan + 14] + byte * 200 + EOI
        yield case(f"a scan of {name}", spoilt, EITHER)
    # What a scan lacks is grey if the file has an end: libjpeg and browsers show it so.
    yield case("an empty scan", data[: scan + 14] + EOI)
    yield case("without a scan", data[:scan] + EOI, TRUNCATED)
    many = plain(progressive=True)
    last = many.rfind(b"\xff\xda")
    for scans, expected in ((80, EITHER), (150, TRUNCATED)):
        yield case(f"{scans} scans", many[:last] + many[last:-2] * scans + EOI, expected)


def _headers() -> Iterator[Case]:
    data = plain()
    frame = data.find(b"\xff\xc0")
    scan = data.find(b"\xff\xda")
    for kind in (*range(0xC1, 0xC4), *range(0xC5, 0xD0)):
        yield case(f"frame of the kind {kind:X}", patched(data, frame + 1, bytes([kind])), EITHER)
    sizes = {
        (0, 16): TRUNCATED,
        (24, 0): TRUNCATED,
        (0xFFFF, 0xFFFF): "too_many_pixels",
        (8000, 6400): TAKEN,
        (1, 0xFFFF): TRUNCATED,
        (8, 8): EITHER,
    }
    for (width, height), expected in sizes.items():
        spoilt = patched(data, frame + 5, struct.pack(">HH", height, width))
        yield case(f"says that it has {width} × {height} px", spoilt, expected)
    for depth in (0, 1, 7, 9, 12, 16, 255):
        spoilt = patched(data, frame + 4, bytes([depth]))
        yield case(f"says that it has {depth} bits", spoilt, TRUNCATED)
    for count in (0, 1, 2, 4, 5, 255):
        spoilt = patched(data, frame + 9, bytes([count]))
        yield case(f"says that it has {count} components", spoilt, EITHER)
    for sampling in (0x00, 0x01, 0x44, 0x55, 0xFF, 0x31, 0x13):
        spoilt = patched(data, frame + 11, bytes([sampling]))
        yield case(f"sampling of {sampling:02X}", spoilt, EITHER)
    yield case("components that are all the same", patched(data, frame + 13, b"\1"), EITHER)
    yield case("a table that there is not", patched(data, frame + 12, b"\3"), EITHER)
    for name, marker in (("frame", b"\xff\xc0"), ("quantization", b"\xff\xdb"), ("comment", b"")):
        base = data if marker else behind_start(data, segment(COM, b"hello"))
        at = base.find(marker or b"\xff\xfe")
        for length in (0, 1, 2, 3, 0xFFFF):
            spoilt = patched(base, at + 2, struct.pack(">H", length))
            yield case(f"a {name} that says it has {length} bytes", spoilt, EITHER)
    yield case("two frames", data[:scan] + data[frame:], TRUNCATED)
    without = data.find(b"\xff\xdb")
    yield case("without quantization", data[:without] + data[frame:], TRUNCATED)
    yield case("a scan of no components", patched(data, scan + 4, b"\0"), TRUNCATED)
    yield case("a scan of nine components", patched(data, scan + 4, b"\x09"), EITHER)
    yield case("an interval of restarts that never come", _with_interval(data), EITHER)


def _with_interval(data: bytes) -> bytes:
    return behind_start(data, segment(0xDD, b"\0\1"))
