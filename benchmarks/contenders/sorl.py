"""sorl-thumbnail. The request that uploads makes the five sizes."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from sorl.thumbnail import ImageField, get_thumbnail
from sorl.thumbnail.images import close_source_cache, open_source_cache

from benchmarks.contenders import ATTRIBUTES, Contender


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
        # sorl-thumbnail calls these two at the start and the end of a request.
        open_source_cache()
        for size in settings.SIZES:
            get_thumbnail(row.avatar, f"{size}x{size}", crop="center")  # type: ignore[attr-defined]
        close_source_cache()


CONTENDER = Sorl()
