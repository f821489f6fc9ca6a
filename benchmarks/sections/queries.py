"""Queries and storage calls of a replacement and a deletion."""

from __future__ import annotations

from benchmarks.report import Line, say, table
from benchmarks.sections.base import CUTTERS, SHORT, TITLES, Effort, Section, workers


def queries(effort: Effort) -> Section:
    """Queries and storage calls of a replacement and a deletion."""
    found = {}
    cleared = {}
    with workers(*CUTTERS) as everybody:
        for name, worker in everybody.items():
            say(f"  queries of {SHORT[name]} …")
            found[name] = worker.ask("replace_and_delete")
        cleared = everybody["kit"].ask("clear")
    easy = found["easy"]
    kit = {**found["kit"], "clear": cleared}
    lines = [
        Line(
            measure=f"queries, {action}",
            kit=str(kit[job]["queries"]),
            peer=peer,
            ratio="–",
            reach="≤ 6",
            reached=kit[job]["queries"] <= 6,
        )
        for action, job, peer in (
            ("avatar replaced", "replace", f"{easy['replace']['queries']} easy-thumbnails"),
            ("row deleted", "delete", f"{easy['delete']['queries']} easy-thumbnails"),
            ("avatar taken out of its row", "clear", "–"),
        )
    ]
    details = [
        (
            TITLES[name],
            *(
                counts.get(key, 0)
                for counts in (answer["replace"], answer["delete"])
                for key in ("queries", "storage", "left")
            ),
        )
        for name, answer in found.items()
    ]
    head = (
        "SQLite, row loaded",
        "replace: queries",
        "storage calls",
        "files left",
        "delete: queries",
        "storage calls",
        "files left",
    )
    return Section(title="Queries", lines=lines, text=table(head, details))
