"""GIF: palettes, extensions, frames beside the screen, codes that lie."""

from __future__ import annotations

import struct
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
    cut,
    marked,
    picture,
)

TRAILER = b";"
HAS_PALETTE, IS_INTERLACED = 0x80, 0x40


def palette(bits: int = 2) -> bytes:
    return bytes(at * 37 % 256 for at in range(3 << bits))


def blocks(data: bytes) -> bytes:
    """In blocks of at most 255 bytes, and an empty one."""
    pieces = [data[at : at + 255] for at in range(0, len(data), 255)]
    return b"".join(bytes([len(piece)]) + piece for piece in pieces) + b"\0"


def extension(label: int, *parts: bytes) -> bytes:
    return b"!" + bytes([label]) + b"".join(blocks(part)[:-1] for part in parts) + b"\0"


def control(flags: int = 0, transparent: int = 0) -> bytes:
    return extension(0xF9, struct.pack("<BHB", flags, 10, transparent))


def screen(size: tuple[int, int] = SIZE, bits: int | None = 2, version: bytes = b"89a") -> bytes:
    flags = 0x70 if bits is None else HAS_PALETTE | 0x70 | (bits - 1)
    return (
        b"GIF"
        + version
        + struct.pack("<HHBBB", *size, flags, 0, 0)
        + (b"" if bits is None else palette(bits))
    )


