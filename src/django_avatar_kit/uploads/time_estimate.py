"""The time that an upload takes, estimated from its header: decoded, converted and cut.

It is told in px of a plain JPEG photograph that are decoded at full size, so that it is the same
on any machine: see ``Decoder.work()``. Pillow cannot be interrupted, so what would take too long
is not begun. ``benchmarks/sections/extremes.py`` measures the worst of each format.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from . import geometry, rasters
from .cuts import cuts_of
from .memory_estimate import ALPHA
from .orientation import upright_size

if TYPE_CHECKING:
    from ..names import Box
    from ..specs import Spec
    from .decoders.base import Decoder
    from .geometry import Size

#: For each pixel that is shrunk: to convert it and to average it; and for each one that is left
#: then, to filter it. Measured.
AVERAGE = {"L": 0.6, "RGB": 0.8, "CMYK": 0.8, "LA": 1.2, "RGBA": 1.2}
FILTER = {"L": 1.2, "RGB": 3.6, "CMYK": 3.6, "LA": 4.2, "RGBA": 4.2}
#: To read a colour profile, and to convert a pixel with it. Measured with the largest tables.
PROFILE, PROFILED = 5_000_000, {"CMYK": 18}
PROFILED_OTHERWISE = 8
#: To encode pictures with alpha takes so much longer than without. Noise takes up to twice that,
#: which is not counted: a screen of 4K could not be uploaded then.
ENCODE_ALPHA = 26_000_000


def work(
    source: Decoder, size: Size, *, crop: Box | None, spec: Spec, sharpness: float = 1.0
) -> int:
    """At most, for an upload of this ``size``. ``sharpness``: see ``memory_estimate.needed()``."""
    crop = geometry.clipped(crop, upright_size(size, source.orientation))
    cuts = cuts_of(source, size, crop, spec, sharpness)
    total = source.work(size, cuts.finest)
    for (width, height), scale in cuts.scales:
        kept = width * height
        if not rasters.stays(scale):
            small = geometry.scaled((width, height), scale)
            across, down = map(rasters.reduction, (width, height), small)
            total += kept * (AVERAGE[source.mode] + FILTER[source.mode] / (across * down))
            kept = math.prod(small)
        if source.profile:
            total += PROFILE + PROFILED.get(source.mode, PROFILED_OTHERWISE) * kept
    return math.ceil(total + (ENCODE_ALPHA if source.mode in ALPHA else 0))
