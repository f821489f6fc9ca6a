"""django-versatileimagefield, with its warmer and with its receiver that deletes all files."""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models.signals import post_delete
from versatileimagefield.fields import VersatileImageField
from versatileimagefield.image_warmer import VersatileImageFieldWarmer

from benchmarks.contenders import ATTRIBUTES, Contender

SQUARES = [(f"s{size}", f"crop__{size}x{size}") for size in settings.SIZES]


class VersatilePerson(models.Model):
    name = models.CharField(max_length=50)
    avatar = VersatileImageField(upload_to="avatars", blank=True)

    def __str__(self) -> str:
        return self.name


def delete_created(sender: type[models.Model], instance: Any, **kwargs: Any) -> None:
    with redirect_stdout(io.StringIO()):  # it prints what it deletes
        instance.avatar.delete_all_created_images()


post_delete.connect(delete_created, sender=VersatilePerson)


class Versatile(Contender):
    model = VersatilePerson
    markup = f'<img src="{{{{ p.avatar.crop.64x64 }}}}" {ATTRIBUTES}>'

    def finish(self, row: models.Model) -> None:
        if settings.ON_DEMAND:
            return
        warmer = VersatileImageFieldWarmer(row, SQUARES, "avatar")
        made, failed = warmer.warm()
        if failed:
            raise ValueError(f"django-versatileimagefield has made {made} files, not {failed}")


CONTENDER = Versatile()
