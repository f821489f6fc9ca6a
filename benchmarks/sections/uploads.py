"""An upload of 12 megapixels: how long it takes."""

from __future__ import annotations

from pathlib import Path

from benchmarks.report import Line, say, table
from benchmarks.sections.base import (
    CUTTERS,
    SHORT,
    TITLES,
    Effort,
    Section,
    ms,
    photograph,
    times,
    workers,
)
from benchmarks.workers.pairs import Samples, ratio, take_turns


def upload(effort: Effort, folder: Path) -> Section:
    """Upload a photograph of 12 megapixels through the form: five sizes, and the saved row."""
    with workers(*CUTTERS) as everybody:
        close = {name: everybody[name] for name in ("kit", "easy", "stdimage")}
        by_kind: dict[str, dict[str, Samples]] = {}
        for kind in effort.kinds:
            say(f"  uploads of {kind} …")
            path = str(photograph(folder, kind))
            by_kind[kind] = take_turns(close, "upload", effort.uploads, path=path)
        last = effort.kinds[-1]
        say("  uploads to all peers …")
        path = str(photograph(folder, last))
        everyone = take_turns(everybody, "upload", max(2, effort.uploads // 2), path=path)
    lines = [
        upload_line(by_kind, "easy", 10),
        upload_line(by_kind, "stdimage", 1.5),
    ]
    kinds = table(
        ("photograph", "kit", "easy-thumbnails", "× kit (CPU)", "django-stdimage", "× kit (CPU)"),
        [
            (
                f"{kind}, {photograph(folder, kind).stat().st_size / 2**20:.1f} MiB",
                ms(found["kit"].wall),
                ms(found["easy"].wall),
                times(found["easy"], found["kit"]),
                ms(found["stdimage"].wall),
                times(found["stdimage"], found["kit"]),
            )
            for kind, found in by_kind.items()
        ],
    )
    peers = table(
        (f"upload ({last})", "wall", "CPU", "× kit (CPU)"),
        [
            (TITLES[name], ms(found.wall), ms(found.cpu), times(found, everyone["kit"]))
            for name, found in everyone.items()
        ],
    )
    return Section(title="Uploads", lines=lines, text=f"{kinds}\n\n{peers}")


def upload_line(by_kind: dict[str, dict[str, Samples]], peer: str, reach: float) -> Line:
    """A line for the photograph on which the kit does worst."""
    ahead = {kind: ratio(found[peer].wall, found["kit"].wall) for kind, found in by_kind.items()}
    worst = min(ahead, key=lambda kind: ahead[kind])
    found = by_kind[worst]
    cpu = ratio(found[peer].cpu, found["kit"].cpu)
    return Line(
        measure=f"upload 12 megapixels, five sizes ({worst})",
        kit=ms(found["kit"].wall),
        peer=f"{ms(found[peer].wall)} {SHORT[peer]}",
        ratio=f"{ahead[worst]:.1f} times as fast (CPU {cpu:.1f})",
        reach=f"≥ {reach:g}",
        reached=ahead[worst] >= reach,
    )
