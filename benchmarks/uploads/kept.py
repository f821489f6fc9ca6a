"""Memory that a process still holds after some uploads.

    python -m benchmarks.uploads.kept FILE

prints a line of JSON: how many ``uploads``, of how many ``megapixels``, and the bytes ``kept``.
"""

from __future__ import annotations

import gc
import io
import json
import sys
from pathlib import Path

from PIL import Image

from benchmarks.uploads.imaging import LIMITS
from benchmarks.uploads.peak import status, upload

UPLOADS = 5


def take(content: bytes) -> None:
    code = upload(io.BytesIO(content), LIMITS)
    assert not code, code
    gc.collect()


def main(path: Path) -> None:
    with Image.open(path) as image:
        megapixels = image.width * image.height / 1e6
        tiny = io.BytesIO()
        image.resize((64, 64)).save(tiny, "avif")
    gc.collect()
    content = path.read_bytes()
    take(tiny.getvalue())
    before = status("VmRSS")
    for _ in range(UPLOADS):
        take(content)
    kept = max(0, status("VmRSS") - before)
    print(json.dumps({"uploads": UPLOADS, "megapixels": megapixels, "kept": kept}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
