"""The frames of an animated upload: what is seen at each step, for how long, and what is kept."""

from __future__ import annotations

import io
import math
import struct
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image

from django_avatar_kit.exceptions import TruncatedImage
from django_avatar_kit.uploads import animation, intake, memory_estimate
from django_avatar_kit.uploads.decoders import frames as decoders
from django_avatar_kit.uploads.decoders import gif_frames, png, png_frames, webp_frames
from tests.support import animations, images, vp8l
from tests.support.animations import FORMATS, SIZE, THREE, Frame, make, played
from tests.support.corpus import webp
from tests.support.images import BLUE, GREEN, RED
from tests.support.pictures import SPEC, load, near

MOVING = replace(SPEC, animated=True)
#: As the settings have it. Without a limit, a file is one of the kit's own.
MEMORY = 256 << 20
LEFT, MIDDLE, RIGHT = (0, 0, 8, 12), (4, 2, 12, 10), (8, 0, 16, 12)


def kept(data, *, spec=MOVING, max_memory=MEMORY, **options):
    return load(data, spec=spec, max_memory=max_memory, **options).animation


def seen(data):
    """The pixels of each frame, as RGBA."""
    return [pixels(frame) for frame in kept(data).frames]


def pixels(image):
    data = image.convert("RGBA").tobytes()
    return [tuple(data[at : at + 4]) for at in range(0, len(data), 4)]


def alike(found, expected):
    """Whether all frames look the same; of what is transparent, the colour does not matter."""
    return len(found) == len(expected) and all(
        near(one, other, 2) or one[3] == other[3] == 0
        for frame, wanted in zip(found, expected, strict=True)
        for one, other in zip(frame, wanted, strict=True)
    )


# --- what is seen -----------------------------------------------------------------------------


@pytest.mark.parametrize("format", FORMATS)
def test_without_the_setting_the_first_frame_is_the_picture(format):
    picture = load(make(format), spec=SPEC, max_memory=MEMORY)
    assert picture.animation is None
    assert near(picture.image.convert("RGB").getpixel((3, 3)), RED)


@pytest.mark.parametrize("format", FORMATS)
def test_all_frames_are_kept_and_the_first_is_still_the_picture(format):
    picture = load(make(format), spec=MOVING, max_memory=MEMORY)
    assert alike(seen(make(format)), played(THREE))
    assert near(picture.image.convert("RGB").getpixel((3, 3)), RED)
    assert {frame.mode for frame in picture.animation.frames} == {"RGB"}
    assert {frame.size for frame in picture.animation.frames} == {SIZE}


DISPOSALS = [
    ("gif", "keep"),
    ("gif", "clear"),
    ("gif", "restore"),
    ("png", "keep"),
    ("png", "clear"),
    ("png", "restore"),
    ("webp", "keep"),
    ("webp", "clear"),
]


@pytest.mark.parametrize(("format", "disposal"), DISPOSALS)
def test_what_becomes_of_a_part_when_its_time_is_over(format, disposal):
    steps = (
        Frame(colour=RED),
        Frame(colour=GREEN, box=MIDDLE, hole=(6, 4, 8, 6), disposal=disposal),
        Frame(colour=BLUE, box=RIGHT, disposal=disposal),
        Frame(colour=GREEN, box=(0, 0, 2, 2)),
    )
    assert alike(seen(make(format, steps)), played(steps))


@pytest.mark.parametrize("disposal", ["clear", "restore"])
@pytest.mark.parametrize("format", FORMATS)
def test_before_the_first_frame_there_is_nothing(format, disposal):
    if (format, disposal) not in DISPOSALS:
        return
    steps = (Frame(colour=RED, disposal=disposal), Frame(colour=BLUE, box=LEFT))
    found = seen(make(format, steps))
    assert alike(found, played(steps))
    assert found[1][-1][3] == 0


