"""What docs/howto/heic.md says, with photos that pillow-heif has encoded."""

from __future__ import annotations

import io
from typing import Any

import pillow_heif
import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from django_avatar_kit.exceptions import UnsupportedFormat
from tests.support.howtos import code, run
from tests.support.lifecycle import make_profile, upload

pytestmark = pytest.mark.django_db(transaction=True)


def photo(size: tuple[int, int] = (60, 40), **options: Any) -> SimpleUploadedFile:
    """Red on the left, blue on the right."""
    image = Image.new("RGB", size, "red")
    image.paste("blue", (size[0] // 2, 0, *size))
    heif = pillow_heif.from_pillow(image)
    file = io.BytesIO()
    heif.save(file, quality=90, **options)
    return SimpleUploadedFile("IMG_1.HEIC", file.getvalue(), "image/heic")


@pytest.fixture
def page() -> dict[str, Any]:
    return run(code("heic", "# people/heic.py"))


def test_the_kit_itself_refuses_it():
    profile = make_profile(avatar=False)
    profile.avatar = photo()
    with pytest.raises(UnsupportedFormat, match="HEIF"):
        profile.save()


def test_a_photo_is_converted(page):
    profile = make_profile(avatar=False)
    profile.avatar = page["without_heic"](photo())
    profile.full_clean()
    profile.save()
    name = profile.avatar.avatar_name
    assert (name.width, name.height) == (60, 40)


def test_the_photo_is_upright(page):
    """An iPhone that is held upright writes a photo that lies on its side."""
    exif = Image.Exif()
    exif[0x0112] = 6
    with Image.open(page["without_heic"](photo(exif=exif.tobytes()))) as image:
        assert image.size == (40, 60)
        red, _green, blue = image.convert("RGB").getpixel((20, 5))
        assert red > 200 > blue


def test_another_format_is_left_alone(page):
    file = upload()
    assert page["without_heic"](file) is file
    assert file.tell() == 0


def test_a_damaged_photo(page):
    damaged = SimpleUploadedFile("a.heic", photo().read()[:400])
    with pytest.raises(ValidationError, match="damaged"):
        page["without_heic"](damaged)


def test_too_many_pixels(page):
    page["without_heic"].__globals__["MOST_PIXELS"] = 60 * 40 - 1
    with pytest.raises(ValidationError, match="too many pixels"):
        page["without_heic"](photo())
