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
from functools import partial
from typing import IO, TYPE_CHECKING, Literal, cast

from PIL import Image

from . import colour, intake, memory, rasters, upright
from .rasters import FILTER, Edges, Size

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .rasters import Raster

Box = tuple[int, int, int, int]
"""x, y, width, height in px."""

Limits = intake.Limits


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
    detail: Image.Image | None = None
    """What the renditions show, where they need more pixels of it than ``image`` has."""
    part: Edges | None = None
    """What ``detail`` shows, in px of ``source``."""

    def serves(self, spec: Spec) -> bool:
        """Whether enough was decoded for this spec; if not, load the upload again."""
        here = max(self.image.size) / max(self.source)
        master, renditions = _scales(self.source, self.crop, spec)
        return master <= here and (renditions <= here or self._shows(spec, renditions))

    def _shows(self, spec: Spec, scale: float) -> bool:
        """Whether the detail has all that the renditions of this spec show."""
        if self.detail is None or self.part is None:
            return False
        left, top, right, bottom = _edges_of(_selection(self.source, self.crop, spec))
        part = self.part
        inside = part[0] <= left and part[1] <= top and right <= part[2] and bottom <= part[3]
        return inside and scale * (part[2] - part[0]) <= self.detail.width


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
        way = upright.orientation(source.exif)
        whole = upright.size(source.size, way)
        crop = _within(crop, whole)
        scales = _affordable(source, crop, spec, filename, limits)
        raster = source.decode(max(scales))
        image, extent = _whole(raster, max(whole) * scales[0])
        detail, part = None, None
        if scales[1] > scales[0] and scales[1] * max(whole) > max(image.size):
            selection = _selection(whole, crop, spec)
            stored = upright.stored(_edges_of(selection), source.size, way)
            detail, stored = _detail(raster, source.size, stored, scales[1])
            part = upright.turned(stored, whole, way)
        # Whatever is done from here on takes a few megapixels at most.
        del raster
        image = _finished(image, source.profile, way)
        detail = detail and _finished(detail, source.profile, way)
    return Picture(
        image=image,
        source=whole,
        crop=crop,
        extent=upright.turned(extent, image.size, way),
        detail=detail,
        part=part,
    )


def _finished(image: Image.Image, profile: bytes | None, way: int) -> Image.Image:
    image = upright.transposed(colour.srgb(image, profile), way)
    image.info = {}
    return image


def _whole(raster: Raster, long: float) -> tuple[Image.Image, Edges]:
    """At ``long`` px on the long side, if it has at least twice as many; and where it lies in it.

    If not, what is there is kept: renditions are better cut straight from it.
    """
    scale = long / max(raster.size)
    if 2 * scale > 1:
        return raster.part((0, 0, *raster.size)), raster.extent
    size = math.ceil(raster.size[0] * scale), math.ceil(raster.size[1] * scale)
    return rasters.shrunk(raster, raster.extent, size), (0, 0, *size)


# Of what lies around a detail, so much is kept that a filter finds what it looks for, in px.
MARGIN = 2 * rasters.SUPPORT


def _detail(raster: Raster, source: Size, part: Edges, scale: float) -> tuple[Image.Image, Edges]:
    """``part`` of the source and a bit around it, at no less than ``scale``; and what it shows."""
    across, down = raster.extent[2] / source[0], raster.extent[3] / source[1]
    margin = MARGIN / scale
    left, top = (
        max(0, math.floor((part[side] - margin) * (across, down)[side])) for side in (0, 1)
    )
    right, bottom = (
        min(raster.size[side], math.ceil((part[side + 2] + margin) * (across, down)[side]))
        for side in (0, 1)
    )
    # Relative to what was decoded.
    scale /= across
    box = (left, top, right, bottom)
    if 2 * scale > 1:
        image = raster.part(box)
    else:
        size = math.ceil((right - left) * scale), math.ceil((bottom - top) * scale)
        image = rasters.shrunk(raster, box, size)
    return image, (left / across, top / down, right / across, bottom / down)


