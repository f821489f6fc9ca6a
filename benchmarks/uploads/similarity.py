"""How much a picture looks like another: SSIM of their luminance.

Means, variances and covariance come from windows of 8 × 8 px, half overlapping, as in Wang, Bovik,
Sheikh and Simoncelli (2004) with plain instead of Gaussian windows. 1 is the same picture. From
about 0.98 on, most people see no difference.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any

from PIL import Image, ImageMath

if TYPE_CHECKING:
    from collections.abc import Callable

WINDOW = 8
#: Against divisions by zero, of 255 levels.
C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def ssim(picture: Image.Image, reference: Image.Image) -> float:
    """Both are of the same size, at least 8 px on each side, and opaque."""
    one, other = (image.convert("L").convert("F") for image in (picture, reference))
    found = [_of_windows(one.crop(box), other.crop(box)) for box in _shifted(picture.size)]
    return sum(found) / len(found)


def _shifted(size: tuple[int, int]) -> list[tuple[int, int, int, int]]:
    """Boxes of whole windows, from the edge and from half a window further in."""
    starts = [
        (left, top)
        for left in (0, WINDOW // 2)
        for top in (0, WINDOW // 2)
        if size[0] - left >= WINDOW and size[1] - top >= WINDOW
    ]
    return [
        (left, top, size[0] - (size[0] - left) % WINDOW, size[1] - (size[1] - top) % WINDOW)
        for left, top in starts
    ]


def _of_windows(x: Image.Image, y: Image.Image) -> float:
    mean_x, mean_y = x.reduce(WINDOW), y.reduce(WINDOW)
    xx, yy, xy = (
        _computed(lambda each: each["a"] * each["b"], a=a, b=b).reduce(WINDOW)
        for a, b in ((x, x), (y, y), (x, y))
    )
    values = array("f", _computed(_formula, x=mean_x, y=mean_y, xx=xx, yy=yy, xy=xy).tobytes())
    return sum(values) / len(values)


def _formula(of: Any) -> Any:
    x, y = of["x"], of["y"]
    both = 2 * x * y + C1
    covariance = 2 * (of["xy"] - x * y) + C2
    variances = of["xx"] - x * x + of["yy"] - y * y + C2
    return both * covariance / ((x * x + y * y + C1) * variances)


def _computed(formula: Callable[[Any], Any], **images: Image.Image) -> Image.Image:
    computed: Any = ImageMath.lambda_eval(formula, **images)
    return computed  # type: ignore[no-any-return]
