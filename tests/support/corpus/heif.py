"""HEIF, as phones write it. Where pillow-heif is not installed, its first bytes alone."""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Iterator

from django_avatar_kit.formats import FORMATS
from tests.support.corpus import metadata
from tests.support.corpus.avif import box
from tests.support.corpus.base import EITHER, MARKER, Case, case, cut, marked, picture

#: What becomes of one where the site does not take the format.
REFUSED = "unsupported_format"


def is_installed() -> bool:
    return importlib.util.find_spec("pillow_heif") is not None


def encoded(mode: str = "RGB", size: tuple[int, int] = (64, 64), **options: object) -> bytes:
    import pillow_heif

    out = io.BytesIO()
    pillow_heif.from_pillow(picture(mode, size)).save(out, format="HEIF", **options)
    return out.getvalue()


def cases() -> Iterator[Case]:
    for brand in (b"heic", b"heix", b"mif1", b"msf1", b"hevc"):
        head = box(b"ftyp", brand + bytes(4) + b"mif1heic") + bytes(40)
        yield case(f"the first box of {brand.decode()}", head, REFUSED)
    if not is_installed():
        return
    # Taken where the kit and the site's settings have the format.
    expected = EITHER if "heif" in FORMATS else REFUSED
    for mode in ("L", "RGB", "RGBA"):
        yield case(mode, encoded(mode), expected)
    for size in ((1, 1), (65, 3), (200, 140)):
        yield case(f"{size[0]} × {size[1]} px", encoded(size=size), expected)
    for name, exif in metadata.exif_kinds().items():
        yield marked(name, encoded(exif=b"Exif\0\0" + exif), expected)
    yield marked("XMP", encoded(xmp=metadata.XMP), expected)
    yield marked("a box", encoded() + box(b"free", MARKER), expected)
    yield from cut("RGB", encoded(), 8, expected)
