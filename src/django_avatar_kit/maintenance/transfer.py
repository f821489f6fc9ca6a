"""The transfer of files between two storages: absent? read, write, verify.

    list      what the source and the target have of an avatar   (one request each on S3)
    fetch     the bytes of a file from the source                (not where both listings agree)
    store     into the target where it is absent, and verified

A step runs on the pool of threads where its storage allows that, up to ``AHEAD`` items ahead of
the next step. Nothing here asks the database: which files there are is known from ``copy``.
"""

from __future__ import annotations

import hashlib
import mimetypes
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, wait
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Literal, TypeAlias

from django.core.files.storage import FileSystemStorage, Storage

from ..exceptions import StorageError
from ..formats import media_type_of, with_extension
from ..interruptions import is_interruption
from ..names import Name
from ..storage import base as storage
from ..storage import threads as pool

if TYPE_CHECKING:
    from .avatars import Row

#: Items that a step may be ahead of the next one, so that no thread is idle.
AHEAD = 2 * pool.THREADS

Outcome = Literal["copied", "there", "missing", "failed"]


@dataclass(eq=False, kw_only=True)
class CopiedAvatar:
    """A row, and those of its files that are to be copied."""

    row: Row
    files: Files = field(default_factory=list)
    #: Whether the row has been given another avatar, or was deleted, since it was read.
    has_changed: bool = False

    @property
    def is_kit_named(self) -> bool:
        """Whether the kit has generated its names: each stands for the same bytes for ever."""
        return Name.parse(self.row.key) is not None


@dataclass(eq=False, kw_only=True)
class CopiedFile:
    """A file of an avatar, and how far it has come."""

    avatar: CopiedAvatar = field(repr=False)
    key: str
    #: What a listing tells of it; None where it is absent, or was not listed.
    in_source: storage.Stored | None = None
    in_target: storage.Stored | None = None
    #: Whether the source is known not to have it.
    is_absent: bool = False
    data: bytes = field(default=b"", repr=False)
    #: Bytes.
    size: int = 0
    #: Whether this run may have written it where there was none.
    is_new: bool = False
    #: None while it is on its way.
    outcome: Outcome | None = None
    #: Why it is missing or has failed.
    error: StorageError | None = None

    def end(self, outcome: Outcome, error: StorageError | None = None) -> None:
        self.outcome, self.error, self.data = outcome, error, b""


#: What a step works on: all files of an avatar, or one of them.
Files: TypeAlias = "list[CopiedFile]"


