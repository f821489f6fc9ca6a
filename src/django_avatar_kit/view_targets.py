"""Whose avatar a view is about, who may change it, and where to go afterwards."""

from __future__ import annotations

from contextlib import nullcontext, suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.contrib.auth import REDIRECT_FIELD_NAME
from django.core.exceptions import (
    ImproperlyConfigured,
    ObjectDoesNotExist,
    PermissionDenied,
    ValidationError,
)
from django.db import DatabaseError, connections, router, transaction
from django.db.models import ForeignKey
from django.http import Http404
from django.shortcuts import get_object_or_404, resolve_url
from django.urls import NoReverseMatch, reverse
from django.utils.encoding import iri_to_uri
from django.utils.http import escape_leading_slashes, url_has_allowed_host_and_scheme
from django.views.generic.base import ContextMixin

from .display import owners
from .exceptions import AvatarError
from .forms import avatar_field_names
from .lazy import unwrap
from .lifecycle.instance_state import forget

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.models import Model
    from django.http import HttpRequest


#: Characters. Django refuses to redirect to more, in some versions.
MOST_OF_URL = 2048


class RowGoneError(AvatarError):
    """The row was deleted after this request had read it. Nothing was saved."""

    code = "not_found"
    #: For the log only.
    message = "The row was deleted meanwhile."


def save_row(row: Model, save: Callable[[], Any]) -> Any:
    """What ``save`` returns, which saves ``row``.

    Raises :class:`RowGoneError` if somebody has deleted it meanwhile.
    """
    adding = row._state.adding
    using = router.db_for_write(type(row), instance=row)
    try:
        # ATOMIC_REQUESTS: without a savepoint, nothing could be read after an error.
        inside = connections[using].in_atomic_block
        with transaction.atomic(using=using) if inside else nullcontext():
            return save()
    except DatabaseError as error:
        there = _owner_exists(row, using) if adding else _exists(row, using)
        if there:
            raise
        raise RowGoneError from error


def _exists(row: Model, using: str) -> bool:
    rows = type(row)._base_manager.using(using)
    return bool(rows.filter(pk=row.pk).exists())


def _owner_exists(new: Model, using: str) -> bool:
    """Whether a row that could not be inserted has somebody to belong to, if it needs them."""
    links = [each for each in new._meta.fields if isinstance(each, ForeignKey) and not each.null]
    loaded = [getattr(new, link.name) for link in links if link.is_cached(new)]
    return all(_exists(owner, using) for owner in loaded)


def reload(row: Model, name: str) -> None:
    """Have an instance show what its row has: no picture where there is no row, or none left."""
    with suppress(ObjectDoesNotExist):
        if not row._state.adding:
            row.refresh_from_db(fields=[name])
            return
    setattr(row, name, "")
    forget(row, getattr(row, name).field)


def insert_row(new: Model) -> Model:
    """Insert the row of an owner, or load it if it exists by now.

    Does nothing where there is no owner to look for, and for a picture of a gallery, which would
    be an empty place in it if its file could not be saved. Both are saved with the avatar. Raises
    :class:`RowGoneError` if the owner was deleted meanwhile.
    """
    link = owners.link_of(type(new))
    # As contrib.gallery.base names it.
    if link is None or link.name == "primary_of":
        return new
    # The base manager, as for user.profile: another manager may hide an existing row.
    owner = getattr(new, link.name)
    row: Model
    manager = new._meta.model._base_manager
    row, _created = save_row(new, lambda: manager.get_or_create(**{link.name: owner}))
    # The page may show the owner's avatar as well, and would find the unsaved row.
    link.remote_field.set_cached_value(owner, row)
    return row


