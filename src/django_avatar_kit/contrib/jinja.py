"""The tags as functions for Jinja2 templates.

    TEMPLATES = [
        {
            "BACKEND": "django.template.backends.jinja2.Jinja2",
            "OPTIONS": {"extensions": ["django_avatar_kit.contrib.jinja.AvatarKit"]},
        }
    ]

An environment of a site's own takes it by ``env.add_extension(AvatarKit)``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jinja2 import Environment, Undefined, pass_context
from jinja2.ext import Extension

from django_avatar_kit import rendering
from django_avatar_kit.models import prefetch_avatars

if TYPE_CHECKING:
    from django.utils.safestring import SafeString
    from jinja2.runtime import Context

__all__ = ["AvatarKit"]


class AvatarKit(Extension):
    """Adds ``avatar()``, ``avatar_url()``, ``avatar_group()``, ``avatar_face()``,
    ``prefetch_avatars()`` and ``has_avatar()``; the last one also as a filter and a test.

    They take what the tags take. What does not exist counts as None, unless the environment is
    strict.
    """

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        environment.globals.update(
            avatar=avatar,
            avatar_face=avatar_face,
            avatar_group=avatar_group,
            avatar_url=avatar_url,
            has_avatar=has_avatar,
            prefetch_avatars=prefetch,
        )
        environment.filters["has_avatar"] = has_avatar
        environment.tests["has_avatar"] = has_avatar


def avatar(obj: Any, size: Any = None, **attrs: Any) -> SafeString:
    """As ``{% avatar %}``: ``{{ avatar(user, 64, class="rounded") }}``."""
    return rendering.avatar_html(_known(obj), _known(size), **_all_known(attrs))


def avatar_face(obj: Any, size: Any = None, **attrs: Any) -> rendering.Face:
    """As ``{% avatar … as face %}``: ``{% set face = avatar_face(user, 64) %}``."""
    return rendering.get_face(_known(obj), _known(size), **_all_known(attrs))


def avatar_group(objects: Any, size: Any = None, **options: Any) -> rendering.Group:
    """As ``{% avatar_group %}``: ``{{ avatar_group(users, 40, max=5) }}``."""
    return rendering.avatar_group(_known(objects), _known(size), **_all_known(options))


@pass_context
def avatar_url(context: Context, obj: Any, size: Any = None, **options: Any) -> str:
    """As ``{% avatar_url %}``: ``{{ avatar_url(user, 64, format="jpeg", absolute=True) }}``."""
    options = {"request": context.get("request"), **_all_known(options)}
    return rendering.avatar_url(_known(obj), _known(size), **options)


def has_avatar(obj: Any) -> bool:
    """As ``|has_avatar``: ``{% if user is has_avatar %}``."""
    return rendering.has_avatar(_known(obj))


def prefetch(objects: Any, path: str | None = None) -> str:
    """As ``{% prefetch_avatars %}``: ``{{ prefetch_avatars(comments, "author") }}``."""
    objects = _known(objects)
    if objects is not None:
        prefetch_avatars(objects, path)
    return ""


def _known(value: Any) -> Any:
    if isinstance(value, Undefined):
        # Raises UndefinedError where the environment is strict.
        bool(value)
        return None
    return value


def _all_known(values: dict[str, Any]) -> dict[str, Any]:
    return {name: _known(value) for name, value in values.items()}
