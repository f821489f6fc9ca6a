"""Too much for too little: what takes too much memory is refused from its header."""

from __future__ import annotations

import io
from typing import Any

import pytest

from django_avatar_kit import imaging, intake
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
    data = images.encoded(images.photograph("smooth", (3000, 2000)), format, **options)
    with pytest.raises(TooMuchMemory) as caught:
        load(data, max_memory=10 * MEGABYTE)
    found = caught.value.params
    assert (found["width"], found["height"]) == (3000, 2000)
    assert found["limit"] == 10 * MEGABYTE < found["need"]
    assert found["fit_width"] / found["fit_height"] == pytest.approx(1.5, rel=0.01)
    monkeypatch.undo()
    size = (found["fit_width"], found["fit_height"])
    load(
        images.encoded(images.photograph("smooth", size), format, **options),
        max_memory=12 * MEGABYTE,
    )


def need(data: bytes, size: tuple[int, int]) -> int:
    with intake.opened(io.BytesIO(data), "photo", LIMITS) as source:
        return imaging.needed_memory(source, size, crop=None, spec=SPEC)


def test_m_fifty_megapixels_of_a_progressive_jpeg_are_within_the_default() -> None:
    data = images.encoded(images.quarters(), "jpeg", progressive=True)
    assert need(data, (8000, 6400)) < 256 * MEGABYTE
    data = images.encoded(images.quarters(), "jpeg")
    assert need(data, (8000, 6400)) < 16 * MEGABYTE


@pytest.mark.parametrize(
    ("format", "options", "least"),
    [
        ("png", {}, 4),
        ("gif", {}, 1),
        ("webp", {}, 12),
        ("webp", {"lossless": True}, 14),
        ("avif", {}, 7.5),
        ("avif", {"subsampling": "4:4:4"}, 9),
    ],
)
def test_m_each_format_has_its_price_a_pixel(
    format: str, options: dict[str, Any], least: float
) -> None:
    data = images.encoded(images.quarters(), format, **options)
    assert least <= need(data, (8000, 6400)) / (8000 * 6400) < 1.4 * least + 0.6