@pytest.mark.parametrize("blends", [True, False])
@pytest.mark.parametrize("format", ["png", "webp"])
def test_a_translucent_part_lies_over_what_was_there_or_takes_its_place(format, blends):
    steps = (
        Frame(colour=RED, hole=RIGHT),
        Frame(colour=(*BLUE, 128), box=MIDDLE, hole=(4, 2, 6, 4), blends=blends),
    )
    assert alike(seen(make(format, steps)), played(steps))


def test_a_part_of_a_gif_beyond_the_canvas_is_cut_off():
    steps = (Frame(colour=RED), Frame(colour=BLUE, box=(10, 8, 20, 14)))
    assert alike(seen(make("gif", steps)), played(steps))


def test_a_gif_of_an_old_program_that_restores_by_another_number():
    steps = (
        Frame(colour=RED),
        Frame(colour=GREEN, box=LEFT, disposal="restore"),
        Frame(colour=BLUE, box=RIGHT),
    )
    data = make("gif", steps)
    old = data.replace(b"!\xf9\4" + bytes([3 << 2]), b"!\xf9\4" + bytes([4 << 2]))
    assert old != data
    assert alike(seen(old), played(steps))


@pytest.mark.parametrize("disposal", [0, 7])
def test_a_gif_with_one_palette_for_all_frames_or_none(disposal):
    """And a disposal that means nothing: what was there stays."""
    data = make("gif", (Frame(colour=RED), Frame(colour=GREEN, box=LEFT, hole=(2, 2, 4, 4))))
    for colour in (RED, GREEN):
        data = data.replace(b"\x80" + bytes(colour) + b"\1\2\3", b"\0")
    data = data.replace(b"!\xf9\4\5", b"!\xf9\4" + bytes([disposal << 2]))
    shared = data[:10] + b"\x80\0\0" + bytes(BLUE) + b"\1\2\3" + data[13:]
    first, second = kept(shared).frames
    assert near(first.getpixel((9, 9)), BLUE)
    assert near(second.getpixel((3, 3)), (1, 2, 3))
    assert near(second.getpixel((9, 9)), BLUE)
    # Grey, then: its numbers are the colours.
    first, second = kept(data).frames
    assert first.getpixel((9, 9)) == second.getpixel((9, 9)) == (0, 0, 0)
    assert second.getpixel((3, 3)) == (1, 1, 1)


def test_a_png_whose_default_picture_is_no_part_of_the_animation():
    data = animations.png((Frame(colour=GREEN), Frame(colour=BLUE)), default=Frame(colour=RED))
    picture = load(data, spec=MOVING, max_memory=MEMORY)
    assert near(picture.image.convert("RGB").getpixel((3, 3)), RED)
    assert alike(seen(data), played((Frame(colour=GREEN), Frame(colour=BLUE))))


def test_lossy_frames_of_a_webp_with_alpha_beside_them():
    steps = (Frame(colour=RED, hole=(0, 0, 8, 8)), Frame(colour=BLUE, blends=False))
    body = b"".join(
        animations.webp_chunk(b"ANMF", animations.webp_frame(each, lossless=False))
        for each in steps
    )
    data = make("webp", ())
    whole = data + body
    found = seen(whole[:4] + struct.pack("<I", len(whole) - 8) + whole[8:])
    assert found[0][0][3] == 0
    assert near(found[0][-1][:3], RED)
    assert near(found[1][0][:3], BLUE)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_frame_is_turned_upright(orientation):
    stored = images.quarters(SIZE)
    turned = (Image.new("RGB", SIZE, "black"), stored)
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = images.encoded(
        turned[0], "webp", save_all=True, append_images=[stored], lossless=True, exif=exif
    )
    still = load(images.encoded(stored, "webp", lossless=True, exif=exif)).image
    moving = kept(data)
    assert moving.frames[1].tobytes() == still.tobytes()
    assert moving.size == still.size


