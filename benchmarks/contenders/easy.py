"""easy-thumbnails and django-cleanup, combined without further code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.utils import timezone
from easy_thumbnails.fields import ThumbnailerImageField
from easy_thumbnails.models import Source, Thumbnail
from easy_thumbnails.signal_handlers import generate_aliases_global
from easy_thumbnails.signals import saved_file
from easy_thumbnails.utils import get_storage_hash

from benchmarks.contenders import ATTRIBUTES, Contender, Filler

if TYPE_CHECKING:
    from collections.abc import Iterator


class EasyPerson(models.Model):
    name = models.CharField(max_length=50)
    avatar = ThumbnailerImageField(upload_to="avatars", blank=True)

    def __str__(self) -> str:
        return self.name


if not settings.ON_DEMAND:
    # As its documentation says: all aliases are made as soon as the original is saved.
    saved_file.connect(generate_aliases_global, sender=EasyPerson)


class Easy(Contender):
    model = EasyPerson
    load = "{% load thumbnail %}"
    markup = f'<img src="{{% thumbnail p.avatar 64x64 crop %}}" {ATTRIBUTES}>'

    def books(self, numbers: range, keys: list[str]) -> Iterator[Filler]:
        place, now = get_storage_hash(EasyPerson.avatar.field.storage), timezone.now()  # type: ignore[attr-defined]
        last = Source.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
        sources = dict(enumerate(keys, last + 1))
        columns = ("storage_hash", "name", "modified")
        yield Source, ("id", *columns), ((pk, place, key, now) for pk, key in sources.items())
        yield (
            Thumbnail,
            ("source_id", *columns),
            (
                (pk, place, f"{key}.{size}x{size}_q85_crop.jpg", now)
                for pk, key in sources.items()
                for size in settings.SIZES
            ),
        )


CONTENDER = Easy()
