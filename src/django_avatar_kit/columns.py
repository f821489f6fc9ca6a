"""Columns that hold the name of a file: which there are, which hold avatars, and their defaults.

Every room asks here whether a field is an avatar's, so that none has to import the field.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.db import models
from django.db.models.expressions import DatabaseDefault

from .conf import cached
from .names import Fit, Name

if TYPE_CHECKING:
    from django.core.files.storage import Storage

    from .specs import Limits, Spec

    # Typed as little as easy-thumbnails' field, which ``AvatarField`` is as well.
    FileField = Any
else:
    FileField = models.FileField

#: Where an instance keeps what ``lifecycle.instance_state`` knows of it.
STATE = "_avatar_state"


class AvatarColumn(FileField):
    """What every room may ask of an ``AvatarField``, which is the only field of this kind."""

    #: How a picture that is no square becomes one.
    fit: Fit
    #: Where the masters are.
    storage: Storage
    #: Where the renditions are.
    rendition_storage: Storage
    #: A storage, or a callable that returns one, if the field has its own for renditions.
    thumbnail_storage: Any
    #: Whether animations keep moving, by the settings of this moment.
    is_animated: bool
    #: What is made of an upload, by the settings of this moment.
    spec: Spec
    #: What an upload may be, by the settings of this moment.
    limits: Limits
    #: ``(other) -> bool``: whether one name means the same files for both fields.
    shares_with: Callable[[Any], bool]
    #: ``(instance, name) -> name``: what the row has, for an instance that has a ``STATE``.
    name_in_row: Callable[[Any, str], str]


@cached
def file_columns() -> tuple[models.FileField, ...]:
    """Every column of the project that can hold the name of a file."""
    return tuple(
        field
        for model in apps.get_models(include_auto_created=True)
        if not model._meta.proxy
        for field in model._meta.local_concrete_fields
        if isinstance(field, models.FileField)
    )


def avatar_columns() -> list[AvatarColumn]:
    """Every column of the project that holds avatars."""
    return [field for field in file_columns() if isinstance(field, AvatarColumn)]


def avatar_fields(model: type[models.Model]) -> tuple[AvatarColumn, ...]:
    """The avatar fields whose columns stand in the model's own table."""
    return tuple(f for f in model._meta.local_concrete_fields if isinstance(f, AvatarColumn))


def default_of(field: models.FileField) -> str:
    """The file that rows of this column show without having one of their own; "" for none."""
    default = field.get_default()
    if isinstance(default, DatabaseDefault):
        default = _value_of(default)
    return str(default or "")


def default_varies(field: models.FileField) -> bool:
    """Whether the default is a callable, or an expression that only the database can evaluate."""
    if field.has_default():
        return callable(field.default)
    default = field.get_default()
    return isinstance(default, DatabaseDefault) and _value_of(default) is None


def may_be_default(name: str, field: models.FileField) -> bool:
    """Whether a file may be the default of this or any other column. Defaults are never deleted.

    A callable may pick one of several files, and so may an expression of the database. Nobody can
    list those files, so that every name which the kit has not generated may be one of them.
    """
    if default_varies(field):
        return Name.parse(name) is None
    return any(name == default_of(column) for column in (field, *file_columns()))


def is_default(name: str, field: models.FileField) -> bool:
    """Whether a row with this name may show the default of its column, and no avatar of its own.

    The kit never generates the name of a default.
    """
    return Name.parse(name) is None and (name == default_of(field) or default_varies(field))


def _value_of(default: Any) -> Any:
    """What the database fills in; None for an expression that only the database can evaluate."""
    expression = default.expression
    return expression.value if isinstance(expression, models.Value) else None
