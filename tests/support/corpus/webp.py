"""WebP: lossy and lossless, chunks in every order, canvases and frames that lie."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from PIL import Image

from tests.support import images, vp8l
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

EXTENDED, ANIMATION, FRAME = b"VP8X", b"ANIM", b"ANMF"
HAS_ALPHA, HAS_EXIF, HAS_XMP, HAS_PROFILE, IS_ANIMATED = 0x10, 0x08, 0x04, 0x20, 0x02


def chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)


def riff(*chunks: bytes) -> bytes:
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def number(value: int) -> bytes:
    """In three bytes."""
    return value.to_bytes(3, "little")


def extended(size: tuple[int, int] = (24, 16), flags: int = 0) -> bytes:
    head = bytes([flags, 0, 0, 0]) + number(size[0] - 1) + number(size[1] - 1)
    return chunk(EXTENDED, head)


def encoded(mode: str = "RGB", size: tuple[int, int] = (24, 16), **options: object) -> bytes:
    return images.encoded(picture(mode, size), "webp", **{"method": 0, **options})


def pixels(mode: str = "RGB", size: tuple[int, int] = (24, 16), **options: object) -> bytes:
    """The chunks of a picture, without a head."""
    data = encoded(mode, size, **options)
    return data[30:] if data[12:16] == EXTENDED else data[12:]


def frame(
    body: bytes, at: tuple[int, int] = (0, 0), size: tuple[int, int] = (24, 16), flags: int = 0
) -> bytes:
    place = number(at[0] // 2) + number(at[1] // 2) + number(size[0] - 1) + number(size[1] - 1)
    return chunk(FRAME, place + number(100) + bytes([flags]) + body)


def animation(*frames: bytes, size: tuple[int, int] = (24, 16)) -> bytes:
    head = extended(size, IS_ANIMATED | HAS_ALPHA)
    return riff(head, chunk(ANIMATION, bytes(6)), *frames)


def cases() -> Iterator[Case]:
    yield from _kinds()
    yield from _chunks()
    yield from _marked()
    yield from _animated()
    yield from _codes()
    yield from _damaged()


def _kinds() -> Iterator[Case]:
    for mode in ("RGB", "RGBA"):
        for lossless in (False, True):
            for size in ((1, 1), (24, 16), (33, 7), (1, 90)):
                name = f"{'lossless' if lossless else 'lossy'} {mode}, {size[0]} × {size[1]} px"
                yield case(name, encoded(mode, size, lossless=lossless))
    for quality in (0, 100):
        yield case(f"lossy, quality {quality}", encoded(quality=quality))
    for method in (3, 6):
        yield case(f"lossless, method {method}", encoded(lossless=True, method=method))
    for alpha in (0, 50):
        yield case(f"alpha of quality {alpha}", encoded("RGBA", alpha_quality=alpha))
    for value in range(1, 9):
        yield case(f"orientation {value}", encoded(exif=metadata.orientation(value)))


def _chunks() -> Iterator[Case]:
    body = pixels()
    yield case("a head that nothing needs", riff(extended(), body))
    yield case("a head of no flags beside alpha", riff(extended(), pixels("RGBA")), EITHER)
    for flags in (0xFF, 0xC1, HAS_EXIF, HAS_XMP, HAS_PROFILE, HAS_ALPHA, IS_ANIMATED):
        yield case(f"flags of {flags:02X}", riff(extended(flags=flags), body), EITHER)
    for size in ((1, 1), (25, 16), (5000, 5000), (1 << 14, 1 << 14)):
        name = f"a canvas of {size[0]} × {size[1]} px"
        yield case(name, riff(extended(size), body), EITHER)
    largest = riff(extended((1 << 24, 1 << 24)), body)
    yield case("a canvas as large as can be", largest, "too_many_pixels")
    for name, profile in metadata.profiles().items():
        head = extended(flags=HAS_PROFILE)
        yield case(f"profile {name}", riff(head, chunk(b"ICCP", profile), body))
    for name, exif in metadata.odd_exif().items():
        head = extended(flags=HAS_EXIF)
        yield case(f"EXIF {name}", riff(head, body, chunk(b"EXIF", exif)))
    yield case(
        "EXIF as in a JPEG",
        riff(extended(), body, chunk(b"EXIF", b"Exif\0\0" + metadata.orientation(6))),
    )
    yield case(
        "EXIF before the pixels", riff(extended(), chunk(b"EXIF", metadata.orientation(6)), body)
    )
    yield case("two pictures", riff(extended(), body, pixels()))
    yield case("two heads", riff(extended(), extended((30, 30)), body))
    yield case("a head behind its pixels", riff(body, extended()))
    yield case("alpha without pixels", riff(extended(), chunk(b"ALPH", bytes(9))), TRUNCATED)
    yield case(
        "alpha of no bytes beside pixels",
        riff(extended(flags=HAS_ALPHA), chunk(b"ALPH", b""), body),
        EITHER,
    )
    yield case(
        "alpha twice", riff(extended(flags=HAS_ALPHA), pixels("RGBA")[:40], pixels("RGBA")), EITHER
    )
    yield case(
        "alpha beside lossless",
        riff(extended(flags=HAS_ALPHA), chunk(b"ALPH", bytes(400)), pixels(lossless=True)),
        EITHER,
    )
    yield case("1,000 empty chunks", riff(extended(), chunk(b"teSt", b"") * 1000, body))
    yield case(
        "110,000 empty chunks", riff(extended(), chunk(b"teSt", b"") * 110_000, body), TRUNCATED
    )


def _marked() -> Iterator[Case]:
    body = pixels()
    for name, exif in metadata.exif_kinds().items():
        yield marked(name, riff(extended(flags=HAS_EXIF), body, chunk(b"EXIF", exif)))
    yield marked("XMP", riff(extended(flags=HAS_XMP), body, chunk(b"XMP ", metadata.XMP)))
    named = chunk(b"ICCP", metadata.profile())
    yield marked("a profile's name", riff(extended(flags=HAS_PROFILE), named, body))
    for name, payload in metadata.PAYLOADS.items():
        for place in ("before", "behind"):
            unknown = chunk(b"prVt", payload)
            parts = (unknown, body) if place == "before" else (body, unknown)
            yield marked(f"{name} in a chunk {place} its pixels", riff(extended(), *parts))
    for name, trailer in metadata.trailers().items():
        yield marked(name, encoded() + trailer)
    yield marked("bytes behind its pixels", riff(chunk(body[:4], body[8:] + MARKER)), EITHER)
    rest = chunk(
        FRAME,
        number(0) * 2
        + number(23)
        + number(15)
        + number(9)
        + b"\0"
        + body
        + chunk(b"prVt", MARKER),
    )
    yield marked("a chunk inside of a frame", animation(rest))
    hidden = Image.frombytes("RGB", (32, 16), (MARKER * 200)[: 32 * 16 * 3])
    hidden.putalpha(0)
    whole = Image.new("RGBA", (32, 32), (200, 90, 60, 255))
    whole.paste(hidden, (0, 0))
    yield marked(
        "colours that are transparent", images.encoded(whole, "webp", lossless=True, exact=True)
    )


def _animated() -> Iterator[Case]:
    yield case("an animation", images.animation("webp"))
    lossless = pixels(lossless=True)
    for flags in range(4):
        yield case(
            f"frames with the flags {flags}", animation(*[frame(lossless, flags=flags)] * 3)
        )
    small = pixels("RGBA", (8, 6))
    yield case("a small frame", animation(frame(small, (4, 4), (8, 6))))
    yield case(
        "a frame outside of its canvas", animation(frame(small, (400, 400), (8, 6))), EITHER
    )
    yield case("a frame of another size than its pixels", animation(frame(small)), EITHER)
    yield case("an animation without frames", animation(), TRUNCATED)
    yield case(
        "an animation without its head", riff(extended(flags=IS_ANIMATED), frame(lossless)), EITHER
    )
    yield case("a frame of no bytes", animation(chunk(FRAME, b"")), EITHER)
    yield case("a frame without pixels", animation(frame(b"")), EITHER)
    yield case("a frame in a frame", animation(frame(frame(lossless))), EITHER)
    yield case("300 frames", animation(*[frame(small, (0, 0), (8, 6))] * 300))
    yield case("a still picture in an animation", animation(lossless), EITHER)
    whole = animation(frame(lossless), frame(lossless))
    yield case("a second frame cut off", whole[:-30], EITHER)


def _codes() -> Iterator[Case]:
    """Lossless pictures of many groups of codes."""

    def lossless(groups: int, size: tuple[int, int], **options: object) -> bytes:
        return chunk(b"VP8L", vp8l.picture(size, groups, **options))

    def alpha(groups: int, size: tuple[int, int]) -> bytes:
        packed = chunk(b"ALPH", vp8l.alpha(size, groups))
        return riff(extended(size, HAS_ALPHA), packed, pixels("RGB", size))

    transforms = {
        "a predictor": (vp8l.PREDICTOR,),
        "two colours": (vp8l.COLOUR_INDEXING,),
        "all that goes together": (vp8l.CROSS_COLOUR, vp8l.SUBTRACT_GREEN, vp8l.PREDICTOR),
    }
    for name, kinds in transforms.items():
        data = riff(lossless(20, (48, 48), transforms=kinds))
        yield case(f"20 groups of codes behind {name}", data)
    yield case("144 groups of large codes", riff(lossless(144, (48, 48), large=True)))
    yield case("144 groups of codes of alpha", alpha(144, (48, 48)))
    large = (800, 800)
    many = lossless(40_000, large)
    yield case("40,000 groups of codes", riff(many), "too_much_memory")
    yield case("40,000 groups of codes of alpha", alpha(40_000, large), "too_much_memory")
    plain = lossless(1, large)
    yield case(
        "40,000 groups of codes in a second frame",
        animation(frame(plain, size=large), frame(many, size=large), size=large),
    )


def _damaged() -> Iterator[Case]:
    yield from cut("lossy", encoded(size=(48, 48)))
    yield from cut("lossless", encoded(size=(48, 48), lossless=True))
    yield from cut("lossy with alpha", encoded("RGBA", (48, 48)), 5)
    data = encoded()
    for length in (0, 4, 0x7FFFFFFF, 0xFFFFFFFF):
        yield case(f"says that it has {length} bytes", patched(data, 4, struct.pack("<I", length)))
        spoilt = patched(data, 16, struct.pack("<I", length))
        yield case(f"pixels that say they have {length} bytes", spoilt, TRUNCATED)
    for name, head in (("lossy", b"VP8 "), ("lossless", b"VP8L"), ("alpha", b"ALPH")):
        yield case(f"{name} of no bytes", riff(chunk(head, b"")), TRUNCATED)
        yield case(f"{name} of zeros", riff(chunk(head, bytes(60))), TRUNCATED)
    for size, expected in (
        ((0, 0), TRUNCATED),
        ((1, 1), EITHER),
        ((0x3FFF, 0x3FFF), "too_many_pixels"),
    ):
        spoilt = patched(data, 26, struct.pack("<HH", *size))
        yield case(f"pixels that say they are {size[0]} × {size[1]}", spoilt, expected)
    lossless = encoded(lossless=True)
    yield case("lossless of another version", patched(lossless, 24, b"\xff"), EITHER)
    yield case("lossless without its signature", patched(lossless, 20, b"\0"), TRUNCATED)
    yield case("lossy without its signature", patched(data, 23, b"\0\0\0"), TRUNCATED)
    yield case("lossy that is no key frame", patched(data, 20, bytes([data[20] | 1])), TRUNCATED)
    yield case("head only", riff(), TRUNCATED)
    yield case("sound", b"RIFF\x24\0\0\0WAVEfmt " + bytes(28), "invalid_image")
    yield case("a head of one byte", riff(chunk(EXTENDED, b"\x10"), pixels()), EITHER)
    yield case("chunks called otherwise", data.replace(b"VP8 ", b"VP9 "), TRUNCATED)
