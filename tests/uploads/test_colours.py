"""Colours come out as plain arithmetic says, whatever a file calls them; no edge gets a halo."""

from __future__ import annotations

import base64
import random
import struct
import zlib
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image, ImageChops

from django_avatar_kit.exceptions import TruncatedImage
from django_avatar_kit.uploads import imaging
from django_avatar_kit.uploads.colour_profiles import srgb
from tests.support import colours, images, profiles
from tests.support.pictures import SPEC, load, near, shows_quarters

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: Pairs of Sharma, Wu and Dalal (2005): L*, a*, b* twice, and ΔE2000. They are chosen so that each
#: mistake that was found in other programs shows.
SHARMA = """
50 2.6772 -79.7751 50 0 -82.7485 2.0425
50 3.1571 -77.2803 50 0 -82.7485 2.8615
50 2.8361 -74.0200 50 0 -82.7485 3.4412
50 -1.3802 -84.2814 50 0 -82.7485 1.0000
50 -1.1848 -84.8006 50 0 -82.7485 1.0000
50 -0.9009 -85.5211 50 0 -82.7485 1.0000
50 0 0 50 -1 2 2.3669
50 -1 2 50 0 0 2.3669
50 2.4900 -0.0010 50 -2.4900 0.0009 7.1792
50 2.4900 -0.0010 50 -2.4900 0.0010 7.1792
50 2.4900 -0.0010 50 -2.4900 0.0011 7.2195
50 2.4900 -0.0010 50 -2.4900 0.0012 7.2195
50 -0.0010 2.4900 50 0.0009 -2.4900 4.8045
50 -0.0010 2.4900 50 0.0010 -2.4900 4.8045
50 -0.0010 2.4900 50 0.0011 -2.4900 4.7461
50 2.5 0 50 0 -2.5 4.3065
50 2.5 0 73 25 -18 27.1492
50 2.5 0 61 -5 29 22.8977
50 2.5 0 56 -27 -3 31.9030
50 2.5 0 58 24 15 19.4535
50 2.5 0 50 3.1736 0.5854 1.0000
50 2.5 0 50 3.2972 0 1.0000
50 2.5 0 50 1.8634 0.5757 1.0000
50 2.5 0 50 3.2592 0.3350 1.0000
60.2574 -34.0099 36.2677 60.4626 -34.1751 39.4387 1.2644
63.0109 -31.0961 -5.8663 62.8187 -29.7946 -4.0864 1.2630
61.2901 3.7196 -5.3901 61.4292 2.2480 -4.9620 1.8731
35.0831 -44.1164 3.7933 35.0232 -40.0716 1.5901 1.8645
22.7233 20.0904 -46.6940 23.0331 14.9730 -42.5619 2.0373
36.4612 47.8580 18.3852 36.2715 50.5065 21.2231 1.4146
90.8027 -2.0831 1.4410 91.1528 -1.6435 0.0447 1.4441
90.9257 -0.5406 -0.9208 88.6381 -0.8985 -0.7239 1.5381
6.7747 -0.2908 -2.4247 5.8714 -0.0985 -2.2286 0.6377
2.0776 0.0795 -1.1350 0.9033 -0.0636 -0.5514 0.9082
"""


def test_delta_e_is_that_of_the_published_pairs() -> None:
    for line in SHARMA.split("\n")[1:-1]:
        l1, a1, b1, l2, a2, b2, expected = map(float, line.split())
        for one, other in (((l1, a1, b1), (l2, a2, b2)), ((l2, a2, b2), (l1, a1, b1))):
            assert abs(colours.ciede2000(one, other) - expected) < 0.0001, line


# --- profiles ---------------------------------------------------------------------------------

Colours = list[tuple[int, ...]]


def any_colours(channels: int) -> Colours:
    rng = random.Random(channels)
    return [tuple(rng.randbytes(channels)) for _ in range(256)]


def painted(mode: str, pixels: Colours) -> Image.Image:
    """16 px on each side."""
    return Image.frombytes(mode, (16, 16), bytes(value for pixel in pixels for value in pixel))


