"""The imaging part alone: how long it takes, and how much quality its shortcuts cost.

Time: from the bytes of a 12-megapixel, EXIF-rotated JPEG to the encoded master and five encoded
sizes. It is compared with pyvips, which makes the same five sizes (and no master) with
``thumbnail_buffer``, each from the upload. Both run in the same process and take turns.

Quality: each rendition before it is encoded is compared with a full decode that was turned upright
and resized once with Lanczos. PSNR is over the three channels, in dB. From about 45 dB on, no
difference is visible.

    python -m benchmarks.uploads.imaging
"""

from __future__ import annotations

import io
import statistics
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from PIL import Image, ImageOps

from benchmarks.uploads import photos
from django_avatar_kit.uploads import imaging
from tests.support.pictures import LIMITS, SPEC, psnr

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_avatar_kit.names import Box
    from django_avatar_kit.specs import Spec

# Least PSNR for each size, in dB. Decoding at a smaller size loses the finest detail.
SOFT = dict.fromkeys(SPEC.sizes, 48.0)
SHARP = SOFT | {512: 36.0}
FLOORS = {"smooth": SOFT, "skin": SOFT, "noisy": SHARP, "detail": SHARP}


# --- time -------------------------------------------------------------------------------------


def picture(data: bytes, spec: Spec = SPEC) -> imaging.Picture:
    return imaging.load(io.BytesIO(data), filename="photo.jpg", limits=LIMITS, spec=spec)


def kit(data: bytes, spec: Spec = SPEC) -> int:
    """Encode master and renditions. Gives the bytes of the five renditions."""
    loaded = picture(data, spec)
    imaging.encode_master(loaded, spec)
    renditions = imaging.encode_renditions(loaded, spec)
    imaging.average_color(loaded, spec)
    return sum(len(rendition.data) for rendition in renditions)


def vips(data: bytes) -> int:
    import pyvips

    total = 0
    for size in SPEC.sizes:
        square: Any = pyvips.Image.thumbnail_buffer(data, size, height=size, crop="centre")
        total += len(square.webpsave_buffer(Q=SPEC.quality["webp"], effort=2, strip=True))
    return total


@dataclass(frozen=True, kw_only=True)
class Timing:
    kind: str
    upload: int  # bytes
    kit: float  # ms, median
    vips: float
    ratio: float  # median of the pairs' ratios


def median_pairs(
    first: Callable[[], object], second: Callable[[], object], rounds: int
) -> tuple[float, float, float]:
    """Run both in turns. Gives both medians in ms, and the median of the ratios."""
    pairs = []
    for turn in range(rounds + 1):
        taken = []
        for call in (first, second):
            start = time.perf_counter()
            call()
            taken.append((time.perf_counter() - start) * 1000)
        if turn:  # the first turn loads libraries
            pairs.append(taken)
    return (
        statistics.median(pair[0] for pair in pairs),
        statistics.median(pair[1] for pair in pairs),
        statistics.median(pair[0] / pair[1] for pair in pairs),
    )


def timings(rounds: int = 9) -> list[Timing]:
    found = []
    for kind in photos.KINDS:
        data = photos.photo(kind)
        ours, theirs, ratio = median_pairs(partial(kit, data), partial(vips, data), rounds)
        found.append(Timing(kind=kind, upload=len(data), kit=ours, vips=theirs, ratio=ratio))
    return found


# --- quality ----------------------------------------------------------------------------------


def reference_squares(data: bytes, crop: Box | None = None) -> dict[int, Image.Image]:
    """The renditions in best quality: from a full decode, resized once."""
    with Image.open(io.BytesIO(data)) as source:
        upright = ImageOps.exif_transpose(source).convert("RGB")
    width, height = upright.size
    x, y, width, height = crop or (0, 0, width, height)
    side = min(width, height)
    left = x + (width - side) // 2
    top = y + ((height - side) // 2 if crop else 0)
    box = (left, top, left + side, top + side)
    return {
        size: upright.resize((size, size), Image.Resampling.LANCZOS, box=box)
        for size in SPEC.sizes
    }


def qualities(data: bytes, crop: Box | None = None) -> dict[int, float]:
    """PSNR in dB for each size."""
    picture = imaging.load(
        io.BytesIO(data), filename="photo.jpg", limits=LIMITS, spec=SPEC, crop=crop
    )
    references = reference_squares(data, crop)
    return {
        size: psnr(square, references[size]) for size, square in imaging.squares(picture, SPEC)
    }


def main() -> None:
    print("imaging part alone, 12-megapixel EXIF-rotated JPEG → five WebP squares")
    print(f"{'photo':8} {'upload':>10} {'kit (and master)':>17} {'pyvips':>10} {'kit/pyvips':>11}")
    for row in timings():
        print(
            f"{row.kind:8} {row.upload / 2**20:6.1f} MiB {row.kit:14.0f} ms {row.vips:7.0f} ms"
            f" {row.ratio:10.2f}×"
        )
    print()
    print("PSNR against a full-decode Lanczos reference, before encoding, in dB (asked for)")
    print("photo    " + "".join(f"{f'{size} px':>15}" for size in SPEC.sizes))
    for kind, floors in FLOORS.items():
        figures = qualities(photos.photo(kind))
        cells = (f"{figures[size]:.1f} (≥ {floors[size]:.0f})" for size in SPEC.sizes)
        print(f"{kind:8} " + "".join(f"{cell:>15}" for cell in cells))


if __name__ == "__main__":
    main()
