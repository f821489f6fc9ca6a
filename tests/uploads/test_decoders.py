"""The readers by hand of each format, where a file is not what it says."""

from __future__ import annotations

import io
import random
import zlib
from typing import Any

import pytest
from PIL import AvifImagePlugin, Image, ImageCms

from django_avatar_kit.exceptions import TruncatedImage
from django_avatar_kit.uploads import colour_profiles
from django_avatar_kit.uploads.decoders import avif, jpeg_scans
from django_avatar_kit.uploads.decoders.base import Codec
from django_avatar_kit.uploads.decoders.png import Png
from django_avatar_kit.uploads.decoders.webp import WebP
from tests.support import images
from tests.uploads.test_intake import load

GIF = b"GIF89a\x01\0\x01\0\0\0\0"
HEAD = images.png()[:33]
SOF = images.jpeg()[images.jpeg().index(b"\xff\xc0") :][:19]
VP8 = images.encoded(images.quarters(), "webp")


@pytest.mark.parametrize(
    "data",
    [
        GIF + b";",
        GIF + b"\0,\0\0\0\0\0\0\1\0\0\2",
        HEAD,
        images.SIGNATURE + images.chunk(b"IDAT"),
        images.raw_png((1, 1), b"\0\0", depth=3),
        images.raw_png((1, 1), b"\0\0", colour=3),
        HEAD + images.chunk(b"tEXt") * 100_001,
        images.jpeg().replace(SOF, SOF * 2),
        b"RIFF\0\0\0\0WEBPjunk\0\0\0\0",
        b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\x09\0\0\x09\0\0" + VP8[12:],
    ],
)
def test_what_contradicts_itself_is_damaged(data: bytes) -> None:
    with pytest.raises(TruncatedImage):
        load(data)


def test_a_gif_without_any_palette_is_grey() -> None:
    data = images.encoded(images.quarters().quantize(4), "gif")
    palette = 6 << (data[10] & 7)
    image = load(data[:10] + b"\0" + data[11:13] + data[13 + palette :]).image
    assert {colour for _count, colour in image.getcolors() or ()} == {
        (place, place, place) for place in range(4)
    }


def test_a_webp_of_endless_chunks_is_read_up_to_a_point() -> None:
    assert load(VP8 + b"junk\0\0\0\0" * 100_001).image.size == (60, 40)


def test_a_profile_is_heeded_in_every_format_that_has_one() -> None:
    for format in ("jpeg", "png", "webp", "avif"):
        options = {"lossless": True} if format == "webp" else {}
        data = images.encoded(
            Image.new("RGB", (40, 30), images.RED),
            format,
            icc_profile=images.swapped_profile(),
            **options,
        )
        found: Any = load(data).image.getpixel((20, 15))
        assert all(abs(a - b) < 12 for a, b in zip(found, images.RED[::-1], strict=True)), format


@pytest.mark.parametrize(
    ("mode", "options"),
    [
        ("RGB", {}),
        ("RGB", {"lossless": True}),
        ("RGBA", {}),
        ("RGBA", {"lossless": True}),
    ],
)
@pytest.mark.parametrize("container", [True, False])
def test_a_webp_tells_whether_it_has_alpha(
    mode: str, options: dict[str, Any], container: bool
) -> None:
    picture = images.quarters().convert("RGB")
    if mode == "RGBA":
        picture.putalpha(Image.linear_gradient("L").resize(picture.size))
    extra = {"xmp": b"<xmp/>"} if container else {}
    assert WebP(io.BytesIO(images.encoded(picture, "webp", **options, **extra))).mode == mode


def test_markers_without_a_segment_are_skipped() -> None:
    data = images.jpeg()
    assert load(data[:2] + b"\xff\x01" + data[2:]).image.size == (60, 40)


@pytest.mark.parametrize("packed", [b"\1" + zlib.compress(b"x"), b"\0rubbish"])
def test_a_profile_packed_in_an_unknown_way_is_ignored(packed: bytes) -> None:
    before = images.chunk(b"iCCP", b"icc\0" + packed)
    assert load(images.raw_png((1, 1), b"\0\1\2\3", before=before)).image.size == (1, 1)


def test_a_row_of_any_length_is_shrunk_in_parts() -> None:
    image = load(images.raw_png((600_000, 1), b"\0" + b"\7\7\7" * 600_000)).image
    assert image.size == (1000, 1)
    assert image.getpixel((500, 0)) == (7, 7, 7)


