"""What the tests of files and rows have in common."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from django.apps import apps
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connections, models, transaction

from django_avatar_kit.fields import AvatarField
from django_avatar_kit.names import Name
from django_avatar_kit.test import make_upload
from tests.testapp.models import STOCK, Profile


def upload(color: str = "teal", **options: Any) -> SimpleUploadedFile:
    return make_upload(**{"size": (60, 40), "color": color, **options})


def make_profile(name: str = "ada", *, avatar: bool = True, using: str | None = None) -> Profile:
    user = User(username=name)
    user.save(using=using)
    profile = Profile(user=user, avatar=upload() if avatar else "")
    profile.save(using=using)
    return profile


class BoomError(Exception):
    """What makes a transaction of the tests fail."""


@contextmanager
def undone(using: str = "default") -> Iterator[None]:
    """A transaction that is rolled back."""
    with suppress(BoomError), transaction.atomic(using=using):
        yield
        raise BoomError


def in_vain(change: Any) -> None:
    """Do it, and roll it back."""
    with undone():
        change()


def fresh(row: Any) -> Any:
    """The row as another request sees it."""
    return type(row)._base_manager.using(row._state.db).get(pk=row.pk)


def column(row: Any, attname: str = "avatar") -> str:
    """What the database has, read past every piece of the kit."""
    field = row._meta.get_field(attname)
    table = field.model._meta
    quote = connections[row._state.db].ops.quote_name
    with connections[row._state.db].cursor() as cursor:
        # Names of tables and columns are the model's own, quoted.
        cursor.execute(
            f"SELECT {quote(field.column)} FROM {quote(table.db_table)} "  # noqa: S608
            f"WHERE {quote(table.pk.column)} = %s",
            [row.pk],
        )
        (value,) = cursor.fetchone()
    return value


def set_column(row: Any, value: str, attname: str = "avatar") -> None:
    """Write into the column past the kit, as a site had it before."""
    plain = models.Value(value, output_field=models.CharField())
    rows = models.QuerySet(type(row), using=row._state.db).filter(pk=row.pk)
    rows.update(**{attname: plain})


def name_of(row: Any, attname: str = "avatar") -> Name:
    name = Name.parse(column(row, attname))
    assert name is not None
    return name


def files_of(key: str) -> set[str]:
    """All keys that this value of the column stands for."""
    name = Name.parse(key)
    return set(name.files) if name else {key} if key else set()


def needed(using: str = "default") -> set[str]:
    """Every file that some row points at, defaults excepted.

    Found out by other means than ``assert_avatar_files()``, whose message it is to check.
    """
    keys: set[str] = set()
    for model in apps.get_models():
        if model._meta.proxy:
            continue
        for field in model._meta.local_concrete_fields:
            if isinstance(field, AvatarField):
                rows = models.QuerySet(model, using=using).exclude(**{field.attname: ""})
                for key in rows.values_list(field.attname, flat=True).order_by():
                    if key not in STOCK and key != field.get_default():
                        keys |= files_of(key)
    return keys
