"""What the tests of ``avatar_doctor`` share."""

from __future__ import annotations

import io
import socket
from typing import Any

from django.core.files.storage import InMemoryStorage
from django.core.management import call_command

from django_avatar_kit.fields import AvatarField
from django_avatar_kit.maintenance.doctor_advice import Finding
from tests.testapp.models import Team

Memory: Any = InMemoryStorage


def doctor(**options: Any) -> str:
    out = io.StringIO()
    call_command("avatar_doctor", stdout=out, **options)
    return out.getvalue()


def field_in(storage: Any, **options: Any) -> AvatarField:
    """A field that nobody needs a model for."""
    field = AvatarField(storage=storage, **options)
    field.set_attributes_from_name("face")
    field.model = Team
    return field


def bad(found: dict[str, Finding]) -> dict[str, str]:
    return {what: finding.level for what, finding in found.items() if finding.level != "ok"}


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
