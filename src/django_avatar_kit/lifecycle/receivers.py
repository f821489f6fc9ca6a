"""What is connected once, when the app is ready, and what stands beside django-cleanup."""

from __future__ import annotations

import atexit
from typing import TYPE_CHECKING, Any

from django.core.signals import request_finished
from django.db.models.signals import pre_delete
from django_cleanup.cache import CACHE_NAME

from ..columns import AvatarColumn, avatar_fields
from . import thumbnails
from .assignment import register
from .changes import Change
from .locking import lock_row
from .settlement import drain

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.db.models import Model


def connect(models: Iterable[type[Model]]) -> None:
    """Connect the receivers of these models, and those that empty the queue of what was undone."""
    for model in models:
        concrete = model._meta.concrete_model or model
        # One by one: a receiver without a sender would disable fast deletes in the whole project.
        if avatar_fields(concrete):
            pre_delete.connect(
                _row_deleted, sender=model, dispatch_uid=f"avatar_kit.{model._meta.label}"
            )
    request_finished.connect(_request_finished, dispatch_uid="avatar_kit.drain")
    atexit.register(drain)
    thumbnails.connect()


def complete_cleanup_cache(instance: Model, fields: Iterable[AvatarColumn]) -> None:
    """Give django-cleanup's copy of an instance the fields that were deferred when it was made.

    It would look for them after the row has been saved, and raise. Nothing public leads to that
    copy (django-cleanup 9).
    """
    cache = instance.__dict__.get(CACHE_NAME)
    if cache is not None:
        for field in fields:
            cache.setdefault(field.name, field.attr_class(instance, field, None))


def _row_deleted(sender: type[Model], instance: Model, using: str, **kwargs: Any) -> None:
    model = sender._meta.concrete_model or sender
    fields = avatar_fields(model)
    held = lock_row(model, instance.pk, fields, using)
    for field, old in zip(fields, held or (), strict=False):
        if old:
            register(Change(using=using, field=field, instance=instance, old=old))


def _request_finished(**kwargs: Any) -> None:
    drain()
