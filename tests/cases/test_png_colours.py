"""P6: a PNG describes its colours in gAMA and cHRM, or in cICP, and is shown as browsers do."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import pytest
from PIL import Image

from tests.support import colours, images, profiles
from tests.support.pictures import load, near

#: A colour that is told apart from each of its conversions.
COLOUR = (64, 128, 200)
WHITE = (0.3127, 0.329)
SRGB = (*WHITE, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
DISPLAY_P3 = (*WHITE, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06)
ADOBE_RGB = (*WHITE, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)


def gama(exponent: float) -> bytes:
    return images.chunk(b"gAMA", struct.pack(">I", round(exponent * 100_000)))


def chrm(*x_and_y: float) -> bytes:
    return images.chunk(b"cHRM", struct.pack(">8I", *(round(each * 100_000) for each in x_and_y)))


def cicp(primaries: int, transfer: int, matrix: int = 0, full_range: int = 1) -> bytes:
    return images.chunk(b"cICP", bytes((primaries, transfer, matrix, full_range)))


def iccp(profile: bytes) -> bytes:
    return images.chunk(b"iCCP", b"any name\0\0" + zlib.compress(profile))


SAYS_SRGB = images.chunk(b"sRGB", b"\0")
DISPLAY_P3_PROFILE = profiles.of_screen()


def shown(
    chunks: bytes, pixel: bytes = bytes(COLOUR), *, colour: int = images.TRUECOLOUR, depth: int = 8
) -> Any:
    data = images.raw_png((1, 1), b"\0" + pixel, colour=colour, depth=depth, before=chunks)
    return load(data).image.getpixel((0, 0))


def of_255(colour: colours.Triple) -> tuple[int, ...]:
    return tuple(round(255 * each) for each in colour)


def brightened(value: float, exponent: float) -> int:
    """What a value from 0 to 1 is in sRGB, where ``exponent`` made it of light."""
    return round(255 * colours.encoded(value ** (1 / exponent)))


AS_DISPLAY_P3 = of_255(colours.from_display_p3((64 / 255, 128 / 255, 200 / 255)))
AS_ADOBE_RGB = of_255(colours.from_adobe_rgb((64 / 255, 128 / 255, 200 / 255)))
AS_LIGHT = tuple(brightened(value / 255, 1) for value in COLOUR)


def test_p6_grey_of_linear_light_is_brighter() -> None:
    assert shown(gama(1), b"\x40", colour=images.GREY) == (137, 137, 137)


@pytest.mark.parametrize("exponent", [0.1, 0.35, 0.5, 1 / 1.8, 1, 2.5])
def test_p6_values_are_made_light_by_their_own_exponent(exponent: float) -> None:
    for value in range(0, 256, 15):
        expected = brightened(value / 255, exponent)
        red, green, blue = shown(gama(exponent), bytes((value,)), colour=images.GREY)
        assert red == green == blue
        assert abs(green - expected) <= 1
    assert near(shown(gama(exponent)), [brightened(v / 255, exponent) for v in COLOUR], 1)


@pytest.mark.parametrize("chunks", [gama(0.45455), gama(0.45), gama(0.45455) + chrm(*SRGB)])
def test_p6_a_png_that_describes_srgb_is_unchanged(chunks: bytes) -> None:
    picture = images.photograph("detail", (64, 64))
    data = images.png(picture)
    assert load(data[:33] + chunks + data[33:]).image.tobytes() == picture.tobytes()


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        pytest.param(gama(1) + chrm(*SRGB), AS_LIGHT, id="linear"),
        pytest.param(gama(0.45455) + chrm(*ADOBE_RGB), AS_ADOBE_RGB, id="other primaries"),
        pytest.param(cicp(12, 13), AS_DISPLAY_P3, id="cICP"),
        pytest.param(cicp(12, 1), AS_DISPLAY_P3, id="cICP of television"),
        pytest.param(cicp(1, 8), AS_LIGHT, id="cICP of linear light"),
        pytest.param(cicp(1, 4), [brightened(v / 255, 1 / 2.2) for v in COLOUR], id="cICP, 2.2"),
    ],
)
def test_p6_other_spaces_become_srgb(chunks: bytes, expected: Any) -> None:
    assert near(shown(chunks), expected, 1)


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        pytest.param(SAYS_SRGB + gama(1), COLOUR, id="sRGB before gAMA"),
        pytest.param(gama(1) + SAYS_SRGB, COLOUR, id="in any order"),
        pytest.param(iccp(DISPLAY_P3_PROFILE) + gama(1), AS_DISPLAY_P3, id="iCCP before gAMA"),
        pytest.param(iccp(DISPLAY_P3_PROFILE) + SAYS_SRGB, AS_DISPLAY_P3, id="iCCP before sRGB"),
        pytest.param(cicp(1, 13) + iccp(DISPLAY_P3_PROFILE), COLOUR, id="cICP before iCCP"),
        pytest.param(cicp(1, 13) + gama(1), COLOUR, id="cICP before gAMA"),
    ],
)
def test_p6_the_most_exact_description_counts(chunks: bytes, expected: Any) -> None:
    assert near(shown(chunks), expected, 1)


@pytest.mark.parametrize(
    "chunks",
    [
        pytest.param(iccp(b"rubbish"), id="a profile that is none"),
        pytest.param(images.chunk(b"iCCP", b"any name\0\0rubbish"), id="a profile in no packing"),
        pytest.param(images.chunk(b"sRGB", b"\x09"), id="an intent that there is not"),
        pytest.param(cicp(9, 16), id="more light than a screen has"),
        pytest.param(cicp(2, 2), id="unspecified"),
        pytest.param(cicp(1, 13, full_range=0), id="a range of television"),
        pytest.param(cicp(1, 13, matrix=1), id="not RGB"),
        pytest.param(images.chunk(b"cICP", b"\1"), id="too short"),
    ],
)
def test_p6_what_makes_no_sense_leaves_the_word_to_the_next(chunks: bytes) -> None:
    assert near(shown(chunks + gama(1)), AS_LIGHT, 1)


@pytest.mark.parametrize(
    "chunks",
    [
        pytest.param(gama(0), id="zero"),
        pytest.param(gama(0.00001), id="nearly zero"),
        pytest.param(images.chunk(b"gAMA", b"\xff" * 4), id="as large as can be"),
        pytest.param(images.chunk(b"gAMA", b"\0"), id="too short"),
        pytest.param(gama(1)[:-1] + b"?", id="a wrong checksum"),
        pytest.param(chrm(*DISPLAY_P3), id="primaries alone"),
        pytest.param(gama(1) + chrm(*[0] * 8), id="no primaries"),
        pytest.param(gama(1) + chrm(*WHITE, *[0.3] * 6), id="three times the same"),
        pytest.param(gama(1) + chrm(*WHITE, 0.3, 0.3, 0.31, 0.3, 0.3, 0.301), id="nearly so"),
    ],
)
def test_p6_nonsense_is_ignored_and_the_picture_kept(chunks: bytes) -> None:
    assert shown(chunks) == COLOUR


@pytest.mark.parametrize(
    ("pixel", "colour", "depth", "expected"),
    [
        pytest.param(b"\x40\x80", 4, 8, (137, 137, 137, 128), id="grey and alpha"),
        pytest.param(b"\x40\0\x80\xff", 4, 16, (137, 137, 137, 128), id="the same of 16 bits"),
        pytest.param(b"\x40\x80\xc8\x20", 6, 8, (*AS_LIGHT, 32), id="colour and alpha"),
        pytest.param(b"\x40\0\x80\0\xc8\0", 2, 16, AS_LIGHT, id="colour of 16 bits"),
        pytest.param(b"\x40\0", 0, 16, (137, 137, 137), id="grey of 16 bits"),
        pytest.param(b"\x40", 0, 2, (brightened(1 / 3, 1),) * 3, id="grey of 2 bits"),
    ],
)
def test_p6_every_kind_of_png_is_converted_but_never_its_alpha(
    pixel: bytes, colour: int, depth: int, expected: Any
) -> None:
    assert near(shown(gama(1), pixel, colour=colour, depth=depth), expected, 1)


def test_p6_the_colours_of_a_palette_are_converted() -> None:
    palette = images.chunk(b"PLTE", bytes(COLOUR)) + images.chunk(b"tRNS", b"\x80")
    assert near(shown(gama(1) + palette, b"\0", colour=3), (*AS_LIGHT, 128), 1)


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ((1, 13), COLOUR),
        ((1, 1), COLOUR),
        ((2, 2), COLOUR),
        ((12, 13), AS_DISPLAY_P3),
        ((1, 8), AS_LIGHT),
    ],
)
def test_p6_the_code_points_of_an_avif_count_as_well(
    points: tuple[int, int], expected: Any
) -> None:
    picture = Image.new("RGB", (16, 16), COLOUR)
    data = images.encoded(picture, "avif", quality=100, subsampling="4:4:4")
    at = data.index(b"nclx") + 4
    told = data[:at] + struct.pack(">HH", *points) + data[at + 4 :]
    assert near(load(told).image.getpixel((8, 8)), expected, 4)
