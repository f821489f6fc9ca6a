"""In which tables a column is: of every database of the project, and of every PostgreSQL schema.

Routers only tell where a row is looked for. An archive, or another tenant's schema, has avatars as
well, and a sweep must not delete them.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

from django.apps.registry import Apps
from django.db import connections, models, router

from ..columns import AvatarColumn
from ..interruptions import is_interruption

if TYPE_CHECKING:
    from collections.abc import Collection

#: A column of a model, or a stand-in for the one in a table of another schema.
Column: TypeAlias = "models.Field[Any, Any]"
#: A database alias, and a column that a table there has.
TableColumn: TypeAlias = "tuple[str, Column]"


def find(fields: Collection[Column]) -> tuple[list[TableColumn], list[str]]:
    """Every table that has one of these columns; in words, those that cannot be read whole."""
    columns: list[TableColumn] = []
    unreadable: list[str] = []
    for using in connections:
        connection = connections[using]
        if not is_real(using):
            continue
        routed = {field for field in fields if is_on(using, field.model)}
        try:
            tables = set(connection.introspection.table_names(include_views=True))
            found = _in_schemas(using, fields) if connection.vendor == "postgresql" else []
        except Exception as error:
            if routed or is_interruption(error):
                raise
            # By the routers, no row of ours is there. Whether that is so, nobody can see.
            unreadable.append(f"the database “{using}”")
            continue
        elsewhere = {field for field, _, is_own, _ in found if not is_own}
        columns += (
            (using, field)
            for field in fields
            # A missing table is an error where rows are written to, unless it is in the schemas
            # of the tenants.
            if table_of(using, field) in tables
            or (field in routed - elsewhere and using == router.db_for_write(field.model))
        )
        for field, schema, is_own, is_readable in found:
            if not is_readable:
                unreadable.append(f"“{schema}.{field.model._meta.db_table}” in “{using}”")
            elif not is_own:
                columns.append((using, _stand_in(field, schema)))
    return columns, list(dict.fromkeys(unreadable))


def holds_avatars(column: Column) -> bool:
    """Whether this is the column of an avatar, or a stand-in for one."""
    return isinstance(getattr(column, "stands_for", column), AvatarColumn)


def is_real(using: str) -> bool:
    """Whether there is a database: "default" may be empty where a router knows all the others."""
    return bool(connections[using].settings_dict["ENGINE"] != "django.db.backends.dummy")


def is_on(using: str, model: type[models.Model]) -> bool:
    """Whether the routers have rows of this model in this database.

    A database whose tables somebody else makes is never migrated, and still used.
    """
    return router.allow_migrate_model(using, model) or using in {
        router.db_for_read(model),
        router.db_for_write(model),
    }


def table_of(using: str, field: Column) -> str:
    """The name of a column's table, as the introspection of this database spells it."""
    return connections[using].introspection.identifier_converter(field.model._meta.db_table)


def has_null_against(field: models.FileField, using: str) -> bool:
    """Whether an avatar column has NULL in some row, although the field does not allow it.

    That is so if another kind of field had the column before, until its migration has run.
    """
    if field.null or not holds_avatars(field) or not is_on(using, field.model):
        return False
    connection = connections[using]
    table = table_of(using, field)
    with connection.cursor() as cursor:
        if table not in connection.introspection.table_names(cursor):
            return False
        known = connection.introspection.get_table_description(cursor, table)
    if not any(column.name == field.column and column.null_ok for column in known):
        return False
    rows: models.QuerySet[models.Model] = models.QuerySet(field.model, using=using)
    return bool(rows.filter(**{f"{field.attname}__isnull": True}).exists())


#: Each table with one of the given names, its schema, whether the plain name means it, and whether
#: this user sees all of its rows. Temporary tables, of whichever session, are left out.
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


def _in_schemas(using: str, fields: Collection[Column]) -> list[tuple[Column, str, bool, bool]]:
    """The tables of a PostgreSQL database that have one of these columns, in whatever schema.

    Gives the column, the schema, whether the model itself means this table, and whether this user
    may read all of its rows. The system catalogue shows tables to everybody.
    """
    by_name: dict[tuple[str, str], list[Column]] = {}
    for field in fields:
        by_name.setdefault((table_of(using, field), str(field.column)), []).append(field)
    with connections[using].cursor() as cursor:
        cursor.execute(_CATALOGUE, [sorted({table for table, _ in by_name})])
        found = cursor.fetchall()
    return [
        (field, schema, visible, readable)
        for table, column, schema, visible, readable in found
        for field in by_name.get((table, column), ())
    ]


# Cached, since parts of Django keep every model class for as long as the process lives.
@cache
def _stand_in(field: Column, schema: str) -> Column:
    """A column of the same name, in the table of that name in another schema."""
    quoted = [name.replace('"', '""') for name in (schema, field.model._meta.db_table)]
    meta = {
        # A registry of its own: no migration and no other app is to know of it.
        "apps": Apps(),
        "app_label": "avatar_kit",
        "managed": False,
        # Django leaves a name as it is that is quoted already.
        "db_table": '"{}"."{}"'.format(*quoted),
    }
    column: Column = models.TextField(db_column=field.column, primary_key=True)
    column.stands_for = field  # type: ignore[attr-defined]
    attributes = {"__module__": __name__, "Meta": type("Meta", (), meta), field.attname: column}
    type("Elsewhere", (models.Model,), attributes)
    return column
