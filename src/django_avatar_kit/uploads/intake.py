"""Opens an upload with the decoder of its format, or refuses it, before any pixel is decoded.

The format is recognised by content, and the size and memory of a decode are told from the header.
Whatever is wrong with a file, or hostile in it, ends in a child of ``UploadError``.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _
from PIL import Image

from .. import exceptions
from ..formats import FORMATS, REFUSED
from .decoders.base import is_bad_data

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..names import Box
    from ..specs import Limits
    from .decoders.base import Decoder
    from .decoders.frames import Frames
    from .geometry import Size

#: Bytes in which "<svg" is found behind an XML declaration, comments and a DOCTYPE.
HEAD_BYTES = 4096
LARGEST_SIDE = 1 << 31  # px, more than any format has


@contextmanager
def opened(file: IO[bytes], filename: str, limits: Limits) -> Iterator[Decoder]:
    """The upload, checked but not decoded yet. ``file`` is read from its start and stays open.

    Decode it inside the ``with``: what a decoder raises there becomes the right child of
    ``UploadError`` as well.
    """
    file.seek(0)
    format = _recognised(file.read(HEAD_BYTES), filename, limits)
    # Not Image.open(): no other parser sees hostile bytes, an iPhone's JPEG of two pictures (MPO)
    # is its first picture, and Pillow's warnings of large pictures, which a site may have turned
    # into errors, do not come before the answer of _check_pixels().
    decoder = decoder_of(format)
    with _refusing(filename):
        file.seek(0)
        source = decoder(file)
        source.label = FORMATS[format].label
        source.frames = frames_of(format)
        _check_pixels(source.size, filename, limits)
        yield source


def checked_crop(crop: Any, filename: str, *, square: bool) -> Box:
    """A crop box as a tuple. Raises ``InvalidCrop`` for what no picture can have."""
    reason = None
    if (
        not isinstance(crop, tuple | list)
        or len(crop) != 4
        or any(isinstance(value, bool) or not isinstance(value, int) for value in crop)
    ):
        reason = _("it is not four whole numbers")
    elif min(crop) < 0 or min(crop[2:]) < 1:
        reason = _("it begins outside of the picture, or has no size")
    elif max(crop) > LARGEST_SIDE:
        reason = _("it is larger than any picture")
    elif square and crop[2] != crop[3]:
        reason = _("it is not square")
    if reason is not None:
        raise exceptions.InvalidCrop(filename=filename, crop=crop, reason=reason)
    return crop[0], crop[1], crop[2], crop[3]


def decoder_of(format: str) -> type[Decoder]:
    """The decoder of a format that is given by its key."""
    decoder: type[Decoder] = import_string(FORMATS[format].decoder)
    return decoder


def frames_of(format: str) -> type[Frames] | None:
    """What reads the animations of a format that is given by its key."""
    path = FORMATS[format].frames
    return import_string(path) if path else None


# Not left to the first upload: its memory is estimated without that of loading code, and Pillow
# loads the code of all formats that it knows when it saves in one that is not loaded.
for _format in FORMATS:
    decoder_of(_format)
    frames_of(_format)


def _recognised(head: bytes, filename: str, limits: Limits) -> str:
    """The key of the format, from the content alone: whoever sends a file can name it anything."""
    if not head:
        raise exceptions.EmptyUpload(filename=filename)
    signatures = {format: row.signature for format, row in FORMATS.items()} | REFUSED
    for format, signature in signatures.items():
        if signature.match(head):
            if format in FORMATS and format in limits.formats:
                return format
            raise exceptions.UnsupportedFormat(
                filename=filename, format=format, allowed=limits.formats
            )
    # Without zero bytes, so that UTF-16 is found as well.
    text = head.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    if text.startswith(b"<") and re.search(rb"<(\w+:)?svg[\s>/]", text):
        raise exceptions.SvgUpload(filename=filename)
    raise exceptions.NotAnImage(filename=filename)


def _check_pixels(size: Size, filename: str, limits: Limits) -> None:
    width, height = size
    if width * height > limits.max_pixels:
        raise exceptions.TooManyPixels(
            filename=filename, width=width, height=height, limit=limits.max_pixels
        )
    # A site may allow more than Pillow's default, but then has to lift Pillow's own limit, where
    # Image.open() raises, as well.
    if Image.MAX_IMAGE_PIXELS is not None and width * height > 2 * Image.MAX_IMAGE_PIXELS:
        raise exceptions.DecompressionBomb(filename=filename)


@contextmanager
def _refusing(filename: str) -> Iterator[None]:
    """Turn whatever a decoder raises for bad data into the right ``UploadError``."""
    try:
        yield
    except exceptions.UploadError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning, MemoryError) as error:
        raise exceptions.DecompressionBomb(filename=filename) from error
    except Exception as error:
        if not is_bad_data(error):
            raise
        raise exceptions.TruncatedImage(filename=filename) from error
