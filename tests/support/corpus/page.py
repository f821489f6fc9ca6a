"""Sends uploads through the real change page, and looks at everything that is left of each."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from django_avatar_kit.formats import FORMATS
from django_avatar_kit.names import Name
from django_avatar_kit.test import IsolatedStorages
from tests.support.corpus.base import MARKER, TAKEN
from tests.support.corpus.traces import traces

TEXT = MARKER.decode()
#: What a client may claim of a file, none of which may be kept either.
CLIENT_NAME = f"{TEXT}.php.jpg"
CLIENT_TYPE = f"text/html; charset={TEXT}"


def formats_here() -> tuple[str, ...]:
    """All formats that can be decoded with what is installed."""
    packages = {key: row.package for key, row in FORMATS.items()}
    return tuple(key for key, package in packages.items() if not package or find_spec(package))


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one upload."""

    code: str
    """``TAKEN``, or the code of the error that the form shows."""
    problems: list[str] = field(default_factory=list)
    """Whatever must not happen, as sentences."""
    seconds: float


class ChangePage:
    """The change page of a user, whose avatar each upload that is taken replaces.

    Commits must be real, so that the files of the last avatar are deleted.
    """

    def __init__(self, profile: Any, storages: IsolatedStorages) -> None:
        """``profile`` is the row of the user that has the avatar."""
        self._client = Client()
        self._client.force_login(profile.user)
        self._url = reverse("avatar_kit:change")
        self._storages = storages
        self._profile = type(profile).objects.filter(pk=profile.pk)
        self._name = ""

    def upload(self, data: bytes) -> Outcome:
        """Send a file, and check the answer, the row and the storage."""
        self._storages.calls.clear()
        file = SimpleUploadedFile(CLIENT_NAME, data, CLIENT_TYPE)
        problems: list[str] = []
        start = time.perf_counter()
        with _logged() as logged:
            try:
                response = self._client.post(self._url, {"avatar": file})
            except Exception as error:  # noqa: BLE001 - this is what is looked for
                return Outcome(
                    code=type(error).__name__,
                    problems=[f"raised {error!r}"],
                    seconds=time.perf_counter() - start,
                )
        seconds = time.perf_counter() - start
        problems += [f"logged: {message}" for message in logged]
        code = f"status {response.status_code}"
        if response.status_code == 302:
            code = TAKEN
        elif response.status_code == 200:
            errors = response.context["form"].errors.as_data()
            code = ", ".join(str(error.code) for each in errors.values() for error in each)
        else:
            problems.append(code)
        problems += self._wrong_files(taken=code == TAKEN)
        return Outcome(code=code, problems=problems, seconds=seconds)

    def _wrong_files(self, *, taken: bool) -> Iterator[str]:
        """What is wrong in the storage or in the row after an upload."""
        before, self._name = self._name, self._profile.values_list("avatar", flat=True).get()
        if taken == (self._name == before):
            yield f"the row had “{before}” and has “{self._name}”"
        if not taken and not self._storages.calls:
            # Nobody has asked the storage for anything. All is looked at after the next one.
            return
        name = Name.parse(self._name)
        wanted = set(name.files) if name else set()
        found = self._storages.keys()
        if found != wanted:
            yield f"of the files {sorted(wanted)}, storage has {sorted(found)}"
        if taken:
            for key in found:
                yield from (f"{key}: {trace}" for trace in self._traces(key))

    def _traces(self, key: str) -> list[str]:
        in_name = ["in its name"] if TEXT.lower() in key.lower() else []
        return in_name + traces((self._storages.location() / key).read_bytes())


def rows_with_marker() -> list[str]:
    """The tables that have the marker anywhere, those of other apps included."""
    found = set()
    for model in apps.get_models():
        for row in model._default_manager.values_list():
            if TEXT.lower() in repr(row).lower():
                found.add(model._meta.label)
    return sorted(found)


class _Handler(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


@contextmanager
def _logged() -> Iterator[list[str]]:
    """Whatever is logged as an error meanwhile."""
    handler = _Handler()
    # Django's own logger passes nothing on to the root.
    loggers = [logging.getLogger(), logging.getLogger("django")]
    for logger in loggers:
        logger.addHandler(handler)
    try:
        yield handler.messages
    finally:
        for logger in loggers:
            logger.removeHandler(handler)
