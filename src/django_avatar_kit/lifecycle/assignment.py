"""From what was assigned to stored files, and to the name that a row is given.

commit    an upload → files under a new name          (before the row is written; no lock held)
claim     a name → the same, if its files stay        (in the transaction of the row)
watch     what a statement does to the column         (judged when its transaction has ended)
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any, cast

from django.apps import apps
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.utils import validate_file_name
from django.db import connections
from django.db.models import Model

from .. import pipeline, recutting
from ..columns import STATE, AvatarColumn, may_be_default
from ..exceptions import AvatarReplaced, NotAFile, StaleName, StorageError
from ..names import Name
from ..storage.base import adapter_of, missing
from . import bulk_create, changes
from .changes import Change
from .descriptor import field_file
from .instance_state import Generated, column_state, is_assigned, state_of
from .locking import lock_holder
from .settlement import files_of, settle_committed

if TYPE_CHECKING:
    from django.core.files.base import File
    from django.db.backends.base.base import BaseDatabaseWrapper

    from ..pipeline import Cut
    from ..uploads.imaging import Picture
    from .field_file import AvatarFile

logger = logging.getLogger(__name__)

#: What a URL, and a picture inside a URL, begins with.
_URL = re.compile(r"(?:[a-z][a-z0-9+.-]*:)?//|data:", re.IGNORECASE)


def refuse_foreign_name(name: str) -> None:
    """Raise where a text that was assigned cannot be the name of a file in a storage.

    Raises :class:`~django_avatar_kit.exceptions.NotAFile` for URLs and for paths that lead out.
    """
    try:
        validate_file_name(name, allow_relative_path=True)
    except SuspiciousFileOperation as error:
        raise NotAFile(value=name) from error
    if _URL.match(name):
        raise NotAFile(value=name)


def restore_refused(instance: Model, field: AvatarColumn) -> None:
    """Where what was assigned can be no avatar, the instance has that of its row again."""
    try:
        field_file(field, instance, instance.__dict__.get(field.attname))
    except NotAFile:
        _set_name(instance, field, column_state(instance, field).in_row)


def name_on(instance: Model, field: AvatarColumn) -> str:
    """The name that the instance has, "" without an avatar."""
    return getattr(instance, field.attname).name or ""


def _set_name(instance: Model, field: AvatarColumn, name: str) -> None:
    instance.__dict__[field.attname] = field.attr_class(instance, field, name or None)


def receive(file: AvatarFile) -> Picture:
    """The picture of an upload that is not stored yet."""
    upload = cast("File[Any]", file._file)
    return pipeline.receive(upload, file.field, file._crop, filename=file.name)


def commit(instance: Model, field: AvatarColumn, using: str) -> None:
    """Encode and write an upload; write one again whose transaction was rolled back.

    ``using`` is the alias of the database that the row is to be in.
    """
    file: AvatarFile = getattr(instance, field.attname)
    state = column_state(instance, field)
    sources: tuple[str, ...] = ()
    if (master := file.recrops) is not None:
        cut = _recrop(instance, file, master, using)
        sources = _sources(instance, file, str(master))
    elif file.uncommitted:
        cut, sources = pipeline.cut(receive(file), field.spec), file._over
    elif (made := state.made(file.name)) and made.undone:
        cut, sources = made.cut, made.sources
    else:
        if file.name and is_assigned(instance, field):
            refuse_foreign_name(file.name)
        return
    key = pipeline.store(cut, field, instance, using)
    if state.generated is not None:
        state_of(instance).orphaned.append(state.generated)
    state.generated = Generated(field=field, name=key, cut=cut, sources=sources)
    state.assigned = True
    file.become(name=key, _file=None, _committed=True, _crop=None, _over=())


def _recrop(instance: Model, file: AvatarFile, master: Name, using: str) -> Cut:
    try:
        return recutting.recrop(master, file.field, file._crop)
    except StorageError as error:
        # Its files go soon after it has been replaced.
        rows = type(instance)._base_manager.using(using)
        if rows.filter(**{file.field.name: str(master)}).exists():
            raise
        raise AvatarReplaced from error


def _sources(instance: Model, file: AvatarFile, master: str) -> tuple[str, ...]:
    """The avatars one of which the row must hold for a crop of ``master``; empty for any."""
    if cast("AvatarFile", file._file).instance != instance:
        # The avatar of another row.
        return ()
    before = column_state(instance, file.field).made(master)
    if before is None or (before.change is not None and before.change.committed):
        return (master,)
    # Written in a transaction that may be rolled back: the row has what it had before it, then.
    return (master, *before.sources) if before.sources else ()


def queue_unsaved(instance: Model, using: str) -> None:
    """After a save: queue the files that were written, and of which no transaction knows."""
    state = state_of(instance)
    made = [*state.orphaned, *(c.generated for c in state.columns.values() if c.generated)]
    for each in made:
        if each.change is None:
            each.change = Change(using=using, field=each.field, new=each.name, generated=True)
            changes.undo(each.change)
    state.orphaned.clear()


def watch(
    instance: Model, field: AvatarColumn, using: str, *, old: str, certain: bool = True
) -> None:
    """Register what a statement of the open transaction does to this column."""
    new = name_on(instance, field)
    state = column_state(instance, field)
    change = Change(using=using, field=field, instance=instance, old=old, new=new, certain=certain)
    if made := state.made(new):
        made.change = change
        change.generated = True
    state.changes.append(change)
    register(change)


def register(change: Change) -> None:
    """Have a change judged when it is known how its statement has ended."""
    connection = connections[change.using]
    if connection.in_atomic_block:
        changes.watch(change, settle_committed)
    else:
        # Autocommit. A hook would run now, before the statement: that of bulk_create(), or what
        # follows a pre_delete that a site has sent itself.
        bulk_create.insertion(change.field.model, connection).changes.append(change)


def claim(instance: Model, field: AvatarColumn, using: str, *, otherwise: str) -> None:
    """Make sure that the files of a name stay while a row is given it.

    A name whose files this instance did not write belongs to another row, which is locked. If no
    row holds it, its files are gone or about to go: the instance gets ``otherwise``.
    """
    name = name_on(instance, field)
    made = column_state(instance, field).made(name)
    if state_of(instance).raw or (made and made.stands(using)):
        return
    if name != otherwise and not may_hold(name, field, using):
        logger.warning("“%s” belongs to no row any more, and is not given to %s.", name, field)
        _set_name(instance, field, otherwise)


def refuse_replaced(instance: Model, field: AvatarColumn, *, held: str) -> None:
    """Raise ``AvatarReplaced`` if the locked row holds what this must not be put in place of."""
    made = column_state(instance, field).made(name_on(instance, field))
    if made is not None and made.sources and held not in made.sources:
        raise AvatarReplaced


def claim_raw(instance: Model, field: AvatarColumn, using: str, *, held: str) -> None:
    """The same for a fixture or an old version that is written over a row which is there.

    It may name what the row has long replaced. A name that no row holds is written only if its
    files are there; else the row keeps what it has. (A row that is made by a fixture has nothing
    to keep, and its files may be brought along later.) Raises
    :class:`~django_avatar_kit.exceptions.NotAFile` for a name that no storage can have.
    """
    name = name_on(instance, field)
    if name in ("", held) or may_be_default(name, field) or lock_holder(name, field, using):
        return
    refuse_foreign_name(name)
    if not any(missing(*each) for each in files_of({name: field})):
        return
    logger.warning("The files of “%s” are gone; %s keeps what it has.", name, field)
    _set_name(instance, field, held)


def may_hold(name: str, field: AvatarColumn, using: str) -> bool:
    """Whether the files of a name stay while a row is given it; locks a row that holds it.

    Raises :class:`~django_avatar_kit.exceptions.NotAFile` for what no storage can have.
    """
    if (
        may_be_default(name, field)
        # A data migration knows what it does, and today's models may not have tables yet.
        or field.model._meta.apps is not apps
        or lock_holder(name, field, using)
        or changes.is_removed(name, using)
    ):
        return True
    if Name.parse(name) is not None:
        return False
    # A file from before the kit need not be held by any row so far.
    refuse_foreign_name(name)
    return adapter_of(field.storage).exists(name)


# --- statements that call no save() -----------------------------------------------------------


def name_for_statement(
    instance: Any, field: AvatarColumn, name: str, connection: BaseDatabaseWrapper, inserting: bool
) -> str:
    """The name that a statement writes. Raises ``StaleName`` where its files do not stay."""
    if inserting:
        return _name_for_insert(instance, field, connection)
    if isinstance(instance, Model) and STATE in instance.__dict__:
        state = state_of(instance)
        if state.raw or state.using is not None:
            # save() has claimed it.
            return name
    # update() and bulk_update().
    if not may_hold(name, field, connection.alias):
        raise StaleName(name=name)
    return name


def is_inserting(instance: Any, field: AvatarColumn) -> bool:
    """Whether a ``bulk_create()`` has just asked for the value of this instance."""
    if not isinstance(instance, Model) or STATE not in instance.__dict__:
        return False
    state = column_state(instance, field)
    asked, state.inserting = state.inserting, False
    return asked


def _name_for_insert(instance: Model, field: AvatarColumn, connection: BaseDatabaseWrapper) -> str:
    """The name for a row that ``bulk_create()`` is about to make."""
    name = name_on(instance, field)
    made = column_state(instance, field).made(name)
    if made and made.change is None:
        watch(instance, field, connection.alias, old="", certain=False)
    claim(instance, field, connection.alias, otherwise="")
    if not name_on(instance, field):
        bulk_create.insertion(field.model, connection).dropped[field.column] = name
    return name_on(instance, field)
