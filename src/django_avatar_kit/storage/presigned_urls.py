"""Signed URLs of a bucket, the same until half of their life is over.

So a browser finds a picture in its cache. URLs are signed here, with one HMAC each, since an S3
client takes far longer: 140 µs instead of 3 for version 4, 500 µs instead of 18 for version 2,
which is what botocore signs with unless it is told otherwise. That a signer signs as the
client does is not assumed: it signs again what the client has signed, and is only used if the
results are the same. All other URLs, as those of CloudFront, are the storage's own, each kept for
a while.

Sources: "Authenticating Requests: Using Query Parameters (AWS Signature Version 4)" and "Signing
and Authenticating REST Requests" (version 2) in the Amazon S3 API Reference.
"""

from __future__ import annotations

import hmac
import logging
import time
from base64 import b64encode
from collections.abc import Callable
from datetime import datetime, timezone
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias
from urllib.parse import SplitResult, parse_qs, quote, urlsplit

from ..interruptions import is_interruption

if TYPE_CHECKING:
    from .s3_client import S3Client

logger = logging.getLogger(__name__)

#: Signed URLs that a storage keeps: more than any page shows, and about 10 MB.
KEPT_URLS = 16_384
#: Seconds until credentials that could not be had are asked for again.
PAUSE = 60

#: Gives the signed URL of a quoted path, for the base and the term that the signer was made for.
Signer: TypeAlias = Callable[[str], str]


class Term(NamedTuple):
    """From when, in seconds since the epoch, and for how many seconds a URL is valid."""

    start: int
    life: int


class _Window(NamedTuple):
    """How URLs are made until a moment, in seconds since the epoch."""

    url: Callable[[str], str]
    until: float
    #: Those that sign them; None where that is unknown.
    credentials: Any = None


class SignedUrls:
    """The signed URLs of a bucket.

    ``quote`` gives the key in the bucket as it stands in a URL; ``unsigned`` gives the URLs of
    last resort, where nothing can be signed.
    """

    def __init__(
        self,
        client: S3Client,
        quote: Callable[[str], str],
        unsigned: Callable[[], Callable[[str], str]],
    ) -> None:
        self.client = client
        self.storage = client.storage
        self._quote, self._unsigned = quote, unsigned
        self._window: _Window | None = None
        # Until then, credentials are not asked for.
        self._pause_until = 0.0

    def current(self) -> Callable[[str], str]:
        """A function from key to URL, good for the moment."""
        now = time.time()
        window = self._window
        if window is None or now >= window.until or not self._has_same_credentials(window, now):
            # Two threads may do this at once; either window will do.
            window = self._window = self._new_window(now)
        return window.url

    def _has_same_credentials(self, window: _Window, now: float) -> bool:
        if window.credentials is None or now < self._pause_until:
            return True
        try:
            credentials, frozen = self._credentials()
            # Still due after that: they could not be refreshed. Each URL would try again, and that
            # may be slow. Until then, the old ones are good.
            if getattr(credentials, "refresh_needed", bool)():
                self._pause_until = now + PAUSE
            return bool(frozen == window.credentials)
        except Exception as error:
            if is_interruption(error):
                raise
            self._pause_until = now + PAUSE
            return True

    def _credentials(self) -> tuple[Any, Any]:
        """The credentials of the session, refreshed if they are due, and frozen."""
        session, _ = self.client.connect()
        credentials = session.get_credentials()
        if credentials is None:
            from botocore.exceptions import NoCredentialsError

            raise NoCredentialsError
        return credentials, credentials.get_frozen_credentials()

    def _term(self, now: float, expiry: float | None = None) -> Term:
        """From when, and for how long, the URLs of this moment are valid.

        They begin at a multiple of half their life, so that all processes and machines give the
        same URL until that half is over. None outlives the credentials it is signed with, which
        expire at ``expiry``.
        """
        life = max(2, int(self.storage.querystring_expire))
        while True:
            start = int(now) // (life // 2) * (life // 2)
            if expiry is None or start + life <= expiry:
                return Term(start, life)
            if life <= 3:
                # The last seconds of the credentials.
                return Term(int(now), int(expiry) - int(now))
            # Shorter, but still at moments that all processes agree upon.
            life //= 2

    def _new_window(self, now: float) -> _Window:
        url, term, frozen = self.storage.url, self._term(now), None
        if not self.storage.custom_domain:
            try:
                credentials, frozen = self._credentials()
                # Private in botocore 1.44; frozen credentials do not tell when they expire.
                if expiry := getattr(credentials, "_expiry_time", None):
                    term = self._term(now, expiry.timestamp())
                path = self.client.full("x")
                sample = self.client.presigned(self.client.client, path, term.life)
                bucket = self.storage.bucket_name
                sign = signer_like(sample, quoted(path), bucket, frozen, term)
            except Exception as error:
                if is_interruption(error):
                    raise
                # Such as that of a service for credentials. The page is shown without pictures,
                # and the next one does not wait for the same answer.
                logger.exception(
                    "Cannot sign URLs of the bucket “%s”; avatar_doctor tells more.",
                    self.storage.bucket_name,
                )
                return _Window(self._unsigned(), now + PAUSE)
            if sign is not None:
                quote = self._quote
                url = lambda key: sign(quote(key))  # noqa: E731
        return _Window(lru_cache(maxsize=KEPT_URLS)(url), term.start + term.life / 2, frozen)


