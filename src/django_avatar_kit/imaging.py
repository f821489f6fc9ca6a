"""Bytes in; one bounded, upright, sRGB picture; its master and renditions out.

Plain Pillow: no settings, models or storage. ``load`` reads top to bottom as the story of an
upload; ``encode_master`` and ``encode_renditions`` are what becomes of it. All functions are safe
to call from several threads.

The pixels are those of the user, the bytes are not: everything is decoded and encoded again, and
nothing but pixels is carried over.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Literal, cast

from PIL import Image, ImageCms
from PIL.JpegImagePlugin import JpegImageFile

from . import intake

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Box = tuple[int, int, int, int]
"""x, y, width, height in px."""

Limits = intake.Limits
Size = tuple[int, int]
Edges = tuple[float, float, float, float]

# Measured on photographs (see benchmarks/imaging.py): softer filters cost 4 to 15 dB on hair and
# leaves, and save 2 of about 90 ms.
FILTER = Image.Resampling.LANCZOS


@dataclass(frozen=True, kw_only=True)
class Spec:
    """What to make of an upload."""

    sizes: Sequence[int]
    """Sides of the renditions, in px."""
    formats: Sequence[str]
    """Of the renditions: "webp", "jpeg", "avif", "png"."""
    quality: Mapping[str, int]
    """0 to 100 for each format; the master needs "jpeg", and "webp" where it has alpha."""
    master_side: int
    """The master's long side is at most this, in px."""
    background: str | None
    """A colour that Pillow knows, to put under transparent pixels; None keeps them."""
    fit: Literal["cover", "contain"]


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A decoded upload: as many pixels as the spec it was loaded for can use."""

    image: Image.Image
    """Upright, sRGB, without metadata. RGB; RGBA only where some pixel is not opaque."""
    source: Size
    """What the upright upload measured before it was shrunk, in px."""
    crop: Box | None = None
    """What the user chose, in px of ``source``. None: see ``_selection``."""
    extent: Edges | None = None
    """Where ``source`` lies in ``image``, if not exactly: a quarter of 4031 px is 1007.75 px."""

    def serves(self, spec: Spec) -> bool:
        """Whether enough was decoded for this spec; if not, load the upload again."""
        needed = _needed_scale(self.source, self.crop, spec) * max(self.source)
        return needed <= max(self.image.size)


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """A file to store."""

    data: bytes
    format: str
    size: int
    """The side in px that a rendition was cut for; 0 for the master."""
    width: int
    height: int

    @property
    def content_type(self) -> str:
        return f"image/{self.format}"

    @property
    def extension(self) -> str:
        return "jpg" if self.format == "jpeg" else self.format


# --- from bytes to a picture ------------------------------------------------------------------


def load(
    file: IO[bytes], *, filename: str, limits: Limits, spec: Spec, crop: Box | None = None
) -> Picture:
    """Check and decode an upload, once, and no larger than ``spec`` needs.

    ``crop`` is in px of the upright upload at its full size; what lies outside is cut off. The
    first frame of an animation is the picture. Raises the children of ``UploadError``; the file
    stays open.
    """
    with intake.opened(file, filename, limits) as source:
        if not isinstance(source, JpegImageFile):
            source.load()
        orientation = _orientation(source)
        upright = source.size[::-1] if orientation in TURNED else source.size
        crop = _within(crop, upright)
        scale = _needed_scale(upright, crop, spec)
        extent: Edges = (0, 0, *source.size)
        if isinstance(source, JpegImageFile):
            # The one format that can decode to a half, a quarter or an eighth, in less time.
            extent = _ask_for_less(source, scale)
            source.load()
        profile = source.info.get("icc_profile")
        image, extent = _shrunk(_plain_mode(source), extent, max(upright) * scale)
    image = _srgb(image, profile)
    extent = _turned(extent, image.size, orientation)
    if orientation in TRANSPOSED:
        image = image.transpose(TRANSPOSED[orientation])
    image.info = {}
    return Picture(image=image, source=upright, crop=crop, extent=extent)


# --- upright, plain, sRGB ---------------------------------------------------------------------

ORIENTATION_TAG = 0x0112
TRANSPOSED: Mapping[object, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
TURNED = frozenset({5, 6, 7, 8})
# Where the stored right edge, or bottom edge, comes to lie at the left, or at the top.
FAR_EDGE_LEFT = frozenset({2, 3, 6, 7})
FAR_EDGE_TOP = frozenset({3, 4, 7, 8})


def _orientation(source: Image.Image) -> int:
    try:
        value = source.getexif().get(ORIENTATION_TAG)
    except Exception:  # noqa: BLE001 - many kinds; a fine photo may have any rubbish for EXIF
        return 1
    return value if isinstance(value, int) else 1


def _turned(extent: Edges, size: Size, orientation: int) -> Edges:
    """``extent``, which starts at the top left of a picture of ``size``, after transposing."""
    across, down = extent[2:]
    if orientation in TURNED:
        across, down, size = down, across, size[::-1]
    left = size[0] - across if orientation in FAR_EDGE_LEFT else 0
    top = size[1] - down if orientation in FAR_EDGE_TOP else 0
    return left, top, left + across, top + down


BYTE = 0xFF


def _plain_mode(source: Image.Image) -> Image.Image:
    """One of L, LA, RGB, RGBA and CMYK, 8 bits deep."""
    transparency = source.info.get("transparency")
    if source.mode == "I;16":
        # Pillow would clip: the high byte of each little-endian pair is the 8-bit value.
        source = Image.frombytes("L", source.size, source.tobytes()[1::2])
        if transparency is not None:
            source.info["transparency"] = transparency >> 8
    elif isinstance(transparency, tuple) and max(transparency) > BYTE:
        source.info["transparency"] = tuple(value >> 8 for value in transparency)
    if "transparency" not in source.info and source.mode in {"L", "LA", "RGB", "RGBA", "CMYK"}:
        return source
    grey = source.mode in {"1", "L"}
    if source.has_transparency_data:
        return source.convert("LA" if grey else "RGBA")
    return source.convert("L" if grey else "RGB")


def _ask_for_less(source: JpegImageFile, scale: float) -> Edges:
    """Have a JPEG decoded at no less than ``scale``; the extent that it will have then."""
    divisor = next(divisor for divisor in (8, 4, 2, 1) if divisor * scale <= 1)
    # draft() takes the smaller of both ratios, so the box must have the picture's own shape.
    width, height = source.size
    drafted = source.draft(None, (max(1, width // divisor), max(1, height // divisor)))
    return drafted[1] if drafted else (0, 0, width, height)


def _shrunk(image: Image.Image, extent: Edges, long: float) -> tuple[Image.Image, Edges]:
    """To ``long`` px on the long side, if ``image`` has at least twice as many.

    If not, what is there is kept: renditions are better cut straight from it.
    """
    scale = long / max(image.size)
    if 2 * scale > 1:
        return image, extent
    size = (math.ceil(image.width * scale), math.ceil(image.height * scale))
    # Colours of invisible pixels must not bleed into visible ones, so alpha goes in first.
    # (Pillow's resize() does it too, but forgets the gap then, and takes three times as long.)
    mode = image.mode
    if mode in {"LA", "RGBA"}:
        image = image.convert(mode[:-1] + "a")
    # A first step by a whole number, to no less than thrice the size: fast, and as good.
    image = image.resize(size, FILTER, box=extent, reducing_gap=3.0).convert(mode)
    return image, (0, 0, *size)


PROFILED_MODES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}


def _srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """A new picture, in RGB or RGBA."""
    alpha = image.getchannel("A") if image.mode in {"LA", "RGBA"} else None
    colour = image if alpha is None else image.convert(image.mode.removesuffix("A"))
    colour = (profile and _through(profile, colour)) or colour.convert("RGB")
    if alpha is not None and alpha.getextrema() != (255, 255):
        colour.putalpha(alpha)
    return colour


def _through(profile: bytes, colour: Image.Image) -> Image.Image | None:
    """``colour`` in sRGB; None if the profile is broken or meant for something else."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        mode = PROFILED_MODES[source.profile.xcolor_space.strip()]
        if mode == "RGB" and colour.mode == "L":
            colour = colour.convert("RGB")
        if mode != colour.mode:
            return None
        return ImageCms.profileToProfile(
            colour, source, ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    except (ImageCms.PyCMSError, OSError, KeyError, ValueError):
        return None


# --- what is cut from the picture -------------------------------------------------------------


def _within(crop: Box | None, size: Size) -> Box | None:
    """The part of ``crop`` that lies in the picture; None if nothing does."""
    if crop is None:
        return None
    x, y, width, height = crop
    left, top = max(0, x), max(0, y)
    right, bottom = min(size[0], x + width), min(size[1], y + height)
    return (left, top, right - left, bottom - top) if left < right and top < bottom else None


def _selection(source: Size, crop: Box | None, spec: Spec) -> Box:
    """What the renditions show, in px of ``source``.

    ``contain``: the crop or the whole. ``cover``: the centred square of it, except that the square
    of a whole portrait stands at its top: so its upper third, where heads are, is always kept, or
    as much of it as a square can hold.
    """
    x, y, width, height = crop or (0, 0, *source)
    if spec.fit == "contain":
        return x, y, width, height
    side = min(width, height)
    return x + (width - side) // 2, y + (height - side) // 2 if crop else 0, side, side


def _needed_scale(source: Size, crop: Box | None, spec: Spec) -> float:
    """The least of its full size at which the upload serves the master and each rendition."""
    _x, _y, width, height = _selection(source, crop, spec)
    wanted = max(spec.master_side / max(source), max(spec.sizes) / max(width, height))
    return min(1.0, wanted)


def ladder(sizes: Sequence[int], side: int) -> tuple[int, ...]:
    """Of these sizes those that exist for a square of ``side`` px, ascending: none is upscaled.

    Those above ``side`` are replaced by one of exactly that.
    """
    return tuple(sorted({min(size, side) for size in sizes}))


def squares(picture: Picture, spec: Spec) -> list[tuple[int, Image.Image]]:
    """Each rendition's size and picture, ascending, in RGB or RGBA."""
    left, top, right, bottom = box = _edges(picture, spec)
    long = max(right - left, bottom - top)
    rungs: list[tuple[Image.Image, Edges | None]] = [(_on(picture.image, spec.background), box)]
    cut = []
    # A hair's breadth for the rounding of the scale; a square of 1 px is the least there is.
    for size in reversed(ladder(spec.sizes, max(1, int(long + 0.001)))):
        shape = (size, size)
        if spec.fit == "contain":
            narrow, low = (right - left) * size / long, (bottom - top) * size / long
            shape = (max(1, round(narrow)), max(1, round(low)))
        # Each from the next but one: from the next it is 2 dB worse, from the first 5 ms slower.
        larger, part = rungs[-2:][0]
        rung = larger.resize(shape, FILTER, box=part)
        rungs.append((rung, None))
        cut.append((size, _padded(rung, size, spec.background)))
    return cut[::-1]


def _edges(picture: Picture, spec: Spec) -> Edges:
    """Left, top, right and bottom of what the renditions show, in px of the decoded image."""
    x, y, width, height = _selection(picture.source, picture.crop, spec)
    left, top, right, bottom = picture.extent or (0, 0, *picture.image.size)
    across, down = (right - left) / picture.source[0], (bottom - top) / picture.source[1]
    # Rounding errors may not point beyond the last pixel.
    far_x, far_y = min(left + (x + width) * across, right), min(top + (y + height) * down, bottom)
    return left + x * across, top + y * down, far_x, far_y


def _padded(image: Image.Image, side: int, background: str | None) -> Image.Image:
    if image.size == (side, side):
        return image
    mode, colour = ("RGBA", (0, 0, 0, 0)) if background is None else ("RGB", background)
    square = Image.new(mode, (side, side), colour)
    square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    return square


def _on(image: Image.Image, background: str | None) -> Image.Image:
    if background is None or image.mode == "RGB":
        return image
    flat = Image.new("RGB", image.size, background)
    flat.paste(image, mask=image.getchannel("A"))
    return flat


def _master_size(picture: Picture, spec: Spec) -> Size:
    scale = min(1.0, spec.master_side / max(picture.source))
    width, height = picture.source
    return max(1, round(width * scale)), max(1, round(height * scale))


def master_crop(picture: Picture, spec: Spec) -> Box | None:
    """What the renditions show in px of the master; None if nobody chose it."""
    if picture.crop is None:
        return None
    selection = _selection(picture.source, picture.crop, spec)
    width, height = _master_size(picture, spec)
    scale = max(width, height) / max(picture.source)
    x, y, across, down = (round(value * scale) for value in selection)
    # Rounding may neither lose the last pixel nor point beyond it.
    across, down = min(max(1, across), width), min(max(1, down), height)
    return min(x, width - across), min(y, height - down), across, down


def average_color(picture: Picture, spec: Spec) -> str:
    """Of all visible pixels of the renditions, as "rrggbb"."""
    image = _on(picture.image, spec.background)
    pixel = image.resize((1, 1), Image.Resampling.BOX, box=_edges(picture, spec)).getpixel((0, 0))
    return "{:02x}{:02x}{:02x}".format(*cast("tuple[int, ...]", pixel))


# --- encoding ---------------------------------------------------------------------------------


def encode_master(picture: Picture, spec: Spec) -> Encoded:
    """The one stored original: JPEG if opaque, else WebP."""
    image = _on(picture.image, spec.background)
    size = _master_size(picture, spec)
    if image.size != size:
        image = image.resize(size, FILTER, box=picture.extent)
    return _encode(image, "jpeg" if image.mode == "RGB" else "webp", spec, size=0)


def encode_renditions(picture: Picture, spec: Spec) -> tuple[Encoded, ...]:
    """Every size in every format, sizes ascending."""
    return tuple(
        _encode(square, name, spec, size=size)
        for size, square in squares(picture, spec)
        for name in spec.formats
    )


# WebP: method 2 takes half the time of Pillow's 4, for files 5 % larger. JPEG: a progressive one
# is 6 % smaller, takes 5 times as long to write and 15 times the memory to read again.
SAVE_OPTIONS: Mapping[str, Mapping[str, int]] = {
    "webp": {"method": 2},
    "jpeg": {},
    "avif": {"speed": 8},
    "png": {},
}


def _encode(image: Image.Image, name: str, spec: Spec, *, size: int) -> Encoded:
    if name == "jpeg":
        image = _on(image, spec.background or "white")
    options = dict(SAVE_OPTIONS[name])
    if name in spec.quality:
        options["quality"] = spec.quality[name]
    out = io.BytesIO()
    image.save(out, name, **options)
    return Encoded(
        data=out.getvalue(), format=name, size=size, width=image.width, height=image.height
    )
