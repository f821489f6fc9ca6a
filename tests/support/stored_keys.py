"""The key of an avatar, and a row that has it as an earlier upload left it."""

from __future__ import annotations

from django.db import models

from tests.support.lifecycle import set_column

TOKEN = "3f9c0123456789abcdef0123456789e1"
KEY = f"avatars/3f/{TOKEN}-5be1012345670707-k1-1000x750-32_64_128_256_512-webp-full-7a6a5c.jpg"


def put(instance: models.Model, key: str = KEY) -> None:
    """Write a key into the row, without a file."""
    set_column(instance, key)
