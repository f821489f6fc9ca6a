"""django-avatar: its own table, with many avatars for each user."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from avatar.forms import UploadAvatarForm
from avatar.models import Avatar
from avatar.signals import avatar_updated
from django.contrib.auth.models import User
from django.utils import timezone

from benchmarks.contenders import Contender, Filler

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.core.files.base import File
    from django.db.models import Model, QuerySet

numbers = itertools.count()


class DjangoAvatar(Contender):
    model = Avatar
    load = "{% load avatar_tags %}"
    markup = '{% avatar p 64 class="rounded" loading="lazy" %}'

    def new(self) -> Model:
        return Avatar(user=User.objects.create(username=f"ada-{next(numbers)}"), primary=True)

    def upload(self, upload: File[Any], row: Model | None = None) -> Model:
        """Do what its view does. A replacement adds a row, and the old one stays."""
        user = row.user if row else self.new().user  # type: ignore[attr-defined]
        form = UploadAvatarForm({}, {"avatar": upload}, user=user)
        if not form.is_valid():
            raise ValueError(f"django-avatar refuses the upload: {form.errors!r}")
        avatar = Avatar(user=user, primary=True)
        avatar.avatar.save(upload.name, upload)
        avatar.save()
        avatar_updated.send(sender=Avatar, user=user, avatar=avatar)
        return avatar

    def rows(self) -> QuerySet[Any]:
        return User.objects.order_by("pk")

    def filler(self, numbers: range) -> Iterator[Filler]:
        now = timezone.now()
        texts = ("password", "first_name", "last_name", "email")
        flags = ("is_superuser", "is_staff", "is_active")
        yield (
            User,
            ("id", "username", "date_joined", *texts, *flags),
            ((n, f"filler-{n}", now, "", "", "", "", False, False, True) for n in numbers),
        )
        yield (
            Avatar,
            ("id", "user_id", "primary", "avatar", "date_uploaded"),
            ((n, n, True, self.key(), now) for n in numbers),
        )


CONTENDER = DjangoAvatar()
