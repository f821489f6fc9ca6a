"""A JPEG that is too large for all of it at once is decoded one component after the other."""

from __future__ import annotations

import io

import pytest
from PIL import Image, ImageChops, ImageFile, ImageStat

from django_avatar_kit.exceptions import TooMuchMemory, TruncatedImage
from django_avatar_kit.jpeg import Jpeg
from django_avatar_kit.jpeg_planes import can_be_split
from tests import images
from tests.test_intake import load

MEGABYTE = 1024 * 1024
ADOBE = b"\xff\xee\0\x0eAdobe"
JFIF = b"\xff\xe0\0\x10JFIF"
# What Pillow writes in one scan of all components, of which each is a whole.
FIRST_SCAN = b"\xff\xda\0\x0c\x03"


def progressive(mode: str = "RGB", size: tuple[int, int] = (90, 70), **options: object) -> bytes:
    picture = images.photograph("detail", size).convert(mode)
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


def shown(data: bytes, scale: float, *, sparing: bool) -> Image.Image:
    reader = Jpeg(io.BytesIO(data))
    if sparing:
        reader.spare()
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
@pytest.mark.parametrize("size", [(8, 8), (90, 70), (701, 503)])
@pytest.mark.parametrize("end", [b"\xff\xd9", b"", b"\xff\xd9 and a second picture \xff\xda"])
def test_one_component_after_the_other_shows_the_same(
    mode: str, restarts: int, size: tuple[int, int], end: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ImageFile, "MAXBLOCK", MEGABYTE)
    data = progressive(mode, size, restart_marker_blocks=restarts)
    data = data.removesuffix(b"\xff\xd9") + end
    assert can_be_split(data, Jpeg(io.BytesIO(data))._components)
    assert all(looks_the_same(data, scale) for scale in (1, 0.3, 0.12))


@pytest.mark.parametrize(
    "data",
    [
        progressive(keep_rgb=True),
        without(ADOBE, progressive(keep_rgb=True)),
        without(JFIF, progressive()),
        transformed(progressive("CMYK"), 0),
        transformed(progressive("CMYK"), 2),
        without(ADOBE, progressive("CMYK")),
        in_separate_scans(),
    ],
)
def test_its_colours_are_told_as_by_libjpeg(data: bytes) -> None:
    assert can_be_split(data, Jpeg(io.BytesIO(data))._components)
    assert looks_the_same(data)


@pytest.mark.parametrize(
    "data",
    [
        progressive(subsampling=2),
        progressive("L"),
        images.jpeg(images.quarters(), subsampling=0),
        # As if all its coefficients came in the scan of the first ones.
        progressive().replace(b"\xff\xc2", b"\xff\xc1"),
        # Arithmetic codes.
        progressive().replace(b"\xff\xc2", b"\xff\xca"),
    ],
)
def test_what_cannot_be_taken_apart_is_decoded_at_once(data: bytes) -> None:
    assert not can_be_split(data, Jpeg(io.BytesIO(data))._components)


PHOTO = progressive(size=(3000, 2000))
BUDGET = 34 * MEGABYTE


def test_a_budget_too_small_for_all_components_is_enough_for_one() -> None:
    image = load(PHOTO, max_memory=BUDGET).image
    assert image.size == load(PHOTO).image.size
    with pytest.raises(TooMuchMemory):
        load(progressive(size=(3000, 2000), subsampling=2), max_memory=BUDGET // 2)


def test_cut_short_it_is_refused_one_component_after_the_other_too() -> None:
    assert load(PHOTO[:-2], max_memory=BUDGET)
    for share in (0.02, 0.1, 0.3, 0.5, 0.8, 0.95):
        with pytest.raises(TruncatedImage):
            load(PHOTO[: int(len(PHOTO) * share)], max_memory=BUDGET)


TABLE = b"\xff\xc4"


@pytest.mark.parametrize(
    "damaged",
    [
        # A value of more bits than there can be, and more codes than fit into their bits.
        PHOTO.replace(TABLE, TABLE + b"\0\x14\0\1" + b"\0" * 15 + b"\x1f" + TABLE, 1),
        PHOTO.replace(TABLE, TABLE + b"\0\x16\0\3" + b"\0" * 15 + b"\0\1\2" + TABLE, 1),
        # Codes that no table has; a restart that never comes.
        PHOTO.replace(FIRST_SCAN, b"\xff\xda\0\x0c\x03", 1)[: PHOTO.index(FIRST_SCAN) + 14]
        + b"\xff\0" * 4096
        + PHOTO[PHOTO.index(FIRST_SCAN) + 14 :],
        PHOTO.replace(TABLE, b"\xff\xdd\0\4\0\x07" + TABLE, 1),
    ],
)
def test_damaged_codes_are_refused(damaged: bytes) -> None:
    with pytest.raises(TruncatedImage):
        load(damaged, max_memory=BUDGET)


def test_a_header_of_endless_segments_is_refused() -> None:
    data = images.jpeg()
    with pytest.raises(TruncatedImage):
        load(data[:2] + b"\xff\xfe\0\2" * 10_001 + data[2:])
