"""The OpenAPI schema that drf-spectacular makes of the kit's fields and views."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import call_command

TEXT = {"type": "string"}
URL = {"type": "string", "format": "uri-reference"}
URLS = {"type": "object", "additionalProperties": URL}
UPLOAD = {"type": "string", "format": "binary", "writeOnly": True}
CROP = {
    "type": "string",
    "pattern": "^[0-9]+,[0-9]+,[0-9]+,[0-9]+$",
    "description": "x, y, width and height in px of the upright picture",
    "example": "120,80,400,400",
    "writeOnly": True,
}
FACE = {"src": URL, "srcset": TEXT, "color": TEXT, "alt": TEXT, "animated": TEXT}


def of(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def shown(name: str) -> dict[str, Any]:
    return {"allOf": [of(name)], "readOnly": True}


def component(properties: dict[str, Any], *required: str, **more: str) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required), **more}


def operation(name: str, tag: str, description: str, **more: Any) -> dict[str, Any]:
    return {
        "operationId": name,
        "description": description,
        "tags": [tag],
        "security": [{"cookieAuth": []}, {"basicAuth": []}],
        **more,
    }


def answers(name: str, status: str = "200") -> dict[str, Any]:
    content = {"application/json": {"schema": of(name)}}
    return {status: {"content": content, "description": ""}}


def takes(name: str, *types: str) -> dict[str, Any]:
    return {"content": {each: {"schema": of(name)} for each in types}, "required": True}


@pytest.fixture
def generated(tmp_path: Path) -> Any:
    file = tmp_path / "schema.yaml"

    def generate(**options: Any) -> Any:
        urls = "tests.neighbours.api"
        options |= {"validate": True, "fail_on_warn": True}
        call_command("spectacular", file=str(file), urlconf=urls, **options)
        return yaml.safe_load(file.read_text())

    return generate


def test_the_paths(generated):
    assert generated()["paths"] == {
        "/api/me/avatar/": {
            "get": operation(
                "me_avatar_retrieve",
                "me",
                "The avatar, or the fallback that is shown instead.",
                responses=answers("MyAvatar"),
            ),
            "put": operation(
                "me_avatar_update",
                "me",
                "Upload a picture, which replaces the avatar; `crop` is a square of it in px.",
                requestBody=takes("AvatarUpload", "multipart/form-data"),
                responses=answers("MyAvatar"),
            ),
            "delete": operation(
                "me_avatar_destroy",
                "me",
                "Remove the avatar. Without one, nothing happens.",
                responses={"204": {"description": "No response body"}},
            ),
        },
        "/api/teams/": {
            "post": operation(
                "teams_create",
                "teams",
                "Teams.",
                requestBody=takes(
                    "Team",
                    "application/json",
                    "application/x-www-form-urlencoded",
                    "multipart/form-data",
                ),
                responses=answers("Team", "201"),
                security=[{"cookieAuth": []}, {"basicAuth": []}, {}],
            )
        },
    }


def test_the_components(generated):
    schemas = generated()["components"]["schemas"]
    assert schemas.pop("Captain")["properties"]["face"] == shown("AvatarFaceWithUrls")
    assert schemas == {
        "AvatarFace": component(FACE, "src", "srcset", "color", "alt"),
        "AvatarFaceWithUrls": component(
            {**FACE, "urls": URLS}, "src", "srcset", "color", "alt", "urls"
        ),
        "AvatarUpload": component(
            {"avatar": UPLOAD, "crop": CROP},
            "avatar",
            description="A picture, and the part of it that becomes the avatar.",
        ),
        "MyAvatar": component(
            {
                "has_avatar": {"type": "boolean"},
                **dict.fromkeys(("src", "srcset", "color", "alt"), TEXT),
                "urls": {"type": "object", "additionalProperties": TEXT},
            },
            *("alt", "color", "has_avatar", "src", "srcset", "urls"),
            description="An avatar as it is shown. Without one, the URLs are those of the "
            "fallback.",
        ),
        "Team": component(
            {
                "name": {"type": "string", "maxLength": 50},
                "face": shown("AvatarFace"),
                "captain": shown("Captain"),
                "portrait": {"type": "string", "format": "uri"},
                "avatar": UPLOAD,
                "crop": CROP,
            },
            *("avatar", "captain", "face", "portrait"),
        ),
    }


def test_requests_and_answers_apart(generated):
    schemas = generated(custom_settings="tests.neighbours.api.APART")["components"]["schemas"]
    assert set(schemas["Team"]["properties"]) == {"name", "face", "captain", "portrait"}
    assert schemas["TeamRequest"]["properties"] == {
        "name": {"type": "string", "maxLength": 50},
        "portrait": {"type": "string", "format": "binary"},
        "avatar": UPLOAD,
        "crop": CROP,
    }
