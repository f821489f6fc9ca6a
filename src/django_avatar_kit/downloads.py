"""Pictures at URLs, for social log-ins and imports: what may be fetched, and what goes wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .display import owners
from .fetching import (
    DEFAULT_RULES,
    DownloadError,
    DownloadRefused,
    DownloadRules,
    DownloadTimeout,
    download,
)
from .forms import avatar_field_names
from .lazy import unwrap
from .pipeline import receive
from .view_targets import insert_row

if TYPE_CHECKING:
    from django.core.files.base import File
    from django.db.models import Model

    from .fields import AvatarFieldFile
    from .names import Box

__all__ = [
    "DEFAULT_RULES",
    "DownloadError",
    "DownloadRefused",
    "DownloadRules",
    "DownloadTimeout",
    "download",
    "save_from_url",
]


def save_from_url(
    owner: Model,
    url: str,
    *,
    crop: Box | None = None,
    replace: bool = True,
    rules: DownloadRules = DEFAULT_RULES,
) -> AvatarFieldFile:
    """Make the picture at ``url`` the avatar of ``owner``, and return that avatar.

    ``owner`` is a user, or a row with an avatar of its own. A profile that does not exist is made
    once the picture has arrived. The other arguments, and what is raised, are those of
    ``owner.profile.avatar.save_from_url()``. Raises ``TypeError`` as well, for an owner who cannot
    have an avatar, and ``ImproperlyConfigured`` where ``AVATAR_KIT["OWNER"]`` leads to a row that
    is not the owner's one-to-one profile.
    """
    # Whoever cannot have one is told before any server is asked.
    own_avatar(owner)
    upload = download(url, rules)
    avatar = own_avatar(owner, upload, crop)
    avatar.save(str(upload.name), upload, crop=crop, replace=replace)
    return avatar


def own_avatar(
    owner: Model, upload: File[Any] | None = None, crop: Box | None = None
) -> AvatarFieldFile:
    """The avatar of ``owner``, as in :func:`save_from_url`.

    A profile that does not exist is made for ``upload`` alone, and only if that is a picture; it
    is not decoded again when it is saved. Raises the children of ``UploadError``.
    """
    row = owners.own_row(unwrap(owner))
    name = avatar_field_names(type(row))[0]
    if upload is not None and row._state.adding:
        receive(upload, getattr(row, name).field, crop)
        row = insert_row(row)
    avatar: AvatarFieldFile = getattr(row, name)
    return avatar
