"""Extreme uploads of each format: those that take the most memory.

``python -m benchmarks.uploads.corpus FOLDER`` writes them. They are the same each time.
"""

from __future__ import annotations

import io
import random
import struct
import sys
import zlib
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from tests.support import images, profiles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Size = tuple[int, int]

#: Size in px of the uploads in the table of the report: 51.2 megapixels.
TABLE = (8000, 6400)
SIZES = ((1, 1), (700, 500), (1999, 1999), (4032, 3024), (6000, 4000))
NARROW = ((16000, 60), (60, 16000), (16000, 1000))


def pixels(size: Size, mode: str = "RGB") -> Image.Image:
    """Grain on soft colours. It compresses like a photograph and is made quickly."""
    rng = random.Random(0)
    small = max(1, min(size[0], 256)), max(1, min(size[1], 256))
    bands = len(Image.new(mode, (1, 1)).getbands())
    tile = Image.frombytes(mode, small, rng.randbytes(small[0] * small[1] * bands))
    return tile.resize(size, Image.Resampling.BILINEAR)


def encoded(format: str, mode: str, size: Size, **options: Any) -> bytes:
    out = io.BytesIO()
    source = "RGB" if mode == "P" else mode
    picture = pixels(size, "L" if mode == "1" else source)
    if mode in {"P", "1"}:
        picture = picture.quantize(64) if mode == "P" else picture.convert("1")
    picture.save(out, format, **options)
    return out.getvalue()