@pytest.mark.parametrize("format", ["png", "webp"])
def test_every_frame_comes_out_in_srgb(format):
    options: Any = {"lossless": True} if format == "webp" else {}
    data = images.animation(format, icc_profile=images.swapped_profile(), **options)
    found = [frame.convert("RGB").getpixel((9, 9)) for frame in kept(data).frames]
    assert near(found[0], RED[::-1])
    assert near(found[1], BLUE[::-1])


def test_a_profile_of_grey_is_applied_to_grey_frames():
    first, second = Image.new("L", (20, 20), 128), Image.new("L", (20, 20), 64)
    data = images.encoded(
        first, "png", save_all=True, append_images=[second], icc_profile=images.grey_profile()
    )
    picture = load(data, spec=MOVING, max_memory=MEMORY)
    assert picture.animation.frames[0].getpixel((0, 0)) == picture.image.getpixel((0, 0))
    assert min(picture.image.convert("L").tobytes()) > 180


# --- for how long -----------------------------------------------------------------------------


@pytest.mark.parametrize(("said", "shown"), [(0, 100), (10, 100), (20, 20), (1500, 1500)])
@pytest.mark.parametrize("format", FORMATS)
def test_a_frame_is_shown_as_long_as_browsers_show_it(format, said, shown):
    data = make(format, (Frame(colour=RED, duration=said), Frame(colour=BLUE, duration=250)))
    assert kept(data).durations == (shown, 250)


def test_a_time_in_a_png_is_a_fraction_of_a_second():
    data = animations.png((Frame(duration=30), Frame(colour=BLUE, duration=5)), unit=0)
    # A fraction by nothing is one by a hundred.
    assert kept(data).durations == (300, 50)


@pytest.mark.parametrize("plays", [0, 1, 3])
@pytest.mark.parametrize("format", FORMATS)
def test_how_many_times_it_is_played(format, plays):
    assert kept(make(format, plays=plays)).plays == plays


def test_a_gif_that_is_played_more_often_than_a_webp_can_be():
    assert kept(animations.gif(plays=65_536)).plays == 65_535


# --- what is no animation ---------------------------------------------------------------------


@pytest.mark.parametrize("format", FORMATS)
def test_one_frame_or_the_same_one_twice_does_not_move(format):
    assert kept(make(format, (Frame(),))) is None
    assert kept(make(format, (Frame(), Frame(duration=300)))) is None


@pytest.mark.parametrize("format", ["jpeg", "png", "webp", "avif"])
def test_a_picture_that_stands_still(format):
    assert kept(images.encoded(images.quarters(), format)) is None


def test_chunks_of_an_animation_behind_the_pixels_mean_nothing():
    control = images.chunk(b"acTL", struct.pack(">II", 2, 0))
    behind = images.chunk(b"fcTL", animations.png_control(0, Frame()))
    data = images.raw_png((1, 1), b"\0\1\2\3", after=control + behind)
    assert kept(data) is None
    # A frame of an animation that was not announced.
    assert kept(images.raw_png((1, 1), b"\0\1\2\3", before=behind)) is None


def test_frames_of_a_png_beyond_those_that_were_announced_are_left_out():
    assert alike(seen(animations.png(THREE, count=2)), played(THREE[:2]))


# --- what is kept of it -----------------------------------------------------------------------


@pytest.mark.parametrize("format", FORMATS)
def test_too_many_frames_are_a_still_picture(format, monkeypatch):
    monkeypatch.setattr(decoders, "MOST_FRAMES", 3)
    monkeypatch.setattr("django_avatar_kit.uploads.decoders.png_frames.MOST_FRAMES", 3)
    assert len(kept(make(format)).frames) == 3
    picture = load(make(format, (*THREE, Frame())), spec=MOVING, max_memory=MEMORY)
    assert picture.animation is None
    assert near(picture.image.convert("RGB").getpixel((3, 3)), RED)