def codes(values: bytes, bits: int = 2) -> bytes:
    """Packed without a dictionary: the table is cleared before it can grow."""
    width, clear = bits + 1, 1 << bits
    most = (1 << bits) - 2
    stream = [clear]
    for at, value in enumerate(values):
        if at and at % most == 0:
            stream.append(clear)
        stream.append(value)
    stream.append(clear + 1)
    number = sum(code << width * at for at, code in enumerate(stream))
    return bytes([bits]) + blocks(number.to_bytes((width * len(stream) + 7) // 8, "little"))


def frame(
    at: tuple[int, int] = (0, 0),
    size: tuple[int, int] = SIZE,
    *,
    values: bytes | None = None,
    local: bytes = b"",
    interlaced: bool = False,
) -> bytes:
    flags = IS_INTERLACED * interlaced
    if local:
        flags |= HAS_PALETTE | ((len(local) // 3).bit_length() - 2)
    rising = bytes(each % 4 for each in range(size[0] * size[1]))
    return b"," + struct.pack("<HHHHB", *at, *size, flags) + local + codes(values or rising)


def made(*parts: bytes, **options: object) -> bytes:
    return screen(**options) + b"".join(parts or (frame(),)) + TRAILER  # type: ignore[arg-type]


def cases() -> Iterator[Case]:
    yield from _kinds()
    yield from _frames()
    yield from _marked()
    yield from _damaged()


def _kinds() -> Iterator[Case]:
    for version in (b"87a", b"89a"):
        for interlaced in (False, True):
            for kind in ("global", "local", "no"):
                colours = palette() if kind == "local" else b""
                name = f"{version.decode()}, {kind} palette" + ", interlaced" * interlaced
                data = made(
                    frame(interlaced=interlaced, local=colours),
                    version=version,
                    bits=2 if kind == "global" else None,
                )
                yield case(name, data)
    for size in ((1, 1), (1, 60), (60, 1), (7, 3)):
        yield case(f"{size[0]} × {size[1]} px", made(frame(size=size), size=size))
    for bits in (1, 3, 8):
        yield case(f"a palette of {1 << bits} colours", made(bits=bits))
    for count in (2, 16, 256):
        paletted = picture("RGB").quantize(count)
        yield case(f"Pillow's of {count} colours", images.encoded(paletted, "gif"))
    for transparent in (0, 3, 200, 255):
        name = f"the colour {transparent} transparent"
        yield case(name, made(control(1, transparent), frame()))


def _frames() -> Iterator[Case]:
    yield case("an animation", images.animation("gif"))
    for disposal in range(8):
        frames = [control(disposal << 2 | 1, 1), frame()] * 3
        yield case(f"disposal {disposal}", made(*frames))
    yield case("a small frame", made(frame((4, 4), (8, 6))))
    yield case("a frame beyond its screen", made(frame((20, 12))))
    yield case("a frame far beyond its screen", made(frame((40_000, 40_000))), "too_many_pixels")
    yield case("a screen of no size", made(size=(0, 0)))
    yield case("a large screen", made(size=(6000, 5000)), EITHER)
    yield case("a screen as large as can be", made(size=(65_535, 65_535)), "too_many_pixels")
    yield case("a frame of no size", made(frame(size=(0, 0))), TRUNCATED)
    yield case("200 frames", made(*[frame((0, 0), (2, 2))] * 200))
    yield case("loops without end", made(extension(0xFF, b"NETSCAPE2.0", b"\1\0\0"), frame()))
    yield case("a control without its frame", made(frame(), control()))
    yield case("two controls", made(control(1, 1), control(0), frame()))
    yield case("a control of one byte", made(extension(0xF9, b"\1"), frame()))
    yield case("an empty control", made(extension(0xF9, b""), frame()))


def _marked() -> Iterator[Case]:
    for place in ("before", "behind"):
        for name, label, parts in (
            ("a comment", 0xFE, [MARKER]),
            ("an application", 0xFF, [b"ImageMagick", MARKER]),
            ("XMP", 0xFF, [b"XMP DataXMP", metadata.XMP]),
            ("a profile", 0xFF, [b"ICCRGBG1012", metadata.profile()]),
            ("plain text", 0x01, [bytes(12), MARKER]),
            ("an unknown extension", 0x42, [MARKER]),
        ):
            added = extension(label, *parts)
            ordered = (added, frame()) if place == "before" else (frame(), added)
            yield marked(f"{name} {place} its pixels", made(*ordered))
    for name, payload in metadata.PAYLOADS.items():
        yield marked(f"{name} in a comment", made(extension(0xFE, payload), frame()))
    for name, trailer in metadata.trailers().items():
        yield marked(name, made() + trailer)
    unused = screen(bits=None)[:10] + b"\xf4\0\0" + palette(2) + (MARKER + b"\0\0") + bytes(69)
    yield marked("colours that no pixel has", unused + frame() + TRAILER)
    hidden = (MARKER + b"\0\0").ljust(24, b"\0")
    yield marked("a second frame's colours", made(frame(), frame(local=hidden)))
    yield marked("bytes behind its codes", made(frame()[:-1] + blocks(MARKER)))
    # A size of the screen that is a comment in JavaScript: GIF89a=/*…*/
    script = screen(size=(0x2A2F, 16)) + extension(0xFE, b"*/1;" + metadata.PAYLOADS["JavaScript"])
    yield marked("a script from its first byte on", script + frame() + TRAILER, EITHER)
    yield marked("rubbish between its blocks", made(MARKER.replace(b"!", b"."), frame()), EITHER)
    drawn = Image.frombytes("RGB", (32, 16), (MARKER * 200)[: 32 * 16 * 3]).quantize(128)
    yield marked(
        "a second frame that no one sees",
        images.encoded(picture("P", (32, 16)), "gif", save_all=True, append_images=[drawn]),
    )


def _damaged() -> Iterator[Case]:
    yield from cut("256 colours", images.encoded(picture("P", (64, 64)), "gif"))
    yield case("without its trailer", made()[:-1])
    yield case("without the end of its codes", made()[:-2], EITHER)
    yield case("without a frame", made(control()), TRUNCATED)
    yield case("header only", screen(), TRUNCATED)
    yield case("signature only", b"GIF89a", TRUNCATED)
    yield case("another version", b"GIF90a" + made()[6:], "invalid_image")
    body = frame()
    at = body.rfind(codes(bytes(each % 4 for each in range(SIZE[0] * SIZE[1]))))
    for bits in (0, 1, 3, 8, 11, 12, 13, 255):
        spoilt = made(body[:at] + bytes([bits]) + body[at + 1 :])
        yield case(f"codes that begin with {bits} bits", spoilt, EITHER)
    for name, stream in {
        "zeros": bytes(200),
        "ones": b"\xff" * 200,
        "nothing but clears": b"\x24\x49\x92" * 60,
        "nothing": b"",
        "one byte": b"\x44",
    }.items():
        spoilt = made(body[:at] + b"\2" + blocks(stream))
        yield case(f"codes of {name}", spoilt, EITHER)
    yield case("pixels for half of it", made(frame(values=bytes(100))), TRUNCATED)
    yield case("more pixels than it has", made(frame(values=bytes(1000))))
    yield case("a palette cut off", screen()[:-5], TRUNCATED)
    yield case("an extension without end", screen() + b"!\xfe\xff" + b"x" * 9, TRUNCATED)
