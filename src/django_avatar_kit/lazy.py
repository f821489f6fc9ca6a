"""Django's lazy objects, such as ``request.user`` and ``default_storage``."""

from __future__ import annotations

from typing import Any

from django.utils.functional import LazyObject, empty


def unwrap(obj: Any) -> Any:
    """The object behind a ``LazyObject``, made now if nobody has asked for it yet.

    Anything else is returned as it is.
    """
    while isinstance(obj, LazyObject):
        if obj._wrapped is empty:
            obj._setup()
        obj = obj._wrapped
    return obj
