"""HEIC with the extra ``[heif]``, and what docs/howto/heic.md says of it."""

from __future__ import annotations

import io
import struct
from dataclasses import replace
from typing import Any

import pillow_heif
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image, ImageChops

from django_avatar_kit.exceptions import (
    TooManyPixels,
    TooMuchMemory,
    TooMuchTime,
    TruncatedImage,
)
from django_avatar_kit.fields import AvatarField
from django_avatar_kit.formats import FORMATS
from django_avatar_kit.forms import AvatarForm
from django_avatar_kit.uploads import imaging, intake
from django_avatar_kit.uploads.decoders.base import Decoder
from django_avatar_kit.uploads.decoders.heif import Heif
from tests.support import colours, heif, images
from tests.support.heif import Item, Reference, encoded, item, tiled
from tests.support.howtos import code, run
from tests.support.lifecycle import make_profile, upload
from tests.support.pictures import LIMITS, SPEC, near, shows_quarters
from tests.support.pictures import load as load_any
from tests.testapp.models import Profile

FULL, CLOSE = 255, 6
#: Multiples of the blocks of HEVC.
SIZE = (192, 128)


def load(data: bytes, **options: Any) -> imaging.Picture:
    return load_any(data, formats=("heif",), **options)


def raster(data: bytes) -> Image.Image:
    """All pixels as the decoder gives them."""
    decoder = Heif(io.BytesIO(data))
    decoded = decoder.decode(1.0)
    image = decoded.part((0, 0, *decoded.size))
    assert (image.size, image.mode) == (decoder.size, decoder.mode)
    return image


def pixel(image: Image.Image, x: int, y: int) -> Any:
    return image.getpixel((x, y))


def sixteen_bits(mode: str, size: tuple[int, int], *values: int) -> bytes:
    """One colour of more than 8 bits, as pillow-heif writes it."""
    out = io.BytesIO()
    data = struct.pack(f"<{len(values)}H", *values) * size[0] * size[1]
    pillow_heif.from_bytes(mode, size, data).save(out, quality=95)
    return out.getvalue()


# --- a site that wants it ---------------------------------------------------------------------


@pytest.fixture
def wanted(settings: Any) -> None:
    # As the page says.
    names = run(code("heic", "UPLOAD_FORMATS"))
    settings.AVATAR_KIT = {"SIZES": (16, 32), **names["AVATAR_KIT"]}


def photo(**options: Any) -> SimpleUploadedFile:
    data = tiled(images.quarters((300, 200)), 64, heif.irot(3), **options)
    return SimpleUploadedFile("IMG_1.HEIC", data, "image/heic")


@pytest.mark.django_db(transaction=True)
def test_a_photo_of_a_telephone_is_taken(wanted: None) -> None:
    profile = make_profile(avatar=False)
    form = AvatarForm(files={"avatar": photo()}, instance=profile)
    assert form.is_valid(), form.errors
    form.save()
    name = profile.avatar.avatar_name
    # It lies on its side, as an iPhone stores it, and is turned upright.
    assert (name.width, name.height) == (200, 300)
    with profile.avatar.open() as file, Image.open(file) as image:
        assert image.format == "JPEG"


@pytest.mark.django_db(transaction=True)
def test_without_that_setting_the_error_says_which_formats_are_welcome() -> None:
    form = AvatarForm(files={"avatar": photo()}, instance=make_profile(avatar=False))
    (error,) = form.errors["avatar"]
    assert error == (
        "“IMG_1.HEIC” is in HEIC format. Upload a picture in JPEG, PNG, WebP, GIF or AVIF format."
    )


def test_iphones_go_on_to_send_jpeg_to_forms(wanted: None) -> None:
    """Safari converts a HEIC unless image/heic or .heic is accepted."""
    html = str(AvatarForm(instance=Profile())["avatar"])
    assert 'accept="image/jpeg,image/png,image/webp,image/gif,image/avif,image/heif"' in html


# --- pixels -----------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA"])
@pytest.mark.parametrize("chroma", [420, 422, 444])
def test_pixels_are_those_that_pillow_heif_gives(mode: str, chroma: int) -> None:
    picture = images.quarters((90, 70))
    if mode.endswith("A"):
        picture.putalpha(Image.linear_gradient("L").resize(picture.size))
    data = encoded(picture.convert(mode), chroma=chroma)
    ours, theirs = raster(data), pillow_heif.open_heif(data).to_pillow()
    assert ours.mode == mode
    differences = ImageChops.difference(ours.convert("RGBA"), theirs.convert("RGBA"))
    assert differences.getextrema() == ((0, 0),) * 4


