"""django-avatar-kit."""

from __future__ import annotations

import secrets
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.db import models

from benchmarks.contenders import Contender
from django_avatar_kit.forms import AvatarForm
from django_avatar_kit.models import AvatarMixin
from django_avatar_kit.names import Name

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

    @cached_property
    def sample(self) -> Name:
        """The name of some avatar that was really uploaded."""
        key = self.model.objects.values_list("avatar", flat=True).first()
        name = Name.parse(key or "")
        assert name is not None, key
        return name

    def key(self) -> str:
        token = secrets.token_hex(16)
        folder = f"{self.sample.folder[:-3]}{token[:2]}/"
        return str(self.sample._replace(folder=folder, token=token))

    def form(self, upload: File[Any], row: models.Model) -> BaseForm:
        return AvatarForm({}, {"avatar": upload}, instance=row)


CONTENDER = Kit()
