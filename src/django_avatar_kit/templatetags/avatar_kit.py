"""``{% avatar %}`` and its like: thin tags over ``rendering``."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django import template
from django.template import Context, Node, TemplateSyntaxError
from django.template.base import FilterExpression, Variable
from django.utils.functional import Promise
from django.utils.html import conditional_escape

from django_avatar_kit import rendering
from django_avatar_kit.conf import Config, get_config
from django_avatar_kit.display import owners
from django_avatar_kit.display.html import attribute_names

if TYPE_CHECKING:
    from django.template.base import Parser, Token

register = template.Library()

# Django's own parser of name=value takes Python's identifiers only: data-foo="…", and the @click
# and :class of Alpine and Vue, would be syntax errors.
_KEYWORD = re.compile(r"([^\W\d][\w:.-]*|[@:][\w:.-]+)=(.+)", re.DOTALL)

#: What a tag may say without a variable, beside numbers and quoted strings.
_LITERALS = frozenset({"None", "True", "False"})


class AvatarNode(Node):
    """``{% avatar obj [size] [attribute=value …] [as variable] %}``

    Where size and attributes are constants, the layout is made once, and again only when the
    settings change.
    """

    def __init__(self, arguments: _Arguments) -> None:
        self.arguments = arguments
        given = [*arguments.attrs.values(), arguments.second]
        self.constant = all(each is None or _is_constant(each) for each in given)
        self.made: tuple[Config, rendering.Layout] | None = None
        if self.constant:
            # Now, so that a mistake shows when the template is loaded.
            self.layout(Context())

    def render(self, context: Context) -> str:
        arguments = self.arguments
        obj = _value(arguments.obj, context)
        layout = self.layout(context)
        if arguments.target is None:
            return layout.html(obj)
        context[arguments.target] = layout.face(obj)
        return ""

    def layout(self, context: Context) -> rendering.Layout:
        config = get_config()
        # Read once: another thread may be rendering the same node.
        made = self.made
        if made is not None and made[0] is config:
            return made[1]
        attrs = {name: _value(each, context) for name, each in self.arguments.attrs.items()}
        try:
            layout = rendering.Layout(_value(self.arguments.second, context), attrs)
        except (TypeError, ValueError) as error:
            raise TemplateSyntaxError(f"avatar: {error}") from error
        if self.constant:
            self.made = config, layout
        return layout


class FunctionNode(Node):
    """A tag that calls a function with its two values: ``{% tag obj [value] [as variable] %}``"""

    def __init__(self, function: Callable[[Any, Any], str], arguments: _Arguments) -> None:
        self.function = function
        self.arguments = arguments

    def render(self, context: Context) -> str:
        arguments = self.arguments
        text = self.function(_value(arguments.obj, context), _value(arguments.second, context))
        if arguments.target is None:
            return conditional_escape(text) if context.autoescape else text
        context[arguments.target] = text
        return ""


@register.tag
def avatar(parser: Parser, token: Token) -> AvatarNode:
    """The avatar of a user, a profile, a team …, or its fallback.

    ``{% avatar user 64 class="rounded" %}``; ``{% avatar user 64 as face %}`` for its parts.
    """
    arguments = _parse(parser, token, "size")
    try:
        attribute_names(arguments.attrs)
    except TypeError as error:
        raise TemplateSyntaxError(f"avatar: {error}") from error
    return AvatarNode(arguments)


@register.tag
def avatar_url(parser: Parser, token: Token) -> FunctionNode:
    """The URL of the avatar, or of its fallback: ``{% avatar_url user 64 %}``."""

    def url(obj: Any, size: Any) -> str:
        try:
            size = rendering.clean_size(size)
        except ValueError as error:
            raise TemplateSyntaxError(f"avatar_url: {error}") from error
        return rendering.avatar_url(obj, size)

    return FunctionNode(url, _parse(parser, token, "size", attributes=False))


@register.tag
def prefetch_avatars(parser: Parser, token: Token) -> FunctionNode:
    """Load the avatars of a page in one query: ``{% prefetch_avatars comments "author" %}``."""

    def prefetch(objects: Any, path: Any) -> str:
        # A list that the view did not pass counts as an empty one, as in {% for %}.
        if objects is not None and objects != "":
            owners.prefetch_avatars(objects, path)
        return ""

    arguments = _parse(parser, token, "path", attributes=False)
    if arguments.target is not None:
        raise TemplateSyntaxError("prefetch_avatars: there is no result to name with “as”.")
    return FunctionNode(prefetch, arguments)


@register.filter
def has_avatar(obj: Any) -> bool:
    """Whether there is an avatar, and no fallback would be shown: ``{{ user|has_avatar }}``."""
    return rendering.has_avatar(obj)


@dataclass(frozen=True, kw_only=True)
class _Arguments:
    """What a tag was given."""

    obj: FilterExpression
    #: The second value, which may also be given by its name.
    second: FilterExpression | None
    #: All other ``name=value``.
    attrs: dict[str, FilterExpression]
    #: The variable after ``as``.
    target: str | None


def _parse(parser: Parser, token: Token, second: str, *, attributes: bool = True) -> _Arguments:
    """Raises ``TemplateSyntaxError``. ``second`` is the name of the second value."""
    tag, *bits = token.split_contents()
    target = None
    if len(bits) > 1 and bits[-2] == "as":
        *bits, _, target = bits
    args: list[FilterExpression] = []
    kwargs: dict[str, FilterExpression] = {}
    for bit in bits:
        if match := _KEYWORD.fullmatch(bit):
            if match[1] in kwargs or (match[1] == second and len(args) == 2):
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
    named = kwargs.pop(second, None)
    if kwargs and not attributes:
        raise TemplateSyntaxError(f"{tag}: there is no “{min(kwargs)}” here, only “{second}”.")
    return _Arguments(
        obj=args[0], second=args[1] if len(args) == 2 else named, attrs=kwargs, target=target
    )


def _is_constant(expression: FilterExpression) -> bool:
    if expression.filters:
        return False
    var = expression.var
    if isinstance(var, Variable):
        return var.var in _LITERALS or (var.lookups is None and not var.translate)
    # A translated text depends on the language of the moment.
    return not isinstance(var, Promise)


def _value(expression: FilterExpression | None, context: Context) -> Any:
    """What the expression stands for; None where it was not given, or for what does not exist."""
    if expression is None:
        return None
    value = expression.resolve(context, ignore_failures=True)
    if isinstance(value, str) and value and not _is_constant(expression):
        # Django gives string_if_invalid for what failed on the way (a user without a profile).
        invalid = context.template.engine.string_if_invalid  # type: ignore[union-attr]
        return None if value == invalid else value
    return value
