"""An upload of 12 megapixels: how much memory it takes."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks import corpus
from benchmarks.child import ROOT
from benchmarks.report import Line, say, table
from benchmarks.sections.base import CUTTERS, SHORT, TITLES, Effort, Section, photograph
from benchmarks.worker import Worker
from django_avatar_kit.conf import Config


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


#: What a site may take without a setting, and what that may come to in MB.
BUDGET = Config().max_decode_memory
MOST = 300


def _asked(path: Path, *budget: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.peak", str(path), *map(str, budget)]
    answer: dict[str, Any] = json.loads(subprocess.check_output(command, cwd=ROOT))
    return answer


def expected_and_used(folder: Path) -> tuple[list[Line], str]:
    """What the kit expects of a header beside what a fresh process used."""
    say("  extremes of each format …")
    rows = []
    for path in corpus.write(folder):
        alone = _asked(path)
        # Within the budget the same happens as without one.
        refused = alone["need"] > BUDGET
        limited = _asked(path, BUDGET) if refused else alone
        if refused and not limited["code"]:
            raise AssertionError(f"{path.name} was not refused")
        rows.append((path.stem, alone["peak"], alone["need"], limited["peak"], refused))
    shares = [need / peak for _name, peak, need, *_ in rows if peak >= NOISE * 2**20]
    never_below = all(need >= peak for _name, peak, need, *_ in rows)
    line = Line(
        measure=f"expected to used memory, {len(rows)} extreme uploads",
        kit=f"{min(shares):.2f} to {max(shares):.2f}",
        peer="measured peaks",
        ratio=f"{max(shares):.2f}",
        reach="1 to 1.4",
        reached=never_below and max(shares) <= 1.4,
    )
    name, used, expected = max(
        ((name, used, need) for name, _peak, need, used, _refused in rows), key=lambda row: row[1]
    )
    within = all(used <= need for _name, _peak, need, used, _refused in rows)
    most = Line(
        measure=f"largest peak of these with the default limits ({name.partition('-')[2]})",
        kit=f"{used / 1e6:.0f} MB",
        peer=f"{expected / 1e6:.0f} MB expected",
        ratio=f"{used / expected:.2f}",
        reach=f"≤ {MOST} MB, ≤ expected",
        reached=used <= MOST * 1e6 and within,
    )
    cells = [
        (
            name.removeprefix("table-"),
            f"{peak / 2**20:.0f} MiB",
            f"{need / 2**20:.0f} MiB",
            f"{need / peak:.2f}",
            f"refused, {used / 2**20:.0f} MiB" if refused else "accepted",
        )
        for name, peak, need, used, refused in rows
        if name.startswith("table")
    ]
    head = ("8000 × 6400 px", "peak", "expected", "ratio", "with the default limits")
    return [line, most], table(head, cells)
