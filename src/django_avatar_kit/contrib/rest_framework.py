"""What a ``ModelSerializer`` of Django REST framework makes of an ``AvatarField``."""

from __future__ import annotations

from typing import Any

from django.core.files.base import File
from rest_framework.exceptions import ValidationError
from rest_framework.fields import get_error_detail
from rest_framework.serializers import FileField, ModelSerializer
from rest_framework.settings import api_settings

from ..exceptions import UploadError
from ..fields import AvatarField

__all__ = ["AvatarUploadField"]


class AvatarUploadField(FileField):  # type: ignore[misc]
    """A picture, in any serializer. An invalid one is answered with 400 and the kit's message.

    It is decoded for ``model_field``, so that saving does not decode it again; by default for the
    field of a ``ModelSerializer`` that is its ``source``, else for the sizes in the settings.

    REST framework's ``ImageField`` would decode every picture once more, refuse a JPEG for the
    extension of its name, and answer with messages of its own.
    """

    def __init__(self, *, model_field: AvatarField | None = None, **kwargs: Any) -> None:
        self.model_field = model_field
        # The client's file name is not stored, and an empty file is refused with a message that
        # names it.
        super().__init__(**{**kwargs, "max_length": None, "allow_empty_file": True})

    def to_internal_value(self, data: Any) -> Any:
        """The checked upload. Raises REST framework's ``ValidationError``."""
        upload = super().to_internal_value(data)
        # REST framework takes anything with a name and a size.
        if not isinstance(upload, File):
            upload = File(upload)
        try:
            (self.model_field or self._own_field()).check_upload(upload)
        except UploadError as error:
            raise ValidationError(get_error_detail(error)) from error
        return upload

    def to_representation(self, value: Any) -> Any:
        """The URL of the largest rendition; with ``use_url=False``, the key of that file.

        Never the key of the master, which shows what the crop left out. None without an avatar.
        """
        use_url = getattr(self, "use_url", api_settings.UPLOADED_FILES_USE_URL)
        name = getattr(value, "avatar_name", None)
        if value and not use_url and name is not None:
            return name.rendition(name.sizes[-1], name.formats[-1])
        return super().to_representation(value)

    def _own_field(self) -> AvatarField:
        model = getattr(getattr(self.parent, "Meta", None), "model", None)
        fields = model._meta.concrete_fields if model is not None else ()
        own = (f for f in fields if f.name == self.source and isinstance(f, AvatarField))
        return next(own, None) or AvatarField()


def connect() -> None:
    """Make it the serializer field of every ``AvatarField``, unless a serializer declares one."""
    ModelSerializer.serializer_field_mapping[AvatarField] = AvatarUploadField
