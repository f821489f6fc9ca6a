"""Where an AVIF keeps its streams: every way in which its boxes can say so."""

from __future__ import annotations

import struct

import pytest

from django_avatar_kit.uploads.decoders.avif_boxes import MOST_FRAMES, Boxes
from django_avatar_kit.uploads.decoders.boxes import MOST_BOXES


def box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I", 8 + len(body)) + kind + body


def versioned(kind: bytes, *parts: bytes, version: int = 0) -> bytes:
    return box(kind, bytes([version, 0, 0, 0]), *parts)


def item(number: int, kind: bytes = b"av01", *, version: int = 2) -> bytes:
    numbers = struct.pack(">HH" if version < 3 else ">IH", number, 0)
    return versioned(b"infe", numbers, kind, b"\0", version=version)


def items(*entries: bytes, wide: bool = False) -> bytes:
    count = struct.pack(">I" if wide else ">H", len(entries))
    return versioned(b"iinf", count, *entries, version=int(wide))


def locations(*entries: bytes, sizes: int = 0x4400, version: int = 0, count: int = -1) -> bytes:
    count = len(entries) if count < 0 else count
    packed = struct.pack(">HI" if version > 1 else ">HH", sizes, count)
    return versioned(b"iloc", packed, *entries, version=version)


def streams(*content: bytes) -> list[list[tuple[int, int]]]:
    return [list(places) for places in Boxes(memoryview(b"".join(content))).streams]


ENTRY = struct.pack(">HHHII", 1, 0, 1, 90, 5)


def test_a_picture_is_where_the_table_says() -> None:
    assert streams(
        box(b"ftyp", b"avif"), versioned(b"meta", items(item(1)), locations(ENTRY))
    ) == [[(90, 95)]]


def test_a_picture_may_lie_in_several_parts() -> None:
    entry = struct.pack(">HHHIIII", 1, 0, 2, 90, 5, 200, 7)
    meta = versioned(b"meta", items(item(1)), locations(entry))
    assert streams(meta) == [[(90, 95), (200, 207)]]


def test_a_part_without_a_length_ends_with_the_file() -> None:
    meta = versioned(b"meta", items(item(1)), locations(struct.pack(">HHHII", 1, 0, 1, 9, 0)))
    assert streams(meta, b"rest") == [[(9, len(meta) + 4)]]


def test_numbers_of_all_widths_are_understood() -> None:
    # An index nobody needs, a base of 8 bytes and offsets of 8; then items of 4 bytes.
    narrow = struct.pack(">HHHQHBQH", 1, 0, 0, 50, 1, 9, 40, 5)
    meta = versioned(b"meta", items(item(1)), locations(narrow, sizes=0x8281, version=1))
    assert streams(meta) == [[(90, 95)]]
    wide = struct.pack(">IHHHII", 70_000, 0, 0, 1, 90, 5)
    meta = versioned(
        b"meta", items(item(70_000, version=3), wide=True), locations(wide, version=2)
    )
    assert streams(meta) == [[(90, 95)]]


def test_a_picture_may_lie_within_the_table_of_contents() -> None:
    entry = struct.pack(">HHHHII", 1, 1, 0, 1, 2, 3)
    start = [items(item(1)), locations(entry, version=1)]
    meta = versioned(b"meta", *start, box(b"idat", b"..stream"))
    at = meta.index(b"..stream")
    assert streams(meta) == [[(at + 2, at + 5)]]


def test_only_what_is_av1_is_a_picture_and_what_is_exif_is_told() -> None:
    second = struct.pack(">HHHII", 2, 0, 1, 7, 2)
    meta = versioned(b"meta", items(item(1, b"Exif"), item(2)), locations(ENTRY, second))
    found = Boxes(memoryview(meta))
    assert found.streams == [((7, 9),)]
    assert [meta[at : at + 4] for at in found.exif] == [b"Exif"]


def test_a_box_may_be_long_or_go_on_to_the_end() -> None:
    long = struct.pack(">I4sQ", 1, b"free", 20) + b"1234"
    meta = versioned(b"meta", items(item(1)), locations(ENTRY))
    assert streams(long, b"\0\0\0\0" + meta[4:]) == [[(90, 95)]]


def test_an_empty_table_says_nothing() -> None:
    assert streams(versioned(b"meta", box(b"iinf"), box(b"iloc"))) == []


def test_what_is_none_of_these_boxes_or_none_at_all_is_read_past() -> None:
    about = versioned(b"hdlr"), box(b"iprp", box(b"free"))
    meta = versioned(b"meta", *about, items(item(3, b"mime"), item(1)), locations(ENTRY))
    assert streams(meta, b"\0\0\0\2abcd", b"ab") == [[(90, 95)]]


