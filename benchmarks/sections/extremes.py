"""Extreme and hostile uploads, through the form: the most memory and time that one can take."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any

from benchmarks.report import say, table
from benchmarks.results import Line, Section
from benchmarks.sections.base import QUICK, Effort, photograph
from benchmarks.uploads import corpus, hostile, photos
from benchmarks.workers.worker import Worker
from django_avatar_kit.conf import Config

if TYPE_CHECKING:
    from pathlib import Path

#: MB above idle, and full decodes of a JPEG of 12 megapixels.
MOST_MEMORY, MOST_TIMES = 300, 10
#: From here on, five uploads are timed, and the least counts, as what else a machine does adds a
#: tenth to one of them, or a quarter. So it does for the decodes, which also count by their least.
CLOSE, ROUNDS = 7, 5
#: Rows of the table.
SHOWN = 12
#: The formats, and those of no format.
FORMATS = ("jpeg", "png", "webp", "gif", "avif", "text")


def extremes(effort: Effort, folder: Path) -> Section:
    """Each is the first large upload of a fresh process, with the default settings."""
    photo = photograph(folder, list(photos.KINDS)[-1])
    paths = hostile.write(folder)
    paths += corpus.write(folder) if effort is not QUICK else []
    found: dict[str, dict[str, Any]] = {}
    with closing(Worker("kit")) as worker:
        for path in paths:
            if path.stat().st_size > Config.max_upload_size:
                continue
            ask = partial(
                worker.ask,
                "extreme",
                path=str(path),
                photo=str(photo),
                crop=hostile.CROPS.get(path.stem),
            )
            found[path.name] = answer = ask()
            if times(answer) > CLOSE:
                answers = [answer, *(ask() for _ in range(ROUNDS - 1))]
                least = {key: min(one[key] for one in answers) for key in ("ms", "decode_ms")}
                found[path.name] = answer | least | {"mb": max(one["mb"] for one in answers)}
            found[path.name]["times"] = times(found[path.name])
            say("  {code} {times:.1f} {mb:.0f} MB ".format(**found[path.name]) + path.stem)
    return section(found)


def times(answer: dict[str, Any]) -> float:
    """An upload in full decodes."""
    ratio: float = answer["ms"] / answer["decode_ms"]
    return ratio


def section(found: dict[str, dict[str, Any]]) -> Section:
    slowest, largest = (max(found, key=lambda name: found[name][key]) for key in ("times", "mb"))
    taken = sum(not one["code"] for one in found.values())
    most = [
        Line(
            claim="limits",
            measure=f"worst {what} of {len(found)} extreme uploads ({title(name)})",
            kit=value,
            peer=peer,
            ratio=ratio,
            reach=reach,
            reached=reached,
        )
        for what, name, value, peer, ratio, reach, reached in (
            (
                "time",
                slowest,
                f"{found[slowest]['ms']:.0f} ms",
                "a full decode of 12 megapixels of JPEG",
                f"{found[slowest]['times']:.1f}",
                f"≤ {MOST_TIMES}",
                found[slowest]["times"] <= MOST_TIMES,
            ),
            (
                "memory above idle",
                largest,
                f"{found[largest]['mb']:.0f} MB",
                "",
                "",
                f"≤ {MOST_MEMORY} MB",
                found[largest]["mb"] <= MOST_MEMORY,
            ),
        )
    ]
    worst = sorted(found, key=lambda name: found[name]["times"], reverse=True)[:SHOWN]
    worst += [
        name
        for name in sorted(found, key=lambda name: found[name]["mb"], reverse=True)[:SHOWN]
        if name not in worst
    ]
    rows = [
        (title(name), one["code"] or "taken", f"{one['times']:.1f}", f"{one['mb']:.0f} MB")
        for name, one in ((name, found[name]) for name in worst)
    ]
    by_format = {}
    for format in FORMATS:
        those = [one for name, one in found.items() if name.rpartition(".")[2] == format]
        by_format[format] = {
            f"{way}_{key}": max(one[key] for one in those if bool(one["code"]) == refused)
            for way, refused in (("taken", False), ("refused", True))
            for key in ("times", "mb")
            if any(bool(one["code"]) == refused for one in those)
        }
    head = ("upload", "what comes of it", "× full decode", "peak above idle")
    return Section(
        title="Extreme uploads",
        lines=most,
        text=f"{taken} of {len(found)} uploads were taken. These took the most time or memory:\n\n"
        + table(head, rows, texts=2),
        data={
            "worst": {
                "times": found[slowest]["times"],
                "ms": found[slowest]["ms"],
                "mb": found[largest]["mb"],
                "uploads": len(found),
            },
            **by_format,
        },
    )


def title(name: str) -> str:
    return name.partition("-")[2].rpartition(".")[0]
