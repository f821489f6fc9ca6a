"""What the kit tells the site, always after the transaction has been committed.

Both signals are sent with ``send_robust`` by the model that owns the column, with

``instance``  the model instance that was saved or deleted (``None`` where only the row was known),
``field``     the :class:`~django_avatar_kit.fields.AvatarField`,
``using``     the database alias,
``added``     a tuple of the storage keys that the row now needs,
``removed``   a tuple of the storage keys that the row no longer needs. A key that another row
              still uses stays in storage.

They are the place to invalidate a CDN or to tell another service of the new picture.
"""

from __future__ import annotations

from django.dispatch import Signal

#: The row has another avatar than before (or its first one).
avatar_updated = Signal()

#: The row has no avatar any more: it was cleared, or the row was deleted.
avatar_deleted = Signal()
