"""Tables in Markdown, the machine, and messages on stderr."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

PACKAGES = (
    "Django",
    "pillow",
    "django-cleanup",
    "easy-thumbnails",
    "django-avatar",
    "django-imagekit",
    "django-pictures",
    "django-stdimage",
    "django-versatileimagefield",
    "sorl-thumbnail",
    "pyvips",
    "django-storages",
    "boto3",
    "moto",
)


def table(head: Sequence[str], rows: Iterable[Sequence[object]], *, texts: int = 1) -> str:
    """A table. The first ``texts`` columns are aligned to the left, the others to the right."""
    cells = [list(head), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]

    def line(row: Sequence[str]) -> str:
        left = [cell.ljust(width) for cell, width in zip(row[:texts], widths, strict=False)]
        right = [
            cell.rjust(width) for cell, width in zip(row[texts:], widths[texts:], strict=True)
        ]
        return f"| {' | '.join([*left, *right])} |"

    rule = ["-" * (width + 2) for width in widths[:texts]]
    rule += ["-" * (width + 1) + ":" for width in widths[texts:]]
    return "\n".join([line(cells[0]), f"|{'|'.join(rule)}|", *map(line, cells[1:])])


def machine() -> str:
    """The versions and the machine that the benchmarks ran on."""
    return ", ".join(
        [
            f"{platform.python_implementation()} {platform.python_version()}",
            *(f"{package} {installed(package)}" for package in PACKAGES),
            f"libvips {vips_version()}",
            f"SQLite {sqlite_version()}",
            f"{platform.system()} {release()} ({platform.machine()})",
            f"{os.cpu_count()} CPUs{processor()}",
        ]
    )


def installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "missing"


def vips_version() -> str:
    import pyvips

    return ".".join(str(pyvips.version(part)) for part in range(3))


def release() -> str:
    """The system's version, without a distributor's additions."""
    return ".".join(platform.release().split(".")[:2])


def sqlite_version() -> str:
    import sqlite3

    return sqlite3.sqlite_version


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    name = next((line.partition(":")[2].strip() for line in lines if "model name" in line), "")
    return f" ({name})" if name else ""


def say(text: str) -> None:
    """Print to stderr, so that stdout holds only the report."""
    print(text, file=sys.stderr, flush=True)
