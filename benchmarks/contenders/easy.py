"""easy-thumbnails and django-cleanup, combined without further code."""

from __future__ import annotations

from django.db import models
from easy_thumbnails.fields import ThumbnailerImageField
from easy_thumbnails.signal_handlers import generate_aliases_global
from easy_thumbnails.signals import saved_file

from benchmarks.contenders import ATTRIBUTES, Contender


class EasyPerson(models.Model):
    name = models.CharField(max_length=50)
    avatar = ThumbnailerImageField(upload_to="avatars", blank=True)

    def __str__(self) -> str:
        return self.name


# As its documentation says: all aliases are made as soon as the original is saved.
saved_file.connect(generate_aliases_global, sender=EasyPerson)


class Easy(Contender):
    model = EasyPerson
    load = "{% load thumbnail %}"
    markup = f'<img src="{{% thumbnail p.avatar 64x64 crop %}}" {ATTRIBUTES}>'


CONTENDER = Easy()
