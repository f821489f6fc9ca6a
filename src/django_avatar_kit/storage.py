"""The only module that talks to a storage: write all or nothing, delete all, cheap URLs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache, partial
from itertools import takewhile
from pathlib import Path
from typing import Any, NamedTuple

from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, Storage, storages
from django.core.signals import setting_changed
from django.utils.encoding import filepath_to_uri
from django.utils.functional import LazyObject, empty
from django.utils.timezone import get_default_timezone, is_naive, make_aware

from . import s3
from .exceptions import StorageError
from .workers import Batch

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Write:
    """One file on its way into a storage."""

    storage: Storage
    key: str
    data: bytes
    content_type: str
    #: Whether nothing else is ever written under this key, as under those of the kit's own.
    immutable: bool = True


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
    begun: list[Write] = []
    try:
        with Batch() as batch:
            # Those over a network side by side, and meanwhile the others.
            for write in sorted(writes, key=_is_local):
                # Before the attempt: a disk that filled up leaves half a file, and a request that
                # timed out may have arrived.
                begun.append(write)
                if _is_local(write):
                    write_one(write)
                else:
                    batch.submit(write_one, write)
    except BaseException:
        for storage, keys in grouped((write.storage, [write.key]) for write in begun):
            delete_all(storage, keys)
        raise


def _is_local(write: Write) -> bool:
    return not is_shared(write.storage)


def is_shared(storage: Storage) -> bool:
    """Whether several threads may use it at once: S3. Of any other, nobody knows."""
    return s3.bucket_of(storage) is not None


def grouped(files: Iterable[tuple[Storage, Iterable[str]]]) -> list[tuple[Storage, list[str]]]:
    """All keys of a storage together, so that it is asked once."""
    groups: dict[int, tuple[Storage, list[str]]] = {}
    for storage, keys in files:
        groups.setdefault(id(storage), (storage, []))[1].extend(keys)
    return list(groups.values())


def write_one(write: Write) -> str:
    """Write a file and return the ETag that S3 gives it, "" from any other storage.

    Raises :class:`~django_avatar_kit.exceptions.StorageError`.
    """
    try:
        stored, etag = _put(write)
    except Exception as error:
        logger.exception("Could not write “%s”.", write.key)
        raise StorageError(key=write.key, reason=error) from error
    if stored != write.key:
        delete(write.storage, stored)
        raise StorageError(key=write.key, reason=f"the storage renamed it to “{stored}”")
    return etag


def _put(write: Write) -> tuple[str, str]:
    if (bucket := s3.bucket_of(write.storage)) is not None:
        return write.key, bucket.put(
            write.key, write.data, write.content_type, immutable=write.immutable
        )
    content = ContentFile(write.data, name=write.key)
    content.content_type = write.content_type  # type: ignore[attr-defined]
    return write.storage.save(write.key, content), ""


def delete_all(storage: Storage, keys: Iterable[str]) -> list[str]:
    """Delete the files: on S3 a thousand to a request, elsewhere one by one.

    Keys that could not be deleted are logged and returned.
    """
    bucket = s3.bucket_of(storage)
    failed = _delete_each(storage, keys) if bucket is None else bucket.delete(keys)
    for key, error in failed.items():
        logger.error("Could not delete “%s”; avatar_sweep will find it.", key, exc_info=error)
    return list(failed)


def _delete_each(storage: Storage, keys: Iterable[str]) -> dict[str, Exception]:
    results = {key: _delete_one(storage, key) for key in keys}
    return {key: error for key, error in results.items() if error is not None}


def _delete_one(storage: Storage, key: str) -> Exception | None:
    try:
        storage.delete(key)
    except Exception as error:  # noqa: BLE001 - it is returned
        # Whatever a storage may raise: the others must still be deleted, and the row is right.
        return error
    return None


def delete(storage: Storage, key: str) -> bool:
    """Delete one file. A failure is logged with the key, and False."""
    return not delete_all(storage, [key])


class Stored(NamedTuple):
    """A file as a listing shows it, and None for what the listing does not tell."""

    key: str
    #: Bytes.
    size: int | None = None
    #: When it was written, as an aware time.
    modified: datetime | None = None
    #: The MD5 of its bytes in hexadecimal, as S3 has it of most objects.
    etag: str | None = None


def walk(storage: Storage, folder: str = "") -> Iterator[Stored]:
    """Every file below ``folder``, which is empty or ends in a slash.

    Files of one folder come in the order of their keys. Raises ``NotImplementedError`` where the
    storage cannot list, and what the storage raises.
    """
    if (bucket := s3.bucket_of(storage)) is not None:
        for found in bucket.list(folder):
            yield Stored(*found)
        return
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
        # django-storages calls what lies between two slashes “.”: a folder in itself, without end.
        names = [name for name in below if name.strip("/") not in ("", ".", "..")]
        folders += [f"{folder}{name}/" for name in sorted(names, reverse=True)]


def locations(storage: Storage) -> list[tuple[object, tuple[str, ...]]]:
    """Where a storage lies: a root, and the folders from there; empty where nobody knows.

    Two storages with the same root may lie inside one another. Of the file system there are two
    answers: as the path is written, and as it is once links are followed.
    """
    # Static files are nowhere without a STATIC_ROOT.
    if isinstance(storage, FileSystemStorage) and storage.location:
        path = Path(storage.location)
        return [("", path.parts), ("", path.resolve().parts)]
    if (bucket := s3.bucket_of(storage)) is not None:
        return [(bucket.root, tuple(bucket.prefix.split("/")[:-1]))]
    return []


def written_at(storage: Storage, key: str) -> datetime:
    """When a file was written, as an aware time. Raises what the storage raises."""
    moment = storage.get_modified_time(key)
    # Naive where USE_TZ is off, and from storages that never heard of it.
    return make_aware(moment, get_default_timezone()) if is_naive(moment) else moment


def read(storage: Storage, key: str) -> bytes:
    """The bytes of a file. Raises :class:`~django_avatar_kit.exceptions.StorageError`."""
    try:
        if (bucket := s3.bucket_of(storage)) is not None:
            return bucket.get(key)
        with storage.open(key) as file:
            return bytes(file.read())
    except FileNotFoundError as error:
        raise StorageError(key=key, reason="there is no such file", action="read") from error
    except Exception as error:
        # Whatever a storage may raise.
        raise StorageError(key=key, reason=error, action="read") from error


def missing(storage: Storage, keys: Iterable[str]) -> list[str]:
    """Those of the files that are not there; of one avatar's files, for one request on S3."""
    keys = list(keys)
    there = look(storage, keys)
    return [key for key in keys if key not in there]


