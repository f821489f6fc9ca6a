"""The jobs of a worker on S3. The server tells the parent which requests arrived."""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.files.storage import storages
from django.core.management import call_command
from django.db import connection, transaction
from django.template import Context

from benchmarks.contenders import contender
from benchmarks.workers.jobs import empty, page, photograph, small_photograph, timed
from django_avatar_kit.names import Name

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.workers.child import Answer

#: Bytes of the file whose PUT defines one request time: about the size of a middle rendition.
BODY = 16 * 1024


def s3_put(name: str, *, times: int) -> Answer:
    """Put small objects, one request each: the least time that a request takes."""
    storage: Any = storages["default"]
    client = storage.connection.meta.client
    body = secrets.token_bytes(BODY)

    def put() -> None:
        client.put_object(Bucket=storage.bucket_name, Key=secrets.token_hex(16), Body=body)

    return {"times": [timed(put) for _ in range(times)]}


def s3_upload(name: str, *, path: str) -> Answer:
    """From the posted form to the saved row, with all sizes made. The row stays."""
    who = contender(name)
    photo = photograph(path)
    rows = []
    answer = timed(lambda: rows.append(who.upload(photo)))
    return {**answer, "pk": rows[0].pk}


def s3_delete(name: str, *, pk: int) -> Answer:
    """Delete a loaded row and its files."""
    who = contender(name)
    row = who.model._default_manager.get(pk=pk)
    return timed(lambda: who.delete(row))


def s3_forget(name: str) -> Answer:
    """Delete all rows. The server empties the bucket."""
    empty()
    return {}


# --- pages -------------------------------------------------------------------------------------


def s3_view(name: str) -> Answer:
    """Load the rows, then show them. Gives the time of each, and a hash of the HTML."""
    who = contender(name)
    template = page(name).template
    rows: list[Any] = []
    shown: list[str] = []
    load = timed(lambda: rows.extend(who.rows()))
    show = timed(lambda: shown.append(template.render(Context({"people": rows}))))
    return {"load": load, "show": show, "html": hashlib.sha256(shown[0].encode()).hexdigest()}


def s3_views(name: str) -> Answer:
    """Show a page of avatars that were never shown, and then the same page once more.

    The process has shown other avatars before, so templates, client and keys are loaded.
    """
    new_avatars(name)
    return {"first": s3_view(name), "second": s3_view(name)}


def new_avatars(name: str) -> None:
    """Write new names into all rows, as after new uploads. No files are needed to show them.

    This bypasses the kit, which refuses names that it has not made.
    """
    model = contender(name).model
    names = []
    for pk, key in model._default_manager.values_list("pk", "avatar"):
        old = parsed(key)
        token = secrets.token_hex(16)
        new = old._replace(folder=f"{old.folder[:-3]}{token[:2]}/", token=token)
        names.append((str(new), pk))
    statement = f"UPDATE {model._meta.db_table} SET avatar = %s WHERE id = %s"  # noqa: S608
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.executemany(statement, names)


def parsed(key: str) -> Name:
    name = Name.parse(key)
    assert name is not None, key
    return name


# --- from one storage to another ---------------------------------------------------------------


def s3_fill(name: str, *, rows: int) -> Answer:
    """Make rows with an avatar in all sizes each. Gives the keys of all files."""
    who = contender(name)
    for number in range(rows):
        who.upload(small_photograph(number, side=max(settings.SIZES)))
    names = who.rows().values_list("avatar", flat=True)
    return {"keys": [file for key in names for file in parsed(key).files]}


def s3_copy(name: str, *, source: str, target: str) -> Answer:
    return timed(lambda: call_command("avatar_copy", source=source, target=target, verbosity=0))


def s3_copy_by_hand(name: str, *, source: str, target: str, keys: list[str]) -> Answer:
    """Copy with Django's storage methods, file by file."""
    here, there = storages[source], storages[target]

    def copy() -> None:
        for key in keys:
            with here.open(key) as file:
                there.save(key, file)

    return timed(copy)


S3_JOBS: dict[str, Callable[..., Answer]] = {
    job.__name__: job
    for job in (
        s3_put,
        s3_upload,
        s3_delete,
        s3_forget,
        s3_view,
        s3_views,
        s3_fill,
        s3_copy,
        s3_copy_by_hand,
    )
}
