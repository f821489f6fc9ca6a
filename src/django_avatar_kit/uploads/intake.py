"""Which bytes are let in: recognised by content, measured by their header, then opened.

Hostile files are the rule here, not the exception. Whatever is wrong with one ends in a child of
``UploadError``, and nothing that the header tells is left for a decoder to find out.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Protocol

from PIL import Image

from ..exceptions import (
    DecompressionBomb,
    EmptyUpload,
    NotAnImage,
    SvgUpload,
    TooManyPixels,
    TooMuchMemory,
    TruncatedImage,
    UnsupportedFormat,
    UploadError,
)
from .decoders import base
from .decoders.avif import Avif
from .decoders.gif import Gif
from .decoders.jpeg import Jpeg
from .decoders.png import Png
from .decoders.webp import WebP

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ..specs import Limits
    from . import memory
    from .rasters import Raster

Size = tuple[int, int]


@contextmanager
def opened(file: IO[bytes], filename: str, limits: Limits) -> Iterator[Source]:
    """The upload as an image that is checked, and not decoded yet.

    Decode it inside the ``with``: whatever the decoder raises there becomes the right child of
    ``UploadError``, too. ``file`` is read from its start and stays open.
    """
    file.seek(0)
    kind = _recognise(file.read(HEAD_BYTES), filename, limits)
    with _refusing(filename):
        file.seek(0)
        source = READERS[kind](file)
        _check_pixels(source.size, filename, limits)
        yield source


# --- by content -------------------------------------------------------------------------------

# Enough for "<svg" after an XML declaration, comments and a DOCTYPE.
HEAD_BYTES = 4096

HEADERS: tuple[tuple[str, re.Pattern[bytes]], ...] = (
    ("jpeg", re.compile(rb"\xff\xd8\xff")),
    ("png", re.compile(rb"\x89PNG\r\n\x1a\n")),
    ("gif", re.compile(rb"GIF8[79]a")),
    ("webp", re.compile(rb"RIFF....WEBP", re.DOTALL)),
    # Both are boxes, and name the brands they can be read as in the first one.
    ("avif", re.compile(rb"\0\0..ftyp(?:....){0,12}?avi[fs]", re.DOTALL)),
    ("heif", re.compile(rb"\0\0..ftyp(?:....){0,12}?(?:hei[cxms]|hev[cxms]|mi[af]1)", re.DOTALL)),
    # Named for the sake of the message only; no parser of theirs ever runs.
    ("TIFF", re.compile(rb"II[*+]\0|MM\0[*+]")),
    ("BMP", re.compile(rb"BM....\0{4}", re.DOTALL)),
    ("ICO", re.compile(rb"\x00\x00\x01\x00")),
    ("PSD", re.compile(rb"8BPS")),
    ("JPEG 2000", re.compile(rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51")),
    ("JPEG XL", re.compile(rb"\0\0\0\x0cJXL |\xff\x0a")),
    ("EPS", re.compile(rb"%!PS")),
)


def _recognise(head: bytes, filename: str, limits: Limits) -> str:
    """The format, from the content alone: a name says what somebody wished it to be."""
    if not head:
        raise EmptyUpload(filename=filename)
    for name, pattern in HEADERS:
        if pattern.match(head):
            if name not in limits.formats:
                raise UnsupportedFormat(filename=filename, format=name, allowed=limits.formats)
            return name
    # Without zero bytes, so that UTF-16 is found as well.
    text = head.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    if text.startswith(b"<") and re.search(rb"<(\w+:)?svg[\s>/]", text):
        raise SvgUpload(filename=filename)
    raise NotAnImage(filename=filename)


# --- by header --------------------------------------------------------------------------------


class Source(Protocol):
    """An upload whose header is read, and nothing more."""

    @property
    def format(self) -> str:
        """As a person calls it."""

    @property
    def size(self) -> Size:
        """In px, as it is stored."""

    @property
    def orientation(self) -> int:
        """Which way up it is, 1 to 8: as EXIF numbers them."""

    @property
    def profile(self) -> bytes | None:
        """Of its colours."""

    @property
    def mode(self) -> str:
        """Of its pixels once they are plain: L, LA, RGB, RGBA or CMYK."""

    def divisor(self, scale: float, /) -> int:
        """By how much a decode is smaller, which is no less than ``scale``."""

    def need(self, size: Size, scale: float, /) -> memory.Need:
        """For a decode at ``scale``, were the picture of this size."""

    def spare(self) -> None:
        """Decode it in the way that takes the least memory, however long that takes."""

    def decode(self, scale: float, /) -> Raster:
        """Its pixels, at no less than ``scale``."""


# Each format's own reader instead of Image.open(): no other parser sees hostile bytes, an iPhone's
# two-picture JPEG (MPO) is its first picture, and Pillow's size warnings, which a site may have
# turned into errors, cannot come before the answer of _check_pixels.
READERS: Mapping[str, Callable[[IO[bytes]], Source]] = {
    "jpeg": Jpeg,
    "png": Png,
    "webp": WebP,
    "gif": Gif,
    "avif": Avif,
}


def _check_pixels(size: Size, filename: str, limits: Limits) -> None:
    width, height = size
    if width * height > limits.max_pixels:
        raise TooManyPixels(filename=filename, width=width, height=height, limit=limits.max_pixels)
    # A site may allow more than Pillow does by default; Pillow's own limit, where Image.open()
    # raises, is the site's to lift.
    if Image.MAX_IMAGE_PIXELS is not None and width * height > 2 * Image.MAX_IMAGE_PIXELS:
        raise DecompressionBomb(filename=filename)


def check_memory(
    source: Source, need: Callable[[Size], int], filename: str, limits: Limits
) -> None:
    """Refuse what takes too much memory, and say how large it may be. ``need``: bytes by size."""
    wanted = need(source.size)
    if limits.max_memory is None or wanted <= limits.max_memory:
        return
    width, height = source.size
    # In 1/4096 of its own size: closer than anybody cares to make it.
    low, high = 0, FINE
    while high - low > 1:
        middle = (low + high) // 2
        if need(_part(source.size, middle)) <= limits.max_memory:
            low = middle
        else:
            high = middle
    raise TooMuchMemory(
        filename=filename,
        format=source.format,
        size=(width, height),
        fit=_part(source.size, low),
        need=wanted,
        limit=limits.max_memory,
    )


FINE = 4096


def _part(size: Size, share: int) -> Size:
    return max(1, size[0] * share // FINE), max(1, size[1] * share // FINE)


# --- opened -----------------------------------------------------------------------------------


@contextmanager
def _refusing(filename: str) -> Iterator[None]:
    """Turn whatever a decoder raises on hostile bytes into the right ``UploadError``."""
    try:
        yield
    except UploadError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning, MemoryError) as error:
        raise DecompressionBomb(filename=filename) from error
    except Exception as error:
        if not base.is_of_bad_bytes(error):
            raise
        raise TruncatedImage(filename=filename) from error
