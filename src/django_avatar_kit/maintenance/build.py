"""Bring stored avatars up to date: what ``avatar_build`` does, one row at a time.

    plan      row → what is to be done, and why       (reads the name, asks storage what is there)
    adopt     a file from before the kit → a kit avatar
    recut     a kit avatar → the same one with other renditions, under a new token
    _swap     the new name into the row, if it still holds the old one

The name tells whether a row is done, so a run that was killed is resumed by running it again, and
two runs at once are as good as one. Files are written while no lock is held; a user who uploads
meanwhile wins.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Literal

from django.db import models, transaction

from .. import pipeline
from ..columns import AvatarColumn, default_of, default_varies, may_be_default
from ..exceptions import AvatarError, StorageError
from ..interruptions import is_interruption
from ..lifecycle import changes
from ..lifecycle.deletion import files_of
from ..lifecycle.field_file import field_file
from ..lifecycle.locking import lock_row, write_name
from ..lifecycle.rollback import drain
from ..lifecycle.settlement import settle_committed
from ..names import Name
from ..specs import Limits, Spec
from ..storage import base as storage
from ..uploads import imaging
from .avatars import Row, read, unchanged

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..names import Box

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Options:
    #: Build again what is up to date, too, ...
    force: bool = False
    #: ... but only what was stored before this moment.
    before: datetime | None = None
    #: Ask storage for every file that a name lists; without, the name is believed.
    check_files: bool = True
    #: Say what would be done.
    dry_run: bool = False


@dataclass(frozen=True, kw_only=True)
class Plan:
    action: Literal["adopt", "rebuild"]
    #: In words.
    reason: str


@dataclass(frozen=True, kw_only=True)
class Result:
    """What became of a row."""

    row: Row
    #: None for a row that is up to date.
    plan: Plan | None = None
    #: What went wrong; the row is as it was.
    error: Exception | None = None
    #: The row was given another avatar, or deleted, in the meantime.
    moved: bool = False

    @property
    def is_spared(self) -> bool:
        """Whether the file is from before the kit and left alone, as it may be a default."""
        done = self.plan is not None or self.error is not None or self.moved
        return not done and Name.parse(self.row.key) is None and default_varies(self.row.field)


def build(
    field: AvatarColumn, using: str | None = None, options: Options | None = None
) -> Iterator[Result]:
    """Bring every row of a column up to date, in the order of the keys.

    A row that cannot be built is told in its result, and the next one follows. What somebody else
    has raised meanwhile, as a time limit of a task, ends it. ``using`` is the database alias, by
    default the one the model is written to.
    """
    options = options or Options()
    for row in read(field, using):
        plan: Plan | None = None
        try:
            plan = make_plan(row, options)
            moved = plan is not None and not carry_out(row, options)
        except Exception as error:
            if is_interruption(error):
                raise
            # Of a million rows, one has a file that nobody foresaw.
            if unchanged(row).exists():
                result = Result(row=row, plan=plan, error=error)
            else:
                result = Result(row=row, plan=plan, moved=True)
        else:
            result = Result(row=row, plan=plan, moved=moved)
        yield result


def make_plan(row: Row, options: Options) -> Plan | None:
    """What is to be done; None for a row that is up to date, and for one that may show a default.

    Raises :class:`~django_avatar_kit.exceptions.StorageError` where the master is missing: there
    is nothing to build from.
    """
    name = Name.parse(row.key)
    if row.key == default_of(row.field) or may_be_default(row.key, row.field):
        return None
    lost = _lost(row) if options.check_files else []
    if row.key in lost:
        raise StorageError(key=row.key, reason="there is no such file", action="read")
    if name is None:
        return Plan(action="adopt", reason="from before the kit")
    reasons = list(_differences(name, row.field))
    if lost:
        reasons.append(f"missing {', '.join(lost)}")
    if not reasons and options.force and _is_before(row, options.before):
        reasons = ["forced"]
    return Plan(action="rebuild", reason=", ".join(reasons)) if reasons else None


def _lost(row: Row) -> list[str]:
    """Those of the row's files that are not there."""
    places = storage.grouped(files_of(row.key, row.field))
    return [key for place, keys in places for key in storage.missing(place, keys)]


def _differences(name: Name, field: AvatarColumn) -> Iterator[str]:
    """In what a name is not what the field would make of its master today."""
    spec = field.spec
    if _refitted(name, spec):
        yield f"fit {spec.fit}"
    if name.sizes != (sizes := imaging.ladder(spec.sizes, _side(name, spec))):
        yield f"sizes {_list(name.sizes)} become {_list(sizes)}"
    if name.formats != (formats := tuple(dict.fromkeys(spec.formats))):
        yield f"formats {_list(name.formats)} become {_list(formats)}"


def _list(values: Iterable[Any]) -> str:
    return " ".join(map(str, values))


def _refitted(name: Name, spec: Spec) -> bool:
    if name.crop is None:
        return name.fit != spec.fit
    # A box says nothing of fit, and a square one looks the same in both. Two sides that were
    # rounded may differ by a pixel.
    _x, _y, width, height = name.crop
    return spec.fit == "cover" and abs(width - height) > 1


def _side(name: Name, spec: Spec) -> int:
    """The side in px of the largest square that can be had."""
    own = _master_side(name, spec)
    return own if _refitted(name, spec) else max(own, name.sizes[-1])


