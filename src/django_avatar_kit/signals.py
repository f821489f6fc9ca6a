"""Signals, sent after the transaction has been committed.

Both are sent with ``send_robust()`` by the model that owns the column, with

``instance``  the model instance that was saved or deleted (``None`` where only the row was known),
``field``     the :class:`~django_avatar_kit.fields.AvatarField`,
``using``     the database alias,
``added``     the storage keys that the row needs now, a tuple,
``removed``   the storage keys that the row no longer needs, a tuple. A file that another row uses
              stays in storage.

Use them to invalidate a CDN or to tell another service of the new picture.
"""

from __future__ import annotations

from django.dispatch import Signal

__all__ = ["avatar_deleted", "avatar_updated"]

#: The row has another avatar than before (or its first one).
avatar_updated = Signal()

#: The row has no avatar any more, or was deleted.
avatar_deleted = Signal()
