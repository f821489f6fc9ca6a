"""An upload of 12 megapixels: how much memory it takes."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from contextlib import closing
from operator import itemgetter
from pathlib import Path
from typing import Any

from benchmarks.report import Line, say, table
from benchmarks.sections.base import CUTTERS, SHORT, TITLES, Effort, Section, photograph
from benchmarks.uploads import corpus
from benchmarks.workers.child import ROOT
from benchmarks.workers.worker import Worker
from django_avatar_kit.conf import Config


def memory(effort: Effort, folder: Path) -> Section:
    """Peak memory of one upload of 12 megapixels above idle, in fresh processes."""
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


#: In bytes. Below this, loaded code is a large part of the peak, and differs between processes. So
#: the highest of three peaks counts.
SMALL = 16 * 2**20

#: The default limit in bytes, and the most that an upload may really take under it, in MB.
BUDGET = Config().max_decode_memory
MOST = 300


def _asked(path: Path, *budget: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.uploads.peak", str(path), *map(str, budget)]
    answer: dict[str, Any] = json.loads(subprocess.check_output(command, cwd=ROOT))
    return answer


def expected_and_used(folder: Path) -> tuple[list[Line], str]:
    """What the kit estimates from a header, compared with what a fresh process used."""
    say("  extremes of each format …")
    # Each upload without a limit, and with the default limit if it needs more than that.
    rows = []
    for path in corpus.write(folder):
        alone = _asked(path)
        if alone["peak"] < SMALL:
            again = [_asked(path) for _ in range(2)]
            alone = max(alone, *again, key=itemgetter("peak"))
        limited = _asked(path, BUDGET) if alone["need"] > BUDGET else alone
        rows.append((path.stem, alone, limited))
    everything = [one for _name, *both in rows for one in both]
    shares = [one["need"] / one["peak"] for one in everything if not one["code"]]
    line = Line(
        measure=f"expected to used memory, {len(rows)} extreme uploads",
        kit=f"{min(shares):.2f} to {max(shares):.2f}",
        peer="measured peaks",
        ratio=f"{max(shares):.2f}",
        reach="1 to 1.4",
        reached=min(shares) >= 1 and max(shares) <= 1.4,
    )
    name, _alone, highest = max(rows, key=lambda row: row[2]["peak"])
    most = Line(
        measure=f"largest peak of these with the default limits ({name.partition('-')[2]})",
        kit=f"{highest['peak'] / 1e6:.0f} MB",
        peer=f"{highest['need'] / 1e6:.0f} MB expected",
        ratio=f"{highest['peak'] / highest['need']:.2f}",
        reach=f"≤ {MOST} MB, ≤ expected",
        reached=highest["peak"] <= MOST * 1e6,
    )
    cells = [
        (
            name.removeprefix("table-"),
            f"{alone['peak'] / 2**20:.0f} MiB",
            f"{alone['need'] / 2**20:.0f} MiB",
            f"{alone['need'] / alone['peak']:.2f}",
            f"{'refused' if limited['code'] else 'taken'}, {limited['peak'] / 2**20:.0f} MiB",
        )
        for name, alone, limited in rows
        if name.startswith("table")
    ]
    head = ("8000 × 6400 px", "peak", "expected", "ratio", "with the default limits")
    return [line, most], table(head, cells)
