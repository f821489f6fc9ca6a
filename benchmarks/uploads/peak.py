"""Peak memory of the first upload of a process, and what the kit estimated from its header.

    python -m benchmarks.uploads.peak FILE

prints a line of JSON: ``peak`` above idle and ``need`` in bytes, the ``code`` of an error, and the
``seconds`` of CPU time that the upload took.
"""

from __future__ import annotations

import ctypes
import gc
import json
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.uploads.imaging import LIMITS, SPEC
from django_avatar_kit.exceptions import UploadError
from django_avatar_kit.formats import FORMATS
from django_avatar_kit.specs import Limits
from django_avatar_kit.uploads import imaging, intake, memory_estimate

if TYPE_CHECKING:
    import io

STATUS = Path("/proc/self/status")


def status(key: str) -> int:
    found = re.search(rf"^{key}:\s+(\d+)", STATUS.read_text(), re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def upload(file: io.BufferedIOBase, limits: Limits) -> str:
    """Receive and cut, as ``pipeline`` does. Gives the code of an error, or ""."""
    try:
        picture = imaging.load(file, filename="upload", limits=limits, spec=SPEC)  # type: ignore[arg-type]
    except UploadError as error:
        return error.code
    imaging.encode_renditions(picture, SPEC)
    imaging.encode_master(picture, SPEC)
    imaging.average_color(picture, SPEC)
    return ""


def main(path: Path, budget: int | None) -> None:
    limits = Limits(max_pixels=LIMITS.max_pixels, formats=tuple(FORMATS), max_memory=budget)
    with path.open("rb") as file, intake.opened(file, "upload", limits) as source:
        need = memory_estimate.needed(source, source.size, crop=None, spec=SPEC)
        size = source.size
    del source
    # Freed memory that the process still holds would serve the upload, and not be counted.
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    idle = status("VmRSS")
    start = time.process_time()
    with path.open("rb") as file:
        code = upload(file, limits)
    seconds = time.process_time() - start
    peak = status("VmHWM") - idle
    answer = {"peak": peak, "need": need, "code": code, "size": size, "seconds": seconds}
    print(json.dumps(answer))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else None)
