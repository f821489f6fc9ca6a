"""``{% avatar %}`` and its like: thin tags over ``rendering``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from django import template
from django.template import Context, Node, TemplateSyntaxError
from django.template.base import FilterExpression, Variable
from django.utils.functional import Promise
from django.utils.html import conditional_escape

from django_avatar_kit import rendering
from django_avatar_kit.conf import Config, get_config
from django_avatar_kit.display import owners

if TYPE_CHECKING:
    from django.template.base import Parser, Token

register = template.Library()

# Wider than Django's own: data-foo="…" and @click="…" are attributes here, not syntax errors.
_KEYWORD = re.compile(r"([^\W\d][\w:.-]*|[@:][\w:.-]+)=(.+)", re.DOTALL)

#: What a tag may say without a variable, beside numbers and quoted strings.
_LITERALS = frozenset({"None", "True", "False"})


class AvatarNode(Node):
    """``{% avatar obj [size] [attribute=value …] [as variable] %}``

    The layout (size and attributes, checked and escaped) is made once where the template spells it
    out, and again only when the settings change.
    """

    def __init__(
        self,
        obj: FilterExpression,
        size: FilterExpression | None,
        attrs: dict[str, FilterExpression],
        target: str | None,
    ) -> None:
        self.obj = obj
        self.size = size
        self.attrs = attrs
        self.target = target
        self.constant = (size is None or _is_constant(size)) and all(
            map(_is_constant, attrs.values())
        )
        self.made: tuple[Config, rendering.Layout] | None = None
        if self.constant:
            # Now, so that a mistake shows when the template is loaded.
            self.layout(Context())

    def render(self, context: Context) -> str:
        obj = _value(self.obj, context)
        layout = self.layout(context)
        if self.target is None:
            return layout.html(obj)
        context[self.target] = layout.face(obj)
        return ""

    def layout(self, context: Context) -> rendering.Layout:
        config = get_config()
        # Read once: another thread may be rendering the same node.
        made = self.made
        if made is not None and made[0] is config:
            return made[1]
        try:
            layout = rendering.Layout(
                None if self.size is None else _value(self.size, context),
                {name: _value(each, context) for name, each in self.attrs.items()},
            )
        except (TypeError, ValueError) as error:
            raise TemplateSyntaxError(f"avatar: {error}") from error
        if self.constant:
            self.made = config, layout
        return layout


class AvatarUrlNode(Node):
    """``{% avatar_url obj [size] [as variable] %}``"""

    def __init__(
        self, obj: FilterExpression, size: FilterExpression | None, target: str | None
    ) -> None:
        self.obj = obj
        self.size = size
        self.target = target

    def render(self, context: Context) -> str:
        size = None if self.size is None else _value(self.size, context)
        try:
            size = size if size is None else rendering.clean_size(size)
        except ValueError as error:
            raise TemplateSyntaxError(f"avatar_url: {error}") from error
        url = rendering.avatar_url(_value(self.obj, context), size)
        if self.target is None:
            return conditional_escape(url) if context.autoescape else url
        context[self.target] = url
        return ""


class PrefetchNode(Node):
    """``{% prefetch_avatars objects [path] %}``"""

    def __init__(self, objects: FilterExpression, path: FilterExpression | None) -> None:
        self.objects = objects
        self.path = path

    def render(self, context: Context) -> str:
        objects = _value(self.objects, context)
        path = None if self.path is None else _value(self.path, context)
        # A list that the view did not pass is as good as an empty one, as in {% for %}.
        if objects is not None and objects != "":
            owners.prefetch_avatars(objects, path)
        return ""


@register.tag
def avatar(parser: Parser, token: Token) -> AvatarNode:
    """The avatar of a user, a profile, a team …, or what stands in for it.

    ``{% avatar user 64 class="rounded" %}``; ``{% avatar user 64 as face %}`` for its parts.
    """
    args, kwargs, target = _parse(parser, token)
    attrs = {name: each for name, each in kwargs.items() if name != "size"}
    try:
        for name in attrs:
            rendering.attribute_name(name)
    except TypeError as error:
        raise TemplateSyntaxError(f"avatar: {error}") from error
    return AvatarNode(args[0], _second("avatar", args, kwargs, "size"), attrs, target)


@register.tag
def avatar_url(parser: Parser, token: Token) -> AvatarUrlNode:
    """The URL of the avatar, or of what stands in for it: ``{% avatar_url user 64 %}``."""
    args, kwargs, target = _parse(parser, token)
    return AvatarUrlNode(args[0], _second("avatar_url", args, kwargs, "size", only=True), target)


@register.tag
def prefetch_avatars(parser: Parser, token: Token) -> PrefetchNode:
    """Load the avatars of a page in one query: ``{% prefetch_avatars comments "author" %}``."""
    args, kwargs, target = _parse(parser, token)
    if target is not None:
        raise TemplateSyntaxError("prefetch_avatars: there is no result to name with “as”.")
    path = _second("prefetch_avatars", args, kwargs, "path", only=True)
    return PrefetchNode(args[0], path)


@register.filter
def has_avatar(obj: Any) -> bool:
    """Whether there is an avatar, and no stand-in would be shown: ``{{ user|has_avatar }}``."""
    return rendering.has_avatar(obj)


def _parse(
    parser: Parser, token: Token
) -> tuple[list[FilterExpression], dict[str, FilterExpression], str | None]:
    """Positional arguments (one or two), keyword arguments and the variable after ``as``."""
    tag, *bits = token.split_contents()
    target = None
    if len(bits) > 1 and bits[-2] == "as":
        *bits, _, target = bits
    args: list[FilterExpression] = []
    kwargs: dict[str, FilterExpression] = {}
    for bit in bits:
        if match := _KEYWORD.fullmatch(bit):
            if match[1] in kwargs:
                raise TemplateSyntaxError(f"{tag}: “{match[1]}” is given twice.")
            kwargs[match[1]] = parser.compile_filter(match[2])
        elif kwargs:
            raise TemplateSyntaxError(f"{tag}: “{bit}” has to stand before the attributes.")
        else:
            args.append(parser.compile_filter(bit))
    if not 1 <= len(args) <= 2:
        raise TemplateSyntaxError(
            f"{tag}: takes what to show and one more value, not {len(args)} values; "
            f"attributes are written name=value."
        )
    return args, kwargs, target


def _second(
    tag: str,
    args: list[FilterExpression],
    kwargs: dict[str, FilterExpression],
    name: str,
    *,
    only: bool = False,
) -> FilterExpression | None:
    """The second value, which may also be given by its name, ``only`` that one."""
    if only and (unknown := kwargs.keys() - {name}):
        raise TemplateSyntaxError(f"{tag}: there is no “{min(unknown)}” here, only “{name}”.")
    if len(args) == 1:
        return kwargs.get(name)
    if name in kwargs:
        raise TemplateSyntaxError(f"{tag}: “{name}” is given twice.")
    return args[1]


def _is_constant(expression: FilterExpression) -> bool:
    if expression.filters:
        return False
    var = expression.var
    if isinstance(var, Variable):
        return var.var in _LITERALS or (var.lookups is None and not var.translate)
    # A translated text depends on the language of the moment.
    return not isinstance(var, Promise)


def _value(expression: FilterExpression, context: Context) -> Any:
    """What the expression stands for, or None, whatever the site shows for what does not exist."""
    value = expression.resolve(context, ignore_failures=True)
    if isinstance(value, str) and value and not _is_constant(expression):
        # What failed on the way (a user without a profile, say) comes back as this.
        invalid = context.template.engine.string_if_invalid  # type: ignore[union-attr]
        return None if value == invalid else value
    return value
