"""What is measured: each function here is a section of the report.

Contenders take turns, in processes that stay; a ratio is the median of the turns' ratios. Memory
is measured in fresh processes.
"""

from __future__ import annotations

import io
import statistics
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import imaging, photos
from benchmarks.pairs import Samples, ratio, take_turns
from benchmarks.report import Line, say, table
from benchmarks.worker import Worker
from django_avatar_kit import imaging as kit_imaging

TITLES = {
    "kit": "django-avatar-kit",
    "stock": "`ImageField`, django-cleanup",
    "easy": "easy-thumbnails, django-cleanup",
    "avatar": "django-avatar",
    "imagekit": "django-imagekit, django-cleanup",
    "pictures": "django-pictures, django-cleanup",
    "sorl": "sorl-thumbnail, django-cleanup",
    "stdimage": "django-stdimage",
}
#: What a line of a table has room for.
SHORT = {name: title.removesuffix(", django-cleanup") for name, title in TITLES.items()}
PEERS = [name for name in TITLES if name not in {"kit", "stock"}]
CUTTERS = ["kit", *PEERS]
ROWS = 1000


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How often is measured."""

    pages: int = 41
    uploads: int = 5
    imaging: int = 9
    processes: int = 3
    kinds: tuple[str, ...] = tuple(photos.KINDS)


QUICK = Effort(pages=7, uploads=2, imaging=3, processes=1, kinds=("skin", "detail"))


@dataclass(frozen=True, kw_only=True)
class Section:
    """What one part of the run found: lines of the summary, and the details."""

    title: str
    lines: list[Line]
    text: str


@contextmanager
def workers(*names: str) -> Iterator[dict[str, Worker]]:
    """A process for each, so that nobody pays for what another has installed."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(closing(Worker(name))) for name in names}


# --- pages -------------------------------------------------------------------------------------


