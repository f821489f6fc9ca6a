"""The imaging part alone, compared with pyvips, and how much quality its shortcuts cost."""

from __future__ import annotations

import io
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from benchmarks.report import say, table
from benchmarks.results import Line, Section
from benchmarks.sections.base import Effort, photograph
from benchmarks.uploads import imaging
from django_avatar_kit.uploads import imaging as kit_imaging

if TYPE_CHECKING:
    from pathlib import Path


def squares_only(data: bytes) -> None:
    """The kit without its master, because pyvips makes none."""
    picture = kit_imaging.load(
        io.BytesIO(data), filename="photo.jpg", limits=imaging.LIMITS, spec=imaging.SPEC
    )
    kit_imaging.encode_renditions(picture, imaging.SPEC)


def vips_cascade(data: bytes) -> None:
    """pyvips with one decode: each square is cut from the next larger one, as in the kit."""
    import pyvips

    largest, *smaller = sorted(imaging.SPEC.sizes, reverse=True)
    square: Any = pyvips.Image.thumbnail_buffer(data, largest, height=largest, crop="centre")
    for size in (largest, *smaller):
        # Kept in memory. Otherwise pyvips would compute the whole chain again for each size.
        square = (square if size == largest else square.thumbnail_image(size)).copy_memory()
        square.webpsave_buffer(Q=imaging.SPEC.quality["webp"], effort=2, strip=True)


def pictures(effort: Effort, folder: Path) -> Section:
    """The imaging part alone, and how much quality its shortcuts cost."""
    say("  imaging beside pyvips …")
    timings = [timing for timing in imaging.timings(effort.imaging) if timing.kind in effort.kinds]
    worst = max(timings, key=lambda timing: timing.ratio)
    line = Line(
        claim="Pillow",
        measure=f"imaging alone ({worst.kind})",
        kit=f"{worst.kit:.0f} ms",
        peer=f"{worst.vips:.0f} ms pyvips",
        ratio=f"{worst.ratio:.2f}",
        reach="≤ 1",
        reached=worst.ratio <= 1,
    )
    say("  imaging with other settings …")
    larger, settings, shares = other_settings(effort, folder)
    lines, quality = qualities(folder)
    text = [beside_vips(timings, effort, folder), settings, quality]
    data = {
        "stored_most_kb": stored(folder) / 1000,
        "kit": {timing.kind: {"ms": timing.kit} for timing in timings},
        "settings": shares,
    }
    joined = "\n\n".join(text)
    return Section(title="Pictures", lines=[line, larger, *lines], text=joined, data=data)


def beside_vips(timings: list[imaging.Timing], effort: Effort, folder: Path) -> str:
    rows = []
    for timing in timings:
        data = photograph(folder, timing.kind).read_bytes()
        ours, theirs, share = imaging.median_pairs(
            partial(squares_only, data), partial(vips_cascade, data), effort.imaging
        )
        rows.append(
            (
                timing.kind,
                f"{timing.kit:.0f} ms",
                f"{timing.vips:.0f} ms",
                f"{timing.ratio:.2f}",
                f"{ours:.0f} ms",
                f"{theirs:.0f} ms",
                f"{share:.2f}",
            )
        )
    head = (
        "imaging alone",
        "kit",
        "pyvips, `thumbnail_buffer`",
        "ratio",
        "kit, no master",
        "pyvips, one decode",
        "ratio",
    )
    return table(head, rows)


def other_settings(effort: Effort, folder: Path) -> tuple[Line, str, dict[str, float]]:
    """What the imaging would take with another ``MASTER_SIDE``."""
    kind = effort.kinds[-1]
    data = photograph(folder, kind).read_bytes()
    larger = replace(imaging.SPEC, master_side=1024)
    usual, slower, _ = imaging.median_pairs(
        partial(imaging.kit, data), partial(imaging.kit, data, larger), effort.imaging
    )
    line = Line(
        claim="settings",
        measure=f"imaging alone, `MASTER_SIDE` of 1000 px ({kind})",
        kit=f"{usual:.0f} ms",
        peer=f"{slower:.0f} ms with 1024 px",
        ratio=f"{usual / slower:.2f}",
        reach="< 1",
        reached=usual < slower,
    )
    rows = [
        (f"{side} px", f"{taken:.0f} ms", f"{taken / usual:.2f}")
        for side, taken in ((1000, usual), (1024, slower))
    ]
    text = table((f"`MASTER_SIDE` ({kind})", "imaging", "× 1000 px"), rows)
    return line, text, {"master_1024_times": slower / usual}


def stored(folder: Path) -> int:
    """Bytes of the master and the squares of an avatar: the most of all photographs."""
    sizes = []
    for kind in imaging.FLOORS:
        data = photograph(folder, kind).read_bytes()
        picture = imaging.picture(data)
        master = kit_imaging.encode_master(picture, imaging.SPEC)
        squares = kit_imaging.encode_renditions(picture, imaging.SPEC)
        sizes.append(len(master.data) + sum(len(square.data) for square in squares))
    return max(sizes)


def qualities(folder: Path) -> tuple[list[Line], str]:
    lines, rows = [], []
    for kind, floors in imaging.FLOORS.items():
        say(f"  quality of {kind} …")
        figures = imaging.qualities(photograph(folder, kind).read_bytes())
        size = min(figures, key=lambda size: figures[size] - floors[size])
        lines.append(
            Line(
                claim="promise 4",
                measure=f"PSNR of {kind}, lowest to its floor ({size} px)",
                kit=f"{figures[size]:.1f} dB",
                peer="full decode, Lanczos",
                ratio="–",
                reach=f"≥ {floors[size]:.0f} dB",
                reached=all(figures[size] >= floors[size] for size in figures),
            )
        )
        cells = (f"{figures[size]:.1f} (≥ {floors[size]:.0f})" for size in imaging.SPEC.sizes)
        rows.append((kind, *cells))
    head = ("PSNR in dB (asked for)", *(f"{size} px" for size in imaging.SPEC.sizes))
    return lines, table(head, rows)
