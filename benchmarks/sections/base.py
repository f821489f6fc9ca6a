"""Shared by the sections: the number of rounds, the format of figures, the photographs."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.uploads import photos
from benchmarks.workers.pairs import Samples, ratio

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 1000


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How many rounds each measurement has."""

    pages: int = 41
    uploads: int = 5
    imaging: int = 9
    processes: int = 3
    kinds: tuple[str, ...] = tuple(photos.KINDS)
    s3_pages: int = 15
    s3_uploads: int = 15
    #: Uploads by contenders that take a second or more.
    s3_peers: int = 2
    #: Rows on the page that all contenders show.
    s3_rows: int = 15
    #: Files that are copied one after the other.
    s3_copies: int = 600
    #: First views of a page whose sizes do not exist yet.
    caches: int = 2
    growth: int = 9
    #: Rows in the table.
    growth_rows: tuple[int, ...] = (100, 1_000, 10_000, 100_000)


QUICK = Effort(
    pages=7,
    uploads=2,
    imaging=3,
    processes=1,
    kinds=("skin", "detail"),
    s3_pages=5,
    s3_uploads=5,
    s3_peers=1,
    s3_rows=10,
    s3_copies=60,
    caches=1,
    growth=3,
)


# --- how figures are written -------------------------------------------------------------------


def ms(values: list[float]) -> str:
    return f"{statistics.median(values):.{1 if max(values) < 100 else 0}f} ms"


def micro(samples: Samples, rows: int = ROWS) -> str:
    """CPU time for each row, in µs."""
    return f"{statistics.median(samples.cpu) * 1000 / rows:.1f}"


def times(peer: Samples, kit: Samples) -> str:
    return f"{ratio(peer.wall, kit.wall):.1f} ({ratio(peer.cpu, kit.cpu):.1f})"


# --- what is uploaded --------------------------------------------------------------------------


def photograph(folder: Path, kind: str, size: tuple[int, int] = photos.SIZE) -> Path:
    """The file of a photograph, by default of 12 megapixels, with an EXIF orientation of 6."""
    path = folder / f"{kind}-{size[0]}x{size[1]}.jpg"
    if not path.exists():
        path.write_bytes(photos.photo(kind, size))
    return path
