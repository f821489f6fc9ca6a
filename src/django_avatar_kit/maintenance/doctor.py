"""Whether the storages do what the kit needs of them: what ``avatar_doctor`` reports.

A small picture, the probe, is treated like a rendition: it is written, read, fetched by its URL
(see ``doctor_urls``), listed and deleted. Its key follows the kit's grammar, so that
``avatar_sweep`` finds the probe if the doctor is killed. Every exception becomes a finding (see
``doctor_advice``), also those that elsewhere in the kit pass as not being the storage's own.
"""

from __future__ import annotations

import json
import posixpath
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import DEFAULT_DB_ALIAS

from .. import tokens
from ..columns import avatar_columns
from ..conf import get_config
from ..names import random_ids
from ..storage import base as storage
from ..storage import s3
from .doctor_advice import ADVICE, Finding, Level, failure, is_denied, may_have_arrived
from .doctor_urls import CONTENT_TYPE, PICTURE, url_findings
from .locations import Kind, location_of, storage_of, title_of

if TYPE_CHECKING:
    from django.core.files.storage import Storage

#: What is examined, and what people call it.
KINDS: dict[Kind, str] = {"masters": "originals", "renditions": "renditions"}


class ProbedStorage(NamedTuple):
    """A storage that holds avatars."""

    title: str
    #: The exception where it could not be made.
    storage: Storage | Exception
    #: "originals", "renditions". Originals alone need not be public.
    holds: tuple[str, ...]
    #: Where the probe is written; empty for the root.
    folder: str = ""


def probed_storages() -> list[ProbedStorage]:
    """Each storage that holds originals or renditions of any avatar, once."""
    found: dict[object, ProbedStorage] = {}
    broken: dict[str, ProbedStorage] = {}
    for field in avatar_columns():
        # A callable upload_to needs an instance, and there may be none.
        folder = "" if callable(field.upload_to) else time.strftime(str(field.upload_to))
        for kind, what in KINDS.items():
            try:
                place = storage_of(field, kind)
                view = _view_of(place)
            except Exception as error:  # noqa: BLE001 - it is reported
                new = ProbedStorage(f"The storage of {field}", error, (what,))
                broken.setdefault(str(error), new)
                continue
            known = found.get(view) or ProbedStorage(title_of(place, field), place, ())
            holds = tuple(dict.fromkeys((*known.holds, what)))
            found[view] = known._replace(holds=holds, folder=known.folder or folder)
    return [*found.values(), *broken.values()]


def _view_of(place: Storage) -> object:
    """The location, and whatever may make it look different: two storages may show one folder."""
    options = ("base_url", "custom_domain", "url_protocol", "querystring_auth", "access_key")
    return (type(place), location_of(place), *(getattr(place, name, None) for name in options))


def examine(probed: ProbedStorage, base_url: str = "") -> Generator[Finding, None, None]:
    """Try a storage out. The probe is deleted at the end, and when this generator is closed.

    URLs without a host are fetched from ``base_url`` (``http://host``), and not at all without it.
    """
    if isinstance(probed.storage, Exception):
        yield failure("storage", probed.storage)
    else:
        yield from _Examination(probed.storage, probed, base_url).findings()


