"""Frames of an animation: where each lies, how long it is shown, and how they are put together.

The walkers of the formats (``gif_frames``, ``png_frames``, ``webp_frames``) check the structure of
a file and the size of every frame. No pixel is decoded before they are done.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from enum import Enum
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..geometry import Part, Size

#: More frames are not kept: 200 are 20 seconds at ten a second, which is slow for a film.
MOST_FRAMES = 200
#: Browsers show a frame this long that says it takes 10 ms or less.
USUAL, SHORTEST = 100, 10  # ms
#: The most that a file of WebP can say. 0 stands for ever.
MOST_PLAYS = 0xFFFF

CLEAR = (0, 0, 0, 0)


class Disposal(Enum):
    """What becomes of the place of a frame when its time is over."""

    KEEP = "keep"
    CLEAR = "clear"
    RESTORE = "restore"


class Step(NamedTuple):
    """One frame: what it changes on the canvas."""

    box: Part
    duration: int
    """In ms, as browsers take it."""
    blends: bool
    """Whether it lies over what was there; if not, it takes its place, transparent pixels too."""
    disposal: Disposal
    where: Any
    """Where its walker finds its pixels."""

    @property
    def size(self) -> Size:
        left, top, right, bottom = self.box
        return right - left, bottom - top


class TooLongError(Exception):
    """An animation beyond what is kept. No error of an upload: its first frame is the picture."""


class Frames(ABC):
    """The animation in an upload. To make one reads its structure."""

    steps: list[Step]
    """Empty, or of one frame, where nothing moves."""
    plays: int
    """How many times it is shown; 0 for ever."""
    most_pixels: int
    """Of all frames together, each counted as large as the canvas: more are not kept.

    Chosen so that the worst animation takes less than ten times as long as a photo of 12
    megapixels: see ``benchmarks/uploads/animations.py``.
    """

    @abstractmethod
    def __init__(self, file: IO[bytes], source: Any) -> None:
        """``source`` is the decoder that has read the header.

        Raises as a decoder does for a file that is damaged, and ``TooLongError``.
        """

    @abstractmethod
    def pixels(self, step: Step) -> Image.Image:
        """A frame in RGBA, or RGB if it is opaque. Raises where part of it is missing."""

    @property
    def memory(self) -> int:
        """Bytes that decoding a frame takes at most, however small it is."""
        return 0

    @property
    def work(self) -> int:
        """The time, as in ``Decoder.work()``, that all frames take, however small they are."""
        return 0

    def add(self, step: Step) -> None:
        """Note a step. Raises ``TooLongError``."""
        if len(self.steps) == MOST_FRAMES:
            raise TooLongError
        self.steps.append(step)


def shown_for(duration: float) -> int:
    """The time in ms that browsers show a frame which says that it takes ``duration`` ms."""
    return USUAL if duration <= SHORTEST else round(duration)


def composed(frames: Frames, size: Size) -> Iterator[Image.Image]:
    """The whole picture at each step, in RGBA. It is one canvas: use it before the next step."""
    canvas = Image.new("RGBA", size)
    for step in frames.steps:
        corner = step.box[:2]
        before = canvas.crop(step.box) if step.disposal is Disposal.RESTORE else None
        image = frames.pixels(step)
        if step.blends and image.mode == "RGBA":
            canvas.alpha_composite(image, corner)
        else:
            canvas.paste(image, corner)
        yield canvas
        if before is not None:
            canvas.paste(before, corner)
        elif step.disposal is Disposal.CLEAR:
            canvas.paste(CLEAR, step.box)
