"""Every SQL statement of the kit: which rows hold an avatar, and how they are locked.

A lock and the value under it come from one statement. On SQLite, which has no row locks, that
statement is an UPDATE: it takes the write lock at once, where a SELECT followed by an UPDATE would
fail with "database is locked" as soon as two writers meet.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import nullcontext
from functools import cache, partial
from typing import Any, NamedTuple, TypeAlias, cast

from django.apps.registry import Apps
from django.db import connections, models, router, transaction
from django.db.models import F, Q
from django.db.models.functions import Left
from django.db.models.lookups import In

from .. import tokens as seals
from ..columns import AvatarColumn, file_columns
from ..interruptions import is_interruption
from ..names import Name

#: Names in one guard query. Oracle takes 1,000 parameters in a list, SQLite 250,000 in all.
CHUNK = 500


def lock_row(
    model: type[models.Model], pk: Any, fields: Sequence[AvatarColumn], using: str
) -> tuple[str, ...] | None:
    """Lock one row and return what its avatar columns hold, or None where there is no such row.

    To be called inside a transaction. Asked twice before the answer is None: a lock that had to
    wait for a row which was then deleted and made again finds nothing the first time.
    """
    options = model._meta
    # One column, or the several of a composite key.
    keys = getattr(options, "pk_fields", None) or [options.pk]
    values = pk if len(keys) > 1 else [pk]
    condition = dict(zip((key.attname for key in keys), values, strict=True))
    for _ in range(2):
        for row in _lock(model, condition, fields, using):
            return tuple(value or "" for value in row)
    return None


def lock_holder(name: str, field: AvatarColumn, using: str) -> bool:
    """Lock a row that holds ``name``, so that its files stay until this transaction ends.

    Only a row that means the same files by it: those of another storage are of no use.
    """
    return any(
        _lock(column.model, {column.attname: name}, [column], using)
        for column in _columns_on(using, [field], foreign=False)
        if field.shares_with(cast("AvatarColumn", column))
    )


def held(names: Collection[str], own: Collection[AvatarColumn], using: str) -> set[str]:
    """Those of the names that some row holds, by one query for every ``CHUNK`` of them.

    A name of the kit's own is looked for in avatar columns. A file from before the kit may as well
    belong to any other file field. ``own`` are the fields that the names came from.
    """
    found: set[str] = set()
    for foreign in (False, True):
        wanted = sorted(name for name in names if (Name.parse(name) is None) is foreign)
        for start in range(0, len(wanted), CHUNK):
            chunk = wanted[start : start + CHUNK]
            # Not a manager: one may hide rows, and a hidden row has its avatar all the same.
            first, *others = (
                models.QuerySet(field.model, using=using)
                .filter(**{f"{field.attname}__in": chunk})
                .order_by()
                .values_list(field.attname, flat=True)
                for field in _columns_on(using, own, foreign=foreign)
            )
            found.update(first.union(*others, all=True) if others else first)
    return found


def held_elsewhere(names: Collection[str], using: str) -> set[str]:
    """Those of the names that some row in another database of the project holds.

    As after a fixture of one was loaded into another. A replica is no other database: it may still
    have what has just been replaced. Raises what a database raises that cannot be asked.
    """
    found: set[str] = set()
    foreign = any(Name.parse(name) is None for name in names)
    for other in connections:
        if seals.database(other) == seals.database(using) or not is_real(other):
            continue
        asked = [
            field
            for field in file_columns()
            if (foreign or holds_avatars(field)) and is_on(other, field.model)
        ]
        if asked:
            found |= _held_in_tables(asked, names, other)
    return found


def _held_in_tables(
    fields: Sequence[models.FileField], names: Collection[str], using: str
) -> set[str]:
    """Those that a row of this database holds, where it has the tables at all."""
    connection = connections[using]
    closed = connection.connection is None
    # What fails must not spoil a transaction that the site has open there.
    safely = transaction.atomic(using=using) if connection.in_atomic_block else nullcontext()
    try:
        with safely:
            tables = set(connection.introspection.table_names(include_views=True))
            places = [(using, field) for field in fields if _table_of(using, field) in tables]
            return held_in(places, names)
    except AssertionError:
        # Django's tests forbid the databases that a test has not asked for: they take no part.
        return set()
    finally:
        if closed and not connection.in_atomic_block:
            connection.close()


def has_null_against(field: models.FileField, using: str) -> bool:
    """Whether an avatar column has NULL in some row, although the field takes none.

    As it does that was another kind of field before, until its migration has run.
    """
    if field.null or not holds_avatars(field) or not is_on(using, field.model):
        return False
    connection = connections[using]
    table = _table_of(using, field)
    with connection.cursor() as cursor:
        if table not in connection.introspection.table_names(cursor):
            return False
        known = connection.introspection.get_table_description(cursor, table)
    if not any(column.name == field.column and column.null_ok for column in known):
        return False
    everyone: models.QuerySet[models.Model] = models.QuerySet(field.model, using=using)
    return bool(everyone.filter(**{f"{field.attname}__isnull": True}).exists())


def put(model: type[models.Model], pk: Any, field: AvatarColumn, name: str, using: str) -> None:
    """Write a name, and nothing else, into a row that the open transaction has locked."""
    # As a plain value: the field would look for a row that already holds the name.
    value = models.Value(name, output_field=models.CharField())
    models.QuerySet(model, using=using).filter(pk=pk).update(**{field.attname: value})


def is_real(using: str) -> bool:
    """Whether there is a database: "default" may be empty where a router knows all the others."""
    return bool(connections[using].settings_dict["ENGINE"] != "django.db.backends.dummy")


def is_on(using: str, model: type[models.Model]) -> bool:
    """Whether the routers have rows of this model in this database.

    A database whose tables somebody else makes is none to migrate, and used all the same.
    """
    return router.allow_migrate_model(using, model) or using in {
        router.db_for_read(model),
        router.db_for_write(model),
    }


Column: TypeAlias = "models.Field[Any, Any]"
Place: TypeAlias = "tuple[str, Column]"


class Surroundings(NamedTuple):
    """What there is that can hold the name of a file."""

    #: Every column, with every database alias that has it. One of another schema is a stand-in.
    places: list[Place]
    #: The tables of that kind of which nobody here can tell what they hold, in words.
    hidden: list[str]


def everywhere() -> list[Place]:
    """Every column that can hold the name of a file, with every database alias that has it."""
    return look_around(file_columns()).places


def look_around(fields: Collection[Column]) -> Surroundings:
    """Where these columns are: in every database of the project that has the table, and of
    PostgreSQL in every schema, as far as that can be seen.

    Whatever the routers say, which tell where a row is to be looked for: an archive or another
    tenant has its avatars all the same.
    """
    places: list[Place] = []
    hidden: list[str] = []
    for using in connections:
        connection = connections[using]
        if not is_real(using):
            continue
        ours = {field for field in fields if is_on(using, field.model)}
        try:
            tables = set(connection.introspection.table_names(include_views=True))
            found = _catalogue(using, fields) if connection.vendor == "postgresql" else []
        except Exception as error:
            if ours or is_interruption(error):
                raise
            # None of ours, as far as the routers know. Nobody can see whether that is so.
            hidden.append(f"the database “{using}”")
            continue
        others = {each.field for each in found if each.schema is not None}
        places += (
            (using, field)
            for field in fields
            # Where a row is to be, a table that is missing is an error; unless it is in the
            # schemas of the tenants.
            if _table_of(using, field) in tables
            or (field in ours - others and using == router.db_for_write(field.model))
        )
        places += (
            (using, _stand_in(each.field, each.schema))
            for each in found
            if each.schema is not None and each.readable
        )
        hidden += (f"{each.label} in “{using}”" for each in found if not each.readable)
    return Surroundings(places, list(dict.fromkeys(hidden)))


def holds_avatars(column: Column) -> bool:
    """Whether this is an avatar's column, or stands for one."""
    return isinstance(getattr(column, "stands_for", column), AvatarColumn)


