"""For the admin of a site: the picture in lists and forms, a filter, and two actions.

Only sites import this: it needs ``django.contrib.admin``.
"""

from __future__ import annotations

from .filters import HasAvatarFilter
from .mixin import AvatarAdminMixin

__all__ = ["AvatarAdminMixin", "HasAvatarFilter"]
