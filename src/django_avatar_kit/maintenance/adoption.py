"""A stored file becomes an avatar, and a row gets its name: what building and importing share.

    adopt          a stored file → an avatar that is cut, as if the file were uploaded now
    replace_name   the new name into the row, if the row still holds the old one
    clear_name     no name into the row, under the same condition

No lock is held while files are read and written.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from django.db import models, transaction

from .. import pipeline
from ..exceptions import StorageError
from ..interruptions import is_interruption
from ..lifecycle import changes, descriptor, locking, settlement
from ..storage import base as storage

if TYPE_CHECKING:
    from django.core.files.storage import Storage

    from ..columns import AvatarColumn
    from .avatars import Row


class FileGone(StorageError):  # noqa: N818 - as the children of AvatarError
    """A row names a file that is not in storage."""

    def __init__(self, *, key: str, is_shown: bool = False) -> None:
        super().__init__(key=key, reason="there is no such file", action="read")
        #: Whether it is a master with renditions that are there.
        self.is_shown = is_shown


def adopt(key: str, field: AvatarColumn, place: Storage | None = None) -> pipeline.Cut:
    """Make an avatar of a stored file, as if it were uploaded to the field now.

    ``place`` is the storage that it is in, by default the field's. Raises ``FileGone`` if it does
    not exist, ``StorageError`` if it cannot be opened, ``UploadError`` if no upload could be like
    it.
    """
    try:
        file = (place or field.storage).open(key)
        # Some storages fetch it only now, and would fail in the middle of decoding.
        file.seek(0)
    except Exception as error:
        # Whatever a storage may raise.
        if storage.is_missing(error):
            raise FileGone(key=key) from error
        if is_interruption(error):
            raise
        raise StorageError(key=key, reason=error, action="read") from error
    with file:
        picture = pipeline.receive(file, field, filename=PurePosixPath(key).name)
    return pipeline.cut(picture, field.spec)


def replace_name(row: Row, instance: models.Model, key: str) -> bool:
    """Write a new name into the row if it still holds the old one; if not, delete the new files.

    Returns whether it was written.
    """
    field, using = row.field, row.using
    # What receivers of avatar_updated find in the instance.
    instance.__dict__[field.attname] = descriptor.field_file(field, instance, key)
    change = changes.Change(
        using=using, field=field, instance=instance, old=row.key, new=key, generated=True
    )
    try:
        with transaction.atomic(using=using):
            if locking.lock_row(field.model, row.pk, [field], using) == (row.key,):
                changes.watch(change, settlement.settle_committed)
                locking.write_name(field.model, row.pk, field, key, using)
    finally:
        if change.hook is None:
            # It was not registered with the transaction, so that nothing else would undo it.
            changes.undo(change)
        settlement.drain()
    return change.hook is not None


def clear_name(row: Row) -> bool:
    """Empty the column of the row if it still holds the name; its file, if there is one, stays.

    Returns whether it was emptied. Sends no signal.
    """
    with transaction.atomic(using=row.using):
        if locking.lock_row(row.field.model, row.pk, [row.field], row.using) != (row.key,):
            return False
        locking.write_name(row.field.model, row.pk, row.field, "", row.using)
    return True
