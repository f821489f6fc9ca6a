"""django-avatar's tags, shown by the kit: a template changes its ``{% load %}`` line only.

    {% load avatar_kit_compat %}      instead of {% load avatar_tags %}

    {% avatar user 65 %}              {% avatar user 65 class="round" id="me" %}
    {% avatar user 100 50 %}          {% avatar "anna" 65 %}
    {% avatar_url user 65 %}          {% primary_avatar user 65 %}
    {% render_avatar picture 65 %}    {{ user|has_avatar }}

New templates load ``avatar_kit``, which asks for no user by name.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from django import template
from django.contrib.auth import get_user_model
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.utils.safestring import SafeString, mark_safe

from django_avatar_kit import rendering

register = template.Library()


@register.simple_tag
@register.simple_tag(name="primary_avatar")
@register.simple_tag(name="render_avatar")
def avatar(user: Any, width: Any = None, height: Any = None, **attrs: Any) -> SafeString:
    """The avatar of a user, ``width`` px wide and ``height`` px high, or its fallback.

    ``user`` may also be a user name or a primary key, for one query. Renditions are squares. One
    that is shown in another shape fills it, and the browser cuts off the rest.
    """
    width, height, size = _sizes(width, height)
    if width == height:
        return rendering.avatar_html(_owner(user), size, **attrs)
    attrs["style"] = f"{attrs.get('style', '')};object-fit:cover".lstrip(";")
    html = rendering.avatar_html(_owner(user), size, **attrs)
    # In both an <img> and an <svg>. No value of an attribute contains a quote.
    square, shape = f'width="{size}" height="{size}"', f'width="{width}" height="{height}"'
    return mark_safe(html.replace(square, shape, 1))  # noqa: S308


@register.simple_tag
def avatar_url(user: Any, width: Any = None, height: Any = None) -> str:
    """The URL of the avatar, or of its fallback; arguments as for ``{% avatar %}``."""
    return rendering.avatar_url(_owner(user), _sizes(width, height)[2])


@register.filter
def has_avatar(user: Any) -> bool:
    """Whether a user has an avatar of their own; False for anything that is no user."""
    return isinstance(user, get_user_model()) and rendering.has_avatar(user)


def _sizes(width: Any, height: Any) -> tuple[int, int, int]:
    """Width, height, and the side of the square that fills both, in px."""
    width = rendering.clean_size(width)
    height = width if height is None else rendering.clean_size(height)
    return width, height, max(width, height)


def _owner(user: Any) -> Any:
    """The user that a name or a primary key stands for, None if there is none; else the same."""
    users = get_user_model()._default_manager
    if isinstance(user, int) or (isinstance(user, str) and user.isdecimal()):
        found = None
        # Digits are no key where that is a UUID.
        with suppress(ValidationError):
            found = users.filter(pk=user).first()
        if found or isinstance(user, int):
            return found
    if not isinstance(user, str):
        return user
    if not user:
        # What a template has for a variable that does not exist.
        return None
    try:
        return users.get_by_natural_key(user)
    except ObjectDoesNotExist:
        return None
