"""What pixels an upload has: format by format, upright, and in sRGB."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image

from django_avatar_kit.uploads import imaging
from tests.support import images
from tests.support.pictures import LIMITS, SPEC, load, near, psnr, shows_quarters

# --- what is accepted -------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["jpeg", "png", "webp", "avif"])
def test_each_format_is_decoded(format: str) -> None:
    picture = load(images.encoded(images.quarters(), format, quality=95))
    assert picture.image.mode == "RGB"
    assert picture.image.size == picture.source == (60, 40)
    assert shows_quarters(picture.image, tolerance=16)


def test_gif_is_decoded() -> None:
    assert shows_quarters(load(images.encoded(images.quarters(), "gif")).image)


@pytest.mark.parametrize("format", ["gif", "webp", "png", "avif"])
def test_of_an_animation_the_first_frame_is_taken(format: str) -> None:
    image = load(images.animation(format)).image
    assert image.size == (48, 48)
    assert near(image.getpixel((20, 20)), images.RED)


def test_of_a_jpeg_with_two_pictures_the_first_is_taken() -> None:
    assert shows_quarters(load(images.two_picture_jpeg()).image)


def test_the_file_is_read_from_its_start_and_stays_open() -> None:
    file = io.BytesIO(images.jpeg())
    file.read()
    for _ in range(2):
        imaging.load(file, filename="photo.jpg", limits=LIMITS, spec=SPEC)
    assert not file.closed


# --- upright ----------------------------------------------------------------------------------


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["jpeg", "png", "webp", "avif"])
def test_every_orientation_is_turned_upright(format: str, orientation: int) -> None:
    data = images.turned(images.quarters(), orientation, format, quality=95)
    picture = load(data)
    assert picture.image.size == picture.source == (60, 40)
    assert shows_quarters(picture.image, tolerance=16)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_decoded_at_a_quarter_is_aligned_whichever_way_it_was_held(
    orientation: int,
) -> None:
    # Neither side divides by four, so a quarter of it ends within a pixel.
    upright = images.photograph("detail", (1003, 757))
    spec = replace(SPEC, sizes=(64,), master_side=250)
    data = images.turned(upright, orientation, quality=95, subsampling=0)
    picture = load(data, spec=spec, crop=(501, 2, 500, 750))
    assert max(picture.image.size) == 251
    [(_size, square)] = imaging.squares(picture, spec)
    box = (501, 127, 1001, 627)
    assert psnr(square, upright.resize((64, 64), Image.Resampling.LANCZOS, box=box)) > 44


@pytest.mark.parametrize(
    "exif",
    [
        b"Exif\0\0rubbish",
        b"Exif\0\0MM\0*\0\0\0\x08\0\xff",
        b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x02\0\0\0\x04up\0\0\0\0\0\0",
        images.exif(9),
        b"Exif\0\0",
    ],
)
def test_broken_exif_leaves_the_photo_as_it_is(exif: bytes) -> None:
    assert shows_quarters(load(images.jpeg(exif=exif)).image)


def test_an_empty_exif_does_not_hide_the_next_one() -> None:
    data = images.turned(images.quarters(), 6)
    empty = b"\xff\xe1\0\x08Exif\0\0"
    assert shows_quarters(load(data[:2] + empty + data[2:]).image)


# --- modes ------------------------------------------------------------------------------------


def test_16_bit_grey_keeps_its_brightness() -> None:
    picture = load(images.grey_16_bit((8, 8), 0x80FF))
    assert picture.image.mode == "RGB"
    assert picture.image.getpixel((4, 4)) == (0x80, 0x80, 0x80)


def test_16_bit_grey_with_a_transparent_value() -> None:
    image = load(images.grey_16_bit((8, 8), 0x80FF, transparent=0x1234)).image
    assert image.getpixel((0, 0)) == (0, 0, 0, 0)
    assert image.getpixel((4, 4)) == (0x80, 0x80, 0x80, 255)


def test_16_bit_colour() -> None:
    image = load(images.truecolour_16_bit((8, 8), (0xFF00, 0x8000, 0x0100))).image
    assert image.getpixel((4, 4)) == (0xFF, 0x80, 0x01)


def test_16_bit_colour_with_a_transparent_value() -> None:
    data = images.truecolour_16_bit((8, 8), (0xFF00, 0x8000, 0x0100), transparent=True)
    assert load(data).image.getpixel((4, 4)) == (0, 0, 0, 0)


@pytest.mark.parametrize("mode", ["P", "L", "1", "LA", "RGBA"])
def test_opaque_pictures_become_rgb_whatever_their_mode(mode: str) -> None:
    picture = images.quarters(colours=("black", "white", "black", "white")).convert(mode)
    image = load(images.png(picture)).image
    assert image.mode == "RGB"
    assert [image.getpixel(at) for at in ((0, 0), (59, 39))] == [(0, 0, 0), (255, 255, 255)]


def test_interlaced_png() -> None:
    data = images.interlaced()
    with Image.open(io.BytesIO(data)) as source:
        assert source.info["interlace"] == 1
    assert shows_quarters(load(data).image)


def test_palette_with_transparency_becomes_rgba() -> None:
    palette = images.quarters().convert("P", palette=Image.Palette.ADAPTIVE)
    hidden = palette.getpixel((0, 0))
    image = load(images.png(palette, transparency=hidden)).image
    assert image.mode == "RGBA"
    assert image.getpixel((0, 0))[3] == 0  # type: ignore[index]
    assert near(image.getpixel((59, 39)), (*images.WHITE, 255))


@pytest.mark.parametrize(("mode", "hidden"), [("L", 0), ("RGB", (0, 0, 0)), ("1", 0)])
def test_a_colour_declared_transparent_becomes_alpha(mode: str, hidden: Any) -> None:
    picture = images.quarters(colours=("black", "white", "white", "white")).convert(mode)
    image = load(images.png(picture, transparency=hidden)).image
    assert image.getpixel((0, 0)) == (0, 0, 0, 0)
    assert image.getpixel((59, 39)) == (255, 255, 255, 255)


def test_grey_with_alpha_keeps_both() -> None:
    picture = Image.new("LA", (40, 40), (100, 128))
    assert load(images.png(picture)).image.getpixel((20, 20)) == (100, 100, 100, 128)


def test_transparent_gif_becomes_rgba() -> None:
    picture = Image.new("RGBA", (20, 20), (0, 0, 0, 0))
    picture.paste((*images.RED, 255), (0, 0, 10, 20))
    image = load(images.encoded(picture, "gif")).image
    assert near(image.getpixel((2, 2)), (*images.RED, 255))
    assert image.getpixel((18, 18))[3] == 0  # type: ignore[index]


# --- colour -----------------------------------------------------------------------------------


def test_an_embedded_profile_is_converted_to_srgb() -> None:
    picture = Image.new("RGB", (40, 40), images.RED)
    image = load(images.png(picture, icc_profile=images.swapped_profile())).image
    assert near(image.getpixel((20, 20)), images.RED[::-1])


@pytest.mark.parametrize("mode", ["RGBA", "P"])
def test_a_profile_is_applied_beside_alpha_and_to_palettes(mode: str) -> None:
    picture = Image.new("RGBA", (40, 40), (*images.RED, 128)).convert(mode)
    data = images.png(picture, icc_profile=images.swapped_profile(), transparency=None)
    assert near(load(data).image.getpixel((20, 20))[:3], images.RED[::-1])  # type: ignore[index]


@pytest.mark.parametrize("mode", ["L", "LA"])
def test_grey_profiles_are_applied(mode: str) -> None:
    picture = Image.new("LA", (40, 40), (128, 200)).convert(mode)
    image = load(images.png(picture, icc_profile=images.grey_profile())).image
    assert near(image.getpixel((20, 20))[:3], (188, 188, 188))  # type: ignore[index]


def test_a_colour_profile_in_a_grey_picture_is_applied() -> None:
    data = images.jpeg(Image.new("L", (40, 40), 128), icc_profile=images.swapped_profile())
    assert near(load(data).image.getpixel((20, 20)), (128, 128, 128))


@pytest.mark.parametrize(
    "profile",
    [b"rubbish", images.grey_profile(), images.cmyk_profile(), images.srgb_profile()[:200]],
)
def test_a_profile_that_is_broken_or_does_not_fit_is_ignored(profile: bytes) -> None:
    assert shows_quarters(load(images.jpeg(icc_profile=profile)).image)


def test_a_profile_of_a_space_that_no_picture_has_is_ignored() -> None:
    lab = images.srgb_profile().replace(b"RGB ", b"Lab ", 1)
    assert shows_quarters(load(images.jpeg(icc_profile=lab)).image)


def test_cmyk_jpeg_has_the_right_colours() -> None:
    data = images.jpeg(images.quarters().convert("CMYK"))
    assert shows_quarters(load(data).image)


def test_a_cmyk_profile_is_converted_to_srgb() -> None:
    inks = Image.new("CMYK", (40, 40), (0, 0, 0, 0))
    inks.paste((0, 255, 0, 0), (20, 0, 40, 40))
    image = load(images.jpeg(inks, icc_profile=images.cmyk_profile())).image
    assert near(image.getpixel((2, 20)), (255, 255, 255))
    assert near(image.getpixel((38, 20)), (0, 0, 0))
