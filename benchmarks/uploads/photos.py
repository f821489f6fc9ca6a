"""Generated photographs. The same seed gives the same pixels on every machine.

There are four kinds, because a shortcut that is invisible on one kind may be visible on another:
``smooth`` (sky, soft shapes), ``skin`` (the slow gradients of a portrait), ``noisy`` (a dim room
with noise in every pixel) and ``detail`` (foliage, hair, cloth: contrast at every scale, sharp
edges).

They are made with Pillow, so that the benchmarks need no array library.
"""

from __future__ import annotations

import random
from functools import cache
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

from tests.support import images

if TYPE_CHECKING:
    from collections.abc import Callable

# A photo of the main camera of most phones, held upright: 12.2 megapixels.
SIZE = (3024, 4032)
# A phone that is held upright stores the picture turned by 90 degrees, and says so in EXIF.
ROTATED = 6


def grain(rng: random.Random, size: tuple[int, int], cell: int = 1) -> Image.Image:
    """Random colours, one for every ``cell`` × ``cell`` px, with soft transitions."""
    width, height = -(-size[0] // cell) + 1, -(-size[1] // cell) + 1
    field = Image.frombytes("RGB", (width, height), rng.randbytes(width * height * 3))
    return field if field.size == size else field.resize(size, Image.Resampling.BICUBIC)


def smooth(size: tuple[int, int] = SIZE, seed: int = 1) -> Image.Image:
    rng = random.Random(seed)
    small = grain(rng, (size[0] // 4, size[1] // 4), cell=max(size) // 16)
    draw = ImageDraw.Draw(small)
    for _ in range(12):
        x, y = rng.randrange(small.width), rng.randrange(small.height)
        radius = rng.randrange(max(small.size) // 20, max(small.size) // 6)
        colour = tuple(rng.randrange(40, 220) for _ in range(3))
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
    blurred = small.filter(ImageFilter.GaussianBlur(max(small.size) / 100))
    return blurred.resize(size, Image.Resampling.BICUBIC)


def skin(size: tuple[int, int] = SIZE, seed: int = 2) -> Image.Image:
    """Head and shoulders in front of a wall, lit from one side."""
    rng = random.Random(seed)
    width, height = size[0] // 4, size[1] // 4
    picture = Image.linear_gradient("L").rotate(90).resize((width, height))
    colours = [(90, 104, 118), (198, 206, 208)]
    face = Image.merge(
        "RGB",
        [
            picture.point([low + (high - low) * value // 255 for value in range(256)])
            for low, high in zip(*colours, strict=True)
        ],
    )
    draw = ImageDraw.Draw(face)
    unit = height / 10
    centre = width / 2
    for (x, y, across, down), colour in (
        ((0, 10.5, 4.2, 3), (58, 66, 92)),  # shoulders
        ((0, 7.5, 1.1, 2), (196, 144, 118)),  # neck
        ((0, 3.6, 2.7, 3.2), (62, 42, 34)),  # hair
        ((0, 4.4, 2.2, 3), (222, 172, 144)),  # face
        ((-1.1, 4.9, 0.6, 0.5), (229, 162, 140)),  # cheeks
        ((1.1, 4.9, 0.6, 0.5), (229, 162, 140)),
        ((-0.9, 3.9, 0.3, 0.15), (70, 52, 46)),  # eyes
        ((0.9, 3.9, 0.3, 0.15), (70, 52, 46)),
        ((0, 6.1, 0.7, 0.2), (178, 92, 88)),  # mouth
    ):
        left, top = centre + (x - across) * unit, (y - down) * unit
        draw.ellipse((left, top, left + 2 * across * unit, top + 2 * down * unit), fill=colour)
    lit = Image.blend(face, Image.merge("RGB", [picture] * 3), 0.15)
    soft = lit.filter(ImageFilter.GaussianBlur(height / 150))
    # Pores and sensor noise, which every real photograph has.
    full = soft.resize(size, Image.Resampling.BICUBIC)
    return Image.blend(full, grain(rng, size), 0.015)


def noisy(size: tuple[int, int] = SIZE, seed: int = 3) -> Image.Image:
    rng = random.Random(seed)
    return Image.blend(smooth(size, seed), grain(rng, size), 0.12)


def detail(size: tuple[int, int] = SIZE, seed: int = 4) -> Image.Image:
    """Texture at every scale, each octave 0.7 times as strong as the next coarser one."""
    rng = random.Random(seed)
    picture = grain(rng, size, cell=2)
    for octave in range(2, 10):
        picture = Image.blend(picture, grain(rng, size, cell=2**octave), 0.3)
    picture = ImageEnhance.Contrast(picture).enhance(1.8)
    draw = ImageDraw.Draw(picture)
    for _ in range(400):  # twigs and hair
        x, y = rng.randrange(size[0]), rng.randrange(size[1])
        reach = max(size) // 8
        end = (x + rng.randint(-reach, reach), y + rng.randint(-reach, reach))
        colour = tuple(rng.randrange(256) for _ in range(3))
        draw.line(((x, y), end), fill=colour, width=rng.randint(2, 10))
    return picture


KINDS: dict[str, Callable[..., Image.Image]] = {
    "smooth": smooth,
    "skin": skin,
    "noisy": noisy,
    "detail": detail,
}


@cache
def photo(
    kind: str,
    size: tuple[int, int] = SIZE,
    orientation: int = ROTATED,
    quality: int = 88,
) -> bytes:
    """A JPEG of this kind, as a phone would send it.

    ``size`` is in px, as a viewer that respects EXIF shows it. The pixels are stored so that
    ``orientation`` turns them upright: at 6, 3024 × 4032 is stored as 4032 × 3024.
    """
    return images.turned(KINDS[kind](size), orientation, quality=quality)


if __name__ == "__main__":
    for name in KINDS:
        print(f"{name:8} {len(photo(name)) / 2**20:6.2f} MiB")
