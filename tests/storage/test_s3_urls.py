"""URLs of a bucket: public, signed, and through CloudFront."""

from __future__ import annotations

import datetime as dt
import threading
from types import SimpleNamespace
from typing import Any
from unittest import mock
from urllib.parse import parse_qs, urlsplit
from urllib.request import urlopen

import pytest
from django.core.exceptions import SuspiciousOperation

from django_avatar_kit.storage import presigned_urls as signing
from django_avatar_kit.storage.base import adapter_of, urls, write_all
from django_avatar_kit.storage.s3_client import S3Client

pytest.importorskip("moto", reason="moto is not installed: no tests on S3.")

import boto3

from tests.support.s3storage import KEY, Clock, OwnUrl, TimeIsUp, write

# --- URLs -------------------------------------------------------------------------------------

LOCATIONS = ["", "media", "a b/é'!"]
KEYS = [KEY, "av é'(/ab/" + KEY.rpartition("/")[2], KEY.rpartition("/")[2]]


@pytest.mark.parametrize("location", LOCATIONS)
@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(
    "options", [{"querystring_auth": False}, {"custom_domain": "cdn.example.org/é"}], ids=str
)
def test_urls_are_those_of_the_storage_to_the_letter(options, key, location, bucket, settings):
    storage = bucket.use(settings, location=location, **options)
    with bucket.server.counted() as requests:
        assert urls(storage)(key) == storage.url(key)
    assert requests == []


def test_unsigned_urls_are_joined_without_asking_a_client(bucket, settings):
    storage = bucket.use(settings, querystring_auth=False)
    urls(storage)(KEY)
    with mock.patch.object(S3Client, "presigned") as presigned:
        assert urls(storage)(KEY) == f"{bucket.server.url}/{bucket.name}/{KEY}"
    assert not presigned.called


def test_a_key_that_leads_out_of_the_location_has_no_url(bucket, settings):
    storage = bucket.use(settings, location="media", querystring_auth=False)
    with pytest.raises(SuspiciousOperation):
        urls(storage)("../x/y.webp")


def test_a_url_of_its_own_is_asked_for_each_time(bucket, settings):
    storage = bucket.use(settings, backend="tests.support.s3storage.OwnUrl")
    with mock.patch.object(OwnUrl, "url", side_effect=["1", "2"]):
        assert [urls(storage)(KEY), urls(storage)(KEY)] == ["1", "2"]


def validity(url: str) -> tuple[float, int]:
    """From when, and for how many seconds, a URL says that it is valid."""
    query = parse_qs(urlsplit(url).query)
    begins = dt.datetime.strptime(query["X-Amz-Date"][0], "%Y%m%dT%H%M%S%z")
    return begins.timestamp(), int(query["X-Amz-Expires"][0])


def test_a_signed_url_stays_the_same_until_half_its_life_is_over(storage, clock):
    first = urls(storage)(KEY)
    start, life = validity(first)
    assert life == 3600
    assert start <= clock.now < start + life / 2
    clock.now = start + life / 2 - 0.001
    assert urls(storage)(KEY) == first
    clock.now = start + life / 2
    second = urls(storage)(KEY)
    assert second != first
    assert validity(second) == (start + life / 2, life)


def test_every_process_gives_the_same_signed_url(storage, bucket, settings, clock):
    first = urls(storage)(KEY)
    clock.now += 60
    again = bucket.use(settings)
    assert again is not storage
    assert urls(again)(KEY) == first


def test_the_life_of_a_signed_url_is_the_sites(bucket, settings, clock):
    storage = bucket.use(settings, querystring_expire=120)
    start, life = validity(urls(storage)(KEY))
    assert life == 120
    assert start <= clock.now < start + 60


@pytest.mark.parametrize("version", ["s3v4", None, "s3"])
def test_a_signed_url_opens_the_object(version, bucket, settings):
    storage = bucket.use(settings, signature_version=version, location="media é")
    write_all([write(storage, KEY)])
    with urlopen(urls(storage)(KEY)) as answer:  # noqa: S310 - of the server in this process
        assert answer.read() == b"data"


def test_a_thousand_signed_urls_are_one_question_to_the_client(storage, clock):
    client = adapter_of(storage).s3
    with mock.patch.object(client, "presigned", wraps=client.presigned) as presigned:
        assert len({urls(storage)(f"a/{number}") for number in range(1000)}) == 1000
    assert presigned.call_count == 1


