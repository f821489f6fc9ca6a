"""Tables in Markdown, for the terminal and the documentation."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = (
    "Django",
    "pillow",
    "django-cleanup",
    "easy-thumbnails",
    "django-avatar",
    "django-imagekit",
    "django-pictures",
    "django-stdimage",
    "sorl-thumbnail",
    "pyvips",
    "django-storages",
    "boto3",
    "moto",
)


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of the summary: a measure, and whether it reaches its goal."""

    measure: str
    kit: str
    peer: str
    #: Kit to peer, or peer to kit; ``reach`` shows which.
    ratio: str
    reach: str
    reached: bool

    def cells(self) -> tuple[str, ...]:
        verdict = "yes" if self.reached else "**no**"
        return self.measure, self.kit, self.peer, self.ratio, self.reach, verdict


SUMMARY = ("measure", "kit", "peer", "ratio", "reach", "reached")


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table. All columns but the first are aligned to the right."""
    cells = [list(head), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    rule = ["-" * (widths[0] + 2), *("-" * (width + 1) + ":" for width in widths[1:])]

    def line(row: Sequence[str]) -> str:
        first, *rest = zip(row, widths, strict=True)
        text = [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in rest)]
        return f"| {' | '.join(text)} |"

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
