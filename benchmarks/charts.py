"""The kinds of charts: bars, dots and lines. Each draws one figure in the colours of a theme.

A figure is 480 px wide, so that a phone shows it in nearly its full size.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.titles import SHORT

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Data = Mapping[str, Any]

WIDTH = 5.0  # inches: 360 pt, which are 480 px
TEXT = 12  # pt, which are 16 px
SMALL = 10.5


@dataclass(frozen=True, kw_only=True)
class Theme:
    """Colours on a light or a dark page. The series are those of Okabe and Ito."""

    name: str
    text: str
    muted: str
    grid: str
    bar: str
    kit: str
    series: Mapping[str, str]


LIGHT = Theme(
    name="light",
    text="#1f2328",
    muted="#59636e",
    grid="#d9dee3",
    bar="#a3abb3",
    kit="#0072b2",
    series={
        "kit": "#0072b2",
        "stock": "#59636e",
        "easy": "#b34a00",
        "avatar": "#007a5a",
        "sorl": "#a1447e",
    },
)
DARK = Theme(
    name="dark",
    text="#e6edf3",
    muted="#9da7b1",
    grid="#373e47",
    bar="#6b747d",
    kit="#56b4e9",
    series={
        "kit": "#56b4e9",
        "stock": "#9da7b1",
        "easy": "#f0843c",
        "avatar": "#2fc79b",
        "sorl": "#e39ac6",
    },
)


# --- bars --------------------------------------------------------------------------------------


def bars(theme: Theme, title: str, unit: str, values: Mapping[str, float]) -> Figure:
    """One bar for each contender, the shortest at the top, each with its figure."""
    ordered = sorted(values, key=lambda name: values[name])
    figure, axes = canvas(0.34 * len(ordered) + 0.75)
    colours = [theme.kit if name == "kit" else theme.bar for name in ordered]
    lengths = [values[name] for name in ordered]
    axes.barh(range(len(ordered)), lengths, height=0.66, color=colours)
    for place, name in enumerate(ordered):
        ours = name == "kit"
        colour = theme.kit if ours else theme.text
        weight = "bold" if ours else "normal"
        axes.annotate(
            number(values[name]),
            (values[name], place),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            color=colour,
            weight=weight,
            size=TEXT,
        )
        axes.annotate(
            SHORT[name],
            (0, place),
            xytext=(-6, 0),
            textcoords="offset points",
            va="center",
            ha="right",
            color=colour,
            weight=weight,
            size=TEXT,
        )
    axes.invert_yaxis()
    axes.set_xlim(0, max(lengths) * 1.27)
    axes.axis("off")
    heading(figure, theme, title, unit)
    height = figure.get_figheight()
    figure.subplots_adjust(left=0.385, right=0.99, top=1 - 0.62 / height, bottom=0.03)
    return figure


def number(value: float) -> str:
    """Three digits are enough; more only before the decimal point."""
    if value < 10:
        return f"{value:.1f}"
    return f"{value:,.0f}"


# --- caches ------------------------------------------------------------------------------------

#: The three views, from warm to cold, with the marker that shows each.
VIEWS = {
    "warm_us": ("o", "warm"),
    "emptied_us": ("D", "cache emptied"),
    "first_us": ("s", "first view"),
}


def caches(theme: Theme, data: Data) -> Figure:
    """For each contender, the time of an avatar at three views of a page."""
    ordered = sorted(data, key=lambda name: data[name]["warm_us"])
    figure, axes = canvas(0.42 * len(ordered) + 1.45)
    for place, name in enumerate(ordered):
        colour = theme.kit if name == "kit" else theme.muted
        found = [data[name][key] for key in VIEWS]
        axes.plot([min(found), max(found)], [place, place], color=colour, linewidth=2, zorder=1)
        for key, (marker, _) in VIEWS.items():
            axes.scatter(data[name][key], place, 46, color=colour, marker=marker, zorder=2)
        weight = "bold" if name == "kit" else "normal"
        axes.annotate(
            SHORT[name],
            (0, place),
            xycoords=("axes fraction", "data"),
            xytext=(-8, 0),
            textcoords="offset points",
            va="center",
            ha="right",
            color=theme.kit if name == "kit" else theme.text,
            weight=weight,
            size=TEXT,
        )
    axes.invert_yaxis()
    axes.set_xscale("log")
    powers = decades(data[name][key] for name in data for key in VIEWS)
    axes.set_xlim(powers[0] / 1.1, powers[-1] * 1.1)
    # A last name at the edge would not fit.
    names = [duration(power) for power in powers[:-1]]
    log_axis(axes, theme, "x", dict(zip(powers, [*names, ""], strict=True)))
    axes.tick_params(axis="y", length=0, labelleft=False)
    heading(figure, theme, "One avatar on a page of 25", "wall-clock time; less is better")
    key_of_markers(figure, theme)
    height = figure.get_figheight()
    figure.subplots_adjust(left=0.385, right=0.99, top=1 - 0.95 / height, bottom=0.32 / height)
    return figure


def key_of_markers(figure: Figure, theme: Theme) -> None:
    height = figure.get_figheight()
    axes = figure.add_axes((0.0, 1 - 0.88 / height, 1, 0.2 / height))
    axes.set_xlim(0, 1)
    axes.axis("off")
    for x, (marker, text) in zip((0.02, 0.2, 0.53), VIEWS.values(), strict=True):
        axes.scatter(x, 0, 46, color=theme.muted, marker=marker, clip_on=False)
        axes.annotate(
            text,
            (x, 0),
            xytext=(8, 0),
            textcoords="offset points",
            va="center",
            size=TEXT,
            color=theme.muted,
        )


# --- growth ------------------------------------------------------------------------------------

PANELS = {
    "page_ms": "Show 100 avatars",
    "replace_ms": "Replace one avatar",
    "delete_ms": "Delete one row with its avatar",
    "sweep_ms": "Sweep: for each avatar that it deletes",
}


def growth(theme: Theme, data: Data) -> Figure:
    """Plots, one below the other: a line for each contender over the number of rows."""
    figure, stack = canvas(2.35 * len(PANELS), len(PANELS))
    for axes, (key, title) in zip(stack, PANELS.items(), strict=True):
        ends = {}
        for name, by_rows in data.items():
            rows = sorted(int(count) for count in by_rows if key in by_rows[count])
            if not rows:
                continue
            values = [by_rows[str(count)][key] for count in rows]
            ours = name == "kit"
            axes.plot(
                rows,
                values,
                color=theme.series[name],
                linewidth=3 if ours else 1.8,
                marker="o",
                markersize=5 if ours else 4,
                zorder=3 if ours else 2,
            )
            ends[name] = values[-1]
        axes.set_xscale("log")
        axes.set_yscale("log")
        log_axis(axes, theme, "x", {10**power: f"{10**power:,}" for power in range(2, 6)})
        powers = decades(value for line in axes.lines for value in line.get_ydata())
        axes.set_ylim(powers[0] / 1.1, powers[-1] * 1.1)
        log_axis(axes, theme, "y", {power: duration(power * 1000) for power in powers})
        labels_at_the_end(axes, theme, ends)
        axes.set_title(title, loc="left", size=TEXT, color=theme.text, weight="bold", pad=8)
    stack[-1].set_xlabel("rows in the table", size=SMALL, color=theme.muted)
    figure.subplots_adjust(left=0.135, right=0.7, top=0.97, bottom=0.055, hspace=0.36)
    return figure


def labels_at_the_end(axes: Axes, theme: Theme, ends: Mapping[str, float]) -> None:
    """Name each line where it ends. Labels that would overlap are moved apart."""
    axes.figure.canvas.draw()
    pixels = axes.figure.dpi * SMALL * 1.3 / 72
    last = None
    for name in sorted(ends, key=lambda name: ends[name]):
        _, y = axes.transData.transform((1, ends[name]))
        y = y if last is None else max(y, last + pixels)
        last = y
        _, place = axes.transData.inverted().transform((0, y))
        axes.annotate(
            SHORT[name],
            (1, place),
            xycoords=("axes fraction", "data"),
            xytext=(2, 0),
            textcoords="offset points",
            va="center",
            size=SMALL,
            color=theme.series[name],
            weight="bold" if name == "kit" else "normal",
            annotation_clip=False,
        )


# --- shared ------------------------------------------------------------------------------------


def canvas(height: float, rows: int = 1) -> tuple[Figure, Any]:
    from matplotlib import pyplot as plt

    return plt.subplots(rows, figsize=(WIDTH, height))


def heading(figure: Figure, theme: Theme, title: str, unit: str) -> None:
    height = figure.get_figheight()
    figure.text(
        0.01, 1 - 0.2 / height, title, size=TEXT + 1, weight="bold", color=theme.text, va="center"
    )
    figure.text(0.01, 1 - 0.44 / height, unit, size=SMALL, color=theme.muted, va="center")


def decades(values: Iterable[float]) -> list[float]:
    """The powers of ten from below the least of the values to above the greatest."""
    ordered = sorted(values)
    first, last = math.floor(math.log10(ordered[0])), math.ceil(math.log10(ordered[-1]))
    return [10.0**power for power in range(first, last + 1)]


def duration(microseconds: float) -> str:
    """For people: with the unit that suits it."""
    for unit, size in (("s", 1e6), ("ms", 1e3)):
        if microseconds >= size:
            return f"{microseconds / size:g} {unit}"
    return f"{microseconds:g} µs"


def log_axis(axes: Axes, theme: Theme, which: str, ticks: Mapping[float, str]) -> None:
    """Name only the powers of ten, each with a thin line."""
    from matplotlib.ticker import NullLocator

    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_ticks(list(ticks), list(ticks.values()))
    axis.set_minor_locator(NullLocator())
    axes.tick_params(axis=which, colors=theme.muted, labelsize=SMALL, length=0)
    axes.grid(visible=True, axis=which, color=theme.grid, linewidth=0.8)
    axes.set_axisbelow(True)
    for spine in axes.spines.values():
        spine.set_visible(False)
