"""For the tests of a site: pictures made in memory, and what else happens after a commit.

def test_upload(client, user):
    client.force_login(user)
    client.post("/avatar/", {"avatar": make_upload()})
    settle()
"""

from __future__ import annotations

import mimetypes
from io import BytesIO
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from .lifecycle.settlement import settle_all

__all__ = ["make_image", "make_upload", "settle"]


def make_image(
    size: tuple[int, int] = (640, 480),
    color: Any = "teal",
    *,
    format: str = "jpeg",
    mode: str = "RGB",
    **options: Any,
) -> bytes:
    """An encoded picture: ``size`` px of one ``color``, with ``options`` for Pillow's encoder."""
    buffer = BytesIO()
    with Image.new(mode, size, color) as image:
        image.save(buffer, format.upper(), **options)
    return buffer.getvalue()


def make_upload(
    name: str = "portrait.jpg", content: bytes | None = None, **image: Any
) -> SimpleUploadedFile:
    """An uploaded file as a request brings it; made by :func:`make_image` unless given."""
    if content is None:
        content = make_image(**image)
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return SimpleUploadedFile(name, content, content_type=kind)


def settle() -> None:
    """Delete files and send signals as after a commit, and delete files of undone changes.

    A ``TestCase`` never commits: without this, replaced and deleted files stay in storage.
    """
    settle_all()
