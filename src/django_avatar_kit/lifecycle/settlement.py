"""What an ended transaction means for files: those that no row points at any more are deleted.

All changes are judged together, by one guard query, a look into each other database of the
project, and one batch deletion for each storage. The guard query asks the database which of the
names are held, so that it does not matter how the transaction ended. It also answers for a hook
that was never called, as another app's hook had raised before it.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from typing import TYPE_CHECKING

from .. import signals
from ..columns import may_be_default
from ..conf import get_config
from ..interruptions import is_interruption
from ..names import Name
from . import references
from .changes import Change, take_committed, undecided
from .deletion import delete
from .instance_state import settled

if TYPE_CHECKING:
    from ..columns import AvatarColumn

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
    settle(changes, using, committed=True)


def settle(changes: list[Change], using: str, *, committed: bool) -> None:
    """Delete what these changes have left without a row, and send the signals.

    ``committed`` is False where it is not known whether any of them has come to pass. A failure is
    logged: the rows are right, and this runs at the end of somebody's transaction or request.
    """
    try:
        _settle(changes, using, committed=committed)
    except BaseException as error:
        names = [name for change in changes for name in (change.old, change.new) if name]
        logger.exception("Could not judge %s; avatar_sweep will.", names)
        if is_interruption(error):
            raise


def _settle(changes: list[Change], using: str, *, committed: bool) -> None:
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
    names = {change.old, change.new} if change.generated else {change.old}
    names = {name for name in names if name and not may_be_default(name, change.field)}
    if not committed:
        # Where the statement was undone, a file from before the kit may belong to anybody. A kit
        # name without a row is of no use in any case.
        names = {name for name in names if Name.parse(name)}
    return names


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
