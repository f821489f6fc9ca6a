"""Pictures at URLs, for social log-ins and imports: what may be fetched, and what goes wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    row = owners.own_row(unwrap(owner))
    name = avatar_field_names(type(row))[0]
    # Before a profile is made. A transaction is not kept open while another server answers.
    upload = download(url, rules)
    if row._state.adding:
        # Nor is one made for what is no picture. It is decoded once all the same.
        receive(upload, getattr(row, name).field, crop)
        row = insert_row(row)
    avatar: AvatarFieldFile = getattr(row, name)
    avatar.save(str(upload.name), upload, crop=crop, replace=replace)
    return avatar
