"""Whether the storages do what the kit needs of them: what ``avatar_doctor`` tells.

A small picture, the probe, goes the way of a rendition: it is written, read, listed, fetched by
its URL and deleted. Its key is of the kit's own grammar, so that ``avatar_sweep`` finds it should
the doctor be killed. Whatever a storage raises is a finding, also what elsewhere would come
through as somebody else's: a person asks the doctor to say what it is that a storage raises.
"""

from __future__ import annotations

import json
import posixpath
import re
import time
from collections.abc import Callable, Collection, Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache
from http.client import HTTPException
from io import BytesIO
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from urllib.error import HTTPError
from urllib.parse import parse_qs, unquote, urljoin, urlsplit
from urllib.request import Request, urlopen

from django.core.files.base import ContentFile
from django.db import DEFAULT_DB_ALIAS
from PIL import Image

from .. import tokens as seals
from ..columns import AvatarColumn, avatar_columns
from ..conf import get_config
from ..exceptions import StorageError
from ..names import Name
from ..storage import base as storage
from ..storage import s3

if TYPE_CHECKING:
    from django.core.files.storage import Storage

Level = Literal["ok", "warning", "failure"]

#: How long a URL may take to answer, in seconds.
PATIENCE = 10
#: Bytes of an answer that are looked at: more than the probe, or an error of S3, has.
MOST_READ = 10_000
#: The longest that a URL of signature version 4 may be valid, by the S3 API: a week, in seconds.
LONGEST_LIFE = 604_800
CONTENT_TYPE = "image/webp"

_NO_CHECKSUMS = (
    'Set request_checksum_calculation="when_required" in client_config: the endpoint may not know '
    "the checksums that newer clients send."
)
#: What to do about an error, by S3's code for it, or by the name of its class or of one above
#: that: botocore need not be installed.
ADVICE: Mapping[str, str] = {
    "NoSuchBucket": "Create the bucket, or correct bucket_name (and endpoint_url, where given).",
    "InvalidBucketName": "Correct bucket_name.",
    "ParamValidationError": "Correct bucket_name and object_parameters.",
    "InvalidAccessKeyId": "Correct the access key, which nobody there knows: access_key, or "
    "AWS_ACCESS_KEY_ID, or that of the profile.",
    "SignatureDoesNotMatch": "Correct the secret key, which is not that of the access key: "
    "secret_key, or AWS_SECRET_ACCESS_KEY, or that of the profile.",
    "ExpiredToken": "Renew the session token.",
    "InvalidToken": "Renew the session token.",
    "RequestTimeTooSkewed": "Set the clock of this machine.",
    "AccessControlListNotSupported": "Set default_acl to None, its default: this bucket has ACLs "
    "disabled, as every new one. What makes objects public there is a bucket policy.",
    "PermanentRedirect": "Set region_name to the region of the bucket.",
    "AuthorizationHeaderMalformed": "Set region_name to the region of the bucket.",
    "NotImplemented": _NO_CHECKSUMS,
    "XAmzContentSHA256Mismatch": _NO_CHECKSUMS,
    "AuthorizationQueryParametersError": "Set region_name to the region of the bucket, and "
    "querystring_expire to at most a week (604800).",
    "NoCredentialsError": "Give this machine a role, or set access_key and secret_key, or "
    "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
    "PartialCredentialsError": "Set both, the access key and the secret key.",
    "ProfileNotFound": "Correct session_profile, or AWS_PROFILE.",
    "SSLError": "Correct endpoint_url, or name the bundle with its authority in verify.",
    "ConnectionError": "Correct endpoint_url and region_name, or let this machine reach them: "
    "name server, firewall, proxy.",
    "HTTPClientError": "Look whether the endpoint is up, and how long it takes to answer.",
    "PermissionError": "Let the user that this process runs as read, write and delete there.",
    "ImproperlyConfigured": "Correct its entry in STORAGES, or install what it needs, which on S3 "
    "is django-avatar-kit[s3].",
}
OTHERWISE = "This is the storage's own message; what to do depends on it."
SIGN_WITH_4 = (
    'Set signature_version to "s3v4", in client_config where that is given: version 2 works in '
    "old regions of AWS only."
)
#: What a URL of signature version 2 has in its query.
OLD = "AWSAccessKeyId"
_DENIED = frozenset({"AccessDenied", "Forbidden", "403"})


