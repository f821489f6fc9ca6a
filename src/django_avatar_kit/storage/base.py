"""The only module that talks to a storage: write all or nothing, delete all, cheap URLs."""

from __future__ import annotations

import logging
import os
import posixpath
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from errno import EACCES
from functools import cache, lru_cache, partial
from itertools import takewhile
from pathlib import Path
from typing import Any, NamedTuple

from django.core.exceptions import SuspiciousOperation
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, InMemoryStorage, Storage, storages
from django.core.signals import setting_changed
from django.utils.encoding import filepath_to_uri
from django.utils.functional import LazyObject, empty
from django.utils.timezone import get_default_timezone, is_naive, make_aware

from ..exceptions import StorageError
from ..interruptions import is_interruption
from . import s3
from .threads import Batch

logger = logging.getLogger(__name__)

#: Names in a listing that are asked for to learn what they begin with.
FEW = 3


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
    :class:`~django_avatar_kit.exceptions.StorageError` naming the key that failed, and whatever
    was raised in the middle of it by somebody else, as a time limit of a task.
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
    except BaseException as error:
        interruption = _undo(begun)
        if interruption is not None and not is_interruption(error):
            raise interruption from error
        raise


def _undo(begun: Iterable[Write]) -> BaseException | None:
    """Delete what may have been written, all of it, and return what has interrupted that."""
    interruption: BaseException | None = None
    for storage, keys in grouped((write.storage, [write.key]) for write in begun):
        try:
            delete_all(storage, keys)
        except BaseException as error:  # noqa: BLE001, PERF203 - it is returned
            interruption = error
            # It may have come before any of them. What is gone already is no failure.
            for key in keys:
                with suppress(BaseException):
                    delete(storage, key)
    return interruption


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
        if is_interruption(error):
            raise
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

    Keys that could not be deleted are logged and returned. Where somebody else's exception ends
    it, those that may be left are logged, and it is raised.
    """
    keys = list(keys)
    bucket = s3.bucket_of(storage)
    try:
        failed = _delete_each(storage, keys) if bucket is None else bucket.delete(keys)
    except BaseException:
        left = ", ".join(f"“{key}”" for key in keys)
        logger.warning("Interrupted while deleting; avatar_sweep will find what is left: %s", left)
        raise
    for key, error in failed.items():
        logger.error("Could not delete “%s”; avatar_sweep will find it.", key, exc_info=error)
    return list(failed)


def _delete_each(storage: Storage, keys: Iterable[str]) -> dict[str, Exception]:
    results = {key: _delete_one(storage, key) for key in keys}
    return {key: error for key, error in results.items() if error is not None}


def _delete_one(storage: Storage, key: str) -> Exception | None:
    try:
        storage.delete(key)
    except Exception as error:
        # Whatever a storage may raise: the others must still be deleted, and the row is right.
        if _is_gone(storage, key, error):
            return None
        if is_interruption(error):
            raise
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


def walk(storage: Storage, folder: str = "", needed: Collection[str] = ()) -> Iterator[Stored]:
    """Every file below ``folder``, which is empty or ends in a slash.

    Where nobody may look into this folder, or into one of those that are ``needed``, that is a
    ``PermissionError`` with the folder as its ``filename``; any other is left out. Files of one
    folder come in the order of their keys. Links of the file system are not followed:
    what is behind them is not the storage's, or would be seen twice. Raises
    ``NotImplementedError`` where the storage cannot list, and what the storage raises.
    """
    if (bucket := s3.bucket_of(storage)) is not None:
        for found in bucket.list(folder):
            yield Stored(*found)
        return
    if folder and is_behind_link(storage, folder):
        logger.warning("“%s” is behind a link, which is not followed.", folder)
        return
    folders = [folder]
    while folders:
        here = folders.pop()
        below, files = _look_into(storage, here, needed=here == folder or here in needed)
        yield from (Stored(key=key) for key in files)
        folders += reversed(below)


def is_listed(storage: Storage, key: str) -> bool:
    """Whether ``walk`` would come to one of the kit's files: its folder, and in there the file.

    Raises what ``walk`` does.
    """
    if (bucket := s3.bucket_of(storage)) is not None:
        return any(found == key for found, *_ in bucket.list(key))
    steps = above(key)
    # Whoever has no folders may take the root for all that there is.
    if local_path(storage, "") is None:
        steps = steps[-2:]
    folders = steps[:1]
    for step in steps:
        if step not in folders:
            return False
        folders, keys = _look_into(storage, step, needed=True)
        if key in keys:
            return True
    return False


def above(key: str) -> list[str]:
    """The folders that a file or a folder lies in: the root, which is empty, and so on."""
    names = key.rstrip("/").split("/")[:-1]
    return ["".join(f"{name}/" for name in names[:depth]) for depth in range(len(names) + 1)]


def is_missing(error: BaseException | None) -> bool:
    """Whether a storage says that there is no such file, or folder.

    Django's own raise ``FileNotFoundError``; clients of object storages have a class of their own,
    which they need not have told Python about, with HTTP's number for it.
    """
    # What leads out of a storage is none of its files.
    if isinstance(error, FileNotFoundError | NotADirectoryError | SuspiciousOperation):
        return True
    names = {cls.__name__ for cls in type(error).__mro__}
    known = {"ResourceNotFoundError", "NotFound", "ObjectDoesNotExistError", "NoSuchKey"}
    return not known.isdisjoint(names) or getattr(error, "status_code", None) == 404


def _is_gone(storage: Storage, key: str, error: Exception) -> bool:
    """Whether the file or the folder that a storage has failed with is not there.

    Some say only that it has failed, as those for FTP and Dropbox of django-storages: the storage
    is asked then.
    """
    if is_missing(error):
        return True
    try:
        return _says_nothing(error) and not storage.exists(key)
    except Exception as failure:
        if is_interruption(failure):
            raise
        return False


def _says_nothing(error: Exception) -> bool:
    """Whether an error of a storage gives no reason: neither by its number nor by its class."""
    if isinstance(error, OSError):
        return type(error) is OSError and error.errno is None
    if any(getattr(error, name, None) for name in ("status_code", "code", "http_code")):
        return False
    is_bug = type(error).__module__ == "builtins" and not isinstance(error, LookupError)
    return not is_bug and not is_interruption(error)


def _look_into(storage: Storage, folder: str, *, needed: bool) -> tuple[list[str], list[str]]:
    """The folders and the files in a folder, as ``_listing`` gives them; none where it cannot."""
    try:
        return _listing(storage, folder)
    except PermissionError as error:
        if needed:
            reason = error.strerror or str(error)
            raise PermissionError(error.errno or EACCES, reason, folder or "/") from error
        # "lost+found", for one. What cannot even be listed is none of the kit's.
        logger.warning("Cannot look into “%s”; it is left out.", folder)
    except Exception as error:
        # Nothing was ever stored there, or it has just been removed.
        if not _is_gone(storage, folder.rstrip("/"), error):
            raise
    return [], []


def _listing(storage: Storage, folder: str) -> tuple[list[str], list[str]]:
    """The folders in a folder, which end in a slash, and the files: as keys, in their order."""
    path = local_path(storage, folder)
    below, files = _list(storage, folder, path)
    location = _location(storage, folder, [*files, *below])
    found = {_key(name, folder, location) for name in files}
    keys = sorted(key for key in found if key and not key.endswith("/"))
    # Some list what lies deeper at once, and might name its folder as well.
    deeper = (key[len(folder) :].partition("/") for key in keys)
    told = {f"{folder}{first}/" for first, slash, _ in deeper if slash}
    folders = {f"{key.rstrip('/')}/" for name in below if (key := _key(name, folder, location))}
    # No further than one step at a time: one that lists others as well would never come to an end.
    steps = {each for each in folders if each.count("/") == folder.count("/") + 1} - told
    if path is None:
        return sorted(steps), keys
    # Nobody knows where links lead.
    links = {each for each in (*steps, *keys) if _is_linked(path, each[len(folder) :])}
    for each in sorted(steps & links):
        logger.warning("“%s” is a link, which is not followed.", each.rstrip("/"))
    return sorted(steps - links), [key for key in keys if key not in links]


def _list(storage: Storage, folder: str, path: Path | None) -> tuple[list[Any], list[Any]]:
    """What a storage says that there is in a folder, which is this one of the file system."""
    try:
        below, files = storage.listdir(folder)
        # They may come one by one, and in no order.
        below, files = list(below), list(files)
    except OSError:
        # Django asks what a link leads to, which fails where that is the link itself, something
        # inside a file, or where nobody may look.
        listed = _entries(path) if path is not None else []
        if not any(entry.is_symlink() for entry in listed):
            raise
        below = [entry.name for entry in listed if entry.is_dir(follow_symlinks=False)]
        files = [entry.name for entry in listed if entry.is_file(follow_symlinks=False)]
    return below, files


def _entries(path: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(path) as entries:
            return list(entries)
    except OSError:
        return []


def _is_linked(path: Path, key: str) -> bool:
    """Whether one of the steps from a folder to a file is a link."""
    for name in key.rstrip("/").split("/"):
        path = path / name
        if path.is_symlink():
            return True
    return False


def _bare(name: str | bytes) -> str:
    """A name of a listing, without what some put before it."""
    return os.fsdecode(name).removeprefix("./").lstrip("/")


def _key(name: str | bytes, folder: str, location: str) -> str:
    """What a name in the listing of a folder stands for; empty for nothing that lies in it.

    By Django's documentation, a name is that of the file alone. Some give the whole key, with the
    ``location`` in front, and of every file however deep.
    """
    name = _bare(name)
    bare = name.rstrip("/")
    # django-storages calls what lies between two slashes “.”: a folder in itself, without end.
    if bare in {"", ".", ".."}:
        return ""
    if "/" not in bare:
        return f"{folder}{name}"
    # To most storages, “a//b” and “a/./b” are “a/b”: another file, or none.
    if posixpath.normpath(bare) != bare or bare.startswith("../"):
        return ""
    if location and name.startswith(f"{location}{folder}"):
        return name.removeprefix(location)
    if folder and not name.startswith(folder):
        # It begins at the folder.
        return f"{folder}{name}"
    # Asked for no folder, Azure's lists the whole container, and so what is not the storage's.
    return "" if location and not folder else name


def _location(storage: Storage, folder: str, names: Iterable[str | bytes]) -> str:
    """What whole keys in a listing begin with; ends in a slash, and is empty for nothing.

    They begin with the storage's location, or they do not: what the storage itself knows tells.
    """
    location = getattr(storage, "location", "")
    if not isinstance(location, str | os.PathLike):
        return ""
    location = posixpath.normpath(f"/{os.fspath(location)}").strip("/")
    bare = (_bare(name).rstrip("/") for name in names)
    whole = [name for name in bare if "/" in name and posixpath.normpath(name) == name]
    if not location or not whole:
        return ""
    location += "/"
    inside = [name for name in whole if name.startswith(f"{location}{folder}")]
    # Of one or another, somebody may just have been quicker.
    for name in inside[:FEW]:
        if storage.exists(name.removeprefix(location)):
            return location
        if storage.exists(name):
            return ""
    if inside:
        return location
    # In a folder, they may begin with that. Otherwise all of them may lie outside the location.
    return "" if folder or any(map(storage.exists, whole[:FEW])) else location


def local_path(storage: Storage, key: str) -> Path | None:
    """Where a file lies in the file system; None where the storage has no paths there.

    By what it says and not by its class, since a storage may be wrapped in another. Only that of
    Django's which is in memory has paths, and nothing there.
    """
    if isinstance(storage, InMemoryStorage):
        return None
    try:
        path: Any = storage.path(key)
    except Exception as error:
        # NotImplementedError, by Django's documentation.
        if is_interruption(error):
            raise
        return None
    if isinstance(path, str | Path) and Path(path).is_absolute():
        return Path(path)
    return None


def is_behind_link(storage: Storage, key: str) -> bool:
    """Whether a file is, or lies behind, a link of the file system below the storage's location.

    The location itself may be one: a site says with it where its files lie.
    """
    parts = key.rstrip("/").split("/")
    for end in range(len(parts)):
        path = local_path(storage, "/".join(parts[: end + 1]))
        if path is None:
            return False
        if path.is_symlink():
            return True
    return False


def locations(storage: Storage) -> list[tuple[object, tuple[str, ...]]]:
    """Where a storage lies: a root, and the folders from there; empty where nobody knows.

    Two storages with the same root may lie inside one another. Of the file system there are two
    answers: as the path is written, and as it is once links are followed.
    """
    if (bucket := s3.bucket_of(storage)) is not None:
        return [(bucket.root, tuple(bucket.prefix.split("/")[:-1]))]
    # Static files are nowhere without a STATIC_ROOT.
    if (path := local_path(storage, "")) is not None:
        return [("", path.parts), ("", path.resolve().parts)]
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
    except Exception as error:
        # Whatever a storage may raise.
        if is_missing(error):
            reason = "there is no such file"
            raise StorageError(key=key, reason=reason, action="read") from error
        if is_interruption(error):
            raise
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
    return {key: Stored(key) for key in keys if is_there(storage, key)}


def is_there(storage: Storage, key: str) -> bool:
    """Whether a storage has a file. What leads out of it, as a path does, it has not."""
    try:
        return bool(storage.exists(key))
    except SuspiciousOperation:
        return False


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
