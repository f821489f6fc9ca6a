"""S3: pages of avatars. A page needs only their URLs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from operator import eq
from statistics import median
from typing import TYPE_CHECKING, Any, TypeAlias

from benchmarks.report import say, table
from benchmarks.results import Line, Section
from benchmarks.s3server import S3Server
from benchmarks.sections.base import ROWS, Effort, micro, ms, times
from benchmarks.titles import CUTTERS, SHORT, TITLES
from benchmarks.workers.contest import contest
from benchmarks.workers.pairs import Samples, ratio, turns
from benchmarks.workers.worker import Worker

if TYPE_CHECKING:
    from benchmarks.workers.child import Answer

URL = "`{{ p.avatar.url }}`"
PLACES = {
    "files": "local files",
    "unsigned": "S3, unsigned",
    "domain": "S3, custom domain",
    "first": "S3, signed, first view",
    "second": "S3, signed, second view",
}


def s3_pages(effort: Effort) -> Section:
    """Long pages by the kit and a stock field, and a short one by all contenders."""
    with closing(S3Server()) as server:
        seen, requests = kits_pages(effort, server)
        rows, text, failed = everybodys_page(effort, server)
    kit, stock = seen
    data = {
        "everybody": rows,
        "kit": {place: {"show_us": median(one.show.wall)} for place, one in kit.items()},
        "stock": {place: {"show_us": median(one.show.wall)} for place, one in stock.items()},
    }
    return Section(
        title="Pages from S3",
        lines=summary(kit, stock, requests),
        text=f"{details(kit, stock)}\n\n{text}",
        data=data,
        failed=failed,
    )


# --- 1,000 avatars, by the kit and by a stock field --------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Views:
    """Times of a page: of loading the rows, of showing them, and of both."""

    load: Samples
    show: Samples
    pages: list[str]

    @classmethod
    def of(cls, answers: Sequence[Answer]) -> Views:
        return cls(
            load=Samples.of(answer["load"] for answer in answers),
            show=Samples.of(answer["show"] for answer in answers),
            pages=[answer["html"] for answer in answers],
        )

    @property
    def both(self) -> Samples:
        return self.load + self.show


#: The views of one contender, by place.
Pages: TypeAlias = Mapping[str, Views]


def kits_pages(effort: Effort, server: S3Server) -> tuple[tuple[Pages, Pages], int]:
    """Show the same rows in four processes that differ only in their default storage.

    The files are really on a local disk. That does not matter, because no page opens them.
    """
    with ExitStack() as stack:
        home = stack.enter_context(closing(Worker("kit", "stock", s3=server.url)))
        for name in ("kit", "stock"):
            say(f"  {ROWS} rows for {SHORT[name]} …")
            home.ask("fill", name, rows=ROWS)
        places = {"files": home}
        for storage in ("unsigned", "domain", "signed"):
            guest = Worker("kit", "stock", storage=storage, s3=server.url, beside=home)
            places[storage] = stack.enter_context(closing(guest))
        signed = places["signed"]
        say("  showing them from S3 …")
        seen = turns(
            {
                (storage, name): partial(worker.ask, "s3_view", name)
                for storage, worker in places.items()
                if worker is not signed
                for name in ("kit", "stock")
            },
            effort.s3_pages,
        )
        server.requests()
        places["unsigned"].ask("s3_view", "kit")
        requests = server.requests().total()
        say("  showing them signed …")
        twice = turns(
            {
                "kit": partial(signed.ask, "s3_views", "kit"),
                "stock": partial(signed.ask, "s3_view", "stock"),
            },
            effort.s3_pages,
        )
    kit = {place: Views.of(seen[place, "kit"]) for place in ("files", "unsigned", "domain")}
    stock = {place: Views.of(seen[place, "stock"]) for place in kit}
    for view in ("first", "second"):
        kit[view] = Views.of([answer[view] for answer in twice["kit"]])
        stock[view] = Views.of(twice["stock"])
    return (kit, stock), requests


def summary(kit: Pages, stock: Pages, requests: int) -> list[Line]:
    same = sum(map(eq, kit["first"].pages, kit["second"].pages))
    return [
        Line(
            claim="promise 1",
            measure=f"show {ROWS:,} from S3: requests",
            kit=str(requests),
            peer="–",
            ratio="–",
            reach="0",
            reached=requests == 0,
        ),
        share("unsigned", kit["unsigned"], kit["files"], "from local files", 1.2),
        ahead("unsigned", kit["unsigned"], stock["unsigned"], 10),
        share("custom domain", kit["domain"], kit["files"], "from local files", 1.2),
        share("signed, first view", kit["first"], stock["first"], URL, 1),
        ahead("signed, second view", kit["second"], stock["second"], 10),
        Line(
            claim="S3",
            measure=f"show {ROWS:,} from S3, signed: second views with the same URLs",
            kit=f"{same} of {len(kit['second'].pages)}",
            peer="–",
            ratio="–",
            reach="all",
            reached=same == len(kit["second"].pages),
        ),
    ]


def details(kit: Pages, stock: Pages) -> str:
    head = (f"show {ROWS:,}", "kit", "to local files", URL, "× kit (CPU)", "with loading the rows")
    rows = [
        (
            title,
            ms(kit[place].show.wall),
            f"{ratio(kit[place].show.wall, kit['files'].show.wall):.2f}",
            ms(stock[place].show.wall),
            times(stock[place].show, kit[place].show),
            times(stock[place].both, kit[place].both),
        )
        for place, title in PLACES.items()
    ]
    return table(head, rows)


def share(how: str, kit: Views, other: Views, title: str, reach: float) -> Line:
    """A line for a ratio that must not be larger than ``reach``."""
    found = ratio(kit.show.wall, other.show.wall)
    return Line(
        claim="S3",
        measure=f"show {ROWS:,} from S3, {how}",
        kit=ms(kit.show.wall),
        peer=f"{ms(other.show.wall)} {title}",
        ratio=f"{found:.2f} (CPU {ratio(kit.show.cpu, other.show.cpu):.2f})",
        reach=f"≤ {reach:g}",
        reached=found <= reach,
    )


def ahead(how: str, kit: Views, other: Views, reach: float) -> Line:
    """A line for a speed-up over the stock field's URL that must reach ``reach``."""
    found = ratio(other.show.wall, kit.show.wall)
    return Line(
        claim="S3",
        measure=f"show {ROWS:,} from S3, {how}",
        kit=ms(kit.show.wall),
        peer=f"{ms(other.show.wall)} {URL}",
        ratio=f"{found:.1f} times as fast (CPU {ratio(other.show.cpu, kit.show.cpu):.1f})",
        reach=f"≥ {reach:g}",
        reached=found >= reach,
    )


