"""How much of an upload is decoded: as much as the limits on memory and time allow, or nothing."""

from __future__ import annotations

from bisect import bisect_right
from functools import partial
from typing import TYPE_CHECKING

from ..exceptions import TooMuchMemory, TooMuchTime
from . import geometry
from .memory_estimate import needed
from .orientation import upright_size
from .time_estimate import work

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..names import Box
    from ..specs import Limits, Spec
    from .decoders.base import Decoder
    from .geometry import Size

#: The largest picture that would pass is told to this share of the upload's width and height.
STEPS = 4096


def affordable(
    source: Decoder, crop: Box | None, spec: Spec, filename: str, limits: Limits
) -> tuple[float, float]:
    """The scales to decode at: for the master, and for the renditions.

    Raises ``TooMuchMemory`` or ``TooMuchTime`` where nothing is within the limits.
    """
    checks = [
        (error, partial(cost, source, crop=crop, spec=spec), limit)
        for error, cost, limit in (
            (TooMuchMemory, needed, limits.max_memory),
            (TooMuchTime, work, limits.max_work and limits.max_work * source.patience),
        )
        if limit is not None
    ]
    sharpness = 1.0
    for error, cost, limit in checks:
        coarse = partial(cost, sharpness=0.0)
        if (least := coarse(source.size)) > limit:
            fit = _fit(source.size, coarse, limit)
            raise error(
                filename=filename,
                format=source.label,
                size=source.size,
                fit=fit,
                need=least,
                limit=limit,
            )
        # What somebody chose comes out smaller, rather than not at all.
        while cost(source.size, sharpness=sharpness) > limit:
            sharpness /= 2
    whole = upright_size(source.size, source.orientation)
    master, renditions = geometry.scales(whole, crop, spec)
    return master, max(master, sharpness * renditions)


def _fit(size: Size, cost: Callable[[Size], int], limit: int) -> Size:
    """The largest picture of the same shape that is within the limit."""
    steps = bisect_right(range(1, STEPS), limit, key=lambda steps: cost(_part(size, steps)))
    return _part(size, steps)


def _part(size: Size, steps: int) -> Size:
    return max(1, size[0] * steps // STEPS), max(1, size[1] * steps // STEPS)
