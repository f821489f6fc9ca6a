"""What statements did to avatar columns, remembered until their transaction has ended.

A *change* is what one statement did to one column of one row: a name added, a name removed. What
becomes of it:

* the transaction is committed: :func:`watch` has registered a hook, and the first hook that runs
  settles all changes of the transaction together (see ``settlement``);
* it is rolled back: Django drops the hook without calling it. The hook is then finalised, which
  puts the change into the queue ``undone``. The finaliser does nothing else, since SQL in the
  middle of a rollback would break the connection;
* the row could not be saved, after the files had been written: queued as well.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, finalize, ref

from django.db import connections, transaction

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.models import Model

    from ..columns import AvatarColumn


@dataclass(eq=False, kw_only=True)
class Change:
    """What one statement did to one avatar column of one row."""

    using: str
    field: AvatarColumn
    instance: Model | None = None
    #: What the column held before and holds now; "" for nothing.
    old: str = ""
    new: str = ""
    #: Whether the files of ``new`` were written for this change, and must go if it is undone.
    generated: bool = False
    #: Whether the row has been written: bulk_create(ignore_conflicts=True) may have left it out.
    certain: bool = True
    #: Whether the transaction has not ended yet.
    waiting: bool = True
    #: Whether it is known to be in the database for good.
    committed: bool = False
    #: Called after the commit; held by the connection alone, so that a rollback finalises it.
    hook: ref[Callable[[], None]] | None = None
    #: Whether the connection broke before the end of the transaction was known: the server may
    #: still commit it, and until then nobody else sees what it wrote.
    in_doubt: bool = False
    #: The database by its own name: after a test run, the alias means another one.
    database: Any = None

    def __post_init__(self) -> None:
        self.database = connections[self.using].settings_dict["NAME"]

    @property
    def live(self) -> bool:
        """Whether the transaction of this change is still open on this thread's connection."""
        if not self.waiting or self.hook is None:
            return self.waiting
        hook = self.hook()
        # ``run_on_commit`` is private (Django 5.2 to 6.1); nothing public lists the hooks.
        return any(entry[1] is hook for entry in connections[self.using].run_on_commit)

    @property
    def stands(self) -> bool:
        """Whether the row has the new name, as far as this transaction can see.

        While the hooks of a committed transaction run, its changes are still waiting.
        """
        return self.committed or self.waiting


_waiting: WeakKeyDictionary[BaseDatabaseWrapper, list[Change]] = WeakKeyDictionary()
#: Around what walks through the changes of all threads.
_lock = threading.Lock()
#: Changes that were undone, for ``settlement`` to judge. Finalisers append to it at any moment,
#: without the lock.
undone: deque[Change] = deque()


def watch(change: Change, settle: Callable[[str], None]) -> None:
    """Have ``settle(using)`` called when the open transaction is committed; queue what is undone.

    Every change registers a hook, since each may be in a savepoint of its own.
    """
    connection = connections[change.using]

    # A plain function: a failing hook is asked for its __qualname__, which a partial() lacks. Not
    # robust in Django's way, which would log the time limit of a task and carry on.
    def hook() -> None:
        settle(change.using)

    change.hook = ref(hook)
    finalize(hook, _dropped, change, ref(connection)).atexit = False
    with _lock:
        changes = _waiting.setdefault(connection, [])
        while changes and not changes[-1].waiting:
            changes.pop()  # rolled back
        changes.append(change)
    transaction.on_commit(hook, using=change.using)


def _dropped(change: Change, connection: ref[BaseDatabaseWrapper]) -> None:
    if change.waiting:
        # A rollback that succeeds clears the error before it drops the hooks. Where it could not
        # be sent, the error is still there: the connection is lost, and a COMMIT may be under way.
        lost = connection()
        change.in_doubt = lost is not None and lost.errors_occurred and not lost.in_atomic_block
        # The queue may be judged much later, and needs no more than the names.
        change.instance = None
        undo(change)


def undo(change: Change) -> None:
    """Queue a change whose files were written, but which never became part of a row."""
    change.waiting = False
    undone.append(change)


def take_committed(using: str) -> list[Change]:
    """The changes of the transaction that has just been committed."""
    with _lock:
        return [c for c in _waiting.pop(connections[using], ()) if c.waiting]


def aliases() -> list[str]:
    """The databases that have open changes."""
    with _lock:
        return [connection.alias for connection in _waiting]


def is_removed(name: str, using: str) -> bool:
    """Whether the open transaction took this name out of a row, and so still decides about it."""
    waiting = _waiting.get(connections[using], ())
    return any(change.waiting and change.old == name for change in waiting)


def undecided() -> set[str]:
    """Names that some open transaction of this process decides about, on whatever thread.

    Rows that others can see need not hold them yet.
    """
    with _lock:
        waiting = [change for changes in _waiting.values() for change in changes if change.waiting]
    return {name for change in waiting for name in (change.old, change.new) if name}
