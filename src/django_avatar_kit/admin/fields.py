"""The avatar fields of a model that an admin shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..columns import AvatarColumn

if TYPE_CHECKING:
    from django.db import models


def own_fields(model: type[models.Model]) -> list[AvatarColumn]:
    """The avatar fields of a model, those of its parents among them."""
    return [f for f in model._meta.concrete_fields if isinstance(f, AvatarColumn)]