@pytest.mark.parametrize("format", FORMATS)
def test_a_minute_is_kept_and_no_more(format):
    steps = (Frame(colour=RED, duration=30_000), Frame(colour=BLUE, duration=30_000))
    assert kept(make(format, steps)).durations == (30_000, 30_000)
    assert kept(make(format, (*steps, Frame(duration=20)))) is None


@pytest.mark.parametrize("format", FORMATS)
def test_the_pixels_of_all_frames_are_counted_as_if_each_were_the_whole_picture(format):
    small = (Frame(colour=RED), Frame(colour=BLUE, box=(0, 0, 1, 1)))
    pixels = 2 * math.prod(SIZE)
    assert kept(make(format, small), max_pixels=pixels)
    assert kept(make(format, small), max_pixels=pixels - 1) is None


@pytest.mark.parametrize("format", FORMATS)
def test_more_pixels_than_take_the_usual_time_are_a_still_picture(format, monkeypatch):
    # A WebP also has codes before its pixels, which count as a few more.
    monkeypatch.setattr(reader(format), "most_pixels", int(3.9 * math.prod(SIZE)))
    assert kept(make(format)) is not None
    assert kept(make(format, (*THREE, Frame()))) is None


def reader(format):
    return intake.frames_of(format)


def test_a_part_of_a_gif_that_is_larger_than_the_picture_is_not_decoded():
    steps = (Frame(colour=RED), Frame(colour=BLUE, box=(0, 0, 17, 12)))
    assert kept(make("gif", steps)) is None


def test_the_memory_of_all_frames_counts():
    data = make("gif")
    still = 0
    original = memory_estimate.needed

    def note(*given, **options):
        nonlocal still
        still = original(*given, **options)
        return still

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory_estimate, "needed", note)
        assert kept(data)
    whole = still + animation.needed(SIZE, SIZE, 3)
    assert kept(data, max_memory=whole)
    assert kept(data, max_memory=whole - 1) is None


def codes(*groups, tile=2):
    """A WebP of 320 × 240 px, whose frames have so many groups of codes."""
    size = (320, 240)
    bodies = [webp.chunk(b"VP8L", vp8l.picture(size, count, tile=tile)) for count in groups]
    # What looks the same would be no animation.
    first = webp.chunk(b"VP8L", images.encoded(Image.new("RGB", size), "webp", lossless=True)[20:])
    frames = (webp.frame(body, size=size) for body in (first, *bodies))
    return webp.animation(*frames, size=size)


def test_the_memory_of_the_codes_of_a_later_frame_counts():
    few, many = codes(2), codes(4800)
    assert kept(few, max_memory=64 << 20)
    assert kept(many, max_memory=128 << 20)
    assert kept(many, max_memory=64 << 20) is None
    assert load(many, spec=MOVING, max_memory=64 << 20).image.size == (320, 240)


def test_the_time_of_the_codes_of_all_frames_counts():
    assert kept(codes(*[4800] * 2))
    assert kept(codes(*[4800] * 8)) is None


def test_frames_are_as_large_as_the_largest_rendition_needs():
    first, second = Image.new("RGB", (90, 60), RED), Image.new("RGB", (90, 60), BLUE)
    data = images.encoded(first, "png", save_all=True, append_images=[second])
    assert kept(data, spec=replace(MOVING, sizes=(16, 40))).size == (60, 40)
    assert kept(data, spec=replace(MOVING, sizes=(16, 80))).size == (90, 60)
    assert kept(data, spec=replace(MOVING, sizes=(80,), master_side=45)).size == (45, 30)
    assert kept(data, spec=replace(MOVING, sizes=(20,)), crop=(0, 0, 30, 30)).size == (60, 40)
    # All of it on a square.
    assert kept(data, spec=replace(MOVING, sizes=(30,), fit="contain")).size == (30, 20)