def test_tiles_are_put_together() -> None:
    picture = images.quarters((150, 100))
    data = tiled(picture, 64)
    ours, theirs = raster(data), pillow_heif.open_heif(data).to_pillow()
    assert ImageChops.difference(ours, theirs).getbbox() is None
    assert shows_quarters(ours, tolerance=16)


def test_a_tile_is_decoded_once_for_all_bands_and_again_for_a_part(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """So that a photo of any size takes the memory of two rows of tiles."""
    data = tiled(images.quarters((640, 1280)), 64)
    opened: list[Any] = []
    real = pillow_heif.open_heif

    def open_heif(file: bytes) -> Any:
        opened.append(file)
        return real(file)

    monkeypatch.setattr(pillow_heif, "open_heif", open_heif)
    decoder = Heif(io.BytesIO(data))
    assert opened == []
    decoded = decoder.decode(1.0)
    for top in range(0, 1280, 32):
        for left in range(0, 640, 320):
            decoded.part((left, top, left + 320, min(1280, top + 48)))
    assert len(opened) == 200
    decoded.part((0, 0, 64, 64))
    assert len(opened) == 201


def test_more_than_8_bits_are_rounded_down() -> None:
    colours = raster(sixteen_bits("RGB;16", (64, 48), 50_000, 20_000, 30_000))
    assert near(pixel(colours, 30, 20), (195, 78, 117), CLOSE)
    grey = raster(sixteen_bits("L;16", (64, 48), 50_000))
    assert grey.mode == "L"
    assert abs(pixel(grey, 30, 20) - 195) <= 2


def test_a_grey_tile_among_others_is_taken() -> None:
    tiles = [
        item(Image.new("RGB", (64, 64), (120, 120, 120)).convert(mode)) for mode in ("L", "RGB")
    ]
    # Both are of one size, and of 8 bits.
    whole = Item(b"grid", heif.grid(1, 2, 128, 64))
    image = raster(heif.heif([whole, *tiles], Reference(b"dimg", 1, [2, 3])))
    assert image.mode == "RGB"
    assert near(pixel(image, 10, 10), pixel(image, 100, 10), CLOSE)


def with_alpha(
    colours: Image.Image, alpha: Image.Image, *references: Reference, **options: Any
) -> bytes:
    items = [item(colours), item(alpha, heif.auxiliary(), **options)]
    return heif.heif(items, Reference(b"auxl", 2, [1]), *references)


def test_alpha_may_be_smaller_than_the_colours() -> None:
    alpha = Image.new("L", (64, 64), 0)
    alpha.paste(FULL, (32, 0, 64, 64))
    image = raster(with_alpha(Image.new("RGB", (128, 128), images.RED), alpha))
    assert pixel(image, 5, 5)[3] <= 4
    assert pixel(image, 120, 5)[3] >= 251
    assert near(pixel(image, 120, 5)[:3], images.RED, CLOSE)


def test_alpha_may_be_stored_in_colours() -> None:
    alpha = Image.new("RGB", (64, 64), (128, 128, 128))
    image = raster(with_alpha(Image.new("RGB", (64, 64), images.RED), alpha))
    assert abs(pixel(image, 5, 5)[3] - 128) <= 2


def test_colours_that_were_multiplied_by_alpha_are_divided_by_it() -> None:
    colours, alpha = Image.new("RGB", (64, 64), (100, 50, 25)), Image.new("L", (64, 64), 128)
    image = raster(with_alpha(colours, alpha, Reference(b"prem", 1, [2])))
    assert near(pixel(image, 9, 9), (200, 100, 50, 128), CLOSE)
    # The same of grey.
    grey = Image.new("L", (64, 64), 100)
    image = load(with_alpha(grey, alpha, Reference(b"prem", 1, [2]))).image
    assert near(pixel(image, 9, 9), (200, 200, 200, 128), CLOSE)


# --- upright, and in sRGB ---------------------------------------------------------------------

TURNS = {
    1: [],
    2: [heif.imir(1)],
    3: [heif.irot(2)],
    4: [heif.imir(0)],
    5: [heif.irot(3), heif.imir(1)],
    6: [heif.irot(3)],
    7: [heif.irot(1), heif.imir(1)],
    8: [heif.irot(1)],
}


def stored(orientation: int) -> Image.Image:
    with Image.open(io.BytesIO(images.turned(images.quarters(SIZE), orientation, "png"))) as image:
        image.load()
        # Or else pillow-heif would turn it upright.
        image.info.clear()
        return image.convert("RGB")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_turned_upright_once(orientation: int) -> None:
    """An iPhone writes it into EXIF as well, which does not count."""
    told = Item(b"Exif", b"\0\0\0\6Exif\0\0" + images.exif(orientation).removeprefix(b"Exif\0\0"))
    reference = Reference(b"cdsc", 2, [1])
    data = heif.heif([item(stored(orientation), *TURNS[orientation]), told], reference)
    picture = load(data)
    assert picture.image.size == picture.source == SIZE
    assert shows_quarters(picture.image, tolerance=16)
    # libheif agrees.
    assert shows_quarters(pillow_heif.open_heif(data).to_pillow(), tolerance=16)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_what_pillow_heif_writes_of_an_orientation_is_understood(orientation: int) -> None:
    """It stores how much of the coded blocks is to be shown, too."""
    exif = images.exif(orientation)
    data = encoded(stored(orientation).resize((62, 50)), exif=exif, chroma=444)
    assert shows_quarters(load(data).image, tolerance=16)


@pytest.mark.parametrize(
    ("numbers", "size", "corner"),
    [
        ((96, 1, 64, 1, 48, 1, -32, 1), (96, 64), images.GREEN),
        ((193, 2, 129, 2, -96, 2, 64, 2), (96, 64), images.BLUE),
        # Further than the picture goes; and nothing of it; and no number.
        ((192, 1, 128, 1, 96, 1, 0, 1), (96, 128), images.GREEN),
        ((192, 1, 128, 1, 300, 1, 0, 1), SIZE, images.RED),
        ((192, 0, 128, 1, 0, 1, 0, 1), SIZE, images.RED),
    ],
)
def test_the_part_that_is_to_be_shown_is_cut_out(
    numbers: tuple[int, ...], size: tuple[int, int], corner: tuple[int, int, int]
) -> None:
    image = raster(heif.heif([item(images.quarters(SIZE), heif.clap(*numbers))]))
    assert image.size == size
    assert near(pixel(image, 2, 2), corner, 16)


def test_a_profile_is_converted_to_srgb() -> None:
    data = heif.heif([item(images.quarters(SIZE), heif.profile(images.srgb_profile()))])
    assert Heif(io.BytesIO(data)).profile == images.srgb_profile()
    assert shows_quarters(load(data).image, tolerance=16)


def test_numbers_of_colours_are_converted_to_srgb_where_there_is_no_profile() -> None:
    colour = (64, 128, 200)
    expected = [255 * part for part in colours.from_display_p3((64 / 255, 128 / 255, 200 / 255))]
    numbers = heif.nclx(12, 13, 6)
    data = heif.heif([item(Image.new("RGB", SIZE, colour), numbers)])
    assert near(load(data).image.getpixel((9, 9)), expected, CLOSE)
    profile = heif.profile(images.srgb_profile())
    data = heif.heif([item(Image.new("RGB", SIZE, colour), numbers, profile)])
    assert near(load(data).image.getpixel((9, 9)), colour, CLOSE)


# --- nothing but the primary picture ----------------------------------------------------------

MARKER = b"PLANTED-MARKER"


def test_nothing_of_the_file_reaches_libheif_or_storage_but_the_picture(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    colours = images.quarters(SIZE)
    exif = b"\0\0\0\6Exif\0\0" + images.exif(1, gps=True).removeprefix(b"Exif\0\0") + MARKER
    items = [
        Item(b"hvc1", *vars_of(item(Image.new("RGB", (64, 64), "black")))),
        item(colours, heif.profile(images.srgb_profile()), heif.box(b"uuid", MARKER)),
        Item(b"Exif", exif),
        Item(b"mime", b"application/rdf+xml\0" + MARKER),
        Item(b"hvc1", MARKER, [heif.hvcc()]),
    ]
    references = [
        Reference(b"thmb", 1, [2]),
        Reference(b"cdsc", 3, [2]),
        Reference(b"cdsc", 4, [2]),
        Reference(b"auxl", 5, [2]),
    ]
    data = heif.heif(items, *references, primary=2) + MARKER
    seen: list[bytes] = []
    real = pillow_heif.open_heif

    def open_heif(file: bytes) -> Any:
        seen.append(file)
        return real(file)

    monkeypatch.setattr(pillow_heif, "open_heif", open_heif)
    picture = load(data)
    spec = replace(SPEC, formats=("webp", "jpeg", "avif", "png"))
    files = [*imaging.encode_renditions(picture, spec), imaging.encode_master(picture, spec)]
    assert shows_quarters(picture.image, tolerance=16)
    assert len(seen) == 1
    for stored in [*seen, *(each.data for each in files)]:
        for secret in (MARKER, b"Exif", b"GPS", b"rdf"):
            assert secret not in stored


def vars_of(made: Item) -> tuple[bytes, Any]:
    return made.data, made.properties


def test_no_state_of_pillow_or_pillow_heif_is_changed() -> None:
    before = {key: vars(pillow_heif.options)[key] for key in dir(pillow_heif.options)}
    known = set(Image.OPEN)
    load(encoded(images.quarters()))
    assert {key: vars(pillow_heif.options)[key] for key in dir(pillow_heif.options)} == before
    assert set(Image.OPEN) == known


# --- bad bytes --------------------------------------------------------------------------------


@pytest.mark.parametrize("tiles", [False, True])
def test_a_file_that_is_cut_off_is_refused_as_incomplete(tiles: bool) -> None:
    picture = images.photograph("skin", (120, 90))
    data = tiled(picture, 64) if tiles else encoded(picture)
    places = [*range(40, 400, 23), *range(400, len(data) - 1, len(data) // 12), len(data) - 1]
    for place in places:
        with pytest.raises(TruncatedImage):
            load(data[:place])


def changed(made: Item, **options: Any) -> bytes:
    """A file of an item whose parameters tell another size than its picture has."""
    record = made.properties[0][8:]
    at = record.index(b"\x42\1")
    size = int.from_bytes(record[at - 2 : at], "big")
    other = heif.sps(**options)
    new = record[: at - 2] + len(other).to_bytes(2, "big") + other + record[at + size :]
    return heif.heif([Item(b"hvc1", made.data, [heif.box(b"hvcC", new)])])


def test_parameters_of_another_picture_are_refused() -> None:
    with pytest.raises(TruncatedImage):
        load(changed(item(images.quarters(SIZE)), width=192, height=64))


@pytest.mark.parametrize("limit", [None, 1 << 28])
def test_a_stream_that_says_to_be_huge_is_refused_before_it_is_decoded(
    monkeypatch: pytest.MonkeyPatch, limit: int | None
) -> None:
    monkeypatch.setattr(pillow_heif, "open_heif", None)
    made = item(images.quarters(SIZE))
    with pytest.raises(TooManyPixels):
        load(changed(made, width=60_000, height=60_000), max_memory=limit)
    if limit:
        with pytest.raises(TooMuchMemory, match="HEIC"):
            load(changed(made, width=8000, height=6400), max_memory=limit)


def test_tiles_of_several_sizes_are_refused() -> None:
    tiles = [item(images.quarters((64, 64))), item(images.quarters((64, 128)))]
    whole = Item(b"grid", heif.grid(1, 2, 128, 64))
    with pytest.raises(TruncatedImage):
        load(heif.heif([whole, *tiles], Reference(b"dimg", 1, [2, 3])))


@pytest.mark.parametrize("size", [(193, 64), (64, 64), (0, 64), (128, 65), (128, 0)])
def test_more_tiles_than_are_shown_are_refused_and_fewer(size: tuple[int, int]) -> None:
    tiles = [item(images.quarters((64, 64)))]
    whole = Item(b"grid", heif.grid(1, 2, *size))
    with pytest.raises(TruncatedImage):
        load(heif.heif([whole, *tiles], Reference(b"dimg", 1, [2, 2])))


def test_far_more_pixels_than_are_shown_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pillow_heif, "open_heif", None)
    made = Item(b"hvc1", b"", [heif.hvcc(heif.sps(8000, 6400)), heif.clap(*[1] * 4, 0, 1, 0, 1)])
    with pytest.raises(TruncatedImage):
        load(heif.heif([made]))


def test_more_alpha_than_colours_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    data = with_alpha(Image.new("RGB", (64, 64)), Image.new("L", (64, 128)))
    monkeypatch.setattr(pillow_heif, "open_heif", None)
    with pytest.raises(TruncatedImage):
        load(data)


def test_what_libheif_gives_in_another_shape_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encoded(images.quarters((64, 64)))
    for shown in (images.quarters((64, 48)), images.quarters((64, 64)).convert("RGBA")):
        other = pillow_heif.open_heif(encoded(shown))
        monkeypatch.setattr(pillow_heif, "open_heif", lambda _file, other=other: other)
        with pytest.raises(TruncatedImage):
            load(data)


def test_memory_is_told_from_the_header(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tiles take less than a picture of one; the estimate grows with the picture."""

    def need(data: bytes, size: tuple[int, int] | None = None) -> int:
        decoder = Heif(io.BytesIO(data))
        return decoder.need(size or decoder.size, 0.1).peak

    monkeypatch.setattr(pillow_heif, "open_heif", None)
    whole = changed(item(images.quarters(SIZE)), width=4032, height=3024)
    assert need(whole) > 5 * 4032 * 3024 > 4 * need(whole, (1008, 756))
    tile = heif.hvcc(heif.sps(512, 512))
    tiles = [Item(b"grid", heif.grid(6, 8, 4032, 3024)), Item(b"hvc1", b"", [tile])]
    in_tiles = heif.heif(tiles, Reference(b"dimg", 1, [2] * 48))
    assert need(in_tiles) < 1.5 * 4032 * 3024
    assert need(in_tiles, (1008, 756)) < need(in_tiles) < 2.5 * need(in_tiles, (2016, 1512))


def test_time_is_told_from_the_header_and_photos_of_telephones_are_within_the_limit() -> None:
    tile = heif.hvcc(heif.sps(512, 512))

    def load_in_tiles(columns: int, rows: int, record: bytes = tile) -> None:
        size = 512 * columns, 512 * rows
        count = rows * columns
        items = [
            Item(b"grid", heif.grid(rows, columns, *size)),
            Item(b"hvc1", bytes(9 << 20), [record]),
            Item(b"hvc1", b"", [record]),
        ]
        tiles = Reference(b"dimg", 1, [2, *[3] * (count - 1)])
        load(heif.heif(items, tiles), max_work=AvatarField().limits.max_work)

    # 50 megapixels and 9 MB pass, and turn out to be nothing then.
    with pytest.raises(TruncatedImage):
        load_in_tiles(16, 12)
    deep = heif.hvcc(heif.sps(512, 512, depths=(10, 10)))
    with pytest.raises(TooMuchTime, match="HEIC"):
        load_in_tiles(16, 12, deep)
    alpha = with_alpha(Image.new("RGB", (64, 64)), Image.new("L", (64, 64)))
    both, colours = (Heif(io.BytesIO(data)) for data in (alpha, encoded(images.quarters())))
    assert both.work((64, 64), 1.0) > colours.work((64, 64), 1.0)


def test_numbers_of_colours_that_libheif_does_not_know_are_left_out() -> None:
    for numbers in (heif.nclx(3, 13, 6), heif.nclx(1, 99, 6), heif.nclx(1, 13, 99)):
        data = heif.heif([item(images.quarters(SIZE), numbers)])
        assert shows_quarters(load(data).image, tolerance=24)


def test_alpha_is_counted_too() -> None:
    grey, mask = Image.new("L", (640, 512), 90), Image.new("L", (640, 512), 128)
    needs = []
    for data in (
        heif.heif([item(grey)]),
        with_alpha(grey, mask),
        with_alpha(grey, mask, Reference(b"prem", 1, [2])),
    ):
        with intake.opened(io.BytesIO(data), "a", replace(LIMITS, formats=("heif",))) as source:
            assert isinstance(source, Decoder)
            needs.append([source.need(source.size, scale).peak for scale in (1.0, 0.1)])
    plain, alpha, premultiplied = needs
    assert plain[0] == plain[1] < alpha[1] < alpha[0] < premultiplied[0]
    assert premultiplied[1] < alpha[0]


# --- beside other formats ---------------------------------------------------------------------


def test_another_format_goes_on_to_be_taken(wanted: None) -> None:
    assert AvatarForm(files={"avatar": upload()}, instance=Profile()).is_valid()


def test_the_row_fits_its_files() -> None:
    data = tiled(images.quarters(SIZE), 64)
    recognised = [key for key, row in FORMATS.items() if row.signature.match(data)]
    assert recognised == ["heif"]
    assert FORMATS["heif"].signature.match(encoded(images.quarters()))