class _Found(NamedTuple):
    """A table with a column of ours."""

    field: Column
    #: None where the model itself means this one.
    schema: str | None
    label: str
    #: All of its rows, by this user.
    readable: bool


#: Each table with one of the given names, its schema, whether the plain name means it, and whether
#: this user sees all of its rows. Temporary ones, of whichever session, are left out.
_CATALOGUE = r"""
SELECT c.relname, a.attname, n.nspname, pg_table_is_visible(c.oid),
       has_schema_privilege(n.oid, 'USAGE')
       AND has_column_privilege(c.oid, a.attnum, 'SELECT')
       AND NOT row_security_active(c.oid)
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
 WHERE c.relname = ANY(%s)
   AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
   AND n.nspname NOT LIKE 'pg\_%%'
 ORDER BY n.nspname, c.relname, a.attnum
"""


def _catalogue(using: str, fields: Collection[Column]) -> list[_Found]:
    """The tables of a PostgreSQL database that have one of these columns, in whatever schema.

    By the system's catalogue, which shows everybody what there is.
    """
    by_name: dict[tuple[str, str], list[Column]] = {}
    for field in fields:
        by_name.setdefault((_table_of(using, field), str(field.column)), []).append(field)
    with connections[using].cursor() as cursor:
        cursor.execute(_CATALOGUE, [sorted({table for table, _ in by_name})])
        found = cursor.fetchall()
    return [
        _Found(field, None if visible else schema, f"“{schema}.{table}”", readable)
        for table, column, schema, visible, readable in found
        for field in by_name.get((table, column), ())
    ]


