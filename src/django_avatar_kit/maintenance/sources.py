"""From the label of a field on any model to the avatars that its pictures are for.

The *owner* joins the two sides: whom the row with the old picture belongs to, and whose avatar the
target field holds. Either side may be the owner itself.

    avatar.Avatar.avatar ──user──▶ auth.User ◀──user── profiles.Profile.avatar
        source           foreign key  owner  one-to-one       target
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist
from django.core.management.base import CommandError
from django.db import models

from ..columns import AvatarColumn, avatar_columns, avatar_fields
from ..conf import get_config
from .avatars import fields_of

#: The lookup of a row that is the owner itself.
SELF = "pk"


@dataclass(frozen=True, kw_only=True)
class Route:
    """How to get from old pictures to avatars."""

    source: models.FileField
    #: Whose rows have the pictures: the model of the field, or a child of it.
    model: type[models.Model]
    target: AvatarColumn
    owner: type[models.Model]
    #: Lookups of the owner's primary key, from the rows on either side.
    from_source: str
    from_target: str
    #: Which of an owner's pictures comes first.
    order: tuple[Any, ...]

    @property
    def link(self) -> Any:
        """The one-to-one field from the target to the owner; None if the target is the owner."""
        name = self.from_target.removesuffix("__pk")
        return None if self.from_target == SELF else self.target.model._meta.get_field(name)

    @property
    def gallery(self) -> str:
        """The foreign key from each picture of a gallery to its owner, "" if it is none.

        The two fields have the names that ``contrib.gallery.base`` asks for. Types do not tell: a
        profile may lead to a second user, such as the one who invited them.
        """
        return "owner" if self.link is not None and self.link.name == "primary_of" else ""


def route_of(
    source: str, target: str | None = None, owner: str | None = None, order: Iterable[str] = ()
) -> Route:
    """The route from ``app.Model[.field]`` to the avatar field that its pictures belong to.

    ``target`` says which one, as ``app.Model[.field]``, where several could be meant; ``owner``
    is the source's foreign key, likewise; ``order`` are fields of the source, as in
    ``order_by()``. Raises ``CommandError``.
    """
    model, field = _file_field(source)
    links = list(_links_of_source(model, owner))
    known = fields_of([target]) if target else list(_shown(field))
    found = [
        Route(
            source=field,
            model=model,
            target=column,
            owner=whose,
            from_source=from_source,
            from_target=from_target,
            order=tuple(order) or _order(model),
        )
        for column in known
        for whose, from_source in links
        for from_target in _lookups_of_target(column.model, whose)
    ]
    # A field of the same model is meant before that of its owner.
    found = [route for route in found if route.from_source == SELF == route.from_target] or found
    found = list(filter(_is_configured, found)) or found
    if not found:
        raise CommandError(
            f"Nothing leads from {field} to {_listed(known) or 'an AvatarField'}: the avatar has "
            "to be on the same model, on a model that it has a foreign key to, or on a one-to-one "
            "profile of that model."
        )
    targets = list(dict.fromkeys(str(route.target) for route in found))
    if len(targets) > 1:
        raise CommandError(f"Say which avatar is meant: --to {' or --to '.join(targets)}.")
    if len(found) > 1:
        names = [route.from_source.removesuffix("__pk") for route in found]
        raise CommandError(f"Say whose picture it is: --owner {' or --owner '.join(names)}.")
    _check_order(found[0])
    return found[0]


def _is_configured(route: Route) -> bool:
    """Whether ``AVATAR_KIT["OWNER"]`` names this avatar for the owner."""
    owners = {key.lower(): path for key, path in (get_config().owner or {}).items()}
    step = owners.get(route.owner._meta.label_lower, "").replace("__", ".").partition(".")[0]
    link = route.link
    return link is not None and link.remote_field.get_accessor_name() == step


def _file_field(label: str) -> tuple[type[models.Model], models.FileField]:
    app, _, rest = label.partition(".")
    model_name, _, field_name = rest.partition(".")
    try:
        model = apps.get_model(app, model_name)
    except (LookupError, ValueError) as error:
        raise CommandError(f"There is no model “{label}”.") from error
    of_model = [f for f in model._meta.concrete_fields if isinstance(f, models.FileField)]
    found = [field for field in of_model if field_name in ("", field.name)]
    if len(found) != 1:
        raise CommandError(
            f"“{label}” is not one field with files. {model._meta.label} has "
            f"{_listed(of_model) or 'none'}."
        )
    return model, found[0]


def _links_of_source(
    model: type[models.Model], owner: str | None
) -> Iterator[tuple[type[models.Model], str]]:
    """Whom a row may belong to, and the lookup that leads there."""
    if owner is None:
        yield model, SELF
    for field in model._meta.concrete_fields:
        link = field.remote_field
        # Its primary parent is the row itself.
        if link is None or (field.primary_key and link.parent_link):
            continue
        if owner in (None, field.name):
            yield field.related_model, f"{field.name}__pk"  # type: ignore[misc]


def _shown(source: models.FileField) -> Iterator[AvatarColumn]:
    """The field of each model that ``{% avatar %}`` shows: ``avatar``, else the first."""
    models_ = dict.fromkeys(column.model for column in avatar_columns())
    for model in models_:
        columns = [column for column in avatar_fields(model) if column != source]
        yield from sorted(columns, key=lambda column: column.name != "avatar")[:1]


def _lookups_of_target(model: type[models.Model], owner: type[models.Model]) -> Iterator[str]:
    if _is(owner, model):
        yield SELF
    columns: Any = model._meta.concrete_fields
    for field in columns:
        is_link = field.one_to_one and not field.remote_field.parent_link
        if is_link and _is(owner, field.related_model):
            yield f"{field.name}__pk"


def _is(model: Any, other: Any) -> bool:
    """Whether a row of ``model`` is one of ``other`` with the same primary key, as a child's is.

    A second parent of a model has keys of its own.
    """
    model, other = model._meta.concrete_model, other._meta.concrete_model
    while model is not other:
        link = model._meta.pk.remote_field
        if link is None or not link.parent_link:
            return False
        model = link.model._meta.concrete_model
    return True


def _order(model: type[models.Model]) -> tuple[Any, ...]:
    """That of django-avatar, or the model's own; else the newest comes first."""
    names = {field.name for field in model._meta.concrete_fields}
    if {"primary", "date_uploaded"} <= names:
        return "-primary", "-date_uploaded"
    return tuple(model._meta.ordering or ["-pk"])


def _check_order(route: Route) -> None:
    for name in route.order:
        if isinstance(name, str) and name not in ("pk", "-pk"):
            try:
                route.model._meta.get_field(name.lstrip("-").partition("__")[0])
            except FieldDoesNotExist as error:
                raise CommandError(f"--order: {error}.") from error


def _listed(fields: Iterable[models.FileField]) -> str:
    return ", ".join(map(str, fields))
