"""What is cut from a picture: alpha, crop, sizes, quality and encoding."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageOps

from django_avatar_kit.names import Box
from django_avatar_kit.specs import Spec
from django_avatar_kit.uploads import geometry, imaging
from django_avatar_kit.uploads.imaging import Picture
from tests.support import images
from tests.support.pictures import LOSSLESS, SPEC, load, near, opened, psnr, shows_quarters


@pytest.fixture(scope="session")
def phone_photo() -> bytes:
    """12 megapixels, held upright, so stored on its side."""
    upright = images.photograph("smooth").transpose(Image.Transpose.ROTATE_270)
    return images.turned(upright, 6, quality=85)


# --- alpha ------------------------------------------------------------------------------------


def half_transparent(size: tuple[int, int] = (2200, 2200)) -> Image.Image:
    """Red on the left; invisible black on the right, which must never be seen."""
    picture = Image.new("RGBA", size, (0, 0, 0, 0))
    picture.paste((*images.RED, 255), (0, 0, size[0] // 2 + 7, size[1]))
    return picture


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_invisible_colours_leave_no_dark_fringe(mode: str) -> None:
    data = images.png(half_transparent().convert(mode))
    expected = images.RED if mode == "RGBA" else images.half_grey()
    picture = load(data)
    assert picture.image.size == (1000, 1000)
    for _size, square in [(0, picture.image), *imaging.squares(picture, SPEC)]:
        row = [square.getpixel((x, 5)) for x in range(square.width)]
        visible = [pixel[:3] for pixel in row if pixel[3] > 40]  # type: ignore[index]
        assert all(near(colour, expected, 16) for colour in visible)


def test_alpha_is_kept_where_there_is_no_background() -> None:
    picture = load(images.png(half_transparent((600, 600))))
    master = imaging.encode_master(picture, SPEC)
    assert (master.format, master.extension, master.content_type) == ("webp", "webp", "image/webp")
    assert opened(master).getpixel((590, 300))[3] == 0  # type: ignore[index]
    for rendition in imaging.encode_renditions(picture, SPEC):
        assert opened(rendition).getpixel((rendition.size - 1, 5))[3] == 0  # type: ignore[index]


def test_a_soft_shadow_keeps_its_levels_and_within_one_in_the_master() -> None:
    shade = Image.linear_gradient("L").resize((512, 512), Image.Resampling.NEAREST)
    shadow = Image.new("RGBA", (512, 512), images.RED)
    shadow.putalpha(shade)
    picture = load(images.png(shadow))
    stored = opened(imaging.encode_master(picture, SPEC)).getchannel("A")
    assert stored.getextrema() == (0, 255)
    assert max(ImageChops.difference(stored, shade).tobytes()) == 1
    (largest,) = (one for one in imaging.encode_renditions(picture, SPEC) if one.size == 512)
    assert opened(largest).getchannel("A").tobytes() == shade.tobytes()


def test_a_background_flattens_everything() -> None:
    spec = replace(SPEC, background="#00ff00", formats=("webp", "png", "jpeg"))
    picture = load(images.png(half_transparent((600, 600))), spec=spec)
    master = imaging.encode_master(picture, spec)
    assert (master.format, master.extension, master.content_type) == ("jpeg", "jpg", "image/jpeg")
    for file in (master, *imaging.encode_renditions(picture, spec)):
        assert opened(file).mode == "RGB"
        assert near(opened(file).getpixel((file.width - 1, 5)), (0, 255, 0))


def test_without_a_background_a_format_without_alpha_gets_white() -> None:
    spec = replace(SPEC, formats=("jpeg",))
    for rendition in imaging.encode_renditions(
        load(images.png(half_transparent((600, 600)))), spec
    ):
        assert near(opened(rendition).getpixel((rendition.size - 1, 5)), (255, 255, 255))


# --- what is cut ------------------------------------------------------------------------------


def stripes(size: tuple[int, int]) -> Image.Image:
    """Ten bands across the long side, the nth of brightness 20 n."""
    bands = Image.new("L", (10, 1) if size[0] > size[1] else (1, 10))
    bands.putdata([20 * band for band in range(10)])
    return bands.resize(size, Image.Resampling.NEAREST).convert("RGB")


def bands_in(image: Image.Image, *, down: bool) -> list[int]:
    """The numbers of the bands at the first and the last edge."""
    last = (0, image.height - 1) if down else (image.width - 1, 0)
    return [round(image.convert("L").getpixel(at) / 20) for at in ((0, 0), last)]  # type: ignore[operator]


def the_square(picture: Picture, spec: Spec) -> Image.Image:
    return imaging.squares(picture, spec)[-1][1]


def test_a_landscape_is_cut_from_its_middle() -> None:
    square = the_square(load(images.png(stripes((200, 80)))), SPEC)
    assert square.size == (80, 80)
    assert bands_in(square, down=False) == [3, 6]


@pytest.mark.parametrize(("height", "last"), [(100, 7), (200, 3), (400, 1)])
def test_a_portrait_keeps_its_upper_third(height: int, last: int) -> None:
    square = the_square(load(images.png(stripes((80, height)))), SPEC)
    assert square.size == (80, 80)
    assert bands_in(square, down=True) == [0, last]


def test_a_crop_is_honoured() -> None:
    picture = load(images.png(stripes((80, 200))), crop=(10, 120, 60, 60))
    square = the_square(picture, SPEC)
    assert square.size == (60, 60)
    assert bands_in(square, down=True) == [6, 8]
    assert imaging.master_crop(picture, SPEC) == (10, 120, 60, 60)


def test_of_a_crop_that_is_not_square_the_centred_square_is_taken() -> None:
    picture = load(images.png(stripes((80, 200))), crop=(10, 60, 20, 100))
    assert bands_in(the_square(picture, SPEC), down=True) == [5, 5]
    assert imaging.master_crop(picture, SPEC) == (10, 100, 20, 20)


def test_what_a_crop_has_outside_of_the_picture_is_cut_off() -> None:
    picture = load(images.png(stripes((80, 200))), crop=(-20, -20, 60, 500))
    assert picture.crop == (0, 0, 40, 200)


@pytest.mark.parametrize("crop", [(80, 0, 10, 10), (0, 300, 10, 10), (0, 0, 0, 10), (5, 5, 9, -3)])
def test_a_crop_without_a_pixel_is_no_crop(crop: Box) -> None:
    picture = load(images.png(stripes((80, 200))), crop=crop)
    assert picture.crop is None
    assert imaging.master_crop(picture, SPEC) is None


def test_a_crop_is_in_pixels_of_the_upright_upload(phone_photo: bytes) -> None:
    picture = load(phone_photo, crop=(0, 2016, 2016, 2016))
    assert picture.source == (3024, 4032)
    assert imaging.master_crop(picture, SPEC) == (0, 500, 500, 500)


def test_a_crop_of_one_pixel_stays_one_pixel_in_the_master() -> None:
    picture = load(images.png(stripes((80, 3000))), crop=(79, 2999, 1, 1))
    master = imaging.encode_master(picture, SPEC)
    assert (master.width, master.height) == (27, 1000)
    assert imaging.master_crop(picture, SPEC) == (26, 999, 1, 1)
    assert the_square(picture, SPEC).size == (1, 1)


def test_contain_shows_the_whole_picture_on_a_transparent_square() -> None:
    spec = replace(SPEC, fit="contain")
    square = the_square(load(images.png(stripes((200, 80))), spec=spec), spec)
    assert (square.size, square.mode) == ((200, 200), "RGBA")
    assert bands_in(square.crop((0, 60, 200, 140)), down=False) == [0, 9]
    assert [square.getpixel((100, y))[3] for y in (59, 60, 139, 140)] == [0, 255, 255, 0]  # type: ignore[index]


def test_contain_puts_a_background_around_the_picture() -> None:
    spec = replace(LOSSLESS, fit="contain", background="#0000ff")
    for rendition in imaging.encode_renditions(
        load(images.png(stripes((200, 80))), spec=spec), spec
    ):
        assert opened(rendition).getpixel((0, 0)) == (0, 0, 255)


def test_contain_puts_white_around_it_where_the_format_has_no_alpha() -> None:
    spec = replace(SPEC, fit="contain", formats=("jpeg",))
    for rendition in imaging.encode_renditions(
        load(images.png(stripes((80, 200))), spec=spec), spec
    ):
        assert near(opened(rendition).getpixel((0, 0)), (255, 255, 255))


def test_contain_shows_the_whole_crop() -> None:
    spec = replace(SPEC, fit="contain")
    picture = load(images.png(stripes((200, 80))), spec=spec, crop=(40, 0, 100, 40))
    assert imaging.master_crop(picture, spec) == (40, 0, 100, 40)
    square = the_square(picture, spec)
    assert square.size == (100, 100)
    assert bands_in(square.crop((0, 30, 100, 70)), down=False) == [2, 6]


def test_contain_needs_no_margin_for_a_square() -> None:
    spec = replace(SPEC, fit="contain")
    assert the_square(load(images.png(stripes((90, 90))), spec=spec), spec).mode == "RGB"


# --- how large --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("side", "expected"),
    [
        (1000, (32, 64, 128, 256, 512)),
        (512, (32, 64, 128, 256, 512)),
        (511, (32, 64, 128, 256, 511)),
        (100, (32, 64, 100)),
        (64, (32, 64)),
        (10, (10,)),
    ],
)
def test_sizes_above_the_square_are_replaced_by_its_own_side(
    side: int, expected: tuple[int, ...]
) -> None:
    assert geometry.ladder(SPEC.sizes, side) == expected
    picture = load(images.png(Image.new("RGB", (side, side + 50), images.RED)))
    assert tuple(size for size, _square in imaging.squares(picture, SPEC)) == expected
    for rendition in imaging.encode_renditions(picture, SPEC):
        assert opened(rendition).size == (rendition.size, rendition.size)
        assert (rendition.width, rendition.height) == (rendition.size, rendition.size)


def test_nothing_is_upscaled() -> None:
    master = imaging.encode_master(load(images.jpeg()), SPEC)
    assert (master.size, master.width, master.height) == (0, 60, 40)
    assert opened(master).size == (60, 40)


def test_a_phone_photo_is_decoded_at_a_quarter(phone_photo: bytes) -> None:
    picture = load(phone_photo)
    assert picture.source == (3024, 4032)
    assert picture.image.size == (756, 1008)
    master = imaging.encode_master(picture, SPEC)
    assert opened(master).size == (master.width, master.height) == (750, 1000)
    assert [size for size, _square in imaging.squares(picture, SPEC)] == list(SPEC.sizes)


def test_as_much_is_decoded_as_the_crop_needs(phone_photo: bytes) -> None:
    picture = load(phone_photo, crop=(1000, 1000, 600, 600))
    # The whole is no larger than the master needs; what the crop shows is kept beside it.
    assert picture.image.size == (750, 1000)
    assert picture.detail is not None
    assert picture.detail.size == (616, 616)
    assert picture.serves(SPEC)
    assert not load(phone_photo).serves(replace(SPEC, sizes=(800,)))


def test_a_large_upload_that_cannot_be_decoded_smaller_is_shrunk_at_once() -> None:
    assert load(images.png(stripes((3000, 1500)))).image.size == (1024, 512)
    assert load(images.png(stripes((1900, 1000)))).image.size == (1000, 527)
    assert load(images.png(stripes((1390, 1000)))).image.size == (1390, 1000)


def test_a_jpeg_larger_than_draft_can_help_with_is_shrunk_too() -> None:
    spec = replace(SPEC, sizes=(16,), master_side=20)
    picture = load(images.jpeg(stripes((1601, 800))), spec=spec)
    assert picture.image.size == (20, 10)
    assert bands_in(the_square(picture, spec), down=False) == [2, 7]


def test_a_picture_knows_which_specs_it_serves(phone_photo: bytes) -> None:
    picture = load(phone_photo)
    assert picture.serves(SPEC)
    assert picture.serves(replace(SPEC, sizes=(32,)))
    assert picture.serves(replace(SPEC, sizes=(756,)))
    assert not picture.serves(replace(SPEC, sizes=(800,)))
    assert not picture.serves(replace(SPEC, master_side=1200))
    chosen = load(phone_photo, crop=(1000, 1000, 1000, 1000), spec=replace(SPEC, sizes=(32,)))
    assert not chosen.serves(SPEC)
    # What the crop shows was kept, with more pixels than the whole.
    detailed = load(phone_photo, crop=(1000, 1000, 1500, 1500))
    assert detailed.serves(replace(SPEC, sizes=(500,)))
    assert not detailed.serves(replace(SPEC, sizes=(1200,)))
    small = load(images.jpeg())
    assert small.serves(replace(SPEC, sizes=(5000,), master_side=5000))


def test_a_picture_made_by_hand_can_be_cut() -> None:
    picture = Picture(image=images.quarters((100, 100)), source=(100, 100))
    assert shows_quarters(the_square(picture, SPEC))
    assert imaging.encode_master(picture, SPEC).width == 100


@pytest.mark.parametrize("size", [(1, 1), (1, 700), (700, 1), (3000, 1), (1, 3000)])
@pytest.mark.parametrize("format", ["jpeg", "png"])
@pytest.mark.parametrize("fit", ["cover", "contain"])
def test_pictures_one_pixel_high_or_wide(size: tuple[int, int], format: str, fit: Any) -> None:
    spec = replace(LOSSLESS, fit=fit)
    picture = load(images.encoded(Image.new("RGB", size, images.RED), format), spec=spec)
    side = min(size) if fit == "cover" else max(size)
    renditions = imaging.encode_renditions(picture, spec)
    assert [rendition.size for rendition in renditions] == list(geometry.ladder(SPEC.sizes, side))
    for rendition in renditions:
        middle = (rendition.size - 1) // 2
        pixel = opened(rendition).convert("RGB").getpixel((middle, middle))
        assert near(pixel, images.RED)
    master = imaging.encode_master(picture, spec)
    assert (master.width, master.height) == (min(size[0], 1000), min(size[1], 1000))


# --- how good ---------------------------------------------------------------------------------


# The hardest kind at a phone's size; all of them there are the benchmark's business.
@pytest.mark.parametrize(
    ("kind", "size"),
    [
        ("detail", (4032, 3024)),
        ("noisy", (2016, 1512)),
        ("smooth", (2016, 1512)),
        ("skin", (2016, 1512)),
    ],
)
def test_renditions_are_as_good_as_from_a_full_decode(kind: str, size: tuple[int, int]) -> None:
    photo = images.turned(images.photograph(kind, size), 6, quality=88)
    with Image.open(io.BytesIO(photo)) as source:
        upright = ImageOps.exif_transpose(source)
    left = (upright.width - upright.height) // 2
    box = (left, 0, left + upright.height, upright.height)
    for side, square in imaging.squares(load(photo), SPEC):
        reference = upright.resize((side, side), Image.Resampling.LANCZOS, box=box)
        least = 36 if side > 256 and kind in {"noisy", "detail"} else 48
        assert psnr(square, reference) >= least


# --- what is written --------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["webp", "jpeg", "avif", "png"])
def test_each_rendition_format(format: str) -> None:
    spec = replace(SPEC, formats=(format,), sizes=(16, 40))
    renditions = imaging.encode_renditions(load(images.jpeg()), spec)
    assert [rendition.size for rendition in renditions] == [16, 40]
    for rendition in renditions:
        assert opened(rendition).format == format.upper()
        assert rendition.content_type == f"image/{format}"
        assert rendition.extension == ("jpg" if format == "jpeg" else format)


def test_sizes_ascend_and_formats_keep_their_order() -> None:
    spec = replace(SPEC, formats=("avif", "webp"), sizes=(40, 16))
    renditions = imaging.encode_renditions(load(images.jpeg()), spec)
    assert [(file.size, file.format) for file in renditions] == [
        (16, "avif"),
        (16, "webp"),
        (40, "avif"),
        (40, "webp"),
    ]


def test_nothing_but_pixels_is_carried_over() -> None:
    upload = images.talkative_jpeg(images.photograph("smooth", (700, 600)))
    for word in (
        b"Exif",
        b"Jane Doe",
        b"secret comment",
        b"xmpmeta",
        b"ICC_PROFILE",
        b"PK\x03\x04",
    ):
        assert word in upload
    for format in ("webp", "jpeg", "avif", "png"):
        spec = replace(SPEC, formats=(format,))
        picture = load(upload, spec=spec)
        assert picture.image.info == {}
        assert type(picture.image) is Image.Image
        for file in (
            imaging.encode_master(picture, spec),
            *imaging.encode_renditions(picture, spec),
        ):
            for trace in (b"xif", b"Jane", b"secret", b"xmp", b"ICC", b"prof", b"PK\x03\x04"):
                assert trace not in file.data
            assert not opened(file).getexif()


def test_the_same_upload_gives_the_same_bytes_in_any_thread() -> None:
    upload = images.jpeg(images.photograph("detail", (900, 700)))

    def files(_turn: int) -> list[bytes]:
        picture = load(upload)
        return [
            imaging.encode_master(picture, SPEC).data,
            *(rendition.data for rendition in imaging.encode_renditions(picture, SPEC)),
        ]

    with ThreadPoolExecutor(4) as pool:
        first, *others = pool.map(files, range(6))
    assert all(other == first for other in others)


def test_quality_is_as_asked() -> None:
    picture = load(images.jpeg(images.photograph("detail", (600, 600))))
    low = replace(SPEC, quality={"webp": 20, "jpeg": 20})
    for encode in (imaging.encode_master, lambda *given: imaging.encode_renditions(*given)[-1]):
        assert len(encode(picture, low).data) < 0.6 * len(encode(picture, SPEC).data)


def test_average_colour_is_that_of_the_visible_part() -> None:
    picture = Image.new("RGB", (300, 100), "#000000")
    picture.paste("#ff8000", (100, 0, 200, 100))
    assert imaging.average_color(load(images.png(picture)), SPEC) == "ff8000"
    red = imaging.average_color(load(images.png(half_transparent((90, 90)))), SPEC)
    assert near(bytes.fromhex(red), images.RED, 1)
    blue = replace(SPEC, background="#0000ff")
    clear = load(images.png(Image.new("RGBA", (30, 30), (0, 0, 0, 0))))
    assert imaging.average_color(clear, blue) == "0000ff"