# Parts of Django keep every model that is made for as long as the process lives.
@cache
def _stand_in(field: Column, schema: str) -> Column:
    """A column of the same name, in the table of that name in another schema."""
    quoted = [name.replace('"', '""') for name in (schema, field.model._meta.db_table)]
    meta = {
        # A registry of its own: no migration and no other app is to know of it.
        "apps": Apps(),
        "app_label": "avatar_kit",
        "managed": False,
        # Django leaves as it is what is quoted already.
        "db_table": '"{}"."{}"'.format(*quoted),
    }
    column: Column = models.TextField(db_column=field.column, primary_key=True)
    column.stands_for = field  # type: ignore[attr-defined]
    attributes = {"__module__": __name__, "Meta": type("Meta", (), meta), field.attname: column}
    type("Elsewhere", (models.Model,), attributes)
    return column


def held_in(places: Collection[Place], names: Collection[str]) -> set[str]:
    """Those of the names that some row in these places holds."""
    return asked_in(places, names, _is_one_of)


def beginning_in(places: Collection[Place], beginnings: Collection[str]) -> set[str]:
    """The names in these places that begin in one of the given ways: a scan of every table.

    Compared by equality of the beginning. A range would be faster, and wrong wherever a collation
    sorts punctuation in a way of its own.
    """
    found: set[str] = set()
    for length in sorted({len(beginning) for beginning in beginnings}):
        some = [beginning for beginning in beginnings if len(beginning) == length]
        found |= asked_in(places, some, partial(_begins, length))
    return found


def _is_one_of(field: Column, names: list[str]) -> Q:
    return Q(**{f"{field.attname}__in": names})


def _begins(length: int, field: Column, beginnings: list[str]) -> Any:
    return In(Left(F(field.attname), length), beginnings)


def asked_in(
    places: Collection[Place],
    values: Collection[str],
    condition: Callable[[Column, list[str]], Any],
) -> set[str]:
    """What rows in these places hold that meets a condition on ``CHUNK`` values at a time."""
    found: set[str] = set()
    ordered = sorted(values)
    for start in range(0, len(ordered), CHUNK):
        chunk = ordered[start : start + CHUNK]
        for using, field in places:
            found.update(
                models.QuerySet(field.model, using=using)
                .filter(condition(field, chunk))
                .order_by()
                .values_list(field.attname, flat=True)
            )
    return found


def _table_of(using: str, field: Column) -> str:
    return connections[using].introspection.identifier_converter(field.model._meta.db_table)


def _columns_on(
    using: str, own: Collection[AvatarColumn], *, foreign: bool
) -> list[models.FileField]:
    """The columns of a database that may hold a name: first those which it is known to be in."""
    return [
        *own,
        *(
            field
            for field in file_columns()
            if field not in own
            and (foreign or isinstance(field, AvatarColumn))
            and is_on(using, field.model)
        ),
    ]


def _lock(
    model: type[models.Model],
    condition: dict[str, Any],
    fields: Sequence[models.Field[Any, Any]],
    using: str,
) -> list[tuple[Any, ...]]:
    connection = connections[using]
    if not connection.features.has_select_for_update:
        return _lock_by_update(model, condition, fields, using)
    found = (
        models.QuerySet(model, using=using)
        .filter(**condition)
        .order_by()
        .values_list(*(field.attname for field in fields))
    )
    # In autocommit (QuerySet.update(), bulk_create()) a lock would be gone at once.
    if connection.in_atomic_block:
        # A plain FOR UPDATE would make every insert of a row that refers to this one wait.
        found = found.select_for_update(no_key=connection.features.has_select_for_no_key_update)
    return list(found)


def _lock_by_update(
    model: type[models.Model],
    condition: dict[str, Any],
    fields: Sequence[models.Field[Any, Any]],
    using: str,
) -> list[tuple[Any, ...]]:
    connection = connections[using]
    quote = connection.ops.quote_name
    options = model._meta
    asked = ", ".join(quote(str(field.column)) for field in fields)
    column = quote(str(fields[0].column))
    where, parameters = [], []
    for attname, value in condition.items():
        key = next(f for f in options.local_concrete_fields if f.attname == attname)
        where.append(f"{quote(str(key.column))} = %s")
        parameters.append(key.get_db_prep_value(value, connection))
    with connection.cursor() as cursor:
        # Names of tables and columns are the model's own, quoted; values are parameters.
        cursor.execute(
            f"UPDATE {quote(options.db_table)} SET {column} = {column} "  # noqa: S608
            f"WHERE {' AND '.join(where)} RETURNING {asked}",
            parameters,
        )
        return list(cursor.fetchall())
