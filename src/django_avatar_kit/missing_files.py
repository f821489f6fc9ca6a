"""Avatars whose files are not in storage, as on a copy of the database of another site.

Rendering asks no storage: a row never names a file that is not there. The exception is a developer
who has the rows of production and not its files. ``AVATAR_KIT["FALLBACK_IF_MISSING"]`` makes pages
look for each file, and show a fallback in the place of one that is missing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .conf import get_config
from .display.owners import locate
from .names import Name
from .storage.base import missing

if TYPE_CHECKING:
    from .columns import AvatarColumn

#: What ``locate()`` gives: owner, field and key.
Located = tuple[Any, "AvatarColumn | None", "str | None"]


def locator() -> Callable[[Any], Located]:
    """The function that finds the avatar to show, by the settings of this moment.

    It is :func:`~django_avatar_kit.display.owners.locate`, unless ``FALLBACK_IF_MISSING`` is on.
    """
    return locate_stored if get_config().fallback_if_missing else locate


def locate_stored(obj: Any) -> Located:
    """As ``locate()``, but the key is None where its file is not in storage.

    One look into the storage for each call. Of the kit's own files, one rendition stands for all,
    since they are written and deleted together. Raises what the storage raises.
    """
    owner, field, key = locate(obj)
    return owner, field, key if field is not None and key and _is_stored(field, key) else None


def _is_stored(field: AvatarColumn, key: str) -> bool:
    name = Name.parse(key)
    if name is None:
        return not missing(field.storage, [key])
    return not missing(field.rendition_storage, [name.renditions[-1]])
