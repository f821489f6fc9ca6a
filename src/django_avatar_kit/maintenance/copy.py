"""Copy avatars from one storage to another: what ``avatar_copy`` does.

    look      which files of an avatar are here, and which there   (one request each on S3)
    fetch     bytes out of the source                              (unless they are there already)
    store     into the destination, and verified
    settle    what was replaced meanwhile is taken back            (asks the database, in batches)
              the source is deleted, where that was asked for

Rows say what there is to copy. Files go through these steps in the order of the rows; where a
storage may be used by several threads, a step is some files ahead of the next one.

What is there already is left alone, so a run that was killed is resumed by running it again.
"""

from __future__ import annotations

import hashlib
import mimetypes
import secrets
from collections import deque
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, wait
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from django.core.files.storage import FileSystemStorage, storages
from django.db import router

from ..columns import AvatarColumn, avatar_columns, default_of, file_columns, may_be_default
from ..conf import get_config
from ..exceptions import StorageError
from ..interruptions import is_interruption
from ..lifecycle import references, tables
from ..names import Name
from ..storage import base as storage
from ..storage import threads as workers
from ..uploads import imaging
from . import build as building

if TYPE_CHECKING:
    from django.core.files.storage import Storage

#: Avatars that the database is asked about at once.
BATCH = 50
#: Items that a step may be ahead of the next one, so that no thread waits for something to do.
AHEAD = 2 * workers.THREADS

Kind = Literal["masters", "renditions"]
Outcome = Literal["copied", "there", "missing", "failed"]


class CannotCopy(Exception):  # noqa: N818 - a name says what is wrong
    """Nothing can be copied in this way; ``str()`` says why and what to do, in a sentence."""


@dataclass(frozen=True, kw_only=True)
class Options:
    #: Aliases in ``STORAGES``.
    source: str
    target: str
    #: Copy these alone.
    only: Kind | None = None
    #: Delete from the source what is verified in the destination.
    delete_source: bool = False
    #: Say what would be done.
    dry_run: bool = False


@dataclass(eq=False, kw_only=True)
class File:
    """A file on its way."""

    avatar: Avatar = field(repr=False)
    key: str
    #: What the source and the destination tell of it without handing it out. None where they do
    #: not have it, or were not asked.
    here: storage.Stored | None = None
    there: storage.Stored | None = None
    #: Whether the source does not have it.
    absent: bool = False
    data: bytes = field(default=b"", repr=False)
    #: Bytes.
    size: int = 0
    #: Whether this run has written it where none was.
    fresh: bool = False
    outcome: Outcome | None = None
    #: Why it is missing, or has failed.
    error: StorageError | None = None

    @property
    def done(self) -> bool:
        return self.outcome is not None

    def end(self, outcome: Outcome, error: StorageError | None = None) -> None:
        self.outcome, self.error, self.data = outcome, error, b""

    def fail(self, error: Exception) -> None:
        if not isinstance(error, StorageError):
            cause, error = error, StorageError(key=self.key, reason=error, action="read")
            error.__cause__ = cause
        self.end("failed", error)


@dataclass(eq=False, kw_only=True)
class Avatar:
    """A row, and those of its files that are to be copied."""

    row: building.Row
    files: list[File] = field(default_factory=list)
    #: The row was given another avatar, or deleted, in the meantime.
    moved: bool = False

    @property
    def is_kits(self) -> bool:
        """Whether its names are the kit's, and so stand for the same bytes for ever."""
        return Name.parse(self.row.key) is not None

    @property
    def arrived(self) -> bool:
        """Whether all of it is verified in the destination."""
        return all(file.outcome in {"copied", "there"} for file in self.files)

    @property
    def done(self) -> bool:
        return all(file.done for file in self.files)

    def fail(self, error: Exception) -> None:
        for file in self.files:
            file.fail(error)


