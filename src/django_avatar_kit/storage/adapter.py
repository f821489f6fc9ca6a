"""What the kit does with a storage, and how any storage of Django's does it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import datetime
from functools import lru_cache, partial
from typing import NamedTuple

from django.core.exceptions import SuspiciousOperation
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, Storage
from django.utils.encoding import filepath_to_uri

from ..interruptions import is_interruption
from .errors import is_gone
from .listing import above, is_behind_link, list_folder, local_path

logger = logging.getLogger(__name__)


class Stored(NamedTuple):
    """A file as a listing or a write shows it; None for what that does not tell."""

    key: str
    #: Bytes.
    size: int | None = None
    #: When it was written, as an aware time.
    modified: datetime | None = None
    #: The MD5 of its bytes in hexadecimal, as S3 has it of most objects.
    etag: str | None = None


class JoinedUrls(partial[str]):
    """A function from key to URL that only puts a base before the key, with its folder quoted.

    Whoever makes many URLs of one folder may join them from ``func(*args, folder)`` and the names.
    """

    __slots__ = ()


class Adapter:
    """The operations that the kit needs of a storage, by the methods that every storage has.

    They raise what the storage raises. :class:`~django_avatar_kit.storage.s3.Bucket` has others
    that take fewer requests.
    """

    #: Whether several threads may use the storage at once. Django does not require that.
    is_shared = False

    def __init__(self, storage: Storage) -> None:
        self.storage = storage
        self._joins_urls = getattr(type(storage), "url", None) is FileSystemStorage.url
        self._joined = JoinedUrls(self.join, "")
        # Avatars lie in 256 folders to a prefix.
        self._quoted = lru_cache(maxsize=4096)(self._quote)

    def put(self, key: str, data: bytes, content_type: str, *, immutable: bool = True) -> Stored:  # noqa: ARG002
        """Write a file. The storage may have given it another key than ``key``.

        ``immutable`` says that nothing else is ever written under this key.
        """
        content = ContentFile(data, name=key)
        content.content_type = content_type  # type: ignore[attr-defined]
        return Stored(self.storage.save(key, content))

    def get(self, key: str) -> bytes:
        """The bytes of a file."""
        with self.storage.open(key) as file:
            return bytes(file.read())

    def delete(self, keys: Iterable[str]) -> dict[str, Exception]:
        """Delete files; what could not be deleted and why. A missing file is no failure."""
        results = {key: self._delete(key) for key in keys}
        return {key: error for key, error in results.items() if error is not None}

    def _delete(self, key: str) -> Exception | None:
        try:
            self._delete_one(key)
        except Exception as error:
            # Whatever it is, the other files must still be deleted.
            if is_gone(self.storage, key, error):
                return None
            if is_interruption(error):
                raise
            return error
        return None

    def _delete_one(self, key: str) -> None:
        self.storage.delete(key)

    def walk(self, folder: str = "", needed: Collection[str] = ()) -> Iterator[Stored]:
        """Every file below ``folder``, which is empty or ends in a slash.

        Files of one folder come in the order of their keys. Symbolic links are not followed: they
        lead out of the storage, or to files that are listed anyway. Raises ``NotImplementedError``
        where the storage cannot list, and ``PermissionError`` with the folder as its ``filename``
        where this process may not look into ``folder`` or one of those that are ``needed``. Others
        that it may not look into are left out.
        """
        if folder and is_behind_link(self.storage, folder):
            logger.warning("“%s” is behind a link, which is not followed.", folder)
            return
        folders = [folder]
        while folders:
            here = folders.pop()
            required = here == folder or here in needed
            below, files = list_folder(self.storage, here, needed=required)
            yield from map(Stored, files)
            folders += reversed(below)

    def is_listed(self, key: str) -> bool:
        """Whether ``walk`` would come to a file."""
        folders = above(key)
        # Without folders, as on Azure, to list the root is to list everything.
        if local_path(self.storage, "") is None:
            folders = folders[-2:]
        found = folders[:1]
        for folder in folders:
            if folder not in found:
                return False
            found, files = list_folder(self.storage, folder, needed=True)
            if key in files:
                return True
        return False

    def look(self, keys: Collection[str]) -> dict[str, Stored]:
        """Those of the files that exist."""
        return {key: Stored(key) for key in keys if self.exists(key)}

    def exists(self, key: str) -> bool:
        """Whether a file exists. A name that leads out of the storage is none of its files."""
        try:
            return bool(self.storage.exists(key))
        except SuspiciousOperation:
            return False

    def locations(self) -> list[tuple[object, tuple[str, ...]]]:
        """Where the storage lies: a root, and the folders from there; empty where unknown.

        Two storages with the same root may lie inside one another. In the file system there are
        two answers: the path as it is written, and with links followed.
        """
        # The storage of static files has no path without a STATIC_ROOT.
        if (path := local_path(self.storage, "")) is not None:
            return [("", path.parts), ("", path.resolve().parts)]
        return []

    def urls(self) -> Callable[[str], str]:
        """A function from the key of a kit file to its URL, to be asked for with each avatar.

        The storage's own ``url()``, unless that is known to join a base and the key.
        """
        # The base may depend on the request, as that of django-tenants does.
        if self._joins_urls and (base := self.storage.base_url):  # type: ignore[attr-defined]
            # Kept, since to make one takes as long as all the rest of this.
            joined = self._joined
            if joined.args[0] != base:
                joined = self._joined = JoinedUrls(self.join, base)
            return joined
        return self.storage.url

    def join(self, base: str, key: str) -> str:
        """The base and the key, with the key's folder quoted as the storage's ``url()`` does."""
        folder, _, file = key.rpartition("/")
        return f"{base}{self._quoted(folder)}{file}"

    def _quote(self, folder: str) -> str:
        return f"{filepath_to_uri(folder).lstrip('/')}/"
