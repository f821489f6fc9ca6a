"""Transactions that are rolled back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from django.db import (
    transaction,
)


class UndoneError(Exception):
    pass


@contextmanager
def undone(using: str = "default") -> Iterator[None]:
    with suppress(UndoneError), transaction.atomic(using=using):
        yield
        raise UndoneError
