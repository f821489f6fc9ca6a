"""What is bounded before a decode: at the limit it is taken, and beyond that it is refused."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image, ImageFile

from django_avatar_kit.exceptions import (
    DecompressionBomb,
    TooMuchTime,
    TruncatedImage,
    UnsupportedFormat,
    UploadError,
)
from django_avatar_kit.fields import AvatarField
from django_avatar_kit.uploads import intake, rasters, time_estimate
from django_avatar_kit.uploads.decoders import avif_boxes, base, boxes, gif, jpeg, png, webp
from django_avatar_kit.uploads.decoders.jpeg_scans import MOST_SEGMENTS
from tests.support import images
from tests.support.corpus import metadata
from tests.support.pictures import LIMITS, SPEC, load, shows_quarters

if TYPE_CHECKING:
    from collections.abc import Callable

FORMATS = ("jpeg", "png", "webp", "gif", "avif")
JPEG, PNG = images.jpeg(images.quarters()), images.png(images.quarters())
PROGRESSIVE = images.jpeg(images.quarters(), progressive=True)
GIF = images.encoded(images.quarters(), "gif")


def is_taken(data: bytes, **limits: Any) -> bool:
    try:
        load(data, **limits)
    except TruncatedImage:
        return False
    return True


def code_of(data: bytes) -> str:
    """The code of its error, or "" where it is taken."""
    try:
        load(data)
    except UploadError as error:
        return error.code
    return ""


# --- counts -----------------------------------------------------------------------------------


def jpeg_segments(count: int) -> bytes:
    own = sum(JPEG.count(bytes([0xFF, marker])) for marker in (0xE0, 0xDB, 0xC0, 0xC4, 0xDA))
    return JPEG[:2] + b"\xff\xfe\0\2" * (count - own) + JPEG[2:]


def jpeg_head(count: int) -> bytes:
    """Tables of so many bytes before the first scan, all of them counted."""
    tables = 0
    at = 2
    while JPEG[at + 1] != 0xDA:
        tables += int.from_bytes(JPEG[at + 2 : at + 4], "big") - 2
        at += 2 + int.from_bytes(JPEG[at + 2 : at + 4], "big")
    scan = int.from_bytes(JPEG[at + 2 : at + 4], "big") - 2
    table = 65
    many = b"\xff\xdb" + (2 + 100 * table).to_bytes(2, "big") + (b"\0" + b"\1" * 64) * 100
    left = count - tables - scan
    # Application data 0 is given to the codec as well, of any length.
    length = left % (100 * table) + 100 * table
    rest = b"\xff\xe0" + (2 + length).to_bytes(2, "big") + bytes(length)
    return JPEG[:2] + many * (left // (100 * table) - 1) + rest + JPEG[2:]


def jpeg_scans(count: int) -> bytes:
    start = PROGRESSIVE.rindex(b"\xff\xda")
    scan, scans = PROGRESSIVE[start:-2], PROGRESSIVE.count(b"\xff\xda")
    return PROGRESSIVE[:-2] + scan * (count - scans) + PROGRESSIVE[-2:]


def gif_blocks(count: int) -> bytes:
    # A label has one block, and so has its end and the picture.
    return GIF[:-1].replace(b",", b"!\xfe" + b"\1x" * (count - 3) + b"\0,", 1) + b";"


def png_chunks(count: int) -> bytes:
    at = PNG.index(b"IDAT") - 4
    own = 3
    return PNG[:at] + images.chunk(b"IDAT") * (count - own) + PNG[at:]


def avif_runs(count: int) -> bytes:
    data = images.animation("avif")
    own = avif_boxes.Boxes(memoryview(data))._walked

    def box(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", 8 + len(body)) + kind + body

    left = count - own - 2 * 3
    halves = (left // 2, left - left // 2)
    tracks = (
        box(b"trak", box(b"stsc", bytes(4) + struct.pack(">I", runs) + bytes(12 * runs)))
        for runs in halves
    )
    return data + box(b"moov", b"".join(tracks))


@pytest.mark.parametrize(
    ("build", "most"),
    [
        (jpeg_segments, jpeg.MOST_SEGMENTS),
        (jpeg_head, jpeg.LARGEST_HEAD),
        (jpeg_scans, jpeg.MOST_SCANS),
        (gif_blocks, gif.MOST_BLOCKS),
        (png_chunks, png.MOST_CHUNKS),
    ],
)
def test_as_many_as_the_limit_are_taken_and_one_more_is_refused(
    build: Callable[[int], bytes], most: int
) -> None:
    assert is_taken(build(most))
    assert not is_taken(build(most + 1))


def test_runs_of_all_tracks_of_an_avif_are_counted_together() -> None:
    data = avif_runs(boxes.MOST_BOXES - 1)
    avif_boxes.Boxes(memoryview(data))
    with pytest.raises(SyntaxError, match="too many boxes"):
        avif_boxes.Boxes(memoryview(avif_runs(boxes.MOST_BOXES + 10)))


def test_too_long_an_exif_of_a_webp_is_ignored() -> None:
    photo = images.photograph("smooth", (40, 20))
    data = images.encoded(photo, "webp", exif=metadata.orientation(6))
    at = data.index(b"EXIF") + 4
    length = int.from_bytes(data[at : at + 4], "little")
    assert load(data).image.size == (20, 40)
    for size, shown in ((webp.LARGEST_EXIF, (20, 40)), (webp.LARGEST_EXIF + 2, (40, 20))):
        long = data[at + 4 : at + 4 + length].ljust(size, b"\0")
        assert load(data[:at] + size.to_bytes(4, "little") + long).image.size == shown


def test_a_webp_is_not_read_on_behind_so_many_chunks() -> None:
    head = b"RIFF\0\0\0\0WEBP" + b"ABCD\0\0\0\0" * webp.MOST_CHUNKS
    assert not is_taken(head + images.encoded(images.quarters(), "webp")[12:])


# --- bytes that stand for nothing -------------------------------------------------------------


def test_padding_before_a_marker_is_passed_over_up_to_a_point() -> None:
    assert is_taken(JPEG[:2] + b"\xff" * 10_000 + JPEG[2:])
    assert not is_taken(JPEG[:2] + b"\xff" * 100_000 + JPEG[2:])


def test_padding_that_a_codec_makes_nothing_of_is_refused() -> None:
    assert not is_taken(PROGRESSIVE[:-2] + b"\xff" * 700_000)


@pytest.mark.parametrize(
    ("segment", "most"),
    [
        (b"\xff\xfe\0\2", MOST_SEGMENTS),
        (b"\xff\xfe\0\3x", MOST_SEGMENTS),
        (b"\xff\1", MOST_SEGMENTS),
        (b"\xff\xdd\0\4\0\0", jpeg.MOST_SCANS),
    ],
)
@pytest.mark.parametrize("place", ["before the last scan", "at the end"])
def test_segments_of_a_jpeg_without_end_marker_are_limited(
    segment: bytes, most: int, place: str
) -> None:
    at = PROGRESSIVE.rindex(b"\xff\xda") if place == "before the last scan" else -2

    def with_segments(count: int) -> bytes:
        return PROGRESSIVE[:at] + segment * count + PROGRESSIVE[at:-2]

    assert is_taken(with_segments(most - 60))
    assert not is_taken(with_segments(most + 1))


def test_rubbish_before_the_picture_of_a_gif_is_read_past_up_to_a_point() -> None:
    at = GIF.index(b",")
    assert is_taken(GIF[:at] + bytes(gif.MOST_BLOCKS - 2) + GIF[at:])
    assert not is_taken(GIF[:at] + bytes(gif.MOST_BLOCKS + 1) + GIF[at:])


def test_restart_markers_are_counted_in_any_scan() -> None:
    photo = images.photograph("detail", (90, 70))
    data = images.jpeg(photo, progressive=True, restart_marker_rows=1)
    assert is_taken(data[:-2])
    assert not is_taken(data[: data.rindex(b"\xff\xd1")])


# --- rows that are missing --------------------------------------------------------------------


@pytest.mark.parametrize("size", [(60, 40), (1, 1), (1, 9), (200, 3)])
@pytest.mark.parametrize(
    ("depth", "colour", "samples"),
    [(1, 0, 1), (8, 0, 1), (16, 0, 1), (8, 2, 3), (16, 2, 3), (8, 4, 2), (8, 6, 4), (16, 6, 4)],
)
def test_a_png_of_too_few_rows_is_refused_though_its_checksum_is_right(
    size: tuple[int, int], depth: int, colour: int, samples: int
) -> None:
    row = b"\0" + b"\x7f" * ((size[0] * depth * samples + 7) // 8)

    def with_rows(count: int) -> bytes:
        return images.raw_png(size, row * count, depth=depth, colour=colour)

    assert is_taken(with_rows(size[1]))
    assert not is_taken(with_rows(size[1] - 1))
    assert not is_taken(images.raw_png(size, (row * size[1])[:-1], depth=depth, colour=colour))


@pytest.mark.parametrize("size", [(60, 40), (9, 3), (60, 41), (3, 1), (1, 5)])
def test_an_interlaced_png_that_ends_too_early_is_refused(size: tuple[int, int]) -> None:
    data = images.interlaced(images.quarters().resize(size))
    at = data.index(b"IDAT") + 4
    rows = zlib.decompress(data[at : at + int.from_bytes(data[at - 8 : at - 4], "big")])
    assert is_taken(images.raw_png(size, rows, interlaced=True))
    assert not is_taken(images.raw_png(size, rows[:-1], interlaced=True))


@pytest.mark.parametrize("passes", [1, 2, 3])
def test_an_interlaced_png_of_one_row_needs_all_its_passes(passes: int) -> None:
    columns = [2, 1, 2, 4]
    rows = [b"\0" + bytes(3 * count) for count in columns]
    assert is_taken(images.raw_png((9, 1), b"".join(rows), interlaced=True))
    assert not is_taken(images.raw_png((9, 1), b"".join(rows[:passes]), interlaced=True))


def test_rows_that_happen_to_equal_the_mark_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(png.os, "urandom", bytes)
    black = images.raw_png((60, 40), bytes(181) * 40)
    assert is_taken(black)
    assert not is_taken(images.raw_png((60, 40), bytes(181) * 39))


@pytest.mark.parametrize("format", FORMATS)
def test_cut_short_anywhere_it_is_refused_or_all_pixels_are_there(format: str) -> None:
    whole = images.encoded(images.quarters(), format)
    for end in range(1, len(whole), max(1, len(whole) // 80)):
        code = code_of(whole[:end])
        assert code in {"truncated", "invalid_image"} or (
            not code and shows_quarters(load(whole[:end]).image, tolerance=30)
        )


# --- time -------------------------------------------------------------------------------------


def work(data: bytes, size: tuple[int, int], **arguments: Any) -> int:
    with intake.opened(io.BytesIO(data), "photo", LIMITS) as source:
        return time_estimate.work(source, size, **{"crop": None, "spec": SPEC, **arguments})


DEFAULT = AvatarField().limits.max_work or 0


def of(format: str, mode: str = "RGB", **options: Any) -> bytes:
    return images.encoded(images.photograph("detail", (400, 300)).convert(mode), format, **options)


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (of("jpeg"), (8000, 6400)),
        (of("jpeg", "L"), (8000, 6400)),
        (of("jpeg", progressive=True, quality=80), (7000, 5200)),
        (of("png", "L"), (4000, 3000)),
        (of("png", "P"), (4000, 3000)),
        (of("gif", "P"), (7000, 5000)),
        (of("webp"), (4032, 3024)),
        (of("avif", quality=60), (3000, 2000)),
    ],
)
def test_what_telephones_and_screens_make_is_done_in_time(
    data: bytes, size: tuple[int, int]
) -> None:
    assert work(data, size) <= DEFAULT


@pytest.mark.parametrize("format", FORMATS)
def test_what_would_take_too_long_is_refused_undecoded_with_the_size_that_passes(
    format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = images.quarters().resize((600, 400))
    data = images.encoded(photo, format)
    limit = work(data, (600, 400))
    load(data, max_work=limit)
    monkeypatch.setattr(intake.decoder_of(format), "decode", None)
    with pytest.raises(TooMuchTime) as caught:
        load(data, max_work=limit - 1)
    found = caught.value.params
    assert (found["need"], found["limit"]) == (limit, limit - 1)
    assert (found["width"], found["height"]) == (600, 400)
    assert work(data, (found["fit_width"], found["fit_height"])) < limit
    assert caught.value.code == "too_much_time"


def test_a_chosen_part_comes_out_smaller_rather_than_not_at_all() -> None:
    data = images.jpeg(images.photograph("smooth", (3000, 2000)))
    crop = (1000, 500, 300, 300)
    whole, coarse = (
        work(data, (3000, 2000), crop=crop, sharpness=sharpness) for sharpness in (1.0, 0.0)
    )
    assert coarse < whole
    chosen = load(data, crop=crop, max_work=whole).detail
    smaller = load(data, crop=crop, max_work=(whole + coarse) // 2)
    assert chosen is not None
    assert smaller.detail is None or smaller.detail.width < chosen.width


def test_more_scans_more_colours_and_alpha_take_longer() -> None:
    size = (4000, 3000)
    scans = [work(jpeg_scans(count), size) for count in (20, 40)]
    assert scans == sorted(set(scans))
    modes = [work(of("png", mode), size) for mode in ("L", "RGB", "RGBA")]
    assert modes == sorted(set(modes))
    plain = images.png()
    assert work(images.png(icc_profile=images.srgb_profile()), size) >= work(plain, size)
    profile = images.swapped_profile()
    assert work(images.png(icc_profile=profile), size) > work(plain, size)


def test_arithmetic_codes_take_longer() -> None:
    data = images.jpeg(images.quarters())
    arithmetic = data.replace(b"\xff\xc0", b"\xff\xc9", 1)
    assert work(arithmetic, (4000, 3000)) > work(data, (4000, 3000))


@pytest.mark.parametrize("marker", [b"\xff\xdb", b"\xff\xda"])
def test_restarts_take_longer_wherever_they_are_told_of(marker: bytes) -> None:
    plain = of("jpeg", progressive=True)
    at = plain.rindex(marker)
    size = (4000, 3000)

    def told(interval: int) -> int:
        segment = b"\xff\xdd\0\4" + interval.to_bytes(2, "big")
        return work(plain[:at] + segment + plain[at:], size)

    assert told(0) == pytest.approx(work(plain, size), rel=0.01)
    assert told(1) > 1.1 * work(plain, size)
    assert told(1000) < 1.01 * work(plain, size)


def test_an_interval_at_the_border_of_two_blocks_that_are_read_is_found() -> None:
    plain = images.jpeg(images.photograph("noisy", (800, 600)), progressive=True, quality=95)
    start, at = (find(b"\xff\xda") for find in (plain.index, plain.rindex))
    start += 2 + int.from_bytes(plain[start + 2 : start + 4], "big")
    for place in range(base.BLOCK - 8, base.BLOCK + 8):
        # A comment of such a length that the interval begins there.
        length = (start + place - at - 2) % base.BLOCK
        comment = b"\xff\xfe" + length.to_bytes(2, "big") + bytes(length - 2)
        without, with_interval = (
            work(plain[:at] + comment + segment + plain[at:], (4000, 3000))
            for segment in (b"\xff\xdd\0\4\0\0", b"\xff\xdd\0\4\0\1")
        )
        assert with_interval > 1.05 * without


def test_a_picture_that_may_be_decoded_twice_counts_twice() -> None:
    plain = of("jpeg", progressive=True)
    size = (4000, 3000)
    assert work(plain[:-2] + b"\xff\xd8", size) > 1.8 * work(plain, size)
    assert work(plain + b"\xff\xd8", size) == pytest.approx(work(plain, size), rel=0.01)


def test_a_wrong_checksum_of_a_png_costs_no_second_decode(monkeypatch: pytest.MonkeyPatch) -> None:
    codecs = []

    class Counted(base.Codec):
        def __init__(self, *arguments: Any) -> None:
            codecs.append(self)
            super().__init__(*arguments)

    monkeypatch.setattr(png, "Codec", Counted)
    monkeypatch.setattr(png.Png, "_blocks_of_rows", None)
    for build in (images.png, images.interlaced):
        data = build(images.quarters())
        end = data.rindex(b"IEND") - 8
        assert shows_quarters(load(data[: end - 4] + b"sum?" + data[end:]).image)
    assert len(codecs) == 2


def test_a_smaller_limit_on_pixels_refuses_nothing_for_its_time(settings: Any) -> None:
    settings.AVATAR_KIT = {"MAX_PIXELS": 1000}
    assert AvatarField().limits.max_work == DEFAULT
    settings.AVATAR_KIT = {"MAX_PIXELS": 200_000_000}
    assert AvatarField().limits.max_work == 400_000_000


# --- what belongs to Pillow and to the site ---------------------------------------------------


def everything() -> list[bytes]:
    wholes = [images.encoded(images.quarters(), format) for format in FORMATS]
    return [
        *wholes,
        *(data[: len(data) // 2] for data in wholes),
        images.huge_png(),
        b"I am a cat.",
    ]


def pillow() -> dict[str, Any]:
    return {
        "truncated": ImageFile.LOAD_TRUNCATED_IMAGES,
        "pixels": Image.MAX_IMAGE_PIXELS,
        "open": dict(Image.OPEN),
        "decoders": dict(Image.DECODERS),
        "ids": list(Image.ID),
        "mime": dict(Image.MIME),
        "block": ImageFile.MAXBLOCK,
        "filters": list(warnings.filters),
    }


def test_no_upload_changes_what_all_users_of_pillow_share() -> None:
    before = pillow()
    for data in everything():
        code_of(data)
    assert pillow() == before


@pytest.mark.parametrize("lenient", [True, False])
def test_whatever_a_site_has_set_the_answers_are_the_same(
    lenient: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answers() -> list[str]:
        return [code_of(data) for data in everything()]

    expected = answers()
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", lenient)
    monkeypatch.setattr(Image, "OPEN", {})
    monkeypatch.setattr(Image, "DECODERS", {})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert answers() == expected


@pytest.mark.parametrize("format", FORMATS)
def test_the_decoder_of_a_format_that_is_not_allowed_is_never_made(
    format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_given: object) -> None:
        raise AssertionError("it was made")

    monkeypatch.setattr(intake.decoder_of(format), "__init__", refuse)
    others = tuple(each for each in FORMATS if each != format)
    with pytest.raises(UnsupportedFormat):
        load(images.encoded(images.quarters(), format), formats=others)


def test_whatever_a_decoder_raises_is_an_error_of_the_kit(monkeypatch: pytest.MonkeyPatch) -> None:
    raised = [SyntaxError, ValueError, OSError, KeyError, IndexError, OverflowError, EOFError]
    raised += [struct.error, zlib.error, ZeroDivisionError, RecursionError, UnicodeDecodeError]
    for error in raised:

        def fail(*_given: object, error: Any = error) -> None:
            raise error(*(("utf-8", b"", 0, 1, "") if error is UnicodeDecodeError else ("",)))

        monkeypatch.setattr(png.Png, "decode", fail)
        with pytest.raises(TruncatedImage):
            load(PNG)
    for bomb in (Image.DecompressionBombError, Image.DecompressionBombWarning, MemoryError):

        def explode(*_given: object, bomb: Any = bomb) -> None:
            raise bomb

        monkeypatch.setattr(png.Png, "decode", explode)
        with pytest.raises(DecompressionBomb):
            load(PNG)


def test_pixels_stay_as_they_were_decoded_unless_they_are_clearly_too_many() -> None:
    assert rasters.stays(1 / 1.3)
    assert not rasters.stays(1 / 1.5)
