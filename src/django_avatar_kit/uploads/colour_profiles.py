"""Conversion of a decoded picture to sRGB, through its ICC profile where it has one."""

from __future__ import annotations

import io

from PIL import Image, ImageCms

from .decoders.base import is_bad_data

#: Modes of Pillow, by the colour space of a profile.
MODES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}
OPAQUE = (255, 255)
#: A mask of the pixels whose alpha is 0.
INVISIBLE = [255] + [0] * 255


def srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """The picture in RGB; in RGBA only if some pixel is not opaque.

    Invisible pixels are black: an editor may have left there what somebody has erased.
    """
    alpha = image.getchannel("A") if image.mode in {"LA", "RGBA"} else None
    if alpha is not None:
        image = image.convert(image.mode.removesuffix("A"))
    converted = _converted(image, profile) if profile else None
    if converted is None:
        converted = image if image.mode == "RGB" else image.convert("RGB")
    if alpha is not None and alpha.getextrema() != OPAQUE:
        converted.paste((0, 0, 0), mask=alpha.point(INVISIBLE))
        converted.putalpha(alpha)
    return converted


def _converted(image: Image.Image, profile: bytes) -> Image.Image | None:
    """In sRGB; None if the profile is broken, or belongs to another kind of picture."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        mode = MODES.get(source.profile.xcolor_space.strip())
        if mode == "RGB" and image.mode == "L":
            image = image.convert("RGB")
        if mode != image.mode:
            return None
        return ImageCms.profileToProfile(
            image, source, ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    except Exception as error:
        if not is_bad_data(error):
            raise
        return None
