"""Where avatar files are: which storages hold them, and which of those share a folder or bucket.

Two storages may be one location (two aliases of one folder, or two paths to it), and one may be a
folder of the other. ``storage.adapter`` tells where a single storage is; here they are compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Literal, NamedTuple

from django.core.files.storage import FileSystemStorage, Storage

from ..columns import AvatarColumn, avatar_columns
from ..conf import get_config
from ..lifecycle import thumbnails
from ..storage import base as storage

#: What a field keeps in a storage: stored originals, and the kit's renditions of them.
Kind = Literal["masters", "renditions"]


class Location(NamedTuple):
    """A folder or a bucket that holds avatar files."""

    #: For people.
    title: str
    #: Every storage that is there: several where they have the same location.
    storages: list[Storage]

    @property
    def storage(self) -> Storage:
        """The first of them."""
        return self.storages[0]


def storage_of(field: AvatarColumn, kind: Kind) -> Storage:
    """The storage that a field has for files of this kind. Raises what making it raises."""
    return field.storage if kind == "masters" else field.rendition_storage


def all_locations(aliases: Sequence[str] = ()) -> list[Location]:
    """Where masters, renditions and thumbnails of the project's avatars are, each location once.

    ``aliases`` are names in ``STORAGES`` of more storages.
    """
    uses: list[tuple[Storage, AvatarColumn | None]] = [
        (place, field)
        for field in avatar_columns()
        for place in (field.storage, field.rendition_storage, thumbnails.storage_of(field))
    ]
    uses += ((storage.by_alias(alias), None) for alias in aliases)
    found: dict[object, Location] = {}
    for place, user in uses:
        location = Location(title_of(place, user, aliases), [])
        found.setdefault(location_of(place), location).storages.append(place)
    return list(found.values())


def title_of(place: Storage, field: AvatarColumn | None, aliases: Iterable[str] = ()) -> str:
    """What people call a storage: by its alias in the settings or among these, or by its class and
    a field that uses it.
    """
    # A storage that cannot be made, and settings that are wrong, are reported where they are used.
    with suppress(Exception):
        config = get_config()
        for alias in (config.storage, config.rendition_storage, "default", *aliases):
            with suppress(Exception):
                if storage.by_alias(str(alias)) is place:
                    return f"“{alias}”"
    return f"{type(place).__name__} of {field}"


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
