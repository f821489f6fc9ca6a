"""The queue of changes that were undone: judged where no transaction is open.

It is emptied at the end of a request, before and after the next save of an avatar, at the end of a
command, and at the end of the process.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable
from contextlib import suppress

from django.db import connections

from . import bulk_create
from .changes import Change, aliases, undecided, undone
from .settlement import settle, settle_committed

logger = logging.getLogger(__name__)


def drain(*, anywhere: bool = False, nested: bool = False) -> None:
    """Judge what was undone. Waits while a transaction is open, unless ``anywhere``.

    ``nested``: see :func:`.bulk_create.queue_ended`.
    """
    bulk_create.queue_ended(nested=nested)
    if not undone:
        return
    pending: list[Change] = []
    # IndexError where the queue is empty, or where another thread was quicker.
    with suppress(IndexError):
        while True:
            change = undone.popleft()
            if change.in_doubt:
                _leave(change)
            else:
                pending.append(change)
    # Asked after the changes were taken, as a change that is queued later may concern the same
    # names; and before the database is asked, which knows what is decided meanwhile.
    open_names = undecided()
    while pending:
        using = pending[0].using
        group = [change for change in pending if change.using == using]
        pending = [change for change in pending if change.using != using]
        try:
            _judge(group, using, open_names, anywhere=anywhere)
        except BaseException:
            # After a time limit, say, the next call finds the others in the queue.
            undone.extend(pending)
            raise


def settle_all() -> None:
    """Settle what waits, as if the open transactions had been committed. For tests."""
    for using in aliases():
        settle_committed(using)
    drain(anywhere=True)


def _judge(
    group: Iterable[Change], using: str, open_names: Collection[str], *, anywhere: bool
) -> None:
    changes: list[Change] = []
    for change in group:
        waits = change.old in open_names or change.new in open_names
        (undone if waits else changes).append(change)
    connection = connections[using]
    database = connection.settings_dict["NAME"]
    changes = [change for change in changes if change.database == database]
    if connection.in_atomic_block and not anywhere:
        undone.extend(changes)
        return
    closed = connection.connection is None
    try:
        settle(changes, using, committed=False)
    finally:
        if closed and not connection.in_atomic_block:
            connection.close()


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
