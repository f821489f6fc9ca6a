"""Deleting every file of an avatar."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..conf import get_config
from ..names import Name
from ..storage import base as storage
from . import thumbnails

if TYPE_CHECKING:
    from django.core.files.storage import Storage

    from ..columns import AvatarColumn


def files_of(key: str, field: AvatarColumn) -> Iterable[tuple[Storage, tuple[str, ...]]]:
    """The storages that hold the files of a name, and their keys there.

    A file from before the kit has no other files.
    """
    yield field.storage, (key,)
    if (name := Name.parse(key)) is not None:
        yield field.rendition_storage, name.renditions


def delete(names: dict[str, AvatarColumn]) -> None:
    """Delete every file of these avatars, and the thumbnails that easy-thumbnails made of them."""
    if not get_config().delete_files:
        return
    files = (each for key, field in names.items() for each in files_of(key, field))
    for place, keys in storage.grouped(files):
        storage.delete_all(place, keys)
    thumbnails.delete(names)
