"""The serializer field of ``contrib.rest_framework``. Reported cases are in ``tests/cases``."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rest_framework import serializers

from django_avatar_kit.contrib.rest_framework import AvatarUploadField
from django_avatar_kit.test import make_image
from tests.support.lifecycle import column, files_of, make_profile


class Upload(serializers.Serializer):
    avatar = AvatarUploadField()


class ForeignUpload:
    """An upload of another framework: a name, a size and ``read()``, but no ``File`` of Django."""

    def __init__(self, name: str, content: bytes) -> None:
        self.name = name
        self.size = len(content)
        self._content = io.BytesIO(content)

    def read(self, size: int = -1) -> bytes:
        return self._content.read(size)


class Unreadable:
    name, size = "cat.jpg", 5


def check(upload: Any) -> Any:
    serializer = Upload(data={"avatar": upload})
    serializer.is_valid()
    return serializer


@pytest.mark.parametrize(
    ("upload", "code"),
    [
        (ForeignUpload("cat.jpg", b"no picture"), "invalid_image"),
        (ForeignUpload("cat.jpg", b""), "empty"),
        (ForeignUpload("cat.bmp", make_image((9, 9), format="bmp")), "unsupported_format"),
        (Unreadable(), "unreadable"),
    ],
)
def test_an_upload_that_is_no_file_of_django_is_checked(upload, code):
    (error,) = check(upload).errors["avatar"]
    assert error.code == code
    assert upload.name in str(error)


@pytest.mark.django_db
@pytest.mark.usefixtures("small")
def test_an_upload_that_is_no_file_of_django_is_saved(files):
    serializer = check(ForeignUpload("cat.jpg", make_image((60, 40))))
    assert serializer.errors == {}
    profile = make_profile(avatar=False)
    profile.avatar = serializer.validated_data["avatar"]
    profile.save()
    assert files() == files_of(column(profile))


@pytest.mark.django_db
@pytest.mark.usefixtures("small")
def test_a_stored_avatar_is_an_upload_as_any_other():
    """As where one row is given the avatar of another, by a serializer without a model."""
    stored = make_profile().avatar
    serializer = check(stored)
    assert serializer.errors == {}
    assert serializer.validated_data["avatar"] is stored