def all_pixels(image: Image.Image) -> Colours:
    data = image.tobytes()
    bands = len(image.getbands())
    return [tuple(data[at : at + bands]) for at in range(0, len(data), bands)]


def share(pixel: Sequence[int]) -> Any:
    return tuple(value / 255 for value in pixel)


def furthest(found: Colours, expected: Sequence[Sequence[float]]) -> float:
    """By how many levels of 255 the worst value is off."""
    pairs = zip(found, expected, strict=True)
    return max(abs(a - 255 * b) for one, two in pairs for a, b in zip(one, two, strict=True))


ADOBE_RGB = partial(profiles.of_screen, profiles.ADOBE_RGB, profiles.gamma(colours.ADOBE_GAMMA))


@pytest.mark.parametrize("version", [profiles.VERSION_2, profiles.VERSION_4])
@pytest.mark.parametrize(
    ("profile", "reference"),
    [(profiles.of_screen, colours.from_display_p3), (ADOBE_RGB, colours.from_adobe_rgb)],
    ids=["Display P3", "Adobe RGB"],
)
def test_colours_of_other_screens_become_those_of_srgb(
    profile: Callable[..., bytes], reference: Callable[[Any], Any], version: int
) -> None:
    pixels = any_colours(3)
    image = load(images.png(painted("RGB", pixels), icc_profile=profile(version=version))).image
    assert furthest(all_pixels(image), [reference(share(pixel)) for pixel in pixels]) < 1


def icc_segment(number: int, count: int, part: bytes) -> bytes:
    body = b"ICC_PROFILE\0" + bytes([number, count]) + part
    return b"\xff\xe2" + struct.pack(">H", 2 + len(body)) + body


PART = len(images.swapped_profile()) // 2
FIRST, SECOND = images.swapped_profile()[:PART], images.swapped_profile()[PART:]


@pytest.mark.parametrize(
    ("segments", "heeded"),
    [
        ([(1, 1, images.swapped_profile())] * 2, True),
        ([(1, 1, images.swapped_profile()), (1, 1, images.srgb_profile())], True),
        ([(1, 1, images.srgb_profile()), (1, 1, images.swapped_profile())], False),
        ([(2, 2, SECOND), (1, 2, FIRST)], True),
        ([(1, 2, FIRST), (1, 2, FIRST), (2, 2, SECOND)], True),
        ([(1, 1, b""), (1, 1, images.swapped_profile())], True),
        ([(1, 2, FIRST)], False),
        ([(1, 2, FIRST), (3, 2, SECOND)], False),
        ([(0, 1, images.swapped_profile())], False),
        ([(2, 1, images.swapped_profile())], False),
    ],
)
def test_of_several_profiles_in_a_jpeg_the_first_that_is_whole_counts(
    segments: list[tuple[int, int, bytes]], heeded: bool
) -> None:
    data = images.jpeg(Image.new("RGB", (40, 30), images.RED))
    data = data[:2] + b"".join(icc_segment(*each) for each in segments) + data[2:]
    expected = images.RED[::-1] if heeded else images.RED
    found: Any = load(data).image.getpixel((20, 15))
    assert all(abs(a - b) < 12 for a, b in zip(found, expected, strict=True))


def test_what_tells_of_colours_behind_the_pixels_of_a_png_does_not_count() -> None:
    swapped = b"icc\0\0" + zlib.compress(images.swapped_profile())
    late = [
        (b"iCCP", swapped),
        (b"gAMA", struct.pack(">I", 100_000)),
        (b"cICP", b"\x0c\x0d\0\1"),
        (b"tRNS", struct.pack(">3H", 200, 20, 30)),
    ]
    row = b"\0" + bytes([200, 20, 30])
    for name, body in late:
        chunk = images.chunk(name, body)
        before = load(images.raw_png((1, 1), row, before=chunk)).image
        after = load(images.raw_png((1, 1), row, after=chunk)).image
        assert before.convert("RGBA").getpixel((0, 0)) != (200, 20, 30, 255), name
        assert after.convert("RGBA").getpixel((0, 0)) == (200, 20, 30, 255), name


