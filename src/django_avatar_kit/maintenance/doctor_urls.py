"""What a browser gets: ``avatar_doctor`` fetches its probe by URL and looks at the headers."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from http.client import HTTPException
from typing import TYPE_CHECKING, NamedTuple
from urllib.error import HTTPError
from urllib.parse import parse_qs, unquote, urljoin, urlsplit
from urllib.request import Request, urlopen

from ..formats import media_type_of
from ..storage import base as storage
from ..storage import s3
from .doctor_advice import ADVICE, FOR_ERRORS, Finding, Level, failure

if TYPE_CHECKING:
    from django.core.files.storage import Storage

#: The longest that a URL of signature version 4 may be valid, by the S3 API: a week, in seconds.
LONGEST_LIFE = 604_800
#: A URL of signature version 2 has this parameter.
VERSION_2 = "AWSAccessKeyId"
#: The probe: a lossless WebP of one black pixel.
PICTURE = b"RIFF\x1a\0\0\0WEBPVP8L\x0e\0\0\0/\0\0\0\0\x07\x10\x11\xfd\x0fDD\xff\x03"
CONTENT_TYPE = media_type_of("webp")


class Answer(NamedTuple):
    status: int
    content_type: str
    cache_control: str
    body: bytes = b""

    @property
    def is_picture(self) -> bool:
        return self.status == 200 and self.body == PICTURE

    @property
    def code(self) -> str:
        """S3's code for the error; empty where there is none."""
        match = re.search(rb"<Code>(\w+)</Code>", self.body)
        return match[1].decode() if match else ""


def get(url: str) -> Answer:
    """Fetch a URL of http or https, within 10 s. Raises ``OSError`` and ``HTTPException``."""
    request = Request(url, headers={"User-Agent": "django-avatar-kit"})  # noqa: S310
    try:
        response = urlopen(request, timeout=10)  # noqa: S310 - the caller checks the scheme
    except HTTPError as error:
        response = error
    with response:
        return Answer(
            response.status,
            response.headers.get("Content-Type", ""),
            response.headers.get("Cache-Control", ""),
            # More than the probe, or an error of S3, has.
            response.read(10_000),
        )


def url_findings(
    place: Storage, key: str, base_url: str, level: Level, allow: Callable[[str], str]
) -> Iterator[Finding]:
    """Whether a browser gets the probe that was written to a storage under this key.

    URLs without a host are fetched from ``base_url``. What keeps browsers from the file is of the
    given level. ``allow`` gives the advice for an action of S3 that is not permitted.
    """
    try:
        url = storage.urls(place)(key)
        if not url:
            raise ValueError(f"url() gave {url!r}")  # noqa: TRY301
        whole = urljoin(base_url or "https:", url)
        parts = urlsplit(whole)
    except Exception as error:  # noqa: BLE001 - it is reported
        yield failure("URL", error, ADVICE["no url"], level)
        return
    if unquote(url) in {key, f"/{key}"}:
        yield Finding("URL", "it begins at the root of the site", ADVICE["root"], "warning")
    answer: Answer | None = None
    if parts.scheme in {"http", "https"} and parts.netloc:
        answer = yield from _visit(whole, level, allow)
    else:
        yield Finding("URL", f"{url} was not fetched", ADVICE["not fetched"])
    own_header = None
    if isinstance(bucket := storage.adapter_of(place), s3.Bucket):
        own_header = bucket.storage.get_object_parameters(key).get("CacheControl")
        if answer is None:
            # Its URL does not show the headers.
            try:
                told = bucket.head(key)
                answer = Answer(200, told.get("ContentType", ""), told.get("CacheControl", ""))
            except Exception as error:  # noqa: BLE001 - it is reported
                yield failure("headers", error, level="warning")
    if answer is not None:
        yield from _headers(answer, own_header)


def _visit(
    url: str, level: Level, allow: Callable[[str], str]
) -> Generator[Finding, None, Answer | None]:
    """Fetch the probe by its URL, and return the answer if it is the probe."""
    # Signatures are left out of what is shown.
    bare, _, query = url.partition("?")
    given = parse_qs(query)
    signed = any("signature" in name.lower() for name in given)
    try:
        answer = get(url)
    except (OSError, HTTPException, ValueError) as error:
        found = f"{bare}: {getattr(error, 'reason', error)}"
        yield Finding("URL", found, ADVICE["unreachable"], level)
        return None
    life = given.get("X-Amz-Expires", [""])[0]
    if life.isdigit() and int(life) > LONGEST_LIFE:
        yield Finding("signature", f"it is valid for {life} s", ADVICE["long life"], level)
    if not answer.is_picture:
        found = f"{bare}: {answer.status} {answer.code}".rstrip()
        if answer.status in {401, 403} and level == "warning" and not signed:
            yield Finding("URL", f"{found}; originals need not be public")
        elif answer.status == 200:
            found = f"{bare}: other bytes than were written"
            yield Finding("URL", found, ADVICE["other file"], level)
        else:
            advice = _advice_on(answer, VERSION_2 in given, allow if signed else None)
            yield Finding("URL", found, advice, level)
        return None
    yield Finding("URL", bare)
    if VERSION_2 in given:
        yield Finding("signature", "version 2", ADVICE["version 2"], "warning")
    if signed:
        with suppress(OSError, HTTPException):
            if get(bare).is_picture:
                found = "anybody may fetch it without"
                yield Finding("signature", found, ADVICE["public"], "warning")
    return answer


def _advice_on(answer: Answer, is_version_2: bool, allow: Callable[[str], str] | None) -> str:
    """What to do about an error; ``allow`` is given where the URL was signed."""
    if answer.status == 404:
        return ADVICE["not served"]
    if is_version_2:
        return ADVICE["version 2"]
    if answer.code in FOR_ERRORS:
        return FOR_ERRORS[answer.code]
    return f"{allow('s3:GetObject')} {ADVICE['query']}" if allow else ADVICE["private"]


def _headers(answer: Answer, own_header: str | None) -> Iterator[Finding]:
    """What the headers say; ``own_header`` is the Cache-Control in the storage's options."""
    kind, cache = answer.content_type, answer.cache_control
    if kind.partition(";")[0].strip() == CONTENT_TYPE:
        yield Finding("content type", kind)
    else:
        yield Finding("content type", kind or "none", ADVICE["content type"], "warning")
    if "immutable" in cache:
        yield Finding("cache", cache)
    elif cache and cache == own_header:
        yield Finding("cache", f"{cache}, as object_parameters want it")
    else:
        yield Finding("cache", cache or "none", ADVICE["cache"], "warning")
