"""Valid pictures that were refused or shown wrong. Names carry the number of the report."""

from __future__ import annotations

import os
import struct
import zlib
from typing import Any

import pytest
from PIL import Image, ImageFile

from django_avatar_kit.exceptions import DecompressionBomb, TruncatedImage
from django_avatar_kit.uploads.decoders.base import BLOCK
from django_avatar_kit.uploads.decoders.png import Png
from tests.support import images
from tests.support.pictures import shows_quarters
from tests.uploads.test_intake import load

XMP = (
    b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-"
    b"syntax-ns#'><rdf:Description xmlns:tiff='http://ns.adobe.com/tiff/1.0/' "
    b'tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>'
)


def is_taken(data: bytes) -> bool:
    try:
        load(data)
    except TruncatedImage:
        return False
    return True


@pytest.mark.parametrize("filename", ["IMG_1.HEIC", "scan.bmp", "x.jpg.part", "cat.exe"])
def test_p1_the_content_counts_whatever_the_name(filename: str) -> None:
    assert load(images.jpeg(), filename=filename).image.size == (60, 40)


@pytest.mark.parametrize("lenient", [False, True])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("restarts", [0, 4])
@pytest.mark.parametrize("size", [(8, 8), (90, 70), (700, 500)])
def test_p2_a_jpeg_may_lack_its_end_marker_and_nothing_else(
    mode: str,
    progressive: bool,
    restarts: int,
    size: tuple[int, int],
    lenient: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", lenient)
    picture = images.photograph("detail", size).convert(mode)
    data = images.jpeg(picture, progressive=progressive, restart_marker_blocks=restarts)
    assert all(is_taken(data[: len(data) - less]) for less in (0, 1, 2))
    shares = (0.1, 0.3, 0.5, 0.7, 0.8, 0.9) if max(size) > 8 else (0.1, 0.3, 0.5)
    assert not any(is_taken(data[: int(len(data) * share)]) for share in shares)


@pytest.mark.parametrize("less", [0, 1, 4, 6, 12, 14, 16, 18])
def test_p2_a_png_may_lack_what_stands_behind_its_pixels(less: int) -> None:
    data = images.png(images.photograph("detail", (90, 70)))
    assert is_taken(data[: len(data) - less])
    assert not is_taken(data[: len(data) // 2])


def test_p2_an_interlaced_png_may_lack_its_checksum_too() -> None:
    data = images.interlaced()
    assert is_taken(data[: len(data) - 18])
    assert not is_taken(data[: len(data) - 40])


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("pieces", [1, 3])
@pytest.mark.parametrize("behind", [b"", b"rubbish" * 20])
def test_p2_a_png_may_have_a_wrong_checksum_of_its_pixels_or_none(
    depth: int, pieces: int, behind: bytes
) -> None:
    size = 8
    rows = [bytes([0, *os.urandom(size * 3 * depth // 8)]) for _ in range(size)]
    packed = zlib.compress(b"".join(rows))
    head = images.chunk(b"IHDR", struct.pack(">IIBBBBB", size, size, depth, 2, 0, 0, 0))

    def png(data: bytes) -> bytes:
        parts = [data[at : at + 1] for at in range(pieces - 1)] + [data[pieces - 1 :]]
        data = b"".join(images.chunk(b"IDAT", part) for part in parts)
        return b"\x89PNG\r\n\x1a\n" + head + data + images.chunk(b"IEND", b"")

    whole = load(png(packed)).image
    wrong = load(png(packed[:-4] + b"sum?" + behind)).image
    assert wrong.tobytes() == whole.tobytes()
    assert not is_taken(png(zlib.compress(b"".join(rows[:-1]))[:-4] + b"sum?" + behind))
    # The checksum, and the end code before it.
    assert is_taken(png(zlib.compress(bytes(len(b"".join(rows))))[:-5]))
    no_such_block = bytes([packed[2] | 0b110])
    assert not is_taken(png(packed[:2] + no_such_block + packed[3:]))


@pytest.mark.parametrize("segment", [b"\xff\xe0\0\7JFIF\0", b"\xff\xee\0\7Adobe", b"\xff\xee\0\2"])
def test_p2_a_jpeg_may_have_a_segment_that_is_cut_short(segment: bytes) -> None:
    data = images.jpeg(images.photograph("detail", (90, 70)))
    assert load(data[:2] + segment + data[2:]).image.tobytes() == load(data).image.tobytes()


def test_p2_a_gif_may_lack_its_trailer() -> None:
    data = images.encoded(images.photograph("detail", (90, 70)), "gif")
    assert is_taken(data[:-1])
    assert is_taken(data[:-2])
    assert not is_taken(data[: len(data) // 2])


def test_p2_a_webp_may_lack_what_stands_behind_its_pixels() -> None:
    data = images.encoded(images.photograph("detail", (90, 70)), "webp", xmp=XMP)
    assert is_taken(data[:-20])
    assert not is_taken(data[: len(data) // 2])


JPEG_BEHIND = images.jpeg()


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize(
    "behind",
    [
        JPEG_BEHIND,
        b"rubbish" + images.jpeg(progressive=True),
        # The start of a frame and the start of a picture, and nothing else.
        b"\xff\xc0\0\x11",
        b"\xff\xd8",
    ],
)
def test_p2_a_jpeg_without_its_end_marker_may_be_followed_by_another_picture(
    progressive: bool, behind: bytes
) -> None:
    data = images.jpeg(images.photograph("detail", (90, 70)), progressive=progressive)
    assert load(data[:-2] + behind).image.tobytes() == load(data).image.tobytes()
    assert not is_taken(data[: len(data) // 2] + behind)


def test_p2_the_start_of_another_picture_is_found_wherever_it_is() -> None:
    data = images.jpeg(images.photograph("detail", (90, 70)))
    for more in range(-3, 3):
        zeros = bytes(2 * BLOCK - len(data) + more)
        assert load(data[:-2] + zeros + data).image.tobytes() == load(data).image.tobytes()


@pytest.mark.parametrize("behind", [b"\xff\xc4\0\5abc", b"\xff\xda\0\x08\1\1\0\0\x3f\0"])
def test_p2_what_follows_the_one_scan_of_a_jpeg_may_be_broken(behind: bytes) -> None:
    data = images.jpeg(images.photograph("detail", (90, 70)))
    assert load(data[:-2] + behind).image.tobytes() == load(data).image.tobytes()
    assert not is_taken(data[: len(data) // 2] + behind)


def test_p2_rubbish_before_the_first_marker_is_skipped() -> None:
    data = images.jpeg()
    # The length is chosen so that the last byte looked at begins a marker.
    for length in (1, 4095, 4096, 9000):
        assert load(data[:20] + bytes(length) + data[20:]).image.size == (60, 40)
    with pytest.raises(TruncatedImage):
        load(data[:20] + bytes(100_000))


def test_p2_an_avif_whose_exif_is_broken_is_shown_all_the_same() -> None:
    data = images.encoded(images.quarters(), "avif", exif=images.exif(1, gps=True))
    at = data.index(b"MM\0*")
    broken = data[:at] + b"????" + data[at + 4 :]
    assert shows_quarters(load(broken).image, tolerance=16)


def test_p2_a_wrong_checksum_of_what_is_no_part_of_the_picture() -> None:
    wrong = images.chunk(b"eXIf", images.exif(6)[6:])[:-1] + b"?"
    assert load(images.raw_png((1, 1), b"\0\1\2\3", before=wrong)).image.size == (1, 1)


@pytest.mark.parametrize("name", [b"zTXt", b"iTXt", b"tEXt", b"prVt"])
@pytest.mark.parametrize("place", ["before", "after"])
def test_p3_text_in_a_png_is_skipped_unread(name: bytes, place: str) -> None:
    text = images.chunk(name, b"History\0\0" + zlib.compress(b"x" * 3_000_000)) * 50
    chunks: dict[str, Any] = {place: text}
    assert load(images.raw_png((1, 1), b"\0\1\2\3", **chunks)).image.getpixel((0, 0)) == (1, 2, 3)


def test_p3_comments_of_a_jpeg_are_skipped_unread() -> None:
    data = images.jpeg()
    comments = (b"\xff\xfe\xff\xff" + b"x" * 65533) * 40
    assert load(data[:2] + comments + data[2:]).image.size == (60, 40)


def test_p3_a_large_profile_is_applied_and_one_too_large_is_ignored() -> None:
    picture = Image.new("RGB", (40, 40), images.RED)
    large = images.swapped_profile() + bytes(2 * 2**20)
    assert load(images.png(picture, icc_profile=large)).image.getpixel((9, 9)) != images.RED
    huge = images.swapped_profile() + bytes(5 * 2**20)
    for format in ("png", "jpeg", "webp"):
        options = {"icc_profile": huge, "quality": 100}
        pixel: Any = load(images.encoded(picture, format, **options)).image.getpixel((9, 9))
        assert abs(pixel[0] - images.RED[0]) < 8


@pytest.mark.parametrize("format", ["jpeg", "webp", "avif"])
def test_p4_xmp_turns_nothing(format: str) -> None:
    data = images.encoded(images.quarters(), format, xmp=XMP)
    assert load(data).image.size == (60, 40)


def test_p4_a_png_is_turned_by_exif_alone() -> None:
    profile = b"Raw profile type exif\0\nexif\n      34\n" + images.exif(6).hex().encode()
    text = images.chunk(b"tEXt", profile)
    data = images.png()
    assert load(data[:33] + text + data[33:]).image.size == (60, 40)
    assert load(images.png(exif=images.exif(6))).image.size == (40, 60)


def entry(order: str, kind: int, count: int, value: bytes, tag: int = 0x0112) -> bytes:
    return struct.pack(f"{order}HHI", tag, kind, count) + value.ljust(4, b"\0")


def tiff(order: str, *entries: bytes, offset: int = 8, count: int | None = None) -> bytes:
    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, offset)
    count = len(entries) if count is None else count
    return head + bytes(offset - 8) + struct.pack(f"{order}H", count) + b"".join(entries)


@pytest.mark.parametrize("order", ["<", ">"])
def test_p4_exif_turns_where_it_says_so_in_the_one_way_that_browsers_read(order: str) -> None:
    short, long, signed, six = 3, 4, 8, struct.pack(f"{order}H", 6)
    other = entry(order, 2, 1, b"x", tag=0x010F)
    turning = [
        tiff(order, entry(order, short, 1, six)),
        tiff(order, other, entry(order, short, 1, six), offset=50),
        # The table claims more bytes than it has.
        tiff(order, entry(order, short, 1, six), count=60_000),
        # Later segments do not count.
        tiff(order, entry(order, short, 1, six), entry(order, short, 1, struct.pack("<H", 3))),
    ]
    still = [
        tiff(order, entry(order, long, 1, struct.pack(f"{order}I", 6))),
        tiff(order, entry(order, signed, 1, six)),
        tiff(order, entry(order, short, 2, six)),
        tiff(order, entry(order, short, 1, struct.pack(f"{order}H", 9))),
        tiff(order, other, count=0),
        tiff(order, other),
        tiff(order, entry(order, short, 1, six))[: 8 + 2 + 5],
        b"Exif\0\0" + tiff(order, entry(order, short, 1, six)),
        b"",
    ]
    for turned, exifs in ((True, turning), (False, still)):
        for exif in exifs:
            for data in (
                images.jpeg(exif=b"Exif\0\0" + exif),
                images.png()[:33] + images.chunk(b"eXIf", exif) + images.png()[33:],
            ):
                assert load(data).image.size == ((40, 60) if turned else (60, 40))


def test_p4_any_byte_may_stand_behind_the_name_of_exif_in_a_jpeg() -> None:
    data = images.jpeg(exif=images.exif(6))
    assert load(data.replace(b"Exif\0\0", b"Exif\0\xff", 1)).image.size == (40, 60)


def test_p4_the_first_exif_of_a_jpeg_counts() -> None:
    data = images.jpeg(exif=images.exif(3))
    exif = images.exif(6)
    segment = b"\xff\xe1" + struct.pack(">H", 2 + len(exif)) + exif
    assert load(data[:2] + segment + data[2:]).image.size == (40, 60)
    at = data.index(b"\xff\xdb")
    assert load(data[:at] + segment + data[at:]).image.size == (60, 40)


@pytest.mark.parametrize("start", [b"", b"Exif\0\0"])
def test_p4_a_webp_may_write_its_exif_as_a_jpeg_does(start: bytes) -> None:
    exif = start + images.exif(6).removeprefix(b"Exif\0\0")
    assert load(images.encoded(images.quarters(), "webp", exif=exif)).image.size == (40, 60)


@pytest.mark.parametrize("orientation", [1, 6])
def test_p4_an_avif_is_turned_by_its_boxes_alone(orientation: int) -> None:
    data = images.encoded(images.quarters(), "avif", exif=images.exif(orientation, gps=True))
    # Pillow writes the orientation into the boxes, and not into EXIF.
    assert load(data).image.size == ((40, 60) if orientation == 6 else (60, 40))
    at = data.index(b"MM\0*")
    told = tiff(">", entry(">", 3, 1, b"\0\3"))
    exif = data[:at] + told + data[at + len(told) :]
    assert load(exif).image.size == load(data).image.size


def small_frame(format: str, place: tuple[int, int], canvas: tuple[int, int] = (60, 40)) -> bytes:
    """An animation whose first frame is red, 20 × 20 px, and declares no transparency."""
    frame = Image.new("RGB", (20, 20), images.RED)
    if format == "gif":
        data = bytearray(images.encoded(frame.quantize(2), "gif"))
        data[6:10] = struct.pack("<HH", *canvas)
        at = data.index(b",", 13)
        data[at + 1 : at + 5] = struct.pack("<HH", *place)
        return bytes(data)
    numbers = [place[0] // 2, place[1] // 2, 19, 19, 100]
    body = b"".join(number.to_bytes(3, "little") for number in numbers) + b"\0"
    body += images.encoded(frame, "webp", quality=100)[12:]
    size = b"".join((side - 1).to_bytes(3, "little") for side in canvas)
    chunks = (b"VP8X", b"\2\0\0\0" + size), (b"ANIM", bytes(6)), (b"ANMF", body)
    packed = b"".join(name + struct.pack("<I", len(data)) + data for name, data in chunks)
    return b"RIFF" + struct.pack("<I", 4 + len(packed)) + b"WEBP" + packed


@pytest.mark.parametrize("format", ["gif", "webp"])
@pytest.mark.parametrize("place", [(0, 0), (10, 12), (40, 20)])
def test_p5_what_the_first_frame_leaves_free_is_transparent(
    format: str, place: tuple[int, int]
) -> None:
    image = load(small_frame(format, place)).image
    assert image.size == (60, 40)
    left, top = place
    assert image.getchannel("A").getbbox() == (left, top, left + 20, top + 20)
    assert image.getpixel((left + 10, top + 10)) == pytest.approx((*images.RED, 255), abs=2)


@pytest.mark.parametrize("format", ["gif", "webp"])
def test_p5_a_first_frame_that_leaves_nothing_free_is_opaque(format: str) -> None:
    assert load(small_frame(format, (0, 0), (20, 20))).image.mode == "RGB"


def test_p5_a_large_picture_is_transparent_where_its_frame_is_not() -> None:
    data = bytearray(images.encoded(Image.new("L", (1500, 1500), 90), "gif"))
    data[6:10] = struct.pack("<HH", 3000, 2000)
    alpha = load(bytes(data)).image.getchannel("A")
    width, height = alpha.size
    shown = alpha.point([0] * 128 + [255] * 128).getbbox()
    assert shown == (0, 0, width // 2, height * 3 // 4)


@pytest.mark.parametrize("depth", [8, 16])
def test_p5_a_grey_profile_holds_for_grey_with_alpha_of_any_depth(depth: int) -> None:
    rows = b"\0" + (b"\x80\xff" if depth == 8 else b"\x80\x80\xff\xff")
    profile = zlib.compress(images.grey_profile())
    before = images.chunk(b"iCCP", b"grey\0\0" + profile)
    data = images.raw_png((1, 1), rows, depth=depth, colour=4, before=before)
    plain = images.raw_png((1, 1), rows, depth=depth, colour=4)
    assert load(plain).image.getpixel((0, 0)) == (128, 128, 128)
    assert load(data).image.getpixel((0, 0)) != (128, 128, 128)


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_p5_grey_of_any_depth_is_transparent_exactly_where_it_says(depth: int) -> None:
    hidden = 1 if depth == 1 else 2
    other = 0 if depth == 1 else 3
    if depth == 16:
        rows = b"\0" + struct.pack(">HH", hidden, other)
    else:
        packed = (hidden << (8 - depth)) | (other << (8 - 2 * depth)) if depth < 8 else 0
        rows = b"\0" + (bytes([packed]) if depth < 8 else bytes([hidden, other]))
    before = images.chunk(b"tRNS", struct.pack(">H", hidden))
    data = images.raw_png((2, 1), rows, depth=depth, colour=images.GREY, before=before)
    image = load(data).image
    assert [image.getpixel((x, 0))[3] for x in (0, 1)] == [0, 255]  # type: ignore[index]


@pytest.mark.parametrize("depth", [8, 16])
def test_p5_a_colour_is_transparent_only_if_it_is_exactly_that(depth: int) -> None:
    code = ">HHH" if depth == 16 else ">BBB"
    pixels = struct.pack(code, 9, 8, 7) + struct.pack(code, 9, 8, 6)
    before = images.chunk(b"tRNS", struct.pack(">HHH", 9, 8, 7))
    image = load(images.raw_png((2, 1), b"\0" + pixels, depth=depth, before=before)).image
    assert [image.getpixel((x, 0))[3] for x in (0, 1)] == [0, 255]  # type: ignore[index]


class SoftTimeLimitError(Exception):
    """An exception as a task queue raises it in the middle of a task."""


class OwnOSError(OSError):
    pass


@pytest.mark.parametrize(
    "error", [SoftTimeLimitError, OwnOSError, TimeoutError, KeyboardInterrupt]
)
def test_e8_a_sites_own_exception_comes_through(
    error: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_given: object) -> None:
        raise error

    monkeypatch.setattr(Png, "decode", interrupted)
    with pytest.raises(error):
        load(images.png())


@pytest.mark.parametrize("error", [OSError, SyntaxError, ValueError, struct.error, zlib.error])
def test_e8_what_bad_bytes_raise_is_a_damaged_picture(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(*_given: object) -> None:
        raise error

    monkeypatch.setattr(Png, "decode", damaged)
    with pytest.raises(TruncatedImage):
        load(images.png())


def test_e8_no_memory_is_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_memory(*_given: object) -> None:
        raise MemoryError

    monkeypatch.setattr(Png, "decode", no_memory)
    with pytest.raises(DecompressionBomb):
        load(images.png())
