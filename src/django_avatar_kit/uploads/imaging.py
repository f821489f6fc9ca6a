"""Bytes in; one bounded, upright, sRGB picture; its master and renditions out.

Plain Pillow: no settings, models or storage. ``load`` is the way of an upload from top to bottom,
and ``encode_master`` and ``encode_renditions`` make the files of it. All functions may be called
from several threads.

Nothing but the user's pixels is carried over: every file is encoded here.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass, replace
from typing import IO, TYPE_CHECKING, cast

from PIL import Image

from .. import formats
from . import animation, geometry, intake, rasters
from .affordable import affordable
from .animated_webp import AnimatedWebP
from .colour_profiles import srgb
from .orientation import to_stored, to_upright, transposed, upright_size
from .rasters import FILTER

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..names import Box
    from ..specs import Limits, Spec
    from .animation import Animation
    from .geometry import Edges, Size
    from .rasters import Raster


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A decoded upload: as many pixels as the spec it was loaded for can use."""

    image: Image.Image
    """Upright, sRGB, without metadata. RGB; RGBA only where some pixel is not opaque."""
    source: Size
    """What the upright upload measured before it was shrunk, in px."""
    crop: Box | None = None
    """What the user chose, in px of ``source``. None: see ``geometry.selection``."""
    extent: Edges | None = None
    """Where ``source`` lies in ``image``, if it is not all: a quarter of 4031 px is 1007.75 px."""
    detail: Image.Image | None = None
    """What the renditions show, where they need more pixels of it than ``image`` has."""
    part: Edges | None = None
    """What ``detail`` shows, in px of ``source``."""
    spec: Spec | None = None
    """What it was decoded for. The limit on memory may have allowed less than that."""
    animation: Animation | None = None
    """The frames of an upload that moves, if the spec asks for them. ``image`` is the first."""

    def serves(self, spec: Spec) -> bool:
        """Whether as much was decoded as this spec can have; if not, load the upload again."""
        if spec == self.spec:
            return True
        if self.animation is not None or spec.animated:
            return False
        here = max(self.image.size) / max(self.source)
        master, renditions = geometry.scales(self.source, self.crop, spec)
        if master > here:
            return False
        if renditions <= here:
            return True
        if self.detail is None or self.part is None:
            return False
        box = geometry.edges_of(geometry.selection(self.source, self.crop, spec))
        left, top, right, bottom = self.part
        inside = left <= box[0] and top <= box[1] and box[2] <= right and box[3] <= bottom
        return inside and renditions * (right - left) <= self.detail.width


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """A file to store."""

    data: bytes
    format: str
    size: int
    """The side in px that a rendition was cut for; 0 for the master."""
    width: int
    height: int
    animated: bool = False
    """Whether it moves."""

    @property
    def content_type(self) -> str:
        return formats.media_type_of(self.format)

    @property
    def extension(self) -> str:
        """Of a master. A rendition is named by its format."""
        return formats.FORMATS[self.format].extension


# --- from bytes to a picture ------------------------------------------------------------------


def load(
    file: IO[bytes], *, filename: str, limits: Limits, spec: Spec, crop: Box | None = None
) -> Picture:
    """Check and decode an upload, once, and no larger than ``spec`` needs.

    ``crop`` is in px of the upright upload at its full size; what lies outside is cut off. The
    first frame of an animation is the picture, and the others are kept beside it if the spec asks
    for them and they are not too many. Raises the children of ``UploadError``; the file
    stays open.
    """
    with intake.opened(file, filename, limits) as source:
        orientation = source.orientation
        whole = upright_size(source.size, orientation)
        crop = geometry.clipped(crop, whole)
        master, renditions = affordable(source, crop, spec, filename, limits)
        raster = source.decode(max(master, renditions))
        image, extent = _whole(raster, max(whole) * master)
        detail, part = None, None
        if renditions > master and renditions * max(whole) > max(image.size):
            selection = geometry.edges_of(geometry.selection(whole, crop, spec))
            stored = to_stored(selection, source.size, orientation)
            detail, stored = _detail(raster, source.size, stored, renditions)
            part = to_upright(stored, whole, orientation)
        # Frees the decoded pixels: the rest takes a few megapixels at most.
        del raster
        image = _finished(image, source.profile, orientation)
        detail = detail and _finished(detail, source.profile, orientation)
        moving = animation.read(file, source, crop, spec, limits)
    return Picture(
        image=image,
        source=whole,
        crop=crop,
        extent=to_upright(extent, image.size, orientation),
        detail=detail,
        part=part,
        spec=spec,
        animation=moving,
    )


