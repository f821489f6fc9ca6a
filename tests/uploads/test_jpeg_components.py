"""A JPEG that is too large for all of it at once is decoded one component after the other."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageFile, ImageStat

from django_avatar_kit.exceptions import TooMuchMemory, TruncatedImage
from django_avatar_kit.uploads.decoders.jpeg import Jpeg
from django_avatar_kit.uploads.decoders.jpeg_components import can_be_split
from tests.support import images
from tests.uploads.test_intake import load

MEGABYTE = 1024 * 1024
ADOBE = b"\xff\xee\0\x0eAdobe"
JFIF = b"\xff\xe0\0\x10JFIF"
# What Pillow writes in one scan of all components, of which each is a whole.
FIRST_SCAN = b"\xff\xda\0\x0c\x03"


def progressive(
    mode: str = "RGB", size: tuple[int, int] = (90, 70), kind: str = "detail", **options: Any
) -> bytes:
    picture = images.photograph(kind, size).convert(mode)
    if mode == "RGB":
        options.setdefault("subsampling", 0)
    return images.jpeg(picture, progressive=True, **options)


def in_separate_scans() -> bytes:
    """Baseline, and each component comes on its own. Of three grey ones that share tables."""
    grey = [images.jpeg(plane) for plane in images.photograph("detail", (90, 70)).split()]
    frame, scan = grey[0].index(b"\xff\xc0"), grey[0].index(b"\xff\xda")
    components = b"\x01\x11\0\x02\x11\0\x03\x11\0"
    data = (
        grey[0][:frame] + b"\xff\xc0\0\x11" + grey[0][frame + 4 : frame + 9] + b"\x03" + components
    )
    data += grey[0][frame + 13 : scan]
    for number, one in enumerate(grey, 1):
        data += b"\xff\xda\0\x08\x01" + bytes([number]) + one[scan + 6 : -2]
    return data + b"\xff\xd9"


def without(marker: bytes, data: bytes) -> bytes:
    at = data.index(marker)
    return data[:at] + data[at + 2 + int.from_bytes(data[at + 2 : at + 4], "big") :]


def transformed(data: bytes, transform: int) -> bytes:
    """Its colours are said to be coded in this way; what they look like then does not matter."""
    at = data.index(ADOBE) + 15
    return data[:at] + bytes([transform]) + data[at + 1 :]


def is_taken_apart(data: bytes) -> bool:
    reader = Jpeg(io.BytesIO(data))
    return can_be_split(data, reader.size, reader._components)


def shown(data: bytes, scale: float, *, sparing: bool) -> Image.Image:
    reader = Jpeg(io.BytesIO(data))
    if sparing:
        reader.save_memory()
    raster = reader.decode(scale)
    return raster.part((0, 0, *raster.size))


def looks_the_same(data: bytes, scale: float = 1.0) -> bool:
    at_once, one_by_one = (shown(data, scale, sparing=sparing) for sparing in (False, True))
    assert at_once.mode == one_by_one.mode
    # Both round once more, and not at the same place.
    difference = ImageChops.difference(at_once, one_by_one)
    return all(most <= 1 for _least, most in ImageStat.Stat(difference).extrema)


@pytest.mark.parametrize("mode", ["RGB", "CMYK"])
@pytest.mark.parametrize("restarts", [0, 1, 7])
@pytest.mark.parametrize("size", [(8, 8), (90, 70), (331, 203)])
@pytest.mark.parametrize("end", [b"\xff\xd9", b"", b"\xff\xd9 and a second picture \xff\xda"])
def test_one_component_after_the_other_shows_the_same(
    mode: str, restarts: int, size: tuple[int, int], end: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ImageFile, "MAXBLOCK", MEGABYTE)
    data = progressive(mode, size, restart_marker_blocks=restarts)
    data = data.removesuffix(b"\xff\xd9") + end
    assert is_taken_apart(data)
    assert all(looks_the_same(data, scale) for scale in (1, 0.3, 0.12))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(progressive(keep_rgb=True), id="RGB by Adobe"),
        pytest.param(without(ADOBE, progressive(keep_rgb=True)), id="RGB by name"),
        pytest.param(without(JFIF, progressive()), id="YCbCr by number"),
        pytest.param(transformed(progressive("CMYK"), 0), id="CMYK by Adobe"),
        pytest.param(transformed(progressive("CMYK"), 2), id="YCCK by Adobe"),
        pytest.param(without(ADOBE, progressive("CMYK")), id="CMYK by number"),
        pytest.param(in_separate_scans(), id="baseline"),
        pytest.param(
            progressive().replace(FIRST_SCAN, b"\xff\x01\xff\xfe\0\2" + FIRST_SCAN),
            id="with markers of no use",
        ),
    ],
)
def test_its_colours_are_told_as_by_libjpeg(data: bytes) -> None:
    assert is_taken_apart(data)
    assert looks_the_same(data)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(progressive(subsampling=2), id="subsampled"),
        pytest.param(progressive("L"), id="one component"),
        pytest.param(images.jpeg(images.quarters(), subsampling=0), id="one scan"),
        # As if scans of several components had all coefficients.
        pytest.param(progressive().replace(b"\xff\xc2", b"\xff\xc1"), id="not progressive"),
        pytest.param(progressive().replace(b"\xff\xc2", b"\xff\xca"), id="arithmetic codes"),
        pytest.param(
            progressive(size=(1600, 1000), restart_marker_blocks=1), id="endless restarts"
        ),
        pytest.param(
            progressive().replace(FIRST_SCAN, (FIRST_SCAN + b"\1\0\2\x11\3\x11\0\0\x01") * 4),
            id="the first coefficients over and over",
        ),
    ],
)
def test_what_cannot_be_taken_apart_is_decoded_at_once(data: bytes) -> None:
    assert not is_taken_apart(data)


PHOTO = progressive(size=(3000, 2000), kind="smooth")
# Between what all its components take and what one takes.
BUDGET = 34 * MEGABYTE


def test_a_budget_too_small_for_all_components_is_enough_for_one() -> None:
    assert load(PHOTO, max_memory=BUDGET).image.size == load(PHOTO).image.size
    with pytest.raises(TooMuchMemory):
        load(PHOTO, max_memory=BUDGET // 2)


def test_cut_short_it_is_refused_one_component_after_the_other_too() -> None:
    assert load(PHOTO[:-2], max_memory=BUDGET)
    for share in (0.02, 0.1, 0.3, 0.5, 0.8, 0.95):
        with pytest.raises(TruncatedImage):
            load(PHOTO[: int(len(PHOTO) * share)], max_memory=BUDGET)


TABLE, CODES = PHOTO.index(b"\xff\xc4"), PHOTO.index(FIRST_SCAN) + 14


@pytest.mark.parametrize(
    ("at", "what"),
    [
        pytest.param(TABLE, b"\xff\xc4\0\x14\0\1" + b"\0" * 15 + b"\x1f", id="31 bits"),
        pytest.param(TABLE, b"\xff\xc4\0\x16\0\3" + b"\0" * 15 + b"\0\1\2", id="3 codes of a bit"),
        pytest.param(TABLE, b"\xff\xdd\0\4\0\x07", id="restarts that never come"),
        pytest.param(CODES, b"\xff\0" * 4096, id="codes of no table"),
    ],
)
def test_damaged_codes_are_refused(at: int, what: bytes) -> None:
    with pytest.raises(TruncatedImage):
        load(PHOTO[:at] + what + PHOTO[at:], max_memory=BUDGET)


def test_a_header_of_endless_segments_is_refused() -> None:
    data = images.jpeg()
    with pytest.raises(TruncatedImage):
        load(data[:2] + b"\xff\xfe\0\2" * 10_001 + data[2:])
