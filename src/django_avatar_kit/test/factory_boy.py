"""Avatars in the factories of factory_boy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from factory.declarations import BaseDeclaration

from .images import make_upload

if TYPE_CHECKING:
    from django.core.files.uploadedfile import SimpleUploadedFile

__all__ = ["AvatarUpload"]


class AvatarUpload(BaseDeclaration):
    """The avatar of a row: ``avatar = AvatarUpload()``, or ``AvatarUpload(size=(64, 64))``.

    Arguments are those of :func:`~django_avatar_kit.test.make_upload`, also where the factory is
    called: ``ProfileFactory(avatar__color="red")``. ``ProfileFactory(avatar=None)`` has none.
    """

    def evaluate(
        self,
        instance: Any,  # noqa: ARG002 - what factory_boy passes to each declaration
        step: Any,  # noqa: ARG002
        extra: dict[str, Any],
    ) -> SimpleUploadedFile:
        return make_upload(**extra)