def _finished(image: Image.Image, profile: bytes | None, orientation: int) -> Image.Image:
    image = transposed(srgb(image, profile), orientation)
    image.info = {}
    return image


def _whole(raster: Raster, long: float) -> tuple[Image.Image, Edges]:
    """All of a raster, and where the source lies in the result.

    At ``long`` px on the long side, if it has clearly more. If not, it stays as it is.
    """
    scale = long / max(raster.size)
    if rasters.stays(scale):
        return raster.part((0, 0, *raster.size)), raster.extent
    size = geometry.scaled(raster.size, scale)
    return rasters.shrunk(raster, raster.extent, size), (0, 0, *size)


def _detail(raster: Raster, source: Size, part: Edges, scale: float) -> tuple[Image.Image, Edges]:
    """``part`` of the source and a margin, at ``scale`` or larger; and what it shows exactly."""
    across, down = raster.extent[2] / source[0], raster.extent[3] / source[1]
    # Px of the result, so that a filter finds what it reads around the part.
    margin = 2 * rasters.SUPPORT / scale
    left = max(0, math.floor((part[0] - margin) * across))
    top = max(0, math.floor((part[1] - margin) * down))
    right = min(raster.size[0], math.ceil((part[2] + margin) * across))
    bottom = min(raster.size[1], math.ceil((part[3] + margin) * down))
    scale /= across  # of what was decoded
    box = (left, top, right, bottom)
    if rasters.stays(scale):
        image = raster.part(box)
    else:
        size = geometry.scaled((right - left, bottom - top), scale)
        image = rasters.shrunk(raster, box, size)
    return image, (left / across, top / down, right / across, bottom / down)


# --- what is cut from the picture -------------------------------------------------------------


def squares(picture: Picture, spec: Spec) -> list[tuple[int, Image.Image]]:
    """Each rendition's size and picture, ascending, in RGB or RGBA."""
    image, box = _view(picture, spec)
    left, top, right, bottom = box
    long = max(right - left, bottom - top)
    rungs: list[tuple[Image.Image, Edges | None]] = [(_on(image, spec.background), box)]
    cut = []
    # 0.001 px for the rounding of the scale; the smallest square has 1 px.
    for size in reversed(geometry.ladder(spec.sizes, max(1, int(long + 0.001)))):
        shape = (size, size)
        if spec.fit == "contain":
            narrow, low = (right - left) * size / long, (bottom - top) * size / long
            shape = (max(1, round(narrow)), max(1, round(low)))
        # Each is cut from the next larger but one: from the next it is 2 dB worse, and from the
        # largest 5 ms slower.
        larger, part = rungs[-2:][0]
        rung = larger.resize(shape, FILTER, box=part)
        rungs.append((rung, None))
        cut.append((size, _padded(rung, size, spec.background)))
    return cut[::-1]


def _view(picture: Picture, spec: Spec) -> tuple[Image.Image, Edges]:
    """The image that the renditions are cut from, and what they show, in its px."""
    selection = geometry.edges_of(geometry.selection(picture.source, picture.crop, spec))
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


