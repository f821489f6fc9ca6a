"""Which picture of a HEIF is shown, and how: every way in which its boxes can say so."""

from __future__ import annotations

import struct

import pytest

from django_avatar_kit.uploads.decoders.base import LARGEST_PROFILE
from django_avatar_kit.uploads.decoders.heif_boxes import MOST_TILES, Boxes, Stream
from tests.support.heif import (
    Item,
    Reference,
    auxiliary,
    box,
    clap,
    grid,
    heif,
    hvcc,
    imir,
    irot,
    nclx,
    profile,
    record,
    sps,
    versioned,
)

HVCC = hvcc()
PICTURE = Item(b"hvc1", b"picture", [HVCC])


def read(*items: Item, **options) -> Boxes:
    references = options.pop("references", ())
    return Boxes(memoryview(heif(items, *references, **options)))


def picture(*properties: bytes) -> Item:
    return Item(b"hvc1", b"picture", [*properties, HVCC])


def test_only_the_primary_picture_counts() -> None:
    found = read(Item(b"hvc1", b"thumbnail", [hvcc(sps(8, 8))]), PICTURE, primary=2)
    assert found.colours.streams == [Stream(record(sps()), memoryview(b"picture"))]
    assert (found.colours.columns, found.colours.size) == (1, None)
    assert found.alpha is None


def test_numbers_of_properties_may_have_two_bytes() -> None:
    assert read(picture(irot(1)), wide=True).colours.orientation == 8


def in_two_parts(method: int) -> bytes:
    """``method``: 0 for places in the file, 1 for those in the box "idat"."""
    entry = struct.pack(">HHHHIIII", 1, method, 0, 2, 4, 3, 9, 3)
    return versioned(
        b"meta",
        versioned(b"pitm", struct.pack(">I", 1), version=1),
        versioned(b"iinf", b"\0\1", versioned(b"infe", b"\0\1\0\0hvc1\0", version=2)),
        versioned(b"iloc", b"\x44\0\0\1", entry, version=1),
        box(b"idat", b"....one..two"),
        box(b"iprp", box(b"free"), box(b"ipco", HVCC), versioned(b"ipma", b"\0\0\0\1\0\1\1\1")),
    )


def test_a_picture_may_lie_in_several_parts_and_beside_the_tables() -> None:
    in_file = in_two_parts(0)
    for data, parts in (in_file, in_file[4:7] + in_file[9:12]), (in_two_parts(1), b"onetwo"):
        found = Boxes(memoryview(data))
        assert bytes(found.colours.streams[0].data) == parts
        assert found.copied == 6


def test_data_that_comes_from_other_items_is_refused() -> None:
    with pytest.raises(SyntaxError, match="more than itself"):
        Boxes(memoryview(in_two_parts(2)))


def test_data_in_a_box_that_is_not_there_is_refused() -> None:
    with pytest.raises(SyntaxError, match="more than itself"):
        Boxes(memoryview(in_two_parts(1).replace(b"idat", b"free")))


# --- how it is shown --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("properties", "orientation"),
    [
        ([], 1),
        ([irot(0)], 1),
        ([irot(1)], 8),
        ([irot(2)], 3),
        ([irot(3)], 6),
        ([imir(1)], 2),
        ([imir(0)], 4),
        ([irot(1), imir(1)], 7),
        ([irot(3), imir(1)], 5),
        ([imir(1), irot(1)], 5),
        ([irot(2), imir(1)], 4),
        ([box(b"irot"), box(b"imir")], 1),
    ],
)
def test_turns_and_mirrors_are_one_orientation(properties: list[bytes], orientation: int) -> None:
    assert read(picture(*properties)).colours.orientation == orientation


def test_the_part_that_is_shown_is_told() -> None:
    numbers = (50, 1, 30, 1, -3, 2, 5, 2)
    assert read(picture(clap(*numbers))).colours.aperture == numbers
    assert read(picture(box(b"clap", bytes(31)))).colours.aperture is None


def test_a_profile_and_numbers_of_colours_may_both_be_there() -> None:
    found = read(picture(profile(b"icc"), nclx(12, 13, 6))).colours
    assert (found.profile, found.colours) == (b"icc", b"\0\x0c\0\x0d\0\x06\x80")
    assert read(picture(profile(b"icc", b"rICC"))).colours.profile == b"icc"


@pytest.mark.parametrize(
    "colours",
    [
        box(b"colr"),
        profile(b""),
        profile(bytes(LARGEST_PROFILE + 1)),
        box(b"colr", b"nclx", bytes(6)),
        box(b"colr", b"what", b"else"),
    ],
    ids=["empty", "no profile", "large", "short", "unknown"],
)
def test_colours_that_cannot_be_used_are_ignored(colours: bytes) -> None:
    found = read(picture(colours)).colours
    assert (found.profile, found.colours) == (None, b"")


# --- tiles ------------------------------------------------------------------------------------


