"""Who is measured: a model with an avatar, how it is uploaded, and how a page shows it.

One module each, set up as the contender's own documentation says; where that leaves a choice, the
faster way.
"""

from __future__ import annotations

from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any

from django.forms import modelform_factory

if TYPE_CHECKING:
    from django.core.files.base import File
    from django.db.models import Model, QuerySet
    from django.forms import BaseForm

#: What everybody's ``<img>`` says beside its ``src``.
ATTRIBUTES = 'width="64" height="64" alt="{{ p.name }}" class="rounded" loading="lazy"'


class Contender:
    """Somebody who stores an avatar in five sizes and shows it in one."""

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
        """From the form to a saved row with all sizes; a new row, unless one is given."""
        form = self.form(upload, row or self.new())
        if not form.is_valid():
            raise ValueError(f"{type(self).__name__} refuses the upload: {form.errors!r}")
        saved: Model = form.save()  # type: ignore[attr-defined]
        self.finish(saved)
        return saved

    def new(self) -> Model:
        return self.model(name="Ada Lovelace")

    def finish(self, row: Model) -> None:
        """Make the sizes, where saving the row has not."""

    def delete(self, row: Model) -> None:
        row.delete()

    def rows(self) -> QuerySet[Any]:
        """What a page that shows avatars loads."""
        return self.model._default_manager.order_by("pk")


def contender(name: str) -> Contender:
    """The one in the module of that name."""
    made: Contender = import_module(f"benchmarks.contenders.{name}").CONTENDER
    return made
