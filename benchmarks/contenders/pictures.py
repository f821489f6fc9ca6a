"""django-pictures, with the dimensions stored in columns, as its system check asks for."""

from __future__ import annotations

from django.db import models
from pictures.models import PictureField

from benchmarks.contenders import Contender


class PicturesPerson(models.Model):
    name = models.CharField(max_length=50)
    avatar = PictureField(
        upload_to="avatars",
        blank=True,
        aspect_ratios=["1/1"],
        width_field="avatar_width",
        height_field="avatar_height",
    )
    avatar_width = models.PositiveIntegerField(null=True, editable=False)
    avatar_height = models.PositiveIntegerField(null=True, editable=False)

    def __str__(self) -> str:
        return self.name


class Pictures(Contender):
    model = PicturesPerson
    load = "{% load pictures %}"
    # Its srcset names all sizes. The container is the width in the page, in px.
    markup = (
        '{% picture p.avatar img_alt=p.name ratio="1/1" container=64'
        ' img_class="rounded" img_loading="lazy" %}'
    )


CONTENDER = Pictures()
