"""Avatars in Django REST framework: serializer fields here, a viewset in ``views``.

The viewset is not imported here. Its base class imports what ``REST_FRAMEWORK`` names, and this
module is imported while Django starts.
"""

from __future__ import annotations

from django.apps import apps
from rest_framework.serializers import ModelSerializer

from ...fields import AvatarField
from .fields import AvatarCropField, AvatarFaceField, AvatarUploadField

__all__ = ["AvatarCropField", "AvatarFaceField", "AvatarUploadField", "connect"]


def connect() -> None:
    """Make ``AvatarUploadField`` the field of every ``AvatarField`` in a ``ModelSerializer``.

    A serializer may declare another. drf-spectacular is told of the kit's fields and views.
    """
    ModelSerializer.serializer_field_mapping[AvatarField] = AvatarUploadField
    if apps.is_installed("drf_spectacular"):
        # Its extensions are known once they are imported.
        from . import schema  # noqa: F401
