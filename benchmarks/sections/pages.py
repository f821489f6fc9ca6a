"""A page of 1,000 avatars: loading the rows, and showing them."""

from __future__ import annotations

import statistics
from contextlib import closing
from typing import TYPE_CHECKING, Any

from benchmarks.report import say, table
from benchmarks.results import Line, Section
from benchmarks.sections.base import ROWS, Effort, micro, ms
from benchmarks.titles import PEERS, TITLES
from benchmarks.workers.contest import Contest, contest
from benchmarks.workers.pairs import Samples, ratio
from benchmarks.workers.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.workers.child import Answer


def pages(effort: Effort) -> Section:
    """Load 1,000 rows, and show them.

    The kit, the stock field and easy-thumbnails share a process, with django-cleanup in it. The
    other peers have their own processes and take turns with them.
    """
    shared = ["kit", "stock", "easy"]
    others = [name for name in PEERS if name not in shared]
    with closing(Worker(*shared)) as home, contest(others) as away:
        everybody = Contest({**dict.fromkeys(shared, home), **away.workers})
        say(f"  {ROWS} rows for each …")
        everybody.prepare("fill", rows=ROWS)
        close = everybody.of("kit", "stock")
        say("  loading and showing them …")
        loaded = close.take_turns("load", effort.pages)
        shown = close.take_turns("render", effort.pages)
        fewer = max(3, effort.pages // 4)
        all_loaded = everybody.take_turns("load", fewer)
        all_shown = everybody.take_turns("render", fewer)
        counts = everybody.ask("render_counted")
    examples = "\n".join(counts[name]["example"] for name in ("kit", "stock"))
    text = [
        details(all_loaded, all_shown, counts),
        "A line of the kit's page and one of the hand-written page:",
        f"```html\n{examples}\n```",
    ]
    data = {
        name: {
            "load_us": statistics.median(all_loaded[name].cpu) * 1000 / ROWS,
            "show_us": statistics.median(all_shown[name].cpu) * 1000 / ROWS,
            "show_to_stock_times": ratio(all_shown[name].cpu, all_shown["stock"].cpu),
            "show_to_kit_times": ratio(all_shown[name].cpu, all_shown["kit"].cpu),
            "queries": counts[name]["queries"],
            "storage_calls": counts[name]["storage"],
            "emptied_queries": counts[name]["emptied_queries"],
        }
        for name in counts
    }
    lines = summary(loaded, shown, all_loaded, counts)
    joined = "\n\n".join(text)
    return Section(title="Pages", lines=lines, text=joined, data=data, failed=everybody.failed)


def summary(
    loaded: Mapping[str, Samples],
    shown: Mapping[str, Samples],
    all_loaded: Mapping[str, Samples],
    counts: Mapping[str, Answer],
) -> list[Line]:
    load_ratio = ratio(loaded["kit"].wall, loaded["stock"].wall)
    show_ratio = ratio(shown["kit"].wall, shown["stock"].wall)
    load_cpu = ratio(loaded["kit"].cpu, loaded["stock"].cpu)
    show_cpu = ratio(shown["kit"].cpu, shown["stock"].cpu)
    simply = ""
    if "easy" in all_loaded:
        combined = ratio(all_loaded["easy"].wall, all_loaded["stock"].wall)
        simply = f"; simply combined {combined:.1f}"
    return [
        Line(
            claim="easy-thumbnails",
            measure=f"load {ROWS:,} rows",
            kit=ms(loaded["kit"].wall),
            peer=f"{ms(loaded['stock'].wall)} `ImageField`",
            ratio=f"{load_ratio:.2f} (CPU {load_cpu:.2f}{simply})",
            reach="≤ 1.1",
            reached=load_ratio <= 1.1,
        ),
        Line(
            claim="promise 1",
            measure=f"load and show {ROWS:,}",
            kit=ms(shown["kit"].wall),
            peer=f"{ms(shown['stock'].wall)} hand-written `<img>`",
            ratio=f"{show_ratio:.2f} (CPU {show_cpu:.2f})",
            reach="≤ 0.6",
            reached=show_ratio <= 0.6,
        ),
        *(
            Line(
                claim="promise 1",
                measure=f"{what} for these {ROWS:,}",
                kit=str(counts["kit"][key]),
                peer=f"{counts['stock'][key]} `ImageField`",
                ratio="–",
                reach=str(reach),
                reached=counts["kit"][key] == reach,
            )
            for what, key, reach in (("queries", "queries", 1), ("storage calls", "storage", 0))
        ),
    ]


def details(
    loaded: Mapping[str, Samples], shown: Mapping[str, Samples], counts: Mapping[str, Any]
) -> str:
    head = (
        f"a page of {ROWS:,}, CPU µs a row",
        "load",
        "to stock",
        "load and show",
        "to stock",
        "queries",
        "the same, cache emptied",
        "storage calls",
    )
    rows = [
        (
            TITLES[name],
            micro(loaded[name]),
            f"{ratio(loaded[name].cpu, loaded['stock'].cpu):.2f}",
            micro(shown[name]),
            f"{ratio(shown[name].cpu, shown['stock'].cpu):.2f}",
            counts[name]["queries"],
            counts[name]["emptied_queries"],
            counts[name]["storage"],
        )
        for name in counts
    ]
    return table(head, rows)