def test_whether_there_are_layers_to_choose_from_is_told() -> None:
    for kind in (b"a1op", b"lsel", b"ispe"):
        meta = versioned(b"meta", box(b"iprp", box(b"ipco", box(kind)), associations(1, 2)))
        assert Boxes(memoryview(meta)).has_layers is (kind != b"ispe")


def test_a_type_that_is_cut_off_is_none_of_the_next_boxes() -> None:
    short = box(b"infe", bytes([2, 0, 0, 0]), struct.pack(">HH", 1, 0))
    found = Boxes(memoryview(versioned(b"meta", items(short, b"Exif"), locations(ENTRY))))
    assert found.exif == []
    assert found.streams == []


def reference(count: int, *, version: int = 0) -> bytes:
    numbers = struct.pack(">IH" if version else ">HH", 1, count)
    return versioned(b"iref", box(b"dimg", numbers), version=version)


def associations(*counts: int, wide: bool = False, version: int = 0) -> bytes:
    """Of items with properties, as many as that; each in two bytes where it is ``wide``."""
    number = struct.pack(">I" if version else ">H", 1)
    entries = b"".join(number + bytes([count]) + bytes(count * (1 + wide)) for count in counts)
    body = struct.pack(">I", len(counts)) + entries
    return box(b"iprp", box(b"ipma", bytes([version, 0, 0, int(wide)]), body))


def track(
    *,
    kind: bytes = b"av01",
    wide: bool = False,
    sizes: bytes = b"",
    runs: bytes = b"",
    chunks: int = 2,
    twice: bool = False,
) -> bytes:
    one = struct.pack(">II", 0, 1) + box(kind, bytes(78))
    offsets = struct.pack(">IQQ" if wide else ">III", chunks, 500, 900)
    table = box(
        b"stbl",
        versioned(b"stsz") if twice else b"",
        box(b"stsd", one),
        versioned(b"co64" if wide else b"stco", offsets),
        versioned(b"stts"),
        versioned(b"stsz", sizes or struct.pack(">III", 0, 1, 11)),
        versioned(b"stsc", runs or struct.pack(">IIII", 1, 1, 3, 1)),
    )
    return box(b"trak", box(b"mdia", box(b"minf", table)))


@pytest.mark.parametrize("wide", [False, True])
def test_of_an_animation_the_first_picture_counts_and_how_many_there_are(wide: bool) -> None:
    found = Boxes(memoryview(box(b"moov", track(wide=wide), track(kind=b"mp4a"))))
    assert found.streams == [((500, 511),)]
    assert found.frames == 6


def test_tables_that_belong_to_no_track_say_nothing() -> None:
    table = versioned(b"stsc", struct.pack(">I", 10_001))
    assert streams(table, box(b"moov", table, table)) == []


def test_pictures_may_all_be_of_one_size_and_come_in_runs() -> None:
    runs = struct.pack(">IIIIIII", 2, 1, 3, 1, 2, 40, 1)
    found = Boxes(memoryview(box(b"moov", track(sizes=struct.pack(">II", 7, 1), runs=runs))))
    assert found.streams == [((500, 507),)]
    assert found.frames == 43


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (box(b"moov", track(runs=struct.pack(">IIII", 1, 1, MOST_FRAMES, 1))), "frames"),
        (box(b"moov", track(runs=struct.pack(">I", 9_000), chunks=90_000)), "table"),
        (box(b"moov", track(twice=True)), "same kind"),
        (versioned(b"meta", reference(60_000)), "boxes"),
        (versioned(b"meta", reference(60_000, version=1)), "boxes"),
        (versioned(b"meta", associations(*[200] * 60)), "boxes"),
        (versioned(b"meta", associations(*[200] * 60, wide=True, version=1)), "boxes"),
        (box(b"moov", track(runs=struct.pack(">I", 20_000))), "table"),
        (versioned(b"meta", locations(count=60_000)), "table"),
        (versioned(b"meta", locations(struct.pack(">HHH", 1, 0, 60_000))), "boxes"),
        (versioned(b"meta", box(b"iprp", versioned(b"ipma", b"\0\1\0\0"))), "table"),
        (versioned(b"meta", box(b"iprp", box(b"ipco", box(b"free") * MOST_BOXES))), "boxes"),
        (versioned(b"meta", versioned(b"iref", box(b"auxl") * MOST_BOXES)), "boxes"),
        (versioned(b"meta", items(*[item(1)] * MOST_BOXES)), "boxes"),
    ],
)
def test_more_than_any_honest_picture_has_is_refused(content: bytes, said: str) -> None:
    with pytest.raises(SyntaxError, match=said):
        Boxes(memoryview(content))
