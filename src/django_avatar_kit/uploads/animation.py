"""The animation in an upload: whether it is kept, and its frames, small and in sRGB.

What is read from the structure of the file decides that, before any frame is decoded. An animation
that is too long or too large is no error: the upload is its first frame, as if it stood still.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import IO, TYPE_CHECKING

from PIL import Image, ImageChops

from . import geometry, memory_estimate
from .colour_profiles import OPAQUE, srgb
from .decoders.frames import Disposal, TooLongError, composed
from .orientation import transposed, upright_size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..names import Box
    from ..specs import Limits, Spec
    from .decoders.base import Decoder
    from .decoders.frames import Frames
    from .geometry import Size

# What an animation may take, so that the worst one costs about ten times the processor time of a
# photo of 12 megapixels. ``benchmarks/uploads/animations.py`` measures that.

#: Milliseconds. Nobody looks at an avatar for a minute, and every frame is encoded in every size.
LONGEST = 60_000
#: Px of all files together that are encoded, and as how many one counts that may be transparent.
#: The more frames there are, the smaller they become.
MOST_ENCODED, TRANSPARENT = 2_000_000, 1.5
#: The time of one of ``Frames.most_pixels``, as in ``Decoder.work()``.
WORK_PIXEL = 18
#: Px of the side of a square, at which it is better to see the picture than the movement.
SMALLEST = 64

#: Softer than that of pictures that stand still, and twice as fast. Sizes are divided by whole
#: numbers first, down to this many times the size of the result.
FILTER, GAP = Image.Resampling.HAMMING, 1.5
#: Px of all renditions of an animation, for each px of the largest.
LADDER = 4 / 3
#: Bytes for each pixel of the picture while a frame is put onto it and reduced, and for each pixel
#: that is kept while all of them become sRGB and one file after the other is encoded; and the
#: rest. Measured.
COMPOSING, KEEPING, BASE = 32, 24, 4 << 20


@dataclass(frozen=True, kw_only=True)
class Animation:
    """The frames of an upload that moves."""

    frames: tuple[Image.Image, ...]
    """The whole picture at each step, all of one size; upright, in RGB or RGBA, in sRGB."""
    durations: tuple[int, ...]
    """How long each is shown, in ms."""
    plays: int
    """How many times all of it is shown; 0 for ever."""

    @property
    def size(self) -> Size:
        """Of each frame, in px."""
        return self.frames[0].size

    def shown(self) -> Iterator[tuple[Image.Image, int]]:
        """Each frame, and for how many ms it is shown."""
        return zip(self.frames, self.durations, strict=True)


def read(
    file: IO[bytes], source: Decoder, crop: Box | None, spec: Spec, limits: Limits
) -> Animation | None:
    """The animation in ``file``; None if nothing moves, or for one that is not kept.

    The kit's own files, which have no limit on memory, keep theirs in any case. Raises as a
    decoder does where a frame is damaged or missing.
    """
    if not spec.animated or source.frames is None:
        return None
    try:
        frames = source.frames(file, source)
    except TooLongError:
        return None
    count = len(frames.steps)
    whole = upright_size(source.size, source.orientation)
    scale = _wanted(whole, crop, spec)
    if count > 1 and limits.max_memory is not None:
        scale = _affordable(frames, source, crop, spec, scale)
    if count < 2 or not scale:
        return None
    long = max(1, round(scale * max(whole)))
    size = geometry.master_size(whole, replace(spec, master_side=long))
    if limits.max_memory is not None:
        if not _is_short(frames, math.prod(source.size), limits):
            return None
        still = memory_estimate.needed(source, source.size, crop=crop, spec=spec)
        if still + needed(source.size, size, count) + frames.memory > limits.max_memory:
            return None
    pictures = _decoded(frames, source, upright_size(size, source.orientation))
    if not any(_differ(pictures[0], each) for each in pictures[1:]):
        return None
    return Animation(
        frames=pictures,
        durations=tuple(step.duration for step in frames.steps),
        plays=frames.plays,
    )


def needed(source: Size, kept: Size, count: int) -> int:
    """Bytes that so many frames take at most, beside all the rest of an upload."""
    return BASE + COMPOSING * math.prod(source) + KEEPING * count * math.prod(kept)


def _is_short(frames: Frames, pixels: int, limits: Limits) -> bool:
    """Whether an animation takes no more time and pixels than are kept."""
    # So much is put together and reduced, however small the part is that a frame changes.
    all_pixels = len(frames.steps) * pixels
    return (
        sum(step.duration for step in frames.steps) <= LONGEST
        and all_pixels <= min(frames.most_pixels, limits.max_pixels)
        # What lies beyond the picture is decoded, too.
        and all(math.prod(step.size) <= pixels for step in frames.steps)
        # Last, since it is read from the frames.
        and all_pixels + frames.work / WORK_PIXEL <= frames.most_pixels
    )


def is_rendition(whole: Size, crop: Box | None, spec: Spec) -> bool:
    """Whether the largest rendition shows the whole picture, so that it serves as the master."""
    return geometry.selection(whole, crop, spec) == (0, 0, *whole) and whole[0] == whole[1]


def _wanted(whole: Size, crop: Box | None, spec: Spec) -> float:
    """The scale at which the frames serve the largest rendition."""
    shown = max(geometry.selection(whole, crop, spec)[2:])
    return min(1.0, spec.master_side / max(whole), max(spec.sizes) / shown)


def _affordable(
    frames: Frames, source: Decoder, crop: Box | None, spec: Spec, wanted: float
) -> float:
    """The scale at which all files together have as many px as may be encoded, at most ``wanted``.

    0 where that would be too small to see.
    """
    whole = upright_size(source.size, source.orientation)
    shown = max(geometry.selection(whole, crop, spec)[2:])
    pixels = LADDER * shown**2
    if not is_rendition(whole, crop, spec):
        pixels += math.prod(whole)
    clears = any(step.disposal is Disposal.CLEAR for step in frames.steps)
    if clears or source.mode in {"LA", "RGBA"}:
        pixels *= TRANSPARENT
    scale = min(wanted, math.sqrt(MOST_ENCODED / pixels / len(frames.steps)))
    return 0 if scale < wanted and scale * shown < SMALLEST else scale


def _decoded(frames: Frames, source: Decoder, size: Size) -> tuple[Image.Image, ...]:
    # One below the other, since a profile may take longer to read than to apply.
    film = Image.new("RGBA", (size[0], size[1] * len(frames.steps)))
    for place, canvas in enumerate(composed(frames, source.size)):
        film.paste(_reduced(canvas, size), (0, place * size[1]))
    if source.mode in {"L", "LA"}:
        # What a profile of grey is for.
        film = film.convert("LA")
    film = srgb(film, source.profile)
    boxes = [(0, top, size[0], top + size[1]) for top in range(0, film.height, size[1])]
    pictures = [transposed(film.crop(box), source.orientation) for box in boxes]
    for each in pictures:
        each.info = {}
    return tuple(pictures)


def _reduced(canvas: Image.Image, size: Size) -> Image.Image:
    if canvas.size == size:
        return canvas
    if canvas.getchannel("A").getextrema() == OPAQUE:
        # In half the time.
        canvas = canvas.convert("RGB")
    return canvas.resize(size, FILTER, reducing_gap=GAP)


def _differ(one: Image.Image, other: Image.Image) -> bool:
    return ImageChops.difference(one, other).getbbox(alpha_only=False) is not None
