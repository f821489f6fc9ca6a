"""The pictures that are to become avatars, owner by owner, as ``avatar_import`` goes through them.

Everything here reads only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from django.db import models, router
from django.db.models import Q

from ..columns import AvatarColumn, default_of, default_varies
from .adoption import adopt
from .avatars import BATCH, Row

if TYPE_CHECKING:
    from ..pipeline import Cut
    from .sources import Route


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A row with an old picture."""

    route: Route
    #: Database alias.
    using: str
    pk: Any
    #: Its key in the storage of the source.
    key: str

    def __str__(self) -> str:
        return f"{self.route.source} of pk {self.pk}, “{self.key}”"

    def adopt(self) -> Cut:
        """An avatar made of the file. Raises as :func:`~.adoption.adopt`."""
        return adopt(self.key, self.route.target, self.route.source.storage)

    @property
    def is_there(self) -> bool:
        """Whether the row still has the picture. Its owner may have removed it meanwhile."""
        source = self.route.source
        same = {"pk": self.pk, source.attname: self.key}
        return bool(rows_of(self.route.model, self.using).filter(**same).exists())

    def failed(self, error: Exception) -> Result:
        """What an error means, which does not matter if the picture is not there any more."""
        if self.is_there:
            return Result(self, "failed", error)
        return Result(self, "superseded")


@dataclass(frozen=True, kw_only=True)
class Owner:
    """Whom pictures belong to, and what is to become of them."""

    route: Route
    #: Database alias of the avatar.
    using: str
    pk: Any
    #: Those to import, the most important one first: one, or all if they go into a gallery.
    pictures: tuple[Picture, ...]
    #: The row for the avatar, or any row of the gallery; None where there is none yet.
    row: Row | None

    @property
    def has_avatar(self) -> bool:
        if self.row is None:
            return False
        return bool(self.route.gallery) or not is_free(self.row.key, self.row.field)

    def instance(self) -> models.Model | None:
        """The owner as a model instance; None if deleted meanwhile."""
        rows = rows_of(self.route.owner, self.using)
        found: models.Model | None = rows.filter(pk=self.pk).first()
        return found


class Result(NamedTuple):
    """What became of a picture."""

    picture: Picture
    outcome: Literal["imported", "there", "superseded", "failed"]
    #: What went wrong; nothing was written.
    error: Exception | None = None


def count(route: Route, using: str | None = None) -> int:
    """How many owners have a picture; ``using`` as for :func:`read`."""
    number: int = _owners(route, _sources(route, using)).count()
    return number


def read(route: Route, using: str | None = None) -> Iterator[Owner]:
    """Every owner who has a picture, in the order of their primary keys.

    ``using`` is the database alias, by default the one that each model is written to. Memory is
    that of the pictures of one batch of owners.
    """
    sources = _sources(route, using)
    targets = rows_of(route.target.model, using)
    owners = _owners(route, sources)
    # In a gallery, any row of the owner counts, and not the primary one alone.
    from_target = f"{route.gallery}__pk" if route.gallery else route.from_target
    batch = list(owners[:BATCH])
    while batch:
        of_batch = sources.filter(**{f"{route.from_source}__in": batch})
        ordered = of_batch.order_by(route.from_source, *route.order)
        columns = route.from_source, "pk", route.source.attname
        found: dict[Any, list[Picture]] = {}
        for owner, pk, key in ordered.values_list(*columns):
            pictures = found.setdefault(owner, [])
            if route.gallery or not pictures:
                pictures.append(Picture(route=route, using=sources.db, pk=pk, key=key))
        of_batch = targets.filter(**{f"{from_target}__in": batch})
        rows = {
            owner: Row(field=route.target, using=targets.db, pk=pk, key=key or "")
            for owner, pk, key in of_batch.values_list(from_target, "pk", route.target.attname)
        }
        for owner, pictures in found.items():
            yield Owner(
                route=route,
                using=targets.db,
                pk=owner,
                pictures=tuple(pictures),
                row=rows.get(owner),
            )
        batch = list(owners.filter(**{f"{route.from_source}__gt": batch[-1]})[:BATCH])


def is_free(held: str, field: AvatarColumn) -> bool:
    """Whether a row with this name has no avatar of its own.

    If the default varies, nobody knows which names are defaults, so that all of them stay.
    """
    return not held or (not default_varies(field) and held == default_of(field))


def rows_of(model: type[models.Model], using: str | None) -> models.QuerySet[models.Model]:
    """All rows, also those that a manager may hide."""
    return models.QuerySet(model, using=using or router.db_for_write(model))


def _sources(route: Route, using: str | None) -> models.QuerySet[models.Model]:
    """The rows that have a picture and an owner."""
    attname = route.source.attname
    empty = Q(**{attname: ""}) | Q(**{f"{attname}__isnull": True})
    orphaned = Q(**{f"{route.from_source}__isnull": True})
    rows = rows_of(route.model, using)
    filled: models.QuerySet[models.Model] = rows.exclude(empty | orphaned)
    return filled


def _owners(route: Route, sources: models.QuerySet[models.Model]) -> Any:
    return sources.order_by(route.from_source).values_list(route.from_source, flat=True).distinct()
