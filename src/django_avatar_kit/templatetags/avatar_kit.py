"""``{% avatar %}`` and its like: thin tags over ``rendering``."""

from __future__ import annotations

import re
from typing import Any

from django import template
from django.template import Context, Node, TemplateSyntaxError
from django.template.base import FilterExpression, Parser, Token, Variable
from django.utils.functional import Promise
from django.utils.html import conditional_escape

from django_avatar_kit import assets, rendering
from django_avatar_kit.conf import Config, get_config
from django_avatar_kit.display import owners
from django_avatar_kit.display.html import attribute_names

register = template.Library()
register.filter("has_avatar", rendering.has_avatar)

# Django's own parser of name=value takes Python's identifiers only: data-foo="…", and the @click
# and :class of Alpine and Vue, would be syntax errors.
_KEYWORD = re.compile(r"([^\W\d][\w:.-]*|[@:][\w:.-]+)=(.+)", re.DOTALL)

#: What a tag may say without a variable, beside numbers and quoted strings.
_LITERALS = frozenset({"None", "True", "False"})


class TagNode(Node):
    """``{% tag obj [second] [name=value …] [as target] %}``"""

    #: The name of the second value, by which it may be given as well.
    second_name = "size"
    #: Other names that are allowed; None where they are attributes, so that any is.
    options: tuple[str, ...] | None = ()

    def __init__(self, parser: Parser, token: Token) -> None:
        """Raises ``TemplateSyntaxError``."""
        self.tag, *bits = token.split_contents()
        self.target: str | None = None
        if len(bits) > 1 and bits[-2] == "as":
            *bits, _, self.target = bits
        args: list[FilterExpression] = []
        attrs: dict[str, FilterExpression] = {}
        for bit in bits:
            if match := _KEYWORD.fullmatch(bit):
                if match[1] in attrs or (match[1] == self.second_name and len(args) == 2):
                    raise self.error(f"“{match[1]}” is given twice.")
                attrs[match[1]] = parser.compile_filter(match[2])
            elif attrs:
                raise self.error(f"“{bit}” has to stand before the attributes.")
            else:
                args.append(parser.compile_filter(bit))
        if not 1 <= len(args) <= 2:
            raise self.error(
                f"takes what to show and one more value, not {len(args)} values; "
                f"attributes are written name=value."
            )
        named = attrs.pop(self.second_name, None)
        if self.options is not None and (unknown := attrs.keys() - set(self.options)):
            known = ", ".join(f"“{name}”" for name in (self.second_name, *self.options))
            raise self.error(f"there is no “{min(unknown)}” here, only {known}.")
        self.obj = args[0]
        self.second = args[1] if len(args) == 2 else named
        self.attrs = attrs
        given = [*attrs.values(), self.second]
        #: Whether size and attributes are the same whenever the tag is rendered.
        self.constant = all(each is None or _is_constant(each) for each in given)

    def values(self, context: Context) -> dict[str, Any]:
        """What the further names stand for."""
        return {name: _value(each, context) for name, each in self.attrs.items()}

    def error(self, reason: object) -> TemplateSyntaxError:
        return TemplateSyntaxError(f"{self.tag}: {reason}")


@register.tag("avatar")
class AvatarNode(TagNode):
    """The avatar of a user, a profile, a team …, or its fallback.

    ``{% avatar user 64 class="rounded" %}``; ``{% avatar user 64 as face %}`` for its parts.
    """

    options = None

    def __init__(self, parser: Parser, token: Token) -> None:
        super().__init__(parser, token)
        self.made: tuple[Config, rendering.Layout] | None = None
        # Now, so that a mistake shows when the template is loaded.
        try:
            attribute_names(self.attrs)
        except TypeError as error:
            raise self.error(error) from error
        if self.constant:
            self.layout(Context())

    def render(self, context: Context) -> str:
        obj = _value(self.obj, context)
        layout = self.layout(context)
        if self.target is None:
            return layout.html(obj)
        context[self.target] = layout.face(obj)
        return ""

    def layout(self, context: Context) -> rendering.Layout:
        """Size and attributes; where they are constants, made again only for other settings."""
        config = get_config()
        # Read once: another thread may be rendering the same node.
        made = self.made
        if made is not None and made[0] is config:
            return made[1]
        try:
            layout = rendering.Layout(_value(self.second, context), self.values(context))
        except (TypeError, ValueError) as error:
            raise self.error(error) from error
        if self.constant:
            self.made = config, layout
        return layout


@register.tag("avatar_url")
class UrlNode(TagNode):
    """The URL of the avatar, or of its fallback: ``{% avatar_url user 64 %}``.

    ``{% avatar_url user 64 format="jpeg" absolute=True %}`` for mails.
    """

    options = ("format", "absolute")

    def __init__(self, parser: Parser, token: Token) -> None:
        super().__init__(parser, token)
        if self.constant:
            # Now, so that a mistake shows when the template is loaded.
            self.size_and_options(Context())

    def render(self, context: Context) -> str:
        size, options = self.size_and_options(context)
        request = context.get("request") or getattr(context, "request", None)
        url = rendering.avatar_url(_value(self.obj, context), size, request=request, **options)
        if self.target is None:
            return conditional_escape(url) if context.autoescape else url
        context[self.target] = url
        return ""

    def size_and_options(self, context: Context) -> tuple[int, dict[str, Any]]:
        options = self.values(context)
        try:
            rendering.clean_format(options.get("format"))
            return rendering.clean_size(_value(self.second, context)), options
        except ValueError as error:
            raise self.error(error) from error


@register.tag("avatar_group")
class GroupNode(TagNode):
    """The first of many avatars, and how many more there are: ``{% avatar_group users max=5 %}``.

    ``{% avatar_group users 40 max=5 total=team.size label="Members" class="…" as group %}``
    """

    options = None

    def __init__(self, parser: Parser, token: Token) -> None:
        super().__init__(parser, token)
        # Now, so that a mistake shows when the template is loaded.
        try:
            attribute_names(self.attrs)
            if self.constant:
                self.group(None, Context())
        except TypeError as error:
            raise self.error(error) from error

    def render(self, context: Context) -> str:
        group = self.group(_value(self.obj, context), context)
        if self.target is None:
            return group.html
        context[self.target] = group
        return ""

    def group(self, objects: Any, context: Context) -> rendering.Group:
        size, given = _value(self.second, context), self.values(context)
        try:
            return rendering.avatar_group(objects, size, **given)
        except ValueError as error:
            raise self.error(error) from error


@register.tag("prefetch_avatars")
class PrefetchNode(TagNode):
    """Load the avatars of a page in one query: ``{% prefetch_avatars comments "author" %}``."""

    second_name = "path"

    def __init__(self, parser: Parser, token: Token) -> None:
        super().__init__(parser, token)
        if self.target is not None:
            raise self.error("there is no result to name with “as”.")

    def render(self, context: Context) -> str:
        objects = _value(self.obj, context)
        # A list that the view did not pass counts as an empty one, as in {% for %}.
        if objects is not None and objects != "":
            owners.prefetch_avatars(objects, _value(self.second, context))
        return ""


@register.simple_tag(takes_context=True)
def avatar_media(context: Context, source: Any = None) -> str:
    """The style sheets and the script of a form, with the nonce of the request.

    ``{% avatar_media form %}``; without a form, all that the kit's own pages need.
    """
    # A context need not have both: the request, and the variable of Django's context processor.
    nonce = context.get("csp_nonce")
    request = getattr(context, "request", None) if nonce is None else nonce
    return assets.avatar_media(source, request)


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