def rows(effort: Effort) -> Section:
    """Load 1,000 rows, and show them.

    The kit, the stock field and easy-thumbnails share a process, with django-cleanup in it; the
    other peers, in processes of their own, take turns with them.
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


# --- uploads -----------------------------------------------------------------------------------


def upload(effort: Effort, folder: Path) -> Section:
    """A 12-megapixel photograph through the form, five sizes made, row saved."""
    with workers(*CUTTERS) as everybody:
        close = {name: everybody[name] for name in ("kit", "easy", "stdimage")}
        by_kind: dict[str, dict[str, Samples]] = {}
        for kind in effort.kinds:
            say(f"  uploads of {kind} …")
            path = str(photograph(folder, kind))
            by_kind[kind] = take_turns(close, "upload", effort.uploads, path=path)
        last = effort.kinds[-1]
        say("  uploads to all peers …")
        path = str(photograph(folder, last))
        everyone = take_turns(everybody, "upload", max(2, effort.uploads // 2), path=path)
    lines = [
        upload_line(by_kind, "easy", 10),
        upload_line(by_kind, "stdimage", 1.5),
    ]
    kinds = table(
        ("photograph", "kit", "easy-thumbnails", "× kit (CPU)", "django-stdimage", "× kit (CPU)"),
        [
            (
                f"{kind}, {photograph(folder, kind).stat().st_size / 2**20:.1f} MiB",
                ms(found["kit"].wall),
                ms(found["easy"].wall),
                times(found["easy"], found["kit"]),
                ms(found["stdimage"].wall),
                times(found["stdimage"], found["kit"]),
            )
            for kind, found in by_kind.items()
        ],
    )
    peers = table(
        (f"upload ({last})", "wall", "CPU", "× kit (CPU)"),
        [
            (TITLES[name], ms(found.wall), ms(found.cpu), times(found, everyone["kit"]))
            for name, found in everyone.items()
        ],
    )
    return Section(title="Uploads", lines=lines, text=f"{kinds}\n\n{peers}")


def upload_line(by_kind: dict[str, dict[str, Samples]], peer: str, reach: float) -> Line:
    """The photograph on which the kit is ahead by least."""
    ahead = {kind: ratio(found[peer].wall, found["kit"].wall) for kind, found in by_kind.items()}
    worst = min(ahead, key=lambda kind: ahead[kind])
    found = by_kind[worst]
    cpu = ratio(found[peer].cpu, found["kit"].cpu)
    return Line(
        measure=f"upload 12 megapixels, five sizes ({worst})",
        kit=ms(found["kit"].wall),
        peer=f"{ms(found[peer].wall)} {SHORT[peer]}",
        ratio=f"{ahead[worst]:.1f} times as fast (CPU {cpu:.1f})",
        reach=f"≥ {reach:g}",
        reached=ahead[worst] >= reach,
    )


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
    return Section(title="Memory", lines=[line], text=table(head, details))


# --- pictures ----------------------------------------------------------------------------------


def squares_only(data: bytes) -> None:
    """The kit without its master, which pyvips is not asked for."""
    picture = kit_imaging.load(
        io.BytesIO(data), filename="photo.jpg", limits=imaging.LIMITS, spec=imaging.SPEC
    )
    kit_imaging.encode_renditions(picture, imaging.SPEC)


def vips_cascade(data: bytes) -> None:
    """pyvips with one decode: each square is cut from the next larger one, as the kit does it."""
    import pyvips

    largest, *smaller = sorted(imaging.SPEC.sizes, reverse=True)
    square: Any = pyvips.Image.thumbnail_buffer(data, largest, height=largest, crop="centre")
    for size in (largest, *smaller):
        # In memory, else the whole chain would be computed again for each size.
        square = (square if size == largest else square.thumbnail_image(size)).copy_memory()
        square.webpsave_buffer(Q=imaging.SPEC.quality["webp"], effort=2, strip=True)


def pictures(effort: Effort, folder: Path) -> Section:
    """The imaging part alone, and what its shortcuts cost in quality."""
    say("  imaging beside pyvips …")
    timings = [timing for timing in imaging.timings(effort.imaging) if timing.kind in effort.kinds]
    worst = max(timings, key=lambda timing: timing.ratio)
    lines = [
        Line(
            measure=f"imaging alone ({worst.kind})",
            kit=f"{worst.kit:.0f} ms",
            peer=f"{worst.vips:.0f} ms pyvips",
            ratio=f"{worst.ratio:.2f}",
            reach="≤ 1",
            reached=worst.ratio <= 1,
        )
    ]
    cascades = []
    for timing in timings:
        data = photograph(folder, timing.kind).read_bytes()
        ours, theirs, share = imaging.median_pairs(
            partial(squares_only, data), partial(vips_cascade, data), effort.imaging
        )
        cascades.append((f"{ours:.0f} ms", f"{theirs:.0f} ms", f"{share:.2f}"))
    times_table = table(
        (
            "imaging alone",
            "kit",
            "pyvips, `thumbnail_buffer`",
            "ratio",
            "kit, no master",
            "pyvips, one decode",
            "ratio",
        ),
        [
            (
                timing.kind,
                f"{timing.kit:.0f} ms",
                f"{timing.vips:.0f} ms",
                f"{timing.ratio:.2f}",
                *cascade,
            )
            for timing, cascade in zip(timings, cascades, strict=True)
        ],
    )
    quality = []
    for kind, floors in imaging.FLOORS.items():
        say(f"  quality of {kind} …")
        figures = imaging.qualities(photograph(folder, kind).read_bytes())
        size = min(figures, key=lambda size: figures[size] - floors[size])
        lines.append(
            Line(
                measure=f"PSNR of {kind}, lowest to its floor ({size} px)",
                kit=f"{figures[size]:.1f} dB",
                peer="full decode, Lanczos",
                ratio="–",
                reach=f"≥ {floors[size]:.0f} dB",
                reached=all(figures[size] >= floors[size] for size in figures),
            )
        )
        cells = (f"{figures[size]:.1f} (≥ {floors[size]:.0f})" for size in imaging.SPEC.sizes)
        quality.append((kind, *cells))
    head = ("PSNR in dB (asked for)", *(f"{size} px" for size in imaging.SPEC.sizes))
    return Section(title="Pictures", lines=lines, text=f"{times_table}\n\n{table(head, quality)}")


# --- queries -----------------------------------------------------------------------------------


def queries(effort: Effort) -> Section:
    """What a replacement and a deletion ask of the database and the storage."""
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


# --- how figures are written -------------------------------------------------------------------


def ms(values: list[float]) -> str:
    return f"{statistics.median(values):.{1 if max(values) < 100 else 0}f} ms"


def micro(samples: Samples) -> str:
    return f"{statistics.median(samples.cpu) * 1000 / ROWS:.1f}"


def times(peer: Samples, kit: Samples) -> str:
    return f"{ratio(peer.wall, kit.wall):.1f} ({ratio(peer.cpu, kit.cpu):.1f})"


def photograph(folder: Path, kind: str) -> Path:
    """12 megapixels, lying on its side with EXIF saying so."""
    path = folder / f"{kind}.jpg"
    if not path.exists():
        path.write_bytes(photos.photo(kind))
    return path
