"""The image formats, one row each. Nothing else in the package lists them.

To add a format that may be uploaded, add a row here and a module in ``uploads/decoders``. It can
be a format of renditions as well if its row has an ``encoder``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """What Pillow's encoder is given, and the memory it takes.

    The figures in bytes were measured; ``benchmarks/sections/memory.py`` checks them.
    """

    options: Mapping[str, int] = field(default_factory=dict)
    """Arguments of ``Image.save()``, besides ``quality``."""
    alpha_options: Mapping[str, int] = field(default_factory=dict)
    """Those that differ for a picture with alpha."""
    alpha_master_options: Mapping[str, int] = field(default_factory=dict)
    """Those that differ further for a master with alpha, the largest picture of all."""
    quality: int | None = None
    """The default quality, 1 to 100; None for a lossless format."""
    base_memory: int = 0
    """Bytes that the encoder takes, however small the picture is."""
    pixel_memory: tuple[int, int]
    """Bytes for each pixel that is encoded: without alpha, and with it. Measured on noise."""
    padding_memory: int | None = None
    """Bytes for each pixel of an even margin, at the most, where these take less than others."""
    alpha_tables: tuple[int, int] = (0, 0)
    """Bytes of tables for a picture with alpha: for each pixel, and at the most."""


@dataclass(frozen=True, kw_only=True)
class ImageFormat:
    """What the package knows of an image format."""

    label: str
    """As a person calls it."""
    extension: str
    """Of a stored original. Of a rendition it is the key of the format."""
    signature: re.Pattern[bytes]
    """What the first bytes of a file match."""
    alpha: bool
    """Whether its pixels can be transparent."""
    decoder: str
    """Dotted path of a subclass of ``uploads.decoders.base.Decoder``."""
    frames: str | None = None
    """Dotted path of a subclass of ``uploads.decoders.frames.Frames``, if it can move."""
    encoder: Encoder | None = None
    """None where no renditions are made in this format."""
    package: str | None = None
    """The package that decodes it, if Pillow does not. It comes with an extra of the format's key.

    Such a format is only taken where ``UPLOAD_FORMATS`` lists it.
    """


_DECODERS = "django_avatar_kit.uploads.decoders"

#: By the keys that stand in settings and in names: the part of a media type behind "image/". Files
#: are recognised in this order, which is also that of their age.
FORMATS: dict[str, ImageFormat] = {
    "jpeg": ImageFormat(
        label="JPEG",
        extension="jpg",
        signature=re.compile(rb"\xff\xd8\xff"),
        alpha=False,
        decoder=f"{_DECODERS}.jpeg.Jpeg",
        # Not progressive: that is 6 % smaller, takes 5 times as long to write and 15 times the
        # memory to read again. At a quality of 80 JPEG and WebP cannot be told from the source at
        # avatar sizes; AVIF reaches that at 60.
        encoder=Encoder(quality=80, base_memory=1 << 19, pixel_memory=(1, 1)),
    ),
    "png": ImageFormat(
        label="PNG",
        extension="png",
        signature=re.compile(rb"\x89PNG\r\n\x1a\n"),
        alpha=True,
        decoder=f"{_DECODERS}.png.Png",
        frames=f"{_DECODERS}.png_frames.PngFrames",
        encoder=Encoder(pixel_memory=(6, 6)),
    ),
    "webp": ImageFormat(
        label="WebP",
        extension="webp",
        signature=re.compile(rb"RIFF....WEBP", re.DOTALL),
        alpha=True,
        decoder=f"{_DECODERS}.webp.WebP",
        frames=f"{_DECODERS}.webp_frames.WebPFrames",
        # Method 2 takes half the time of Pillow's 4, for files that are 5 % larger. With alpha it
        # takes three times as long, and method 0 takes half of that. Alpha quality 92 keeps 192
        # of 256 levels of alpha, none of which changes by more than 1: with no more than that,
        # the encoder tries one filter instead of two, and noise takes a quarter less. Soft edges
        # become larger by up to a tenth, which matters for renditions only.
        encoder=Encoder(
            options={"method": 2},
            alpha_options={"method": 0},
            alpha_master_options={"alpha_quality": 92},
            quality=80,
            pixel_memory=(7, 42),
            padding_memory=12,
            alpha_tables=(1600, 1 << 20),
        ),
    ),
    "gif": ImageFormat(
        label="GIF",
        extension="gif",
        signature=re.compile(rb"GIF8[79]a"),
        alpha=True,
        decoder=f"{_DECODERS}.gif.Gif",
        frames=f"{_DECODERS}.gif_frames.GifFrames",
    ),
    "avif": ImageFormat(
        label="AVIF",
        extension="avif",
        # The first box lists the brands that a file can be read as. HEIF has the same box.
        signature=re.compile(rb"\0\0..ftyp(?:....){0,12}?avi[fs]", re.DOTALL),
        alpha=True,
        decoder=f"{_DECODERS}.avif.Avif",
        encoder=Encoder(
            options={"speed": 8},
            quality=60,
            base_memory=int(4.6 * (1 << 20)),
            pixel_memory=(34, 46),
        ),
    ),
    "heif": ImageFormat(
        label="HEIC",
        extension="heic",
        signature=re.compile(
            rb"\0\0..ftyp(?:....){0,12}?(?:hei[cxms]|hev[cxms]|mi[af]1)", re.DOTALL
        ),
        alpha=True,
        decoder=f"{_DECODERS}.heif.Heif",
        package="pillow_heif",
    ),
}

#: Formats that are refused by name. They are recognised for the error message only.
REFUSED: dict[str, re.Pattern[bytes]] = {
    "TIFF": re.compile(rb"II[*+]\0|MM\0[*+]"),
    "BMP": re.compile(rb"BM....\0{4}", re.DOTALL),
    "ICO": re.compile(rb"\x00\x00\x01\x00"),
    "PSD": re.compile(rb"8BPS"),
    "JPEG 2000": re.compile(rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51"),
    "JPEG XL": re.compile(rb"\0\0\0\x0cJXL |\xff\x0a"),
    "EPS": re.compile(rb"%!PS"),
}

#: The formats of the stored original: JPEG where every pixel is opaque, else WebP.
OPAQUE_MASTER, ALPHA_MASTER = "jpeg", "webp"
#: What moves is in this format.
MOVING = "webp"


def default_uploads() -> tuple[str, ...]:
    """The formats that may be uploaded where a site does not say: those that Pillow decodes."""
    return tuple(key for key, row in FORMATS.items() if row.package is None)


def rendition_encoders() -> dict[str, Encoder]:
    """The encoders of the formats that renditions can have, by their keys."""
    return {key: row.encoder for key, row in FORMATS.items() if row.encoder is not None}


def nearest(wanted: str, offered: Sequence[str]) -> str:
    """``wanted``, or whichever of the formats offered is most likely shown where that one is.

    What shows a format shows the older ones as well: the newest of these, else the oldest of all.
    ``wanted`` is a format that renditions can have; ``offered`` may list those of another release.
    """
    known = list(rendition_encoders())
    place = known.index(wanted) + 1
    order = (*reversed(known[:place]), *known[place:], *offered)
    return next(each for each in order if each in offered)


def default_quality() -> dict[str, int]:
    """The quality of each lossy format that renditions can have."""
    encoders = rendition_encoders().items()
    return {key: encoder.quality for key, encoder in encoders if encoder.quality is not None}


def label_of(key: str) -> str:
    """A format as a person calls it."""
    return FORMATS[key].label if key in FORMATS else key


def has_alpha(key: str) -> bool:
    """Whether a format can have transparent pixels; True for a key without a row."""
    return key not in FORMATS or FORMATS[key].alpha


def media_type_of(key: str) -> str:
    """Also of a key without a row: a name in the database may list a format of another release."""
    return f"image/{key}"


def with_extension(extension: str) -> str | None:
    """The key of the format whose files have this extension, which is given without its dot."""
    return next((key for key, row in FORMATS.items() if extension in {key, row.extension}), None)
