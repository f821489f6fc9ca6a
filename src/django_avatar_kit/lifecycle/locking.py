"""Locking a row together with the name it holds.

The lock and the value come from one statement. SQLite has no row locks, so that the statement
there is an UPDATE, which takes the write lock at once. A SELECT followed by an UPDATE would fail
with "database is locked" as soon as two writers meet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import connections, models

from .references import columns_on

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..columns import AvatarColumn


def lock_row(
    model: type[models.Model], pk: Any, fields: Sequence[AvatarColumn], using: str
) -> tuple[str, ...] | None:
    """Lock one row and return what its avatar columns hold, or None where there is no such row.

    To be called inside a transaction.
    """
    # One column, or the several of a composite key.
    keys = getattr(model._meta, "pk_fields", None) or [model._meta.pk]
    values = pk if len(keys) > 1 else [pk]
    condition = dict(zip(keys, values, strict=True))
    # Twice: a lock that waited for a row which was deleted and made again finds nothing at first.
    for _ in range(2):
        for row in _lock(model, condition, fields, using):
            return tuple(value or "" for value in row)
    return None


def lock_holder(name: str, field: AvatarColumn, using: str) -> bool:
    """Lock a row that holds ``name``, so that its files stay until this transaction ends.

    A row counts only if the name means the same files there: another storage has other files.
    """
    return any(
        _lock(column.model, {column: name}, [column], using)
        for column in columns_on(using, [field])
        if field.shares_with(column)
    )


def write_name(
    model: type[models.Model], pk: Any, field: AvatarColumn, name: str, using: str
) -> None:
    """Write a name, and nothing else, into a row that the open transaction has locked."""
    # As a plain value: the field would look for a row that already holds the name.
    value = models.Value(name, output_field=models.CharField())
    models.QuerySet(model, using=using).filter(pk=pk).update(**{field.attname: value})


def _lock(
    model: type[models.Model],
    condition: dict[Any, Any],
    fields: Sequence[AvatarColumn],
    using: str,
) -> list[tuple[Any, ...]]:
    connection = connections[using]
    if connection.features.has_select_for_update:
        found = (
            models.QuerySet(model, using=using)
            .filter(**{key.attname: value for key, value in condition.items()})
            .order_by()
            .values_list(*(field.attname for field in fields))
        )
        # In autocommit (QuerySet.update(), bulk_create()) a lock would be released at once.
        if connection.in_atomic_block:
            # A plain FOR UPDATE would make every insert of a row that refers to this one wait.
            no_key = connection.features.has_select_for_no_key_update
            found = found.select_for_update(no_key=no_key)
        return list(found)

    quote = connection.ops.quote_name
    asked = ", ".join(quote(str(field.column)) for field in fields)
    column = quote(str(fields[0].column))
    where, parameters = [], []
    for key, value in condition.items():
        where.append(f"{quote(str(key.column))} = %s")
        parameters.append(key.get_db_prep_value(value, connection))
    with connection.cursor() as cursor:
        # Names of tables and columns are the model's own, quoted; values are parameters.
        cursor.execute(
            f"UPDATE {quote(model._meta.db_table)} SET {column} = {column} "  # noqa: S608
            f"WHERE {' AND '.join(where)} RETURNING {asked}",
            parameters,
        )
        return list(cursor.fetchall())
