"""What the kit knows of one instance beyond its columns, until a transaction ends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from weakref import ref

from ..columns import STATE
from . import changes as cleanup

if TYPE_CHECKING:
    from django.db.models import Model

    from ..columns import AvatarColumn
    from ..pipeline import Cut


@dataclass(eq=False, kw_only=True)
class Minted:
    """A name that an instance wrote files for, until the transaction with its row ends."""

    field: AvatarColumn
    name: str
    #: Kept to write the files again, should the transaction be rolled back and the instance saved.
    cut: Cut
    change: cleanup.Change | None = None

    @property
    def undone(self) -> bool:
        return self.change is not None and not self.change.live

    def stands(self, using: str) -> bool:
        """Whether a row of this database may be given the name: nobody can have removed it."""
        return self.change is None or (self.change.using == using and self.change.live)


@dataclass(eq=False, kw_only=True)
class State:
    """Made when there is something to know; most instances have none."""

    owner: ref[Model] | None = None
    #: Fields that were given another value than the database has, and not committed since.
    assigned: set[str] = field(default_factory=set)
    #: What the row had of these when they were.
    in_row: dict[str, str] = field(default_factory=dict)
    #: What statements of this instance did to the row since then, be it undone or not.
    changes: dict[str, list[cleanup.Change]] = field(default_factory=dict)
    minted: dict[str, Minted] = field(default_factory=dict)
    #: Written, and replaced by a receiver before any row had them.
    stray: list[Minted] = field(default_factory=list)
    #: Fields whose column has been written by the save that is going on.
    written: set[str] = field(default_factory=set)
    #: The alias of the database that a save which is going on writes to.
    using: str | None = None
    #: Fields that a ``bulk_create()`` asked for: it does not say which database it writes to.
    inserting: set[str] = field(default_factory=set)
    #: Written as it is: a fixture is being loaded.
    raw: bool = False

    def __reduce__(self) -> tuple[Any, ...]:
        # A copy of an instance has not written any file.
        known = {attname: self.in_database(attname) for attname in {*self.in_row, *self.changes}}
        return _restore_state, (frozenset(self.assigned), known)

    def remember(self, attname: str) -> None:
        """Note what the row has, before the instance is given something else."""
        instance = self.owner() if self.owner else None
        if instance is None or instance._state.db is None or attname in self.assigned:
            return
        # A deferred one is not there, and is not asked for.
        value = instance.__dict__.get(attname)
        self.in_row[attname] = (
            value if isinstance(value, str) else getattr(value, "name", None) or ""
        )

    def in_database(self, attname: str) -> str:
        """What the row has, which is shown until something else has been saved."""
        changes = self.changes.get(attname, [])
        for change in reversed(changes):
            if change.stands:
                return change.new
        return changes[0].old if changes else self.in_row.get(attname, "")

    def undone(self, attname: str, name: str) -> bool:
        """Whether a name that was saved is not in the row after all: its files are gone."""
        minted = self.minted.get(attname)
        changes = [change for change in self.changes.get(attname, ()) if change.new == name]
        if minted is not None and minted.name == name and minted.change is not None:
            changes.append(minted.change)
        return bool(changes) and not any(change.stands for change in changes)

    @staticmethod
    def of(instance: Model) -> State:
        state: State | None = instance.__dict__.get(STATE)
        if state is None or state.owner is None or state.owner() is not instance:
            known = copy(state) if state else State()
            known.owner = ref(instance)
            state = instance.__dict__[STATE] = known
        return state


def _restore_state(assigned: Iterable[str], in_row: dict[str, str]) -> State:
    return State(assigned=set(assigned), in_row=dict(in_row))


def written(instance: Model, columns: Iterable[AvatarColumn]) -> None:
    """The row has them now: should the save fail after this, the instance keeps them, too."""
    state = State.of(instance)
    for each in columns:
        state.written.add(each.attname)


@contextmanager
def saving(instance: Model, using: str) -> Iterator[None]:
    """While an instance is saved, which a receiver may do again in the middle of it."""
    state = State.of(instance)
    before, state.using = state.using, using
    try:
        yield
    finally:
        state.using = before


def undo(instance: Model, using: str) -> None:
    """After a save: files that were written, and that no transaction answers for, are to go."""
    state = State.of(instance)
    for minted in (*state.stray, *state.minted.values()):
        if minted.change is None:
            minted.change = cleanup.Change(
                using=using,
                field=minted.field,
                instance=None,
                old="",
                new=minted.name,
                minted=True,
            )
            cleanup.undo(minted.change)
    state.stray.clear()


@contextmanager
def raw(instance: Model, is_raw: bool) -> Iterator[None]:
    """While a fixture is loaded, names are written as they stand in it."""
    if not is_raw:
        yield
        return
    state = State.of(instance)
    state.raw = True
    try:
        yield
    finally:
        state.raw = False