def test_transparency_counts_behind_its_palette_only() -> None:
    palette, hidden = images.chunk(b"PLTE", bytes([200, 20, 30])), images.chunk(b"tRNS", b"\0")
    for before, alpha in ((palette + hidden, 0), (hidden + palette, 255)):
        data = images.raw_png((1, 1), b"\0\0", colour=3, before=before)
        assert load(data).image.convert("RGBA").getpixel((0, 0))[3] == alpha  # type: ignore[index]


@pytest.mark.parametrize(
    ("format", "options"),
    [
        ("jpeg", {"quality": 100, "subsampling": 0}),
        ("webp", {"lossless": True}),
        ("avif", {"quality": 100, "subsampling": "4:4:4"}),
    ],
)
def test_a_profile_counts_in_every_format(format: str, options: dict[str, Any]) -> None:
    colour = (180, 90, 60)
    picture = Image.new("RGB", (16, 16), colour)
    data = images.encoded(picture, format, icc_profile=profiles.of_screen(), **options)
    expected = [255 * each for each in colours.from_display_p3(share(colour))]
    assert near(load(data).image.getpixel((8, 8)), expected, 4)


@pytest.mark.parametrize(
    "profile",
    [
        pytest.param(profiles.of_screen(profiles.SRGB, profiles.SRGB_FORMULA), id="by formula"),
        pytest.param(
            profiles.of_screen(profiles.SRGB, profiles.SRGB_TABLE, version=profiles.VERSION_2),
            id="by a table",
        ),
        pytest.param(images.srgb_profile(), id="by LittleCMS"),
    ],
)
def test_a_profile_that_is_srgb_changes_no_pixel(profile: bytes) -> None:
    picture = painted("RGB", any_colours(3))
    assert load(images.png(picture, icc_profile=profile)).image.tobytes() == picture.tobytes()


@pytest.mark.parametrize("connection", [b"XYZ ", b"Lab "])
@pytest.mark.parametrize("exponent", [1.0, 1.8, 2.5])
def test_grey_profiles_are_converted(connection: bytes, exponent: float) -> None:
    profile = profiles.of_grey(exponent, connection=connection)
    ramp = Image.frombytes("L", (16, 16), bytes(range(256)))
    found = all_pixels(load(images.png(ramp, icc_profile=profile)).image)
    if connection == b"Lab ":
        # Then the curve gives L*, and not light.
        light = [colours.xyz_of_lab((100 * (v / 255) ** exponent, 0, 0))[1] for v in range(256)]
    else:
        light = [(value / 255) ** exponent for value in range(256)]
    assert furthest(found, [(colours.encoded(each),) * 3 for each in light]) < 2
    assert all(red == green == blue for red, green, blue in found)


def test_grey_stays_grey_with_a_profile_of_colours() -> None:
    profile = profiles.of_screen(profiles.DISPLAY_P3, profiles.gamma(1.0))
    ramp = Image.frombytes("L", (16, 16), bytes(range(256)))
    found = all_pixels(load(images.png(ramp, icc_profile=profile)).image)
    assert furthest(found, [(colours.encoded(v / 255),) * 3 for v in range(256)]) < 2
    assert all(red == green == blue for red, green, blue in found)


def test_inks_are_converted_by_their_table_and_black_is_black() -> None:
    inks = [*any_colours(4)[:-3], (0, 0, 0, 0), (255, 255, 255, 255), (0, 0, 0, 255)]
    found = all_pixels(srgb(painted("CMYK", inks), profiles.of_inks()))
    table = profiles.table_of_inks()
    expected = [profiles.srgb_of_inks(share(pixel), table) for pixel in inks]
    # LittleCMS and the reference take different paths between the points of the table.
    assert furthest(found, expected) < 12
    assert found[-3] == (255, 255, 255)
    assert max(found[-2]) <= 2


@pytest.mark.parametrize("kind", [b"link", b"abst", b"nmcl", b"????"])
def test_a_profile_of_another_class_is_ignored(kind: bytes) -> None:
    profile = profiles.of_screen(profiles.ADOBE_RGB, profiles.gamma(1.0), kind=kind)
    picture = painted("RGB", any_colours(3))
    assert load(images.png(picture, icc_profile=profile)).image.tobytes() == picture.tobytes()