@dataclass(frozen=True, kw_only=True)
class Transfer:
    """From one storage to another."""

    source: Storage
    target: Storage
    #: The target in messages.
    title: str
    #: Whether pages show the files of the target already.
    is_live: bool
    #: Write nothing, and find out what would be copied.
    dry_run: bool

    def run(self, avatars: Iterable[CopiedAvatar]) -> Generator[CopiedAvatar, None, None]:
        """Copy the files of the avatars, which are yielded in the same order with their outcomes.

        A file that cannot be copied has failed, and the next one follows. What somebody else
        raises meanwhile, such as the time limit of a task, comes through. At the end, be it by an
        exception or by ``close()``, nothing goes on in any thread.
        """
        source, target = (
            storage.adapter_of(self.source).is_shared,
            storage.adapter_of(self.target).is_shared,
        )
        # Threads may read from the file system, as nothing else writes there meanwhile.
        readable = source or type(self.source) is FileSystemStorage
        items: Iterator[Files] = (avatar.files for avatar in avatars)
        with ExitStack() as stack:
            for step, threads in ((self._list_source, source), (self._list_target, target)):
                items = stack.enter_context(closing(_in_order(step, items, threads=threads)))
            items = ([file] for files in items for file in files)
            for step, threads in ((self._fetch, readable), (self._store, target)):
                items = stack.enter_context(closing(_in_order(step, items, threads=threads)))
            for (file,) in items:
                if file is file.avatar.files[-1]:
                    yield file.avatar

    def _list_source(self, files: Files) -> None:
        if storage.adapter_of(self.source).is_shared:
            found = storage.adapter_of(self.source).look([file.key for file in files])
            for file in files:
                file.in_source = found.get(file.key)
                file.is_absent = file.in_source is None

    def _list_target(self, files: Files) -> None:
        if storage.adapter_of(self.target).is_shared:
            found = storage.adapter_of(self.target).look([file.key for file in files])
        else:
            # To spare requests to the source, where that has told the MD5 of what it has.
            found = storage.adapter_of(self.target).look(
                [file.key for file in files if file.in_source]
            )
            for key in found:
                found[key] = _stored(key, storage.read(self.target, key))
        for file in files:
            file.in_target = found.get(file.key)

    def _fetch(self, files: Files) -> None:
        (file,) = files
        listed = file.in_source
        file.size = (listed and listed.size) or 0
        if _are_alike(listed, file.in_target):
            file.end("there")
        elif listed and not file.in_target and self.dry_run:
            file.end("copied")
        elif not file.is_absent:
            try:
                file.data = storage.read(self.source, file.key)
            except StorageError as error:
                if not storage.is_missing(error.__cause__):
                    raise
                file.is_absent = True
            file.size = len(file.data)

    def _store(self, files: Files) -> None:
        (file,) = files
        found = file.in_target
        if file.is_absent or not storage.adapter_of(self.target).is_shared:
            # Another row with the same name may have been copied since, and its source deleted.
            found = storage.adapter_of(self.target).look([file.key]).get(file.key)
        if file.is_absent:
            # An empty file is what a full disk or a killed process leaves.
            if found is not None and (found.size or storage.read(self.target, file.key)):
                file.end("there")
            else:
                reason = "it is in neither storage"
                file.end("missing", StorageError(key=file.key, reason=reason, action="read"))
        elif found is None:
            self._write(file, is_new=True)
        elif _are_alike(_stored(file.key, file.data), found):
            file.end("there")
        else:
            self._compare(file)

    def _compare(self, file: CopiedFile) -> None:
        """Replace what is in the target, unless it is the same or may be the undamaged file."""
        found = storage.read(self.target, file.key)
        if found == file.data:
            return file.end("there")
        # The beginning of a file is what a killed run has left: in the target, or in the source
        # where this run copies back from there.
        is_cut_off = file.data.startswith(found)
        # Nobody knows which of two files is damaged, so the one on the pages stays.
        is_doubtful = not file.avatar.is_kit_named or self.is_live
        if not is_cut_off and (is_doubtful or found.startswith(file.data)):
            reason = f"{self.title} has another file under this name, and it may be the right one"
            raise StorageError(key=file.key, reason=reason)
        if not storage.adapter_of(self.target).is_shared and not self.dry_run:
            # Django's storages write under another name where one is taken.
            storage.delete_all(self.target, [file.key])
        return self._write(file)

    def _write(self, file: CopiedFile, *, is_new: bool = False) -> None:
        if not self.dry_run:
            # Set before the attempt, since a request that timed out may have arrived.
            file.is_new = is_new
            write = storage.Write(
                storage=self.target,
                key=file.key,
                data=file.data,
                content_type=_content_type(file.key),
                immutable=file.avatar.is_kit_named,
            )
            etag = storage.write_one(write)
            md5 = _stored(file.key, file.data).etag
            # S3's ETag is no MD5 for objects that are encrypted with a key of the site's own.
            if etag != md5 and storage.read(self.target, file.key) != file.data:
                raise StorageError(key=file.key, reason="what has arrived is not what was sent")
        file.end("copied")


def _in_order(
    step: Callable[[Files], None], items: Iterable[Files], *, threads: bool
) -> Generator[Files, None, None]:
    """Do a step with each item, and yield them in their order: on threads, or one by one here."""
    call = partial(_try, step)
    if not threads:
        yield from map(call, items)
        return
    under_way: deque[Future[Files]] = deque()
    try:
        for item in items:
            under_way.append(pool.submit(call, item))
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


def _try(step: Callable[[Files], None], files: Files) -> Files:
    """Do a step with those of the files that are still on their way; if it fails, they have."""
    pending = [file for file in files if file.outcome is None]
    try:
        if pending:
            step(pending)
    except Exception as error:
        # Whatever a storage may raise.
        if is_interruption(error):
            raise
        for file in pending:
            known = error
            if not isinstance(known, StorageError):
                known = StorageError(key=file.key, reason=error, action="read")
                known.__cause__ = error
            file.end("failed", known)
    return files


def _stored(key: str, data: bytes) -> storage.Stored:
    """What a listing of S3 would tell of a file with these bytes."""
    md5 = hashlib.md5(data, usedforsecurity=False)
    return storage.Stored(key, size=len(data), etag=md5.hexdigest())


def _are_alike(one: storage.Stored | None, other: storage.Stored | None) -> bool:
    """Whether two files are known to have the same bytes."""
    if not one or not other or not one.etag:
        return False
    return (one.size, one.etag) == (other.size, other.etag)


def _content_type(key: str) -> str:
    # Python 3.10 does not know all of the kit's formats.
    if known := with_extension(PurePosixPath(key).suffix[1:].lower()):
        return media_type_of(known)
    return mimetypes.guess_type(key)[0] or "application/octet-stream"
