from __future__ import annotations

import io
import warnings
from dataclasses import replace
from textwrap import dedent
from typing import Any

import pytest
from PIL import Image, ImageFile

from django_avatar_kit.exceptions import (
    DecompressionBomb,
    EmptyUpload,
    NotAnImage,
    SvgUpload,
    TooManyPixels,
    TruncatedImage,
    UnsupportedFormat,
    UploadError,
)
from django_avatar_kit.specs import Limits, Spec
from django_avatar_kit.uploads import imaging, intake
from django_avatar_kit.uploads.decoders.png import Png
from tests.support import images
from tests.support.processes import python

LIMITS = Limits(max_pixels=52_000_000, formats=("jpeg", "png", "webp", "gif", "avif"))
SPEC = Spec(
    sizes=(32, 64), formats=("webp",), quality={}, master_side=1000, background=None, fit="cover"
)


def load(data: bytes, *, filename: str = "photo", **limits: Any) -> imaging.Picture:
    return imaging.load(
        io.BytesIO(data), filename=filename, limits=replace(LIMITS, **limits), spec=SPEC
    )


# --- what is accepted -------------------------------------------------------------------------


def test_the_name_does_not_decide_on_the_format() -> None:
    assert load(images.jpeg(), filename="photo.png").image.size == (60, 40)


@pytest.mark.parametrize(
    "filename",
    ["", "photo", "photo.JPG", "C:\\x.d\\photo", "a.", "IMG_1.HEIC", "x.jpg.part", "cat.exe"],
)
def test_these_names_are_fine(filename: str) -> None:
    assert load(images.jpeg(), filename=filename).image.size == (60, 40)


# --- what is refused --------------------------------------------------------------------------


def refusal(data: bytes, **options: Any) -> UploadError:
    with pytest.raises(UploadError) as caught:
        load(data, **options)
    return caught.value


def test_empty_file() -> None:
    assert isinstance(refusal(b""), EmptyUpload)


@pytest.mark.parametrize(
    "data", [b"hello", b"<html><body>", b"%PDF-1.7", b"PK\x03\x04", b"\0" * 50, b"GIF8", b"<"]
)
def test_not_an_image(data: bytes) -> None:
    assert isinstance(refusal(data, filename="cat.jpg"), NotAnImage)


@pytest.mark.parametrize(
    "data",
    [
        images.SVG,
        b"\xef\xbb\xbf" + images.SVG,
        b"  \n" + images.SVG,
        images.SVG.decode().encode("utf-16"),
        b'<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN"><svg>',
        b"<svg:svg xmlns:svg='http://www.w3.org/2000/svg'/>",
        b"<svg/>",
    ],
)
def test_svg(data: bytes) -> None:
    assert isinstance(refusal(data, filename="logo.png"), SvgUpload)


@pytest.mark.parametrize(
    ("format", "name"),
    [("tiff", "TIFF"), ("bmp", "BMP"), ("jpeg2000", "JPEG 2000"), ("ico", "ICO")],
)
def test_other_formats_are_named(format: str, name: str) -> None:
    error = refusal(images.encoded(images.quarters((32, 32)), format), filename="cat.jpg")
    assert isinstance(error, UnsupportedFormat)
    assert error.params["format"] == name


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"MM\0*\0\0\0\x08", "TIFF"),
        (b"II+\0\x08\0\0\0", "TIFF"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "HEIC"),
        (b"8BPS\0\1", "PSD"),
        (b"%!PS-Adobe-3.0 EPSF-3.0", "EPS"),
        (b"\xff\x0a\xfa\x1f", "JPEG XL"),
    ],
)
def test_other_formats_are_named_from_their_first_bytes(head: bytes, name: str) -> None:
    error = refusal(head + b"\0" * 40, filename="cat.jpg")
    assert isinstance(error, UnsupportedFormat)
    assert error.params["format"] == name
    assert error.params["allowed"] == LIMITS.formats


