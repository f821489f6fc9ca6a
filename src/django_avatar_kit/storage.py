"""The only module that talks to a storage: write all or nothing, delete all, cheap URLs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache, partial
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, Storage, storages
from django.core.signals import setting_changed
from django.utils.encoding import filepath_to_uri
from django.utils.functional import LazyObject, empty
from django.utils.timezone import get_default_timezone, is_naive, make_aware

from .exceptions import StorageError

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Write:
    """One file on its way into a storage."""

    storage: Storage
    key: str
    data: bytes
    content_type: str


# Every avatar on a page asks for it.
@cache
def by_alias(alias: str) -> Storage:
    """The storage that ``STORAGES`` has under ``alias`` now; nothing is bound at import."""
    return unwrap(storages[alias])


def resolve(given: Storage | Callable[[], Storage]) -> Storage:
    """The storage that a field was given, as such or as a callable."""
    return _call(given) if callable(given) else unwrap(given)


# It may build a new client each time: called again only after the settings have changed.
@cache
def _call(given: Callable[[], Storage]) -> Storage:
    return unwrap(given())


def _forget(**kwargs: Any) -> None:
    by_alias.cache_clear()
    _call.cache_clear()


setting_changed.connect(_forget, dispatch_uid="avatar_kit.storage")


def unwrap(storage: Any) -> Storage:
    """The storage behind a lazy object: easy-thumbnails hashes an untouched one as ``object``."""
    if isinstance(storage, LazyObject):
        if storage._wrapped is empty:
            storage._setup()
        storage = storage._wrapped
    return storage  # type: ignore[no-any-return]


def write_all(writes: Sequence[Write]) -> None:
    """Write every file, or leave none of them behind.

    The keys are random, so that nothing is ever overwritten. Raises
    :class:`~django_avatar_kit.exceptions.StorageError` naming the key that failed.
    """
    tried: list[Write] = []
    try:
        for write in writes:
            # Before the attempt: a disk that filled up leaves half a file.
            tried.append(write)
            _write(write)
    except BaseException:
        for write in tried:
            delete(write.storage, write.key)
        raise


def _write(write: Write) -> None:
    content = ContentFile(write.data, name=write.key)
    content.content_type = write.content_type  # type: ignore[attr-defined]
    try:
        stored = write.storage.save(write.key, content)
    except Exception as error:
        logger.exception("Could not write “%s”.", write.key)
        raise StorageError(key=write.key, reason=error) from error
    if stored != write.key:
        delete(write.storage, stored)
        raise StorageError(key=write.key, reason=f"the storage renamed it to “{stored}”")


def delete_all(storage: Storage, keys: Iterable[str]) -> list[str]:
    """Delete the files. Keys that could not be deleted are logged and returned."""
    return [key for key in keys if not delete(storage, key)]


def delete(storage: Storage, key: str) -> bool:
    """Delete one file. A failure is logged with the key, and False."""
    try:
        storage.delete(key)
    except Exception:
        # Whatever a storage may raise: the others must still be deleted, and the row is right.
        logger.exception("Could not delete “%s”; avatar_sweep will find it.", key)
        return False
    return True


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A file as a listing shows it."""

    key: str


def walk(storage: Storage, folder: str = "") -> Iterator[Stored]:
    """Every file below ``folder``, which is empty or ends in a slash.

    Files of one folder come in the order of their keys. Raises ``NotImplementedError`` where the
    storage cannot list.
    """
    folders = [folder]
    while folders:
        folder = folders.pop()
        try:
            below, files = storage.listdir(folder)
        except FileNotFoundError:
            # Nothing was ever stored there, or it has just been removed.
            continue
        except PermissionError:
            # "lost+found", for one. What cannot even be listed is none of the kit's.
            logger.warning("Cannot look into “%s”; it is left out.", folder)
            continue
        yield from (Stored(key=f"{folder}{name}") for name in sorted(files))
        folders += [f"{folder}{name}/" for name in sorted(below, reverse=True)]


def written_at(storage: Storage, key: str) -> datetime:
    """When a file was written, as an aware time. Raises what the storage raises."""
    moment = storage.get_modified_time(key)
    # Naive where USE_TZ is off, and from storages that never heard of it.
    return make_aware(moment, get_default_timezone()) if is_naive(moment) else moment


def read(storage: Storage, key: str) -> bytes:
    """The bytes of a file. Raises :class:`~django_avatar_kit.exceptions.StorageError`."""
    try:
        with storage.open(key) as file:
            return bytes(file.read())
    except FileNotFoundError as error:
        raise StorageError(key=key, reason="there is no such file", action="read") from error
    except Exception as error:
        # Whatever a storage may raise.
        raise StorageError(key=key, reason=error, action="read") from error


def missing(storage: Storage, keys: Iterable[str]) -> list[str]:
    """Those of the files that are not there."""
    return [key for key in keys if not storage.exists(key)]


def urls(storage: Storage) -> Callable[[str], str]:
    """A function from the key of a kit file to its URL, as cheap as the storage allows.

    Django's ``FileSystemStorage.url`` quotes and joins what for the kit's own names is a
    concatenation. A storage with a ``url()`` of its own is asked each time.
    """
    if type(storage).url is FileSystemStorage.url and (base := storage.base_url):  # type: ignore[attr-defined]
        return partial(_join, base)
    return storage.url


def _join(base: str, key: str) -> str:
    folder, _, file = key.rpartition("/")
    return f"{base}{_quote(folder)}{file}"


# 256 folders to a prefix.
@lru_cache(maxsize=4096)
def _quote(folder: str) -> str:
    return f"{filepath_to_uri(folder).lstrip('/')}/"
