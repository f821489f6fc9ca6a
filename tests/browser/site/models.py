from __future__ import annotations

from django.db import models

from django_avatar_kit.models import AvatarMixin
from tests.testapp.models import Team


class Player(AvatarMixin):
    """For inlines and formsets: a team has several."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="players")
    name = models.CharField(max_length=50, blank=True)

    def __str__(self) -> str:
        return self.name
