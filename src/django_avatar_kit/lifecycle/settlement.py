"""What an ended transaction means for files: those that no row points at any more are deleted.

After a commit, its first hook judges all changes of the transaction together, by one guard query,
a look into each other database of the project, and one batch deletion for each storage. What was
undone waits in a queue, and is judged where no transaction is open: at the end of a request, a
command or the process, and before and after the next save of an avatar.

The guard query asks the database which of the names are held, so that it does not matter how the
transaction ended. It also answers for a hook that was never called, as another app's hook had
raised before it.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from itertools import chain
from typing import TYPE_CHECKING

from django.db import connections

from .. import signals
from ..columns import AvatarColumn, may_be_default
from ..conf import get_config
from ..interruptions import is_interruption
from ..names import Name
from ..storage import base as storage
from . import bulk_create, references, thumbnails
from .changes import Change, aliases, take_committed, undecided, undone
from .instance_state import settled

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from django.core.files.storage import Storage

logger = logging.getLogger(__name__)


def settle_committed(using: str) -> None:
    """Settle the transaction that has been committed. Each of its hooks calls this.

    The first call settles the changes of all hooks.
    """
    changes = take_committed(using)
    for change in changes:
        change.waiting, change.committed = False, True
        if change.instance is not None and change.certain:
            settled(change.instance, change.field, change.new)
    _settle(changes, using, committed=True)


def drain(*, anywhere: bool = False, nested: bool = False) -> None:
    """Judge what was undone. Waits while a transaction is open, unless ``anywhere``.

    ``nested``: see :func:`.bulk_create.queue_ended`.
    """
    bulk_create.queue_ended(nested=nested)
    if not undone:
        return
    pending: dict[str, list[Change]] = {}
    # IndexError where the queue is empty, or where another thread was quicker.
    with suppress(IndexError):
        while True:
            change = undone.popleft()
            if change.in_doubt:
                _leave(change)
            else:
                pending.setdefault(change.using, []).append(change)
    # Asked after the changes were taken, as a change that is queued later may concern the same
    # names; and before the database is asked, which knows what is decided meanwhile.
    open_names = undecided()
    try:
        for using in list(pending):
            _settle_undone(pending.pop(using), using, open_names, anywhere=anywhere)
    except BaseException:
        # After a time limit, say, the next call finds the others in the queue.
        undone.extend(chain(*pending.values()))
        raise


def settle_all() -> None:
    """Settle what waits, as if the open transactions had been committed. For tests."""
    for using in aliases():
        settle_committed(using)
    drain(anywhere=True)


def _leave(change: Change) -> None:
    """Where nobody can say what became of a transaction, its files stay for the sweep."""
    change.instance = None
    logger.warning(
        "The connection to “%s” was lost before the transaction had ended; what is not needed "
        "of “%s” and “%s” is left for avatar_sweep.",
        change.using,
        change.old,
        change.new,
    )


def _settle_undone(
    group: Iterable[Change], using: str, open_names: Collection[str], *, anywhere: bool
) -> None:
    connection = connections[using]
    changes: list[Change] = []
    for change in group:
        if change.old in open_names or change.new in open_names:
            undone.append(change)
        # After a test run, the alias means another database.
        elif change.database == connection.settings_dict["NAME"]:
            changes.append(change)
    if connection.in_atomic_block and not anywhere:
        undone.extend(changes)
        return
    closed = connection.connection is None
    try:
        _settle(changes, using, committed=False)
    finally:
        if closed and not connection.in_atomic_block:
            connection.close()


def _settle(changes: list[Change], using: str, *, committed: bool) -> None:
    """Delete what these changes have left without a row, and send the signals.

    ``committed`` is False where it is not known whether any of them has come to pass. A failure is
    logged: the rows are right, and this runs at the end of somebody's transaction or request.
    """
    try:
        _judge(changes, using, committed=committed)
    except BaseException as error:
        names = [name for change in changes for name in (change.old, change.new) if name]
        logger.exception("Could not judge %s; avatar_sweep will.", names)
        if is_interruption(error):
            raise


def _judge(changes: list[Change], using: str, *, committed: bool) -> None:
    candidates: dict[str, AvatarColumn] = {}
    for change in changes:
        candidates.update(dict.fromkeys(_candidates(change, committed), change.field))
    own = list({change.field for change in changes})
    held = references.held(candidates, own, using) if candidates else set()
    # Names that were generated, and replaced in the same transaction that was undone, have never
    # been in a row.
    asked = candidates.keys() - {change.new for change in changes if change.generated}
    elsewhere = (candidates.keys() if committed else asked) - held
    # Another open transaction that decides about a name is told later.
    kept = held | _held_elsewhere(elsewhere, using) | (elsewhere and undecided())
    gone = {name: field for name, field in candidates.items() if name not in kept}
    if gone:
        delete(gone)
    for change in changes:
        change.committed = (committed and change.certain) or _has_happened(change, asked, held)
        if change.committed:
            if change.instance is not None:
                settled(change.instance, change.field, change.new)
            _send_signal(change)
        change.instance = None


def _candidates(change: Change, committed: bool) -> set[str]:
    """The names that may have lost their last row through this change."""
    if change.old == change.new:
        return set()
    # Where the statement was undone, a file from before the kit may belong to anybody. A kit name
    # without a row is of no use in any case.
    return {
        name
        for name in ((change.old, change.new) if change.generated else (change.old,))
        if name and not may_be_default(name, change.field) and (committed or Name.parse(name))
    }


def _held_elsewhere(names: set[str], using: str) -> set[str]:
    """Those that must be kept, although no row of this database has them any more."""
    if not names or not get_config().delete_files:
        return set()
    try:
        return references.held_elsewhere(names, using)
    except Exception as error:
        if is_interruption(error):
            raise
        logger.warning(
            "Could not ask every database who holds %s; avatar_sweep will.",
            sorted(names),
            exc_info=error,
        )
        return names


def _has_happened(change: Change, asked: Collection[str], held: Collection[str]) -> bool:
    """Whether the held names show that the change is in the database. Names not asked for do not.

    A new name shows it by being held, a removed one by being held no more.
    """
    if change.new:
        return change.new in held
    return change.old in asked and change.old not in held


def _send_signal(change: Change) -> None:
    if change.old == change.new:
        return
    signal = signals.avatar_updated if change.new else signals.avatar_deleted
    signal.send_robust(
        sender=change.field.model,
        instance=change.instance,
        field=change.field,
        using=change.using,
        added=_keys(change.new),
        removed=_keys(change.old),
    )


def _keys(key: str) -> tuple[str, ...]:
    name = Name.parse(key)
    return name.files if name else (key,) if key else ()


def files_of(names: Mapping[str, AvatarColumn]) -> list[tuple[Storage, list[str]]]:
    """The storages that hold the files of these names, and their keys there.

    A file from before the kit has no other files.
    """
    files: list[tuple[Storage, tuple[str, ...]]] = []
    for key, field in names.items():
        files.append((field.storage, (key,)))
        if (name := Name.parse(key)) is not None:
            files.append((field.rendition_storage, name.renditions))
    return storage.grouped(files)


def delete(names: Mapping[str, AvatarColumn]) -> None:
    """Delete every file of these avatars, and the thumbnails that easy-thumbnails made of them."""
    if get_config().delete_files:
        for place, keys in files_of(names):
            storage.delete_all(place, keys)
        thumbnails.delete(names)
