from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import ExifTags, Image, ImageCms

from django_avatar_kit.exceptions import UnsupportedFormat
from django_avatar_kit.fields import AvatarField
from django_avatar_kit.formats import default_uploads
from django_avatar_kit.test import make_image, make_upload
from tests.support import images

WITH_EXIF = ["jpeg", "png", "webp", "avif", "tiff"]


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


@pytest.mark.parametrize("format", [*default_uploads(), "tiff", "bmp", "ico", "jpeg2000"])
def test_a_picture_in_any_format(format):
    with opened(make_image((32, 16), format=format)) as image:
        assert image.format == format.upper()
        # Icons of other sizes than the usual ones become smaller.
        assert image.size == ((16, 8) if format == "ico" else (32, 16))


@pytest.mark.parametrize(("alias", "format"), [("jpg", "JPEG"), ("tif", "TIFF"), ("PNG", "PNG")])
def test_a_format_by_the_name_that_people_give_it(alias, format):
    with opened(make_image((8, 8), format=alias)) as image:
        assert image.format == format


@pytest.mark.parametrize("format", ["tiff", "bmp"])
def test_formats_that_the_kit_refuses(format):
    with pytest.raises(UnsupportedFormat):
        AvatarField().check_upload(make_upload(size=(8, 8), format=format))


def test_a_picture_has_one_colour():
    with opened(make_image((8, 8), (255, 0, 0, 128), format="png", mode="RGBA")) as image:
        assert image.getcolors() == [(64, (255, 0, 0, 128))]


@pytest.mark.parametrize(
    ("mode", "format", "color"),
    [
        ("1", "png", 255),
        ("L", "png", 255),
        ("LA", "png", (255, 255)),
        ("P", "gif", 0),
        ("RGB", "jpeg", (255, 255, 255)),
        ("RGBA", "png", (255, 255, 255, 255)),
        ("CMYK", "jpeg", (0, 0, 0, 0)),
        ("I", "tiff", 255),
        ("I;16", "png", 255),
        ("F", "tiff", 255.0),
    ],
)
def test_a_colour_by_name_in_any_mode(mode, format, color):
    with opened(make_image((8, 8), "white", mode=mode, format=format)) as image:
        assert image.mode == mode
        pixels = image.convert("CMYK") if mode == "CMYK" else image
        assert pixels.getpixel((4, 4)) == color


def test_numbers_for_a_mode_without_names():
    with opened(make_image((8, 8), (200, 0, 0), mode="LAB", format="tiff")) as image:
        assert image.getpixel((0, 0)) == (200, 0, 0)


def test_options_go_to_the_encoder():
    assert len(make_image(quality=1)) < len(make_image(quality=100))


# --- what a camera writes ---


@pytest.mark.parametrize("format", WITH_EXIF)
def test_exif(format):
    data = make_image(
        (30, 20), format=format, orientation=6, gps=(-48.21, 16.5), exif={"Artist": "Jane Doe"}
    )
    with opened(data) as image:
        tags = image.getexif()
        place = tags.get_ifd(ExifTags.IFD.GPSInfo)
    assert tags[ExifTags.Base.Artist] == "Jane Doe"
    assert (place[ExifTags.GPS.GPSLatitudeRef], place[ExifTags.GPS.GPSLongitudeRef]) == ("S", "E")
    assert place[ExifTags.GPS.GPSLatitude] == (48.0, 12.0, 36.0)
    assert place[ExifTags.GPS.GPSLongitude] == (16.0, 30.0, 0.0)


@pytest.mark.parametrize(("orientation", "stored"), [(1, (30, 20)), (4, (30, 20)), (6, (20, 30))])
def test_the_size_is_what_people_see(orientation, stored):
    data = make_image((30, 20), orientation=orientation)
    with opened(data) as image:
        assert image.size == stored
        assert image.getexif()[ExifTags.Base.Orientation] == orientation
    AvatarField().check_upload(make_upload(content=data))


@pytest.mark.parametrize("as_bytes", [True, False])
def test_a_block_of_exif_of_ones_own(as_bytes):
    block: bytes | Image.Exif = images.exif(3)
    if not as_bytes:
        block = Image.Exif()
        block[ExifTags.Base.Orientation] = 3
    with opened(make_image(exif=block, gps=(1, -2))) as image:
        tags = image.getexif()
        assert tags[ExifTags.Base.Orientation] == 3
        assert tags.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLongitudeRef] == "W"


@pytest.mark.parametrize("format", WITH_EXIF)
def test_a_colour_profile(format):
    with opened(make_image((8, 8), format=format, icc_profile="sRGB")) as image:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))
        assert "sRGB" in ImageCms.getProfileDescription(profile)
    own = images.swapped_profile()
    with opened(make_image((8, 8), format=format, icc_profile=own)) as image:
        assert image.info["icc_profile"] == own


# --- what cannot be ---


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (
            {"format": "svg"},
            "Pillow cannot write 'svg' here. It can write jpeg, png, webp, gif, avif, tiff, bmp, ",
        ),
        (
            {"format": "jpeg", "mode": "RGBA"},
            "A JPEG made by Pillow cannot have the mode RGBA. It can have RGB, L, 1, CMYK, YCbCr.",
        ),
        ({"mode": "RGBX"}, "make_image() makes the modes RGB, RGBA, L, "),
        ({"mode": "LAB"}, "For the mode LAB, give the colour as three numbers, not as a name."),
        ({"orientation": 9}, "An orientation is a number from 1 to 8, not 9."),
        (
            {"format": "gif", "orientation": 3},
            "A GIF made by Pillow cannot have EXIF. These can: jpeg, png, webp, avif, tiff, mpo.",
        ),
        ({"format": "bmp", "icc_profile": "sRGB"}, "A BMP made by Pillow cannot have a colour "),
        ({"icc_profile": "P3"}, "icc_profile is 'P3'. It is the bytes of a profile, or 'sRGB'."),
        ({"exif": {"Painter": "Jane"}}, "EXIF has no tag 'Painter'. PIL.ExifTags.Base lists them"),
        ({"gps": (91, 0)}, "gps is 91, 0. It is a latitude from -90 to 90 and a longitude from "),
        ({"color": "reddish"}, "unknown color specifier: 'reddish'"),
    ],
)
def test_an_error_says_what_is_possible(image: dict[str, Any], message):
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - the message is compared below
        make_image(**{"size": (8, 8), **image})
    assert str(raised.value).startswith(message)


def test_an_encoder_that_fails_for_another_reason_says_so_itself():
    with pytest.raises(ValueError, match="Invalid quality"):
        make_image((8, 8), format="avif", quality=1000)


# --- uploads ---


def test_an_upload_is_what_a_request_brings():
    upload = make_upload()
    assert isinstance(upload, SimpleUploadedFile)
    assert (upload.name, upload.content_type) == ("portrait.jpg", "image/jpeg")
    with Image.open(upload) as image:
        assert image.size == (640, 480)


def test_the_name_of_an_upload_goes_with_its_format():
    assert make_upload(size=(9, 9), format="png").name == "portrait.png"
    assert make_upload(size=(9, 9), format="tif").content_type == "image/tiff"


def test_an_upload_of_anything():
    upload = make_upload("letter.txt", b"hello")
    assert (upload.read(), upload.content_type) == (b"hello", "text/plain")
    assert make_upload("x", b"").content_type == "application/octet-stream"
    assert make_upload("x.png", size=(9, 9), format="png").content_type == "image/png"
    assert make_upload(content=b"no").name == "portrait.jpg"
