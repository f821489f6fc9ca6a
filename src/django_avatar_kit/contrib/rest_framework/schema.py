"""What drf-spectacular cannot see for itself. Imported only if that is installed."""

# ruff: noqa: ARG002 - methods have the arguments that drf-spectacular gives them.

from __future__ import annotations

from typing import Any

from drf_spectacular.drainage import isolate_view_method
from drf_spectacular.extensions import OpenApiSerializerFieldExtension, OpenApiViewExtension
from drf_spectacular.utils import extend_schema

TEXT = {"type": "string"}
#: A URL, with or without scheme and host; empty where a fallback has none.
URL = {"type": "string", "format": "uri-reference"}
URLS = {"type": "object", "additionalProperties": URL}


class AvatarFaceExtension(OpenApiSerializerFieldExtension):
    target_class = "django_avatar_kit.contrib.rest_framework.fields.AvatarFaceField"
    match_subclasses = True

    def get_name(self) -> str:
        return "AvatarFaceWithUrls" if self.target.urls else "AvatarFace"

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        properties: dict[str, Any] = {"src": URL, "srcset": TEXT, "color": TEXT, "alt": TEXT}
        if self.target.urls:
            properties["urls"] = URLS
        # Only an avatar that moves has it.
        both = {**properties, "animated": TEXT}
        return {"type": "object", "properties": both, "required": list(properties)}


class AvatarCropExtension(OpenApiSerializerFieldExtension):
    target_class = "django_avatar_kit.contrib.rest_framework.fields.AvatarCropField"
    match_subclasses = True

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        return {
            **TEXT,
            "pattern": "^[0-9]+,[0-9]+,[0-9]+,[0-9]+$",
            "description": "x, y, width and height in px of the upright picture",
            "example": "120,80,400,400",
        }


class AvatarUploadExtension(OpenApiSerializerFieldExtension):
    target_class = "django_avatar_kit.contrib.rest_framework.fields.AvatarUploadField"
    match_subclasses = True

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        if self.target.write_only:
            # By default it would be the URL that such a field never shows.
            return {**TEXT, "format": "binary"}
        shown: dict[str, Any] = auto_schema._map_serializer_field(
            self.target, direction, bypass_extensions=True
        )
        return shown


class AvatarViewSetExtension(OpenApiViewExtension):
    target_class = "django_avatar_kit.contrib.rest_framework.views.AvatarViewSet"
    match_subclasses = True

    def view_replacement(self) -> Any:
        from .views import AvatarUploadSerializer, MyAvatarSerializer

        upload = {"multipart/form-data": AvatarUploadSerializer}
        view = type(self.target.__name__, (self.target,), {})
        # Not @extend_schema_view, which does not find the methods that @action maps.
        for name, describe in {
            "avatar": extend_schema(responses=MyAvatarSerializer),
            "replace_avatar": extend_schema(request=upload, responses=MyAvatarSerializer),
            "remove_avatar": extend_schema(request=None, responses={204: None}),
        }.items():
            describe(isolate_view_method(view, name))
        return view
