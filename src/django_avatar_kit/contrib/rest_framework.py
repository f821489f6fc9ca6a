"""What a ``ModelSerializer`` of Django REST framework makes of an ``AvatarField``."""

from __future__ import annotations

from typing import Any

from rest_framework.exceptions import ValidationError
from rest_framework.fields import get_error_detail
from rest_framework.serializers import FileField, ModelSerializer

from ..exceptions import UploadError
from ..fields import AvatarField


class AvatarUploadField(FileField):  # type: ignore[misc]
    """A picture, in any serializer. What is wrong with it is answered with 400, by its sentence.

    In a ``ModelSerializer`` it is decoded for the model field of its ``source``, so that saving
    does not decode it again, and elsewhere for the sizes in the settings, or for ``model_field``.

    REST framework's ``ImageField`` would have every picture opened once more by another decoder,
    refuse a JPEG for the ending of its name, and answer in sentences of its own.
    """

    def __init__(self, *, model_field: AvatarField | None = None, **kwargs: Any) -> None:
        self.model_field = model_field
        # The client's name is not kept, and an empty file is refused in a sentence that names it.
        super().__init__(**{**kwargs, "max_length": None, "allow_empty_file": True})

    def to_internal_value(self, data: Any) -> Any:
        """The checked upload. Raises REST framework's ``ValidationError``."""
        upload = super().to_internal_value(data)
        try:
            (self.model_field or self._own_field()).validate_upload(upload)
        except UploadError as error:
            raise ValidationError(get_error_detail(error)) from error
        return upload

    def _own_field(self) -> AvatarField:
        model = getattr(getattr(self.parent, "Meta", None), "model", None)
        fields = model._meta.concrete_fields if model is not None else ()
        own = (f for f in fields if f.name == self.source and isinstance(f, AvatarField))
        return next(own, None) or AvatarField()


def connect() -> None:
    """Make it the field of every ``ModelSerializer`` that does not say otherwise."""
    ModelSerializer.serializer_field_mapping[AvatarField] = AvatarUploadField
