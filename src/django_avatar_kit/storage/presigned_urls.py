"""Signed URLs for a page of avatars: one HMAC each, where an S3 client takes half a millisecond.

A signer holds all that the URLs of one moment have in common. Whether it does what the client
would do is not assumed: :func:`signer_like` signs the key of a URL that the client has signed, and
gives no signer unless the results are the same.

Sources: "Authenticating Requests: Using Query Parameters (AWS Signature Version 4)" and "Signing
and Authenticating REST Requests" (version 2) in the Amazon S3 API Reference.
"""

from __future__ import annotations

import hmac
from base64 import b64encode
from dataclasses import dataclass
from datetime import datetime, timezone
from hashlib import sha256
from typing import Protocol
from urllib.parse import SplitResult, parse_qs, quote, urlsplit


class Credentials(Protocol):
    """What botocore calls frozen credentials."""

    access_key: str
    secret_key: str
    token: str | None


@dataclass(frozen=True, kw_only=True)
class Term:
    """From when, and for how long, a URL is valid."""

    #: Seconds since the epoch.
    start: int
    #: Seconds.
    life: int


class Signer(Protocol):
    """Gives the URLs of one term."""

    def url(self, path: str) -> str:
        """The signed URL of ``path``, which is quoted and follows the base."""


class SignerV4:
    """Signature version 4, as AWS and everybody who came after it wants it."""

    def __init__(self, base: str, scope: str, credentials: Credentials, term: Term) -> None:
        """``base`` is the URL without the path; ``scope`` is ``region/service/aws4_request``."""
        moment = datetime.fromtimestamp(term.start, tz=timezone.utc)
        stamp, day = moment.strftime("%Y%m%dT%H%M%SZ"), moment.strftime("%Y%m%d")
        parts = urlsplit(base)
        scope = f"{day}/{scope}"
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
        # The canonical request has them sorted, a URL may have them in any order.
        ordered = "&".join(f"{name}={_encoded(query[name])}" for name in sorted(query))
        self._base = base
        self._key = key
        self._before = f"GET\n{parts.path}"
        self._after = f"\n{ordered}\nhost:{_host(parts)}\n\nhost\nUNSIGNED-PAYLOAD"
        self._to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n"
        self._tail = f"?{'&'.join(f'{name}={_encoded(query[name])}' for name in query)}"

    def url(self, path: str) -> str:
        digest = sha256(f"{self._before}{path}{self._after}".encode()).hexdigest()
        signature = hmac.digest(self._key, f"{self._to_sign}{digest}".encode(), "sha256").hex()
        return f"{self._base}{path}{self._tail}&X-Amz-Signature={signature}"


class SignerV2:
    """Signature version 2: what botocore still signs URLs with unless it is told otherwise."""

    def __init__(self, base: str, resource: str, credentials: Credentials, term: Term) -> None:
        """``resource`` is what stands for ``base`` in the signed text: ``/bucket/folder``."""
        expires = term.start + term.life
        headers = f"x-amz-security-token:{credentials.token}\n" if credentials.token else ""
        self._base = base
        self._key = credentials.secret_key.encode()
        self._before = f"GET\n\n\n{expires}\n{headers}{resource}"
        self._head = f"?AWSAccessKeyId={_encoded(credentials.access_key)}&Signature="
        token = f"&x-amz-security-token={_encoded(credentials.token)}" if credentials.token else ""
        self._tail = f"{token}&Expires={expires}"

    def url(self, path: str) -> str:
        signature = hmac.digest(self._key, f"{self._before}{path}".encode(), "sha1")
        encoded = _encoded(b64encode(signature).decode())
        return f"{self._base}{path}{self._head}{encoded}{self._tail}"


def signer_like(
    url: str, path: str, bucket: str, credentials: Credentials, term: Term
) -> Signer | None:
    """A signer for ``term`` that signs as the client did who made ``url``; None for no such.

    ``path``, quoted, is what of the URL's path is not to be part of the base. ``bucket`` is the
    name that a URL in the style of a virtual host has lost.
    """
    location, _, query = url.partition("?")
    if not location.endswith(path):
        return None
    base = location[: -len(path)]
    given = {name: values[0] for name, values in parse_qs(query).items()}
    if "X-Amz-Date" in given:
        scope = given.get("X-Amz-Credential", "").split("/")[-3:]
        made_at = datetime.strptime(given["X-Amz-Date"], "%Y%m%dT%H%M%S%z")
        sample = Term(start=int(made_at.timestamp()), life=int(given["X-Amz-Expires"]))
        make: type[SignerV4 | SignerV2] = SignerV4
        detail = "/".join(scope)
    elif "AWSAccessKeyId" in given and "Expires" in given:
        # Only the sum of both is signed.
        sample = Term(start=int(given["Expires"]), life=0)
        resource = urlsplit(base).path
        if not resource.startswith(f"/{bucket}/"):
            resource = f"/{bucket}{resource}"
        make, detail = SignerV2, resource
    else:
        return None
    if make(base, detail, credentials, sample).url(path) != url:
        return None
    return make(base, detail, credentials, term)


def quoted(path: str) -> str:
    """A key as S3 clients put it into a URL, and so into what is signed."""
    return quote(path, safe="/~")


def _host(parts: SplitResult) -> str:
    """The host as clients send it: with its port, unless that goes without saying."""
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    port = "" if parts.port in (None, usual) else f":{parts.port}"
    return f"{parts.hostname}{port}"


def _encoded(value: str) -> str:
    return quote(value, safe="-_.~")