def _signer_v4(base: str, scope: str, credentials: Any, term: Term) -> Signer:
    """A signer of version 4 for URLs that begin with ``base``.

    ``scope`` is ``region/service/aws4_request``.
    """
    moment = datetime.fromtimestamp(term.start, tz=timezone.utc)
    stamp = moment.strftime("%Y%m%dT%H%M%SZ")
    scope = f"{stamp[:8]}/{scope}"
    key = f"AWS4{credentials.secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    query = {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"{credentials.access_key}/{scope}",
        "X-Amz-Date": stamp,
        "X-Amz-Expires": str(term.life),
        "X-Amz-SignedHeaders": "host",
    }
    if credentials.token:
        query["X-Amz-Security-Token"] = credentials.token
    # Sorted in the canonical request; in the URL, in the order of botocore.
    given = [f"{name}={_encoded(value)}" for name, value in query.items()]
    parts = urlsplit(base)
    before = f"GET\n{parts.path}"
    after = f"\n{'&'.join(sorted(given))}\nhost:{_host(parts)}\n\nhost\nUNSIGNED-PAYLOAD"
    to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n"
    tail = f"?{'&'.join(given)}&X-Amz-Signature="

    def sign(path: str) -> str:
        digest = sha256(f"{before}{path}{after}".encode()).hexdigest()
        signature = hmac.digest(key, f"{to_sign}{digest}".encode(), "sha256").hex()
        return f"{base}{path}{tail}{signature}"

    return sign


def _signer_v2(base: str, resource: str, credentials: Any, term: Term) -> Signer:
    """A signer of version 2, which signs ``resource``, ``/bucket/folder``, instead of ``base``."""
    expires = term.start + term.life
    token, headers = "", ""
    if credentials.token:
        headers = f"x-amz-security-token:{credentials.token}\n"
        token = f"&x-amz-security-token={_encoded(credentials.token)}"
    key = credentials.secret_key.encode()
    before = f"GET\n\n\n{expires}\n{headers}{resource}"
    head = f"?AWSAccessKeyId={_encoded(credentials.access_key)}&Signature="

    def sign(path: str) -> str:
        signature = hmac.digest(key, f"{before}{path}".encode(), "sha1")
        encoded = _encoded(b64encode(signature).decode())
        return f"{base}{path}{head}{encoded}{token}&Expires={expires}"

    return sign


def signer_like(url: str, path: str, bucket: str, credentials: Any, term: Term) -> Signer | None:
    """A signer for ``term`` that signs as the client did who made ``url``; None if there is none.

    ``path``, quoted, is the part of the URL's path that does not belong to the base. ``bucket`` is
    the name that a URL in the style of a virtual host lacks. ``credentials`` are frozen ones.
    """
    location, _, query = url.partition("?")
    if not location.endswith(path):
        return None
    base = location[: -len(path)]
    given = {name: values[0] for name, values in parse_qs(query).items()}
    make: Callable[[str, str, Any, Term], Signer]
    if "X-Amz-Date" in given:
        made_at = datetime.strptime(given["X-Amz-Date"], "%Y%m%dT%H%M%S%z")
        sample = Term(start=int(made_at.timestamp()), life=int(given["X-Amz-Expires"]))
        make, scope = _signer_v4, "/".join(given.get("X-Amz-Credential", "").split("/")[-3:])
    elif "AWSAccessKeyId" in given and "Expires" in given:
        # Only the sum of both is signed.
        sample = Term(start=int(given["Expires"]), life=0)
        make, scope = _signer_v2, urlsplit(base).path
        if not scope.startswith(f"/{bucket}/"):
            scope = f"/{bucket}{scope}"
    else:
        return None
    if make(base, scope, credentials, sample)(path) != url:
        return None
    return make(base, scope, credentials, term)


def quoted(path: str) -> str:
    """A key as S3 clients write it in a URL, and in the text that they sign."""
    return quote(path, safe="/~")


def _host(parts: SplitResult) -> str:
    """The host as clients send it: with its port, unless that is the default of the scheme."""
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    port = "" if parts.port in (None, usual) else f":{parts.port}"
    return f"{parts.hostname}{port}"


def _encoded(value: str) -> str:
    return quote(value, safe="-_.~")
