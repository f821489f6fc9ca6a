from __future__ import annotations

import warnings

from django.conf import settings
from django.db import models
from imagekit.models import ProcessedImageField
from imagekit.processors import ResizeToFill
from pictures.models import PictureField
from sorl.thumbnail import ImageField as SorlImageField
from versatileimagefield.fields import VersatileImageField

from django_avatar_kit.models import AvatarMixin

with warnings.catch_warnings():
    # It says that django-pictures has taken its place.
    warnings.simplefilter("ignore", DeprecationWarning)
    from stdimage import StdImageField


def owner() -> models.OneToOneField:
    return models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+"
    )


class Plain(models.Model):
    """Several pictures a user, and somebody else who has taken them."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="+"
    )
    taken_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="+"
    )
    image = models.ImageField(upload_to="plain", null=True)
    cover = models.ImageField(upload_to="covers", blank=True)
    liked = models.IntegerField(default=0)


class Sorl(models.Model):
    user = owner()
    image = SorlImageField(upload_to="sorl")


class Std(models.Model):
    user = owner()
    image = StdImageField(upload_to="std", variations={"thumbnail": (50, 50, True)})


class Kit(models.Model):
    user = owner()
    image = ProcessedImageField(
        upload_to="imagekit", processors=[ResizeToFill(80, 80)], format="JPEG"
    )


class Responsive(models.Model):
    user = owner()
    image = PictureField(upload_to="pictures", aspect_ratios=["1/1"])


class Versatile(models.Model):
    user = owner()
    image = VersatileImageField(upload_to="versatile")


class Club(AvatarMixin):
    """Its pictures were in another column of the same row."""

    logo = models.ImageField(upload_to="logos", blank=True)


class Badge(models.Model):
    """The picture of a club, in a row of its own."""

    club = models.ForeignKey(Club, on_delete=models.CASCADE, null=True)
    image = models.ImageField(upload_to="badges", blank=True)

    class Meta:
        ordering = ["pk"]


class Medium(models.Model):
    """A file of whatever kind."""

    file = models.ImageField(upload_to="media")


class Portrait(Medium):
    """A child: the file is its parent's, and the owner its own."""

    user = owner()