def test_a_url_that_is_asked_for_again_is_not_signed_again(storage, clock, monkeypatch):
    keys = [f"a/{number}" for number in range(10)]
    first = [urls(storage)(key) for key in keys]
    digest = mock.Mock(wraps=signing.hmac.digest)
    monkeypatch.setattr(signing.hmac, "digest", digest)
    assert [urls(storage)(key) for key in keys] == first
    assert not digest.called


def test_as_many_urls_are_kept_as_any_page_shows_and_no_more(storage, clock, monkeypatch):
    monkeypatch.setattr(signing, "KEPT_URLS", 50)
    urls(storage)(KEY)
    for number in range(100):
        urls(storage)(f"a/{number}")
    assert adapter_of(storage)._signed._window.url.cache_info().currsize == 50


def test_two_storages_do_not_share_their_signatures(bucket, settings, clock):
    one = bucket.use(settings)
    other = bucket.use(settings, alias="other", access_key="another", secret_key="one")
    assert urls(one)(KEY) != urls(other)(KEY)
    assert "another" in urls(other)(KEY)
    assert "another" not in urls(one)(KEY)


class Refreshing:
    """Credentials of a role, as botocore has them."""

    def __init__(self, token: str, expiry: float) -> None:
        self.token, self.expiry = token, expiry
        self.due = False

    def refresh_needed(self) -> bool:
        return self.due

    def get_frozen_credentials(self) -> Any:
        return SimpleNamespace(access_key="role", secret_key="secret", token=self.token)

    @property
    def _expiry_time(self) -> Any:
        return dt.datetime.fromtimestamp(self.expiry, tz=dt.timezone.utc)