def _affordable(
    source: intake.Source, crop: Box | None, spec: Spec, filename: str, limits: Limits
) -> tuple[float, float]:
    """The scales to decode at. Raises ``TooMuchMemory``."""
    needed = partial(needed_memory, source, crop=crop, spec=spec)
    whole = upright.size(source.size, upright.orientation(source.exif))
    master, renditions = _scales(whole, crop, spec)
    if limits.max_memory is None or needed(source.size) <= limits.max_memory:
        return master, renditions
    source.spare()
    intake.check_memory(source, partial(needed, sharpness=0.0), filename, limits)
    # What somebody chose comes out smaller, rather than not at all.
    sharpness = 1.0
    while needed(source.size, sharpness=sharpness) > limits.max_memory:
        sharpness /= 2
    return master, max(master, sharpness * renditions)


def needed_memory(
    source: intake.Source, size: Size, *, crop: Box | None, spec: Spec, sharpness: float = 1.0
) -> int:
    """Bytes that an upload takes at the most, were it of this ``size`` as it is stored.

    ``sharpness``: with this share of the pixels that a chosen part can use.
    """
    whole = upright.size(size, upright.orientation(source.exif))
    scales = _scales(whole, _within(crop, whole), spec)
    finest = max(scales[0], sharpness * scales[1])
    divisor = source.divisor(finest)
    decoded = math.ceil(whole[0] / divisor), math.ceil(whole[1] / divisor)
    scale = min(1.0, scales[0] * divisor)
    small = min(1.0, spec.master_side / max(whole))
    master = max(1, round(whole[0] * small)), max(1, round(whole[1] * small))
    flat = spec.background is not None
    need = source.need(size, finest)
    return memory.ALWAYS + max(
        need.decoding,
        need.kept + memory.shrink(decoded, scale, mode=source.mode),
        memory.finish(
            decoded, scale, master, mode=source.mode, profile=bool(source.profile), flat=flat
        ),
    )


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


def _scales(source: Size, crop: Box | None, spec: Spec) -> tuple[float, float]:
    """The least of its full size at which the upload serves the master, and the renditions."""
    _x, _y, width, height = _selection(source, crop, spec)
    master = min(1.0, spec.master_side / max(source))
    renditions = min(1.0, max(spec.sizes) / max(width, height))
    # One picture for both, where that takes little more than the master does.
    if master < renditions <= ONE_FOR_BOTH * master:
        master = renditions
    return master, renditions


ONE_FOR_BOTH = 1.25


def ladder(sizes: Sequence[int], side: int) -> tuple[int, ...]:
    """Of these sizes those that exist for a square of ``side`` px, ascending: none is upscaled.

    Those above ``side`` are replaced by one of exactly that.
    """
    return tuple(sorted({min(size, side) for size in sizes}))


def squares(picture: Picture, spec: Spec) -> list[tuple[int, Image.Image]]:
    """Each rendition's size and picture, ascending, in RGB or RGBA."""
    image, box = _view(picture, spec)
    left, top, right, bottom = box
    long = max(right - left, bottom - top)
    rungs: list[tuple[Image.Image, Edges | None]] = [(_on(image, spec.background), box)]
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


def _edges_of(box: Box) -> Edges:
    x, y, width, height = box
    return x, y, x + width, y + height


def _view(picture: Picture, spec: Spec) -> tuple[Image.Image, Edges]:
    """The image to cut the renditions from, and what they show, in its px."""
    selection = _edges_of(_selection(picture.source, picture.crop, spec))
    image, shown = picture.image, (0.0, 0.0, *map(float, picture.source))
    left, top, right, bottom = picture.extent or (0, 0, *image.size)
    if picture.detail is not None and picture.part is not None:
        image, shown = picture.detail, picture.part
        left, top, right, bottom = (0, 0, *image.size)
    across = (right - left) / (shown[2] - shown[0])
    down = (bottom - top) / (shown[3] - shown[1])
    # Rounding errors may not point beyond the last pixel.
    return image, (
        max(left, left + (selection[0] - shown[0]) * across),
        max(top, top + (selection[1] - shown[1]) * down),
        min(right, left + (selection[2] - shown[0]) * across),
        min(bottom, top + (selection[3] - shown[1]) * down),
    )


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
    image, box = _view(picture, spec)
    image = _on(image, spec.background)
    pixel = image.resize((1, 1), Image.Resampling.BOX, box=box).getpixel((0, 0))
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
