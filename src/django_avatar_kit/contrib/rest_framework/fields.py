"""Serializer fields: an avatar as it is shown, an upload, and the part of it that was chosen."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from django.core.files.base import File
from django.db.models.fields.related_descriptors import ReverseOneToOneDescriptor
from rest_framework.exceptions import ValidationError
from rest_framework.fields import (
    Field,
    FileField,
    SkipField,
    empty,
    get_attribute,
    get_error_detail,
)
from rest_framework.settings import api_settings

from ...conf import get_config
from ...exceptions import UploadError
from ...fields import AvatarField
from ...rendering import avatar_url, clean_size, get_face

#: As many digits as a number in a crop box of the kit's own can have.
_CROP = re.compile(r"[0-9]{1,9}(?:,[0-9]{1,9}){3}")


class AvatarFaceField(Field):
    """An avatar as it is shown: ``{"src": …, "srcset": …, "color": …, "alt": …}``, read only.

    The source is what ``{% avatar %}`` takes: a user or another owner, a row with an avatar
    (``"*"`` for the row of the serializer itself), or the avatar of one. Without an avatar it is
    the fallback's; for nobody, that of nobody in particular.

    An avatar that moves has ``animated`` as well, a ``srcset`` for those who have not asked for
    reduced motion.

    ``size`` is that of ``src`` in px, by default ``DEFAULT_SIZE``. ``urls`` adds the URLs for
    these sizes, ``{"64": …}``; True stands for ``SIZES``. URLs are absolute if the context of the
    serializer has the request. An owner whose profile is not loaded costs a query.
    """

    def __init__(
        self, size: int | None = None, *, urls: Sequence[int] | bool = False, **kwargs: Any
    ) -> None:
        self.size = None if size is None else clean_size(size)
        self.urls = urls if isinstance(urls, bool) else tuple(map(clean_size, urls))
        super().__init__(**{**kwargs, "read_only": True})

    def get_attribute(self, instance: Any) -> Any:
        """What is shown; "" for nobody, since a serializer makes null of None."""
        found = instance
        for step in self.source_attrs:
            try:
                value = get_attribute(found, [step])
            except (AttributeError, KeyError):
                # A mistake in the source, which the field of REST framework explains.
                return super().get_attribute(instance)
            if value is None:
                # A profile that does not exist yet is that of somebody.
                descriptor = getattr(type(found), step, None)
                return found if isinstance(descriptor, ReverseOneToOneDescriptor) else ""
            found = value
        return found

    def to_representation(self, value: Any) -> dict[str, Any]:
        sizes = get_config().sizes if self.urls is True else self.urls or ()
        return face_data(value, self.size, sizes, self.context.get("request"))


def face_data(obj: Any, size: int | None, sizes: Sequence[int], request: Any) -> dict[str, Any]:
    """An avatar or its fallback for an API; with ``urls`` if there are ``sizes``."""

    def absolute(url: str) -> str:
        return request.build_absolute_uri(url) if url and request is not None else url

    face = get_face(obj, size)

    def all_absolute(srcset: str) -> str:
        parts = [each.split(" ") for each in srcset.split(", ") if each]
        return ", ".join(" ".join([absolute(url), *density]) for url, *density in parts)

    data: dict[str, Any] = {
        "src": absolute(face.src),
        "srcset": all_absolute(face.srcset),
        "color": face.color,
        "alt": face.alt,
    }
    if face.animated:
        data["animated"] = all_absolute(face.animated)
    if sizes:
        data["urls"] = {str(each): absolute(avatar_url(obj, each)) for each in sizes}
    return data


class AvatarCropField(Field):
    """The part of an upload that becomes the avatar: ``"x,y,width,height"`` in px, write only.

    It stands beside the field of the upload, whose name is ``of``. The upload is checked and kept
    together with it, so it is not among the validated data, and what is wrong with it is an error
    of the upload.
    """

    def __init__(self, *, of: str = "avatar", **kwargs: Any) -> None:
        self.of = of
        super().__init__(**{**kwargs, "write_only": True, "required": False})

    def to_internal_value(self, data: Any) -> Any:  # noqa: ARG002 - as REST framework calls it
        raise SkipField


class AvatarUploadField(FileField):
    """A picture, in any serializer. An invalid one is answered with 400 and the kit's message.

    It is decoded for ``model_field``, so that saving does not decode it again; by default for the
    field of a ``ModelSerializer`` that is its ``source``, else for the sizes in the settings. With
    an :class:`AvatarCropField` beside it, the part that was chosen becomes the avatar.

    REST framework's ``ImageField`` would decode every picture once more, refuse a JPEG for the
    extension of its name, and answer with messages of its own.
    """

    #: What was sent as the crop of this upload; None for nothing.
    _crop: Any = None

    def __init__(self, *, model_field: AvatarField | None = None, **kwargs: Any) -> None:
        self.model_field = model_field
        # The client's file name is not stored, and an empty file is refused with a message that
        # names it.
        super().__init__(**{**kwargs, "max_length": None, "allow_empty_file": True})

    def get_value(self, dictionary: Any) -> Any:
        self._crop = None
        for field in self.parent.fields.values():
            if isinstance(field, AvatarCropField) and field.of == self.field_name:
                crop = field.get_value(dictionary)
                self._crop = None if crop in (empty, "") else crop
        return super().get_value(dictionary)

    def validate_empty_values(self, data: Any) -> Any:
        if data is empty and self._crop is not None:
            # A part of nothing. Without a word, the client would think that it was saved.
            self.fail("required")
        return super().validate_empty_values(data)

    def to_internal_value(self, data: Any) -> Any:
        """The checked upload. Raises REST framework's ``ValidationError``."""
        upload = super().to_internal_value(data)
        # REST framework takes anything with a name and a size.
        if not isinstance(upload, File):
            upload = File(upload)
        try:
            (self.model_field or self._own_field()).check_upload(upload, _box(self._crop))
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


def _box(crop: Any) -> Any:
    """A crop as four numbers; anything else as it is, for the error to name."""
    if isinstance(crop, str) and _CROP.fullmatch(crop):
        return tuple(map(int, crop.split(",")))
    return crop
