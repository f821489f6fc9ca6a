"""Django's own ``ImageField``: one file, as it was uploaded."""

from __future__ import annotations

from django.db import models

from benchmarks.contenders import ATTRIBUTES, Contender


class StockPerson(models.Model):
    name = models.CharField(max_length=50)
    avatar = models.ImageField(upload_to="avatars", blank=True)

    def __str__(self) -> str:
        return self.name


class Stock(Contender):
    model = StockPerson
    markup = f'<img src="{{{{ p.avatar.url }}}}" {ATTRIBUTES}>'


CONTENDER = Stock()
