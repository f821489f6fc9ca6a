from __future__ import annotations

from itertools import cycle

from django.conf import settings
from django.core.files.storage import Storage, storages
from django.db import models
from django_cleanup import cleanup
from simple_history.models import HistoricalRecords

from django_avatar_kit.fields import AvatarField
from django_avatar_kit.models import AvatarMixin


@cleanup.select
class Profile(AvatarMixin):
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="profile"
    )
    bio = models.TextField(blank=True)


class ProxyProfile(Profile):
    class Meta:
        proxy = True


@cleanup.select
class Team(AvatarMixin):
    name = models.CharField(max_length=50, blank=True)

    def __str__(self) -> str:
        return self.name


class League(Team):
    """A multi-table child: the column stands in the parent's table."""

    country = models.CharField(max_length=50, blank=True)


class Captain(Team):
    """A multi-table child with an avatar of its own beside the parent's."""

    face = AvatarField(upload_to="faces", blank=True)


@cleanup.select
class Channel(AvatarMixin):
    """The mixin's field redefined, another added, one with a default."""

    avatar = AvatarField(
        upload_to="channels/%Y",
        sizes=(48, 96),
        formats=("webp", "jpeg"),
        fit="contain",
        blank=True,
    )
    banner = AvatarField(upload_to="banners", sizes=(40,), blank=True)
    badge = AvatarField(default="defaults/badge.png", sizes=(16,), blank=True)
    name = models.CharField(max_length=50, unique=True, null=True)  # noqa: DJ001


class Member(models.Model):
    """Goes with its team, and takes nothing along."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE)


def by_owner(instance: Pet, filename: str) -> str:
    return f"pets/{instance.name}/{filename}"


def renamed(instance: Pet, filename: str) -> str:
    return f"pets/{instance.name}.jpg"


def renditions() -> Storage:
    return storages["renditions"]


@cleanup.select
class Pet(AvatarMixin):
    """A callable ``upload_to``."""

    avatar = AvatarField(upload_to=by_owner, blank=True)
    #: Renditions elsewhere than the master.
    portrait = AvatarField(upload_to="portraits", thumbnail_storage=renditions, blank=True)
    name = models.CharField(max_length=300, default="rex")


class Place(AvatarMixin):
    pk = models.CompositePrimaryKey("row", "seat")
    row = models.IntegerField()
    seat = models.IntegerField()


@cleanup.select
class Bare(models.Model):
    """A stock field: its files are django-cleanup's, their thumbnails the kit's handler's."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True)
    photo = models.ImageField(upload_to="photos", blank=True)
    name = models.CharField(max_length=50, blank=True)


#: Pictures that come with a site, for those who have none of their own.
STOCK = ["stock/1.png", "stock/2.png", "stock/3.png"]
_next_stock = cycle(STOCK)


def any_stock() -> str:
    return next(_next_stock)


class Guest(AvatarMixin):
    """Defaults that no field can name: another one for each row, and one of the database."""

    avatar = AvatarField(default=any_stock, blank=True)
    cover = AvatarField(db_default=models.Value("stock/1.png"), blank=True)


class Band(AvatarMixin):
    """Its older versions are kept by django-simple-history and, in a test, by django-reversion."""

    name = models.CharField(max_length=50, blank=True)
    history = HistoricalRecords()


class Default(AvatarMixin):
    """As every tutorial has it: a picture for those who have none."""

    avatar = AvatarField(default="default.jpg")


class Ticket(AvatarMixin):
    """What validation looks for in the database: doubles, and a constraint."""

    avatar = AvatarField(unique=True, null=True)
    public = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(public=False) | ~models.Q(avatar=""),
                name="no_public_ticket_without_an_avatar",
            )
        ]