@pytest.mark.parametrize(
    ("mode", "profile"),
    [
        ("RGB", profiles.of_grey(1.0)),
        ("RGB", profiles.of_inks()),
        ("L", profiles.of_inks()),
        ("CMYK", profiles.of_screen()),
        ("CMYK", profiles.of_grey(1.0)),
    ],
)
def test_a_profile_of_other_channels_is_ignored(mode: str, profile: bytes) -> None:
    picture = images.quarters().convert(mode)
    assert srgb(picture, profile).tobytes() == picture.convert("RGB").tobytes()


def test_a_profile_broken_anywhere_leaves_the_picture() -> None:
    whole = profiles.of_screen(version=profiles.VERSION_2)
    picture = images.quarters((4, 4))
    rng = random.Random(1)
    for _ in range(200):
        broken = bytearray(whole)
        for _ in range(3):
            broken[rng.randrange(len(broken))] = rng.randrange(256)
        assert srgb(picture, bytes(broken[: rng.randrange(len(whole))])).size == picture.size


def test_steps_in_floating_point_are_not_read() -> None:
    # A few kilobytes of them would take minutes. These would make everything black.
    step = b"matf\0\0\0\0" + struct.pack(">HH12f", 3, 3, *[0] * 12)
    table = b"mpet\0\0\0\0" + struct.pack(">HHIII", 3, 3, 1, 24, len(step)) + step
    more = {b"D2B0": table, b"D2B1": table}
    pixels = any_colours(3)
    found = all_pixels(srgb(painted("RGB", pixels), profiles.of_screen(more=more)))
    assert furthest(found, [colours.from_display_p3(share(pixel)) for pixel in pixels]) < 1


# --- JPEG -------------------------------------------------------------------------------------

ADOBE = b"\xff\xee"


def without_adobe(data: bytes) -> bytes:
    at = data.index(ADOBE)
    return data[:at] + data[at + 2 + int.from_bytes(data[at + 2 : at + 4], "big") :]


def as_ycck(inks: Image.Image) -> bytes:
    """As Photoshop writes it: as luminance and differences, of inks that are twice inverted."""
    *three, black = inks.split()
    planes = Image.merge("RGB", three).convert("YCbCr").split()
    # Pillow inverts all four.
    data = images.jpeg(Image.merge("CMYK", [*map(ImageChops.invert, planes), black]))
    at = data.index(ADOBE) + 15
    return data[:at] + b"\2" + data[at + 1 :]


@pytest.mark.parametrize(
    "write", [images.jpeg, as_ycck, lambda inks: without_adobe(images.jpeg(inks))]
)
def test_inks_without_a_profile_are_taken_as_browsers_take_them(
    write: Callable[[Image.Image], bytes],
) -> None:
    for inks in ((0, 0, 0, 0), (255, 0, 0, 0), (40, 200, 120, 60), (0, 0, 0, 255)):
        found = load(write(Image.new("CMYK", (16, 16), inks))).image.getpixel((8, 8))
        # What a colour's own ink leaves, and black leaves of that.
        left = 1 - inks[3] / 255
        assert near(found, [(255 - ink) * left for ink in inks[:3]], 3)


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize(
    "options", [{"subsampling": 0}, {"subsampling": 1}, {"subsampling": 2}, {"keep_rgb": True}]
)
def test_colours_of_a_jpeg_are_right_however_they_are_coded(
    options: dict[str, Any], progressive: bool
) -> None:
    picture = images.quarters((64, 64))
    data = images.encoded(picture, "jpeg", quality=95, progressive=progressive, **options)
    assert shows_quarters(load(data).image)


