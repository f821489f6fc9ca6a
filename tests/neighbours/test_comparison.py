"""What docs/explanation/comparison.md says of other libraries, tried with each of them.

Each stores the same photo as its documentation says, and shows it as a square of 64 px. It lies on
its side (EXIF orientation 6), and has a GPS position and a comment.
"""

from __future__ import annotations

import gc
import io
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from avatar.models import Avatar
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, models
from django.test.utils import isolate_apps
from easy_thumbnails.fields import ThumbnailerImageField
from imagekit.models import ImageSpecField
from imagekit.processors import ResizeToFill, Transpose
from pictures.models import PictureField
from PIL import Image
from sorl.thumbnail import get_thumbnail
from sorl.thumbnail.fields import ImageField as SorlImageField
from versatileimagefield.fields import VersatileImageField

from tests.testapp.models import Team

with warnings.catch_warnings():
    # It says that it is deprecated in favour of django-pictures.
    warnings.simplefilter("ignore", DeprecationWarning)
    from stdimage import StdImageField

pytestmark = [
    pytest.mark.django_db(transaction=True),
    # Pillow's and Django's, from inside those libraries.
    pytest.mark.filterwarnings(
        "ignore::DeprecationWarning",
        # Some leave the file of the upload open.
        "ignore::ResourceWarning",
        "ignore::pytest.PytestUnraisableExceptionWarning",
    ),
]

GPS = 0x8825


def photo(name: str = "Ada Lovelace.jpg") -> SimpleUploadedFile:
    """Red above blue, if it is turned upright."""
    image = Image.new("RGB", (600, 400), "red")
    image.paste("blue", (300, 0, 600, 400))
    exif = Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(GPS)[1] = "N"
    file = io.BytesIO()
    image.save(file, "JPEG", exif=exif, comment="at home", quality=90)
    return SimpleUploadedFile(name, file.getvalue(), "image/jpeg")


def table(field: models.Field[Any, Any], **more: Any) -> type[models.Model]:
    """A model with this field. Its table is made and dropped by the fixture."""
    attrs = {"avatar": field, **more, "__module__": __name__}
    attrs["Meta"] = type("Meta", (), {"app_label": "testapp"})
    return type("Person", (models.Model,), attrs)


def kit() -> Any:
    return Team


def easy_thumbnails() -> Any:
    return table(ThumbnailerImageField(upload_to="avatars"))


def sorl() -> Any:
    return table(SorlImageField(upload_to="avatars"))


def imagekit() -> Any:
    spec = ImageSpecField(source="avatar", processors=[Transpose(), ResizeToFill(64, 64)])
    return table(models.ImageField(upload_to="avatars"), small=spec)


def stdimage() -> Any:
    return table(StdImageField(upload_to="avatars", variations={"small": (64, 64, True)}))


def pictures() -> Any:
    return table(
        PictureField(
            upload_to="avatars",
            aspect_ratios=["1/1"],
            width_field="avatar_width",
            height_field="avatar_height",
        ),
        avatar_width=models.PositiveIntegerField(null=True, editable=False),
        avatar_height=models.PositiveIntegerField(null=True, editable=False),
    )


def versatileimagefield() -> Any:
    return table(VersatileImageField(upload_to="avatars"))


def django_avatar() -> Any:
    return Avatar


SHOW: dict[Callable[[], Any], Callable[[Any], object]] = {
    kit: lambda row: row.avatar.url_for(64),
    django_avatar: lambda row: row.create_thumbnail(64),
    easy_thumbnails: lambda row: row.avatar.get_thumbnail({"size": (64, 64), "crop": True}).url,
    sorl: lambda row: get_thumbnail(row.avatar, "64x64", crop="center").url,
    imagekit: lambda row: row.small.url,
    stdimage: lambda row: row.avatar.small.url,
    pictures: lambda row: row.avatar.aspect_ratios["1/1"],
    versatileimagefield: lambda row: row.avatar.crop["64x64"].url,
}
PEERS = list(SHOW)


@pytest.fixture
def stored(request: Any, media: Path, settings: Any) -> Iterator[dict[str, Image.Image]]:
    """All files of a library after the photo has been uploaded and shown, by their paths."""
    make = request.param
    # In a cache, libraries would find the squares of an earlier test, and make none.
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
    with isolate_apps("tests.testapp"):
        model = make()
        mine = model.__name__ == "Person"
        if mine:
            with connection.schema_editor() as editor:
                editor.create_model(model)
        try:
            if model is Avatar:
                row = model(user=User.objects.create(username="ada"), primary=True)
                row.avatar.save("Ada Lovelace.jpg", photo())
            else:
                row = model(avatar=photo())
                row.save()
            SHOW[make](model._default_manager.get(pk=row.pk))
            yield {
                str(path.relative_to(media)): Image.open(io.BytesIO(path.read_bytes()))
                for path in media.rglob("*")
                if path.is_file()
            }
        finally:
            gc.collect()
            if mine:
                with connection.schema_editor() as editor:
                    editor.delete_model(model)


def names(*functions: Callable[[], Any]) -> Any:
    return pytest.mark.parametrize(
        "stored", functions, indirect=True, ids=[each.__name__ for each in functions]
    )


def squares(stored: dict[str, Image.Image]) -> list[Image.Image]:
    found = [image for image in stored.values() if image.width == image.height]
    assert found
    return found


def red_and_blue(image: Image.Image, place: tuple[int, int]) -> tuple[int, int]:
    pixel: Any = image.convert("RGB").getpixel(place)
    return pixel[0], pixel[2]


def positions(stored: dict[str, Image.Image]) -> list[str]:
    return [key for key, image in stored.items() if image.getexif().get_ifd(GPS)]


def comments(stored: dict[str, Image.Image]) -> list[str]:
    return [key for key, image in stored.items() if image.info.get("comment")]


@names(kit)
def test_the_kit_keeps_neither_position_nor_comment_nor_file_name(stored):
    assert positions(stored) == comments(stored) == []
    assert not any("Ada" in key for key in stored)


@names(*PEERS[1:])
def test_the_others_keep_the_upload_as_it_came(stored):
    (original,) = [key for key, image in stored.items() if image.size == (600, 400)]
    assert "Ada_Lovelace" in original
    assert positions(stored) == [original]
    assert original in comments(stored)


@names(*(each for each in PEERS if each is not stdimage))
def test_squares_are_upright(stored):
    for image in squares(stored):
        red, blue = red_and_blue(image, (image.width // 2, 2))
        assert red > 200 > blue


@names(stdimage)
def test_squares_lie_on_their_side(stored):
    for image in squares(stored):
        red, blue = red_and_blue(image, (2, image.height // 2))
        assert red > 200 > blue