@pytest.fixture
def role(storage: Any, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The storage's credentials are those of a role that ends in half an hour."""
    bucket = adapter_of(storage).s3
    credentials = Refreshing("first", clock.now + 1800)
    session, _ = bucket.connect()
    monkeypatch.setattr(session, "get_credentials", lambda: credentials)

    # The client signs its sample with the same credentials.
    def presigned(client: Any, name: str, life: int) -> str:
        made = bucket.new_client(boto3.Session("role", "secret", credentials.token))
        return str(
            made.generate_presigned_url(
                "get_object", Params={"Bucket": bucket.storage.bucket_name, "Key": name}
            )
        )

    monkeypatch.setattr(bucket, "presigned", presigned)
    return credentials


def test_no_signed_url_outlives_its_credentials(role, storage, clock):
    while clock.now < role.expiry - 1:
        start, life = validity(urls(storage)(KEY))
        assert start <= clock.now < start + life
        assert start + life <= role.expiry
        # Half of it is still to come, so that a page can be read.
        assert clock.now < start + life / 2 + 1
        clock.now += 61


def test_in_the_last_seconds_of_credentials_urls_end_with_them(storage):
    term = adapter_of(storage)._signed._term(1000.5, 1002.9)
    assert term == signing.Term(start=1000, life=2)


@pytest.mark.parametrize("left", [6 * 3600, 3000, 1700, 900])
def test_processes_agree_on_urls_that_end_before_their_time(left, storage):
    signed = adapter_of(storage)._signed
    expiry = 1_700_000_000.0 + left
    assert signed._term(1_700_000_000.0, expiry) == signed._term(1_700_000_001.0, expiry)


@pytest.mark.parametrize("fails", [True, False])
def test_credentials_that_are_due_are_not_asked_for_with_every_url(
    fails, role, storage, clock, monkeypatch
):
    before = urls(storage)(KEY)
    role.due = True
    asked = mock.Mock(side_effect=OSError if fails else role.get_frozen_credentials)
    monkeypatch.setattr(role, "get_frozen_credentials", asked)
    assert {urls(storage)(KEY) for _ in range(100)} == {before}
    assert asked.call_count == 1
    clock.now += signing.PAUSE
    urls(storage)(KEY)
    assert asked.call_count == 2


def test_new_credentials_sign_at_once(role, storage, clock):
    before = urls(storage)(KEY)
    assert "Security-Token=first" in before
    role.token, role.expiry = "second", clock.now + 3600
    assert "Security-Token=second" in urls(storage)(KEY)


def test_while_credentials_cannot_be_asked_for_the_old_ones_sign(role, storage, clock):
    before = urls(storage)(KEY)
    with mock.patch.object(role, "get_frozen_credentials", side_effect=OSError("metadata")):
        assert urls(storage)(KEY) == before


@pytest.mark.parametrize("first", [True, False])
def test_a_time_limit_while_credentials_are_asked_for(first, role, storage, clock):
    if not first:
        urls(storage)(KEY)
    with (
        mock.patch.object(role, "get_frozen_credentials", side_effect=TimeIsUp),
        pytest.raises(TimeIsUp),
    ):
        urls(storage)(KEY)


def test_without_credentials_there_is_a_page_and_a_log(storage, bucket, clock, caplog):
    session, _ = adapter_of(storage).s3.connect()
    with mock.patch.object(session, "get_credentials", return_value=None) as asked:
        for _ in range(100):
            assert urls(storage)(KEY) == f"{bucket.server.url}/{bucket.name}/{KEY}"
        assert asked.call_count == 1
        assert "Cannot sign URLs of the bucket" in caplog.text
        assert "Unable to locate credentials" in caplog.text
        clock.now += signing.PAUSE
        urls(storage)(KEY)
        assert asked.call_count == 2
    clock.now += signing.PAUSE
    assert "X-Amz-Signature" in urls(storage)(KEY)


def test_without_a_bucket_there_is_a_page_and_a_log(bucket, settings, caplog):
    for auth in (True, False):
        storage = bucket.use(settings, bucket_name=None, querystring_auth=auth)
        assert urls(storage)(KEY) == f"/{KEY}"
    assert "Cannot build URLs of the bucket “None”" in caplog.text


def test_where_the_client_signs_in_another_way_its_urls_are_kept(storage, clock):
    bucket = adapter_of(storage)
    with (
        mock.patch.object(bucket.s3, "presigned", return_value="https://example.org/?other=way"),
        mock.patch.object(storage, "url", side_effect=map(str, range(9))) as url,
    ):
        assert [urls(storage)("a"), urls(storage)("b"), urls(storage)("a")] == ["0", "1", "0"]
        assert url.call_count == 2
        clock.now += 1800
        assert urls(storage)("a") == "2"


def test_urls_are_right_when_many_threads_ask(storage, clock):
    expected = urls(storage)(KEY)
    signed = adapter_of(storage)._signed
    found: set[str] = set()

    def ask() -> None:
        for _ in range(50):
            signed._window = None
            found.add(urls(storage)(KEY))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {expected}


# --- CloudFront -------------------------------------------------------------------------------


class Signer:
    """Stands for CloudFront's, whose keys are files that a site has."""

    def __init__(self) -> None:
        self.count = 0

    def generate_presigned_url(self, url: str, date_less_than: Any) -> str:
        self.count += 1
        return f"{url}?Signature={self.count}"


@pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")
def test_cloudfront_signs_each_url_once_in_a_while(bucket, settings, clock):
    signer = Signer()
    options = {"custom_domain": "cdn.example.org", "cloudfront_signer": signer}
    storage = bucket.use(settings, **options)
    first = urls(storage)(KEY)
    assert first == f"https://cdn.example.org/{KEY}?Signature=1"
    assert urls(storage)(KEY) == first
    assert urls(storage)("a") == "https://cdn.example.org/a?Signature=2"
    clock.now += 1800
    assert urls(storage)(KEY) != first
    # Without querystring_auth the domain is public.
    storage = bucket.use(settings, querystring_auth=False, **options)
    assert urls(storage)(KEY) == f"https://cdn.example.org/{KEY}"


@pytest.mark.parametrize("version", ["s3v4", None, "s3"])
def test_two_processes_sign_alike(version, bucket, settings, clock):
    """Also with the version that botocore chooses by itself."""
    first = urls(bucket.use(settings, signature_version=version))(KEY)
    clock.now += 60
    again = bucket.use(settings, alias="again", signature_version=version)
    assert urls(again)(KEY) == first


def test_nothing_is_asked_for_where_no_file_is_named(storage, bucket):
    with bucket.server.counted() as requests:
        assert adapter_of(storage).look([]) == {}
    assert requests == []