def test_a_video_is_not_an_image() -> None:
    assert isinstance(refusal(b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom"), NotAnImage)


@pytest.mark.parametrize("format", ["gif", "webp", "avif", "png"])
def test_formats_that_the_site_does_not_allow(format: str) -> None:
    error = refusal(images.encoded(images.quarters(), format), formats=("jpeg",))
    assert isinstance(error, UnsupportedFormat)


def cut_short(format: str) -> list[bytes]:
    data = images.encoded(images.photograph("detail", (90, 70)), format)
    # What no pixel stands in is not missed: see tests/cases/test_pictures.py.
    whole = len(data) - {"png": 24, "gif": 2, "jpeg": 24}.get(format, 0)
    places = {*range(12, 40), *range(40, whole, max(1, whole // 60)), *range(whole - 20, whole)}
    return [data[:place] for place in sorted(places)]


@pytest.mark.parametrize("format", ["jpeg", "png", "webp", "gif", "avif"])
@pytest.mark.parametrize("lenient", [False, True])
def test_a_file_cut_short_anywhere_is_refused(
    format: str, lenient: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", lenient)
    for data in cut_short(format):
        assert isinstance(refusal(data), TruncatedImage)


def test_a_progressive_jpeg_cut_short_is_refused() -> None:
    data = images.jpeg(images.photograph("detail", (300, 200)), progressive=True)
    for share in (0.3, 0.6, 0.9, 0.99):
        assert isinstance(refusal(data[: int(len(data) * share)]), TruncatedImage)


@pytest.mark.parametrize("format", ["jpeg", "png", "gif", "avif"])
def test_rubbish_behind_a_right_beginning_is_refused(format: str) -> None:
    head = images.encoded(images.quarters(), format)[:40]
    for rubbish in (b"\0" * 500, b"\xff" * 500, bytes(range(256)) * 3):
        assert isinstance(refusal(head + rubbish, max_pixels=10**12), UploadError)


def test_damaged_bytes_are_either_decoded_or_refused() -> None:
    for format in ("jpeg", "png", "webp", "gif", "avif"):
        good = images.encoded(images.photograph("detail", (64, 64)), format)
        for place in range(0, len(good), max(1, len(good) // 60)):
            damaged = good[:place] + bytes([good[place] ^ 0xFF]) + good[place + 1 :]
            try:
                load(damaged)
            except UploadError:
                continue


@pytest.mark.parametrize(
    "data",
    [
        images.huge_png((9000, 9000)),
        images.webp_header(b"VP8X", bytes(4) + b"\x27\x23\0\x27\x23\0"),
        images.webp_header(b"VP8L", b"\x2f" + (8999 | 8999 << 14).to_bytes(4, "little")),
        images.webp_header(b"VP8 ", bytes(3) + b"\x9d\x01\x2a" + b"\x28\x23" * 2),
    ],
)
def test_too_many_pixels_are_refused_from_the_header(data: bytes) -> None:
    error = refusal(data, filename="cat.exe")
    assert isinstance(error, TooManyPixels)
    assert (error.params["width"], error.params["height"]) == (9000, 9000)
    assert error.params["limit"] == 52_000_000


@pytest.mark.parametrize(("chunk", "size"), [(b"VP8L", 4), (b"VP8X", 0)])
def test_a_webp_whose_first_chunk_is_too_short_is_refused_undecoded(
    chunk: bytes, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake.decoder_of("webp"), "decode", None)
    assert isinstance(refusal(images.webp_header(chunk, bytes(size))), TruncatedImage)


def test_exactly_as_many_pixels_as_allowed_are_accepted() -> None:
    assert load(images.jpeg(), max_pixels=2400).image.size == (60, 40)
    assert isinstance(refusal(images.jpeg(), max_pixels=2399), TooManyPixels)


@pytest.mark.parametrize("format", ["jpeg", "png", "webp", "gif", "avif"])
def test_too_many_pixels_in_any_format_are_refused_without_a_decode(
    format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake.decoder_of(format), "decode", None)
    data = images.encoded(images.quarters(), format)
    assert isinstance(refusal(data, max_pixels=100), TooManyPixels)


def test_gigapixels_are_a_bomb_even_where_the_site_would_allow_them() -> None:
    assert isinstance(refusal(images.huge_png(), max_pixels=10**12), DecompressionBomb)


def test_pillows_own_limit_can_be_lifted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    assert isinstance(refusal(images.jpeg()), DecompressionBomb)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    assert load(images.jpeg()).image.size == (60, 40)


@pytest.mark.parametrize("bomb", [images.text_bomb, images.late_text_bomb, images.profile_bomb])
def test_chunks_that_unpack_without_end_are_not_unpacked(bomb: Any) -> None:
    assert load(bomb()).image.getpixel((0, 0)) == (1, 2, 3)


def test_a_gif_whose_frame_is_larger_than_its_screen_is_measured_by_the_frame() -> None:
    data = images.encoded(images.quarters(), "gif")
    place = data.index(b",\0\0\0\0\x3c\0\x28\0")
    huge = data[: place + 5] + b"\xff\xff\xff\xff" + data[place + 9 :]
    error = refusal(huge)
    assert isinstance(error, TooManyPixels)
    assert error.params["width"] == 65535


def test_pillows_size_warnings_are_no_obstacle() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert isinstance(refusal(images.huge_png((10_000, 10_000))), TooManyPixels)


def test_running_out_of_memory_is_not_an_error_of_the_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_memory(*_given: object) -> None:
        raise MemoryError

    monkeypatch.setattr(Png, "decode", no_memory)
    assert isinstance(refusal(images.png()), DecompressionBomb)


def test_the_original_error_is_kept_for_the_log() -> None:
    data = images.png()
    error = refusal(data[:30] + b"\xff" + data[31:])
    assert isinstance(error, TruncatedImage)
    assert isinstance(error.__cause__, SyntaxError)


def test_the_first_upload_of_a_process_loads_no_more_code_of_pillow() -> None:
    """What it loads takes 3.5 MB and a moment, which no estimate of its memory counts."""
    python(
        dedent(
            """
            import io, sys
            from django_avatar_kit.uploads import imaging
            from tests.support import images
            from tests.support.pictures import SPEC, load
            loaded = set(sys.modules)
            picture = load(images.jpeg())
            imaging.encode_renditions(picture, SPEC)
            imaging.encode_master(picture, SPEC)
            more = {name for name in set(sys.modules) - loaded if name.endswith("ImagePlugin")}
            # Those that Pillow loads before it saves anything.
            usual = {f"PIL.{name}ImagePlugin" for name in ("Bmp", "Gif", "Jpeg", "Png", "Ppm")}
            assert more <= usual, more
            """
        )
    )
