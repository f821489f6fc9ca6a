"""django-stdimage. It does not turn a picture upright."""

from __future__ import annotations

import warnings

from django.conf import settings
from django.db import models

from benchmarks.contenders import ATTRIBUTES, Contender

with warnings.catch_warnings():
    # It warns that it is deprecated in favour of django-pictures.
    warnings.simplefilter("ignore", DeprecationWarning)
    from stdimage import StdImageField


class StdimagePerson(models.Model):
    name = models.CharField(max_length=50)
    avatar = StdImageField(
        upload_to="avatars",
        blank=True,
        variations={f"s{size}": (size, size, True) for size in settings.SIZES},
        delete_orphans=True,
    )

    def __str__(self) -> str:
        return self.name


class Stdimage(Contender):
    model = StdimagePerson
    markup = f'<img src="{{{{ p.avatar.s64.url }}}}" {ATTRIBUTES}>'


CONTENDER = Stdimage()