@dataclass(frozen=True)
class Finding:
    """A line of the table."""

    what: str
    found: str
    #: What to do.
    advice: str = ""
    level: Level = "ok"


@dataclass(frozen=True, kw_only=True)
class Place:
    """A storage in which avatars lie."""

    title: str
    #: Why it could not be made, where that is so.
    storage: Storage | Exception
    #: "originals", "renditions". Where there are no renditions, nothing needs to be public.
    holds: tuple[str, ...]
    #: Where the probe goes; empty for the root.
    folder: str = ""


def places() -> list[Place]:
    """Each storage that holds originals or renditions of any avatar, once."""
    titles = _titles()
    found: dict[object, Place] = {}
    for field in avatar_columns():
        for what, name in (("originals", "storage"), ("renditions", "rendition_storage")):
            try:
                place: Storage = getattr(field, name)
                key = _key(place)
            except Exception as error:  # noqa: BLE001 - it is told
                broken = Place(title=f"The storage of {field}", storage=error, holds=(what,))
                found.setdefault(str(error), broken)
                continue
            known = found.get(key) or Place(
                title=titles.get(id(place), f"{type(place).__name__} of {field}"),
                storage=place,
                holds=(),
            )
            found[key] = replace(
                known,
                holds=tuple(dict.fromkeys([*known.holds, what])),
                folder=known.folder or _folder(field),
            )
    return list(found.values())


def _folder(field: AvatarColumn) -> str:
    # A function needs an instance, and there may be none.
    return "" if callable(field.upload_to) else time.strftime(str(field.upload_to))


def _titles() -> dict[int, str]:
    titles: dict[int, str] = {}
    # What cannot be made is told where a field needs it.
    with suppress(Exception):
        config = get_config()
        for alias in ("default", config.rendition_storage, config.storage):
            with suppress(Exception):
                titles[id(storage.by_alias(str(alias)))] = f"“{alias}”"
    return titles


def _key(place: Storage) -> object:
    lies = storage.locations(place)
    # Two storages of one folder may show what is in it in different ways.
    ways = ("base_url", "custom_domain", "url_protocol", "querystring_auth", "access_key")
    shows = [getattr(place, name, None) for name in ways] if lies else []
    return (type(place), lies[-1], *shows) if lies else id(place)


def examine(place: Place, base_url: str = "") -> Generator[Finding, None, None]:
    """Try a storage out. The probe is deleted at the end, and where this is closed before.

    URLs without a host are fetched from ``base_url`` (``http://host``), or else not at all.
    """
    if isinstance(place.storage, Exception):
        yield _failure("storage", place.storage)
    else:
        yield from _Examination(place.storage, place, base_url).findings()


class _Answer(NamedTuple):
    status: int
    content_type: str
    cache_control: str
    body: bytes

    @property
    def good(self) -> bool:
        return self.status == 200 and self.body == _picture()

    @property
    def code(self) -> str:
        """What S3 calls the error."""
        match = re.search(rb"<Code>(\w+)</Code>", self.body)
        return match[1].decode() if match else ""