class TargetMixin(ContextMixin):
    """The row with the avatar: the user's own, or one that ``model`` and the URL name.

    Without ``model`` (or ``queryset``) the row is found from the session alone: neither the URL
    nor the form names one. With it, ``pk`` or ``slug`` in the URL does, as in a ``DetailView``,
    and ``may_change()`` says who may change it.
    """

    request: HttpRequest
    kwargs: dict[str, Any]
    #: As in a ``DetailView``: the model whose rows the URL may name.
    model: type[Model] | None = None
    #: As in a ``DetailView``: only some of the rows of the model.
    queryset: Any = None
    #: The part of the URL that holds the key of the row.
    pk_url_kwarg = "pk"
    #: The part of the URL that holds the slug of the row.
    slug_url_kwarg = "slug"
    #: The column that the slug is compared with.
    slug_field = "slug"
    #: Which avatar, where the row has several; None for the one that ``{% avatar %}`` shows.
    field_name: str | None = None
    #: Where to go without a ``next``: what ``redirect()`` takes. None for ``get_default_url()``.
    success_url: Any = None
    #: Hosts that ``next`` may lead to, beside the one of the request.
    success_url_allowed_hosts: set[str] = set()
    #: The parameter with the URL to go to.
    redirect_field_name: str | None = REDIRECT_FIELD_NAME

    def get_object(self) -> Model:
        """The row that holds the avatar; a new one, not saved, where there is none yet.

        To be overridden where neither the session nor the URL tells it. Whoever does so decides
        who may change it: ``may_change()`` is asked only about a row that the URL names.

        Raises ``Http404`` and ``PermissionDenied``, and ``ImproperlyConfigured`` where the view
        does not say which row is meant, or who may change it.
        """
        user = unwrap(self.request.user)
        rows = self.get_queryset()
        if rows is None:
            return owners.own_row(user)
        lookups = {"pk": self.pk_url_kwarg, self.slug_field: self.slug_url_kwarg}
        given = {
            lookup: self.kwargs[name] for lookup, name in lookups.items() if name in self.kwargs
        }
        if not given:
            return self._row_of(user, rows.model)
        if any("\0" in str(value) for value in given.values()):
            # PostgreSQL fails at such a text, which no row can have.
            raise Http404
        try:
            named = rows.filter(**given)
        except (ValueError, ValidationError) as error:
            # The path takes a text, as that of a router often does, and no key looks like this.
            raise Http404 from error
        # Not inside: what the loading of a row raises is an error of the site.
        row: Model = get_object_or_404(named)
        if not self.may_change(row):
            raise PermissionDenied
        return row

    def get_queryset(self) -> Any:
        """The rows that the URL may name; None where all users have their own."""
        if self.queryset is not None:
            return self.queryset.all()
        return None if self.model is None else self.model._default_manager.all()

    def may_change(self, row: Model) -> bool:
        """Whether the user may change the avatar of a row that the URL names.

        To be overridden. By default only whoever the row belongs to, and for a model whose rows
        belong to no user it raises ``ImproperlyConfigured``.
        """
        user = unwrap(self.request.user)
        link = owners.link_of(type(row))
        if isinstance(row, type(user)) or (link and isinstance(user, link.related_model)):
            return bool(user == (getattr(row, link.name) if link else row))
        raise ImproperlyConfigured(
            f"{type(self).__name__} does not say who may change the avatar of a "
            f"{row._meta.verbose_name}. Override may_change(self, row), which returns True for a "
            f"row that self.request.user may change."
        )

    def _row_of(self, user: Model, model: type[Model]) -> Model:
        """The user's own row of a model, where the URL names none; a new one if needed."""
        if isinstance(user, model):
            return user
        link = owners.link_of(model)
        if link is None or not isinstance(user, link.related_model):
            raise ImproperlyConfigured(
                f"The URL of {type(self).__name__} does not say which {model._meta.verbose_name} "
                f"is meant. Put <int:{self.pk_url_kwarg}> or <slug:{self.slug_url_kwarg}> into "
                "its path, or override get_object()."
            )
        # The base manager, as for user.profile: another manager may hide an existing row.
        row = model._base_manager.filter(**{link.name: user}).first()
        return model(**{link.name: user}) if row is None else row

    @cached_property
    def object(self) -> Model:
        """What ``get_object()`` gave for this request."""
        return self.get_object()

    def create_object(self, new: Model) -> Model:
        """Insert the row that ``get_object()`` did not find, or load it if it exists by now.

        To be overridden where a profile has more columns that must be filled.
        """
        return insert_row(new)

    def get_field_name(self) -> str:
        """The name of the avatar field that this view is about."""
        return self.field_name or avatar_field_names(self.object._meta.model)[0]

    def get_next(self) -> str:
        """The ``next`` of the form, else of the URL; "" if it leads to another site."""
        name = self.redirect_field_name or "next"
        url = self.request.POST.get(name, self.request.GET.get(name, ""))
        return url if self.is_safe(url) else ""

    def is_safe(self, url: str) -> bool:
        """Whether a URL leads to this site, or to one of ``success_url_allowed_hosts``.

        False as well for what no redirect can have: more than 2,048 characters, as they are sent,
        and half a character of UTF-16, which a form may have in another charset.
        """
        try:
            too_long = len(iri_to_uri(url)) > MOST_OF_URL
        except UnicodeEncodeError:
            return False
        return not too_long and url_has_allowed_host_and_scheme(
            url,
            allowed_hosts={self.request.get_host(), *self.success_url_allowed_hosts},
            require_https=self.request.is_secure(),
        )

    def get_success_url(self) -> str:
        """Where a page goes next: the ``next`` of the request, else ``get_default_url()``."""
        return self.get_next() or self.get_default_url()

    def get_default_url(self) -> str:
        """Where to go without a ``next``: to ``success_url``, else to this page again."""
        if self.success_url is not None:
            return self.resolve(self.success_url)
        # Two slashes at the beginning, which a pattern of the site may match, are another host.
        return escape_leading_slashes(self.request.path)

    def resolve(self, target: Any) -> str:
        """The URL of what ``redirect()`` takes; a name gets the ``pk`` or ``slug`` of this URL.

        Raises ``NoReverseMatch``.
        """
        try:
            return resolve_url(target, **self.kwargs)
        except NoReverseMatch:
            return resolve_url(target)

    def page_url(self, name: str, **kwargs: Any) -> str:
        """The URL of one of the pages in ``django_avatar_kit.urls``. Raises ``NoReverseMatch``."""
        match = self.request.resolver_match
        current = match.namespace if match else None
        return reverse(f"avatar_kit:{name}", kwargs=kwargs, current_app=current)

    def shows_own_avatar(self) -> bool:
        """Whether the pages in ``django_avatar_kit.urls`` are about the avatar of this view."""
        # Not looked up on the class: as_view(get_object=…) sets it on the instance.
        own_row = getattr(self.get_object, "__func__", None) is TargetMixin.get_object
        if not own_row or self.get_queryset() is not None:
            return False
        return self.get_field_name() == avatar_field_names(self.object._meta.model)[0]
