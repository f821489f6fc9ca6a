"""Which files may go, and when: after the commit, and only if no row points at them.

A *change* is what one statement did to one column of one row: a name added, a name removed. It
waits for its transaction:

* committed: the hook runs; all changes of the transaction are settled together, by one guard query
  (and a look into each other database that the project has) and one batch deletion to a storage,
  and the signals are sent;
* rolled back: Django drops the hook without calling it. The hook is then finalised, which puts
  the change into the undo queue. The finaliser only queues, since SQL in the middle of a rollback
  would break the connection;
* written, but never part of a transaction (the row could not be saved): queued as well.

The queue is drained where no transaction is open. It need not know what became of a change: the
guard query asks the database which of the names are held. That also answers for a hook which was
lost because another app's hook raised before it.
"""

from __future__ import annotations

import atexit
import logging
import threading
from collections import deque
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, finalize, ref

from django.core.signals import request_finished
from django.db import DatabaseError, connections, transaction
from django.db.models.signals import pre_delete
from django_cleanup.cache import CACHE_NAME

from .. import signals
from ..columns import avatar_fields, may_be_default
from ..conf import get_config
from ..exceptions import StaleName
from ..interruptions import is_interruption
from ..names import Name
from ..storage import base as storage
from . import references as rows
from . import thumbnails

if TYPE_CHECKING:
    from django.core.files.storage import Storage
    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.models import Model

    from ..columns import AvatarColumn

logger = logging.getLogger(__name__)


@dataclass(eq=False, kw_only=True)
class Change:
    """What one statement did to one avatar column of one row."""

    using: str
    field: AvatarColumn
    instance: Model | None
    #: What the column held before and holds now; "" for nothing.
    old: str
    new: str
    #: Whether the files of ``new`` were written for this change, and must go if it is undone.
    minted: bool
    #: Whether the row has been written: bulk_create(ignore_conflicts=True) may have left it out.
    certain: bool = True
    #: Waiting, until the transaction has ended in either way.
    waiting: bool = True
    #: Whether it is known to be in the database for good.
    committed: bool = False
    hook: ref[Any] | None = None
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
        if self.hook is None:
            return self.waiting
        hook = self.hook()
        return (
            self.waiting
            and hook is not None
            and any(entry[1] is hook for entry in connections[self.using].run_on_commit)
        )

    @property
    def stands(self) -> bool:
        """Whether the row has what it says, as far as this transaction can see.

        While the hooks of a transaction run, which is committed by then, it still waits.
        """
        return self.committed or self.waiting


_waiting: WeakKeyDictionary[BaseDatabaseWrapper, list[Change]] = WeakKeyDictionary()
_inserting: deque[Insertion] = deque()
_undone: deque[Change] = deque()
#: Around what walks through the changes of all threads. Finalisers only append, without it.
_lock = threading.Lock()