def raw_png(size: Size, depth: int, colour: int, samples: int, chunks: bytes = b"") -> bytes:
    """A PNG of a kind that Pillow does not write. All rows are alike."""
    packer = zlib.compressobj(1)
    row = b"\0" + b"\x12\x34\x56\x78" * ((size[0] * depth * samples // 8 + 4) // 4)
    row = row[: 1 + (size[0] * depth * samples + 7) // 8]
    data = b"".join(packer.compress(row) for _ in range(size[1])) + packer.flush()
    header = struct.pack(">IIBBBBB", *size, depth, colour, 0, 0, 0)
    return (
        images.SIGNATURE
        + images.chunk(b"IHDR", header)
        + chunks
        + images.chunk(b"IDAT", data)
        + images.chunk(b"IEND")
    )


def heif(mode: str, size: Size, *, deep: bool = False, **options: Any) -> bytes:
    """As pillow-heif writes it: fast, and with ``deep`` in 10 bits."""
    import pillow_heif

    out = io.BytesIO()
    picture = pixels(size, mode)
    file = pillow_heif.from_pillow(picture)
    if deep:
        samples = bytearray(2 * size[0] * size[1] * len(mode))
        samples[1::2] = picture.tobytes()
        file = pillow_heif.from_bytes(f"{mode};16", size, bytes(samples))
    file.save(out, quality=50, enc_params={"preset": "ultrafast"}, **options)
    return out.getvalue()


def heifs() -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Where pillow-heif is installed: photos in tiles, as telephones store them, and others."""
    if find_spec("pillow_heif") is None:
        return
    for megapixels, size in {12: (4032, 3024), 24: (5712, 4284), 48: (8064, 6048)}.items():
        yield f"heif-{megapixels}-in-tiles", partial(heif, "RGB", size, tile_size=512)
    photo = (4032, 3024)
    yield "heif-24", partial(heif, "RGB", (6000, 4000))
    yield "heif-444", partial(heif, "RGB", photo, chroma=444)
    yield "heif-grey", partial(heif, "L", photo)
    yield "heif-alpha", partial(heif, "RGBA", photo)
    yield "heif-10-bit", partial(heif, "RGB", photo, deep=True)
    yield "heif-422-10-bit", partial(heif, "RGB", photo, chroma=422, deep=True)
    yield "heif-wide", partial(heif, "RGB", NARROW[2])


def table() -> Iterator[tuple[str, Callable[[], bytes]]]:
    """The uploads of the report's table."""
    yield "jpeg-rgb", partial(encoded, "jpeg", "RGB", TABLE)
    yield "jpeg-cmyk", partial(encoded, "jpeg", "CMYK", TABLE)
    yield (
        "jpeg-progressive-444",
        partial(encoded, "jpeg", "RGB", TABLE, progressive=True, subsampling=0),
    )
    yield "gif", partial(encoded, "gif", "P", TABLE)
    yield "avif", partial(encoded, "avif", "RGB", TABLE, speed=10)
    yield "png-rgba", partial(encoded, "png", "RGBA", TABLE, compress_level=1)
    yield "webp-lossy", partial(encoded, "webp", "RGB", TABLE, method=0)
    yield (
        "webp-lossless",
        partial(encoded, "webp", "RGB", TABLE, method=0, quality=0, lossless=True),
    )


def extremes() -> Iterator[tuple[str, Callable[[], bytes]]]:
    """About a hundred more uploads."""
    kinds: list[tuple[str, str, str, dict[str, Any]]] = [
        ("jpeg", "jpeg", "RGB", {}),
        ("jpeg-grey", "jpeg", "L", {}),
        ("jpeg-cmyk", "jpeg", "CMYK", {}),
        ("jpeg-progressive", "jpeg", "RGB", {"progressive": True}),
        ("jpeg-progressive-444", "jpeg", "RGB", {"progressive": True, "subsampling": 0}),
        ("jpeg-progressive-cmyk", "jpeg", "CMYK", {"progressive": True}),
        ("png", "png", "RGB", {"compress_level": 1}),
        ("png-grey", "png", "L", {"compress_level": 1}),
        ("png-palette", "png", "P", {"compress_level": 1}),
        ("png-alpha", "png", "RGBA", {"compress_level": 1}),
        ("gif", "gif", "P", {}),
        ("webp", "webp", "RGB", {"method": 0}),
        ("webp-alpha", "webp", "RGBA", {"method": 0}),
        ("webp-lossless", "webp", "RGBA", {"method": 0, "quality": 0, "lossless": True}),
        ("avif", "avif", "RGB", {"speed": 10}),
        ("avif-444-alpha", "avif", "RGBA", {"speed": 10, "subsampling": "4:4:4"}),
    ]
    for name, format, mode, options in kinds:
        sizes = SIZES if format != "avif" else SIZES[:4]
        for size in (*sizes, NARROW[0] if "-" in name else NARROW[2]):
            yield f"{name}-{size[0]}x{size[1]}", partial(encoded, format, mode, size, **options)
    screen, inks = profiles.of_screen(), profiles.of_inks()
    for name, format, mode, profile in (
        ("jpeg-profile", "jpeg", "RGB", screen),
        ("jpeg-cmyk-profile", "jpeg", "CMYK", inks),
        ("png-profile", "png", "RGB", screen),
    ):
        yield f"{name}-12", partial(encoded, format, mode, SIZES[3], icc_profile=profile)
    grey = images.chunk(b"tRNS", b"\x12\x34")
    colour = images.chunk(b"tRNS", b"\x12\x34\x56\x78\x12\x34")
    for name, build in {
        "png-16-bit": partial(raw_png, (6000, 4000), 16, 2, 3),
        "png-16-bit-hidden": partial(raw_png, (5000, 4000), 16, 2, 3, colour),
        "png-16-bit-alpha": partial(raw_png, (6000, 4000), 16, 6, 4),
        "png-16-bit-grey": partial(raw_png, (6000, 6000), 16, 0, 1),
        "png-16-bit-grey-hidden": partial(raw_png, (6000, 6000), 16, 0, 1, grey),
        "png-1-bit": partial(raw_png, TABLE, 1, 0, 1),
        "png-one-row": partial(raw_png, (20_000_000, 1), 8, 2, 3),
        "jpeg-progressive-420-50": partial(encoded, "jpeg", "RGB", TABLE, progressive=True),
        "jpeg-48": partial(encoded, "jpeg", "RGB", (8000, 6000)),
    }.items():
        yield name, build
    yield from heifs()


def write(folder: Path) -> list[Path]:
    """Write all of them as files."""
    paths = []
    for group, files in (("table", table()), ("corpus", extremes())):
        for name, build in files:
            path = folder / f"{group}-{name}.{name.partition('-')[0]}"
            if not path.exists():
                path.write_bytes(build())
            paths.append(path)
    return paths


def large_avif(folder: Path) -> Path:
    """Write a large AVIF that the default limits accept."""
    path = folder / "large.avif"
    if not path.exists():
        path.write_bytes(encoded("avif", "RGB", SIZES[-1], speed=10))
    return path


if __name__ == "__main__":
    write(Path(sys.argv[1]))
