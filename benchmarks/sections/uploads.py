"""An upload of 12 megapixels: how long it takes."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from benchmarks.report import say, table
from benchmarks.results import Line, Section
from benchmarks.sections.base import Effort, ms, photograph, times
from benchmarks.titles import CUTTERS, SHORT, TITLES
from benchmarks.workers.contest import contest
from benchmarks.workers.pairs import Samples, ratio

if TYPE_CHECKING:
    from pathlib import Path

#: The peers that upload every photograph.
CLOSE = ("easy", "stdimage")


def uploads(effort: Effort, folder: Path) -> Section:
    """Upload a photograph of 12 megapixels through the form: five sizes, and the saved row."""
    by_kind: dict[str, dict[str, Samples]] = {}
    with contest(CUTTERS) as everybody:
        for kind in effort.kinds:
            say(f"  uploads of {kind} …")
            path = str(photograph(folder, kind))
            by_kind[kind] = everybody.of("kit", *CLOSE).take_turns(
                "upload", effort.uploads, path=path
            )
        last = effort.kinds[-1]
        say("  uploads to all peers …")
        path = str(photograph(folder, last))
        everyone = everybody.take_turns("upload", max(2, effort.uploads // 2), path=path)
    ahead = {
        peer: {
            kind: ratio(found[peer].wall, found["kit"].wall)
            for kind, found in by_kind.items()
            if peer in found
        }
        for peer in CLOSE
    }
    return Section(
        title="Uploads",
        lines=[
            upload_line(by_kind, peer, reach)
            for peer, reach in (("easy", 10), ("stdimage", 1.5))
            if ahead[peer]
        ],
        text="\n\n".join([table_of_kinds(by_kind, folder), table_of_peers(everyone, last)]),
        data={
            "everybody": {
                name: {
                    "wall_ms": statistics.median(found.wall),
                    "cpu_ms": statistics.median(found.cpu),
                    "to_kit_times": ratio(found.wall, everyone["kit"].wall),
                }
                for name, found in everyone.items()
            },
            "slower_than_kit": {
                peer: {"least_times": min(each.values()), "most_times": max(each.values())}
                for peer, each in ahead.items()
                if each
            },
        },
        failed=everybody.failed,
    )


def table_of_kinds(by_kind: dict[str, dict[str, Samples]], folder: Path) -> str:
    head = ["photograph", "kit"]
    for peer in CLOSE:
        head += [SHORT[peer], "× kit (CPU)"]
    rows = []
    for kind, found in by_kind.items():
        size = photograph(folder, kind).stat().st_size / 2**20
        row = [f"{kind}, {size:.1f} MiB", ms(found["kit"].wall)]
        for peer in CLOSE:
            if peer in found:
                row += [ms(found[peer].wall), times(found[peer], found["kit"])]
            else:
                row += ["failed", "–"]
        rows.append(row)
    return table(head, rows)


def table_of_peers(everyone: dict[str, Samples], kind: str) -> str:
    return table(
        (f"upload ({kind})", "wall", "CPU", "× kit (CPU)"),
        [
            (TITLES[name], ms(found.wall), ms(found.cpu), times(found, everyone["kit"]))
            for name, found in everyone.items()
        ],
    )


def upload_line(by_kind: dict[str, dict[str, Samples]], peer: str, reach: float) -> Line:
    """A line for the photograph on which the kit does worst."""
    ahead = {
        kind: ratio(found[peer].wall, found["kit"].wall)
        for kind, found in by_kind.items()
        if peer in found
    }
    worst = min(ahead, key=lambda kind: ahead[kind])
    found = by_kind[worst]
    cpu = ratio(found[peer].cpu, found["kit"].cpu)
    return Line(
        claim="promise 5",
        measure=f"upload 12 megapixels, five sizes ({worst})",
        kit=ms(found["kit"].wall),
        peer=f"{ms(found[peer].wall)} {SHORT[peer]}",
        ratio=f"{ahead[worst]:.1f} times as fast (CPU {cpu:.1f})",
        reach=f"≥ {reach:g}",
        reached=ahead[worst] >= reach,
    )
