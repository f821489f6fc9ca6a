"""The rows that have an avatar, as the commands go through them: column by column, in batches.

Queries that start from rows are here. Those that start from a name ("which row holds it?") are in
``lifecycle.references``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.core.management.base import CommandError
from django.db import models, router
from django.db.models import Q

from ..columns import AvatarColumn, avatar_columns

#: Rows in one query: a name and a primary key each.
BATCH = 500


@dataclass(frozen=True, kw_only=True)
class Row:
    """One avatar column of one row, as it was read."""

    field: AvatarColumn
    #: Database alias.
    using: str
    pk: Any
    #: The storage key that the column holds; never empty.
    key: str

    def __str__(self) -> str:
        return f"{self.field} of pk {self.pk}, “{self.key}”"


def fields_of(labels: Iterable[str] = ()) -> list[AvatarColumn]:
    """The avatar fields that ``app.Model`` or ``app.Model.field`` name; without labels, all.

    A proxy or child model stands for the fields of the model whose table has the column. Raises
    ``CommandError``.
    """
    known = avatar_columns()
    chosen: list[AvatarColumn] = []
    for label in labels:
        app, _, rest = label.partition(".")
        model_name, _, field_name = rest.partition(".")
        try:
            model = apps.get_model(app, model_name)
        except (LookupError, ValueError) as error:
            raise CommandError(f"There is no model “{label}”.") from error
        of_model = [field for field in known if issubclass(model, field.model)]
        found = [field for field in of_model if field_name in ("", field.name)]
        if not found:
            raise CommandError(
                f"“{label}” has no AvatarField. These there are: {', '.join(map(str, known))}."
            )
        chosen += found
    return list(dict.fromkeys(chosen)) or known


def count(field: AvatarColumn, using: str | None = None) -> int:
    """How many rows have something in this column; ``using`` as for :func:`read`."""
    return _filled(field, using).count()


def read(field: AvatarColumn, using: str | None = None) -> Iterator[Row]:
    """Every row with something in the column, in the order of the primary keys.

    Memory is that of one batch. ``using`` is the database alias, by default the one that the model
    is written to.
    """
    filled = _filled(field, using).order_by("pk")
    rows = filled.values_list("pk", field.attname)
    batch = list(rows[:BATCH])
    while batch:
        for pk, key in batch:
            yield Row(field=field, using=filled.db, pk=pk, key=key)
        # Not one open cursor: SQLite would let nobody write as long as it is open.
        batch = list(rows.filter(pk__gt=batch[-1][0])[:BATCH])


def unchanged(row: Row) -> models.QuerySet[models.Model]:
    """The row itself; empty if it has been deleted or given another avatar since it was read."""
    return _rows(row.field, row.using, Q(pk=row.pk, **{row.field.attname: row.key}))


def _filled(field: AvatarColumn, using: str | None) -> models.QuerySet[models.Model]:
    empty = Q(**{field.attname: ""}) | Q(**{f"{field.attname}__isnull": True})
    return _rows(field, using or router.db_for_write(field.model), ~empty)


def _rows(field: AvatarColumn, using: str, condition: Q) -> models.QuerySet[models.Model]:
    # Not through a manager, which may hide rows: a hidden row has its avatar all the same.
    everyone: models.QuerySet[models.Model] = models.QuerySet(field.model, using=using)
    found: models.QuerySet[models.Model] = everyone.filter(condition)
    return found
