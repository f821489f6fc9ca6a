"""Small uploads that need much memory: they are refused by what their header says."""

from __future__ import annotations

import io
import itertools
import random
import struct
import tracemalloc
from dataclasses import replace
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from django_avatar_kit import pipeline
from django_avatar_kit.exceptions import TooMuchMemory, TruncatedImage
from django_avatar_kit.fields import AvatarField
from django_avatar_kit.specs import Limits, Spec
from django_avatar_kit.uploads import imaging, intake, memory_estimate
from django_avatar_kit.uploads.decoders import av1, avif, avif_boxes
from tests.support import images
from tests.support.pictures import shows_quarters
from tests.uploads.test_intake import LIMITS, SPEC, load

MEGABYTE = 1024 * 1024


@pytest.mark.parametrize("format", ["jpeg", "png", "webp", "gif", "avif"])
def test_m_over_the_budget_it_is_refused_undecoded_with_the_size_that_passes(
    format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake.decoder_of(format), "decode", None)
    options = {"progressive": True} if format == "jpeg" else {}
    photo = images.quarters().resize((3000, 2000))
    data = images.encoded(photo, format, **options)
    with pytest.raises(TooMuchMemory) as caught:
        load(data, max_memory=10 * MEGABYTE)
    found = caught.value.params
    assert (found["width"], found["height"]) == (3000, 2000)
    assert found["limit"] == 10 * MEGABYTE < found["need"]
    assert found["fit_width"] / found["fit_height"] == pytest.approx(1.5, rel=0.01)
    monkeypatch.undo()
    size = (found["fit_width"], found["fit_height"])
    load(
        images.encoded(photo.resize(size), format, **options),
        max_memory=12 * MEGABYTE,
    )


def need(data: bytes, size: tuple[int, int], *, spec: Spec = SPEC) -> int:
    with intake.opened(io.BytesIO(data), "photo", LIMITS) as source:
        return memory_estimate.needed(source, size, crop=None, spec=spec)


@pytest.mark.parametrize("subsampling", ["4:2:0", "4:2:2"])
def test_m_fifty_megapixels_of_a_progressive_jpeg_are_within_the_default(subsampling: str) -> None:
    data = images.jpeg(images.quarters(), progressive=True, subsampling=subsampling)
    assert need(data, (8000, 6400)) < 256 * MEGABYTE


def test_m_fifty_megapixels_of_any_other_jpeg_take_next_to_nothing() -> None:
    for mode in ("RGB", "L", "CMYK"):
        assert need(images.jpeg(images.quarters().convert(mode)), (8000, 6400)) < 32 * MEGABYTE


def test_m_a_chosen_part_comes_out_smaller_rather_than_not_at_all() -> None:
    data = images.jpeg(images.photograph("smooth", (3000, 2000)), progressive=True)
    spec = replace(SPEC, sizes=(128, 256, 512))

    def sizes(limits: Limits) -> list[int]:
        crop = (1000, 500, 300, 300)
        picture = imaging.load(
            io.BytesIO(data), filename="photo", limits=limits, spec=spec, crop=crop
        )
        return [size for size, _square in imaging.squares(picture, spec)]

    assert sizes(LIMITS) == [128, 256, 300]
    assert sizes(replace(LIMITS, max_memory=50 * MEGABYTE)) == [128, 150]


