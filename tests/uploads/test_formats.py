"""Every format is a row of one table, and nothing else has to change for another one."""

from __future__ import annotations

import re
import sys
from typing import IO, Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from PIL.BmpImagePlugin import BmpImageFile

from django_avatar_kit import checks, formats, pipeline
from django_avatar_kit.checks import check_settings
from django_avatar_kit.conf import get_config
from django_avatar_kit.exceptions import UnsupportedFormat
from django_avatar_kit.formats import Encoder, ImageFormat
from django_avatar_kit.forms import AvatarForm
from django_avatar_kit.test import make_upload
from django_avatar_kit.uploads.decoders.base import Decoder, Need
from django_avatar_kit.uploads.intake import decoder_of
from django_avatar_kit.uploads.rasters import ImageRaster
from tests.support import images
from tests.support.processes import python
from tests.testapp.models import Team

pytestmark = pytest.mark.usefixtures("small")

FIELD: Any = Team._meta.get_field("avatar")


class Bmp(Decoder):
    def __init__(self, file: IO[bytes]) -> None:
        self._image = BmpImageFile(file)
        self.size, self.mode = self._image.size, self._image.mode

    def need(self, size: tuple[int, int], scale: float) -> Need:
        return Need(4 * size[0] * size[1], 4 * size[0] * size[1])

    def decode(self, scale: float) -> ImageRaster:
        self._image.load()
        return ImageRaster(self._image)


@pytest.fixture
def bmp(monkeypatch, settings) -> None:
    row = ImageFormat(
        label="Windows bitmap",
        extension="dib",
        signature=re.compile(rb"BM"),
        alpha=False,
        decoder=f"{__name__}.Bmp",
        encoder=Encoder(pixel_memory=(4, 4)),
    )
    monkeypatch.setitem(formats.FORMATS, "bmp", row)
    settings.AVATAR_KIT = {"SIZES": (16,), "UPLOAD_FORMATS": ["bmp", "png"], "FORMATS": ["bmp"]}


def bitmap() -> Any:
    return make_upload("photo.jpg", images.encoded(images.quarters(), "bmp"))


def test_a_row_and_a_decoder_are_all_that_an_upload_takes(bmp) -> None:
    picture = pipeline.receive(bitmap(), FIELD)
    assert picture.source == (60, 40)
    assert picture.image.getpixel((0, 0)) == images.RED


def test_the_checks_know_a_format_from_its_row(bmp, settings) -> None:
    assert check_settings() == []
    settings.AVATAR_KIT = {"UPLOAD_FORMATS": ["tga"]}
    (message,) = check_settings()
    assert "'avif', 'bmp', 'gif'" in str(message.hint)


def test_a_form_accepts_the_media_type_of_the_row(bmp) -> None:
    assert 'accept="image/bmp,image/png"' in str(AvatarForm(instance=Team())["avatar"])


def test_an_error_calls_a_format_by_the_label_of_its_row(bmp, settings) -> None:
    settings.AVATAR_KIT = {"UPLOAD_FORMATS": ["png"]}
    with pytest.raises(UnsupportedFormat, match="is in Windows bitmap format"):
        pipeline.receive(bitmap(), FIELD)


def test_renditions_are_made_with_the_encoder_of_the_row(bmp) -> None:
    cut = pipeline.cut(pipeline.receive(bitmap(), FIELD), FIELD.spec)
    (rendition,) = cut.renditions
    assert rendition.data.startswith(b"BM")
    assert (rendition.content_type, rendition.extension) == ("image/bmp", "dib")
    assert cut.name().formats == ("bmp",)


def test_a_new_format_may_be_uploaded_by_default(bmp, settings) -> None:
    settings.AVATAR_KIT = {}
    assert get_config().upload_formats == ("jpeg", "png", "webp", "gif", "avif", "bmp")


@pytest.mark.parametrize("key", formats.default_uploads())
def test_each_row_fits_its_format(key: str) -> None:
    row = formats.FORMATS[key]
    data = images.encoded(images.quarters(), key)
    signatures = {each: other.signature for each, other in formats.FORMATS.items()}
    # An AVIF may call itself an HEIF as well.
    assert next(each for each, signature in signatures.items() if signature.match(data)) == key
    assert issubclass(decoder_of(key), Decoder)
    assert formats.with_extension(row.extension) == formats.with_extension(key) == key
    assert formats.media_type_of(key) == f"image/{key}"


def test_a_format_without_a_row_is_not_known() -> None:
    assert formats.with_extension("tga") is None
    assert formats.media_type_of("jxl") == "image/jxl"
    assert formats.label_of("jxl") == "jxl"
    assert formats.has_alpha("jxl")


def test_what_is_written_has_the_defaults_of_the_documentation() -> None:
    assert formats.default_quality() == {"webp": 80, "jpeg": 80, "avif": 60}
    assert set(formats.rendition_encoders()) == {"webp", "jpeg", "avif", "png"}


# --- a format whose decoder is a package of its own -------------------------------------------

HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(40)


@pytest.fixture
def without_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where pillow-heif is not installed."""
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    monkeypatch.setattr(checks, "find_spec", lambda _name: None)


def test_it_may_not_be_uploaded_by_default(without_package, settings) -> None:
    assert get_config().upload_formats == ("jpeg", "png", "webp", "gif", "avif")
    assert check_settings() == []
    with pytest.raises(UnsupportedFormat, match=r"is in HEIC format\. Upload a picture in JPEG"):
        pipeline.receive(make_upload("IMG_1.HEIC", HEIC), FIELD)


def test_where_it_is_wanted_the_check_says_what_to_install(without_package, settings) -> None:
    settings.AVATAR_KIT = {"UPLOAD_FORMATS": ["jpeg", "heif"]}
    (message,) = check_settings()
    assert message.id == "avatar_kit.E003"
    assert message.msg == (
        "AVATAR_KIT['UPLOAD_FORMATS'] has 'heif', and pillow_heif is not installed."
    )
    assert message.hint == "Install it: pip install django-avatar-kit[heif]"


def test_where_it_is_installed_there_is_nothing_to_say(monkeypatch, settings) -> None:
    monkeypatch.setattr(checks, "find_spec", lambda _name: object())
    settings.AVATAR_KIT = {"UPLOAD_FORMATS": ["jpeg", "heif"]}
    assert check_settings() == []


def test_an_upload_without_the_package_is_a_mistake_of_the_site(without_package, settings) -> None:
    settings.AVATAR_KIT = {"UPLOAD_FORMATS": ["jpeg", "heif"]}
    with pytest.raises(ImproperlyConfigured, match=r"pip install django-avatar-kit\[heif\]"):
        pipeline.receive(make_upload("IMG_1.HEIC", HEIC), FIELD)


def test_the_package_is_not_loaded_for_other_formats() -> None:
    loaded = python(
        "import os, sys, django\n"
        "os.environ['DJANGO_SETTINGS_MODULE'] = 'tests.settings'\n"
        "django.setup()\n"
        "from django_avatar_kit.uploads import intake\n"
        "print('pillow_heif' in sys.modules)"
    )
    assert loaded == "False\n"
