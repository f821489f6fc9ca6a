"""The formats that renditions can have: bytes, time and quality, with other settings as well."""

from __future__ import annotations

import io
import statistics
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from PIL import Image, ImageDraw

from benchmarks.report import say, table
from benchmarks.results import Section
from benchmarks.uploads import photos
from benchmarks.uploads.similarity import ssim
from django_avatar_kit.formats import default_quality, has_alpha, label_of, rendition_encoders
from tests.support import colours

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.sections.base import Effort

SIZES = (64, 256, 512)
MIDDLE = 256
#: Of the source that all sizes are cut from, in px.
SIDE = 1024
#: One pixel of so many is compared by ΔE2000.
STEP = 7
#: Colours are compared on this.
BACKGROUND = "white"


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What an encoder is told."""

    format: str
    options: Mapping[str, Any] = field(default_factory=dict)
    """In addition to the defaults of the kit, or instead of these."""

    @property
    def label(self) -> str:
        quality = self._all().get("quality", "")
        others = (f"{name} {value}" for name, value in self.options.items() if name != "quality")
        return ", ".join([f"{label_of(self.format)} {quality}".strip(), *others])

    @property
    def key(self) -> str:
        return self.label.lower().translate({ord(","): None, ord(" "): "_", ord(":"): None})

    def encoded(self, image: Image.Image) -> bytes:
        out = io.BytesIO()
        image.save(out, self.format, **self._all())
        return out.getvalue()

    def _all(self) -> dict[str, Any]:
        quality = default_quality().get(self.format)
        usual = {} if quality is None else {"quality": quality}
        return {**usual, **rendition_encoders()[self.format].options, **self.options}


def settings() -> list[Setting]:
    others: dict[str, list[dict[str, Any]]] = {
        "webp": [
            *({"quality": quality} for quality in (70, 90)),
            *({"method": method} for method in (0, 4, 6)),
        ],
        "avif": [
            *({"quality": quality} for quality in (50, 70)),
            *({"speed": speed} for speed in (6, 10)),
            {"subsampling": "4:4:4"},
        ],
        "jpeg": [
            *({"quality": quality} for quality in (70, 90)),
            {"optimize": True},
            {"progressive": True},
            {"subsampling": "4:4:4"},
        ],
        "png": [{"optimize": True}, {"compress_level": 1}],
    }
    return [
        Setting(format=format, options=options)
        for format, more in others.items()
        for options in ({}, *more)
    ]


@dataclass(frozen=True, kw_only=True)
class Result:
    kb: float
    ms: float
    """Of CPU time, the least of all rounds: other programs can only add to it."""
    ssim: float
    delta_e: float


# --- pictures ---------------------------------------------------------------------------------


def graphic(*, transparent: bool) -> Image.Image:
    """A badge, as organisations have: even colours, sharp edges, thin lines."""
    large = Image.new("RGBA", (2 * SIDE, 2 * SIDE), (0, 0, 0, 0) if transparent else "#f4f1de")
    draw = ImageDraw.Draw(large)
    unit = SIDE / 16

    def box(x: float, y: float, across: float, down: float) -> tuple[float, ...]:
        edges = (x - across, y - down, x + across, y + down)
        return tuple((16 + edge) * unit for edge in edges)

    draw.ellipse(box(0, 0, 14, 14), fill="#264653")
    draw.ellipse(box(0, 0, 12.5, 12.5), fill="#e63946", outline="#f1faee", width=int(unit / 2))
    draw.rectangle(box(-3, 1, 1.2, 6.5), fill="#f1faee")
    draw.polygon(
        [(13 * unit, 9 * unit), (23 * unit, 24 * unit), (20 * unit, 24 * unit)], fill="#ffb703"
    )
    for line in range(7):
        y = (11 + 1.6 * line) * unit
        draw.line((18 * unit, y, 25 * unit, y), fill="#1d3557", width=int(unit / 4))
    return large.resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def pictures() -> dict[str, Image.Image]:
    return {
        "photograph": photos.detail((SIDE, SIDE)),
        "portrait": photos.skin((SIDE, SIDE)),
        "graphic": graphic(transparent=False).convert("RGB"),
        "transparent": graphic(transparent=True),
    }


# --- measuring --------------------------------------------------------------------------------


def flat(image: Image.Image) -> Image.Image:
    if image.mode == "RGB":
        return image
    under = Image.new("RGBA", image.size, BACKGROUND)
    return Image.alpha_composite(under, image.convert("RGBA")).convert("RGB")


def source_for(setting: Setting, source: Image.Image) -> Image.Image:
    return source if has_alpha(setting.format) else flat(source)


def measured(setting: Setting, source: Image.Image, rounds: int) -> Result:
    data, taken = setting.encoded(source), []
    for _ in range(rounds):
        start = time.process_time()
        setting.encoded(source)
        taken.append(time.process_time() - start)
    with Image.open(io.BytesIO(data)) as stored:
        shown = flat(stored.convert(source.mode))
    return Result(
        kb=len(data) / 1000,
        ms=1000 * min(taken),
        ssim=ssim(shown, flat(source)),
        delta_e=mean_difference(shown, flat(source)),
    )


def mean_difference(shown: Image.Image, source: Image.Image) -> float:
    """ΔE2000."""
    pixels = [
        colours.ciede2000(*(colours.lab(_shares(image, (x, y))) for image in (shown, source)))
        for y in range(0, source.height, STEP)
        for x in range(0, source.width, STEP)
    ]
    return sum(pixels) / len(pixels)


def _shares(image: Image.Image, place: tuple[int, int]) -> Any:
    return tuple(value / 255 for value in image.getpixel(place))  # type: ignore[union-attr]


Found = dict[str, dict[int, dict[str, Result]]]
"""By picture, size and setting."""


def output_formats(effort: Effort) -> Section:
    found: Found = {}
    for name, picture in pictures().items():
        say(f"  {name} …")
        found[name] = {}
        for size in SIZES:
            source = picture.resize((size, size), Image.Resampling.LANCZOS)
            found[name][size] = {
                setting.key: measured(setting, source_for(setting, source), effort.uploads)
                for setting in settings()
            }
    text = "\n\n".join([of_defaults(found), of_settings(found)])
    return Section(
        title="Formats", lines=[], text=text, data=usual_results(found) | compared(found)
    )


# --- what is reported -------------------------------------------------------------------------


def of_defaults(found: Found) -> str:
    """Each format as the kit writes it, in all sizes."""
    keys = [setting.key for setting in settings() if not setting.options]
    labels = [setting.label for setting in settings() if not setting.options]
    rows = []
    for name, sizes in found.items():
        for size, results in sizes.items():
            usual = [results[key] for key in keys]
            rows.append(
                (
                    f"{name}, {size} px",
                    *(f"{one.kb:.1f}" for one in usual),
                    *(f"{one.ssim:.3f}" for one in usual[:-1]),
                    *(f"{one.ms:.1f}" for one in usual),
                )
            )
    head = (
        "as the kit writes it",
        *(f"{label}: kB" for label in labels),
        *("SSIM" for _ in labels[:-1]),
        *(f"{label.split()[0]}: ms" for label in labels),
    )
    return table(head, rows)


def of_settings(found: Found) -> str:
    """All settings in the middle size."""
    rows = []
    for setting in settings():
        results = [sizes[MIDDLE][setting.key] for sizes in found.values()]
        rows.append(
            (
                setting.label if setting.options else f"**{setting.label}**",
                *(f"{one.kb:.1f}" for one in results),
                f"{min(one.ssim for one in results):.3f}",
                f"{statistics.mean(one.delta_e for one in results):.1f}",
                f"{statistics.mean(one.ms for one in results):.1f}",
            )
        )
    names = (f"{name}: kB" for name in found)
    head = (f"{MIDDLE} px (**as the kit writes it**)", *names, "lowest SSIM", "mean ΔE2000", "ms")
    return table(head, rows)


def usual_results(found: Found) -> dict[str, Any]:
    """Of each format as the kit writes it."""
    keys = {setting.format: setting.key for setting in settings() if not setting.options}
    return {
        name: {
            str(size): {format: asdict(each[key]) for format, key in keys.items()}
            for size, each in sizes.items()
        }
        for name, sizes in found.items()
    }


def compared(found: Found) -> dict[str, Any]:
    """Bytes and time of all opaque pictures in all sizes, by format, to those of WebP."""
    usual = {setting.format: setting.key for setting in settings() if not setting.options}
    opaque = [
        each for name, sizes in found.items() if name != "transparent" for each in sizes.values()
    ]
    kb = {format: sum(each[key].kb for each in opaque) for format, key in usual.items()}
    ms = {format: sum(each[key].ms for each in opaque) for format, key in usual.items()}
    return {
        "to_webp": {
            format: {
                "bytes_percent": 100 * kb[format] / kb["webp"],
                "time_times": ms[format] / ms["webp"],
            }
            for format in usual
        }
    }