class _Examination:
    def __init__(self, place: Storage, about: Place, base_url: str) -> None:
        self.storage = place
        self.bucket = s3.bucket_of(place)
        self.base_url = base_url
        # Of any trouble with what nobody sees, it is enough to warn.
        self.level: Level = "failure" if "renditions" in about.holds else "warning"
        name = Name.mint(
            width=1,
            height=1,
            sizes=(1,),
            formats=("webp",),
            crop=None,
            fit="cover",
            color="000000",
            ext="webp",
            # So that a sweep knows it for one of this site's.
            token=seals.new_token(DEFAULT_DB_ALIAS),
        )
        self.key = posixpath.join(about.folder, name.rendition(1, "webp"))
        self.written = False

    def findings(self) -> Iterator[Finding]:
        if self.bucket is not None:
            yield from _settings(self.bucket.storage)
            if not self.bucket.storage.bucket_name:
                return
        there = True
        try:
            refusal = yield from self._try("write", self._write, *self._to_write())
            self.written = refusal is None
            if self.written:
                yield from self._try("read", self._read, "s3:GetObject")
                yield from self._show()
            # With any other refusal, each step would end in the same.
            answers = refusal is None or _is_denied(refusal)
            if answers:
                yield from self._try("list", self._list, "s3:ListBucket")
            if answers or _may_have_arrived(refusal):
                yield from self._try("delete", self._delete, "s3:DeleteObject")
            there = False
        finally:
            if there:
                storage.delete_all(self.storage, [self.key])

    # --- what is done with a file ---

    def _try(
        self, what: str, step: Callable[[], Finding], *actions: str
    ) -> Generator[Finding, None, Exception | None]:
        """What a step finds, or why it failed; ``actions`` are the permissions that it takes."""
        try:
            finding = step()
        except Exception as error:  # noqa: BLE001 - it is told
            yield _failure(what, error, self._allow(*actions) if _is_denied(error) else "")
            return error
        yield finding
        return None

    def _to_write(self) -> tuple[str, ...]:
        with_acl = getattr(self.storage, "default_acl", None)
        return ("s3:PutObject", "s3:PutObjectAcl") if with_acl else ("s3:PutObject",)

    def _allow(self, *actions: str) -> str:
        arn = f"arn:aws:s3:::{getattr(self.storage, 'bucket_name', '')}"
        if "s3:ListBucket" not in actions:
            arn += f"/{self.bucket.prefix if self.bucket else ''}*"
        statement = {"Effect": "Allow", "Action": list(actions), "Resource": arn}
        advice = f"Allow it to these credentials: {json.dumps(statement)}."
        if "s3:PutObjectAcl" in actions:
            advice += " Or set default_acl to None: where public access is blocked, so are ACLs."
        return advice

    def _write(self) -> Finding:
        if self.bucket is not None:
            self.bucket.put(self.key, _picture(), CONTENT_TYPE)
            return Finding("write", self.key)
        content = ContentFile(_picture(), name=self.key)
        content.content_type = CONTENT_TYPE  # type: ignore[attr-defined]
        stored = self.storage.save(self.key, content)
        if stored == self.key:
            return Finding("write", stored)
        self.key = stored
        advice = "Have the storage take names as they are: uploads that it renames are refused."
        return Finding("write", f"it was renamed to “{stored}”", advice, "failure")

    def _read(self) -> Finding:
        try:
            data = storage.read(self.storage, self.key)
        except StorageError as error:
            raise error.__cause__ or error from None
        if data == _picture():
            return Finding("read", "the same bytes")
        advice = "Have the storage keep files as they are."
        return Finding("read", "other bytes than were written", advice, "failure")

    def _list(self) -> Finding:
        if storage.is_behind_link(self.storage, self.key):
            advice = (
                "Set the location of the storage (MEDIA_ROOT) to where the link leads to, if "
                "avatar_sweep is to look there."
            )
            found = "it lies behind a link, which avatar_sweep does not follow"
            return Finding("list", found, advice, "warning")
        try:
            listed = storage.is_listed(self.storage, self.key)
        except NotImplementedError:
            advice = "Give the storage one: avatar_sweep cannot look through it otherwise."
            return Finding("list", "listdir() is not implemented", advice, "warning")
        if listed == self.written:
            return Finding("list", "it is there" if listed else "that is allowed")
        advice = "Have the storage list what it holds: avatar_sweep finds nothing else."
        return Finding("list", "it is not there", advice, "failure")

    def _delete(self) -> Finding:
        found, advice = "it is gone", []
        if self.bucket is not None:
            with _refusals(self.bucket) as statuses:
                for error in self.bucket.delete([self.key]).values():
                    raise error
            if statuses:
                found += f", though not by DeleteObjects ({statuses[0]})"
                advice.append("Nothing: the kit sends one request for each file instead.")
        else:
            self.storage.delete(self.key)
            if self.storage.exists(self.key):
                still = f"“{self.key}” is still there"
                tell = "Have the storage delete what it is told to."
                return Finding("delete", still, tell, "failure")
        if not get_config().delete_files:
            advice.append("DELETE_FILES is False: but for this probe, nothing is ever deleted.")
        return Finding("delete", found, " ".join(advice))

    # --- what a browser gets ---

    def _show(self) -> Iterator[Finding]:
        try:
            url = storage.urls(self.storage)(self.key)
            if not url:
                raise ValueError(f"url() gave {url!r}")  # noqa: TRY301
            whole = urljoin(self.base_url or "https:", url)
            parts = urlsplit(whole)
        except Exception as error:  # noqa: BLE001 - it is told
            advice = "Set MEDIA_URL, or the base_url of the storage, or give it a url()."
            yield _failure("URL", error, advice, self.level)
            return
        if unquote(url) in {self.key, f"/{self.key}"}:
            advice = "Set MEDIA_URL, or the base_url of the storage."
            yield Finding("URL", "it begins at the root of the site", advice, "warning")
        answer: _Answer | None = None
        if parts.scheme in {"http", "https"} and parts.netloc:
            answer = yield from self._visit(whole)
        else:
            advice = "Give --base-url http://host to have it fetched from there."
            yield Finding("URL", f"{url} was not fetched", advice)
        if answer is None and self.bucket is not None:
            answer = yield from self._head(self.bucket)
        if answer is not None:
            yield from self._headers(answer)

    def _visit(self, url: str) -> Generator[Finding, None, _Answer | None]:
        bare, _, query = url.partition("?")
        given = parse_qs(query)
        signed = any("signature" in name.lower() for name in given)
        try:
            answer = _get(url)
        except (OSError, HTTPException, ValueError) as error:
            advice = (
                "Look whether the host is right and can be reached from here: name server, "
                "certificate, firewall."
            )
            reason = getattr(error, "reason", error)
            yield Finding("URL", f"{bare}: {reason}", advice, self.level)
            return None
        life = given.get("X-Amz-Expires", [""])[0]
        if life.isdigit() and int(life) > LONGEST_LIFE:
            advice = f"Set querystring_expire to at most {LONGEST_LIFE}, a week: S3 takes no more."
            yield Finding("signature", f"it is valid for {life} s", advice, self.level)
        if not answer.good:
            yield self._refused(bare, answer, given, signed=signed)
            return None
        yield Finding("URL", bare)
        if OLD in given:
            yield Finding("signature", "version 2", SIGN_WITH_4, "warning")
        if signed:
            with suppress(OSError, HTTPException):
                if _get(bare).good:
                    advice = (
                        "Set querystring_auth to False, since nothing is kept from anybody; or "
                        "take away what makes these objects public."
                    )
                    found = "anybody may fetch it without"
                    yield Finding("signature", found, advice, "warning")
        return answer

    def _refused(
        self, url: str, answer: _Answer, query: Collection[str], *, signed: bool
    ) -> Finding:
        found = f"{url}: {answer.status} {answer.code}".rstrip()
        if answer.status in {401, 403} and self.level == "warning" and not signed:
            return Finding("URL", f"{found}; originals need not be public")
        if answer.status == 200:
            found, advice = f"{url}: other bytes than were written", "Look what is served there."
        elif answer.status == 404:
            advice = (
                "Have the files served there: look where MEDIA_URL, base_url or custom_domain "
                "lead to."
            )
        elif OLD in query:
            advice = SIGN_WITH_4
        elif answer.code in ADVICE:
            advice = ADVICE[answer.code]
        elif signed:
            advice = (
                f"{self._allow('s3:GetObject')} Whatever stands before the bucket must pass the "
                "query on."
            )
        else:
            advice = (
                "Let everybody read it (on S3 by a bucket policy), or have URLs signed "
                "(querystring_auth)."
            )
        return Finding("URL", found, advice, self.level)

    def _head(self, bucket: s3.Bucket) -> Generator[Finding, None, _Answer | None]:
        try:
            said = bucket.head(self.key)
        except Exception as error:  # noqa: BLE001 - it is told
            yield _failure("headers", error, level="warning")
            return None
        return _Answer(200, said.get("ContentType", ""), said.get("CacheControl", ""), b"")

    def _headers(self, answer: _Answer) -> Iterator[Finding]:
        if answer.content_type.partition(";")[0].strip() == CONTENT_TYPE:
            yield Finding("content type", answer.content_type)
        else:
            advice = f"Have whatever serves the files send {CONTENT_TYPE} for .webp."
            found = answer.content_type or "none"
            yield Finding("content type", found, advice, "warning")
        own = self.bucket and self.bucket.storage.get_object_parameters(self.key)
        if "immutable" in answer.cache_control:
            yield Finding("cache", answer.cache_control)
        elif own and own.get("CacheControl") == answer.cache_control:
            yield Finding("cache", f"{answer.cache_control}, as object_parameters want it")
        else:
            advice = (
                f"Have whatever serves the files send “Cache-Control: {s3.CACHE_CONTROL}”: none "
                "of them ever changes."
            )
            yield Finding("cache", answer.cache_control or "none", advice, "warning")