# --- all contenders ----------------------------------------------------------------------------


def everybodys_page(
    effort: Effort, server: S3Server
) -> tuple[dict[str, Any], str, dict[str, str]]:
    """A shorter page by all contenders, whose files are really in the bucket.

    Gives the numbers, a table of them, and who has failed.
    """
    rows = effort.s3_rows
    with contest(["stock", *CUTTERS], storage="unsigned", s3=server.url) as everybody:
        server.empty()
        say(f"  {rows} rows on S3 for each …")
        everybody.prepare("fill", rows=rows)
        shown = everybody.take_turns("render", effort.s3_pages)
        server.requests()
        counted = everybody.each(
            lambda name, worker: (worker.ask("render_counted"), server.requests().total())
        )
    found = {
        name: {
            "show_us": median(shown[name].cpu) * 1000 / rows,
            "queries": counts["queries"],
            "requests": requests,
        }
        for name, (counts, requests) in counted.items()
    }
    head = (
        f"a page of {rows} from S3, unsigned, CPU µs a row",
        "load and show",
        "to stock",
        "queries",
        "requests",
    )
    cells = [
        (
            TITLES[name],
            micro(shown[name], rows),
            f"{ratio(shown[name].cpu, shown['stock'].cpu):.2f}",
            one["queries"],
            one["requests"],
        )
        for name, one in found.items()
    ]
    return found, table(head, cells), everybody.failed
