"""What lies in a folder of a storage, whatever its ``listdir()`` answers; paths and links.

``listdir()`` should give the names of the folders and of the files in a folder. Azure's of
django-storages lists all files below a folder by their whole names in the container; others put
slashes around names; Django's own fails where a symbolic link leads nowhere.
"""

from __future__ import annotations

import logging
import os
import posixpath
from collections.abc import Sequence
from errno import EACCES
from pathlib import Path
from typing import Any

from django.core.files.storage import InMemoryStorage, Storage

from ..interruptions import is_interruption
from .errors import is_gone

logger = logging.getLogger(__name__)


def list_folder(storage: Storage, folder: str, *, needed: bool) -> tuple[list[str], list[str]]:
    """The folders in a folder, as keys that end in a slash, and the keys of its files, sorted.

    ``folder`` is empty or ends in a slash. Where the storage lists what lies deeper at once, those
    keys are among the files, and there are no folders. Both are empty for a folder that does not
    exist. One that this process may not list raises ``PermissionError``, with the folder as its
    ``filename``, if it is ``needed``; otherwise it is logged, and empty as well.
    """
    try:
        return _listed(storage, folder)
    except PermissionError as error:
        if needed:
            reason = error.strerror or str(error)
            raise PermissionError(error.errno or EACCES, reason, folder or "/") from error
        # Such as "lost+found". The kit has no files in a folder that it cannot list.
        logger.warning("Cannot look into “%s”; it is left out.", folder)
    except Exception as error:
        # Nothing was ever stored there, or it has just been removed.
        if not is_gone(storage, folder.rstrip("/"), error):
            raise
    return [], []


def above(key: str) -> list[str]:
    """The folders that a file or a folder lies in: the root, which is empty, and so on."""
    names = key.rstrip("/").split("/")[:-1]
    return ["".join(f"{name}/" for name in names[:depth]) for depth in range(len(names) + 1)]


def _listed(storage: Storage, folder: str) -> tuple[list[str], list[str]]:
    path = local_path(storage, folder)
    below, names = _listdir(storage, folder, path)
    location = _location(storage, folder, [*names, *below])
    files = {_key(name, folder, location) for name in names if not name.endswith("/")} - {""}
    keys = {f"{_key(name.rstrip('/'), folder, location)}/" for name in below}
    # One step at a time: the walk would never end if a folder listed itself.
    folders = {key for key in keys if key[len(folder) :].count("/") == 1} - {"/"}
    # Some storages list what is in a folder at once.
    deeper = (key[len(folder) :].partition("/") for key in files)
    folders -= {f"{folder}{first}/" for first, slash, _ in deeper if slash}
    if path is not None:
        # Where a link leads to is unknown: elsewhere, or to what is listed anyway.
        links = {key for key in files | folders if has_link(path, key[len(folder) :])}
        for key in sorted(folders & links):
            logger.warning("“%s” is a link, which is not followed.", key.rstrip("/"))
        files, folders = files - links, folders - links
    return sorted(folders), sorted(files)


def _listdir(storage: Storage, folder: str, path: Path | None) -> tuple[list[str], list[str]]:
    """What ``listdir()`` gives, as lists of strings without “./” or slashes at their start."""
    below: Any
    names: Any
    try:
        below, names = storage.listdir(folder)
        # They may be iterators, which fail only now.
        below, names = list(below), list(names)
    except OSError:
        # Django asks of every entry whether it is a folder. That fails for a link to itself, to
        # something inside a file, or to where this process may not look.
        entries = list(path.iterdir()) if path is not None and path.is_dir() else []
        plain = [entry for entry in entries if not entry.is_symlink()]
        if len(plain) == len(entries):
            raise
        below = [entry.name for entry in plain if entry.is_dir()]
        names = [entry.name for entry in plain if entry.is_file()]
    return [_without_start(name) for name in below], [_without_start(name) for name in names]


def _without_start(name: str | bytes) -> str:
    return os.fsdecode(name).removeprefix("./").lstrip("/")


def _is_path(name: str) -> bool:
    """Whether storages take a name as it is: “a//b” and “a/./b” are “a/b” to most."""
    return posixpath.normpath(name) == name and name not in {".", ".."} and name[:3] != "../"


def _key(name: str, folder: str, location: str) -> str:
    """The key that a name in the listing of a folder stands for; "" if it is not in there.

    ``location`` is what whole names begin with.
    """
    # django-storages' S3 names a folder without a name “.”, which would be listed without end.
    if not _is_path(name):
        return ""
    if "/" not in name:
        return f"{folder}{name}"
    if location and name.startswith(f"{location}{folder}"):
        return name.removeprefix(location)
    if folder and not name.startswith(folder):
        # It begins at the folder.
        return f"{folder}{name}"
    # In the root, Azure lists the whole container, and so what lies outside the location.
    return "" if location and not folder else name


def _location(storage: Storage, folder: str, names: Sequence[str]) -> str:
    """What whole names in a listing begin with: the storage's location and a slash, or nothing.

    The storage is asked which of the two it is, by the files that it knows.
    """
    location = getattr(storage, "location", "")
    if not isinstance(location, str | os.PathLike):
        return ""
    location = posixpath.normpath(f"/{os.fspath(location)}").strip("/")
    bare = (name.rstrip("/") for name in names)
    whole = [name for name in bare if "/" in name and _is_path(name)]
    if not location or not whole:
        return ""
    location += "/"
    inside = [name for name in whole if name.startswith(f"{location}{folder}")]
    if folder and not inside:
        return ""
    # More than one, since a file may have just been deleted.
    for name in (inside or whole)[:3]:
        for beginning in (location, ""):
            if name.startswith(beginning) and storage.exists(name.removeprefix(beginning)):
                return beginning
    return location


# --- storages in the file system ---


def local_path(storage: Storage, key: str) -> Path | None:
    """The path of a file or folder; None where the storage is not in the file system.

    ``storage.path()`` decides and not the class, since a storage may be wrapped in another one.
    Django's ``InMemoryStorage`` has paths, but no files there.
    """
    if isinstance(storage, InMemoryStorage):
        return None
    try:
        path: Any = storage.path(key)
    except Exception as error:
        # By Django's documentation a NotImplementedError.
        if is_interruption(error):
            raise
        return None
    if isinstance(path, str | Path) and Path(path).is_absolute():
        return Path(path)
    return None


def is_behind_link(storage: Storage, key: str) -> bool:
    """Whether a file is a symbolic link, or lies behind one, below the storage's location.

    The location itself may be a link: it says where a site wants its files.
    """
    root = local_path(storage, "")
    return root is not None and has_link(root, key)


def has_link(path: Path, key: str) -> bool:
    """Whether one of the steps from the folder ``path`` down to ``key`` is a symbolic link."""
    for name in key.rstrip("/").split("/"):
        path = path / name
        if path.is_symlink():
            return True
    return False
