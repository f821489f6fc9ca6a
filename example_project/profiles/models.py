"""A profile with the kit's avatar, teams, and what the page of the rounds keeps pictures in."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils.deconstruct import deconstructible
from django.utils.translation import gettext_lazy as _
from django_cleanup import cleanup
from easy_thumbnails.fields import ThumbnailerImageField

from django_avatar_kit.fields import AvatarField
from django_avatar_kit.models import AvatarMixin


class Profile(AvatarMixin, models.Model):
    """What a site knows of a person beside the account. The mixin adds ``avatar``."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="profile"
    )
    display_name = models.CharField(_("name"), max_length=80, blank=True)
    headline = models.CharField(
        _("a few words about you"),
        max_length=120,
        blank=True,
        help_text=_("They appear below your name."),
    )

    class Meta:
        verbose_name = _("profile")
        verbose_name_plural = _("profiles")

    def __str__(self) -> str:
        return self.display_name or self.user.get_username()

    def get_absolute_url(self) -> str:
        return reverse("profiles:person", args=[self.user.get_username()])


class Team(models.Model):
    """People who do something together. Its page shows their avatars as a group."""

    name = models.CharField(_("name"), max_length=80, unique=True)
    purpose = models.CharField(_("what the team does"), max_length=160, blank=True)
    members = models.ManyToManyField(
        Profile, related_name="teams", blank=True, verbose_name=_("members")
    )

    class Meta:
        verbose_name = _("team")
        verbose_name_plural = _("teams")
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("profiles:team", args=[self.pk])


def display_name(user: Any) -> str:
    """What alt texts and initials are made from (``AVATAR_KIT["DISPLAY_NAME"]``)."""
    # An account without a profile raises an AttributeError of its own.
    profile = getattr(user, "profile", None)
    return str(profile) if profile is not None else user.get_username()


@deconstructible
class RoundFolder:
    """``upload_to`` of a round: a folder for each owner, so that a reader sees only their files.

    The kit hands over its own key as the file name; a prefix is all that may be added to it.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def __call__(self, instance: Round, filename: str) -> str:
        return f"{self.prefix(instance.owner_id)}{filename}"

    def prefix(self, owner_id: int) -> str:
        """Where the files of one owner are, with a slash at its end."""
        return f"rounds/{self.folder}/{owner_id}/"


class Round(models.Model):
    """One picture a person. The rounds differ in the field and in who cleans up after it."""

    # No reverse accessor: an account's avatar is that of its profile.
    owner = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+"
    )

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return display_name(self.owner)


# django-cleanup looks after every model with a file field, unless told to leave one alone.
@cleanup.ignore
class PlainPicture(Round):
    """Round 1: Django alone."""

    picture = models.ImageField(upload_to=RoundFolder("1-plain"))


class CleanedPicture(Round):
    """Round 2: the same field, with django-cleanup at work."""

    picture = models.ImageField(upload_to=RoundFolder("2-cleanup"))


class ThumbnailedPicture(Round):
    """Round 3: the same again, shown through ``{% thumbnail %}``."""

    picture = models.ImageField(upload_to=RoundFolder("3-thumbnails"))


class ThumbnailerPicture(Round):
    """Round 4: the field that easy-thumbnails brings."""

    picture = ThumbnailerImageField(upload_to=RoundFolder("4-thumbnailer"))


class KitPicture(AvatarMixin, Round):
    """The kit's field beside them, with a folder of its own."""

    avatar = AvatarField(upload_to=RoundFolder("kit"))
