"""What is known of one instance beyond its columns, until a transaction ends.

All of it hangs on the instance, under ``columns.STATE``. Most instances have nothing there.
"""

from __future__ import annotations

from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from weakref import ref

from ..columns import STATE, AvatarColumn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models import Model

    from ..pipeline import Cut
    from .changes import Change


@dataclass(eq=False, kw_only=True)
class Generated:
    """Files that were written under a new name, until the transaction with their row ends."""

    field: AvatarColumn
    name: str
    #: Kept to write the files again, should the transaction be rolled back and the instance saved.
    cut: Cut
    #: Those of which the row must still hold one: what was cropped, or no avatar at all. Empty for
    #: an upload that may replace any.
    sources: tuple[str, ...] = ()
    change: Change | None = None

    @property
    def undone(self) -> bool:
        return self.change is not None and not self.change.live

    def stands(self, using: str) -> bool:
        """Whether a row of this database may be given the name: nobody can have removed it."""
        return self.change is None or (self.change.using == using and self.change.live)


@dataclass(eq=False, kw_only=True)
class ColumnState:
    """What is known of one avatar column of an instance."""

    #: Whether it was given another value than the database has, and not committed since.
    assigned: bool = False
    #: What the row had when it was.
    in_row: str = ""
    #: What statements of this instance did to the row since then, be they undone or not.
    changes: list[Change] = field(default_factory=list)
    #: The files that were written for the value that it has.
    generated: Generated | None = None
    #: Whether the save that is going on has written the column.
    written: bool = False
    #: Whether a ``bulk_create()`` has asked for the value: it does not say for which database.
    inserting: bool = False

    def name_in_row(self) -> str:
        """What the row has, which pages show until something else has been saved."""
        for change in reversed(self.changes):
            if change.stands:
                return change.new
        return self.changes[0].old if self.changes else self.in_row

    def is_undone(self, name: str) -> bool:
        """Whether a name that was saved is not in the row after all: its files are gone."""
        changes = [change for change in self.changes if change.new == name]
        if (made := self.made(name)) and made.change is not None:
            changes.append(made.change)
        return bool(changes) and not any(change.stands for change in changes)

    def made(self, name: str | None) -> Generated | None:
        """The files of a name, if they were written for this instance."""
        made = self.generated
        return made if made is not None and made.name == name else None


@dataclass(eq=False, kw_only=True)
class InstanceState:
    """What is known of an instance, where there is something to know."""

    owner: ref[Model] | None = None
    #: By ``attname``.
    columns: dict[str, ColumnState] = field(default_factory=dict)
    #: Written, and replaced by a receiver before any row had them.
    orphaned: list[Generated] = field(default_factory=list)
    #: The alias of the database that a save which is going on writes to.
    using: str | None = None
    #: Whether the save that is going on loads a fixture: names are written as they are.
    raw: bool = False

    def __reduce__(self) -> tuple[Any, ...]:
        # A copy of an instance has not written any file. Plain values, so that a pickle can be
        # read by a release whose classes have other attributes.
        return _copied, ({key: (c.assigned, c.name_in_row()) for key, c in self.columns.items()},)


def _copied(columns: dict[str, tuple[bool, str]]) -> InstanceState:
    known = {key: ColumnState(assigned=a, in_row=name) for key, (a, name) in columns.items()}
    return InstanceState(columns=known)


def state_of(instance: Model) -> InstanceState:
    """The state of an instance; a copy of an instance gets a copy of it."""
    state: InstanceState | None = instance.__dict__.get(STATE)
    if state is None or state.owner is None or state.owner() is not instance:
        known = copy(state) if state else InstanceState()
        known.owner = ref(instance)
        state = instance.__dict__[STATE] = known
    return state


def column_state(instance: Model, column: AvatarColumn) -> ColumnState:
    """The state of one column; it is made where there is none."""
    return state_of(instance).columns.setdefault(column.attname, ColumnState())


def assign(instance: Model, column: AvatarColumn) -> None:
    """Note that the instance is given another value than its row has, before it is."""
    state = column_state(instance, column)
    if instance._state.db is not None and not state.assigned:
        # A deferred value is not there, and is not asked for.
        value = instance.__dict__.get(column.attname)
        state.in_row = value if isinstance(value, str) else getattr(value, "name", None) or ""
    state.assigned = True


def is_assigned(instance: Model, column: AvatarColumn) -> bool:
    """Whether the instance has a value for the column that did not come from the database."""
    if instance._state.adding or instance._state.db is None:
        return True
    if STATE in instance.__dict__ and column_state(instance, column).assigned:
        return True
    return bool(getattr(instance.__dict__.get(column.attname), "is_renamed", False))


def forget(instance: Model, column: AvatarColumn) -> None:
    """The value of the column came from the database."""
    if STATE in instance.__dict__:
        state = column_state(instance, column)
        state.assigned, state.in_row, state.changes, state.generated = False, "", [], None


def settled(instance: Model, column: AvatarColumn, name: str) -> None:
    """The row with this name has been committed; what was assigned since is still to come."""
    value: Any = instance.__dict__.get(column.attname)
    # Not a text, nor any other file than the kit's own.
    if not getattr(value, "uncommitted", True) and (value.name or "") == name:
        value.loaded_name = value.name
        forget(instance, column)


@contextmanager
def during_save(instance: Model, **values: Any) -> Iterator[None]:
    """The state has these values meanwhile. A receiver may save the same instance in between."""
    state = state_of(instance)
    before = {name: getattr(state, name) for name in values}
    vars(state).update(values)
    try:
        yield
    finally:
        vars(state).update(before)
