"""The filter of a list: who has a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.admin import SimpleListFilter
from django.core.exceptions import ImproperlyConfigured
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from ..columns import AvatarColumn, default_of, default_varies
from ..display import owners
from .fields import own_fields

if TYPE_CHECKING:
    from django.db import models
    from django.http import HttpRequest

#: What only a name of the kit has, in a regular expression that every database understands.
_KIT_NAME = "-[0-9a-f]{16}-k1-[1-9][0-9]*x[1-9][0-9]*-"


class HasAvatarFilter(SimpleListFilter):
    """Rows with and without a picture of their own, also where a one-to-one profile has it.

    A column that is empty, NULL or has its default counts as without. A subclass may name another
    ``field_name`` of the model, with a ``title`` and a ``parameter_name`` of its own.
    """

    title = _("avatar")
    parameter_name = "has_avatar"
    #: The avatar field, where the model has several; None for the one that ``{% avatar %}`` shows.
    field_name: str | None = None

    def lookups(self, request: HttpRequest, _model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("With a picture")), ("no", _("Without a picture"))]

    def queryset(
        self, request: HttpRequest, queryset: models.QuerySet[Any]
    ) -> models.QuerySet[Any] | None:
        """None, which leaves the list as it is, for a value that is neither."""
        if self.value() not in {"yes", "no"}:
            return None
        path, field = _lookup(queryset.model, self.field_name)
        without = Q(**{path: ""}) | Q(**{f"{path}__isnull": True})
        if default_varies(field):
            without |= ~Q(**{f"{path}__regex": _KIT_NAME})
        elif default := default_of(field):
            without |= Q(**{path: default})
        # A query of its own: the facets of the list use the condition without its joins.
        rows: Any = queryset.model._base_manager.using(queryset.db).filter(without).values("pk")
        has_none = Q(pk__in=rows)
        found: models.QuerySet[Any] = queryset.filter(
            has_none if self.value() == "no" else ~has_none
        )
        return found


def _lookup(model: type[models.Model], field_name: str | None) -> tuple[str, AvatarColumn]:
    """The lookup from a model to an avatar, by default that of ``{% avatar %}``, and its field."""
    path: list[str] = []
    holder: Any = model
    for step in () if own_fields(model) else owners.steps_to_avatar(model):
        fields = holder._meta.get_fields()
        found = next((field for field in fields if _accessor(field) == step), None)
        if found is None:
            raise ImproperlyConfigured(
                f"HasAvatarFilter cannot follow “{step}”, which is no relation of "
                f"{holder._meta.label}. Take it out of list_filter."
            )
        if isinstance(found, AvatarColumn):
            return "__".join([*path, found.name]), found
        path.append(found.name)
        holder = found.related_model
    own = sorted(own_fields(holder), key=lambda field: field.name != (field_name or "avatar"))
    return "__".join([*path, own[0].name]), own[0]


def _accessor(field: Any) -> str:
    reverse = field.auto_created and not field.concrete
    return str(field.get_accessor_name() if reverse else field.name)
