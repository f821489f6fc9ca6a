"""Files to choose, and pictures in which a place can be measured."""

from __future__ import annotations

from typing import Any

from PIL import Image

from django_avatar_kit.test import make_image

BILINEAR = Image.Resampling.BILINEAR


def chosen(name: str = "me.jpg", content: bytes | None = None, kind: str = "image/jpeg") -> Any:
    """A file as Playwright takes it for an input."""
    return {"name": name, "mimeType": kind, "buffer": make_image() if content is None else content}


def ruled(size: tuple[int, int], part: tuple[int, int, int] | None = None) -> Image.Image:
    """Red tells the column and green the row, both from 0 to 255; blue is the same everywhere.

    So a colour tells where in the picture it was, whatever was cut off around it. For a closer
    look, the colours change within ``part`` alone: x, y and side of a square.
    """
    x, y, *sides = (0, 0, *size) if part is None else (*part, part[2])
    ramp = Image.linear_gradient("L").resize((sides[0], sides[1]), BILINEAR)
    rows = Image.new("L", size, 255)
    rows.paste(0, (0, 0, size[0], y))
    rows.paste(ramp.resize((size[0], sides[1])), (0, y))
    turned = Image.linear_gradient("L").rotate(90).resize((sides[0], sides[1]), BILINEAR)
    columns = Image.new("L", size, 255)
    columns.paste(0, (0, 0, x, size[1]))
    columns.paste(turned.resize((sides[0], size[1])), (x, 0))
    return Image.merge("RGB", (columns, rows, Image.new("L", size, 128)))