def _settings(place: Any) -> Iterator[Finding]:
    """What can be told of an ``S3Storage`` without asking anybody."""
    if not place.bucket_name:
        advice = "Set bucket_name in the OPTIONS of the storage, or AWS_STORAGE_BUCKET_NAME."
        yield Finding("bucket", "it has no name", advice, "failure")
        return
    yield Finding("bucket", f"“{place.bucket_name}” at {place.endpoint_url or 'AWS'}")
    if place.custom_domain and place.url_protocol == "http:":
        advice = 'Set url_protocol to "https:", its default: pages with https want no others.'
        yield Finding("domain", f"http://{place.custom_domain}", advice, "warning")
    if place.custom_domain and place.querystring_auth and not place.cloudfront_signer:
        advice = (
            "Set querystring_auth to False, as these URLs are never signed; or, where CloudFront "
            "is to keep others out, cloudfront_key_id and cloudfront_key."
        )
        found = f"querystring_auth has no effect on {place.custom_domain}"
        yield Finding("domain", found, advice, "warning")


@cache
def _picture() -> bytes:
    file = BytesIO()
    Image.new("RGB", (1, 1)).save(file, "WEBP")
    return file.getvalue()


def _get(url: str) -> _Answer:
    request = Request(url, headers={"User-Agent": "django-avatar-kit"})  # noqa: S310
    try:
        response = urlopen(request, timeout=PATIENCE)  # noqa: S310 - http or https, as was seen to
    except HTTPError as error:
        response = error
    with response:
        return _Answer(
            response.status,
            response.headers.get("Content-Type", ""),
            response.headers.get("Cache-Control", ""),
            response.read(MOST_READ),
        )


