"""What tests of decoded pictures and of their renditions share."""

from __future__ import annotations

import io
import math
from dataclasses import replace
from typing import Any

from PIL import Image, ImageChops, ImageStat

from django_avatar_kit.names import Box
from django_avatar_kit.specs import Limits, Spec
from django_avatar_kit.uploads import imaging
from django_avatar_kit.uploads.imaging import Picture
from tests.support import images

SPEC = Spec(
    sizes=(32, 64, 128, 256, 512),
    formats=("webp",),
    quality={"webp": 80, "jpeg": 80, "avif": 60},
    master_side=1000,
    background=None,
    fit="cover",
)
LIMITS = Limits(max_pixels=52_000_000, formats=("jpeg", "png", "webp", "gif", "avif"))
LOSSLESS = replace(SPEC, formats=("png",))


def load(
    data: bytes,
    *,
    filename: str = "photo",
    spec: Spec = SPEC,
    crop: Box | None = None,
    **limits: Any,
) -> Picture:
    return imaging.load(
        io.BytesIO(data), filename=filename, limits=replace(LIMITS, **limits), spec=spec, crop=crop
    )


def opened(file: imaging.Encoded) -> Image.Image:
    image = Image.open(io.BytesIO(file.data))
    image.load()
    return image


def near(found: Any, expected: Any, tolerance: int = 8) -> bool:
    return len(found) == len(expected) and all(
        abs(one - other) <= tolerance for one, other in zip(found, expected, strict=True)
    )


def shows_quarters(image: Image.Image, tolerance: int = 8) -> bool:
    """Whether the four colours of ``images.quarters`` are where they belong."""
    image = image.convert("RGB")
    right, bottom = image.width - 1, image.height - 1
    corners = [(0, 0), (right, 0), (0, bottom), (right, bottom)]
    expected = [images.RED, images.GREEN, images.BLUE, images.WHITE]
    return all(
        near(image.getpixel(corner), colour, tolerance)
        for corner, colour in zip(corners, expected, strict=True)
    )


def psnr(picture: Image.Image, reference: Image.Image) -> float:
    """Peak signal to noise, in dB, over all channels; infinite if both are equal."""
    difference = ImageStat.Stat(ImageChops.difference(picture, reference))
    mean_square = sum(difference.sum2) / sum(difference.count)
    return 10 * math.log10(255**2 / mean_square) if mean_square else math.inf
