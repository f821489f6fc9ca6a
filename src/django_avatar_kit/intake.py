"""Which bytes are let in: recognised by content, measured by their header, then opened.

Hostile files are the rule here, not the exception. Whatever is wrong with one ends in a child of
``UploadError``, and nothing that the header tells is left for a decoder to find out.
"""

from __future__ import annotations

import re
import struct
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, cast

from PIL import Image
from PIL.AvifImagePlugin import AvifImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from .exceptions import (
    DecompressionBomb,
    EmptyUpload,
    NotAnImage,
    SvgUpload,
    TooManyPixels,
    TruncatedImage,
    UnsupportedFormat,
    UploadError,
    WrongExtension,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from PIL.ImageFile import ImageFile


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What to accept."""

    max_pixels: int
    formats: Sequence[str]
    """Keys of ``READERS``."""


@contextmanager
def opened(file: IO[bytes], filename: str, limits: Limits) -> Iterator[ImageFile]:
    """The upload as an image that is checked, and not decoded yet.

    Decode it inside the ``with``: whatever the decoder raises there becomes the right child of
    ``UploadError``, too. ``file`` is read from its start and stays open.
    """
    file.seek(0)
    head = file.read(HEAD_BYTES)
    kind = _recognise(head, filename, limits)
    if kind == "webp":
        # Pillow's decoder makes room for all pixels before it tells how many there are.
        _check_pixels(_webp_size(head), filename, limits)
    file.seek(0)
    reader = cast("IO[bytes]", _CompleteReader(file, filename))
    with _refusing(filename), READERS[kind](reader) as source:
        _check_pixels(source.size, filename, limits)
        _check_extension(filename, limits)
        yield source


# --- by content -------------------------------------------------------------------------------

# Enough for the size of a WebP, and for "<svg" after an XML declaration, comments and a DOCTYPE.
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


def _webp_size(head: bytes) -> tuple[int, int]:
    """The canvas in px, as the three kinds of first chunk write it; (0, 0) if cut off."""
    chunk, body = head[12:16], head[20:30].ljust(10, b"\0")
    if chunk == b"VP8X":
        width, height = (int.from_bytes(body[at : at + 3], "little") + 1 for at in (4, 7))
    elif chunk == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    else:
        width, height = (side & 0x3FFF for side in struct.unpack("<HH", body[6:10]))
    return width, height


# --- by header and name ------------------------------------------------------------------------


def _check_pixels(size: tuple[int, int], filename: str, limits: Limits) -> None:
    width, height = size
    if width * height > limits.max_pixels:
        raise TooManyPixels(filename=filename, width=width, height=height, limit=limits.max_pixels)
    # A site may allow more than Pillow does by default; Pillow's own limit, where Image.open()
    # raises, is the site's to lift.
    if Image.MAX_IMAGE_PIXELS is not None and width * height > 2 * Image.MAX_IMAGE_PIXELS:
        raise DecompressionBomb(filename=filename)


EXTENSIONS: Mapping[str, tuple[str, ...]] = {
    "jpeg": ("jpg", "jpeg", "jpe", "jfif"),
    "png": ("png", "apng"),
    "webp": ("webp",),
    "gif": ("gif",),
    "avif": ("avif",),
}


def _check_extension(filename: str, limits: Limits) -> None:
    """A JPEG called .png is harmless and common; a JPEG called .exe is neither."""
    found = re.search(r"[^/\\]\.([A-Za-z0-9]+)\s*$", filename)
    if found and not any(found[1].lower() in EXTENSIONS[name] for name in limits.formats):
        usual = [EXTENSIONS[name][0] for name in limits.formats]
        raise WrongExtension(filename=filename, extension=found[1], allowed=usual)


# --- opened -----------------------------------------------------------------------------------


class _Jpeg(JpegImageFile):
    """Without a look into EXIF for the resolution in print, where a broken EXIF would warn."""

    def _read_dpi_from_exif(self) -> None:
        pass


# Each format's own reader instead of Image.open(): no other parser sees hostile bytes, an iPhone's
# two-picture JPEG (MPO) is its first picture, and Pillow's size warnings, which a site may have
# turned into errors, cannot come before the answer of _check_pixels.
READERS: Mapping[str, type[ImageFile]] = {
    "jpeg": _Jpeg,
    "png": PngImageFile,
    "webp": WebPImageFile,
    "gif": GifImageFile,
    "avif": AvifImageFile,
}


LONGEST_MARKER = 8  # bytes: a PNG chunk's length and name


class _CompleteReader:
    """A file whose end must not be reached: nothing is missing from a picture that is whole.

    Pillow fills up what is missing where a site sets its global LOAD_TRUNCATED_IMAGES, and takes
    a PNG without an end in any case.
    """

    def __init__(self, file: IO[bytes], filename: str) -> None:
        self.seek, self.tell, self._read = file.seek, file.tell, file.read
        self._filename = filename

    def read(self, size: int = -1) -> bytes:
        data = self._read(size)
        # Of a block there may be less than a decoder asks for; a length or a marker is all there.
        least = size if size <= LONGEST_MARKER else 1
        if len(data) < least:
            raise TruncatedImage(filename=self._filename)
        return data


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
        # Of text and profile chunks that unpack without end, Pillow says so in words only.
        bomb = "MAX_TEXT" in str(error)
        raise (DecompressionBomb if bomb else TruncatedImage)(filename=filename) from error
