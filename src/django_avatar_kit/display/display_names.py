"""The name to show for an owner, from what is loaded: never a query, never an e-mail address."""

from __future__ import annotations

import re
from collections.abc import Callable
from threading import get_ident
from types import CodeType
from typing import Any

from django.core.exceptions import FieldError, ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, connections, models
from django.utils.functional import empty
from django.utils.module_loading import import_string

from ..conf import get_config
from ..lazy import unwrap
from .owners import cached_per_class, link_of

#: What an e-mail address looks like inside any text; that of a federated account
#: (``@ada@example.org``) counts as one.
_EMAIL = re.compile(r"\S@\S")


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
        user = link.get_cached_value(owner, default=None)
        if user is not None:
            owner = user
        elif owner.__dict__.get(link.attname, empty) is not None:
            # There is a user (or the column is deferred), and asking would cost a query per row.
            return ""
    configured = get_config().display_name
    if configured is None:
        return _own_name(owner)
    if not callable(configured):
        try:
            configured = import_string(configured)
        except ImportError as error:
            raise ImproperlyConfigured(
                f'AVATAR_KIT["DISPLAY_NAME"] = "{configured}" cannot be imported: {error}'
            ) from error
    return _without_email(configured(owner))


def _own_name(owner: models.Model) -> str:
    sources, reads = _naming(type(owner))
    if not sources:
        return ""
    if reads is not None and reads <= owner.__dict__.keys():
        return _without_email(owner)
    thread = get_ident()

    def refuse(execute: Callable[..., Any], *args: Any) -> Any:
        # In tests with a live server, threads share one connection: the others may make queries.
        if get_ident() == thread:
            raise _QueryRefusedError
        return execute(*args)

    # These are methods of the site. They may read a deferred field or a relation that is not
    # loaded: every query they make is refused. The list is what execute_wrapper() fills in Django
    # 5.2 to 6.1; that context manager takes as long as all of this together.
    connection = connections[owner._state.db or DEFAULT_DB_ALIAS]
    connection.execute_wrappers.append(refuse)
    try:
        for source in sources:
            if text := _without_email(source(owner)):
                return text
    except _QueryRefusedError:
        if connection.queries_logged:
            # Django logs a query even where it is not sent.
            connection.queries_log.pop()
    except FieldError:
        # With Django 6.1's FETCH_RAISE the view has refused the query itself.
        pass
    finally:
        connection.execute_wrappers.remove(refuse)
    return ""


@cached_per_class
def _naming(model: type[models.Model]) -> tuple[list[Callable[[Any], Any]], frozenset[str] | None]:
    """The methods that give a row's name, and the attributes that they read where that is known.

    The attributes are None where the methods may make a query. They cannot where the only one is a
    ``__str__`` whose byte code names nothing but attributes, all of them loaded. With the guard it
    would take 10 % longer to load and show such a row (2 µs more).
    """
    methods = (getattr(model, name, None) for name in ("get_full_name", "get_username"))
    sources = [method for method in methods if callable(method)]
    # Django's own gives "Team object (1)", which is nobody's name.
    if model.__str__ is models.Model.__str__:
        return sources, None
    code: CodeType | None = getattr(model.__str__, "__code__", None)
    if sources or code is None or code.co_freevars:
        return [*sources, str], None
    nested = any(isinstance(constant, CodeType) for constant in code.co_consts)
    return [str], None if nested else frozenset(code.co_names)


def _without_email(text: Any) -> str:
    text = "" if text is None else str(text).strip()
    return "" if "@" in text and _EMAIL.search(text) else text


class _QueryRefusedError(Exception):
    """A method that gives a name has asked the database."""
