"""What a reader has: profiles, teams, comments. Pages may define them anew, as they need them."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from django_avatar_kit.models import AvatarMixin


class Profile(AvatarMixin):
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="profile"
    )


class Team(AvatarMixin):
    name = models.CharField(max_length=50)
    captain = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    members = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="teams")


class Comment(models.Model):
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
