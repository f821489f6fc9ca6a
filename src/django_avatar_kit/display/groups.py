"""A group of avatars: who is shown of many, and the list that they stand in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from html import escape
from typing import Any

from django.db.models import Model, QuerySet
from django.db.models.manager import BaseManager
from django.utils.formats import number_format
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import ngettext

from ..lazy import unwrap
from .html import as_text, attributes

_CLASS = "avatar-kit-group"

#: Attributes of a group that are those of its pictures; all others are those of the list.
OF_PICTURES = frozenset(
    {
        "alt",
        "crossorigin",
        "decoding",
        "fetchpriority",
        "loading",
        "placeholder",
        "referrerpolicy",
        "sizes",
    }
)


def first_of(objects: Any, most: int, total: int | None) -> tuple[list[Any], int]:
    """The first ``most`` objects, and how many there are in all (``total`` where it is known).

    Of a queryset that is not loaded no more is loaded than is shown, and the rest is counted.
    Raises ``TypeError`` for a single object, and for an iterator or generator.
    """
    if objects is None or (isinstance(objects, str) and not objects):
        # What does not exist in a template is an empty list, as for {% for %}.
        objects = []
    if isinstance(objects, BaseManager):
        objects = objects.all()
    if isinstance(objects, QuerySet) and objects._result_cache is None:
        shown = list(objects[: most + 1])
        if total is None and len(shown) > most:
            total = objects.count()
    elif isinstance(objects, Iterable) and not isinstance(
        objects, str | bytes | Model | Iterator | Mapping
    ):
        shown = list(objects)
    else:
        raise TypeError(
            "avatar_group() takes a list, a queryset or a page of owners, not "
            f"{type(objects).__name__}."
        )
    return shown[:most], max(len(shown), total or 0)


def label_of(objects: Iterable[Any]) -> str:
    """What a group is called that was given no label: “Users”, as the model has it; else ""."""
    rows = (row for row in map(unwrap, objects) if isinstance(row, Model))
    return next((str(capfirst(row._meta.verbose_name_plural)) for row in rows), "")


def more_text(count: int) -> str:
    """What is said of those who are not shown."""
    # Translators: read out after the names of the first members of a group.
    text = ngettext("%(count)s more", "%(count)s more", count)
    return text % {"count": number_format(count, use_l10n=True)}


def list_attributes(
    named: Mapping[str, Any], label: str, *, hidden: bool
) -> dict[str, str | bool]:
    """The attributes of the list, from those that the group was given."""
    given = {
        name: value if value is True else as_text(value)
        for name, value in named.items()
        if name not in OF_PICTURES and value is not None and value is not False
    }
    classes = given.pop("class", "")
    written: dict[str, str | bool] = {"class": _CLASS}
    if classes and classes is not True:
        written["class"] = SafeString(f"{_CLASS} {conditional_escape(classes)}")
    if hidden:
        return {**written, "aria-hidden": "true", **given}
    # Safari takes a list without bullets for none, unless its role says so.
    written["role"] = "list"
    if label and "aria-labelledby" not in given:
        written["aria-label"] = label
    return {**written, **given}


def list_of(
    pictures: Iterable[SafeString], more: int, size: int, attrs: Mapping[str, str | bool]
) -> SafeString:
    """The whole markup, with what :func:`list_attributes` gave."""
    items = "".join(f"<li>{picture}</li>" for picture in pictures)
    if more:
        hidden = "aria-hidden" in attrs
        items += f'<li class="{_CLASS}-more">{_more(more, size, hidden=hidden)}</li>'
    return SafeString(f"<ul{attributes(attrs)}>{items}</ul>")


def _more(count: int, size: int, *, hidden: bool) -> str:
    """“+12” in a picture as large as the others, whose size needs no style sheet."""
    text = f"+{number_format(count, use_l10n=True)}"
    said = (
        'aria-hidden="true"' if hidden else f'role="img" aria-label="{escape(more_text(count))}"'
    )
    # Digits are up to 0.65 of the font's size wide; a round mask leaves 48 of 64, with a margin.
    height = min(24, int(48 / 0.65 / len(text)))
    return (
        f'<svg width="{size}" height="{size}" viewBox="0 0 64 64" {said}>'
        '<rect width="64" height="64" fill="#e5e7eb"/>'
        # In a text from right to left, the sign would change sides.
        '<text x="32" y="32" dy=".35em" text-anchor="middle" direction="ltr" '
        f'font-family="system-ui,sans-serif" font-size="{height}" fill="#1f2937">'
        f"{escape(text)}</text></svg>"
    )