class Copy:
    """From one storage to another. Raises :class:`CannotCopy`.

    ``fields`` are those of the given ones that have something to copy. ``deleted`` counts files
    that are gone from the source, ``undeleted`` those that should be.
    """

    def __init__(self, fields: Iterable[AvatarColumn], options: Options) -> None:
        self.options = options
        self.source = _storage(options.source)
        self.target = _storage(options.target)
        self.deleted = self.undeleted = 0
        if _same(self.source, self.target):
            raise CannotCopy(f"“{options.source}” and “{options.target}” are the same place.")
        self.fields = [each for each in fields if self.kinds_of(each)]
        if not self.fields:
            raise CannotCopy(
                f"No avatar has its {options.only or 'files'} in “{options.source}” or in "
                f"“{options.target}”: see AVATAR_KIT['STORAGE'], AVATAR_KIT['RENDITION_STORAGE'] "
                "and the storages that fields were given."
            )
        # Whether the site has been switched already.
        self._is_live = any(
            _same(place, self.target)
            for each in self.fields
            for place in self._places(each).values()
        )
        if options.delete_source:
            self._check_deletion()
        self._columns = tables.all_file_columns()
        self._avatars = [place for place in self._columns if tables.holds_avatars(place[1])]
        self._others = [place for place in self._columns if place not in self._avatars]
        self._defaults = {default_of(column) for column in file_columns()}

    # --- what there is to copy ---

    def kinds_of(self, field: AvatarColumn) -> set[Kind]:
        """What of a field is to be copied: what the settings have in the destination.

        Where that is nothing, as they are still to be changed, what they have in the source. If
        one kind is to be there, the other one is not: it may be the masters that are private, and
        the renditions that move to a bucket which is not.
        """
        lie = self._places(field)
        there = {kind for kind, place in lie.items() if _same(place, self.target)}
        return there or {kind for kind, place in lie.items() if _same(place, self.source)}

    def _places(self, field: AvatarColumn) -> dict[Kind, Storage]:
        lie: dict[Kind, Storage] = {
            "masters": field.storage,
            "renditions": field.rendition_storage,
        }
        only = self.options.only
        return lie if only is None else {only: lie[only]}

    def _check_deletion(self) -> None:
        """Raise where something may still need what lies in the source."""
        if not get_config().delete_files:
            raise CannotCopy(
                "AVATAR_KIT['DELETE_FILES'] is False: this site deletes no files, since they may "
                "be another site's."
            )
        source, target = self.options.source, self.options.target
        # All of the project's: the same name may be held by a field that is not copied now.
        readers = [
            building.label(field)
            for field in avatar_columns()
            if any(_same(place, self.source) for place in self._places(field).values())
        ]
        if readers:
            raise CannotCopy(
                f"The files in “{source}” are in use by {', '.join(readers)}: switch "
                f"AVATAR_KIT['STORAGE'] (or STORAGES) to “{target}” first."
            )
        if not self.options.dry_run and self._is_one_place():
            raise CannotCopy(
                f"“{source}” and “{target}” are the same place: what is written to one of them is "
                "in the other as well."
            )

    def _is_one_place(self) -> bool:
        """Found out by trying: a bucket may have two addresses, and a folder two paths."""
        key = f"avatar-kit-{secrets.token_hex(16)}.txt"
        probe = storage.Write(
            storage=self.target,
            key=key,
            data=b"Written by avatar_copy, which deletes it at once.",
            content_type="text/plain",
            immutable=False,
        )
        try:
            storage.write_one(probe)
            return not storage.missing(self.source, [key])
        except Exception as error:
            # Whatever a storage may raise.
            if is_interruption(error):
                raise
            raise CannotCopy(f"The storages could not be tried out: {error}") from error
        finally:
            storage.delete(self.target, key)

    # --- the way of a file ---

    def run(self, field: AvatarColumn, using: str | None = None) -> Generator[Avatar, None, None]:
        """Copy the files of every row of a column, in the order of the keys.

        What cannot be copied is logged, and the next one follows. ``using`` is the database alias,
        by default the one the model is written to.
        """
        source, target = storage.is_shared(self.source), storage.is_shared(self.target)
        # Several threads may read files, as long as none of them writes any.
        readable = source or type(self.source) is FileSystemStorage
        with ExitStack() as stack:

            def each(step: Callable[[Item], None], items: Iterable[Item], *, ahead: bool) -> Any:
                return stack.enter_context(closing(_each(partial(_try, step), items, ahead)))

            avatars = self._read(field, using or router.db_for_write(field.model))
            avatars = each(self._look_here, avatars, ahead=source)
            avatars = each(self._look_there, avatars, ahead=target)
            files = (file for avatar in avatars for file in avatar.files)
            files = each(self._fetch, files, ahead=readable)
            files = each(self._store, files, ahead=target)
            complete = (file.avatar for file in files if file is file.avatar.files[-1])
            while batch := list(islice(complete, BATCH)):
                self._settle(batch)
                yield from batch

    def _read(self, field: AvatarColumn, using: str) -> Iterator[Avatar]:
        kinds = self.kinds_of(field)
        seen: set[str] = set()
        for row in building.read(field, using):
            if row.key in seen:
                continue
            if row.key in self._defaults:
                # Any number of rows may have it, and there are not many of these.
                seen.add(row.key)
            name = Name.parse(row.key)
            avatar = Avatar(row=row)
            if "masters" in kinds:
                avatar.files.append(File(avatar=avatar, key=row.key))
            if "renditions" in kinds and name is not None:
                avatar.files += (File(avatar=avatar, key=key) for key in name.renditions)
            if avatar.files:
                yield avatar

    def _look_here(self, avatar: Avatar) -> None:
        if storage.is_shared(self.source):
            found = storage.look(self.source, [file.key for file in avatar.files])
            for file in avatar.files:
                file.here = found.get(file.key)
                file.absent = file.here is None

    def _look_there(self, avatar: Avatar) -> None:
        if storage.is_shared(self.target):
            found = storage.look(self.target, [file.key for file in avatar.files])
        else:
            # Where the source has told what it would hand out, that may not be needed.
            found = storage.look(self.target, [file.key for file in avatar.files if file.here])
            for key in found:
                data = storage.read(self.target, key)
                found[key] = storage.Stored(key, size=len(data), etag=_md5(data))
        for file in avatar.files:
            file.there = found.get(file.key)

    def _fetch(self, file: File) -> None:
        here, there = file.here, file.there
        if here is not None:
            file.size = here.size or 0
            if there is not None and _alike(here, there):
                file.end("there")
                return
            if there is None and self.options.dry_run:
                file.end("copied")
                return
        if file.absent:
            return
        try:
            file.data = storage.read(self.source, file.key)
        except StorageError as error:
            if not storage.is_missing(error.__cause__):
                raise
            file.absent = True
        file.size = len(file.data)

    def _store(self, file: File) -> None:
        there = file.there
        if file.absent or not storage.is_shared(self.target):
            # Another row with the same name may have been copied since, and its source deleted.
            there = storage.look(self.target, [file.key]).get(file.key)
        if file.absent:
            self._do_without(file, there)
        elif there is None:
            self._write(file, fresh=True)
        elif (there.size, there.etag) == (len(file.data), _md5(file.data)):
            file.end("there")
        else:
            self._compare(file)

    def _do_without(self, file: File, there: storage.Stored | None) -> None:
        if there is not None and (there.size or storage.read(self.target, file.key)):
            file.end("there")
        else:
            reason = "it is in neither storage"
            file.end("missing", StorageError(key=file.key, reason=reason, action="read"))

    def _compare(self, file: File) -> None:
        """Replace what is there unless it is the same, or may be the better one."""
        found = storage.read(self.target, file.key)
        if found == file.data:
            file.end("there")
            return
        # A run that was killed has left the beginning of it; or, on its way back, this source.
        cut_off = file.data.startswith(found)
        # Of two that differ, nobody knows which one is damaged: the one on the pages stays.
        doubtful = not file.avatar.is_kits or self._is_live
        if not cut_off and (found.startswith(file.data) or doubtful):
            raise StorageError(
                key=file.key,
                reason=f"“{self.options.target}” has another file under this name, and it may be "
                "the right one",
            )
        if not storage.is_shared(self.target) and not self.options.dry_run:
            # They would write it under another name.
            storage.delete(self.target, file.key)
        self._write(file)

    def _write(self, file: File, *, fresh: bool = False) -> None:
        if not self.options.dry_run:
            # Before the attempt: what timed out may have arrived.
            file.fresh = fresh
            etag = storage.write_one(
                storage.Write(
                    storage=self.target,
                    key=file.key,
                    data=file.data,
                    content_type=_content_type(file.key),
                    immutable=file.avatar.is_kits,
                )
            )
            # Encrypted with a key of one's own, it has an ETag that tells nothing.
            if etag != _md5(file.data) and storage.read(self.target, file.key) != file.data:
                raise StorageError(key=file.key, reason="what has arrived is not what was sent")
        file.end("copied")

    # --- and at its end ---

    def _settle(self, batch: Sequence[Avatar]) -> None:
        """Compare with the rows of this moment, and delete what is to be deleted."""
        doubtful = {
            avatar.row.key
            for avatar in batch
            if self.options.delete_source or any(file.outcome != "there" for file in avatar.files)
        }
        gone = doubtful - self._held(doubtful)
        stray: set[str] = set()
        for avatar in batch:
            avatar.moved = avatar.row.key in gone
            if avatar.moved and not may_be_default(avatar.row.key, avatar.row.field):
                # Nobody else would find it there.
                stray.update(file.key for file in avatar.files if file.fresh)
        storage.delete_all(self.target, sorted(stray))
        if self.options.delete_source and not self.options.dry_run:
            self._delete_source([each for each in batch if each.arrived and not each.moved])

    def _held(self, names: Collection[str]) -> set[str]:
        kits = {name for name in names if Name.parse(name)}
        # A file from before the kit may as well belong to any other file field.
        others = set(names) - kits
        return references.held_in(self._avatars, kits) | references.held_in(self._columns, others)

    def _delete_source(self, avatars: Sequence[Avatar]) -> None:
        """Delete what no row reads there any more: avatars have moved, other files have not."""
        foreign = {avatar.row.key for avatar in avatars if not avatar.is_kits}
        kept = references.held_in(self._others, foreign)
        keys = {
            file.key
            for avatar in avatars
            if avatar.row.key not in kept and not may_be_default(avatar.row.key, avatar.row.field)
            for file in avatar.files
            if not file.absent
        }
        failed = storage.delete_all(self.source, sorted(keys))
        self.deleted += len(keys) - len(failed)
        self.undeleted += len(failed)


