"""An upload of 12 megapixels: how much memory it takes."""

from __future__ import annotations

import statistics
from contextlib import closing
from pathlib import Path

from benchmarks.report import Line, say, table
from benchmarks.sections.base import CUTTERS, SHORT, TITLES, Effort, Section, photograph
from benchmarks.worker import Worker


def memory(effort: Effort, folder: Path) -> Section:
    """Peak above idle of one such upload, in fresh processes."""
    kind = effort.kinds[-1]
    path = str(photograph(folder, kind))
    above: dict[str, float] = {}
    idle: dict[str, float] = {}
    for name in CUTTERS:
        say(f"  memory of {SHORT[name]} …")
        answers = []
        for _ in range(effort.processes):
            with closing(Worker(name)) as worker:
                answers.append(worker.ask("memory", path=path))
        above[name] = statistics.median(answer["peak"] - answer["idle"] for answer in answers)
        idle[name] = statistics.median(answer["idle"] for answer in answers)
    share = above["kit"] / above["easy"]
    line = Line(
        measure=f"peak memory above idle of that upload ({kind})",
        kit=f"{above['kit']:.0f} MiB",
        peer=f"{above['easy']:.0f} MiB easy-thumbnails",
        ratio=f"{share:.2f}",
        reach="≤ 0.25",
        reached=share <= 0.25,
    )
    details = [
        (
            TITLES[name],
            f"{idle[name]:.0f} MiB",
            f"{above[name]:.0f} MiB",
            f"{above[name] / above['kit']:.1f}",
        )
        for name in CUTTERS
    ]
    head = (f"memory ({kind})", "idle", "peak above idle", "× kit")
    return Section(title="Memory", lines=[line], text=table(head, details))
