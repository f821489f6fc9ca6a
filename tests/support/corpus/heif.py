"""HEIF, as phones write it. Where pillow-heif is not installed, no more than its first bytes."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

from tests.support import heif
from tests.support.corpus import metadata
from tests.support.corpus.base import (
    EITHER,
    MARKER,
    Case,
    case,
    cut,
    marked,
    patched,
    picture,
)
from tests.support.heif import box


def encoded(mode: str = "RGB", size: tuple[int, int] = (64, 64), **options: object) -> bytes:
    return heif.encoded(picture(mode, size), **options)


def cases() -> Iterator[Case]:
    is_installed = find_spec("pillow_heif") is not None
    for brand in (b"heic", b"heix", b"mif1", b"msf1", b"hevc"):
        head = box(b"ftyp", brand + bytes(4) + b"mif1heic") + bytes(40)
        # Refused as a format that is not taken, or since there is no picture in it.
        expected = "truncated" if is_installed else "unsupported_format"
        yield case(f"the first box of {brand.decode()}", head, expected)
    if is_installed:
        yield from _kinds()
        yield from _marked()
        yield from _damaged()


def _kinds() -> Iterator[Case]:
    for mode in ("L", "RGB", "RGBA"):
        yield case(mode, encoded(mode))
    for size in ((2, 2), (65, 3), (200, 140)):
        yield case(f"{size[0]} × {size[1]} px", encoded(size=size))
    for name, profile in metadata.profiles().items():
        yield case(f"profile {name}", encoded(icc_profile=profile), EITHER)
    tiled = heif.tiled(picture(size=(128, 128)), 64)
    yield case("in tiles", tiled)


def _marked() -> Iterator[Case]:
    for name, exif in metadata.exif_kinds().items():
        yield marked(name, encoded(exif=b"Exif\0\0" + exif))
    yield marked("XMP", encoded(xmp=metadata.XMP))
    yield marked("a profile's name", encoded(icc_profile=metadata.profile()))
    for kind in (b"free", b"uuid", b"mdat"):
        yield marked(f"a box {kind.decode()}", encoded() + box(kind, MARKER))
    for name, trailer in metadata.trailers().items():
        yield marked(name, encoded() + box(b"free", trailer))


def _damaged() -> Iterator[Case]:
    data = encoded()
    yield from cut("RGB", data, 8, EITHER)
    for kind in (b"meta", b"iloc", b"iinf", b"iprp", b"ipco", b"hvcC", b"ispe", b"ipma"):
        for name, new in (("zeros", bytes(4)), ("ones", b"\xff" * 4)):
            at = data.find(kind)
            yield case(
                f"a box {kind.decode()} of a length of {name}", patched(data, at - 4, new), EITHER
            )
            yield case(f"a box {kind.decode()} of {name}", patched(data, at + 8, new), EITHER)
    yield case("pixels of zeros", patched(data, len(data) - 40, bytes(40)), EITHER)