def test_a_large_png_of_too_few_rows_and_a_wrong_checksum_is_refused() -> None:
    # More bytes than are unpacked at a time, so that the end is found in what was left of them.
    packed = zlib.compress((b"\0" + bytes(200) * 3) * 199)
    head = images.raw_png((200, 200), b"")[:33]
    data = head + images.chunk(b"IDAT", packed[:-4] + b"sum?") + images.chunk(b"IEND")
    with pytest.raises(TruncatedImage):
        load(data)


@pytest.mark.parametrize("size", [(1, 1), (1, 2), (1, 1000), (7, 5), (300, 40)])
@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("flat", [True, False])
def test_all_rows_of_a_png_are_there_whatever_becomes_of_the_checksum_behind_them(
    size: tuple[int, int], interlaced: bool, flat: bool
) -> None:
    # A flat picture ends with one code for many rows.
    noise = random.Random(0).randbytes(3 * size[0] * size[1])
    picture = Image.frombytes("RGB", size, bytes(len(noise)) if flat else noise)
    whole = (images.interlaced if interlaced else images.png)(picture)
    at = whole.index(b"IDAT") + 4
    packed = whole[at : at + int.from_bytes(whole[at - 8 : at - 4], "big")]
    head = images.raw_png(size, b"", interlaced=interlaced)[:33]
    for data in (packed, packed[:-4] + b"sum?", packed[:-1], packed[:-3], packed[:-4]):
        source = Png(io.BytesIO(head + images.chunk(b"IDAT", data) + images.chunk(b"IEND")))
        assert source.decode(1).part((0, 0, *size)).tobytes() == picture.tobytes()
    with pytest.raises(TruncatedImage):
        load(head + images.chunk(b"IDAT", packed[: len(packed) // 2]))


def test_short_rows_that_wait_in_the_codec_when_the_data_ends_are_shown() -> None:
    # For some of these, the last byte that there is completes several rows.
    for height in range(200, 310):
        packed = zlib.compress(b"\0\1\2\3" * height)
        data = images.raw_png((1, height), b"")[:33]
        data += images.chunk(b"IDAT", packed[:-4]) + images.chunk(b"IEND")
        shown = Png(io.BytesIO(data)).decode(1).part((0, 0, 1, height))
        assert shown.tobytes() == b"\1\2\3" * height


def test_an_interlaced_png_takes_longer_and_one_row_of_it_is_counted_as_well() -> None:
    plain, interlaced = (
        Png(io.BytesIO(images.raw_png((900, 600), b"", interlaced=each))) for each in (False, True)
    )
    assert interlaced.work((900, 600), 1) > 1.1 * plain.work((900, 600), 1)
    assert interlaced.work((540_000, 1), 1) > 1.8 * plain.work((540_000, 1), 1)


def test_an_avif_is_put_together_from_parts_and_its_bytes_are_used_once() -> None:
    data = images.encoded(images.quarters(), "avif")
    start = data.index(b"mdat") + 4
    places = [(start, start + 9), (start + 9, len(data))]
    assert avif._joined(bytearray(data), [places]) == [data[start:]]
    with pytest.raises(SyntaxError, match="again and again"):
        avif._joined(bytearray(data), [[(at, len(data))] for at in range(5)])


def test_an_avif_without_a_stream_is_refused() -> None:
    data = images.encoded(images.quarters(), "avif")
    with pytest.raises(TruncatedImage):
        load(data.replace(b"av01", b"none"))


def test_an_avif_is_refused_where_pillow_was_built_without_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(AvifImagePlugin, "SUPPORTED", False)
    with pytest.raises(TruncatedImage):
        load(images.encoded(images.quarters(), "avif"))


@pytest.mark.parametrize("data", [images.png(), images.jpeg()[:-2] + images.jpeg()])
def test_a_limit_of_the_site_comes_through_codecs(
    data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(*_given: object) -> bool:
        # Once only, as a signal comes.
        monkeypatch.undo()
        raise TimeoutError

    monkeypatch.setattr(Codec, "feed", late)
    with pytest.raises(TimeoutError):
        load(data)


def test_a_limit_of_the_site_comes_through_profiles(monkeypatch: pytest.MonkeyPatch) -> None:
    def late(*_given: object) -> None:
        raise TimeoutError

    monkeypatch.setattr(ImageCms, "ImageCmsProfile", late)
    with pytest.raises(TimeoutError):
        colour_profiles.srgb(images.quarters(), b"profile")


def test_the_segments_of_a_jpeg_end_with_its_picture() -> None:
    nothing, comment = b"\xff\xfe\0\2", b"\xff\xfe\0\4ab"
    data = b"\xff\xd8\xff\x01" + nothing + comment + b"\xff\xd9" + comment
    found = [(one.marker, one.body) for one in jpeg_scans.segments(data)]
    assert found == [(0xFE, b"ab"), (0xD9, b"")]
