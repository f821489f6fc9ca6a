"""Bring pictures of other fields and libraries into avatar fields: what ``avatar_import`` does.

    pictures.read    the owners who have pictures, and the rows for their avatars   (in batches)
    import_owner     one owner's pictures, if they have no avatar yet
    carry_out        decode, clean and cut it like an upload, write the files, then the name

Nothing is changed or deleted at the source. An owner who has an avatar keeps it, and the database
is asked for that again with the row locked: what a user chooses meanwhile stays. So a run that was
killed is resumed by running it again, and two runs at once do no harm.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any

from .. import pipeline
from ..interruptions import is_interruption
from . import import_gallery
from .adoption import replace_name
from .avatars import Row
from .parallel import side_by_side
from .pictures import Owner, Result, is_free, read, rows_of

if TYPE_CHECKING:
    from django.db import models

    from .sources import Route


def run(
    route: Route, using: str | None = None, *, dry_run: bool = False, jobs: int = 1
) -> Generator[list[Result], None, None]:
    """Import the pictures of every owner, in the order of the owners' primary keys.

    Gives the results of one owner at a time. ``dry_run`` reads and encodes, but writes nothing.
    ``jobs`` owners are served at a time. ``using`` is as for :func:`.pictures.read`.

    If a picture cannot be imported, its result has the error, and the next one follows. An
    interruption, such as the time limit of a task, ends the run.
    """
    owners = read(route, using)
    with closing(side_by_side(partial(import_owner, dry_run=dry_run), owners, jobs)) as results:
        yield from results


def import_owner(owner: Owner, *, dry_run: bool) -> list[Result]:
    """Import the pictures of one owner who has no avatar yet."""
    if owner.has_avatar:
        return [Result(picture, "there") for picture in owner.pictures]
    if owner.route.gallery:
        return import_gallery.import_all(owner, dry_run=dry_run)
    (picture,) = owner.pictures
    try:
        done = carry_out(owner, dry_run=dry_run)
    except Exception as error:
        # Whatever storages, codecs and databases raise: the other owners are still to be served.
        if is_interruption(error):
            raise
        return [picture.failed(error)]
    return [Result(picture, "imported" if done else "superseded")]


def carry_out(owner: Owner, *, dry_run: bool) -> bool:
    """Write files and their name; False if the picture or the avatar has changed meanwhile."""
    field, using = owner.route.target, owner.using
    (picture,) = owner.pictures
    cut = picture.adopt()
    instance = _instance(owner, dry_run=dry_run) if picture.is_there else None
    if instance is None:
        return False
    if dry_run:
        pipeline.key_for(cut, field, instance, using)
        return True
    row = Row(field=field, using=using, pk=instance.pk, key=_held(instance, owner.route))
    return replace_name(row, instance, pipeline.store(cut, field, instance, using))


def _instance(owner: Owner, *, dry_run: bool) -> models.Model | None:
    """The row that the avatar is for, which is made if there is none.

    None if it has an avatar by now, or if it or its owner has been deleted.
    """
    route = owner.route
    rows = rows_of(route.target.model, owner.using)
    if owner.row is not None:
        pk = owner.row.pk
    else:
        user = owner.instance()
        if user is None or route.link is None:
            return None
        link: Any = {route.link.name: user}
        if dry_run:
            unsaved: models.Model = route.target.model(**link)
            return unsaved
        pk = rows.get_or_create(**link)[0].pk
    # As the database has it.
    instance: models.Model | None = rows.filter(pk=pk).first()
    if instance is None or not is_free(_held(instance, route), route.target):
        return None
    return instance


def _held(instance: models.Model, route: Route) -> str:
    # The plain text that was loaded.
    return instance.__dict__[route.target.attname] or ""