def _master_side(name: Name, spec: Spec) -> int:
    """The side in px of the square that the master has."""
    _x, _y, width, height = name.crop or (0, 0, name.width, name.height)
    return max(width, height) if spec.fit == "contain" else min(width, height)


def _is_before(row: Row, moment: datetime | None) -> bool:
    return moment is None or storage.written_at(row.field.storage, row.key) < moment


def carry_out(row: Row, options: Options) -> bool:
    """Write new files and put their name into the row; False where that has changed meanwhile.

    A dry run goes as far as it can without writing: whoever asks for one wants to know what fails.
    """
    # A callable upload_to is given the row.
    instance = unchanged(row).first()
    if instance is None:
        return False
    name = Name.parse(row.key)
    if name is None:
        cut = adopt(row.key, row.field)
    else:
        cut = recut(name, row.field, afresh=options.force)
    if options.dry_run:
        pipeline.key_for(cut, row.field, instance, row.using)
        return True
    return _swap(row, instance, pipeline.store(cut, row.field, instance, row.using))


def adopt(key: str, field: AvatarColumn) -> pipeline.Cut:
    """Make a kit avatar of a stored file that is none, as if it were uploaded now."""
    try:
        file = field.storage.open(key)
        # Some fetch it only now.
        file.seek(0)
    except Exception as error:
        # Whatever a storage may raise.
        if storage.is_missing(error):
            reason = "there is no such file"
            raise StorageError(key=key, reason=reason, action="read") from error
        if is_interruption(error):
            raise
        raise StorageError(key=key, reason=error, action="read") from error
    with file:
        picture = pipeline.receive(file, field, filename=PurePosixPath(key).name)
    return pipeline.cut(picture, field.spec)


def recut(name: Name, field: AvatarColumn, *, afresh: bool = False) -> pipeline.Cut:
    """The same master, crop and colour, with the renditions that the field asks for today.

    They are cut from the master, or from the largest rendition where that has more pixels, as
    with a panorama. ``afresh`` encodes that one again, too, instead of copying it. Raises
    ``StorageError`` where the master cannot be read.
    """
    spec = field.spec
    master = imaging.Encoded(
        data=storage.read(field.storage, str(name)),
        format="jpeg" if name.ext == "jpg" else name.ext,
        size=0,
        width=name.width,
        height=name.height,
    )
    crop, color = name.crop, name.color
    renditions = None
    if _side(name, spec) > _master_side(name, spec):
        renditions = _from_rendition(name, field, spec, afresh=afresh)
    if renditions is None:
        picture = _decode(master.data, str(name), spec, (name.width, name.height), crop)
        renditions = imaging.encode_renditions(picture, spec)
        if _refitted(name, spec):
            whole = replace(spec, master_side=max(name.width, name.height))
            crop = imaging.master_crop(picture, whole)
            color = imaging.average_color(picture, spec)
    return pipeline.Cut(master=master, renditions=renditions, crop=crop, fit=spec.fit, color=color)


def _from_rendition(
    name: Name, field: AvatarColumn, spec: Spec, *, afresh: bool
) -> tuple[imaging.Encoded, ...] | None:
    """Renditions cut from the largest one there is; None where it cannot be used."""
    size = name.sizes[-1]
    # Already a square, padded where it had to be.
    spec = replace(spec, fit="cover")
    # A JPEG has lost its transparency.
    for format_ in sorted(name.formats, key="jpeg".__eq__):
        key = name.rendition(size, format_)
        try:
            data = storage.read(field.rendition_storage, key)
            picture = _decode(data, key, spec, (size, size), None)
        except AvatarError as error:
            logger.warning("Cannot rebuild from “%s”: %s", key, error)
            continue
        return tuple(
            # Not a copy of a copy, where the copy will do.
            replace(new, data=data)
            if (new.size, new.format) == (size, format_) and not afresh
            else new
            for new in imaging.encode_renditions(picture, spec)
        )
    return None


def _decode(
    data: bytes, key: str, spec: Spec, size: tuple[int, int], crop: Box | None
) -> imaging.Picture:
    """One of the kit's own files, whatever may be uploaded today."""
    return imaging.load(
        io.BytesIO(data),
        filename=PurePosixPath(key).name,
        limits=Limits(max_pixels=size[0] * size[1], formats=tuple(imaging.SAVE_OPTIONS)),
        # The master itself is not made again: as few pixels as the renditions need.
        spec=replace(spec, master_side=1),
        crop=crop,
    )


def _swap(row: Row, instance: models.Model, key: str) -> bool:
    """Put a new name into the row if it still holds the old one; if not, the new files go."""
    field, using = row.field, row.using
    # What the signal that follows the commit shows.
    instance.__dict__[field.attname] = field_file(field, instance, key)
    change = changes.Change(
        using=using, field=field, instance=instance, old=row.key, new=key, generated=True
    )
    try:
        with transaction.atomic(using=using):
            if lock_row(field.model, row.pk, [field], using) == (row.key,):
                changes.watch(change, settle_committed)
                write_name(field.model, row.pk, field, key, using)
    finally:
        if change.hook is None:
            # Never part of a transaction.
            changes.undo(change)
        drain()
    return change.hook is not None
