"""All that a site holds: every cell of every table, and every file of every storage."""

from __future__ import annotations

from typing import Any

from django.core.files.storage import Storage, storages
from django.db import connection

from django_avatar_kit.test import settle

#: Django's own: who was logged in, what an administrator did, and the names of models.
NOT_OURS = {"django_session", "django_admin_log", "django_content_type"}


def tables() -> dict[str, list[str]]:
    """The rows of every table that has any, each as a text."""
    found = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            # Names of tables are the database's own, quoted.
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608
            if rows := sorted(map(repr, cursor.fetchall())):
                found[table] = rows
    return found


def stored(*aliases: str) -> set[str]:
    """The keys of all files in these storages."""
    return {f"{alias}:{key}" for alias in aliases for key in _keys(storages[alias], "")}


def _keys(storage: Storage, folder: str) -> set[str]:
    try:
        folders, files = storage.listdir(folder)
    except FileNotFoundError:
        return set()
    found = {f"{folder}{file}" for file in files}
    return found.union(*(_keys(storage, f"{folder}{each}/") for each in folders))


def everything(*aliases: str) -> tuple[dict[str, list[str]], set[str]]:
    """What there is, once all work that waits for a commit is done."""
    settle()
    found = {table: rows for table, rows in tables().items() if table not in NOT_OURS}
    return found, stored(*(aliases or ("default", "renditions")))


def traces(*markers: str) -> set[str]:
    """The tables in which one of these texts stands, Django's own included."""
    return {
        table
        for table, rows in tables().items()
        if any(marker in row for row in rows for marker in markers)
    }


def fill_thumbnails(settings: Any, *files: Any) -> list[str]:
    """Thumbnails of files, made on the fly, and all that easy-thumbnails can record of them."""
    settings.THUMBNAIL_CACHE_DIMENSIONS = True
    return [file.get_thumbnail({"size": (20, 10)}).name for file in files]