def master_spec(picture: Picture, spec: Spec) -> Spec:
    """As ``spec``, but for what moves: its master has the size of the frames that were kept."""
    if picture.animation is None:
        return spec
    return replace(spec, master_side=max(picture.animation.size))


def master_crop(picture: Picture, spec: Spec) -> Box | None:
    """What the renditions show in px of the master; None if nobody chose it."""
    if picture.crop is None:
        return None
    selection = geometry.selection(picture.source, picture.crop, spec)
    width, height = geometry.master_size(picture.source, spec)
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


def encode_master(picture: Picture, spec: Spec, renditions: Sequence[Encoded] = ()) -> Encoded:
    """The one stored original.

    ``master_side`` is 1000 by default, since a quarter of 4032 px, the long side of a phone's
    photo, is 1008: a JPEG is decoded at a quarter, in half the time that 1024 would take.
    What moves has a master that moves, with as many pixels as were kept of each frame. Where the
    largest of the ``renditions`` that move shows all of the picture, it has the same bytes.
    """
    if picture.animation is not None:
        for each in renditions:
            if (
                each.animated
                and (each.width, each.height) == picture.animation.size
                and animation.is_rendition(picture.source, picture.crop, spec)
            ):
                return replace(each, size=0)
        file = _animated(picture.animation.size, spec, picture.animation)
        for frame, duration in picture.animation.shown():
            file.add(_on(frame, spec.background), duration)
        return _moving(file.data(), 0, picture.animation.size)
    image = _on(picture.image, spec.background)
    size = geometry.master_size(picture.source, spec)
    if image.size != size:
        image = image.resize(size, FILTER, box=picture.extent)
    format = formats.OPAQUE_MASTER if image.mode == "RGB" else formats.ALPHA_MASTER
    return _encode(image, format, spec, size=0)


def encode_renditions(picture: Picture, spec: Spec) -> tuple[Encoded, ...]:
    """Every size in every format, sizes ascending; and then each size that moves."""
    cut = squares(picture, spec)
    still = [
        _encode(square, format, spec, size=size) for size, square in cut for format in spec.formats
    ]
    return *still, *encode_moving(picture, spec, [size for size, _square in cut])


def encode_moving(picture: Picture, spec: Spec, sizes: Sequence[int]) -> Iterator[Encoded]:
    """Each of the sizes once, if the picture moves. A large one may have fewer pixels."""
    if picture.animation is None:
        return
    files: dict[int, AnimatedWebP] = {}
    for frame, duration in picture.animation.shown():
        whole = replace(picture, image=frame, extent=None, detail=None, part=None)
        for side, square in squares(whole, spec):
            if side not in files:
                files[side] = _animated(square.size, spec, picture.animation)
            files[side].add(square, duration)
    encoded = {side: file.data() for side, file in files.items()}
    for size in sizes:
        side = max((each for each in encoded if each <= size), default=min(encoded))
        yield _moving(encoded[side], size, (side, side))


def _animated(size: Size, spec: Spec, moving: Animation) -> AnimatedWebP:
    return AnimatedWebP(size, spec.quality.get(formats.MOVING), moving.plays)


def _moving(data: bytes, size: int, shape: Size) -> Encoded:
    width, height = shape
    return Encoded(
        data=data, format=formats.MOVING, size=size, width=width, height=height, animated=True
    )


def _encode(image: Image.Image, format: str, spec: Spec, *, size: int) -> Encoded:
    if not formats.has_alpha(format):
        image = _on(image, spec.background or "white")
    encoder = formats.rendition_encoders()[format]
    options = dict(encoder.options)
    if image.mode == "RGBA":
        options |= encoder.alpha_options
        if not size:
            options |= encoder.alpha_master_options
    if format in spec.quality:
        options["quality"] = spec.quality[format]
    out = io.BytesIO()
    image.save(out, format, **options)
    return Encoded(
        data=out.getvalue(), format=format, size=size, width=image.width, height=image.height
    )
