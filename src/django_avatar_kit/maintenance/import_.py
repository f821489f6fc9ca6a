"""Bring pictures of other fields and libraries into avatar fields: what ``avatar_import`` does.

    pictures      an owner → the picture to import, and the row that it is for   (in batches)
    carry_out     decode, clean and cut it like an upload, write the files, then the name

Nothing is changed or deleted at the source. An owner who has an avatar keeps it, and the database
is asked for that again with the row locked: what a user chooses meanwhile stays. So a run that was
killed is resumed by running it again, and two runs at once do no harm.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from django.db import models, router
from django.db.models import Q

from .. import pipeline
from ..columns import AvatarColumn, default_of, default_varies
from ..interruptions import is_interruption
from .adoption import adopt, replace_name
from .avatars import BATCH, Row
from .parallel import side_by_side

if TYPE_CHECKING:
    from .sources import Route


@dataclass(frozen=True, kw_only=True)
class Picture:
    """The picture that an owner is to get as an avatar."""

    route: Route
    #: Database alias of each side.
    source_using: str
    target_using: str
    #: Primary keys of the owner, and of the row with the picture.
    owner: Any
    pk: Any
    #: Its key in the storage of the source.
    key: str
    #: The row that the avatar is for; None where it is still to be made.
    row: Row | None

    def __str__(self) -> str:
        return f"{self.route.source} of pk {self.pk}, “{self.key}”"

    @property
    def is_wanted(self) -> bool:
        """Whether the owner has no avatar yet."""
        return self.row is None or _is_free(self.row.key, self.row.field)


class Result(NamedTuple):
    """What became of a picture."""

    picture: Picture
    outcome: Literal["imported", "there", "superseded", "failed"]
    #: What went wrong; nothing was written.
    error: Exception | None = None


def count(route: Route, using: str | None = None) -> int:
    """How many owners have a picture; ``using`` as for :func:`run`."""
    number: int = _owners(route, _sources(route, using)).count()
    return number


def run(
    route: Route, using: str | None = None, *, dry_run: bool = False, jobs: int = 1
) -> Generator[Result, None, None]:
    """Import one picture of every owner who has any, in the order of the owners' primary keys.

    ``dry_run`` reads and encodes, but writes nothing. ``jobs`` pictures are imported at a time.
    ``using`` is the database alias, by default the one that each model is written to.

    If a picture cannot be imported, its result has the error, and the next one follows. An
    interruption, such as the time limit of a task, ends the run.
    """
    return side_by_side(partial(import_one, dry_run=dry_run), pictures(route, using), jobs)


def pictures(route: Route, using: str | None = None) -> Iterator[Picture]:
    """The first picture of every owner. Memory is that of the pictures of one batch of owners."""
    sources = _sources(route, using)
    targets = _rows(route.target.model, using)
    owners = _owners(route, sources)
    batch = list(owners[:BATCH])
    while batch:
        # Of several rows, the first in the route's order.
        of_batch = sources.filter(**{f"{route.from_source}__in": batch})
        found: dict[Any, tuple[Any, str]] = {}
        for owner, pk, key in of_batch.order_by(route.from_source, *route.order).values_list(
            route.from_source, "pk", route.source.attname
        ):
            found.setdefault(owner, (pk, key))
        rows = {
            owner: Row(field=route.target, using=targets.db, pk=pk, key=key or "")
            for owner, pk, key in targets.filter(
                **{f"{route.from_target}__in": batch}
            ).values_list(route.from_target, "pk", route.target.attname)
        }
        for owner, (pk, key) in found.items():
            yield Picture(
                route=route,
                source_using=sources.db,
                target_using=targets.db,
                owner=owner,
                pk=pk,
                key=key,
                row=rows.get(owner),
            )
        batch = list(owners.filter(**{f"{route.from_source}__gt": batch[-1]})[:BATCH])


def import_one(picture: Picture, *, dry_run: bool) -> Result:
    """Import one picture, unless its owner has an avatar."""
    if not picture.is_wanted:
        return Result(picture, "there")
    try:
        done = carry_out(picture, dry_run=dry_run)
    except Exception as error:
        # Whatever storages, codecs and databases raise: the other pictures are still to be done.
        if is_interruption(error):
            raise
        return Result(picture, "failed", error)
    return Result(picture, "imported" if done else "superseded")


def carry_out(picture: Picture, *, dry_run: bool) -> bool:
    """Write files and their name; False if the picture or the avatar has changed meanwhile."""
    route, using = picture.route, picture.target_using
    cut = adopt(picture.key, route.target, route.source.storage)
    # Its owner may have removed it since it was read.
    if not _source_row(picture).exists():
        return False
    instance = _instance(picture, dry_run=dry_run)
    if instance is None:
        return False
    if dry_run:
        pipeline.key_for(cut, route.target, instance, using)
        return True
    held = _held(instance, route.target)
    row = Row(field=route.target, using=using, pk=instance.pk, key=held)
    return replace_name(row, instance, pipeline.store(cut, route.target, instance, using))


def _instance(picture: Picture, *, dry_run: bool) -> models.Model | None:
    """The row that the avatar is for, which is made if there is none.

    None if it has an avatar by now, or if it or its owner has been deleted.
    """
    route, using = picture.route, picture.target_using
    rows = _rows(route.target.model, using)
    if picture.row is not None:
        pk = picture.row.pk
    else:
        owner = _rows(route.owner, using).filter(pk=picture.owner).first()
        if owner is None or route.link is None:
            return None
        link = {route.link.name: owner}
        if dry_run:
            unsaved: models.Model = route.target.model(**link)
            return unsaved
        pk = rows.get_or_create(**link)[0].pk
    # As the database has it.
    instance: models.Model | None = rows.filter(pk=pk).first()
    if instance is None or not _is_free(_held(instance, route.target), route.target):
        return None
    return instance


def _is_free(held: str, field: AvatarColumn) -> bool:
    """Whether a row with this name has no avatar of its own.

    If the default varies, nobody knows which names are defaults, so that all of them stay.
    """
    return not held or (not default_varies(field) and held == default_of(field))


def _held(instance: models.Model, field: AvatarColumn) -> str:
    # The plain text that was loaded.
    return instance.__dict__[field.attname] or ""


def _source_row(picture: Picture) -> models.QuerySet[models.Model]:
    source = picture.route.source
    same = {"pk": picture.pk, source.attname: picture.key}
    rows: models.QuerySet[models.Model] = _rows(source.model, picture.source_using).filter(**same)
    return rows


def _sources(route: Route, using: str | None) -> models.QuerySet[models.Model]:
    """The rows that have a picture and an owner."""
    attname = route.source.attname
    empty = Q(**{attname: ""}) | Q(**{f"{attname}__isnull": True})
    orphaned = Q(**{f"{route.from_source}__isnull": True})
    rows = _rows(route.source.model, using)
    filled: models.QuerySet[models.Model] = rows.exclude(empty | orphaned)
    return filled


def _owners(route: Route, sources: models.QuerySet[models.Model]) -> Any:
    return sources.order_by(route.from_source).values_list(route.from_source, flat=True).distinct()


def _rows(model: type[models.Model], using: str | None) -> models.QuerySet[models.Model]:
    # Not through a manager, which may hide rows.
    return models.QuerySet(model, using=using or router.db_for_write(model))