#: ``images.quarters((16, 16))`` by “cjpeg -quality 90 -sample 1x1 -arithmetic”, and the same with
#: “-progressive”. No Python package writes arithmetic codes.
ARITHMETIC = base64.b85decode(
    "|JeWF01!$>Nk#wx0RR9200961|JwjV00RO70|EjA0|NsD0|NvF2n7WM1O*BQ2L=cX3JeSj3JVJj4iXRz4iOFu3lJ"
    "6%5fc;@6%`B*7Z?^47!ni}6#v@*LjeN>1O)^I2?YfS6b%av6ciK`6ciK`6ciK`6ciK`6ciK`6ciK`6ciK`6ciK`6"
    "ciK`6ciK`6ciK`6ciK`6cqo-01*fP5C9MZ0TBQK5di}c0sqVZ3IGrg1pyEd1^?Or3<CiG0ucid06zf#0MYd4zuLz"
    "F0F#oKgPP|$DRA_&*c`@y|Je"
)
PROGRESSIVE_ARITHMETIC = base64.b85decode(
    "|JeWF01!$>Nk#wx0RR9200961|JwjV00RO70|EjA0|NsD0|NvF2n7WM1O*BQ2L=cX3JeSj3JVJj4iXRz4iOFu3lJ"
    "6%5fc;@6%`B*7Z?^47!ni}6#v@*LjeN>1O)^I2?YfS6b%av6ciK`6ciK`6ciK`6ciK`6ciK`6ciK`6ciK`6ciK`6"
    "ciK`6ciK`6ciK`6ciK`6cqo;01*fP5C9MZ0TBQK5di}c0sqVZ1^^HN5dYc$3<CiG0uTcb000610HZd-P0oh4KJn@"
    "SpDp>THD$mpfd9+@1P}%P+5iXv0RRC70>J;w00a>Q|Jncu0RsU6KLNo1%m4%t1^?Or2mt~C0Y3r2|I7dc5C#9*00"
    ";pA00ut-!2iqu1P}%P+5iXv0RRC%A;ACI01N{G00IC50000G{lNds00a>Q|Jncu0RsU6KM=tG%m4%t1^?Or2mt~C"
    "0Y4DH|I7dc5C#9*00;pA00BP`!2j6"
)


@pytest.mark.parametrize("data", [ARITHMETIC, PROGRESSIVE_ARITHMETIC])
def test_a_jpeg_of_arithmetic_codes_is_decoded_and_half_of_it_is_not(data: bytes) -> None:
    assert shows_quarters(load(data).image)
    for end in range(len(data) - 2, 2, -9):
        with pytest.raises(TruncatedImage):
            load(data[:end])


@pytest.mark.parametrize("frame", [0xC3, 0xC5, 0xC6, 0xC7, 0xCB, 0xCD, 0xCE, 0xCF])
def test_a_jpeg_of_a_kind_that_nobody_shows_is_refused(frame: int) -> None:
    with pytest.raises(TruncatedImage):
        load(images.jpeg().replace(b"\xff\xc0", bytes((0xFF, frame)), 1))


