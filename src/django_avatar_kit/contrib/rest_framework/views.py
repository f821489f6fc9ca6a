"""A viewset for the avatar of whoever is logged in, or of a row that they look after."""

from __future__ import annotations

import logging
from typing import Any

from django.db.models import Model
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import (
    APIException,
    NotAuthenticated,
    NotFound,
    PermissionDenied,
    ValidationError,
)
from rest_framework.fields import get_error_detail
from rest_framework.parsers import MultiPartParser
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.status import HTTP_204_NO_CONTENT
from rest_framework.viewsets import ViewSet

from ...exceptions import AvatarError, StorageError, UploadError
from ...forms import time_stamps
from ...lazy import unwrap
from ...rendering import has_avatar
from ...view_targets import RowGoneError, TargetMixin, reload, save_row
from ...views import AvatarChangeView
from .fields import AvatarCropField, AvatarUploadField, face_data
from .throttling import AvatarUploadThrottle

__all__ = ["AvatarNotSaved", "AvatarViewSet"]

logger = logging.getLogger(__name__)


class MyAvatarSerializer(serializers.Serializer):
    """An avatar as it is shown. Without one, the URLs are those of the fallback."""

    has_avatar = serializers.BooleanField()
    src = serializers.CharField()
    srcset = serializers.CharField()
    color = serializers.CharField()
    alt = serializers.CharField()
    urls = serializers.DictField(child=serializers.CharField())


class AvatarUploadSerializer(serializers.Serializer):
    """A picture, and the part of it that becomes the avatar."""

    avatar = AvatarUploadField(write_only=True)
    crop = AvatarCropField()


class AvatarNotSaved(APIException):
    """The storage failed, or another thing that the client cannot help. Nothing has changed."""

    status_code = 503
    default_detail = AvatarChangeView.failure_message
    default_code = "avatar"


class AvatarViewSet(TargetMixin, ViewSet):
    """``GET``, ``PUT`` and ``DELETE`` of ``avatar/`` below the prefix that a router gives it.

    Whose avatar it is, is told as for :class:`~django_avatar_kit.views.AvatarChangeView`: the
    user's own, unless ``model`` and the prefix name a row. A profile that does not exist is made
    once a picture has been accepted.
    """

    permission_classes = [IsAuthenticated]
    parser_classes = [MultiPartParser]
    #: Of ``src``, in px; None for ``DEFAULT_SIZE``.
    size: int | None = None

    def get_throttles(self) -> list[Any]:
        # Beside those of the site, whatever they are.
        return [*super().get_throttles(), AvatarUploadThrottle()]

    def get_object(self) -> Any:
        """As in the kit's pages; raises ``NotAuthenticated`` if nobody is logged in.

        Raises ``PermissionDenied`` for the own avatar of a user who is no row of a table.
        """
        # A site's permission_classes may let anybody in.
        if not self.request.user.is_authenticated:
            raise NotAuthenticated
        # That of a service, such as the TokenUser of simplejwt. The site may let it change others.
        if self.get_queryset() is None and not isinstance(unwrap(self.request.user), Model):
            raise PermissionDenied
        return super().get_object()

    @action(detail=False)
    def avatar(self, request: Any, **kwargs: Any) -> Response:
        """The avatar, or the fallback that is shown instead."""
        return self._answer()

    @avatar.mapping.put
    def replace_avatar(self, request: Any, **kwargs: Any) -> Response:
        """Upload a picture, which replaces the avatar; `crop` is a square of it in px."""
        row, name = self.object, self.get_field_name()
        serializer = AvatarUploadSerializer(data=request.data)
        serializer.fields["avatar"].model_field = row._meta.get_field(name)
        serializer.is_valid(raise_exception=True)
        try:
            if row._state.adding:
                row = self.object = self.create_object(row)
            setattr(row, name, serializer.validated_data["avatar"])
            self._save()
        except RowGoneError as error:
            raise NotFound from error
        return self._answer()

    @avatar.mapping.delete
    def remove_avatar(self, request: Any, **kwargs: Any) -> Response:
        """Remove the avatar. Without one, nothing happens."""
        row, name = self.object, self.get_field_name()
        avatar = getattr(row, name)
        if has_avatar(avatar) and not row._state.adding:
            avatar.field.save_form_data(row, False)
            try:
                self._save()
            except RowGoneError:
                # Whoever deleted it has removed the avatar, too.
                reload(row, name)
        return Response(status=HTTP_204_NO_CONTENT)

    def _answer(self) -> Response:
        avatar = getattr(self.object, self.get_field_name())
        face = face_data(avatar, self.size, avatar.field.spec.sizes, self.request)
        return Response(MyAvatarSerializer({"has_avatar": has_avatar(avatar), **face}).data)

    def _save(self) -> None:
        """Save the one column, or all of a new row. Raises ``RowGoneError`` and API exceptions."""
        row, name = self.object, self.get_field_name()
        columns = None if row._state.adding else [name, *time_stamps(row)]
        try:
            save_row(row, lambda: row.save(update_fields=columns))
        except RowGoneError:
            raise
        except UploadError as error:
            # Such as a temporary file that is gone since it was checked.
            raise ValidationError({"avatar": get_error_detail(error)}) from error
        except AvatarError as error:
            raise _not_saved(error) from error


def _not_saved(error: AvatarError) -> AvatarNotSaved:
    """What the client is told: no keys, which the log has."""
    logger.error("An avatar could not be saved: %s", error, exc_info=error.__cause__)
    message = AvatarChangeView.storage_message if isinstance(error, StorageError) else None
    return AvatarNotSaved(message, error.code)
