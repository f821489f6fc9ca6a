"""What the worst animations cost that are kept: processor time and memory.

    python -m benchmarks.uploads.animations

compares the time of an upload that moves with that of decoding a photo of 12 megapixels, in the
same process, and its memory with the estimate, in a fresh process each. The animations are at the
limits of ``uploads/animation.py``: noise and a photo, of few large frames and of many small ones.
"""

from __future__ import annotations

import ctypes
import gc
import io
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image, ImageChops

from benchmarks.report import say, table
from benchmarks.uploads import photos
from benchmarks.uploads.imaging import LIMITS, SPEC
from benchmarks.uploads.peak import status
from benchmarks.workers.child import ROOT
from django_avatar_kit import pipeline
from django_avatar_kit.conf import Config
from django_avatar_kit.uploads import animation, imaging, intake, memory_estimate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MOVING = replace(SPEC, animated=True)
BOUNDED = replace(LIMITS, max_memory=Config().max_decode_memory)
#: Sides in px; as many frames as there may be of each.
SIDES = (1000, 400, 250)
#: Format, mode and options of Pillow's encoder.
KINDS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("gif", "RGB", {}),
    ("png", "RGBA", {"compress_level": 1}),
    ("webp", "RGBA", {"method": 0}),
    ("webp", "RGBA", {"method": 0, "lossless": True}),
)


def frames(mode: str, side: int, count: int, *, noise: bool) -> list[Image.Image]:
    size = (side, side)
    if noise:
        data = random.Random(side).randbytes(side * side * len(mode))
        first = Image.frombytes(mode, size, data)
    else:
        first = photos.skin(size)
        if mode == "RGBA":
            first.putalpha(Image.linear_gradient("L").resize(size))
    return [ImageChops.offset(first, 7 * at, 3 * at) for at in range(count)]


def film(
    format: str, mode: str, side: int, count: int, noise: bool, options: dict[str, Any]
) -> bytes | None:
    """So many frames; None where they are too large to be uploaded, or not kept."""
    first, *others = frames(mode, side, count, noise=noise)
    out = io.BytesIO()
    first.save(out, format, save_all=True, append_images=others, duration=80, **options)
    data = out.getvalue()
    kept = len(data) <= Config().max_upload_size and upload(data).animation is not None
    return data if kept else None


def worst() -> Iterator[tuple[str, bytes]]:
    """Each by what it is, of as many frames as are kept."""
    for format, mode, options in KINDS:
        reader: Any = intake.frames_of(format)
        for noise in (True, False):
            for side in SIDES:
                count = min(200, reader.most_pixels // side**2)
                while (data := film(format, mode, side, count, noise, options)) is None:
                    count = int(0.9 * count)
                title = f"{format}{' lossless' * ('lossless' in options)}, "
                title += f"{'noise' if noise else 'photo'}, {count} × {side} px"
                yield title, data


def upload(data: bytes) -> imaging.Picture:
    """As ``pipeline`` does it."""
    picture = imaging.load(io.BytesIO(data), filename="film", limits=BOUNDED, spec=MOVING)
    pipeline.cut(picture, MOVING)
    return picture


def peak(path: Path) -> dict[str, int]:
    """In this process: bytes above idle, and what was estimated."""
    data = path.read_bytes()
    with intake.opened(io.BytesIO(data), "film", BOUNDED) as source:
        need = memory_estimate.needed(source, source.size, crop=None, spec=MOVING)
        size = source.size
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    idle = status("VmRSS")
    kept = upload(data).animation
    used = status("VmHWM") - idle
    if kept is not None:
        need += animation.needed(size, kept.size, len(kept.frames))
    return {"peak": used, "need": need}


def decode(photo: bytes) -> None:
    Image.open(io.BytesIO(photo)).load()


def seconds(work: Callable[[bytes], object], data: bytes) -> float:
    """The median of five runs. The first, which meets cold memory, comes before them."""
    work(data)
    times = []
    for _ in range(5):
        start = time.process_time()
        work(data)
        times.append(time.process_time() - start)
    return statistics.median(times)


def main() -> None:
    out = io.BytesIO()
    photos.detail().save(out, "JPEG", quality=88)
    photo = out.getvalue()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for title, data in worst():
            ratio = seconds(upload, data) / seconds(decode, photo)
            path = Path(folder, "film")
            path.write_bytes(data)
            command = [sys.executable, "-m", __spec__.name, str(path)]
            used = json.loads(subprocess.check_output(command, cwd=ROOT))
            mib = (f"{used[key] / 2**20:.0f} MiB" for key in ("peak", "need"))
            share = f"{used['need'] / used['peak']:.1f}"
            rows.append((title, f"{ratio:.1f}", *mib, share))
            say(f"  {title} …")
    print(table(("animation", "× one decode", "peak", "expected", "ratio"), rows))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(peak(Path(sys.argv[1]))))
    else:
        main()