# --- PNG --------------------------------------------------------------------------------------


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_grey_and_palettes_of_few_bits(depth: int) -> None:
    count = 1 << depth
    pixels = sum(place << (depth * (count - 1 - place)) for place in range(count))
    row = b"\0" + pixels.to_bytes(max(1, depth * count // 8), "big")
    if depth == 1:
        row = b"\0\x40"
    grey = images.raw_png((count, 1), row, depth=depth, colour=images.GREY)
    levels = [255 * place // (count - 1) for place in range(count)]
    assert all_pixels(load(grey).image) == [(level,) * 3 for level in levels]
    palette = [(17 * place, 255 - 16 * place, place) for place in range(count)]
    chunks = images.chunk(b"PLTE", bytes(value for colour in palette for value in colour))
    seen = bytes(255 - 3 * place for place in range(count))
    chunks += images.chunk(b"tRNS", seen)
    data = images.raw_png((count, 1), row, depth=depth, colour=3, before=chunks)
    expected = [(*colour, alpha) for colour, alpha in zip(palette, seen, strict=True)]
    assert all_pixels(load(data).image) == expected


@pytest.mark.parametrize(
    ("colour", "samples"),
    [(0, (0x80FF,)), (4, (0x80FF, 0x7F01)), (6, (0x01FE, 0xFF00, 3, 0x7F01))],
)
def test_of_16_bits_the_high_byte_is_taken_as_browsers_do(
    colour: int, samples: tuple[int, ...]
) -> None:
    row = b"\0" + struct.pack(f">{len(samples)}H", *samples)
    high = [sample >> 8 for sample in samples]
    expected = high if colour == 6 else [high[0]] * 3 + high[1:]
    assert load(images.raw_png((1, 1), row, depth=16, colour=colour)).image.getpixel(
        (0, 0)
    ) == tuple(expected)


# --- edges ------------------------------------------------------------------------------------

SIDE = 300


def ring(hidden: tuple[int, int, int]) -> Image.Image:
    """A red disc. What is invisible around it has another colour, which must never be seen."""
    large = Image.new("L", (SIDE, SIDE))
    large.putdata(
        [
            255 * ((x - SIDE / 2) ** 2 + (y - SIDE / 2) ** 2 < (SIDE / 3) ** 2)
            for y in range(SIDE)
            for x in range(SIDE)
        ]
    )
    picture = Image.new("RGB", (SIDE, SIDE), hidden)
    picture.paste(images.RED, mask=large)
    picture.putalpha(large)
    return picture


def with_a_palette(picture: Image.Image, format: str) -> bytes:
    indexed = picture.getchannel("A").point([0] * 128 + [1] * 128)
    indexed.putpalette([0, 0, 0, *images.RED])
    return images.encoded(indexed, format, transparency=0)


def with_a_hidden_colour(picture: Image.Image, depth: int) -> bytes:
    rows = b""
    for y in range(SIDE):
        row = picture.crop((0, y, SIDE, y + 1)).convert("RGB").tobytes()
        rows += b"\0" + (row if depth == 8 else bytes(v for value in row for v in (value, value)))
    times = 1 if depth == 8 else 257
    hidden = struct.pack(">3H", *(times * v for v in picture.convert("RGB").getpixel((0, 0))))
    return images.raw_png((SIDE, SIDE), rows, depth=depth, before=images.chunk(b"tRNS", hidden))


FILES: dict[str, Callable[[Image.Image], bytes]] = {
    "png": images.png,
    "png-la": lambda picture: images.png(picture.convert("LA")),
    "png-palette": partial(with_a_palette, format="png"),
    "png-hidden": partial(with_a_hidden_colour, depth=8),
    "png-hidden-16": partial(with_a_hidden_colour, depth=16),
    "gif": partial(with_a_palette, format="gif"),
    "webp": partial(images.encoded, format="webp", lossless=True, exact=True),
    "avif": partial(images.encoded, format="avif", quality=95, subsampling="4:4:4"),
    "avif-premultiplied": partial(
        images.encoded,
        format="avif",
        quality=95,
        subsampling="4:4:4",
        alpha_premultiplied=True,
    ),
}


@pytest.mark.parametrize("hidden", [(0, 0, 0), (0, 255, 0)], ids=["black", "green"])
@pytest.mark.parametrize("file", FILES)
def test_no_edge_has_a_halo_of_what_is_invisible(file: str, hidden: Any) -> None:
    data = FILES[file](ring(hidden))
    expected = images.half_grey() if file == "png-la" else images.RED
    spec = replace(SPEC, master_side=60, sizes=(10, 20, 40))
    whole = load(data, spec=spec)
    # The edge of the disc alone, with more pixels than the whole.
    part = load(data, spec=spec, crop=(30, 30, 90, 90))
    assert part.detail is not None
    seen = [whole.image, part.detail]
    seen += [square for picture in (whole, part) for _, square in imaging.squares(picture, spec)]
    for image in seen:
        assert image.mode == "RGBA"
        partly = [pixel for pixel in all_pixels(image) if 40 < pixel[3] < 250]
        assert partly
        # The filter makes edges a little sharper. A halo would be off by a hundred.
        assert all(near(pixel[:3], expected, 24) for pixel in partly)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["jpeg", "png", "webp", "avif"])
def test_a_very_narrow_picture_is_turned_as_well(format: str, orientation: int) -> None:
    # Red at its left end, and blue at the other one.
    upright = Image.new("RGB", (64, 2), images.RED)
    upright.paste(images.BLUE, (32, 0, 64, 2))
    data = images.turned(upright, orientation, format, quality=100)
    image = load(data).image
    assert image.size == (64, 2)
    assert near(image.getpixel((2, 0)), images.RED, 24)
    assert near(image.getpixel((61, 1)), images.BLUE, 24)
