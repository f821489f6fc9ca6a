"""Where avatar files are: which storages hold them, and which of those share a folder or bucket.

Two storages may be one location (two aliases of one folder, or two paths to it), and one may be a
folder of the other. ``storage.base`` tells where a single storage is; here they are compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Literal, NamedTuple

from django.core.files.storage import FileSystemStorage

from ..columns import AvatarColumn, avatar_columns
from ..conf import get_config
from ..lifecycle import thumbnails
from ..storage import base as storage

if TYPE_CHECKING:
    from django.core.files.storage import Storage

#: What a field keeps in a storage: stored originals, the kit's renditions, and what
#: easy-thumbnails has made on the fly.
Kind = Literal["masters", "renditions", "thumbnails"]
KINDS: tuple[Kind, ...] = ("masters", "renditions", "thumbnails")


class StorageUse(NamedTuple):
    """A storage, and what uses it."""

    storage: Storage
    #: None for a storage that was named by its alias and is not asked for any field.
    field: AvatarColumn | None = None
    kind: Kind | None = None


class Location(NamedTuple):
    """A folder or a bucket that holds avatar files."""

    #: For people: the alias in ``STORAGES``, or the class of the storage and a field that uses it.
    title: str
    #: Every use of it. Their storages are not one object where several have the same location.
    uses: tuple[StorageUse, ...]

    @property
    def storage(self) -> Storage:
        """The first of its storages."""
        return self.uses[0].storage

    @property
    def storages(self) -> list[Storage]:
        return [use.storage for use in self.uses]


def storage_of(field: AvatarColumn, kind: Kind) -> Storage:
    """The storage that a field has for files of this kind. Raises what making it raises."""
    if kind == "masters":
        return field.storage
    return field.rendition_storage if kind == "renditions" else thumbnails.storage_of(field)


def storage_uses() -> list[StorageUse]:
    """What every avatar field of the project has in which storage."""
    return [
        StorageUse(storage_of(field, kind), field, kind)
        for field in avatar_columns()
        for kind in KINDS
    ]


def distinct(
    uses: Iterable[StorageUse],
    *,
    key: Callable[[Storage], object] | None = None,
    aliases: Iterable[str] = (),
) -> list[Location]:
    """The locations of these storages, each once, in the order of their first use.

    Storages with the same ``key`` are one location; by default that is :func:`location_of`.
    ``aliases`` are names in ``STORAGES`` to be used as titles, beside those in the settings.
    """
    groups: dict[object, list[StorageUse]] = {}
    for use in uses:
        groups.setdefault((key or location_of)(use.storage), []).append(use)
    known = _aliases(aliases)
    found = []
    for first, *others in groups.values():
        alias = known.get(id(first.storage))
        title = f"“{alias}”" if alias else f"{type(first.storage).__name__} of {first.field}"
        found.append(Location(title, (first, *others)))
    return found


def _aliases(more: Iterable[str]) -> dict[int, str]:
    """The alias of each storage by its ``id()``, as far as the kit's settings name it."""
    found: dict[int, str] = {}
    # A storage that cannot be made, and settings that are wrong, are reported where they are used.
    with suppress(Exception):
        config = get_config()
        for alias in (*more, "default", config.rendition_storage, config.storage):
            with suppress(Exception):
                found[id(storage.by_alias(str(alias)))] = str(alias)
    return found


def location_of(place: Storage) -> object:
    """Equal for two storages that are known to have the same files, else different."""
    # The last answer is the one after following links.
    known = storage.adapter_of(place).locations()
    return known[-1] if known else id(place)


def are_same(one: Storage, other: Storage) -> bool:
    """Whether two storages are known to have the same files."""
    return location_of(one) == location_of(other)


def folder_in(inner: Storage, outer: Storage) -> str | None:
    """The folder of the outer storage that the inner one is: it ends in a slash, and is empty for
    the same location. None for a storage that is not known to be inside.
    """
    # The paths as they are written, then the paths after following links.
    pairs = zip(
        storage.adapter_of(inner).locations(), storage.adapter_of(outer).locations(), strict=False
    )
    for (root, folders), (other_root, above) in pairs:
        if root == other_root and folders[: len(above)] == above:
            return "".join(f"{folder}/" for folder in folders[len(above) :])
    return "" if inner is outer else None


def may_share(one: Storage, other: Storage) -> bool:
    """Whether a file of one storage may be in the other as well."""
    if folder_in(one, other) is not None or folder_in(other, one) is not None:
        return True
    # Two of them may be of the same bucket without saying so.
    return type(one) is type(other) and not isinstance(one, FileSystemStorage)
