"""How large the picture of an HEVC stream is, and which of its bytes a decoder is given."""

from __future__ import annotations

import pytest

from django_avatar_kit.uploads.decoders.hevc import MOST_SLICES, Parameters
from tests.support.heif import IDR, PPS, SEI, TRAIL, VPS, record, sps, stream, unit

FIRST, NEXT = unit(IDR, b"\x80one"), unit(IDR, b"\x00two")


def parameters(*units: bytes, length_size: int = 4) -> Parameters:
    return Parameters(record(*units, length_size=length_size))


def picture(data: bytes, *, length_size: int = 4) -> bytes:
    return parameters(sps(), length_size=length_size).picture(memoryview(data))


# --- parameters -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chroma", "size"),
    [(0, (97, 93)), (1, (94, 86)), (2, (94, 93)), (3, (97, 93))],
)
def test_the_size_is_what_the_window_leaves_in_units_of_the_colours(
    chroma: int, size: tuple[int, int]
) -> None:
    coded = parameters(sps(100, 100, chroma=chroma, window=(1, 2, 3, 4))).coded
    assert (coded.coded, coded.size, coded.chroma) == ((100, 100), size, chroma)
    assert coded.depths == (8, 8)


@pytest.mark.parametrize(("depths", "deep"), [((8, 8), False), ((10, 8), True), ((8, 10), True)])
def test_more_than_8_bits_of_any_sample_are_told(depths: tuple[int, int], deep: bool) -> None:
    assert parameters(sps(depths=depths)).coded.deep is deep


def test_profiles_of_sub_layers_are_read_past() -> None:
    assert parameters(sps(72, 40, sub_layers=2)).coded.size == (72, 40)


def test_bytes_that_only_keep_a_start_code_out_are_left_out() -> None:
    plain = sps(64, 64)
    assert b"\0\0" not in plain
    zeros = bytearray(plain)
    zeros[4:7] = b"\0\0\0"
    escaped = bytes(zeros).replace(b"\0\0\0", b"\0\0\3\0")
    assert parameters(escaped).coded.size == (64, 64)


def test_only_parameter_sets_of_the_picture_are_kept() -> None:
    units = [unit(VPS, b"v"), sps(), unit(PPS, b"p")]
    found = parameters(unit(SEI, b"s"), *units, unit(PPS, b"other layer", layer=1), unit(IDR))
    assert found.units == units


def test_the_record_that_a_decoder_gets_has_what_was_read() -> None:
    units = [unit(VPS, b"v"), sps(70, 50, chroma=3, depths=(10, 10), profile=4), unit(PPS, b"p")]
    made = parameters(*units, unit(SEI, b"secret"), length_size=2).record()
    assert b"secret" not in made
    assert made[:2] == b"\1\4"
    again = Parameters(made)
    assert (again.units, again.length_size) == (units, 4)
    assert again.coded == parameters(*units).coded
    assert made[16:19] == b"\xff\xfa\xfa"


@pytest.mark.parametrize(
    ("units", "said"),
    [
        ([], "without its size"),
        ([unit(VPS)], "without its size"),
        ([sps(64, 64), sps(64, 72)], "several sizes"),
        ([sps(chroma=4)], "unknown colours"),
        ([sps(1 << 17, 8)], "impossible"),
        ([sps(64, 64, window=(16, 16, 0, 0))], "impossible"),
        ([sps(640, 64, window=(100, 0, 0, 0))], "impossible"),
        ([sps(depths=(17, 8))], "impossible"),
        ([sps()[:18]], "too early"),
        ([unit(33, bytes(200))], "too early"),
        ([unit(SEI, bytes(20_000))], "too many parameters"),
    ],
)
def test_what_cannot_be_is_refused(units: list[bytes], said: str) -> None:
    with pytest.raises(SyntaxError, match=said):
        parameters(*units)


@pytest.mark.parametrize("length", [0, 10, 22])
def test_a_record_that_is_cut_off_is_refused(length: int) -> None:
    with pytest.raises(SyntaxError, match="without its size"):
        Parameters(record(sps())[:length])
    with pytest.raises(SyntaxError, match="too early"):
        Parameters(record(sps())[:-1])


# --- slices -----------------------------------------------------------------------------------


def test_only_slices_of_the_first_picture_are_passed_on() -> None:
    """Parameters within a stream would count more than those that were read."""
    data = stream(
        sps(8000, 8000), unit(SEI), FIRST, unit(TRAIL), NEXT, unit(IDR, b"\x80", layer=1), FIRST
    )
    assert picture(data) == stream(FIRST, NEXT)


def test_lengths_of_all_widths_are_understood() -> None:
    for size in (1, 2, 4):
        data = stream(FIRST, NEXT, length_size=size)
        assert picture(data, length_size=size) == stream(FIRST, NEXT)


def test_a_unit_without_a_header_is_none() -> None:
    assert picture(stream(b"", b"\x26", b"\x26\1", FIRST)) == stream(FIRST)


@pytest.mark.parametrize("data", [b"", stream(sps()), stream(unit(TRAIL))])
def test_a_stream_without_a_picture_is_refused(data: bytes) -> None:
    with pytest.raises(SyntaxError, match="without a picture"):
        picture(data)


def test_a_picture_that_is_cut_off_ends_too_early() -> None:
    with pytest.raises(EOFError):
        picture(stream(FIRST)[:-1])


def test_a_picture_has_as_many_slices_as_hevc_allows() -> None:
    slices = [FIRST, *[NEXT] * (MOST_SLICES - 1)]
    assert picture(stream(*slices)) == stream(*slices)
    with pytest.raises(SyntaxError, match="too many slices"):
        picture(stream(*slices, NEXT))
