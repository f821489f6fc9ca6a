"""A page of 1,000 avatars: loading the rows, and showing them."""

from __future__ import annotations

from contextlib import closing

from benchmarks.report import Line, say, table
from benchmarks.sections.base import (
    PEERS,
    ROWS,
    SHORT,
    TITLES,
    Effort,
    Section,
    micro,
    ms,
    workers,
)
from benchmarks.workers.pairs import ratio, take_turns
from benchmarks.workers.worker import Worker


def rows(effort: Effort) -> Section:
    """Load 1,000 rows, and show them.

    The kit, the stock field and easy-thumbnails share a process, with django-cleanup in it. The
    other peers have their own processes and take turns with them.
    """
    shared = ["kit", "stock", "easy"]
    others = [name for name in PEERS if name not in shared]
    with closing(Worker(*shared)) as home, workers(*others) as away:
        all_of_them = {**dict.fromkeys(shared, home), **away}
        for name, worker in all_of_them.items():
            say(f"  {ROWS} rows for {SHORT[name]} …")
            worker.ask("fill", name, rows=ROWS)
        close = {name: all_of_them[name] for name in ("kit", "stock")}
        say("  loading and showing them …")
        loaded = take_turns(close, "load", effort.pages)
        shown = take_turns(close, "render", effort.pages)
        fewer = max(3, effort.pages // 4)
        all_loaded = take_turns(all_of_them, "load", fewer)
        all_shown = take_turns(all_of_them, "render", fewer)
        counts = {name: all_of_them[name].ask("render_counted", name) for name in all_of_them}
    load_ratio = ratio(loaded["kit"].wall, loaded["stock"].wall)
    show_ratio = ratio(shown["kit"].wall, shown["stock"].wall)
    load_cpu = ratio(loaded["kit"].cpu, loaded["stock"].cpu)
    show_cpu = ratio(shown["kit"].cpu, shown["stock"].cpu)
    simply = ratio(all_loaded["easy"].wall, all_loaded["stock"].wall)
    queries, calls = counts["kit"]["queries"], counts["kit"]["storage"]
    lines = [
        Line(
            measure=f"load {ROWS:,} rows",
            kit=ms(loaded["kit"].wall),
            peer=f"{ms(loaded['stock'].wall)} `ImageField`",
            ratio=f"{load_ratio:.2f} (CPU {load_cpu:.2f}; simply combined {simply:.1f})",
            reach="≤ 1.1",
            reached=load_ratio <= 1.1,
        ),
        Line(
            measure=f"load and show {ROWS:,}",
            kit=ms(shown["kit"].wall),
            peer=f"{ms(shown['stock'].wall)} hand-written `<img>`",
            ratio=f"{show_ratio:.2f} (CPU {show_cpu:.2f})",
            reach="≤ 0.6",
            reached=show_ratio <= 0.6,
        ),
        Line(
            measure=f"queries for these {ROWS:,}",
            kit=str(queries),
            peer=f"{counts['stock']['queries']} `ImageField`",
            ratio="–",
            reach="1",
            reached=queries == 1,
        ),
        Line(
            measure=f"storage calls for these {ROWS:,}",
            kit=str(calls),
            peer=f"{counts['stock']['storage']} `ImageField`",
            ratio="–",
            reach="0",
            reached=calls == 0,
        ),
    ]
    details = [
        (
            TITLES[name],
            micro(all_loaded[name]),
            f"{ratio(all_loaded[name].cpu, all_loaded['stock'].cpu):.2f}",
            micro(all_shown[name]),
            f"{ratio(all_shown[name].cpu, all_shown['stock'].cpu):.2f}",
            counts[name]["queries"],
            counts[name]["storage"],
        )
        for name in all_of_them
    ]
    head = (
        f"a page of {ROWS:,}, CPU µs a row",
        "load",
        "to stock",
        "load and show",
        "to stock",
        "queries",
        "storage calls",
    )
    examples = "\n".join(counts[name]["example"] for name in close)
    text = [
        table(head, details),
        "A line of the kit's page and one of the hand-written page:",
        f"```html\n{examples}\n```",
    ]
    return Section(title="Pages", lines=lines, text="\n\n".join(text))
