"""As the documentation says: a gallery for teams."""

from __future__ import annotations

from django.db import models

from django_avatar_kit.contrib.gallery.base import PictureBase


class Team(models.Model):
    name = models.CharField(max_length=50)

    def __str__(self) -> str:
        return self.name


class TeamPicture(PictureBase):
    owner = models.ForeignKey(Team, models.CASCADE, related_name="pictures")
    primary_of = models.OneToOneField(
        Team, models.CASCADE, null=True, editable=False, related_name="primary_picture"
    )


class TeamPortrait(TeamPicture):
    """A child: its row is one of both tables."""

    caption = models.CharField(max_length=50, blank=True)

    class Meta:
        # Else it would have the constraint as well, whose columns are not its own.
        verbose_name = "portrait"
