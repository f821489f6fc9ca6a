"""Too much for too little: what takes too much memory is refused from its header."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pytest

from django_avatar_kit import estimate, imaging, intake
from django_avatar_kit.exceptions import TooMuchMemory
from tests import images
from tests.test_intake import LIMITS, SPEC, load

MEGABYTE = 1024 * 1024


@pytest.mark.parametrize("format", ["jpeg", "png", "webp", "gif", "avif"])
def test_m_over_the_budget_it_is_refused_undecoded_with_the_size_that_passes(
    format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake.READERS[format], "decode", None)
    options = {"progressive": True} if format == "jpeg" else {}
    photo = images.quarters().resize((3000, 2000))
    data = images.encoded(photo, format, **options)
    with pytest.raises(TooMuchMemory) as caught:
        load(data, max_memory=10 * MEGABYTE)
    found = caught.value.params
    assert (found["width"], found["height"]) == (3000, 2000)
    assert found["limit"] == 10 * MEGABYTE < found["need"]
    assert found["fit_width"] / found["fit_height"] == pytest.approx(1.5, rel=0.01)
    monkeypatch.undo()
    size = (found["fit_width"], found["fit_height"])
    load(
        images.encoded(photo.resize(size), format, **options),
        max_memory=12 * MEGABYTE,
    )


def need(data: bytes, size: tuple[int, int], *, sparing: bool = False) -> int:
    with intake.opened(io.BytesIO(data), "photo", LIMITS) as source:
        if sparing:
            source.spare()
        return estimate.needed(source, size, crop=None, spec=SPEC)


@pytest.mark.parametrize("subsampling", ["4:2:0", "4:2:2", "4:4:4"])
def test_m_fifty_megapixels_of_a_progressive_jpeg_are_within_the_default(subsampling: str) -> None:
    data = images.jpeg(images.quarters(), progressive=True, subsampling=subsampling)
    needs = [need(data, (8000, 6400), sparing=sparing) for sparing in (False, True)]
    assert min(needs) < 256 * MEGABYTE


def test_m_fifty_megapixels_of_any_other_jpeg_take_next_to_nothing() -> None:
    for mode in ("RGB", "L", "CMYK"):
        assert need(images.jpeg(images.quarters().convert(mode)), (8000, 6400)) < 32 * MEGABYTE


def test_m_a_chosen_part_comes_out_smaller_rather_than_not_at_all() -> None:
    data = images.jpeg(images.photograph("smooth", (3000, 2000)), progressive=True)
    spec = replace(SPEC, sizes=(128, 256, 512))

    def sizes(limits: intake.Limits) -> list[int]:
        crop = (1000, 500, 300, 300)
        picture = imaging.load(
            io.BytesIO(data), filename="photo", limits=limits, spec=spec, crop=crop
        )
        return [size for size, _square in imaging.squares(picture, spec)]

    assert sizes(LIMITS) == [128, 256, 300]
    assert sizes(replace(LIMITS, max_memory=30 * MEGABYTE)) == [128, 150]


@pytest.mark.parametrize(
    ("format", "options", "least"),
    [
        ("png", {}, 4),
        ("gif", {}, 1),
        ("webp", {}, 12),
        ("webp", {"lossless": True}, 12),
        ("avif", {}, 7.5),
        ("avif", {"subsampling": "4:4:4"}, 9),
    ],
)
def test_m_each_format_has_its_price_a_pixel(
    format: str, options: dict[str, Any], least: float
) -> None:
    data = images.encoded(images.quarters(), format, **options)
    assert least <= need(data, (8000, 6400)) / (8000 * 6400) < 1.4 * least + 0.6


def test_m_an_avif_needs_less_the_fewer_samples_it_has() -> None:
    needs = [
        need(images.encoded(images.quarters(), "avif", subsampling=kind), (8000, 6400))
        for kind in ("4:0:0", "4:2:0", "4:2:2", "4:4:4")
    ]
    assert needs == sorted(set(needs))
