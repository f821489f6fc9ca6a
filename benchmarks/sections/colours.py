"""Uploads in other colour spaces, compared with what floating point makes of the same pixels."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from PIL import Image, ImageChops

from benchmarks.report import say, table
from benchmarks.results import Line, Section
from benchmarks.uploads import photos
from benchmarks.uploads.imaging import picture
from django_avatar_kit.uploads import imaging
from tests.support import colours, profiles
from tests.support.pictures import SPEC

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.sections.base import Effort
    from tests.support.colours import Triple

#: No larger than a master, and as large as the one rendition, so that nothing is resized.
SIZE, SIDE = (800, 600), 600
#: One pixel of so many is compared, across and down: 4,800 of a master.
STEP = 10
#: ΔE2000 that the mean may have.
MOST = 2.0
KINDS = ("skin", "smooth")


@dataclass(frozen=True, kw_only=True)
class Upload:
    """A photograph in another colour space."""

    space: str
    format: str
    profile: bytes
    reference: Callable[[Any], Triple]
    """A colour from 0 to 1 in sRGB."""

    def content(self, photo: Image.Image) -> bytes:
        out = io.BytesIO()
        options: dict[str, Any] = {"quality": 92} if self.format == "jpeg" else {}
        stored = inks_of(photo) if self.space == "CMYK" else photo
        stored.save(out, self.format, icc_profile=self.profile, **options)
        return out.getvalue()


@dataclass(frozen=True, kw_only=True)
class Difference:
    """ΔE2000 of all compared pixels."""

    mean: float
    most: float

    def __str__(self) -> str:
        return f"{self.mean:.2f} ({self.most:.1f})"


def inks_of(photo: Image.Image) -> Image.Image:
    """Half of the grey that three inks would make together is black ink instead."""
    three = [ImageChops.invert(channel) for channel in photo.split()]
    least = ImageChops.darker(ImageChops.darker(three[0], three[1]), three[2])
    black = least.point([value // 2 for value in range(256)])
    return Image.merge("CMYK", [*(ImageChops.subtract(one, black) for one in three), black])


def all_uploads() -> list[Upload]:
    display_p3 = profiles.of_screen()
    adobe = profiles.of_screen(
        profiles.ADOBE_RGB, profiles.gamma(colours.ADOBE_GAMMA), version=profiles.VERSION_2
    )
    screens: list[tuple[str, bytes, Callable[[Any], Triple]]] = [
        ("Display P3", display_p3, colours.from_display_p3),
        ("Adobe RGB", adobe, colours.from_adobe_rgb),
    ]
    inks = partial(profiles.srgb_of_inks, table=profiles.table_of_inks())
    return [
        *(
            Upload(space=space, format=format, profile=profile, reference=reference)
            for space, profile, reference in screens
            for format in ("jpeg", "png")
        ),
        Upload(space="CMYK", format="jpeg", profile=profiles.of_inks(), reference=inks),
    ]


def decoded(content: bytes) -> Image.Image:
    """As the file has its values, in no colour space."""
    image = Image.open(io.BytesIO(content))
    image.load()
    return image


def some_pixels(image: Image.Image, box: tuple[int, int, int, int]) -> list[tuple[float, ...]]:
    """From 0 to 1."""
    left, top, right, bottom = box
    return [
        tuple(value / 255 for value in image.getpixel((x, y)))  # type: ignore[union-attr]
        for y in range(top, bottom, STEP)
        for x in range(left, right, STEP)
    ]


def difference(found: Sequence[Any], expected: Sequence[Triple]) -> Difference:
    pairs = zip(found, expected, strict=True)
    each = [colours.ciede2000(colours.lab(one), colours.lab(other)) for one, other in pairs]
    return Difference(mean=sum(each) / len(each), most=max(each))


def compared(upload: Upload, kind: str) -> dict[str, Difference]:
    """What the kit decodes, and what it stores, against the reference."""
    content = upload.content(photos.KINDS[kind](SIZE))
    spec = replace(SPEC, sizes=(SIDE,), formats=("webp",))
    loaded = picture(content, spec)
    master = decoded(imaging.encode_master(loaded, spec).data)
    (rendition,) = imaging.encode_renditions(loaded, spec)
    raw = decoded(content)
    expected = [upload.reference(pixel) for pixel in some_pixels(raw, (0, 0, *SIZE))]
    left = (SIZE[0] - SIDE) // 2
    inner = [upload.reference(pixel) for pixel in some_pixels(raw, (left, 0, left + SIDE, SIDE))]
    return {
        "picture": difference(some_pixels(loaded.image, (0, 0, *SIZE)), expected),
        "master": difference(some_pixels(master, (0, 0, *SIZE)), expected),
        "rendition": difference(some_pixels(decoded(rendition.data), (0, 0, SIDE, SIDE)), inner),
    }


def colour_spaces(_effort: Effort) -> Section:
    """Display P3, Adobe RGB and CMYK. The same for every effort: nothing is timed."""
    rows, lines = [], []
    data: dict[str, Any] = {}
    for upload in all_uploads():
        say(f"  {upload.space}, {upload.format} …")
        found = {kind: compared(upload, kind) for kind in KINDS}
        rows += [
            (f"{upload.space}, {upload.format.upper()} ({kind})", *map(str, each.values()))
            for kind, each in found.items()
        ]
        worst = max(
            (part for each in found.values() for part in each.values()), key=lambda one: one.mean
        )
        lines.append(
            Line(
                claim="colours",
                measure=f"{upload.space}, {upload.format.upper()}: ΔE2000 of what is stored, mean",
                kit=f"{worst.mean:.2f}",
                peer="floating point",
                ratio="–",
                reach=f"≤ {MOST:.0f}",
                reached=worst.mean <= MOST,
            )
        )
        key = f"{upload.space}_{upload.format}".lower().replace(" ", "_")
        data[key] = {"mean": worst.mean, "max": worst.most}
    data["worst"] = {"mean": max(each["mean"] for each in data.values())}
    head = ("ΔE2000: mean (largest)", "decoded", "master, JPEG 80", "rendition, WebP 80")
    return Section(title="Colours", lines=lines, text=table(head, rows), data=data)
