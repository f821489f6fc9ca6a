"""Whose avatar: from whatever a template holds to an owner, an avatar field and a key.

What a class alone tells (which field, which accessor) is found once per class. Terms: the *holder*
is the row with the ``AvatarField``; the *owner* is who is shown: the user of a profile, or the
holder itself where it has no user.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured, ObjectDoesNotExist
from django.db import models
from django.db.models import prefetch_related_objects
from django.db.models.fields.files import FieldFile
from django.db.models.manager import BaseManager
from django.db.models.signals import class_prepared

from ..columns import STATE, AvatarColumn, avatar_columns, default_of
from ..conf import cached, get_config
from ..lazy import unwrap
from ..names import Name

_Function = TypeVar("_Function", bound=Callable[..., Any])

#: Owner, holder (a model instance or a field file) and field; the last two are None where no row
#: can hold an avatar.
_Found = tuple[Any, Any, "AvatarColumn | None"]


def cached_per_class(function: _Function) -> _Function:
    """Cache what a function tells about a class, until a setting changes or a model is defined."""
    made: Any = cached(function)
    # A new profile changes where the avatar of its user is; tests define models with isolate_apps.
    class_prepared.connect(lambda **_kwargs: made.cache_clear(), weak=False)
    return cast("_Function", made)


def locate(obj: Any) -> tuple[Any, AvatarColumn | None, str | None]:
    """The owner that ``obj`` stands for, the avatar field, and the key of the stored file.

    ``obj`` is a model instance with an ``AvatarField`` (one called ``avatar`` wins, else the
    first declared), its field file, the text of its column, an owner whose one-to-one profile has
    one, a ``SimpleLazyObject`` around one of these, ``None``, ``""`` or an ``AnonymousUser``.

    The owner is None for a text and for the last three; the field is None where no row can hold
    an avatar, the key where the row holds none. An owner whose profile is not loaded costs one
    query, remembered on the owner even where there is no profile. The key is the one in the
    database: a file that is not saved yet, or was rolled back, has none.

    Raises ``TypeError`` for anything else, and ``ImproperlyConfigured`` where more than one
    profile could be meant and ``AVATAR_KIT["OWNER"]`` does not say which.
    """
    owner, holder, field = _find(obj)
    if field is None:
        return owner, None, None
    instance = holder
    if isinstance(holder, FieldFile):
        value: Any = holder
        instance = holder.instance
    else:
        # The plain string that was loaded: the descriptor would build a field file from it.
        value = holder.__dict__.get(field.attname)
    if value.__class__ is not str:
        if not isinstance(value, FieldFile):
            # Deferred, empty or a plain File, all of which the descriptor resolves.
            value = getattr(holder, field.attname)
        value = value.name if value._committed else None
    if STATE in getattr(instance, "__dict__", ()):
        value = field.name_in_row(instance, value)
    return owner, field, value or None


def prefetch_avatars(objects: Iterable[Any], path: str | None = None) -> None:
    """Load the profiles of a page of owners in one query, missing ones included.

    ``objects`` is a list, a queryset, a page of a paginator, or the like; what it holds is what
    ``{% avatar %}`` takes. ``path`` leads from each object to its owner (``"author"``,
    ``"post.author"``); relations on the way that are not loaded are loaded too, one query each.

    Raises ``TypeError`` for an iterator or generator, and for objects without an avatar.
    """
    if isinstance(objects, str | models.Model | Iterator) or not isinstance(objects, Iterable):
        raise TypeError(
            f"prefetch_avatars() takes a list, a queryset or a page of owners, "
            f"not {_describe(type(objects))}."
        )
    found = list(objects)
    for step in _split(path or ""):
        found = _follow(found, step)
    for cls, group in _by_class(found):
        route = _route(cls)
        if route is None and not issubclass(cls, str):
            # Nothing to load. This raises the TypeError for what has no avatar.
            _find(group[0])
        for step in route.steps if route else ():
            group = _follow(group, step)  # noqa: PLW2901


def holder_of(obj: Any) -> models.Model | None:
    """The row that holds the avatar of what :func:`locate` takes; None where there is none."""
    _owner, holder, _field = _find(obj)
    return holder.instance if isinstance(holder, FieldFile) else holder


def steps_to_avatar(model: type[models.Model]) -> tuple[str, ...]:
    """The attributes that lead from a row to the one with its avatar; empty where it is the same.

    With an entry in ``OWNER``, the last may be the avatar itself. Raises as :func:`locate`.
    """
    route = _route(model)
    return route.steps if route else ()


def own_row(user: models.Model) -> models.Model:
    """The row with a user's own avatar: the user, or their profile; a new one, not saved, if none.

    Raises ``TypeError`` where there is no avatar at all, and ``ImproperlyConfigured`` where
    ``AVATAR_KIT["OWNER"]`` leads to a row that is not the user's one-to-one profile.
    """
    _owner, holder, _field = _find(user)
    if (holder.instance if isinstance(holder, FieldFile) else holder) is user:
        return user
    route = _route(type(user))
    steps = route.steps if route else ()
    for relation in user._meta.related_objects:
        if relation.one_to_one and (relation.get_accessor_name(),) == steps:
            try:
                return getattr(user, steps[0])  # type: ignore[no-any-return]
            except ObjectDoesNotExist:
                return relation.related_model(**{relation.field.name: user})
    raise ImproperlyConfigured(
        f"The avatar of {user._meta.label} is found through “{'.'.join(steps)}”, which is no "
        "one-to-one profile. Override get_object() of the view to say which row users may change."
    )


@cached_per_class
def link_of(model: type) -> Any:
    """The one-to-one field from a profile to its user, or to whoever else it belongs to.

    A model with a name of its own (a custom user with an avatar) is no profile.
    """
    named = hasattr(model, "get_full_name") or hasattr(model, "get_username")
    if named or _avatar_field(model) is None:
        return None
    columns: Any = model._meta.concrete_fields  # type: ignore[attr-defined]
    links = [f for f in columns if f.one_to_one and not f.remote_field.parent_link]
    users = [f for f in links if f.related_model._meta.label == settings.AUTH_USER_MODEL]
    return next(iter(users or links), None)


def _find(obj: Any) -> _Found:
    route = _route(type(obj))
    if route is None:
        inner = unwrap(obj)
        return _find_without_row(obj) if inner is obj else _find(inner)
    if not route.steps:
        return _owner_of(obj, route.link), obj, route.field
    holder: Any = obj
    for step in route.steps:
        try:
            holder = getattr(holder, step)
        except ObjectDoesNotExist:
            holder = None
        except AttributeError as error:
            if not route.label:
                # The site's own, in a property or in the loading of the profile.
                raise
            raise route.error(f"{_describe(type(holder))} has no “{step}”") from error
        if holder is None:
            return obj, None, None
    if not route.label:
        _, holder, field = _find(holder)
        return obj, holder, field
    # OWNER may name a relation to another row of the same model: its entry is not followed again.
    field = holder.field if isinstance(holder, FieldFile) else _avatar_field(type(holder))
    if not isinstance(field, AvatarColumn):
        raise route.error(f"{_describe(type(holder))} has no AvatarField")
    return obj, holder, field


def _find_without_row(obj: Any) -> _Found:
    cls = type(obj)
    if isinstance(obj, FieldFile) and isinstance(obj.field, AvatarColumn):
        instance = obj.instance
        # The copies of field files that django-cleanup makes have a substitute there.
        known = isinstance(instance, models.Model)
        return _owner_of(instance, link_of(type(instance))) if known else None, obj, obj.field
    # AnonymousUser is no model, and cannot be imported where django.contrib.auth is not installed.
    if obj is None or hasattr(cls, "is_anonymous") or (isinstance(obj, str) and not obj):
        return None, None, None
    if isinstance(obj, str) and (column := _field_of_key(str(obj))):
        return None, column.attr_class(None, column, str(obj)), column
    raise _no_avatar(cls)


def _owner_of(instance: models.Model, link: Any) -> Any:
    if link is None:
        return instance
    return link.get_cached_value(instance, default=None) or instance


@dataclass(frozen=True, kw_only=True)
class _Route:
    """How to get from an object of one model to its avatar."""

    #: Accessors to the row with the avatar, or to its field file; empty where the object has it.
    steps: tuple[str, ...] = ()
    #: The object's own avatar field, where there are no steps.
    field: AvatarColumn | None = None
    #: The field that leads from the object to its owner, if it is a profile.
    link: Any = None
    #: The key in ``OWNER``, where the steps were configured.
    label: str = ""

    def error(self, reason: str) -> ImproperlyConfigured:
        return ImproperlyConfigured(
            f'AVATAR_KIT["OWNER"]["{self.label}"] = "{".".join(self.steps)}" does not lead to an '
            f"avatar: {reason}."
        )


@cached_per_class
def _route(model: type) -> _Route | None:
    """The route from objects of a class; None for a class that is no model."""
    if not issubclass(model, models.Model):
        return None
    owners = {key.lower(): accessor for key, accessor in (get_config().owner or {}).items()}
    # A proxy or a child of the owner is that owner, unless it has an entry of its own.
    for ancestor in model.__mro__:
        options = getattr(ancestor, "_meta", None)
        if options is not None and not options.abstract and options.label_lower in owners:
            return _Route(steps=_split(owners[options.label_lower]), label=options.label)
    field = _avatar_field(model)
    if field is not None:
        return _Route(field=field, link=link_of(model))
    # Relations to parents and, on a proxy, to the concrete model are among these.
    accessors: list[Any] = [
        relation.get_accessor_name()
        for relation in model._meta.related_objects
        if relation.one_to_one
        and not relation.field.remote_field.parent_link
        and _avatar_field(relation.related_model) is not None
    ]
    if not accessors:
        raise _no_avatar(model)
    if len(accessors) > 1:
        raise ImproperlyConfigured(
            f"{model._meta.label} has more than one profile with an avatar: "
            f"{', '.join(f'“{accessor}”' for accessor in accessors)}. Say which one to show: "
            f"AVATAR_KIT = {{'OWNER': {{'{model._meta.label_lower}': '{accessors[0]}'}}}}."
        )
    return _Route(steps=(accessors[0],))


@cached_per_class
def _avatar_field(model: type) -> AvatarColumn | None:
    """The field that ``{% avatar %}`` shows; None also for a class that is no model."""
    columns = model._meta.concrete_fields if issubclass(model, models.Model) else ()
    fields = [field for field in columns if isinstance(field, AvatarColumn)]
    return min(fields, key=lambda field: field.name != "avatar", default=None)


def _field_of_key(key: str) -> AvatarColumn | None:
    """The field whose column a text comes from; None for a text that no field would store."""
    known = avatar_columns()
    found = [field for field in known if _stores(field, key)]
    if not found and Name.parse(key) is not None:
        # A callable upload_to may have put it into any folder.
        found = [field for field in known if callable(field.upload_to)]
    if found and not all(found[0].shares_with(field) for field in found):
        labels = ", ".join(str(field) for field in found)
        raise TypeError(
            f"“{key}” may be of {labels}, whose files lie in different storages. Pass the row, or "
            "its field file, instead of the text."
        )
    return found[0] if found else None


def _stores(field: AvatarColumn, key: str) -> bool:
    """Whether a key is in the field's folder, or is the field's default."""
    if key == default_of(field):
        return True
    # The folder ends at the first code of strftime(), which gives another text each day.
    folder = posixpath.join(str(field.upload_to), "").partition("%")[0]
    return not callable(field.upload_to) and key.startswith(folder)


def _split(path: str) -> tuple[str, ...]:
    return tuple(path.replace("__", ".").split(".")) if path else ()


def _by_class(objects: Iterable[Any]) -> Iterable[tuple[type, list[Any]]]:
    groups: dict[type, list[Any]] = {}
    for obj in map(unwrap, objects):
        groups.setdefault(type(obj), []).append(obj)
    return groups.items()


def _follow(objects: Iterable[Any], step: str) -> list[Any]:
    """What the objects have under ``step``; relations not loaded yet cost one query per class."""
    found: list[Any] = []
    for cls, group in _by_class(objects):
        relation = getattr(cls, step, None)
        if hasattr(relation, "get_prefetch_querysets") or hasattr(relation, "related_manager_cls"):
            # Django refuses to load the relations of a row that is not saved.
            prefetch_related_objects([obj for obj in group if obj.pk is not None], step)
        for obj in group:
            try:
                value = getattr(obj, step)
            except ObjectDoesNotExist:
                continue
            found += value.all() if isinstance(value, BaseManager) else [value]
    return [obj for obj in found if obj is not None]


def _no_avatar(cls: type) -> TypeError:
    return TypeError(
        f"{_describe(cls)} has no avatar. What can be shown is a model instance with an "
        "AvatarField, its field file, an owner whose one-to-one profile has one (with a "
        "related_name), None or AnonymousUser."
    )


def _describe(cls: type) -> str:
    return cls._meta.label if issubclass(cls, models.Model) else f"“{cls.__qualname__}”"
