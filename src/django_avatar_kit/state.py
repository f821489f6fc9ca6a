"""What the kit knows of one instance beyond its columns, until a transaction ends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from weakref import ref

from . import cleanup

if TYPE_CHECKING:
    from django.db.models import Model

    from .fields import AvatarField
    from .pipeline import Cut

#: Where it hangs on the instance.
STATE = "_avatar_state"


@dataclass(eq=False, kw_only=True)
class Minted:
    """A name that an instance wrote files for, until the transaction with its row ends."""

    field: AvatarField
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
    #: What the row has of these: it is shown until another one has been saved.
    in_row: dict[str, str] = field(default_factory=dict)
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
        return _restore_state, (frozenset(self.assigned), dict(self.in_row))

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

    @staticmethod
    def of(instance: Model) -> State:
        state: State | None = instance.__dict__.get(STATE)
        if state is None or state.owner is None or state.owner() is not instance:
            known = _restore_state(state.assigned, state.in_row) if state else State()
            known.owner = ref(instance)
            state = instance.__dict__[STATE] = known
        return state


def _restore_state(assigned: Iterable[str], in_row: dict[str, str]) -> State:
    return State(assigned=set(assigned), in_row=dict(in_row))


def written(instance: Model, columns: Iterable[AvatarField]) -> None:
    """The row has them now: should the save fail after this, the instance keeps them, too."""
    state = State.of(instance)
    for each in columns:
        state.written.add(each.attname)
        state.in_row[each.attname] = each.name_on(instance)


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
