"""What the tests of ``avatar_sweep`` have in common."""

from __future__ import annotations

import io
import os
import re
import time
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.db import models

from tests.support.lifecycle import column, upload
from tests.testapp.models import Team

ALL = {"min_age": 0, "max_percent": 100}
THUMBNAIL = {"size": (20, 10), "crop": True}


def sweep(**options: Any) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    call_command("avatar_sweep", stdout=out, stderr=err, **options)
    return out.getvalue(), err.getvalue()


def team(using: str = "default") -> Team:
    row = Team(avatar=upload())
    row.save(using=using)
    return row


def lose(row: Any, value: str = "", attname: str = "avatar") -> str:
    """Take the name out of the row behind the kit's back; it is returned."""
    key = column(row, attname)
    plain = models.Value(value, output_field=models.CharField())
    rows_ = models.QuerySet(type(row), using=row._state.db)
    rows_.filter(pk=row.pk).update(**{attname: plain})
    return key


def put(media: Path, key: str, content: bytes = b"x") -> str:
    path = media / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return key


def age(folder: Path, hours: float) -> None:
    moment = time.time() - hours * 3600
    for path in folder.rglob("*"):
        os.utime(path, (moment, moment))


def listed(out: str) -> set[str]:
    return {line.split(" (")[0] for line in out.splitlines() if re.search(r" bytes?\): ", line)}
