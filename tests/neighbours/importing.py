"""What the tests of ``avatar_import`` share."""

from __future__ import annotations

import io
from typing import Any

import pytest
from avatar.models import Avatar
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from django_avatar_kit.test import make_upload


def move(source: str = "avatar.Avatar", **options: Any) -> tuple[str, str]:
    """Run the command; what it prints, and what of that is about errors."""
    out, err = io.StringIO(), io.StringIO()
    call_command("avatar_import", source=source, stdout=out, stderr=err, **options)
    return out.getvalue(), err.getvalue()


def failed(source: str = "avatar.Avatar", **options: Any) -> tuple[str, str]:
    """The error with which the command ends, and what it has printed of single files."""
    err = io.StringIO()
    with pytest.raises(CommandError) as error:
        call_command("avatar_import", source=source, stdout=io.StringIO(), stderr=err, **options)
    return str(error.value), err.getvalue()


def summary(out: str) -> str:
    """The last line without what it counts."""
    return out.strip().splitlines()[-1].partition(": ")[2]


def picture(user: User, color: str = "teal", *, primary: bool = True) -> Avatar:
    """A picture of django-avatar."""
    upload = make_upload(f"{color}.jpg", size=(90, 60), color=color)
    return Avatar.objects.create(user=user, primary=primary, avatar=upload)
