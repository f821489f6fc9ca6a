"""Avatars in the factories of factory_boy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from factory.declarations import BaseDeclaration, Trait
from factory.django import DjangoModelFactory

from .images import make_upload

if TYPE_CHECKING:
    from django.core.files.uploadedfile import SimpleUploadedFile

__all__ = ["AvatarFactoryMixin", "AvatarUpload"]


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


# A factory itself: factory_boy takes declarations from other factories only.
class AvatarFactoryMixin(DjangoModelFactory):  # type: ignore[type-arg]
    """For the factory of a model with ``AvatarMixin``: rows that it makes have an avatar.

    ``class ProfileFactory(AvatarFactoryMixin, DjangoModelFactory)``. The picture has 64 px, which
    makes tests fast. ``ProfileFactory(faceless=True)`` has none.
    """

    class Meta:
        abstract = True

    class Params:
        faceless = Trait(avatar=None)  # type: ignore[no-untyped-call]

    #: ``ProfileFactory(avatar=None)`` has none, and ``avatar__color="red"`` another one.
    avatar = AvatarUpload(size=(64, 64))  # type: ignore[no-untyped-call]
