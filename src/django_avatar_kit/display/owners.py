"""Whose avatar: from whatever a template holds to an owner, its field and the key in the column.

What can be told from a class alone (which field, which accessor) is found once per class; for an
object it is then an attribute or two. Terms: the *holder* is the row with the ``AvatarField``, the
*owner* is who is shown: the user of a profile, or the holder itself where it stands for itself.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from types import CodeType, NoneType
from typing import Any, NoReturn, TypeVar, cast

from django.conf import settings
from django.core.exceptions import FieldError, ImproperlyConfigured, ObjectDoesNotExist
from django.core.signals import setting_changed
from django.db import DEFAULT_DB_ALIAS, connections, models
from django.db.models import prefetch_related_objects
from django.db.models.fields.files import FieldFile
from django.db.models.manager import BaseManager
from django.db.models.signals import class_prepared
from django.utils.functional import LazyObject, empty
from django.utils.module_loading import import_string

from ..columns import STATE, AvatarColumn, avatar_columns, default_of
from ..conf import get_config
from ..names import Name

_Function = TypeVar("_Function", bound=Callable[..., Any])

#: Owner, holder (a model instance or a field file) and field; the last two are None without one.
Found = tuple[Any, Any, "AvatarColumn | None"]

#: What an e-mail address looks like inside any text. An address of a federated account
#: (``@ada@example.org``) counts: it reaches a person just as well.
_EMAIL = re.compile(r"\S@\S")

#: Colours of initials: 24 hues, 15 degrees apart, are about what can be told apart at a glance,
#: and few enough that the hue says next to nothing about the key it comes from.
HUES = 24


_caches: list[Any] = []


def _per_class(function: _Function) -> _Function:
    """Asked once per class (or path), until models or settings change."""
    cached = cache(function)
    _caches.append(cached)
    return cast("_Function", cached)


def resolve(obj: Any) -> tuple[Any, Any]:
    """The owner that ``obj`` stands for, and its avatar's field file.

    ``obj`` is a model instance with an ``AvatarField`` (one called ``avatar`` wins, else the first
    declared), its field file, an owner whose one-to-one profile has one, a ``SimpleLazyObject``
    around one of these, ``None``, ``""`` or an ``AnonymousUser``. The owner is None for the last
    three; the file is None where there is no row that could hold one, and empty (false) where the
    row holds none. An owner whose profile is not loaded costs one query, remembered on the owner
    even where there is no profile.

    Raises ``TypeError`` for anything else, and ``ImproperlyConfigured`` where more than one
    profile could be meant and ``AVATAR_KIT["OWNER"]`` does not say which.
    """
    owner, holder, field = _plan(type(obj)).find(obj)
    if field is None or isinstance(holder, FieldFile):
        return owner, holder
    return owner, getattr(holder, field.attname)


def locate(obj: Any) -> tuple[Any, AvatarColumn | None, str | None]:
    """Like :func:`resolve`, but the field and the key of the stored file, or None without one.

    No field file is built where the row still holds the plain string it was loaded with. A file
    that was assigned and not yet stored has no key: until it is saved, as on a form that comes
    back with errors, and after a rollback, what the row has is shown.
    """
    owner, holder, field = _plan(type(obj)).find(obj)
    if field is None:
        return owner, None, None
    value: Any = holder if isinstance(holder, FieldFile) else holder.__dict__.get(field.attname)
    if value.__class__ is not str:
        if not isinstance(value, FieldFile):
            # Deferred, empty, or a plain File: the descriptor knows.
            value = getattr(holder, field.attname)
        value = value.name if value._committed else None
    instance = holder.instance if isinstance(holder, FieldFile) else holder
    if STATE in getattr(instance, "__dict__", ()):
        value = field.name_in_row(instance, value)
    return owner, field, value or None


def display_name(owner: Any) -> str:
    """The name to show for an owner: never an e-mail address, never at the cost of a query.

    ``DISPLAY_NAME`` where it is set, else ``get_full_name()``, ``get_username()`` or ``str()``,
    whichever first gives a text without an e-mail address; else ``""``. A profile has the name of
    its user, if the user is loaded: ``select_related("user")`` in the view gives a page of
    profiles their names.
    """
    owner = unwrap(owner)
    if owner is None:
        return ""
    link = link_of(type(owner))
    if link is not None:
        user = _loaded(owner, link)
        if user is not None:
            owner = user
        elif owner.__dict__.get(link.attname, empty) is not None:
            # There is a user (or the column is deferred), and asking would cost a query per row.
            return ""
    configured = get_config().display_name
    if configured is not None:
        text = configured(owner) if callable(configured) else _imported(configured)(owner)
        return _without_email(text)
    return _own_name(owner)


def _own_name(owner: models.Model) -> str:
    """What the owner's class calls it, from what is loaded."""
    sources = _name_sources(type(owner))
    if not sources:
        return ""
    reads = _attributes_read(type(owner))
    if reads is not None and reads <= owner.__dict__.keys():
        # As cheap as the guard below is, a page of a thousand avatars notices it.
        return _without_email(owner)
    # What follows is the site's code, called for an attribute that it may not even show: fields
    # that the view deferred and relations that it did not load stay unloaded.
    connection = connections[owner._state.db or DEFAULT_DB_ALIAS]
    connection.execute_wrappers.append(_refuse)
    _naming.depth += 1
    try:
        for source in sources:
            if text := _without_email(source(owner)):
                return text
    except _QueryRefusedError:
        if connection.queries_logged:
            # Django logs a query even where it is not sent.
            connection.queries_log.pop()
    except FieldError:
        # Django 6.1's FETCH_RAISE, with which the view has said the same.
        pass
    finally:
        _naming.depth -= 1
        connection.execute_wrappers.remove(_refuse)
    return ""