@contextmanager
def _refusals(bucket: s3.Bucket) -> Iterator[list[int]]:
    """The statuses with which the endpoint refuses DeleteObjects meanwhile."""
    statuses: list[int] = []

    def note(http_response: Any, **kwargs: Any) -> None:
        if http_response.status_code >= 400:
            statuses.append(http_response.status_code)

    events = bucket.client.meta.events
    events.register("after-call.s3.DeleteObjects", note)
    try:
        yield statuses
    finally:
        events.unregister("after-call.s3.DeleteObjects", note)


def _failure(what: str, error: Exception, advice: str = "", level: Level = "failure") -> Finding:
    said = _response(error).get("Error", {})
    found = f"{said.get('Code') or type(error).__name__}: {said.get('Message') or error}"
    return Finding(what, found, advice or _advice(error), level)


def _advice(error: Exception) -> str:
    if "AWS4-HMAC-SHA256" in str(error):
        return SIGN_WITH_4
    names = (_code(error), *(cls.__name__ for cls in type(error).__mro__))
    return next((ADVICE[name] for name in names if name in ADVICE), OTHERWISE)


def _response(error: object) -> dict[str, Any]:
    """What S3 has answered, in botocore's words; empty for all other errors."""
    response = getattr(error, "response", None)
    return response if isinstance(response, dict) else {}


def _code(error: object) -> str:
    return str(_response(error).get("Error", {}).get("Code", ""))


def _is_denied(error: object) -> bool:
    return _code(error) in _DENIED


def _may_have_arrived(error: object) -> bool:
    """Whether the file may be there although it could not be written."""
    if response := _response(error):
        return bool(response["ResponseMetadata"]["HTTPStatusCode"] >= 500)
    names = {cls.__name__ for cls in type(error).__mro__}
    # botocore's own come before anything is sent, but for those of the answer.
    return "BotoCoreError" not in names or "HTTPClientError" in names