def look(storage: Storage, keys: Iterable[str]) -> dict[str, Stored]:
    """Those of the files that are there; of one avatar's files, for one request on S3."""
    keys = list(keys)
    if (bucket := s3.bucket_of(storage)) is not None:
        listed = (Stored(*found) for found in bucket.list(_beginning(keys)))
        return {stored.key: stored for stored in listed if stored.key in keys}
    return {key: Stored(key) for key in keys if storage.exists(key)}


def _beginning(keys: Iterable[str]) -> str:
    """What all keys begin with."""
    alike = takewhile(lambda letters: len(set(letters)) == 1, zip(*keys, strict=False))
    return "".join(letters[0] for letters in alike)


def urls(storage: Storage) -> Callable[[str], str]:
    """A function from the key of a kit file to its URL, as cheap as the storage allows.

    Django's ``FileSystemStorage.url`` quotes and joins what for the kit's own names is a
    concatenation, and so is what S3 clients sign for every URL. A storage with a ``url()`` of its
    own is asked each time. A ``partial`` joins a base and the key, with nothing in between but the
    quoting of the folder.
    """
    if type(storage).url is FileSystemStorage.url and (base := storage.base_url):  # type: ignore[attr-defined]
        return partial(_join, base)
    if (bucket := s3.bucket_of(storage)) is not None:
        return bucket.urls()
    if not isinstance(storage.url, partial):
        return storage.url

    # A ``partial`` of its own would be taken for one of ours.
    def url(key: str) -> str:
        return storage.url(key)

    return url


def _join(base: str, key: str) -> str:
    folder, _, file = key.rpartition("/")
    return f"{base}{_quote(folder)}{file}"


# 256 folders to a prefix.
@lru_cache(maxsize=4096)
def _quote(folder: str) -> str:
    return f"{filepath_to_uri(folder).lstrip('/')}/"
