"""sorl-thumbnail. The request that uploads makes the five sizes."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from sorl.thumbnail import ImageField, get_thumbnail
from sorl.thumbnail.images import close_source_cache, open_source_cache
from sorl.thumbnail.models import KVStore

from benchmarks.contenders import ATTRIBUTES, Contender, Filler

if TYPE_CHECKING:
    from collections.abc import Iterator


class SorlPerson(models.Model):
    name = models.CharField(max_length=50)
    avatar = ImageField(upload_to="avatars", blank=True)

    def __str__(self) -> str:
        return self.name


class Sorl(Contender):
    model = SorlPerson
    load = "{% load thumbnail %}"
    markup = (
        '{% thumbnail p.avatar "64x64" crop="center" as im %}'
        f'<img src="{{{{ im.url }}}}" {ATTRIBUTES}>{{% endthumbnail %}}'
    )

    def finish(self, row: models.Model) -> None:
        if settings.ON_DEMAND:
            return
        # sorl-thumbnail calls these two at the start and the end of a request.
        open_source_cache()
        for size in settings.SIZES:
            get_thumbnail(row.avatar, f"{size}x{size}", crop="center")  # type: ignore[attr-defined]
        close_source_cache()

    def books(self, numbers: range, keys: list[str]) -> Iterator[Filler]:
        yield KVStore, ("key", "value"), (row for key in keys for row in booked(key))


def booked(key: str) -> Iterator[tuple[str, str]]:
    """The source, its five thumbnails, and the list of these."""
    source, *thumbnails = (secrets.token_hex(16) for _ in range(1 + len(settings.SIZES)))
    yield f"sorl-thumbnail||image||{source}", image(key, 3024)
    yield f"sorl-thumbnail||thumbnails||{source}", json.dumps(thumbnails)
    for thumbnail, size in zip(thumbnails, settings.SIZES, strict=True):
        name = f"cache/{thumbnail[:2]}/{thumbnail[2:4]}/{thumbnail}.jpg"
        yield f"sorl-thumbnail||image||{thumbnail}", image(name, size)


def image(name: str, side: int) -> str:
    return json.dumps({"name": name, "storage": "default", "size": [side, side]})


CONTENDER = Sorl()
