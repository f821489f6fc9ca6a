"""The libraries that are compared, one module each.

Each module has a model with an avatar, and says how it is uploaded and shown. Each library is set
up as its documentation says. If that leaves a choice, the faster way is used.
"""

from __future__ import annotations

import secrets
from functools import cached_property
from importlib import import_module
from itertools import repeat
from typing import TYPE_CHECKING, Any, TypeAlias

from django.forms import modelform_factory

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from django.core.files.base import File
    from django.db.models import Model, QuerySet
    from django.forms import BaseForm

#: Rows to insert: the model, the columns, and a value for each column.
Filler: TypeAlias = "tuple[type[Model], tuple[str, ...], Iterable[tuple[object, ...]]]"

#: The attributes of every contender's ``<img>``, besides ``src``.
ATTRIBUTES = 'width="64" height="64" alt="{{ p.name }}" class="rounded" loading="lazy"'


class Contender:
    """A library that stores an avatar in five sizes and shows it in one."""

    #: The model that has the avatar, with a ``name`` for the alt text.
    model: type[Model]
    #: Shows the avatar of ``p`` at 64 px.
    markup: str
    #: Tags that the markup needs.
    load = ""

    @cached_property
    def form_class(self) -> Any:
        return modelform_factory(self.model, fields=["avatar"])

    def form(self, upload: File[Any], row: Model) -> BaseForm:
        form: BaseForm = self.form_class(data={}, files={"avatar": upload}, instance=row)
        return form

    def upload(self, upload: File[Any], row: Model | None = None) -> Model:
        """From the form to a saved row with all sizes. Without ``row``, a new one is made."""
        form = self.form(upload, row or self.new())
        if not form.is_valid():
            raise ValueError(f"{type(self).__name__} refuses the upload: {form.errors!r}")
        saved: Model = form.save()  # type: ignore[attr-defined]
        self.finish(saved)
        return saved

    def new(self) -> Model:
        return self.model(name="Ada Lovelace")

    def finish(self, row: Model) -> None:
        """Make the sizes, if saving the row has not made them."""

    def delete(self, row: Model) -> None:
        row.delete()

    def rows(self) -> QuerySet[Any]:
        """The rows that a page of avatars loads."""
        return self.model._default_manager.order_by("pk")

    def key(self) -> str:
        """A new key of an avatar, whose files do not exist."""
        return f"avatars/{secrets.token_hex(16)}.jpg"

    def filler(self, numbers: range) -> Iterator[Filler]:
        """What is in the tables for so many avatars, without any files, by their primary keys."""
        keys = [self.key() for _ in numbers]
        yield self.model, ("id", "name", "avatar"), zip(numbers, repeat("Ada"), keys, strict=False)
        yield from self.books(numbers, keys)

    def books(self, numbers: range, keys: list[str]) -> Iterator[Filler]:
        """What the library keeps about the sizes in tables of its own."""
        yield from ()


def contender(name: str) -> Contender:
    """The contender in the module of this name."""
    made: Contender = import_module(f"benchmarks.contenders.{name}").CONTENDER
    return made
