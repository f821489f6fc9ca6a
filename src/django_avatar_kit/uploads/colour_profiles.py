"""Any plain picture in sRGB, whatever profile it came with."""

from __future__ import annotations

import io

from PIL import Image, ImageCms

from .decoders import base

PROFILED_MODES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}
OPAQUE = (255, 255)


def srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """In RGB; in RGBA only where some pixel is not opaque."""
    alpha = image.getchannel("A") if image.mode in {"LA", "RGBA"} else None
    if alpha is not None:
        image = image.convert(image.mode.removesuffix("A"))
    image = (profile and _through(profile, image)) or _rgb(image)
    if alpha is not None and alpha.getextrema() != OPAQUE:
        image.putalpha(alpha)
    return image


def _rgb(image: Image.Image) -> Image.Image:
    return image if image.mode == "RGB" else image.convert("RGB")


def _through(profile: bytes, colour: Image.Image) -> Image.Image | None:
    """``colour`` in sRGB; None if the profile is broken or meant for something else."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        mode = PROFILED_MODES.get(source.profile.xcolor_space.strip())
        if mode == "RGB" and colour.mode == "L":
            colour = colour.convert("RGB")
        if mode != colour.mode:
            return None
        return ImageCms.profileToProfile(
            colour, source, ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    except Exception as error:
        if not base.is_of_bad_bytes(error):
            raise
        return None
