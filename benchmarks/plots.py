"""Draws the plots of the documentation from the stored results: ``python -m benchmarks --plot``.

Each plot is an SVG for a light and one for a dark page. The same results always give the same
bytes. Text stays text in the font of the page, so a file is small and can be searched.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.charts import DARK, LIGHT, Data, Theme, bars, caches, growth

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FONT = "system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif"


@dataclass(frozen=True, kw_only=True)
class Plot:
    """A plot, the section whose data it needs, and what it shows, for people who cannot see it."""

    section: str
    alt: str
    draw: Callable[[Theme, Data], Figure]


def of(data: Data, key: str) -> dict[str, float]:
    return {name: data[name][key] for name in data if key in data[name]}


PLOTS: dict[str, Plot] = {
    "pages": Plot(
        section="pages",
        alt="Bars: CPU time to load and show one avatar on a page of 1,000, for each library.",
        draw=lambda theme, data: bars(
            theme,
            "Load and show one avatar",
            "µs of CPU time, on a page of 1,000; less is better",
            of(data, "show_us"),
        ),
    ),
    "uploads": Plot(
        section="uploads",
        alt="Bars: time to upload a photo of 12 megapixels in five sizes, for each library.",
        draw=lambda theme, data: bars(
            theme,
            "Upload a photo of 12 megapixels",
            "ms until all five sizes are stored; less is better",
            of(data["everybody"], "wall_ms"),
        ),
    ),
    "memory": Plot(
        section="memory",
        alt="Bars: peak memory of an upload of 12 megapixels above idle, for each library.",
        draw=lambda theme, data: bars(
            theme,
            "Memory for a photo of 12 megapixels",
            "MiB above idle at the peak; less is better",
            of(data["everybody"], "peak_mib"),
        ),
    ),
    "caches": Plot(
        section="caches",
        alt="Dots: time to show one avatar with warm caches, with an emptied cache, and at the"
        " first view, for each library.",
        draw=caches,
    ),
    "s3": Plot(
        section="s3_uploads",
        alt="Bars: time that an upload to S3 waits for the network, for each library.",
        draw=lambda theme, data: bars(
            theme,
            "Upload to S3, 50 ms for each request",
            "ms of waiting for the network; less is better",
            of(data["everybody"], "upload_wait_ms"),
        ),
    ),
    "growth": Plot(
        section="growth",
        alt="Lines: time to show 100 avatars, to replace one, to delete one, and to sweep, in"
        " tables of 100 to 100,000 rows, for each library.",
        draw=growth,
    ),
}
THEMES: Sequence[Theme] = (LIGHT, DARK)


def file_of(name: str, theme: Theme) -> str:
    return f"benchmark-{name}-{theme.name}.svg"


def draw(sections: Mapping[str, Data], digest: str, folder: Path) -> None:
    """Draw every plot whose data is there. ``digest`` says of which results they are."""
    import matplotlib as mpl
    from matplotlib import pyplot as plt

    mpl.use("svg")
    settings = {"svg.fonttype": "none", "svg.hashsalt": "avatar-kit", "font.family": "DejaVu Sans"}
    folder.mkdir(exist_ok=True)
    with mpl.rc_context(settings):
        for name, plot in PLOTS.items():
            if plot.section not in sections:
                continue
            for theme in THEMES:
                figure = plot.draw(theme, sections[plot.section]["data"])
                text = svg(figure, plot.alt, digest)
                plt.close(figure)
                (folder / file_of(name, theme)).write_text(text, encoding="utf-8")


def svg(figure: Figure, alt: str, digest: str) -> str:
    out = StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Type", "Format"))
    figure.savefig(out, format="svg", transparent=True, metadata=nothing)
    text = out.getvalue()
    text = re.sub(r"'DejaVu Sans'(, [^;\"]*)?", FONT.replace('"', "'"), text)
    text = re.sub(r" *<metadata>.*?</metadata>\n", "", text, flags=re.DOTALL)
    text = re.sub(r"<!DOCTYPE.*?>\n", "", text, flags=re.DOTALL)
    head, body = text.split("<defs>", 1)
    title = f"<!-- drawn from results {digest} -->\n <title>{alt}</title>\n"
    return f"{head}{title} <defs>{body}"
