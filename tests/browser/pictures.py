"""Files to choose, and pictures in which a place can be measured."""

from __future__ import annotations

import io
from typing import Any

from PIL import ExifTags, Image

from django_avatar_kit.test import make_image


def chosen(name: str = "me.jpg", content: bytes | None = None, kind: str = "image/jpeg") -> Any:
    """A file as Playwright takes it for an input."""
    return {"name": name, "mimeType": kind, "buffer": make_image() if content is None else content}


def encoded(image: Image.Image, format: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def ruled(size: tuple[int, int]) -> Image.Image:
    """Red tells the column and green the row, both from 0 to 255; blue is the same everywhere.

    So a colour tells where in the picture it was, whatever was cut off around it.
    """
    width, height = size
    column = Image.linear_gradient("L").rotate(90).resize(size, Image.Resampling.BILINEAR)
    row = Image.linear_gradient("L").resize(size, Image.Resampling.BILINEAR)
    assert (column.width, row.height) == (width, height)
    return Image.merge("RGB", (column, row, Image.new("L", size, 128)))


def sideways(image: Image.Image, orientation: int, format: str = "JPEG", **options: Any) -> bytes:
    """A file whose pixels are turned, with the EXIF entry that turns them back."""
    back = {
        3: Image.Transpose.ROTATE_180,
        6: Image.Transpose.ROTATE_90,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    return encoded(image.transpose(back), format, exif=exif, **options)
