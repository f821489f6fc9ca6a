"""What a test asks of files: that they are those that the rows name, and no others."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django.core.files.storage import Storage

    from ..columns import AvatarColumn


def settle() -> None:
    """Delete files and send signals as after a commit, and delete files of undone changes.

    A ``TestCase`` never commits: without this, replaced and deleted files stay in storage.
    """
    from ..lifecycle.settlement import settle_all

    settle_all()


def assert_avatar_files(obj: Any) -> None:
    """Assert that the files of a row's avatars are in storage, and none that no row names.

    ``obj`` is the row, or its owner: what ``{% avatar %}`` takes. The names are read from the
    database; a row that has been deleted has none. Of other files in the same storages, only those
    of avatars count: of the kit's names, or in the folder of the field.

    Raises ``AssertionError``, which lists the keys that are missing and those that are surplus,
    and ``TypeError`` for an object without an avatar.
    """
    from ..display.owners import holder_of

    row = holder_of(obj)
    if row is None:
        raise TypeError(f"assert_avatar_files() takes a row with an avatar, not {obj!r}.")
    fields = _avatar_fields(type(row))
    using = row._state.db or "default"
    missing = _missing(_names_of(row, fields, using))
    surplus = _surplus(fields)
    if missing or surplus:
        raise AssertionError(_message(f"{row._meta.label} {row.pk}", missing, surplus))


def assert_no_litter() -> None:
    """Assert that storage has no file of an avatar which no row names.

    All avatar fields of the project count. Raises ``AssertionError``, which lists the keys.
    """
    from ..columns import avatar_columns

    if surplus := _surplus(avatar_columns()):
        raise AssertionError(_message("Storage", [], surplus))


def _avatar_fields(model: Any) -> list[AvatarColumn]:
    from ..columns import AvatarColumn

    return [field for field in model._meta.concrete_fields if isinstance(field, AvatarColumn)]


def _names_of(row: Any, fields: list[AvatarColumn], using: str) -> dict[str, AvatarColumn]:
    """What the row in the database has, as another request sees it."""
    # Not the default manager, which may hide rows.
    rows = type(row)._base_manager.using(using).filter(pk=row.pk)
    values = rows.values_list(*(field.attname for field in fields)).first() or ()
    return {name: field for name, field in zip(values, fields, strict=False) if name}


def _missing(names: dict[str, AvatarColumn]) -> list[str]:
    from ..lifecycle.settlement import files_of
    from ..storage import base

    found: list[str] = []
    for place, keys in files_of(names):
        with unrecorded(place):
            found += base.missing(place, keys)
    return found


def _surplus(fields: Collection[AvatarColumn]) -> list[str]:
    """The files of avatars in the storages of these fields that no row names."""
    from ..storage import base

    named = named_files()
    places = base.grouped(
        (place, [_folder(field)])
        for field in fields
        for place in (field.storage, field.rendition_storage)
    )
    return sorted(
        key
        for place, folders in places
        for key in _stored(place)
        if key not in named and _is_avatar(key, folders)
    )


def _folder(field: AvatarColumn) -> str:
    """The folder of a field; "" where a function, or the date, chooses it."""
    folder = "" if callable(field.upload_to) else str(field.upload_to).partition("%")[0]
    return f"{folder.rstrip('/')}/" if folder else ""


def _is_avatar(key: str, folders: Collection[str]) -> bool:
    from ..names import group_of

    return group_of(key) is not None or any(key.startswith(each) for each in folders if each)


def _stored(place: Storage) -> list[str]:
    from ..storage.base import adapter_of

    with unrecorded(place):
        return [stored.key for stored in adapter_of(place).walk()]


def named_files() -> set[str]:
    """The keys of all files that rows name, in every database that the test may ask.

    Those of all file fields count, and the thumbnails that easy-thumbnails has recorded.
    """
    from easy_thumbnails.models import Thumbnail

    from ..columns import default_of, file_columns
    from ..names import Name

    columns: list[Any] = [*file_columns(), Thumbnail._meta.get_field("name")]
    found = {default_of(column) for column in file_columns()}
    for name in _values(columns):
        parsed = Name.parse(name)
        found.update(parsed.files if parsed else (name,))
    return found


def _values(columns: list[Any]) -> Iterator[str]:
    from django.db import connections, models

    from ..lifecycle.tables import is_on, is_real

    for using in connections:
        if not is_real(using):
            continue
        try:
            for column in columns:
                if is_on(using, column.model):
                    rows = models.QuerySet(column.model, using=using).order_by()
                    yield from filter(None, rows.values_list(column.attname, flat=True))
        except AssertionError:
            # Django's tests forbid the databases that a test has not asked for.
            continue


@contextmanager
def unrecorded(place: Storage) -> Iterator[None]:
    """What is asked in the block is not among the calls of an isolated storage."""
    calls = getattr(place, "calls", [])
    count = len(calls)
    try:
        yield
    finally:
        del calls[count:]


def _message(what: str, missing: Collection[str], surplus: Collection[str]) -> str:
    from ..lifecycle import changes

    lines = [f"{what}: the files in storage are not those that the rows name."]
    if missing:
        lines += ["Missing:", *(f"  {key}" for key in missing)]
    if surplus:
        lines += ["Surplus, named by no row:", *(f"  {key}" for key in surplus)]
    if changes.undecided() or changes.undone:
        lines.append("Some changes wait for the end of a transaction. Call settle() first.")
    return "\n".join(lines)
