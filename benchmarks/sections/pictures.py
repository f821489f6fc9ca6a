"""The imaging part alone, compared with pyvips, and how much quality its shortcuts cost."""

from __future__ import annotations

import io
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.report import Line, say, table
from benchmarks.sections.base import Effort, Section, photograph
from benchmarks.uploads import imaging
from django_avatar_kit.uploads import imaging as kit_imaging


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
