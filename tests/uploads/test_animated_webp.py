"""The files of what moves, decoded frame by frame and compared with the upload."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from PIL import Image, ImageChops, ImageDraw

from django_avatar_kit import pipeline
from django_avatar_kit.uploads import animation
from django_avatar_kit.uploads.animated_webp import AnimatedWebP
from tests.support import animations, images
from tests.support.animations import FORMATS, THREE, Frame, make
from tests.support.images import BLUE, GREEN, RED
from tests.support.pictures import SPEC, load, near, psnr

MOVING = replace(SPEC, animated=True, sizes=(16, 32, 64))
MEMORY = 256 << 20


def cut(data, spec=MOVING, crop=None):
    return pipeline.cut(load(data, spec=spec, crop=crop, max_memory=MEMORY), spec)


def frames(data):
    """Each frame of a file, as it is seen, and for how many ms."""
    found = []
    with Image.open(io.BytesIO(data)) as image:
        for at in range(image.n_frames):
            image.seek(at)
            image.load()
            found.append((image.convert("RGBA"), image.info["duration"]))
    return found


def moving_dot(count=5, size=(96, 64)):
    """A dot that wanders over two colours, with times of its own."""
    pictures = []
    for at in range(count):
        picture = Image.new("RGB", size, BLUE)
        picture.paste(GREEN, (size[0] // 2, 0, *size))
        x = 6 + at * (size[0] - 30) // count
        ImageDraw.Draw(picture).ellipse((x, 20, x + 24, 44), fill=RED)
        pictures.append(picture)
    return pictures


def film(pictures, format="png", **options):
    first, *others = pictures
    return images.encoded(first, format, save_all=True, append_images=others, **options)


@pytest.mark.parametrize("format", FORMATS)
def test_each_size_moves_beside_those_that_stand_still(format):
    times = [50, 100, 150, 200, 250]
    options = {"lossless": True} if format == "webp" else {}
    source = moving_dot()
    files = cut(film(source, format, duration=times, loop=0, **options))
    assert [(each.size, each.format, each.animated) for each in files.renditions] == [
        (16, "webp", False),
        (32, "webp", False),
        (64, "webp", False),
        (16, "webp", True),
        (32, "webp", True),
        (64, "webp", True),
    ]
    assert {each.content_type for each in files.renditions} == {"image/webp"}
    largest = frames(files.renditions[-1].data)
    assert [shown for _, shown in largest] == times
    square = (16, 0, 80, 64)
    for (found, _), wanted in zip(largest, source, strict=True):
        assert psnr(found.convert("RGB"), wanted.crop(square)) > 25


def test_the_master_moves_and_shows_all_of_the_picture():
    source = moving_dot()
    files = cut(film(source))
    assert files.master.animated
    assert files.master.extension == "webp"
    assert (files.master.width, files.master.height) == (96, 64)
    for (found, _), wanted in zip(frames(files.master.data), source, strict=True):
        assert psnr(found.convert("RGB"), wanted) > 25
    name = files.name()
    assert (name.width, name.height, name.formats, name.animated) == (96, 64, ("webp",), True)


def test_the_master_of_a_square_is_its_largest_rendition():
    files = cut(film(moving_dot(size=(64, 64))))
    assert files.master.data == files.renditions[-1].data
    assert files.master.size == 0
    # Of a part it is not.
    part = cut(film(moving_dot(size=(64, 64))), crop=(0, 0, 32, 32))
    assert part.master.data != part.renditions[-1].data
    assert part.crop == (0, 0, 32, 32)
    other = replace(MOVING, fit="contain")
    assert cut(film(moving_dot()), other).master.width == 64


def test_a_part_that_was_chosen_moves():
    source = moving_dot()
    files = cut(film(source), crop=(0, 0, 48, 48))
    assert files.crop == (0, 0, 48, 48)
    for (found, _), wanted in zip(frames(files.renditions[-1].data), source, strict=False):
        assert found.size == (48, 48)
        assert psnr(found.convert("RGB"), wanted.crop((0, 0, 48, 48))) > 25


def test_all_of_it_on_a_square_with_a_margin():
    files = cut(film(moving_dot()), replace(MOVING, fit="contain", sizes=(48,)))
    for found, _ in frames(files.renditions[-1].data):
        assert found.size == (48, 48)
        assert found.getpixel((24, 2))[3] == 0
        assert near(found.getpixel((46, 24))[:3], GREEN, 12)


def test_a_background_lies_under_every_frame():
    steps = (Frame(hole=(0, 0, 8, 12)), Frame(colour=BLUE, hole=(0, 0, 8, 12), blends=False))
    files = cut(animations.png(steps), replace(MOVING, background="#00ff00", sizes=(12,)))
    for data in (files.master.data, files.renditions[-1].data):
        for found, _ in frames(data):
            assert found.getchannel("A").getextrema() == (255, 255)
            assert near(found.getpixel((1, 6))[:3], (0, 255, 0), 30)


def test_transparent_parts_stay_transparent():
    steps = (
        Frame(colour=RED, hole=(2, 0, 6, 12), disposal="clear"),
        Frame(colour=BLUE, hole=(8, 0, 12, 12)),
    )
    (first, _), (second, _) = frames(cut(make("gif", steps)).renditions[-1].data)
    assert first.getpixel((1, 5))[3] == second.getpixel((8, 5))[3] == 0
    assert near(first.getpixel((10, 5)), (*RED, 255), 40)
    assert near(second.getpixel((1, 5)), (*BLUE, 255), 40)


@pytest.mark.parametrize("plays", [0, 1, 4])
def test_it_is_played_as_often_as_the_upload(plays):
    files = cut(make("gif", plays=plays))
    with Image.open(io.BytesIO(files.renditions[-1].data)) as image:
        assert image.info["loop"] == plays


def test_frames_that_show_the_same_are_one_that_is_shown_longer():
    steps = (Frame(), Frame(duration=200), Frame(colour=BLUE), Frame(colour=BLUE, duration=50))
    assert [shown for _, shown in frames(cut(make("gif", steps)).master.data)] == [300, 150]


def test_only_what_has_changed_is_in_a_later_frame():
    noise = Image.effect_noise((64, 64), 90).convert("RGB")
    other = noise.copy()
    other.paste(RED, (11, 11, 15, 15))
    alone = cut(film([noise, ImageChops.invert(noise)])).master.data
    little = cut(film([noise, other])).master.data
    assert len(little) < 0.6 * len(alone)
    (_, _), (found, _) = frames(little)
    assert near(found.getpixel((13, 13))[:3], RED, 60)


def test_a_site_without_webp_gets_it_for_what_moves():
    files = cut(film(moving_dot()), replace(MOVING, formats=("jpeg",), quality={}, sizes=(32,)))
    assert [(each.format, each.animated) for each in files.renditions] == [
        ("jpeg", False),
        ("webp", True),
    ]


def test_a_large_size_may_have_fewer_pixels(monkeypatch):
    monkeypatch.setattr(animation, "SMALLEST", 1)
    monkeypatch.setattr(animation, "MOST_ENCODED", 40_000)
    files = cut(film(moving_dot()))
    assert [each.size for each in files.renditions if each.animated] == [16, 32, 64]
    assert files.renditions[-1].width < 64
    assert files.renditions[-1].width == frames(files.renditions[-1].data)[0][0].width
    # A smaller one than all that there are.
    monkeypatch.setattr(animation, "MOST_ENCODED", 2_000)
    assert cut(film(moving_dot())).renditions[3].width < 16


def test_the_same_upload_gives_the_same_bytes():
    first, second = (cut(film(moving_dot())) for _ in range(2))
    assert [each.data for each in first.renditions] == [each.data for each in second.renditions]


MARKER = b"leave-no-trace"


@pytest.mark.parametrize(
    "data",
    [
        animations.gif(comment=MARKER, end=b";" + MARKER),
        animations.png(extra=images.chunk(b"tEXt", b"Comment\0" + MARKER)) + MARKER,
        animations.webp(extra=animations.webp_chunk(b"XMP ", MARKER)) + MARKER,
    ],
    ids=FORMATS,
)
def test_nothing_but_the_pixels_is_kept(data):
    files = cut(data)
    assert all(each.animated for each in files.renditions[3:])
    for each in (files.master, *files.renditions):
        assert MARKER not in each.data
    parts = _chunks(files.master.data)
    assert parts == [b"VP8X", b"ANIM", *[b"ANMF"] * len(THREE)]


def _chunks(data):
    names, at = [], 12
    while at < len(data):
        names.append(data[at : at + 4])
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        at += 8 + size + size % 2
    return names


def test_what_changes_begins_at_an_even_place():
    """The format has half of it. Here it is odd, in both directions."""
    one, two = Image.new("RGB", (20, 20), BLUE), Image.new("RGB", (20, 20), BLUE)
    two.paste(RED, (5, 7, 20, 20))
    file = AnimatedWebP((20, 20), 90, 0)
    file.add(one, 40)
    file.add(two, 40)
    (_, _), (found, _) = frames(file.data())
    assert near(found.getpixel((15, 15))[:3], RED, 20)
    assert near(found.getpixel((1, 15))[:3], BLUE, 20)