class _Examination:
    def __init__(self, place: Storage, probed: ProbedStorage, base_url: str) -> None:
        self.storage = place
        self.adapter = storage.adapter_of(place)
        self.bucket = self.adapter if isinstance(self.adapter, s3.Bucket) else None
        self.base_url = base_url
        # Nobody needs to see originals, so trouble with their URLs is worth a warning only.
        self.level: Level = "failure" if "renditions" in probed.holds else "warning"
        # The rendition of an avatar of this site, for a sweep.
        folder, token, _secret = random_ids(tokens.new_token(DEFAULT_DB_ALIAS))
        self.key = posixpath.join(probed.folder, f"{folder}{token}.1.webp")
        self.written = False

    def findings(self) -> Iterator[Finding]:
        if self.bucket is not None:
            yield from _settings(self.bucket)
            if not self.bucket.storage.bucket_name:
                return
        may_be_there = True
        try:
            with_acl = ("s3:PutObjectAcl",) if getattr(self.storage, "default_acl", None) else ()
            refusal = yield from self._try("write", self._write, "s3:PutObject", *with_acl)
            self.written = refusal is None
            if self.written:
                yield from self._try("read", self._read, "s3:GetObject")
                yield from url_findings(
                    self.storage, self.key, self.base_url, self.level, self._allow
                )
            # Any other error than a missing permission would be the same for each step.
            goes_on = refusal is None or is_denied(refusal)
            if goes_on:
                yield from self._try("list", self._list, "s3:ListBucket")
            if goes_on or may_have_arrived(refusal):
                yield from self._try("delete", self._delete, "s3:DeleteObject")
            may_be_there = False
        finally:
            if may_be_there:
                storage.delete_all(self.storage, [self.key])

    def _try(
        self, what: str, step: Callable[[], Finding], *actions: str
    ) -> Generator[Finding, None, Exception | None]:
        """Yield what a step finds, and return the error with which it failed.

        ``actions`` are the permissions of S3 that it needs.
        """
        try:
            finding = step()
        except Exception as error:  # noqa: BLE001 - it is reported
            yield failure(what, error, self._allow(*actions) if is_denied(error) else "")
            return error
        yield finding
        return None

    def _allow(self, *actions: str) -> str:
        arn = f"arn:aws:s3:::{getattr(self.storage, 'bucket_name', '')}"
        if "s3:ListBucket" not in actions:
            arn += f"/{self.bucket.s3.prefix if self.bucket else ''}*"
        statement = {"Effect": "Allow", "Action": list(actions), "Resource": arn}
        advice = f"Allow it to these credentials: {json.dumps(statement)}."
        if "s3:PutObjectAcl" in actions:
            advice += f" {ADVICE['acl']}"
        return advice

    def _write(self) -> Finding:
        wanted, self.key = self.key, self.adapter.put(self.key, PICTURE, CONTENT_TYPE).key
        if self.key == wanted:
            return Finding("write", self.key)
        return Finding("write", f"it was renamed to “{self.key}”", ADVICE["renamed"], "failure")

    def _read(self) -> Finding:
        if self.adapter.get(self.key) == PICTURE:
            return Finding("read", "the same bytes")
        return Finding("read", "other bytes than were written", ADVICE["changed"], "failure")

    def _list(self) -> Finding:
        if storage.is_behind_link(self.storage, self.key):
            found = "it lies behind a link, which avatar_sweep does not follow"
            return Finding("list", found, ADVICE["link"], "warning")
        try:
            is_listed = self.adapter.is_listed(self.key)
        except NotImplementedError:
            found = "listdir() is not implemented"
            return Finding("list", found, ADVICE["no listdir"], "warning")
        if is_listed == self.written:
            return Finding("list", "it is there" if is_listed else "that is allowed")
        return Finding("list", "it is not there", ADVICE["not listed"], "failure")

    def _delete(self) -> Finding:
        found, advice = "it is gone", []
        if self.bucket is not None:
            with _refusals(self.bucket) as statuses:
                for error in self.bucket.delete([self.key]).values():
                    raise error
            if statuses:
                found += f", though not by DeleteObjects ({statuses[0]})"
                advice.append(ADVICE["no batches"])
        else:
            self.storage.delete(self.key)
            if self.storage.exists(self.key):
                found = f"“{self.key}” is still there"
                return Finding("delete", found, ADVICE["not deleted"], "failure")
        if not get_config().delete_files:
            advice.append(ADVICE["deletes nothing"])
        return Finding("delete", found, " ".join(advice))


def _settings(bucket: s3.Bucket) -> Iterator[Finding]:
    """What the options of an ``S3Storage`` show without a request."""
    place, problems = bucket.storage, bucket.problems()
    if "no bucket" in problems:
        yield Finding("bucket", "it has no name", ADVICE["no bucket"], "failure")
        return
    yield Finding("bucket", f"“{place.bucket_name}” at {place.endpoint_url or 'AWS'}")
    if "http" in problems:
        yield Finding("domain", f"http://{place.custom_domain}", ADVICE["http"], "warning")
    if "unsigned domain" in problems:
        found = f"querystring_auth has no effect on {place.custom_domain}"
        yield Finding("domain", found, ADVICE["unsigned domain"], "warning")


@contextmanager
def _refusals(bucket: s3.Bucket) -> Iterator[list[int]]:
    """The HTTP statuses with which the endpoint refuses DeleteObjects inside the block."""
    statuses: list[int] = []

    def note(http_response: Any, **kwargs: Any) -> None:
        if http_response.status_code >= 400:
            statuses.append(http_response.status_code)

    events = bucket.s3.client.meta.events
    events.register("after-call.s3.DeleteObjects", note)
    try:
        yield statuses
    finally:
        events.unregister("after-call.s3.DeleteObjects", note)
