"""An upload of 12 megapixels: how much memory it takes."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from contextlib import closing
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from benchmarks.report import say, table
from benchmarks.results import Line, Section
from benchmarks.sections.base import Effort, photograph
from benchmarks.titles import CUTTERS, SHORT, TITLES
from benchmarks.uploads import corpus
from benchmarks.workers.child import ROOT
from benchmarks.workers.contest import Contest
from benchmarks.workers.worker import Worker
from django_avatar_kit.conf import Config

if TYPE_CHECKING:
    from pathlib import Path


def memory(effort: Effort, folder: Path) -> Section:
    """Peak memory of one upload of 12 megapixels above idle, in fresh processes."""
    kind = effort.kinds[-1]
    path = str(photograph(folder, kind))
    everybody = Contest({})
    above: dict[str, float] = {}
    idle: dict[str, float] = {}
    for name in CUTTERS:
        say(f"  memory of {SHORT[name]} …")
        with everybody.leaving_out(name):
            answers = [in_a_new_process(name, path) for _ in range(effort.processes)]
            above[name] = statistics.median(answer["peak"] - answer["idle"] for answer in answers)
            idle[name] = statistics.median(answer["idle"] for answer in answers)
    details = [
        (
            TITLES[name],
            f"{idle[name]:.0f} MiB",
            f"{above[name]:.0f} MiB",
            f"{above[name] / above['kit']:.1f}",
        )
        for name in above
    ]
    head = (f"memory ({kind})", "idle", "peak above idle", "× kit")
    estimated, extremes, heif = expected_and_used(folder)
    say("  memory that the C library keeps …")
    kept = _asked("benchmarks.uploads.kept", corpus.large_avif(folder))
    return Section(
        title="Memory",
        lines=[*summary(kind, above), *estimated],
        text=f"{table(head, details)}\n\n{extremes}\n\n{after_uploads(kept)}",
        data={
            "everybody": {
                name: {"peak_mib": above[name], "idle_mib": idle[name]} for name in above
            },
            "kept": {"avif_mb": kept["kept"] / 1e6},
            "heif": heif,
        },
        failed=everybody.failed,
    )


def in_a_new_process(name: str, path: str) -> dict[str, Any]:
    with closing(Worker(name)) as worker:
        return worker.ask("memory", path=path)


def summary(kind: str, above: dict[str, float]) -> list[Line]:
    if "easy" not in above:
        return []
    share = above["kit"] / above["easy"]
    return [
        Line(
            claim="promise 5",
            measure=f"peak memory above idle of that upload ({kind})",
            kit=f"{above['kit']:.0f} MiB",
            peer=f"{above['easy']:.0f} MiB easy-thumbnails",
            ratio=f"{share:.2f}",
            reach="≤ 0.25",
            reached=share <= 0.25,
        )
    ]


def after_uploads(kept: dict[str, Any]) -> str:
    mb = kept["kept"] / 1e6
    return (
        f"After {kept['uploads']} uploads of an AVIF of {kept['megapixels']:.0f} megapixels, one "
        f"after the other, the process held {mb:.0f} MB more than after one tiny upload."
    )


#: In bytes. Below this, loaded code is a large part of the peak, and differs between processes. So
#: the highest of three peaks counts.
SMALL = 16 * 2**20

PEAK = "benchmarks.uploads.peak"
#: The default limit in bytes, and the most that an upload may really take under it, in MB.
BUDGET = Config().max_decode_memory
MOST = 300


def _asked(module: str, path: Path, *budget: int) -> dict[str, Any]:
    command = [sys.executable, "-m", module, str(path), *map(str, budget)]
    answer: dict[str, Any] = json.loads(subprocess.check_output(command, cwd=ROOT))
    return answer


def expected_and_used(folder: Path) -> tuple[list[Line], str, dict[str, float]]:
    """What the kit estimates from a header, compared with what a fresh process used.

    Gives lines of the summary, a table, and figures of HEIF.
    """
    say("  extremes of each format …")
    # Each upload without a limit, and with the default limit if it needs more than that.
    rows = []
    for path in corpus.write(folder):
        alone = _asked(PEAK, path)
        if alone["peak"] < SMALL:
            again = [_asked(PEAK, path) for _ in range(2)]
            alone = max(alone, *again, key=itemgetter("peak"))
        limited = _asked(PEAK, path, BUDGET) if alone["need"] > BUDGET else alone
        rows.append((path.stem, alone, limited))
    everything = [one for _name, *both in rows for one in both]
    taken = [(one["need"], one["peak"]) for one in everything if not one["code"]]
    shares = [need / peak for need, peak in taken if peak >= SMALL]
    spare = [(need - peak) / 1e6 for need, peak in taken if peak < SMALL]
    ratio = Line(
        claim="promise 5",
        measure=f"expected to used memory, {len(shares)} extreme uploads that use over 16 MiB",
        kit=f"{min(shares):.2f} to {max(shares):.2f}",
        peer="measured peaks",
        ratio=f"{max(shares):.2f}",
        reach="1 to 1.4",
        reached=min(shares) >= 1 and max(shares) <= 1.4,
    )
    difference = Line(
        claim="promise 5",
        measure=f"expected less used memory, {len(spare)} others",
        kit=f"{min(spare):.1f} to {max(spare):.1f} MB",
        peer="measured peaks",
        ratio="",
        reach="0 to 8 MB",
        reached=min(spare) >= 0 and max(spare) <= 8,
    )
    name, _alone, highest = max(rows, key=lambda row: row[2]["peak"])
    most = Line(
        claim="promise 5",
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
    return [ratio, difference, most], table(head, cells), figures_of_heif(rows)


def figures_of_heif(rows: list[tuple[str, dict[str, Any], dict[str, Any]]]) -> dict[str, float]:
    """Peaks of some photos, and CPU time beside a JPEG; nothing without pillow-heif."""
    alone = {name: answer for name, answer, _limited in rows}
    if "corpus-heif-12-in-tiles" not in alone:
        return {}
    figures = {
        key: alone[f"corpus-heif-{name}"]["peak"] / 1e6
        for key, name in {
            "tiles_12_mb": "12-in-tiles",
            "tiles_48_mb": "48-in-tiles",
            "whole_24_mb": "24",
        }.items()
    }
    jpeg, heif = alone["corpus-jpeg-4032x3024"], alone["corpus-heif-12-in-tiles"]
    return {**figures, "of_jpeg_times": heif["seconds"] / jpeg["seconds"]}
