from __future__ import annotations

import datetime as dt
from functools import cache
from typing import Any
from unittest import mock

import pytest

from django_avatar_kit.storage import presigned_urls as signing
from django_avatar_kit.storage.presigned_urls import Term, quoted, signer_like

botocore = pytest.importorskip("botocore", reason="botocore is not installed: no signed URLs.")

import boto3  # noqa: E402
from botocore.config import Config  # noqa: E402

NOW = dt.datetime(2026, 3, 1, 12, 30, 15, tzinfo=dt.timezone.utc)
LATER = Term(start=int(NOW.timestamp()) + 1234, life=600)
KEYS = ["x", "avatars/3f/" + "3f" * 16 + ".64.webp", "a b/é'(!)*~+&=?#%/x.webp"]


# It takes a tenth of a second to make one.
@cache
def client(**options: Any) -> tuple[Any, Any]:
    """A client that signs, and its credentials."""
    session = boto3.Session("AK/ID", "sec/ret+", options.pop("token", None))
    made = session.client(
        "s3",
        region_name=options.pop("region", "eu-west-1"),
        endpoint_url=options.pop("endpoint", None),
        config=Config(
            signature_version=options.pop("version", "s3v4"),
            s3={"addressing_style": options.pop("style", "path")},
        ),
    )
    return made, session.get_credentials().get_frozen_credentials()


def signed(client: Any, key: str, life: int = 3600, at: dt.datetime = NOW) -> str:
    """What the client gives at a moment."""

    class Frozen(dt.datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return at.astimezone(tz) if tz else at.replace(tzinfo=None)

        @classmethod
        def utcnow(cls) -> Any:
            return at.replace(tzinfo=None)

    with (
        mock.patch("datetime.datetime", Frozen),
        mock.patch("time.time", at.timestamp),
    ):
        return str(
            client.generate_presigned_url(
                "get_object", Params={"Bucket": "buck.et", "Key": key}, ExpiresIn=life
            )
        )


CLIENTS: list[dict[str, Any]] = [
    {"version": version, "token": token, **place}
    for version in ("s3v4", None)
    for token in (None, "to/k+en=")
    for place in (
        {"style": "path"},
        {"style": "virtual"},
        {"style": "path", "endpoint": "http://127.0.0.1:9000"},
        {"endpoint": "https://account.example.com", "region": "auto"},
        {"style": "path", "endpoint": "https://s3.example.com:443"},
        {"region": "us-east-1"},
    )
]


@pytest.mark.parametrize("options", CLIENTS, ids=str)
@pytest.mark.parametrize("key", KEYS)
def test_urls_are_those_of_the_client_to_the_letter(key, options):
    made, credentials = client(**options)
    sample = signed(made, "x")
    sign = signer_like(sample, "x", "buck.et", credentials, LATER)
    assert sign is not None
    moment = dt.datetime.fromtimestamp(LATER.start, tz=dt.timezone.utc)
    assert sign(quoted(key)) == signed(made, key, LATER.life, moment)


@pytest.mark.parametrize("version", ["s3v4", None])
def test_a_sample_that_others_have_signed_gives_no_signer(version):
    made, _ = client(version=version)
    _, others = client(token="another")
    assert signer_like(signed(made, "x"), "x", "buck.et", others, LATER) is None


@pytest.mark.parametrize(
    "url",
    [
        "https://buck.et.s3.amazonaws.com/x",
        "https://buck.et.s3.amazonaws.com/y?X-Amz-Date=20260301T123015Z&X-Amz-Expires=1",
        "https://buck.et.s3.amazonaws.com/x?X-Amz-Date=20260301T123015Z&X-Amz-Expires=1",
        "https://buck.et.s3.amazonaws.com/x?AWSAccessKeyId=a&Expires=1&Signature=b",
        "https://buck.et.s3.amazonaws.com/x?AWSAccessKeyId=a",
        "https://cdn.example.org/x?Expires=1&Signature=b&Key-Pair-Id=c",
    ],
)
def test_a_url_of_any_other_kind_gives_no_signer(url):
    _, credentials = client()
    assert signer_like(url, "x", "buck.et", credentials, LATER) is None


def test_a_url_costs_one_hmac(monkeypatch):
    made, credentials = client()
    sign = signer_like(signed(made, "x"), "x", "buck.et", credentials, LATER)
    assert sign is not None
    digest = mock.Mock(wraps=signing.hmac.digest)
    monkeypatch.setattr(signing.hmac, "digest", digest)
    sign("avatars/3f/x.webp")
    assert digest.call_count == 1
