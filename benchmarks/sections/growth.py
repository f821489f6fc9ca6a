"""What happens to an avatar in a table of 100 to 100,000 rows."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

from benchmarks.report import say, table
from benchmarks.results import Line, Section
from benchmarks.titles import TITLES
from benchmarks.workers.contest import contest
from benchmarks.workers.growthjobs import PAGE

if TYPE_CHECKING:
    from benchmarks.sections.base import Effort

#: The others have no tables of their own, and ask none.
CONTENDERS = ("kit", "stock", "easy", "sorl", "avatar")
JOBS = {"page": f"show {PAGE}", "replace": "replace one", "delete": "delete one"}
#: Avatars that the sweep deletes.
ORPHANS = 20


def growth(effort: Effort) -> Section:
    """Show a page, replace one, delete one, and sweep, while the table grows."""
    data: dict[str, dict[str, dict[str, float]]] = {name: {} for name in CONTENDERS}
    with contest(CONTENDERS) as everybody:
        for rows in effort.growth_rows:
            say(f"  {rows:,} rows for each …")
            everybody.prepare("grow", rows=rows)
            for job in JOBS:
                for name, samples in everybody.take_turns(f"growth_{job}", effort.growth).items():
                    found = data[name].setdefault(str(rows), {})
                    found[f"{job}_ms"] = statistics.median(samples.wall)
            sweeps = everybody.of("kit").take_turns("growth_sweep", 1, orphans=ORPHANS)
            taken = sweeps["kit"].wall[0] / ORPHANS
            data["kit"][str(rows)] |= {"sweep_ms": taken, "sweep_s": taken / 1000}
    return Section(
        title="Growth",
        lines=summary(data["kit"]),
        text=tables(data),
        data=data,
        failed=everybody.failed,
    )


def summary(kit: dict[str, dict[str, float]]) -> list[Line]:
    fewest, most = min(kit, key=int), max(kit, key=int)
    lines = []
    for job, title in JOBS.items():
        before, after = kit[fewest][f"{job}_ms"], kit[most][f"{job}_ms"]
        lines.append(
            Line(
                claim="promise 1" if job == "page" else "promise 3",
                measure=f"{title}, among {int(most):,} rows",
                kit=f"{after:.1f} ms",
                peer=f"{before:.1f} ms among {int(fewest):,}",
                ratio=f"{after / before:.2f}",
                reach="≤ 2",
                reached=after <= 2 * before,
            )
        )
    return lines


def tables(data: dict[str, Any]) -> str:
    text = []
    counts = sorted(data["kit"], key=int)
    for key, title in {**JOBS, "sweep": "sweep, for each avatar that is deleted"}.items():
        rows = [
            (TITLES[name], *(f"{found[count][f'{key}_ms']:.1f}" for count in counts))
            for name, found in data.items()
            if all(f"{key}_ms" in found.get(count, {}) for count in counts)
        ]
        head = (f"{title}: ms among so many rows", *(f"{int(count):,}" for count in counts))
        text.append(table(head, rows))
    return "\n\n".join(text)
