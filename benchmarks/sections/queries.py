"""Queries and storage calls of a replacement and a deletion."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.report import table
from benchmarks.results import Line, Section
from benchmarks.titles import CUTTERS, SHORT, TITLES
from benchmarks.workers.contest import contest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.sections.base import Effort
    from benchmarks.workers.child import Answer

#: Columns of the table, and where each is in the answer of a job.
COLUMNS = (
    ("replace: queries", "replace", "queries"),
    ("storage calls", "replace", "storage"),
    ("files left", "replace", "left"),
    ("delete: queries", "delete", "queries"),
    ("storage calls", "delete", "storage"),
    ("files left", "delete", "left"),
)


def queries(effort: Effort) -> Section:
    """Queries and storage calls of a replacement and a deletion."""
    with contest(CUTTERS) as everybody:
        found = everybody.ask("replace_and_delete")
        cleared = everybody.workers["kit"].ask("clear")
    rows = [
        (
            TITLES[name],
            *(answer[job].get(key, 0) for _, job, key in COLUMNS),
            answer["booked"],
        )
        for name, answer in found.items()
    ]
    head = ("SQLite, row loaded", *(column for column, _, _ in COLUMNS), "rows elsewhere")
    return Section(
        title="Queries",
        lines=summary({**found["kit"], "clear": cleared}, found.get("easy")),
        text=table(head, rows),
        data={
            name: {
                "replace_queries": answer["replace"]["queries"],
                "delete_queries": answer["delete"]["queries"],
                "replace_files_left": answer["replace"]["left"],
                "delete_files_left": answer["delete"]["left"],
                "rows_elsewhere": answer["booked"],
            }
            for name, answer in found.items()
        },
        failed=everybody.failed,
    )


def summary(kit: Mapping[str, Answer], easy: Mapping[str, Answer] | None) -> list[Line]:
    lines = []
    for action, job in (
        ("avatar replaced", "replace"),
        ("row deleted", "delete"),
        ("avatar taken out of its row", "clear"),
    ):
        peer = f"{easy[job]['queries']} {SHORT['easy']}" if easy and job in easy else "–"
        lines.append(
            Line(
                claim="promise 3",
                measure=f"queries, {action}",
                kit=str(kit[job]["queries"]),
                peer=peer,
                ratio="–",
                reach="≤ 6",
                reached=kit[job]["queries"] <= 6,
            )
        )
    left = kit["replace"]["left"] + kit["delete"]["left"]
    lines.append(
        Line(
            claim="promise 3",
            measure="files left by a replacement and a deletion",
            kit=str(left),
            peer="–",
            ratio="–",
            reach="0",
            reached=left == 0,
        )
    )
    lines.append(
        Line(
            claim="easy-thumbnails",
            measure="rows in other tables for an avatar in five sizes",
            kit=str(kit["booked"]),
            peer=f"{easy['booked']} {SHORT['easy']}" if easy else "–",
            ratio="–",
            reach="0",
            reached=kit["booked"] == 0,
        )
    )
    return lines