def test_m_a_chosen_part_that_comes_out_smaller_is_decoded_once(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.AVATAR_KIT = {"MAX_DECODE_MEMORY": 50 * MEGABYTE, "SIZES": (128, 256, 512)}
    photo = images.jpeg(images.photograph("smooth", (3000, 2000)), progressive=True)
    upload = SimpleUploadedFile("me.jpg", photo)
    crop = (1000, 500, 300, 300)
    checked = pipeline.receive(upload, AvatarField(), crop)
    assert [size for size, _square in imaging.squares(checked, AvatarField().spec)] == [128, 150]
    monkeypatch.setattr(imaging, "load", None)
    assert pipeline.receive(upload, AvatarField(), crop) is checked


@pytest.mark.parametrize(
    ("format", "options", "least"),
    [
        ("png", {}, 4),
        ("gif", {}, 1),
        ("webp", {}, 12),
        ("webp", {"lossless": True}, 12),
        ("avif", {}, 7.5),
        ("avif", {"subsampling": "4:4:4"}, 9),
    ],
)
def test_m_each_format_has_its_price_a_pixel(
    format: str, options: dict[str, Any], least: float
) -> None:
    data = images.encoded(images.quarters(), format, **options)
    assert least <= need(data, (8000, 6400)) / (8000 * 6400) < 1.4 * least + 0.6


def test_m_an_avif_needs_less_the_fewer_samples_it_has() -> None:
    needs = [
        need(images.encoded(images.quarters(), "avif", subsampling=kind), (8000, 6400))
        for kind in ("4:0:0", "4:2:0", "4:2:2", "4:4:4")
    ]
    assert needs == sorted(set(needs))


def test_m_rows_of_an_avif_are_whole_blocks() -> None:
    data = images.encoded(images.quarters(), "avif")
    assert need(data, (1, 60_000)) > 128 * 60_000


def test_m_an_avif_needs_what_its_stream_says_and_not_what_its_boxes_say() -> None:
    data = images.encoded(Image.new("RGB", (5000, 4000)), "avif")
    honest = need(data, (5000, 4000))
    at = data.index(b"ispe") + 8
    liar = data[:at] + struct.pack(">II", 60, 40) + data[at + 8 :]
    planes = 1.5 * 5000 * 4000
    assert planes < need(liar, (60, 40)) < honest
    with pytest.raises(TooMuchMemory) as caught:
        load(liar, max_memory=20 * MEGABYTE)
    assert caught.value.params["need"] > 20 * MEGABYTE


def test_m_an_avif_that_says_it_is_grey_and_is_not_needs_what_its_colours_need() -> None:
    data = images.encoded(images.quarters(), "avif", subsampling="4:4:4")
    at = data.index(b"av1C") + 6
    grey = data[:at] + bytes([data[at] | 0x1C]) + data[at + 1 :]
    # The difference is what the steps after the decoding need.
    assert need(grey, (5000, 4000)) > 0.95 * need(data, (5000, 4000))
    # Pillow's decoder returns RGB, whatever mode it announced.
    try:
        image = load(grey).image
    except TruncatedImage:
        return
    assert shows_quarters(image, tolerance=16)


def test_m_an_avif_of_far_more_pixels_than_it_shows_is_refused() -> None:
    data = images.encoded(Image.new("RGB", (6400, 6400)), "avif", speed=10)
    at = data.index(b"ispe") + 8
    with pytest.raises(TruncatedImage):
        load(data[:at] + struct.pack(">II", 60, 40) + data[at + 8 :])


def test_m_tiles_of_an_avif_that_need_decoders_of_their_own_count() -> None:
    source = avif.Avif(io.BytesIO(images.encoded(images.quarters(), "avif")))

    def needed(decoders: int) -> int:
        source._decoders = decoders
        return source.need((4000, 3000), 1).peak

    # All are of the same size, and their planes stay in memory until the last one is decoded.
    assert needed(2) - needed(1) > 1.5 * 4000 * 3000
    assert needed(101) - needed(2) > 99 * MEGABYTE // 2


def test_m_streams_of_an_avif_are_read_as_its_decoder_will_see_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = images.encoded(images.quarters(), "avif", exif=images.exif(1, gps=True))
    at = data.index(b"Exif")
    seen: list[bytes] = []

    class Inside(avif_boxes.Boxes):
        def __init__(self, content: memoryview) -> None:
            super().__init__(content)
            self.streams = [((at, at + 4),)]

    def look(streams: list[bytes]) -> list[Any]:
        seen.extend(streams)
        raise SyntaxError

    monkeypatch.setattr(avif, "Boxes", Inside)
    monkeypatch.setattr(av1, "coded", look)
    with pytest.raises(TruncatedImage):
        load(data)
    assert seen == [b"skip"]


def test_m_a_jpeg_may_have_many_scans_but_not_any_number() -> None:
    data = images.jpeg(images.photograph("detail", (90, 70)), progressive=True)
    last = data[data.rindex(b"\xff\xda") : -2]
    assert load(data[:-2] + 80 * last + data[-2:]).image.size == (90, 70)
    with pytest.raises(TruncatedImage):
        load(data[:-2] + 100 * last + data[-2:])


def test_m_the_grain_of_a_film_needs_planes_of_its_own() -> None:
    data = bytearray(images.encoded(images.quarters(), "avif"))
    without = need(bytes(data), (4000, 3000))
    # The last bit that is set is the trailing bit of the header. The bit before it says whether
    # there is film grain: see 5.5.1 and 5.3.4 of the AV1 specification.
    start = data.index(b"mdat") + 4
    start = data.index(b"\x0a", start)
    last = start + 1 + data[start + 1]
    end = data[last] & -data[last]
    assert not data[last] & end << 1
    data[last] |= end << 1
    assert need(bytes(data), (4000, 3000)) - without > 1.5 * 4000 * 3000


def test_m_an_animation_needs_something_for_each_picture_and_may_not_have_too_many() -> None:
    data = images.animation("avif")
    size, run = data.index(b"stsz") + 8, data.index(b"stsc") + 12

    def of(frames: int) -> bytes:
        """All have the size of the first, and follow each other in the file."""
        changed = bytearray(data)
        changed[size : size + 8] = data[size + 8 : size + 12] + struct.pack(">I", frames)
        changed[run + 4 : run + 8] = struct.pack(">I", frames)
        return bytes(changed) + bytes(40 * frames)

    assert need(of(90_000), (48, 48)) - need(of(1), (48, 48)) > 90_000 * (100 + 40)
    with pytest.raises(TruncatedImage):
        load(of(100_001))


@pytest.mark.parametrize("format", ["jpeg", "png", "webp"])
def test_m_exif_takes_no_memory_however_many_entries_share_their_bytes(format: str) -> None:
    blob = 2000
    entries = 1000
    start = 8 + 2 + 12 * entries + 4
    head = struct.pack(">HIH", 42, 8, entries)
    many = b"".join(struct.pack(">HHII", tag, 7, blob, start) for tag in range(1, entries + 1))
    exif = b"MM" + head + many + bytes(4 + blob)
    if format == "jpeg":
        exif = b"Exif\0\0" + exif
    image = images.encoded(images.quarters(), format)
    if format == "png":
        data = image[:33] + images.chunk(b"eXIf", exif) + image[33:]
    else:
        data = images.encoded(images.quarters(), format, exif=exif)
    tracemalloc.start()
    load(data)
    _now, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < MEGABYTE


@pytest.mark.parametrize("format", ["jpeg", "png", "webp", "gif", "avif"])
def test_m_a_picture_without_exif_is_not_turned_and_needs_no_copy_for_it(format: str) -> None:
    data = images.encoded(images.quarters(), format)
    with intake.opened(io.BytesIO(data), "photo", LIMITS) as source:
        assert source.orientation == 1


def test_m_rows_count_in_a_picture_of_next_to_no_width() -> None:
    data = images.png(Image.new("L", (1, 1)))
    assert need(data, (1, 10_000_000)) > 90 * 1_000_000


def test_m_large_tables_of_a_profile_count_by_what_they_become() -> None:
    def with_profile(profile: bytes) -> int:
        return need(images.png(icc_profile=profile), (60, 40))

    plain = images.srgb_profile()
    room = bytes(1_000_000)
    needs = [with_profile(plain + kind + room) for kind in (b"", b"mpet", b"mft2", b"mft1")]
    steps = [after - before for before, after in itertools.pairwise(needs)]
    assert [round(step / len(room)) for step in steps] == [3, 1, 4]


def test_m_a_jpeg_that_is_followed_by_another_is_counted_as_one_without_its_end() -> None:
    data = images.jpeg(images.photograph("detail", (90, 70)), progressive=True)
    whole = need(data, (90, 70))
    assert need(data[:-2] + data + bytes(9 * MEGABYTE), (90, 70)) - whole > 9 * MEGABYTE
    assert need(data + data + bytes(9 * MEGABYTE), (90, 70)) == whole


def test_m_what_a_smaller_picture_is_resized_with_counts() -> None:
    data = images.jpeg(images.quarters())
    side = min(SPEC.sizes)
    same, smaller = (need(data, (one, one)) for one in (side, side + 1))
    assert smaller - same > MEGABYTE // 8


def test_m_a_picture_of_next_to_nothing_needs_next_to_nothing() -> None:
    for format in ("jpeg", "png", "webp", "gif", "avif"):
        data = images.encoded(Image.new("RGB", (1, 1)), format)
        assert MEGABYTE < need(data, (1, 1)) < 4 * MEGABYTE


@pytest.mark.parametrize("format", ["jpeg", "png", "webp", "avif"])
def test_m_a_long_profile_counts(format: str) -> None:
    short = images.srgb_profile()
    long = short + random.Random(0).randbytes(2 * MEGABYTE)
    plain, profiled = (
        need(images.encoded(images.quarters(), format, icc_profile=one), (60, 40))
        for one in (short, long)
    )
    assert 2 * len(long) <= profiled - plain <= 4 * len(long)


def test_m_a_profile_that_cannot_be_unpacked_counts_as_if_it_were_the_longest() -> None:
    data = images.png(icc_profile=images.srgb_profile())
    at = data.index(b"iCCP") + 4
    size = int.from_bytes(data[at - 8 : at - 4], "big")
    broken = b"name\0\0" + random.Random(0).randbytes(100_000)
    data = data[: at - 8] + images.chunk(b"iCCP", broken) + data[at + size + 4 :]
    assert need(data, (60, 40)) - need(images.png(), (60, 40)) > 7 * MEGABYTE
    assert load(data).image.size == (60, 40)


def test_m_the_tables_before_the_first_scan_count() -> None:
    data = images.jpeg(images.quarters())
    tables = b"\xff\xdb" + (2 + 65 * 900).to_bytes(2, "big") + (b"\0" + b"\x10" * 64) * 900
    more = need(data[:2] + tables + data[2:], (3000, 2000)) - need(data, (3000, 2000))
    assert 2 * len(tables) <= more <= 3 * len(tables)


def test_m_a_profile_that_is_too_long_counts_as_far_as_it_is_read() -> None:
    part = b"\xff\xe2" + (0xFFFF).to_bytes(2, "big") + b"ICC_PROFILE\0\1\1"
    data = images.jpeg(images.quarters())
    long = data[:2] + 80 * part.ljust(0xFFFF + 2, b"x") + data[2:]
    assert need(long, (60, 40)) - need(data, (60, 40)) > 4 * MEGABYTE
    with intake.opened(io.BytesIO(long), "photo", LIMITS) as source:
        assert source.profile is None


def test_m_what_is_listed_of_a_png_in_many_chunks_counts() -> None:
    data = images.png(images.quarters())
    at = data.index(b"IDAT") - 4
    chunks = data[:at] + 19_000 * images.chunk(b"IDAT") + data[at:]
    assert need(chunks, (3000, 2000)) - need(data, (3000, 2000)) > 10 * 19_000
    assert shows_quarters(load(chunks).image)


def test_m_a_progressive_jpeg_without_its_end_marker_is_searched_and_that_counts() -> None:
    data = images.jpeg(images.photograph("noisy", (600, 400)), progressive=True, quality=95)
    for cut in (data[:-2], data[:-2] + b"\0" * 10):
        assert need(cut, (8000, 6000)) - need(data, (8000, 6000)) > len(data)


def test_m_what_is_seen_around_a_contained_picture_counts() -> None:
    data = images.jpeg(images.quarters())
    whole = replace(SPEC, fit="contain")
    on_white = replace(whole, background="white")
    seen_through, plain = (need(data, (600, 400), spec=spec) for spec in (whole, on_white))
    assert plain < seen_through


def test_m_a_webp_frame_that_says_it_is_longer_than_its_file_is_not_searched_beyond_it() -> None:
    canvas = b"VP8X" + (10).to_bytes(4, "little") + bytes([2, 0, 0, 0, 59, 0, 0, 39, 0, 0])
    head = b"ANIM" + (6).to_bytes(4, "little") + bytes(6)
    frame = b"ANMF" + (0xFFFFFFFF).to_bytes(4, "little") + bytes(6) + bytes([59, 0, 0, 39, 0, 0])
    body = b"WEBP" + canvas + head + frame + bytes(4)
    data = b"RIFF" + len(body).to_bytes(4, "little") + body
    tracemalloc.start()
    with pytest.raises(TruncatedImage):
        load(data)
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < MEGABYTE


def test_m_restart_markers_are_counted_and_not_listed() -> None:
    data = images.jpeg(images.quarters(), progressive=True)[:-2] + b"\xff\xd0" * 500_000
    tracemalloc.start()
    load(data)
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 * len(data)