def tiles(rows: int, columns: int, data: bytes, *properties: bytes, count: int | None = None):
    count = rows * columns if count is None else count
    return (
        [
            Item(b"grid", data, properties),
            *[Item(b"hvc1", b"t%d" % at, [nclx(1, 1, 1), HVCC]) for at in range(count)],
        ],
        Reference(b"dimg", 1, range(2, 2 + count)),
    )


@pytest.mark.parametrize("long", [False, True])
def test_a_picture_in_tiles_has_its_own_size(long: bool) -> None:
    items, reference = tiles(2, 3, grid(2, 3, 170, 100, long=long), irot(3))
    found = read(*items, references=[reference]).colours
    assert [bytes(each.data) for each in found.streams] == [b"t%d" % at for at in range(6)]
    assert (found.columns, found.size, found.orientation) == (3, (170, 100), 6)
    # Of its tiles, since it does not say itself.
    assert found.colours == b"\0\1\0\1\0\1\x80"


def test_what_a_picture_in_tiles_says_of_its_colours_counts() -> None:
    items, reference = tiles(1, 1, grid(1, 1, 60, 60), nclx(9, 13, 9))
    assert read(*items, references=[reference]).colours.colours[1] == 9


@pytest.mark.parametrize(
    ("data", "count", "said"),
    [
        (b"", 1, "broken grid"),
        (grid(1, 1, 60, 60)[:-1], 1, "broken grid"),
        (grid(1, 1, 60, 60, long=True)[:-1], 1, "broken grid"),
        (grid(1, 2, 60, 60), 1, "tiles"),
        (grid(1, 2, 60, 60), 3, "tiles"),
        (grid(32, 32, 60, 60), MOST_TILES + 24, "tiles"),
    ],
)
def test_a_grid_that_does_not_fit_its_tiles_is_refused(data: bytes, count: int, said: str) -> None:
    items, reference = tiles(1, 1, data, count=count)
    with pytest.raises(SyntaxError, match=said):
        read(*items, references=[reference])


# --- alpha ------------------------------------------------------------------------------------


def with_alpha(*properties: bytes, kind: bytes = b"auxl", more: tuple[Reference, ...] = ()):
    alpha = Item(b"hvc1", b"alpha", [hvcc(sps(chroma=0)), *properties])
    return read(PICTURE, alpha, references=[Reference(kind, 2, [1]), *more])


@pytest.mark.parametrize(
    "name", [b"urn:mpeg:hevc:2015:auxid:1", b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha"]
)
def test_alpha_is_a_picture_beside_the_other(name: bytes) -> None:
    found = with_alpha(auxiliary(name))
    assert found.alpha is not None
    assert bytes(found.alpha.streams[0].data) == b"alpha"
    assert not found.premultiplied


def test_colours_may_be_multiplied_by_alpha() -> None:
    assert with_alpha(auxiliary(), more=(Reference(b"prem", 1, [2]),)).premultiplied
    assert not with_alpha(auxiliary(), more=(Reference(b"prem", 2, [1]),)).premultiplied


def test_a_depth_map_a_gain_map_or_a_thumbnail_is_no_alpha() -> None:
    assert with_alpha(auxiliary(b"urn:mpeg:hevc:2015:auxid:2")).alpha is None
    assert with_alpha(auxiliary(b"urn:com:apple:photo:2020:aux:hdrgainmap")).alpha is None
    assert with_alpha().alpha is None
    assert with_alpha(auxiliary(), kind=b"thmb").alpha is None


# --- what is refused --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "items",
    [
        [Item(b"av01", b"picture", [HVCC])],
        [Item(b"hvc1", b"picture")],
        [Item(b"iovl", b"picture", [HVCC])],
        [],
    ],
    ids=["AV1", "no parameters", "overlay", "nothing"],
)
def test_a_file_without_a_picture_in_hevc_is_refused(items: list[Item]) -> None:
    with pytest.raises(SyntaxError, match="without a picture"):
        read(*items)


def test_a_file_without_tables_is_refused() -> None:
    with pytest.raises(SyntaxError, match="without a picture"):
        Boxes(memoryview(box(b"ftyp", b"heic")))


def test_a_file_that_is_cut_off_ends_too_early() -> None:
    with pytest.raises(EOFError):
        Boxes(memoryview(heif([PICTURE])[:-1]))


def test_bytes_that_are_used_again_and_again_are_refused() -> None:
    items, _reference = tiles(1, 1, grid(4, 5, 300, 240), count=1)
    items[1] = Item(b"hvc1", bytes(4000), [HVCC])
    with pytest.raises(SyntaxError, match="again and again"):
        read(*items, references=[Reference(b"dimg", 1, [2] * 20)])


def test_a_property_that_is_not_there_is_none() -> None:
    data = heif([picture(irot(1))])
    at = data.index(b"ipma") + 4
    assert data[at + 8 : at + 13] == b"\0\1\2\x81\x82"
    for number in (b"\x80", b"\x85"):
        changed = data[: at + 11] + number + data[at + 12 :]
        assert Boxes(memoryview(changed)).colours.orientation == 1
