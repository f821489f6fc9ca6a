"""An upload of 12 megapixels: how much memory it takes."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from benchmarks import corpus
from benchmarks.child import ROOT
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
    estimated, extremes = expected_and_used(folder)
    text = f"{table(head, details)}\n\n{extremes}"
    return Section(title="Memory", lines=[line, *estimated], text=text)


#: Below this, in MiB, the share says more about the allocator than about the upload.
NOISE = 16


def expected_and_used(folder: Path) -> tuple[list[Line], str]:
    """What the kit expects of a header beside what a fresh process used."""
    say("  extremes of each format …")
    rows = []
    for path in corpus.write(folder):
        command = [sys.executable, "-m", "benchmarks.peak", str(path)]
        answer = json.loads(subprocess.check_output(command, cwd=ROOT))
        rows.append((path.stem, answer["peak"] / 2**20, answer["need"] / 2**20))
    shares = [need / peak for _name, peak, need in rows if peak >= NOISE]
    line = Line(
        measure=f"expected to used memory, {len(rows)} extreme uploads",
        kit=f"{min(shares):.2f} to {max(shares):.2f}",
        peer="measured peaks",
        ratio=f"{max(shares):.2f}",
        reach="1 to 1.4",
        reached=min(shares) >= 1 and max(shares) <= 1.4,
    )
    shown = [row for row in rows if row[0].startswith("table")]
    cells = [
        (name, f"{peak:.0f} MiB", f"{need:.0f} MiB", f"{need / peak:.2f}")
        for name, peak, need in shown
    ]
    return [line], table(("8000 × 6400 px", "peak", "expected", "ratio"), cells)
