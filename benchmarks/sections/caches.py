"""A page at its first view, with an emptied cache, and with warm caches."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from benchmarks.report import say, table
from benchmarks.results import Line, Section
from benchmarks.sections.base import Effort, photograph
from benchmarks.titles import TITLES
from benchmarks.workers.contest import contest
from benchmarks.workers.pairs import Samples, ratio

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.workers.child import Answer

#: Avatars on the page. Django's cache in memory holds all of them.
PAGE = 25
#: In px.
SIZE = (1200, 1600)
VIEWS = ("warm", "emptied", "first")


def caches(effort: Effort, folder: Path) -> Section:
    """The three views by all contenders, which make sizes on demand if they can."""
    path = str(photograph(folder, "skin", SIZE))
    with contest(TITLES, on_demand=True) as everybody:
        say(f"  pages of {PAGE} new avatars …")
        answers = everybody.answers("views", effort.caches, rows=PAGE, path=path)
    data = {name: views(found) for name, found in answers.items()}
    head = (f"a page of {PAGE}, µs an avatar", "warm", "cache emptied", "first view", "sizes made")
    rows = [
        (
            TITLES[name],
            *(f"{one[f'{view}_us']:,.0f}" for view in VIEWS),
            "at the first view" if one["made_files"] else "at the upload",
        )
        for name, one in data.items()
    ]
    return Section(
        title="Warm and cold caches",
        lines=[summary(answers["kit"])],
        text=table(head, rows),
        data=data,
        failed=everybody.failed,
    )


def views(answers: Sequence[Answer]) -> dict[str, float]:
    found: dict[str, float] = {
        f"{view}_us": statistics.median(answer[view]["wall"] for answer in answers) * 1000 / PAGE
        for view in VIEWS
    }
    return {**found, "made_files": answers[-1]["made"]}


def summary(answers: Sequence[Answer]) -> Line:
    """The kit has no cache, so its first view costs what every view costs."""
    by_view = {view: Samples.of(answer[view] for answer in answers) for view in VIEWS}
    share = ratio(by_view["first"].wall, by_view["warm"].wall)
    return Line(
        claim="promise 1",
        measure=f"first view of a page of {PAGE}",
        kit=f"{statistics.median(by_view['first'].wall):.1f} ms",
        peer=f"{statistics.median(by_view['warm'].wall):.1f} ms at later views",
        ratio=f"{share:.2f}",
        reach="≤ 1.5",
        reached=share <= 1.5,
    )
