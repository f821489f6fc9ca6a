"""What a ``ModelSerializer`` of Django REST framework makes of an ``AvatarField``."""

from __future__ import annotations

from typing import Any

from rest_framework.serializers import FileField, ModelSerializer

from ..fields import AvatarField


class AvatarUploadField(FileField):  # type: ignore[misc]
    """A file that the model field's own validators check.

    REST framework's ``ImageField`` would have every picture opened once more by another decoder,
    refuse a JPEG for the ending of its name, and answer in sentences of its own.
    """

    def __init__(self, **kwargs: Any) -> None:
        # The client's name is not kept, and an empty file is refused in a sentence that names it.
        super().__init__(**{**kwargs, "max_length": None, "allow_empty_file": True})


def connect() -> None:
    """Make it the field of every ``ModelSerializer`` that does not say otherwise."""
    ModelSerializer.serializer_field_mapping[AvatarField] = AvatarUploadField