Item = TypeVar("Item", Avatar, File)


def _try(step: Callable[[Item], None], item: Item) -> Item:
    """Do a step, unless an earlier one was the last."""
    if not item.done:
        try:
            step(item)
        except Exception as error:
            # Whatever a storage may raise.
            if is_interruption(error):
                raise
            item.fail(error)
    return item


def _each(
    call: Callable[[Item], Item], items: Iterable[Item], ahead: bool
) -> Generator[Item, None, None]:
    """``call`` of each item, in their order: on threads and some ahead, or here and one by one.

    Wherever it ends, nothing goes on.
    """
    if not ahead:
        yield from map(call, items)
        return
    under_way: deque[Future[Item]] = deque()
    try:
        for item in items:
            under_way.append(workers.submit(call, item))
            if len(under_way) > AHEAD:
                yield under_way[0].result()
                under_way.popleft()
        while under_way:
            yield under_way[0].result()
            under_way.popleft()
    finally:
        for future in under_way:
            future.cancel()
        wait(under_way)


def _storage(alias: str) -> Storage:
    if alias not in storages.backends:
        known = ", ".join(f"“{each}”" for each in storages.backends)
        raise CannotCopy(f"STORAGES has no “{alias}”. It has {known}.")
    try:
        return storage.by_alias(alias)
    except Exception as error:
        # Whatever a storage may raise when it is made.
        if is_interruption(error):
            raise
        raise CannotCopy(f"The storage “{alias}” cannot be made: {error}") from error


def _same(one: Storage, other: Storage) -> bool:
    """Whether two storages are known to be the same place."""
    both = set(storage.locations(one)).intersection(storage.locations(other))
    return one is other or bool(both)


def _alike(one: storage.Stored, other: storage.Stored) -> bool:
    """Whether two files are known to have the same bytes."""
    return bool(one.etag) and (one.size, one.etag) == (other.size, other.etag)


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def _content_type(key: str) -> str:
    # Of these, not every Python knows.
    extension = PurePosixPath(key).suffix[1:].lower().replace("jpg", "jpeg")
    if extension in imaging.SAVE_OPTIONS:
        return f"image/{extension}"
    return mimetypes.guess_type(key)[0] or "application/octet-stream"
