"""What the tests of ``avatar_build`` have in common."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from django.core.management import call_command
from PIL import Image

from django_avatar_kit.test import make_image, make_upload
from tests.support.lifecycle import set_column
from tests.testapp.models import Team


def build(*labels: str, **options: Any) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    call_command("avatar_build", *labels, stdout=out, stderr=err, **options)
    return out.getvalue(), err.getvalue()


def avatar() -> Any:
    return Team._meta.get_field("avatar")


def summary(text: str) -> str:
    return text.strip().splitlines()[-1]


def team(**image: Any) -> Team:
    return Team.objects.create(avatar=make_upload(**{"size": (60, 40), **image}))


def old_file(media: Path, key: str = "avatars/old.jpg", **image: Any) -> str:
    path = media / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(make_image(**{"size": (60, 40), **image}))
    return key


def old_team(media: Path, key: str = "avatars/old.jpg", **image: Any) -> Team:
    row = Team.objects.create()
    set_column(row, old_file(media, key, **image))
    return row


def size_of(media: Path, key: str) -> tuple[int, int]:
    with Image.open(media / key) as image:
        return image.size