def hue(owner: Any) -> int:
    """A colour for the owner, as an angle in degrees (a multiple of 15); always the same one.

    A profile has the hue of its user, loaded or not. It is taken from a hash, so that neither keys
    nor names can be read from it.
    """
    owner = unwrap(owner)
    if owner is None:
        return 0
    link = link_of(type(owner))
    key = None if link is None else owner.__dict__.get(link.attname)
    label = _label(type(owner) if link is None or key is None else link.related_model)
    digest = hashlib.blake2b(
        f"{label}:{owner.pk if key is None else key}".encode(), digest_size=4
    ).digest()
    return int.from_bytes(digest, "big") % HUES * (360 // HUES)


def prefetch_avatars(objects: Iterable[Any], path: str | None = None) -> None:
    """Load the profiles of a page of owners in one query, misses included.

    ``objects`` is a list, a queryset, a page of a paginator, or the like; what it holds is what
    ``{% avatar %}`` takes. ``path`` leads from each object to its owner (``"author"``,
    ``"post.author"``); relations on the way that are not loaded are loaded too, one query each.

    Raises ``TypeError`` for what cannot be walked twice, and for objects without an avatar.
    """
    if isinstance(objects, str | models.Model | Iterator) or not isinstance(objects, Iterable):
        raise TypeError(
            f"prefetch_avatars() takes a list, a queryset or a page of owners, "
            f"not {_describe(type(objects))}."
        )
    found = list(objects)
    for step in _steps(path or ""):
        found = _follow(found, step)
    for cls, group in _by_class(found):
        _plan(cls).prefetch(group)


def profile_relation(user: models.Model) -> models.OneToOneRel | None:
    """How to get from a user to the profile that holds the avatar; None where the user does.

    Raises ``TypeError`` where there is no avatar at all, and ``ImproperlyConfigured`` where
    ``AVATAR_KIT["OWNER"]`` leads to a row that need not be the user's own.
    """
    _owner, avatar = resolve(user)
    if avatar is not None and avatar.instance is user:
        return None
    model = user._meta.model
    steps = _plan(model).steps
    for relation in model._meta.related_objects:
        if relation.one_to_one and (relation.get_accessor_name(),) == steps:
            return relation  # type: ignore[return-value]
    raise ImproperlyConfigured(
        f"The avatar of {model._meta.label} is found through “{'.'.join(steps)}”, which is no "
        "one-to-one profile. Override get_object() of the view to say which row users may change."
    )


class _Plan:
    """How to get from an object of one class to its avatar. This one: there is none."""

    __slots__ = ()
    #: The accessors from the object to the row with the avatar.
    steps: tuple[str, ...] = ()

    def find(self, obj: Any) -> Found:  # noqa: ARG002
        return None, None, None

    def prefetch(self, objects: list[Any]) -> None:
        pass


class _Text(_Plan):
    """The text of a column, as ``.values("avatar")`` gives it, or a variable that does not exist.

    Any other text is a mistake.
    """

    __slots__ = ()

    def find(self, obj: Any) -> Found:
        if obj == "":
            return None, None, None
        field = _field_of_key(str(obj))
        return None, field.attr_class(None, field, str(obj)), field


class _Lazy(_Plan):
    """``request.user`` and its like."""

    __slots__ = ()

    def find(self, obj: Any) -> Found:
        obj = unwrap(obj)
        return _plan(type(obj)).find(obj)


class _Direct(_Plan):
    """A row with an ``AvatarField`` of its own."""

    __slots__ = ("field", "link")

    def __init__(self, field: AvatarColumn, link: Any) -> None:
        self.field = field
        self.link = link

    def find(self, obj: Any) -> Found:
        # _owner(), written out for the sake of long lists.
        link = self.link
        if link is None:
            return obj, obj, self.field
        return obj._state.fields_cache.get(link.cache_name) or obj, obj, self.field


class _File(_Plan):
    """A field file."""

    __slots__ = ()

    def find(self, obj: Any) -> Found:
        if not isinstance(obj.field, AvatarColumn):
            _refuse_class(type(obj))
        instance = obj.instance
        # django-cleanup hands out copies whose instance is a stand-in.
        if not isinstance(instance, models.Model):
            return None, obj, obj.field
        return _owner(instance, link_of(type(instance))), obj, obj.field


class _Owned(_Plan):
    """An owner whose one-to-one profile has the avatar."""

    __slots__ = ("accessor", "relation", "steps")

    def __init__(self, relation: Any) -> None:
        self.relation = relation
        self.accessor: str = relation.get_accessor_name()
        self.steps = (self.accessor,)

    def find(self, obj: Any) -> Found:
        profile = _loaded(obj, self.relation, empty)
        if profile is empty:
            try:
                profile = getattr(obj, self.accessor)
            except ObjectDoesNotExist:
                profile = None
        if profile is None:
            return obj, None, None
        _, holder, field = _plan(type(profile)).find(profile)
        return obj, holder, field

    def prefetch(self, objects: list[Any]) -> None:
        _follow(objects, self.accessor)


class _Configured(_Plan):
    """An owner for which ``OWNER`` names the way to a row with an avatar, or to the avatar."""

    __slots__ = ("label", "steps")

    def __init__(self, label: str, accessor: str) -> None:
        self.label = label
        self.steps = _steps(accessor)

    def find(self, obj: Any) -> Found:
        holder = obj
        for step in self.steps:
            try:
                holder = getattr(holder, step)
            except ObjectDoesNotExist:
                holder = None
            except AttributeError as error:
                raise self.error(f"{_describe(type(holder))} has no “{step}”") from error
            if holder is None:
                return obj, None, None
        field = holder.field if isinstance(holder, FieldFile) else _field(type(holder))
        if field is None or not isinstance(field, AvatarColumn):
            raise self.error(f"{_describe(type(holder))} has no AvatarField")
        return obj, holder, field

    def prefetch(self, objects: list[Any]) -> None:
        for step in self.steps:
            objects = _follow(objects, step)

    def error(self, reason: str) -> ImproperlyConfigured:
        return ImproperlyConfigured(
            f'AVATAR_KIT["OWNER"]["{self.label}"] = "{".".join(self.steps)}" does not lead to an '
            f"avatar: {reason}."
        )


@_per_class
def _plan(cls: type) -> _Plan:
    if issubclass(cls, models.Model):
        return _model_plan(cls)
    if issubclass(cls, str):
        return _Text()
    if issubclass(cls, LazyObject):
        return _Lazy()
    if issubclass(cls, FieldFile):
        return _File()
    # AnonymousUser is no model, and its module cannot be imported where auth is not installed.
    if cls is NoneType or hasattr(cls, "is_anonymous"):
        return _Plan()
    return _refuse_class(cls)


def _model_plan(model: type[models.Model]) -> _Plan:
    owners = {key.lower(): accessor for key, accessor in (get_config().owner or {}).items()}
    # A proxy or a child of the owner is that owner, unless it has an entry of its own.
    for ancestor in model.__mro__:
        options = getattr(ancestor, "_meta", None)
        if options is not None and not options.abstract and options.label_lower in owners:
            return _Configured(options.label, owners[options.label_lower])
    field = _field(model)
    if field is not None:
        return _Direct(field, link_of(model))
    # Relations to parents and, on a proxy, to the concrete model are among these.
    candidates = [
        relation
        for relation in model._meta.related_objects
        if relation.one_to_one
        and not relation.field.remote_field.parent_link
        and _field(relation.related_model) is not None
    ]
    if not candidates:
        _refuse_class(model)
    if len(candidates) > 1:
        accessors = [relation.get_accessor_name() for relation in candidates]
        raise ImproperlyConfigured(
            f"{model._meta.label} has more than one profile with an avatar: "
            f"{', '.join(f'“{accessor}”' for accessor in accessors)}. Say which one to show: "
            f"AVATAR_KIT = {{'OWNER': {{'{model._meta.label_lower}': '{accessors[0]}'}}}}."
        )
    return _Owned(candidates[0])


@_per_class
def _field(model: type) -> AvatarColumn | None:
    """The avatar field of a class; None also for a class that is no model."""
    if not issubclass(model, models.Model):
        return None
    fields = [f for f in model._meta.concrete_fields if isinstance(f, AvatarColumn)]
    return next((f for f in fields if f.name == "avatar"), fields[0] if fields else None)


def _field_of_key(key: str) -> AvatarColumn:
    """The field whose column a text comes from. Raises ``TypeError`` for what is no such text.

    Fields whose files lie in the same place are as good as one another; where they do not, the
    folder tells them apart.
    """
    known = avatar_columns()
    found = [field for field in known if _stores(field, key)]
    if not found and Name.parse(key) is not None:
        # Of a callable upload_to, nobody knows the folder.
        found = [field for field in known if callable(field.upload_to)]
    if found and all(found[0].shares_with(field) for field in found):
        return found[0]
    if found:
        labels = ", ".join(str(field) for field in found)
        raise TypeError(
            f"“{key}” may be of {labels}, whose files lie in different storages. Pass the row, or "
            "its field file, instead of the text."
        )
    return _refuse_class(str)


def _stores(field: AvatarColumn, key: str) -> bool:
    """Whether a key lies where the field puts its files, or is its default."""
    if callable(field.upload_to):
        return key == default_of(field)
    # Codes of strftime() stand for something else each day.
    folder = posixpath.join(str(field.upload_to), "").partition("%")[0]
    return key == default_of(field) or key.startswith(folder)


@_per_class
def link_of(model: type) -> Any:
    """The one-to-one field from a profile to its user, or to whoever else it belongs to.

    A model that can tell a name of its own (a custom user with an avatar) is no profile.
    """
    if _field(model) is None or hasattr(model, "get_full_name") or hasattr(model, "get_username"):
        return None
    links = [
        f
        for f in model._meta.concrete_fields  # type: ignore[attr-defined]
        if f.one_to_one and not f.remote_field.parent_link
    ]
    users = [f for f in links if f.related_model._meta.label == settings.AUTH_USER_MODEL]
    return next(iter(users or links), None)


@_per_class
def _label(model: type[models.Model]) -> str:
    """One label for a model, its proxies and its children, which share their keys."""
    model = model._meta.concrete_model or model
    while (relation := model._meta.pk.remote_field) and getattr(relation, "parent_link", False):
        model = relation.model
    return model._meta.label_lower


@_per_class
def _name_sources(model: type) -> tuple[Callable[[Any], Any], ...]:
    sources = [
        method
        for attribute in ("get_full_name", "get_username")
        if callable(method := getattr(model, attribute, None))
    ]
    # "Team object (1)" is nobody's name.
    if getattr(model, "__str__") is not models.Model.__str__:  # noqa: B009
        sources.append(str)
    return tuple(sources)


@_per_class
def _attributes_read(model: type) -> frozenset[str] | None:
    """What a row's name is read from, where that is a ``__str__`` that does nothing but read.

    The names in its byte code: whoever reads only what is loaded cannot cause a query. None where
    there is more to it.
    """
    code: CodeType | None = getattr(getattr(model, "__str__"), "__code__", None)  # noqa: B009
    if (
        code is None
        or _name_sources(model) != (str,)
        or code.co_freevars
        or any(isinstance(constant, CodeType) for constant in code.co_consts)
    ):
        return None
    return frozenset(code.co_names)


@_per_class
def _imported(path: str) -> Callable[[Any], Any]:
    try:
        function = import_string(path)
    except ImportError as error:
        raise ImproperlyConfigured(
            f'AVATAR_KIT["DISPLAY_NAME"] = "{path}" cannot be imported: {error}'
        ) from error
    return function  # type: ignore[no-any-return]


def _owner(instance: models.Model, link: Any) -> Any:
    return instance if link is None else _loaded(instance, link) or instance


def _loaded(instance: models.Model, relation: Any, default: Any = None) -> Any:
    """What Django remembers of a relation; its own way to ask raises where that is nothing."""
    return instance._state.fields_cache.get(relation.cache_name, default)


def unwrap(obj: Any) -> Any:
    while isinstance(obj, LazyObject):
        if obj._wrapped is empty:
            obj._setup()
        obj = obj._wrapped
    return obj


def _steps(path: str) -> tuple[str, ...]:
    return tuple(path.replace("__", ".").split(".")) if path else ()


def _by_class(objects: Iterable[Any]) -> Iterator[tuple[type, list[Any]]]:
    groups: dict[type, list[Any]] = {}
    for obj in map(unwrap, objects):
        groups.setdefault(type(obj), []).append(obj)
    yield from groups.items()


def _follow(objects: Iterable[Any], step: str) -> list[Any]:
    """What the objects have under ``step``; relations not loaded yet cost one query per class."""
    found: list[Any] = []
    for cls, group in _by_class(objects):
        descriptor = getattr(cls, step, None)
        if hasattr(descriptor, "get_prefetch_querysets") or hasattr(
            descriptor, "related_manager_cls"
        ):
            # An unsaved row cannot be asked for, and has nothing to ask for.
            prefetch_related_objects([obj for obj in group if obj.pk is not None], step)
        for obj in group:
            try:
                value = getattr(obj, step)
            except ObjectDoesNotExist:
                continue
            found += value.all() if isinstance(value, BaseManager) else [value]
    return [obj for obj in found if obj is not None]


def _without_email(text: Any) -> str:
    text = "" if text is None else str(text).strip()
    return "" if "@" in text and _EMAIL.search(text) else text


class _QueryRefusedError(Exception):
    """The site's own naming code asked the database."""


class _Naming(threading.local):
    depth = 0


# Tests with a live server share one connection between threads.
_naming = _Naming()


def _refuse(execute: Callable[..., Any], *args: Any) -> Any:
    if _naming.depth:
        raise _QueryRefusedError
    return execute(*args)


def _refuse_class(cls: type) -> NoReturn:
    raise TypeError(
        f"{_describe(cls)} has no avatar. What can be shown is a model instance with an "
        "AvatarField, its field file, an owner whose one-to-one profile has one (with a "
        "related_name), None or AnonymousUser."
    )


def _describe(cls: type) -> str:
    return cls._meta.label if issubclass(cls, models.Model) else f"“{cls.__qualname__}”"


def _forget(**_kwargs: Any) -> None:
    for cached in _caches:
        cached.cache_clear()


# New classes come up while tests run (isolate_apps), and a new profile changes what its owner's
# class means.
class_prepared.connect(_forget, dispatch_uid="avatar_kit.owners")
setting_changed.connect(_forget, dispatch_uid="avatar_kit.owners")
