"""The INSERT of a ``bulk_create()``.

It calls no ``save()``, and in autocommit no hook tells how it ends. The statement itself is
therefore watched, as one of the connection's ``execute_wrappers``.
"""

from __future__ import annotations

import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.db import DatabaseError

from ..exceptions import StaleName
from .changes import Change, undo

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.models import Model

_prepared: deque[Insertion] = deque()


# Without a repr: error reports show it, and with it the rows of a site.
@dataclass(eq=False, repr=False)
class Insertion:
    """An INSERT whose values are being prepared, on this thread."""

    model: type[Model]
    connection: BaseDatabaseWrapper
    thread: threading.Thread = field(default_factory=threading.current_thread)
    #: Only in autocommit: in a transaction, changes wait for its end.
    changes: list[Change] = field(default_factory=list)
    #: Columns that are left empty in some row, and the name whose files are gone.
    dropped: dict[str, str] = field(default_factory=dict)
    sent: bool = False

    def __call__(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        quoted = self.connection.ops.quote_name
        # Other statements may come first: a question for other rows, or what a receiver writes.
        if f"INTO {quoted(self.model._meta.db_table)} " not in sql:
            return execute(sql, params, many, context)
        self.end()
        self.sent = True
        # ON CONFLICT … DO UPDATE, ON DUPLICATE KEY UPDATE
        _, _, updated = sql.partition(" UPDATE ")
        for column, name in self.dropped.items():
            if quoted(column) in updated:
                raise StaleName(name=name)
        try:
            result = execute(sql, params, many, context)
        except BaseException as error:
            # After a time limit, say, the server may still carry it out.
            in_doubt = not isinstance(error, DatabaseError) or _is_lost(self.connection)
            for change in self.changes:
                change.in_doubt = change.waiting = in_doubt
            raise
        for change in self.changes:
            change.committed = True
        return result

    def end(self) -> None:
        """Watch no more: the statement has been sent, or never will be."""
        with suppress(ValueError):
            self.connection.execute_wrappers.remove(self)


def insertion(model: type[Model], connection: BaseDatabaseWrapper) -> Insertion:
    """The one that is being prepared for this table."""
    for known in list(_prepared):
        if known.connection is connection and known.model is model and not known.sent:
            return known
    new = Insertion(model, connection)
    # The public ``execute_wrapper()`` (Django 5.2 to 6.1) ends with its block, and the statement
    # is sent later. In front: whoever adds a wrapper meanwhile takes the last one away.
    connection.execute_wrappers.insert(0, new)
    _prepared.append(new)
    return new


def queue_ended(*, nested: bool) -> None:
    """Queue the changes of insertions that have ended; the guard query tells how.

    ``nested``: this is called by a save which may itself be called (by an ``upload_to``, say) in
    the middle of a ``bulk_create()`` of this thread, before its INSERT.
    """
    for each in list(_prepared):
        if each.thread is threading.current_thread():
            ended = each.sent or not nested
        else:
            ended = not each.thread.is_alive()
        if ended:
            # ValueError where another thread has been quicker, which has queued them.
            with suppress(ValueError):
                _prepared.remove(each)
                each.end()
                for change in each.changes:
                    undo(change)


def _is_lost(connection: BaseDatabaseWrapper) -> bool:
    """Whether the last statement failed together with the connection it was sent on."""
    return connection.errors_occurred and (
        connection.connection is None or not connection.is_usable()
    )
