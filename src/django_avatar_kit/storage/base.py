"""What the other rooms do with storages: write all or nothing, delete, read, make URLs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from django.core.files.storage import Storage, storages
from django.core.signals import setting_changed
from django.utils.timezone import get_default_timezone, is_naive, make_aware

from ..exceptions import StorageError
from ..interruptions import is_interruption
from ..lazy import unwrap
from . import s3
from .adapter import Adapter
from .adapter import Stored as Stored  # noqa: PLC0414 - for the other rooms, as the next three
from .errors import is_missing as is_missing  # noqa: PLC0414
from .listing import above as above  # noqa: PLC0414
from .listing import is_behind_link as is_behind_link  # noqa: PLC0414
from .threads import side_by_side

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Write:
    """One file to be written into a storage."""

    storage: Storage
    key: str
    data: bytes
    content_type: str
    #: Whether nothing else is ever written under this key, as under those of the kit.
    immutable: bool = True


# Every avatar on a page asks for it.
@cache
def by_alias(alias: str) -> Storage:
    """The storage that ``STORAGES`` has under ``alias`` now; nothing is bound at import."""
    return unwrap(storages[alias])  # type: ignore[no-any-return]


def resolve(given: Storage | Callable[[], Storage]) -> Storage:
    """The storage that a field was given, as such or as a callable."""
    return _call(given) if callable(given) else unwrap(given)


# A callable may build a new client each time: it is called again only when settings have changed.
@cache
def _call(given: Callable[[], Storage]) -> Storage:
    return unwrap(given())  # type: ignore[no-any-return]


# By identity: a storage with an ``__eq__()``, as Django wants it for migrations, has no hash, or
# equals one with other options. An adapter holds its storage, so that no other one gets its id.
_adapters: dict[int, Adapter] = {}


def adapter_of(storage: Storage) -> Adapter:
    """The adapter of a storage: here, and only here, it is chosen."""
    adapter = _adapters.get(id(storage))
    if adapter is None:
        made = s3.Bucket(storage) if s3.is_stock(storage) else Adapter(storage)
        adapter = _adapters.setdefault(id(storage), made)
    return adapter


def _forget(**kwargs: Any) -> None:
    by_alias.cache_clear()
    _call.cache_clear()
    _adapters.clear()


setting_changed.connect(_forget, dispatch_uid="avatar_kit.storage")


def grouped(files: Iterable[tuple[Storage, Iterable[str]]]) -> list[tuple[Storage, list[str]]]:
    """All keys of a storage together, so that it is asked once."""
    groups: dict[int, tuple[Storage, list[str]]] = {}
    for storage, keys in files:
        groups.setdefault(id(storage), (storage, []))[1].extend(keys)
    return list(groups.values())


def write_all(writes: Sequence[Write]) -> None:
    """Write every file, or leave none of them behind.

    The keys are random, so that nothing is ever overwritten. Raises
    :class:`~django_avatar_kit.exceptions.StorageError` naming the key that failed, and whatever
    interrupted the writing, such as the time limit of a task.
    """
    begun: list[Write] = []
    try:
        with side_by_side() as submit:
            # First those that threads write, and meanwhile the others here.
            for write in sorted(writes, key=lambda write: not _is_shared(write)):
                # Noted before the attempt: a full disk leaves half a file, and a request that
                # timed out may have arrived.
                begun.append(write)
                if _is_shared(write):
                    submit(write_one, write)
                else:
                    write_one(write)
    except BaseException as error:
        interruption = _undo(begun)
        if interruption is not None and not is_interruption(error):
            raise interruption from error
        raise


def _is_shared(write: Write) -> bool:
    return adapter_of(write.storage).is_shared


def _undo(begun: Iterable[Write]) -> BaseException | None:
    """Delete all that may have been written; what has interrupted that, if anything."""
    interruption: BaseException | None = None
    for storage, keys in grouped((write.storage, [write.key]) for write in begun):
        try:
            delete_all(storage, keys)
        except BaseException as error:  # noqa: BLE001, PERF203 - it is returned
            interruption = error
            # Any of the keys may be left. To delete one again does no harm.
            for key in keys:
                with suppress(BaseException):
                    delete_all(storage, [key])
    return interruption


def write_one(write: Write) -> str:
    """Write a file and return the ETag that S3 gives it, "" from any other storage.

    Raises :class:`~django_avatar_kit.exceptions.StorageError`.
    """
    try:
        stored = adapter_of(write.storage).put(
            write.key, write.data, write.content_type, immutable=write.immutable
        )
    except Exception as error:
        if is_interruption(error):
            raise
        raise StorageError(key=write.key, reason=error) from error
    if stored.key != write.key:
        delete_all(write.storage, [stored.key])
        raise StorageError(key=write.key, reason=f"the storage renamed it to “{stored.key}”")
    return stored.etag or ""


def delete_all(storage: Storage, keys: Iterable[str]) -> list[str]:
    """Delete the files: on S3 a thousand to a request, elsewhere one by one.

    Keys that could not be deleted are logged and returned. An interruption, such as the time limit
    of a task, is raised, and all keys are logged, since any of them may be left.
    """
    keys = list(keys)
    try:
        failed = adapter_of(storage).delete(keys)
    except BaseException:
        left = ", ".join(f"“{key}”" for key in keys)
        logger.warning("Interrupted while deleting; avatar_sweep will find what is left: %s", left)
        raise
    for key, error in failed.items():
        logger.error("Could not delete “%s”; avatar_sweep will find it.", key, exc_info=error)
    return list(failed)


def read(storage: Storage, key: str) -> bytes:
    """The bytes of a file. Raises :class:`~django_avatar_kit.exceptions.StorageError`."""
    try:
        return adapter_of(storage).get(key)
    except Exception as error:
        if is_missing(error):
            reason = "there is no such file"
            raise StorageError(key=key, reason=reason, action="read") from error
        if is_interruption(error):
            raise
        raise StorageError(key=key, reason=error, action="read") from error


def written_at(storage: Storage, key: str) -> datetime:
    """When a file was written, as an aware time. Raises what the storage raises."""
    moment = storage.get_modified_time(key)
    # Naive where USE_TZ is off, and from storages that do not heed it.
    return make_aware(moment, get_default_timezone()) if is_naive(moment) else moment


def missing(storage: Storage, keys: Iterable[str]) -> list[str]:
    """Those of the files that do not exist; of one avatar's files, for one request on S3."""
    keys = list(keys)
    found = adapter_of(storage).look(keys)
    return [key for key in keys if key not in found]


def urls(storage: Storage) -> Callable[[str], str]:
    """A function from the key of a kit file to its URL, good for the moment."""
    # As adapter_of(), without a call: every avatar on a page asks for it.
    return (_adapters.get(id(storage)) or adapter_of(storage)).urls()