class Insertion:
    """The INSERT of a ``bulk_create()`` whose values are being prepared, on this thread.

    Nothing else tells how it ends, so that the statement itself is waited for, as one of Django's
    ``execute_wrappers``.
    """

    def __init__(self, model: type[Model], connection: BaseDatabaseWrapper) -> None:
        self.model = model
        self.connection = connection
        self.thread = threading.current_thread()
        #: In autocommit; in a transaction, they wait for its end.
        self.changes: list[Change] = []
        #: Columns that are left empty in some row, and the name that was not to be had.
        self.dropped: dict[str, str] = {}
        self.sent = False

    def __call__(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        quoted = self.connection.ops.quote_name
        # Other rows may be asked for first, or written by a receiver.
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
            # A time limit, say, while the server was at work: it may carry it out all the same.
            in_doubt = not isinstance(error, DatabaseError) or _is_lost(self.connection)
            for change in self.changes:
                change.in_doubt = change.waiting = in_doubt
            raise
        for change in self.changes:
            change.committed = True
        return result

    def end(self) -> None:
        """It has been sent, or never will be."""
        with suppress(ValueError):
            self.connection.execute_wrappers.remove(self)


def insertion(model: type[Model], connection: BaseDatabaseWrapper) -> Insertion:
    """The one that is being prepared for this table."""
    for known in list(_inserting):
        if known.connection is connection and known.model is model and not known.sent:
            return known
    new = Insertion(model, connection)
    # In front, since whoever has added another one will take the last of the list away.
    connection.execute_wrappers.insert(0, new)
    _inserting.append(new)
    return new


def watch(change: Change) -> None:
    """Settle a change when the open transaction has been committed, queue it if it is undone."""
    connection = connections[change.using]
    if not connection.in_atomic_block:
        # bulk_create() in autocommit. A hook would run now, before the statement.
        insertion(change.field.model, connection).changes.append(change)
        return

    hook = partial(_committed, change.using)

    # partial() has no __qualname__, which a failing robust hook is asked for.
    def settle() -> None:
        hook()

    # Not robust in Django's way, which would log a task's time limit and carry on.

    change.hook = ref(settle)
    finalize(settle, _dropped, change, ref(connection)).atexit = False
    with _lock:
        changes = _waiting.setdefault(connection, [])
        while changes and not changes[-1].waiting:
            changes.pop()  # rolled back
        changes.append(change)
    transaction.on_commit(settle, using=change.using)


def undo(change: Change) -> None:
    """Queue a change whose files were written, but which never became part of a row."""
    change.waiting = False
    _undone.append(change)


def removed(name: str, using: str) -> bool:
    """Whether the open transaction took this name out of a row, and so still decides about it."""
    return any(
        change.waiting and change.old == name for change in _waiting.get(connections[using], ())
    )


def drain(*, anywhere: bool = False, nested: bool = False) -> None:
    """Judge what was undone. Waits while a transaction is open, unless ``anywhere``.

    ``nested``: called by a save, which may itself be called (by an ``upload_to``, say) in the
    middle of a bulk_create(), before its INSERT.
    """
    _take_inserted(nested=nested)
    if not _undone:
        return
    pending: list[Change] = []
    # Another thread may be taking them as well.
    with suppress(IndexError):
        while True:
            change = _undone.popleft()
            if change.in_doubt:
                _leave(change)
            else:
                pending.append(change)
    # Read after they were taken, since what is queued later may name what is not among these yet;
    # and before the database is asked: what is decided meanwhile, the database knows.
    undecided = _undecided()
    while pending:
        using = pending[0].using
        group = [change for change in pending if change.using == using]
        pending = [change for change in pending if change.using != using]
        try:
            _judge_undone(group, using, undecided, anywhere=anywhere)
        except BaseException:
            # A time limit, say: another call finds the others in the queue.
            _undone.extend(pending)
            raise


def _judge_undone(
    group: Iterable[Change], using: str, undecided: Collection[str], *, anywhere: bool
) -> None:
    changes: list[Change] = []
    for change in group:
        waits = change.old in undecided or change.new in undecided
        (_undone if waits else changes).append(change)
    connection = connections[using]
    database = connection.settings_dict["NAME"]
    changes = [change for change in changes if change.database == database]
    if connection.in_atomic_block and not anywhere:
        _undone.extend(changes)
        return
    closed = connection.connection is None
    try:
        _judge(changes, using, committed=False)
    finally:
        if closed and not connection.in_atomic_block:
            connection.close()


def _take_inserted(*, nested: bool) -> None:
    """The INSERT has been sent, or never will be: the rows tell."""
    for each in list(_inserting):
        if each.thread is threading.current_thread():
            ready = each.sent or not nested
        else:
            ready = not each.thread.is_alive()
        if ready:
            # Where another thread has been quicker, they are queued already.
            with suppress(ValueError):
                _inserting.remove(each)
                each.end()
                for change in each.changes:
                    undo(change)


def _undecided() -> set[str]:
    """Names that some open transaction of this process decides about, on whatever thread.

    No row that others can see need hold them yet.
    """
    with _lock:
        waiting = [change for changes in _waiting.values() for change in changes if change.waiting]
    return {name for change in waiting for name in (change.old, change.new) if name}


def settle_all() -> None:
    """Settle what waits, as if the open transactions had been committed. For tests."""
    with _lock:
        aliases = [connection.alias for connection in _waiting]
    for using in aliases:
        _committed(using)
    drain(anywhere=True)


def _committed(using: str) -> None:
    # Every hook of the transaction calls this; the first one settles for all of them.
    with _lock:
        changes = [c for c in _waiting.pop(connections[using], ()) if c.waiting]
    for change in changes:
        change.waiting, change.committed = False, True
        if change.instance is not None and change.certain:
            change.field.settled(change.instance, change.new)
    _judge(changes, using, committed=True)


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


def _is_lost(connection: BaseDatabaseWrapper) -> bool:
    """Whether the last statement failed together with the connection it was sent on."""
    return connection.errors_occurred and (
        connection.connection is None or not connection.is_usable()
    )


def _dropped(change: Change, connection: ref[BaseDatabaseWrapper]) -> None:
    if change.waiting:
        change.waiting = False
        # A rollback that succeeds forgets the error before it drops the hooks. Where it could not
        # be sent, the error is still noted: the connection is gone, and a COMMIT may be under way.
        lost = connection()
        change.in_doubt = lost is not None and lost.errors_occurred and not lost.in_atomic_block
        # Who asks needs no more than the names, and may have to wait for long.
        change.instance = None
        _undone.append(change)


def _judge(changes: list[Change], using: str, *, committed: bool) -> None:
    try:
        _settle(changes, using, committed=committed)
    except BaseException as error:
        # Whatever a database may raise: the rows are right, and this is the end of somebody's
        # transaction or request.
        names = [name for change in changes for name in (change.old, change.new) if name]
        logger.exception("Could not judge %s; avatar_sweep will.", names)
        if is_interruption(error):
            raise


def _settle(changes: list[Change], using: str, *, committed: bool) -> None:
    candidates: dict[str, AvatarColumn] = {}
    for change in changes:
        candidates.update(dict.fromkeys(_candidates(change, committed), change.field))
    own = list({change.field for change in changes})
    held = rows.held(candidates, own, using) if candidates else set()
    # Written and taken out again by what was undone together: no row has ever had these.
    asked = candidates.keys() - {change.new for change in changes if change.minted}
    elsewhere = (candidates.keys() if committed else asked) - held
    # Of what another transaction is about to decide, that one is told later.
    spared = held | _held_elsewhere(elsewhere, using) | (elsewhere and _undecided())
    gone = {name: field for name, field in candidates.items() if name not in spared}
    if gone:
        delete(gone)
    for change in changes:
        change.committed = (committed and change.certain) or _happened(change, asked, held)
        if change.committed:
            if change.instance is not None:
                change.field.settled(change.instance, change.new)
            _tell(change)
        change.instance = None


def _held_elsewhere(names: set[str], using: str) -> set[str]:
    """Those that may not go, although no row of this database has them any more."""
    if not names or not get_config().delete_files:
        return set()
    try:
        return rows.held_elsewhere(names, using)
    except Exception as error:
        if is_interruption(error):
            raise
        logger.warning(
            "Could not ask every database who holds %s; avatar_sweep will.",
            sorted(names),
            exc_info=error,
        )
        return names


def _candidates(change: Change, committed: bool) -> set[str]:
    """The names that may have lost their last row through this change."""
    if change.old == change.new:
        return set()
    names = {change.old, change.new} if change.minted else {change.old}
    names = {name for name in names if name and not may_be_default(name, change.field)}
    if not committed:
        # Perhaps it never happened. A kit name without a row is garbage all the same; a file from
        # before the kit may be anybody's.
        names = {name for name in names if Name.parse(name)}
    return names


def _happened(change: Change, asked: Collection[str], held: Collection[str]) -> bool:
    """What is known of a change from which names are held now; nothing of names not asked for."""
    if change.new:
        return change.new in held
    return change.old in asked and change.old not in held


def delete(names: dict[str, AvatarColumn]) -> None:
    """Delete every file of these avatars, and the thumbnails that easy-thumbnails made of them."""
    if not get_config().delete_files:
        return
    files = (each for key, field in names.items() for each in files_of(key, field))
    for place, keys in storage.grouped(files):
        storage.delete_all(place, keys)
    thumbnails.delete(names)


def files_of(key: str, field: AvatarColumn) -> Iterable[tuple[Storage, tuple[str, ...]]]:
    """Where the files of a name lie. A file from before the kit is all there is to it."""
    name = Name.parse(key)
    yield field.storage, (key,)
    if name is not None:
        yield field.rendition_storage, name.renditions


def _tell(change: Change) -> None:
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


def make_room(instance: Model, fields: Iterable[AvatarColumn]) -> None:
    """Give django-cleanup's memory of an instance the fields that were deferred when it was made.

    It would look for them after the row has been saved, and raise.
    """
    memory = instance.__dict__.get(CACHE_NAME)
    if memory is not None:
        for field in fields:
            memory.setdefault(field.name, field.attr_class(instance, field, None))


def _row_deleted(sender: type[Model], instance: Model, using: str, **kwargs: Any) -> None:
    model = sender._meta.concrete_model or sender
    fields = avatar_fields(model)
    held = rows.lock_row(model, instance.pk, fields, using)
    for field, old in zip(fields, held or (), strict=False):
        if old:
            watch(
                Change(using=using, field=field, instance=instance, old=old, new="", minted=False)
            )


def connect(models: Iterable[type[Model]]) -> None:
    """Connect the handlers; called once, when the app is ready."""
    for model in models:
        concrete = model._meta.concrete_model or model
        # One by one: a receiver without a sender would disable fast deletes in the whole project.
        if avatar_fields(concrete):
            pre_delete.connect(
                _row_deleted, sender=model, dispatch_uid=f"avatar_kit.{model._meta.label}"
            )
    request_finished.connect(_request_finished, dispatch_uid="avatar_kit.drain")
    atexit.register(drain)
    thumbnails.connect()


def _request_finished(**kwargs: Any) -> None:
    drain()
