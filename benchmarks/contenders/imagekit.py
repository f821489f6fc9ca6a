"""django-imagekit. The settings say when its files are made."""

from __future__ import annotations

from django.db import models
from imagekit.models import ImageSpecField
from imagekit.processors import ResizeToFill, Transpose

from benchmarks.contenders import ATTRIBUTES, Contender


def square(size: int) -> ImageSpecField:
    return ImageSpecField(
        source="avatar", processors=[Transpose(), ResizeToFill(size, size)], format="JPEG"
    )


class ImagekitPerson(models.Model):
    name = models.CharField(max_length=50)
    avatar = models.ImageField(upload_to="avatars", blank=True)
    avatar_32 = square(32)
    avatar_64 = square(64)
    avatar_128 = square(128)
    avatar_256 = square(256)
    avatar_512 = square(512)

    def __str__(self) -> str:
        return self.name


class Imagekit(Contender):
    model = ImagekitPerson
    markup = f'<img src="{{{{ p.avatar_64.url }}}}" {ATTRIBUTES}>'


CONTENDER = Imagekit()