def test_the_more_frames_there_are_the_smaller_they_become(monkeypatch):
    first, second = Image.new("RGB", (300, 200), RED), Image.new("RGB", (300, 200), BLUE)
    data = images.encoded(first, "gif", save_all=True, append_images=[second])
    encoded = 2 * (300 * 200 + animation.LADDER * 200**2)
    monkeypatch.setattr(animation, "MOST_ENCODED", encoded)
    assert kept(data).size == (300, 200)
    monkeypatch.setattr(animation, "MOST_ENCODED", encoded / 4)
    assert kept(data).size == (150, 100)
    # The kit's own files were made under other limits, perhaps.
    assert kept(data, max_memory=None).size == (300, 200)
    # Nobody would see what moves.
    monkeypatch.setattr(animation, "MOST_ENCODED", encoded / 16)
    assert kept(data) is None


def test_of_transparent_frames_fewer_pixels_are_kept(monkeypatch):
    first = Image.new("RGBA", (200, 200), (*RED, 128))
    second = Image.new("RGBA", (200, 200), (*BLUE, 128))
    data = images.encoded(first, "png", save_all=True, append_images=[second])
    # The largest rendition shows all of it, and serves as the master.
    monkeypatch.setattr(animation, "MOST_ENCODED", 2 * animation.LADDER * 200**2)
    assert kept(data).size == (round(200 / 1.5**0.5),) * 2
    monkeypatch.setattr(animation, "TRANSPARENT", 1)
    assert kept(data).size == (200, 200)


# --- what is damaged --------------------------------------------------------------------------


@pytest.mark.parametrize("format", FORMATS)
def test_a_file_that_ends_in_a_later_frame_is_refused(format):
    data = make(format)
    cut = data[: len(data) - {"gif": 20, "png": 30, "webp": 6}[format]]
    # Its first frame is whole.
    assert load(cut, spec=SPEC, max_memory=MEMORY).animation is None
    with pytest.raises(TruncatedImage):
        kept(cut)


def test_the_end_itself_may_be_missing():
    assert len(kept(animations.gif(end=b"")).frames) == 3
    assert len(kept(animations.png().removesuffix(images.chunk(b"IEND"))).frames) == 3


def test_a_frame_of_a_gif_that_ends_before_its_last_row():
    half = animations.gif_frame(Frame(colour=BLUE, box=(0, 0, 16, 6)))
    size = struct.pack("<HH", 16, 6)
    with pytest.raises(TruncatedImage):
        kept(animations.gif().removesuffix(b";") + half.replace(size, struct.pack("<HH", 16, 12)))


def test_a_later_frame_of_nonsense_is_refused():
    last = animations.gif_frame(THREE[-1])
    nonsense = last[:-60] + b"\xff" * 50 + last[-10:]
    with pytest.raises(TruncatedImage):
        kept(animations.gif(THREE[:2]).removesuffix(b";") + nonsense + b";")
    data = animations.png()
    for each in (struct.pack(">I", number) for number in (2, 3, 5, 6)):
        start = data.index(b"fdAT" + each) + 8
        data = data[:start] + b"\xff" * 8 + data[start + 8 :]
    with pytest.raises(TruncatedImage):
        kept(data)
    data = animations.webp()
    start = data.rindex(b"VP8L") + 10
    with pytest.raises(TruncatedImage):
        kept(data[:start] + b"\xff" * 8 + data[start + 8 :])


CONTROL = animations.png_control(1, THREE[1])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda control: b"\0\0\0\7" + control[4:], "out of order"),
        (lambda control: control[:4] + struct.pack(">I", 17) + control[8:], "beyond the picture"),
        (lambda control: control[:4] + bytes(4) + control[8:], "without a width"),
        (lambda control: control[:-2] + b"\3\0", "a disposal that there is not"),
        (lambda control: control[:-1] + b"\2", "a blending that there is not"),
        (lambda control: control[:-1], "too short"),
    ],
)
def test_a_png_with_a_frame_that_cannot_be(change, reason):
    data = animations.png()
    broken = data.replace(images.chunk(b"fcTL", CONTROL), images.chunk(b"fcTL", change(CONTROL)))
    assert broken != data, reason
    with pytest.raises(TruncatedImage):
        kept(broken)


