"""Which rows hold a name: the questions that are asked before a file is deleted."""

from __future__ import annotations

from contextlib import nullcontext
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Any

from django.db import connections, models, transaction
from django.db.models import F, Q
from django.db.models.functions import Left
from django.db.models.lookups import In

from .. import tokens
from ..columns import AvatarColumn, file_columns
from ..names import Name
from .tables import Column, TableColumn, holds_avatars, is_on, is_real, table_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

#: Names in one query. Oracle takes 1,000 parameters in a list, SQLite 250,000 in all.
CHUNK = 500


def held(names: Collection[str], own: Collection[AvatarColumn], using: str) -> set[str]:
    """Those of the names that some row of this database holds, by one query for each ``CHUNK``.

    A name of the kit's is looked for in avatar columns only. A file from before the kit may belong
    to any other file field as well. ``own`` are the fields that the names came from.
    """
    found: set[str] = set()
    for is_kit_name in (True, False):
        wanted = [name for name in names if (Name.parse(name) is not None) is is_kit_name]
        for chunk in chunks(wanted):
            # Not a manager: one may hide rows, and a hidden row has its avatar all the same.
            first, *others = (
                models.QuerySet(field.model, using=using)
                .filter(**{f"{field.attname}__in": chunk})
                .order_by()
                .values_list(field.attname, flat=True)
                for field in columns_on(using, own, only_avatars=is_kit_name)
            )
            # The union would have the ordering of the first model's Meta again.
            found.update(first.union(*others, all=True).order_by() if others else first)
    return found


def columns_on(
    using: str, own: Collection[AvatarColumn], *, only_avatars: bool = True
) -> list[Any]:
    """The columns of a database that may hold a name: first ``own``, which it came from."""
    others = (
        field
        for field in file_columns()
        if field not in own
        and (not only_avatars or isinstance(field, AvatarColumn))
        and is_on(using, field.model)
    )
    return [*own, *others]


def held_elsewhere(names: Collection[str], using: str) -> set[str]:
    """Those of the names that some row in another database of the project holds.

    That is so after a fixture of one was loaded into another. A replica is not asked: it may still
    have what has just been replaced. Raises what a database raises that cannot be asked.
    """
    found: set[str] = set()
    any_field = any(Name.parse(name) is None for name in names)
    for other in connections:
        if tokens.database(other) == tokens.database(using) or not is_real(other):
            continue
        asked = [
            field
            for field in file_columns()
            if (any_field or holds_avatars(field)) and is_on(other, field.model)
        ]
        if asked:
            found |= _held_in_tables(asked, names, other)
    return found


def _held_in_tables(
    fields: Sequence[models.FileField], names: Collection[str], using: str
) -> set[str]:
    """Those that a row of this database holds; it need not have all of the tables."""
    connection = connections[using]
    closed = connection.connection is None
    # An error must not spoil a transaction that the site has open there.
    safely = transaction.atomic(using=using) if connection.in_atomic_block else nullcontext()
    try:
        with safely:
            tables = set(connection.introspection.table_names(include_views=True))
            there = [(using, field) for field in fields if table_of(using, field) in tables]
            return held_in(there, names)
    except AssertionError:
        # Django's tests forbid the databases that a test has not asked for.
        return set()
    finally:
        if closed and not connection.in_atomic_block:
            connection.close()


def held_in(columns: Collection[TableColumn], names: Collection[str]) -> set[str]:
    """Those of the names that some row has in one of these columns."""
    return asked_in(columns, names, lambda field, some: Q(**{f"{field.attname}__in": some}))


def beginning_in(columns: Collection[TableColumn], beginnings: Collection[str]) -> set[str]:
    """The names in these columns that begin in one of the given ways: a scan of every table.

    Compared by equality of the beginning. A range would be faster, and wrong wherever a collation
    sorts punctuation in a way of its own.
    """
    found: set[str] = set()
    for length, some in groupby(sorted(beginnings, key=len), len):
        found |= asked_in(columns, list(some), partial(_begins, length))
    return found


def asked_in(
    columns: Collection[TableColumn],
    values: Collection[str],
    condition: Callable[[Column, list[str]], Any],
) -> set[str]:
    """What these columns hold that meets a condition on ``CHUNK`` values at a time."""
    found: set[str] = set()
    for chunk in chunks(values):
        for using, field in columns:
            found.update(
                models.QuerySet(field.model, using=using)
                .filter(condition(field, chunk))
                .order_by()
                .values_list(field.attname, flat=True)
            )
    return found


def _begins(length: int, field: Column, beginnings: list[str]) -> Any:
    return In(Left(F(field.attname), length), beginnings)


def chunks(values: Collection[str]) -> Iterator[list[str]]:
    """The values in their order, as many at once as a query takes."""
    ordered = sorted(values)
    for start in range(0, len(ordered), CHUNK):
        yield ordered[start : start + CHUNK]
