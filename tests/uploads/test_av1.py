"""How large the frames of an AV1 stream are: every way in which its headers can say so."""

from __future__ import annotations

from typing import Any

import pytest

from django_avatar_kit.uploads.decoders import av1
from django_avatar_kit.uploads.decoders.av1 import Coded
from tests.support import images

SEQUENCE, FRAME, DELIMITER = 1, 6, 2


def bits(*fields: tuple[int, int]) -> bytes:
    """Each field is how many bits it has, and their value."""
    text = "".join(format(value, f"0{count}b") for count, value in fields if count)
    text += "0" * (-len(text) % 8)
    return int(text, 2).to_bytes(len(text) // 8, "big")


def unit(kind: int, body: bytes, *, sized: bool = True, layer: bool = False) -> bytes:
    head = bytes([kind << 3 | (4 if layer else 0) | (2 if sized else 0)])
    return head + (b"\x20" if layer else b"") + (bytes([len(body)]) if sized else b"") + body


def sequence(
    width: int = 100,
    height: int = 60,
    *,
    side_bits: int = 7,
    profile: int = 0,
    operating: list[tuple[int, int]] | None = None,
    frame_id: list[tuple[int, int]] | None = None,
    tools: list[tuple[int, int]] | None = None,
    colours: list[tuple[int, int]] | None = None,
) -> bytes:
    """With ``operating`` (what stands before the size) it is no reduced still picture."""
    fields = [(3, profile), (1, 1), (1, operating is None)]
    fields += [(5, 0)] if operating is None else operating
    fields += [
        (4, side_bits - 1),
        (4, side_bits - 1),
        (side_bits, width - 1),
        (side_bits, height - 1),
    ]
    if operating is not None:
        fields += frame_id or [(1, 0)]
    fields += [(3, 0)]
    if operating is not None:
        fields += tools or TOOLS_BY_FRAME
    fields += [(3, 0), *(colours or [(1, 0), (1, 0), (1, 0), (1, 0)])]
    return unit(SEQUENCE, bits(*fields, (8, 0)))


#: No times, one operating point.
PLAIN = [(1, 0), (1, 0), (5, 0), (12, 0), (5, 0)]
#: Each frame says whether it uses the tools for what a screen shows, and whole numbers.
TOOLS_BY_FRAME = [(4, 0), (1, 0), (1, 1), (1, 1)]
SHOWN_KEY = [(1, 0), (2, 0), (1, 1)]


def frame(*fields: tuple[int, int], kind: int = FRAME) -> bytes:
    return unit(kind, bits(*fields, (32, 0)))


def coded(*units: bytes) -> list[tuple[int, int, float, bool]]:
    (found,) = av1.coded([b"".join(units)])
    assert not any(one.grain for one in found)
    return [(*one.size, one.samples, one.deep) for one in found]


def test_a_still_picture_is_as_large_as_its_sequence() -> None:
    assert av1.coded([sequence() + frame()]) == [
        [Coded(size=(100, 60), frames=1, samples=1.5, deep=False, grain=False)]
    ]


@pytest.mark.parametrize(
    ("profile", "colours"),
    [
        (0, [(1, 0), (1, 1), (1, 0), (1, 1)]),
        (0, [(1, 1), (1, 0), (1, 0), (1, 1), (2, 3), (1, 1)]),
        (1, [(1, 0), (1, 1), (8, 1), (8, 13), (8, 0), (1, 1)]),
        (1, [(1, 0), (1, 0), (1, 1), (1, 1)]),
        (2, [(1, 1), (1, 1), (1, 0), (1, 0), (1, 1), (1, 1), (1, 0), (1, 1)]),
        (2, [(1, 1), (1, 1), (1, 0), (1, 0), (1, 1), (1, 0), (1, 1)]),
        (2, [(1, 1), (1, 0), (1, 0), (1, 0), (1, 1), (1, 1)]),
    ],
)
@pytest.mark.parametrize("grain", [False, True])
def test_the_grain_of_a_film_is_told_behind_colours_of_any_kind(
    profile: int, colours: list[Any], grain: bool
) -> None:
    stream = sequence(profile=profile, colours=[*colours, (1, int(grain)), (7, 0)])
    assert [one.grain for each in av1.coded([stream]) for one in each] == [grain]


def test_what_belongs_to_a_layer_or_has_no_size_or_is_something_else_is_read_past() -> None:
    header = sequence()[2:]
    assert coded(
        unit(DELIMITER, b""), unit(SEQUENCE, header, layer=True), unit(FRAME, b"\0", sized=False)
    ) == [(100, 60, 1.5, False)]


def test_each_sequence_counts() -> None:
    assert coded(sequence(), frame(), sequence(128, 1), frame()) == [
        (100, 60, 1.5, False),
        (128, 1, 1.5, False),
    ]


@pytest.mark.parametrize(
    ("profile", "colours", "samples", "deep"),
    [
        (0, [(1, 0), (1, 1), (1, 0)], 1, False),
        (0, [(1, 1), (1, 0), (1, 0), (1, 0)], 1.5, True),
        (0, [(1, 0), (1, 0), (1, 1), (8, 9), (8, 16), (8, 9), (1, 0)], 1.5, False),
        # sRGB as such is never subsampled.
        (1, [(1, 0), (1, 1), (8, 1), (8, 13), (8, 0)], 3, False),
        (1, [(1, 0), (1, 0), (1, 0)], 3, False),
        (2, [(1, 0), (1, 0), (1, 0), (1, 0)], 2, False),
        (2, [(1, 1), (1, 0), (1, 0), (1, 0), (1, 0)], 2, True),
        (2, [(1, 1), (1, 1), (1, 0), (1, 0), (1, 0), (1, 0)], 3, True),
        (2, [(1, 1), (1, 1), (1, 0), (1, 0), (1, 0), (1, 1), (1, 0)], 2, True),
        (2, [(1, 1), (1, 1), (1, 0), (1, 0), (1, 0), (1, 1), (1, 1)], 1.5, True),
    ],
)
def test_samples_and_depth_are_those_of_the_stream(
    profile: int, colours: list[Any], samples: float, deep: bool
) -> None:
    assert coded(sequence(profile=profile, colours=colours)) == [(100, 60, samples, deep)]


TIMES = [(1, 1), (32, 1), (32, 25)]
MODEL = [(1, 1), (5, 9), (32, 1), (5, 9), (5, 7)]


@pytest.mark.parametrize(
    "operating",
    [
        PLAIN,
        # In equal steps of 3, and in others; with a model of a decoder, and without.
        [*TIMES, (1, 1), (1, 0), (1, 1), (1, 0), (1, 0), *PLAIN[1:]],
        [*TIMES, (1, 0), (1, 0), *PLAIN[1:]],
        [
            *TIMES,
            (1, 0),
            *MODEL,
            (1, 0),
            (5, 0),
            (12, 0),
            (5, 0),
            (1, 1),
            (10, 1),
            (10, 1),
            (1, 0),
        ],
        # Two points, one of a high level with a tier; each with a delay, or without.
        [(1, 0), (1, 1), (5, 1), (12, 1), (5, 9), (1, 1), (1, 1), (4, 2), (12, 2), (5, 1), (1, 0)],
    ],
)
def test_times_and_operating_points_are_read_past(operating: list[tuple[int, int]]) -> None:
    assert coded(sequence(operating=operating)) == [(100, 60, 1.5, False)]


def test_a_number_of_a_length_that_nobody_needs_is_read_past() -> None:
    # 32 zeros stand for the largest number there is, and nothing follows them.
    endless = [*TIMES, (1, 1), (32, 0), (1, 1), (1, 0), *PLAIN[1:]]
    assert coded(sequence(operating=endless)) == [(100, 60, 1.5, False)]


ALL_TOOLS = [(4, 0), (1, 1), (2, 0), (1, 0), (1, 1), (1, 0), (1, 1), (3, 6)]
NO_TOOLS = [(4, 0), (1, 0), (1, 0), (1, 0)]


@pytest.mark.parametrize(
    ("header", "says", "own"),
    [
        # What is shown already is no frame of its own.
        ({}, [(1, 1)], False),
        ({}, [*SHOWN_KEY, (1, 0), (1, 0), (1, 0)], False),
        ({}, [*SHOWN_KEY, (1, 0), (1, 0), (1, 1)], True),
        ({}, [*SHOWN_KEY, (1, 0), (1, 1), (1, 0), (1, 1)], True),
        ({}, [*SHOWN_KEY, (1, 0), (1, 1), (1, 1), (1, 0)], False),
        # A frame that is not shown, and one that refers to others, may be resilient to errors.
        ({}, [(1, 0), (2, 0), (1, 0), (1, 1), (1, 1), (1, 0), (1, 0), (1, 1)], True),
        ({}, [(1, 0), (2, 1), (1, 1), (1, 1), (1, 0), (1, 0), (1, 1)], True),
        ({}, [(1, 0), (2, 3), (1, 1), (1, 0), (1, 0), (1, 0)], True),
        ({"tools": ALL_TOOLS}, [*SHOWN_KEY, (1, 0), (1, 1)], True),
        ({"tools": ALL_TOOLS}, [*SHOWN_KEY, (1, 1), (1, 0), (1, 1)], False),
        ({"tools": NO_TOOLS}, [*SHOWN_KEY, (1, 0), (1, 1)], True),
        ({"frame_id": [(1, 1), (4, 3), (3, 2)]}, [*SHOWN_KEY, (2, 0), (8, 0), (1, 1)], True),
        ({"frame_id": [(1, 1), (4, 3), (3, 2)]}, [*SHOWN_KEY, (2, 0), (8, 255), (1, 0)], False),
        # The time that a frame is shown at, where pictures do not follow in equal steps.
        (
            {"operating": [*TIMES, (1, 0), *MODEL, *PLAIN[1:], (1, 0)]},
            [*SHOWN_KEY, (8, 255), (1, 0), (1, 0), (1, 0)],
            False,
        ),
    ],
)
def test_a_frame_with_a_size_of_its_own_counts_as_the_largest_it_could_name(
    header: dict[str, Any], says: list[tuple[int, int]], own: bool
) -> None:
    start = sequence(**{"operating": PLAIN, **header})
    size = (128, 128) if own else (100, 60)
    assert coded(start, frame(*says)) == [(*size, 1.5, False)]


@pytest.mark.parametrize("kind", [3, 6, 7])
def test_every_kind_of_frame_header_is_looked_at(kind: int) -> None:
    found = coded(sequence(operating=PLAIN), frame(*SHOWN_KEY, (1, 0), (1, 0), (1, 1), kind=kind))
    assert found == [(128, 128, 1.5, False)]


def test_pieces_of_all_streams_are_counted() -> None:
    with pytest.raises(SyntaxError, match="too many pieces"):
        av1.coded([unit(DELIMITER, b"") * 5_000, unit(DELIMITER, b"") * 5_001])


def test_frames_are_counted() -> None:
    data = sequence() + frame() + frame() + sequence() + frame()
    assert [[one.frames for one in each] for each in av1.coded([data, data])] == [[2, 1]] * 2


@pytest.mark.parametrize(
    ("stream", "said"),
    [
        (frame(), "without its sequence"),
        (sequence()[:-4], "ends too early"),
        (unit(SEQUENCE, b""), "ends too early"),
        (b"\x0a" + b"\xff" * 9, "does not end"),
        (b"\x0a", "does not end"),
        (unit(DELIMITER, b"") * 10_001, "too many pieces"),
    ],
)
def test_what_is_no_stream_is_refused(stream: bytes, said: str) -> None:
    with pytest.raises(SyntaxError, match=said):
        coded(stream)


def test_the_headers_of_a_real_encoder_are_read() -> None:
    for subsampling, samples in (("4:4:4", 3), ("4:2:2", 2), ("4:2:0", 1.5), ("4:0:0", 1)):
        data = images.encoded(images.quarters((333, 77)), "avif", subsampling=subsampling)
        start = data.index(b"mdat") + 4
        assert coded(data[start:]) == [(333, 77, samples, False)]
