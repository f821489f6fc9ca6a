"""django-avatar-kit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models

from benchmarks.contenders import Contender
from django_avatar_kit.forms import AvatarForm
from django_avatar_kit.models import AvatarMixin

if TYPE_CHECKING:
    from django.core.files.base import File
    from django.forms import BaseForm


class KitPerson(AvatarMixin):
    name = models.CharField(max_length=50)

    def __str__(self) -> str:
        return self.name


class Kit(Contender):
    model = KitPerson
    load = "{% load avatar_kit %}"
    # The alt text is the name of the row, as in the other contenders.
    markup = '{% avatar p 64 class="rounded" %}'

    def form(self, upload: File[Any], row: models.Model) -> BaseForm:
        return AvatarForm({}, {"avatar": upload}, instance=row)


CONTENDER = Kit()
