"""Bring all pictures of an owner into a gallery: all that can be used, or none.

A gallery does not tell where its pictures came from. So all rows of one owner are made in one
transaction, and an owner whose gallery has any picture is left alone: a run that was killed is
resumed by running it again, and no picture is there twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models, transaction

from .. import pipeline
from ..conf import get_config
from ..exceptions import GalleryFull
from ..interruptions import is_interruption
from ..lifecycle import changes, descriptor, locking, settlement
from .pictures import Owner, Picture, Result, rows_of
from .problems import kind_of

if TYPE_CHECKING:
    from ..pipeline import Cut


def import_all(owner: Owner, *, dry_run: bool) -> list[Result]:
    """Import the pictures of an owner whose gallery is empty; the first is the primary one.

    Those that cannot be used, and those that are too many for the gallery, are left out.
    """
    results: list[Result] = []
    usable: list[tuple[Picture, Cut]] = []
    try:
        for picture in owner.pictures:
            try:
                cut = _cut(picture, len(usable))
            except Exception as error:
                if kind_of(error) == "failed":
                    raise
                results.append(picture.failed(error))
                continue
            if picture.is_there:
                usable.append((picture, cut))
            else:
                results.append(Result(picture, "superseded"))
        done = _add(owner, [cut for _, cut in usable], dry_run=dry_run)
    except Exception as error:
        # Whatever storages and databases raise: another run may succeed, and bring all pictures.
        if is_interruption(error):
            raise
        return [Result(picture, "failed", error) for picture in owner.pictures]
    return [
        *results,
        *(Result(picture, "imported" if done else "superseded") for picture, _ in usable),
    ]


def _cut(picture: Picture, before: int) -> Cut:
    """An avatar of a picture that has so many before it in the gallery."""
    limit = get_config().gallery_limit
    if before >= limit:
        raise GalleryFull(limit=limit)
    return picture.adopt()


def _add(owner: Owner, cuts: list[Cut], *, dry_run: bool) -> bool:
    """Write files and rows; False if the owner has a picture by now, or has been deleted."""
    field, using = owner.route.target, owner.using
    user = owner.instance()
    if user is None:
        return False
    written: list[changes.Change] = []
    try:
        for cut in cuts:
            instance = field.model(**{owner.route.gallery: user})
            if dry_run:
                pipeline.key_for(cut, field, instance, using)
                continue
            key = pipeline.store(cut, field, instance, using)
            written.append(
                changes.Change(
                    using=using, field=field, instance=instance, new=key, generated=True
                )
            )
        return dry_run or _insert(owner, written)
    finally:
        for change in written:
            if change.hook is None:
                # It was not registered with the transaction, so that nothing else would undo it.
                changes.undo(change)
        settlement.drain()


def _insert(owner: Owner, written: list[changes.Change]) -> bool:
    """Make a row for each of the files that were written, if there is none yet."""
    field, using = owner.route.target, owner.using
    with transaction.atomic(using=using):
        if not _lock(owner) or _has_pictures(owner):
            return False
        for change in written:
            instance = change.instance
            assert instance is not None  # noqa: S101 - until its transaction has ended
            # Without a name, which would have to be in another row.
            instance.save(using=using)
            instance.__dict__[field.attname] = descriptor.field_file(field, instance, change.new)
            changes.watch(change, settlement.settle_committed)
            locking.write_name(field.model, instance.pk, field, change.new, using)
    return True


def _lock(owner: Owner) -> bool:
    """Lock the owner's row, if there is one; on SQLite, this locks the database.

    By an UPDATE as the first statement: on SQLite, a SELECT before it would make the transaction
    fail as soon as two writers meet.
    """
    key = owner.route.owner._meta.pk.attname
    rows = rows_of(owner.route.owner, owner.using).filter(pk=owner.pk)
    return bool(rows.update(**{key: models.F(key)}))


def _has_pictures(owner: Owner) -> bool:
    rows = rows_of(owner.route.target.model, owner.using)
    return bool(rows.filter(**{owner.route.gallery: owner.pk}).exists())