def test_a_png_with_a_wrong_checksum_over_a_frame():
    data, whole = animations.png(), images.chunk(b"fcTL", CONTROL)
    with pytest.raises(TruncatedImage):
        kept(data.replace(whole, whole[:-4] + b"\0\0\0\0"))


def test_no_frame_of_a_png_is_decoded_twice_for_its_checksum(monkeypatch):
    rows, whole = animations._rows, seen(animations.png())

    def with_end(end):
        monkeypatch.setattr(animations, "_rows", lambda frame: rows(frame)[:-4] + end)
        return animations.png()

    assert alike(seen(with_end(b"sum?")), whole)
    with pytest.raises(TruncatedImage):
        kept(with_end(b"sum?" + b"rubbish" * 20))


def test_deep_and_interlaced_frames_of_a_png_count_more():
    def work(depth, interlaced):
        head = struct.pack(">IIBBBBB", *SIZE, depth, 6, 0, 0, interlaced)
        data = animations.png()
        source = png.Png(io.BytesIO(data[:8] + images.chunk(b"IHDR", head) + data[33:]))
        return png_frames.PngFrames(io.BytesIO(data), source).work

    assert work(8, interlaced=False) < work(8, interlaced=True) < work(16, interlaced=False)


def test_a_png_with_fewer_frames_than_it_says_or_with_one_of_no_pixels():
    with pytest.raises(TruncatedImage):
        kept(animations.png(count=4))
    parts = animations.png(THREE[:1], count=2).split(images.chunk(b"IEND"))
    with pytest.raises(TruncatedImage):
        kept(parts[0] + images.chunk(b"fcTL", CONTROL) + images.chunk(b"IEND"))


def test_a_png_of_more_frames_than_there_may_be_is_not_read():
    assert kept(animations.png(count=decoders.MOST_FRAMES + 1)) is None


def test_a_gif_with_a_frame_of_no_size():
    with pytest.raises(TruncatedImage):
        kept(animations.gif((Frame(), Frame(box=(0, 0, 0, 12)))))


@pytest.mark.parametrize(
    "frame",
    [
        animations.webp_frame(Frame(box=(2, 0, 18, 12))),
        animations.webp_frame(Frame(box=(0, 4, 16, 16))),
        # Of another size than the picture in it.
        animations.webp_frame(Frame(box=LEFT))[:6]
        + animations.webp_frame(Frame(box=MIDDLE))[6:12]
        + animations.webp_frame(Frame(box=LEFT))[12:],
        # Without a picture in it.
        animations.webp_frame(Frame())[:16],
        animations.webp_frame(Frame())[:16] + animations.webp_chunk(b"ABCD", b""),
        # With one that is longer than the frame.
        animations.webp_frame(Frame())[:20] + struct.pack("<I", 999),
    ],
)
def test_a_webp_with_a_frame_that_cannot_be(frame):
    data = make("webp", THREE[:2]) + animations.webp_chunk(b"ANMF", frame)
    with pytest.raises(TruncatedImage):
        kept(data)


def test_a_file_of_very_many_parts_is_a_still_picture(monkeypatch):
    monkeypatch.setattr(gif_frames, "MOST_BLOCKS", 15)
    assert kept(animations.gif()) is not None
    assert kept(animations.gif(comment=b"x" * 9)) is None
    monkeypatch.setattr(webp_frames, "MOST_CHUNKS", 3)
    assert kept(make("webp")) is not None
    assert kept(make("webp", (*THREE, Frame()))) is None


def test_a_picture_that_was_decoded_for_another_field_is_decoded_again():
    moving = load(make("gif"), spec=MOVING, max_memory=MEMORY)
    assert moving.serves(MOVING)
    assert not moving.serves(replace(MOVING, sizes=(8,)))
    assert not load(make("gif"), spec=SPEC).serves(MOVING)
