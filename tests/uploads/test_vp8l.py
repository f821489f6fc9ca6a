"""Groups of codes of lossless WebPs: how many there are, and what they may take."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image

from django_avatar_kit.conf import Config
from django_avatar_kit.exceptions import TooMuchMemory, TooMuchTime, TruncatedImage
from django_avatar_kit.fields import AvatarField
from django_avatar_kit.uploads.decoders import vp8l
from tests.support import images
from tests.support import vp8l as made
from tests.support.corpus import webp
from tests.support.pictures import load

#: How a stream begins: no transform, and no cache.
NO_TRANSFORM = [(0, 1), (0, 1)]
MEMORY = Config().max_decode_memory
SIZE = (160, 120)


def found(stream: bytes, size: tuple[int, int] = SIZE) -> vp8l.Codes:
    return vp8l.Reader(io.BytesIO(stream), len(stream), size).codes()


def lossless(groups: int, size: tuple[int, int] = SIZE, **options: Any) -> bytes:
    return webp.riff(webp.chunk(b"VP8L", made.picture(size, groups, **options)))


def with_alpha(groups: int, size: tuple[int, int] = SIZE, **options: Any) -> bytes:
    alpha = webp.chunk(b"ALPH", made.alpha(size, groups, **options))
    return webp.riff(webp.extended(size, webp.HAS_ALPHA), alpha, webp.pixels("RGB", size))


# --- how many ---------------------------------------------------------------------------------


@pytest.mark.parametrize("groups", [1, 2, 255, 256, 257, 1200])
@pytest.mark.parametrize("large", [False, True])
def test_the_entropy_image_names_the_groups(groups: int, large: bool) -> None:
    assert found(made.stream(SIZE, groups, large=large)).groups == groups


@pytest.mark.parametrize(
    "transforms",
    [
        (made.PREDICTOR,),
        (made.CROSS_COLOUR,),
        (made.SUBTRACT_GREEN,),
        (made.COLOUR_INDEXING,),
        (made.PREDICTOR, made.CROSS_COLOUR, made.SUBTRACT_GREEN),
        (made.SUBTRACT_GREEN, made.COLOUR_INDEXING, made.PREDICTOR),
    ],
)
def test_it_is_found_behind_all_transforms(transforms: tuple[int, ...]) -> None:
    stream = made.stream(SIZE, 90, transforms=transforms, tile=3)
    # Eight pixels of two colours lie in one, so that there are fewer tiles.
    assert found(stream).groups == (45 if made.COLOUR_INDEXING in transforms else 90)
    data = lossless(90, transforms=transforms, tile=3)
    with Image.open(io.BytesIO(data)) as image:
        image.load()


@pytest.mark.parametrize("method", [0, 3, 4, 6])
@pytest.mark.parametrize("quality", [0, 75, 100])
@pytest.mark.parametrize("kind", ["photo", "noise", "palette", "flat"])
def test_in_pictures_of_programs_they_begin_where_the_reader_ends(
    kind: str, quality: int, method: int
) -> None:
    size = (120, 80)
    photo = images.photograph("detail", size)
    picture = {
        "photo": photo,
        "noise": images.photograph("noisy", size),
        "palette": photo.quantize(13).convert("RGB"),
        "flat": Image.new("RGB", size, images.RED),
    }[kind]
    data = images.encoded(picture, "webp", lossless=True, quality=quality, method=method)
    assert data[12:16] == b"VP8L"
    reader = vp8l.Reader(io.BytesIO(data[25:]), len(data) - 25, size)
    codes = reader.codes()
    assert 1 <= codes.groups < 100
    # Bits from elsewhere are no prefix codes: they would have gaps.
    for _ in range(codes.groups):
        reader.group(codes.cache_bits)


@pytest.mark.parametrize("quality", [0, 50, 100])
def test_alpha_beside_a_lossy_picture_is_read(quality: int) -> None:
    photo = images.photograph("detail", (120, 80))
    photo.putalpha(images.photograph("smooth", (120, 80)).getchannel("G"))
    data = images.encoded(photo, "webp", alpha_quality=quality)
    at = data.index(b"ALPH") + 8
    assert data[at] & 3 == 1
    reader = vp8l.Reader(io.BytesIO(data[at + 1 :]), len(data), (120, 80))
    codes = reader.codes()
    for _ in range(codes.groups):
        reader.group(codes.cache_bits)


def test_small_images_beyond_what_programs_write_are_not_read() -> None:
    size = (4000, 3000)
    for stream in (made.stream(size, 2), made.stream(size, transforms=(made.PREDICTOR,))):
        assert found(stream, size) == vp8l.Codes(vp8l.MOST_GROUPS, 11, 0)


def test_colours_out_of_a_cache_count_as_pixels() -> None:
    write = made.Writer()
    for number, count in [*NO_TRANSFORM, (1, 1), (0, 3)]:
        write(number, count)
    write(1)
    write(1, 4)  # two colours in the cache, which are symbols behind the others
    write.lengths([int(symbol in {5, made.GREEN}) for symbol in range(made.GREEN + 2)])
    for _ in range(4):
        write.one_symbol()
    tiles = SIZE[0] // 4 * SIZE[1] // 4
    write.symbol(0, 1)  # group 5, and then what the cache has
    for _ in range(tiles - 1):
        write.symbol(1, 1)
    for _ in range(6):
        write.group()
    data = write.bytes()
    reader = vp8l.Reader(io.BytesIO(data), len(data), SIZE)
    assert reader.codes() == vp8l.Codes(6, 0, tiles)
    for _ in range(6):
        reader.group(0)
    chunk = webp.chunk(b"VP8L", made.picture(SIZE)[:5] + data)
    green, red, blue, alpha = made.COLOUR
    assert load(webp.riff(chunk)).image.convert("RGBA").getpixel((9, 9)) == (
        red,
        green,
        blue,
        alpha,
    )


# --- what is none -----------------------------------------------------------------------------


def stream(*numbers: tuple[int, int]) -> bytes:
    """Each number by its bits."""
    write = made.Writer()
    for number, count in numbers:
        write(number, count)
    return write.bytes() + bytes(200)


CODE_FOR_LENGTHS = [(0, 1), (15, 4), *((4 * (each < 16), 3) for each in made.ORDER)]
#: A code of one bit: 0 for a length of 1, 1 for 11 zeros and as many more as seven bits tell.
CODE_OF_ONES_AND_ZEROS = [(0, 1), (0, 4), (0, 3), (1, 3), (0, 3), (1, 3), (0, 1)]
TOO_MANY = [(1, 1), (4, 3), (1023, 10)]
ENTROPY_IMAGE = [*NO_TRANSFORM, (1, 1), (0, 3), (0, 1)]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (stream((1, 1), (2, 2), (1, 1), (2, 2)), "transformed twice"),
        (stream((0, 1), (1, 1), (0, 4)), "a cache of a size"),
        (stream((0, 1), (1, 1), (12, 4)), "a cache of a size"),
        (stream(*ENTROPY_IMAGE, (0, 1), (0, 4)), "a prefix code with gaps"),
        (
            stream(*ENTROPY_IMAGE, *CODE_FOR_LENGTHS, *TOO_MANY),
            "too many symbols",
        ),
        (
            stream(*ENTROPY_IMAGE, *CODE_OF_ONES_AND_ZEROS, *[(1, 1), (127, 7)] * 3),
            "too many symbols",
        ),
        (stream(*ENTROPY_IMAGE, *CODE_FOR_LENGTHS, (0, 1)), "a prefix code with gaps"),
    ],
)
def test_what_libwebp_refuses_is_refused_before(data: bytes, reason: str) -> None:
    with pytest.raises(SyntaxError, match=reason):
        found(data)
    with pytest.raises(TruncatedImage):
        load(webp.riff(webp.chunk(b"VP8L", made.picture(SIZE)[:5] + data)), max_memory=MEMORY)


@pytest.mark.parametrize(
    "lengths", [[1, 1, 1], [1, 2], [2, 2, 2], [0, 0], [15] * 3, [1, *[3] * 5]]
)
def test_a_prefix_code_that_is_too_full_or_too_empty(lengths: list[int]) -> None:
    with pytest.raises(SyntaxError):
        vp8l.table(lengths)


def test_prefix_codes_are_numbered_by_length_and_then_by_symbol() -> None:
    assert vp8l.table([0, 3, 0]) == [(1, 0)]
    assert vp8l.table([2, 1, 2]) == [(1, 1), (0, 2), (1, 1), (2, 2)]


def test_a_picture_that_ends_before_its_codes() -> None:
    whole = made.stream(SIZE, 90)
    for end in range(7, 400, 7):
        with pytest.raises((EOFError, SyntaxError)):
            found(whole[:end])


# --- what they may take -----------------------------------------------------------------------


@pytest.mark.parametrize("build", [lossless, with_alpha])
def test_as_many_as_the_limits_allow_are_taken_and_the_rest_is_refused(build: Any) -> None:
    size = (1000, 1000)
    work = AvatarField().limits.max_work
    picture = load(build(2000, size, tile=3), max_memory=MEMORY, max_work=work)
    assert picture.image.size == size
    with pytest.raises(TooMuchMemory) as caught:
        load(build(62_500, size), max_memory=MEMORY, max_work=work)
    assert caught.value.code == "too_much_memory"
    with pytest.raises(TooMuchTime):
        load(build(62_500, size), max_work=work)


def test_large_tables_and_large_caches_need_more_memory_than_small_ones() -> None:
    small, large = vp8l.Codes(groups=9), vp8l.Codes(groups=9, cache_bits=11)
    assert 0 < small.memory < large.memory
    assert vp8l.Codes().memory == 0


def test_what_it_shows_is_taken_as_it_is() -> None:
    green, red, blue, alpha = made.COLOUR
    image = load(lossless(90), max_memory=MEMORY).image
    assert image.convert("RGBA").getpixel((100, 100)) == (red, green, blue, alpha)
    opacity = load(with_alpha(90), max_memory=MEMORY).image.getchannel("A")
    assert opacity.getextrema() == (green, green)
