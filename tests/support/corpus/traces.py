"""Searches a file for the marker, wherever and in whatever form it may have survived."""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Iterator

from PIL import Image, ImageSequence

from tests.support.corpus.base import MARKER

#: How bytes may be written.
FORMS = {
    "": MARKER,
    " in UTF-16": MARKER.decode().encode("utf-16-le"),
    " in UTF-16, big-endian": MARKER.decode().encode("utf-16-be"),
    " in hexadecimal": MARKER.hex().encode(),
}
#: The two bytes that packed data begins with.
ZLIB = re.compile(rb"\x78[\x01\x5e\x9c\xda]")
MOST_UNPACKED = 1 << 21


def traces(data: bytes) -> list[str]:
    """Where the marker is in a file, such as "packed, in UTF-16". Empty if it is nowhere."""
    found = _in(data, "plain")
    for start in ZLIB.finditer(data):
        found += _in(_unpacked(data[start.start() :]), "packed")
    return found + [trace for name, part in _shown(data) for trace in _in(part, name)]


def _in(data: bytes, place: str) -> list[str]:
    return [f"{place}{form}" for form, wanted in FORMS.items() if wanted in data]


def _unpacked(data: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(data, MOST_UNPACKED)
    except zlib.error:
        return b""


def _shown(data: bytes) -> Iterator[tuple[str, bytes]]:
    """What a program would read of a picture: what is beside its pixels, and the pixels."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            yield from _read(image)
    except Exception:  # noqa: BLE001 - it is no picture, or a broken one
        return


def _read(image: Image.Image) -> Iterator[tuple[str, bytes]]:
    yield "beside the pixels", repr(image.info).encode()
    yield "EXIF", bytes(image.getexif().tobytes())
    for frame in ImageSequence.Iterator(image):
        yield "pixels", frame.tobytes()
        if frame.palette is not None:
            yield "palette", bytes(frame.palette.tobytes())
        for mode in ("RGBA", "RGB"):
            yield "pixels", frame.convert("RGBA").convert(mode).tobytes()
