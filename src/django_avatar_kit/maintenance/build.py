"""Bring stored avatars up to date: what ``avatar_build`` does, one row at a time.

    reason_to_build   row → why it has to be built, if it has to
    adopt             a file from before the kit → a kit avatar
    recutting.recut   a kit avatar → the same master with other renditions
    replace_name      the new name into the row, if the row still holds the old one

The name in a row says for which settings its files were made. So a run that was killed is resumed
by running it again, and two runs at once do no harm. No lock is held while files are written: if a
user uploads meanwhile, the upload stays and the new files are deleted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Literal, NamedTuple

from .. import pipeline, recutting
from ..columns import AvatarColumn, default_of, may_be_default
from ..interruptions import is_interruption
from ..lifecycle import settlement
from ..names import Name
from ..storage import base as storage
from ..uploads import geometry
from .adoption import FileGone, adopt, replace_name
from .avatars import Row, read, unchanged
from .parallel import side_by_side

if TYPE_CHECKING:
    from ..specs import Spec


class Result(NamedTuple):
    """What became of a row."""

    row: Row
    #: Why it had to be built, for people; "" for a row that is up to date.
    reason: str
    #: What went wrong; the row is as it was.
    error: Exception | None
    #: Whether the row was given another avatar, or deleted, while it was being built.
    superseded: bool

    @property
    def action(self) -> Literal["adopt", "rebuild"]:
        """What had to be done with the row, if anything."""
        return "rebuild" if Name.parse(self.row.key) else "adopt"

    @property
    def outcome(self) -> Literal["failed", "superseded", "up to date", "adopt", "rebuild"]:
        if self.error is not None:
            return "failed"
        if self.superseded:
            return "superseded"
        return self.action if self.reason else "up to date"


def build(
    field: AvatarColumn,
    using: str | None = None,
    *,
    force: bool = False,
    before: datetime | None = None,
    check_files: bool = True,
    dry_run: bool = False,
    jobs: int = 1,
) -> Iterator[Result]:
    """Bring every row of a column up to date, in the order of the primary keys.

    ``force`` builds again what is up to date, too, if it was stored ``before`` an aware time.
    ``check_files`` asks the storage for every file that a name lists, instead of believing the
    name. ``dry_run`` reads and encodes, but writes nothing. ``using`` is the database alias, by
    default the one that the model is written to. ``jobs`` rows are built at a time.

    If a row cannot be built, its result has the error, and the next row follows. An interruption,
    such as the time limit of a task, ends the run.
    """
    return build_rows(
        read(field, using),
        force=force,
        before=before,
        check_files=check_files,
        dry_run=dry_run,
        jobs=jobs,
    )


def build_rows(
    rows: Iterable[Row],
    *,
    force: bool = False,
    before: datetime | None = None,
    check_files: bool = True,
    dry_run: bool = False,
    jobs: int = 1,
) -> Iterator[Result]:
    """The same for certain rows."""
    build_one = partial(
        build_row, force=force, before=before, check_files=check_files, dry_run=dry_run
    )
    return side_by_side(build_one, rows, jobs)


def build_row(
    row: Row, *, force: bool, before: datetime | None, check_files: bool, dry_run: bool
) -> Result:
    """The same for one row."""
    reason, superseded, failure = "", False, None
    try:
        reason = reason_to_build(row, force=force, before=before, check_files=check_files)
        superseded = bool(reason) and not carry_out(row, force=force, dry_run=dry_run)
    except Exception as error:
        # Whatever storages, codecs and databases raise: the other rows are still to be built.
        if is_interruption(error):
            raise
        superseded = not unchanged(row).exists()
        failure = None if superseded else error
    return Result(row, reason, failure, superseded)


def reason_to_build(row: Row, *, force: bool, before: datetime | None, check_files: bool) -> str:
    """Why a row has to be built, for people; "" if it is up to date or may show a default.

    Raises :class:`~.adoption.FileGone` if the master is missing: there is nothing to build from.
    """
    # default_of() as well: what a callable picks now may be named like an avatar.
    if row.key == default_of(row.field) or may_be_default(row.key, row.field):
        return ""
    missing: list[str] = []
    if check_files:
        by_storage = settlement.files_of({row.key: row.field})
        missing = [key for place, keys in by_storage for key in storage.missing(place, keys)]
    name = Name.parse(row.key)
    if row.key in missing:
        is_shown = name is not None and not set(name.renditions).issubset(missing)
        raise FileGone(key=row.key, is_shown=is_shown)
    if name is None:
        return "from before the kit"
    reasons = list(_differences(name, row.field.spec))
    if missing:
        reasons.append(f"missing {', '.join(missing)}")
    if not reasons and force and (before is None or _written_at(row) < before):
        reasons.append("forced")
    return ", ".join(reasons)


def _written_at(row: Row) -> datetime:
    return storage.written_at(row.field.storage, row.key)


def _differences(name: Name, spec: Spec) -> Iterator[str]:
    """How a name differs from what would be made of its files with today's settings."""
    if recutting.has_other_fit(name, spec):
        yield f"fit {spec.fit}"
    sizes = geometry.ladder(spec.sizes, recutting.available_side(name, spec))
    formats = tuple(dict.fromkeys(spec.formats))
    for what, old, new in (("sizes", name.sizes, sizes), ("formats", name.formats, formats)):
        if old != new:
            yield f"{what} {' '.join(map(str, old))} become {' '.join(map(str, new))}"


def carry_out(row: Row, *, force: bool, dry_run: bool) -> bool:
    """Write new files and their name into the row; False if the row has changed meanwhile.

    A dry run does everything but the writing, so that it finds what would fail.
    """
    # The whole instance, as a callable upload_to is called with it.
    instance = unchanged(row).first()
    if instance is None:
        return False
    if (name := Name.parse(row.key)) is None:
        cut = adopt(row.key, row.field)
    else:
        cut = recutting.recut(name, row.field, copy=not force)
    if dry_run:
        pipeline.key_for(cut, row.field, instance, row.using)
        return True
    return replace_name(row, instance, pipeline.store(cut, row.field, instance, row.using))
