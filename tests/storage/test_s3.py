from __future__ import annotations

import datetime as dt
import os
import pickle
import threading
from collections.abc import Callable
from functools import cache
from html import escape
from io import StringIO
from types import SimpleNamespace
from typing import Any
from unittest import mock
from urllib.parse import parse_qs, urlsplit
from urllib.request import urlopen

import pytest
from django.core.exceptions import SuspiciousOperation
from django.core.files.storage import FileSystemStorage, InMemoryStorage, Storage, storages
from django.core.management import call_command
from django.utils.deconstruct import deconstructible
from django.utils.functional import lazy

from django_avatar_kit import columns
from django_avatar_kit import tokens as seals
from django_avatar_kit.exceptions import StorageError
from django_avatar_kit.lifecycle import references as rows
from django_avatar_kit.maintenance import sweep as sweeping
from django_avatar_kit.rendering import avatar_html
from django_avatar_kit.storage import base as module
from django_avatar_kit.storage import presigned_urls as signing
from django_avatar_kit.storage import s3
from django_avatar_kit.storage import threads as workers
from django_avatar_kit.storage.adapter import Stored
from django_avatar_kit.storage.base import (
    Write,
    adapter_of,
    delete_all,
    missing,
    read,
    urls,
    walk,
    write_all,
)
from django_avatar_kit.storage.s3 import Bucket
from django_avatar_kit.storage.s3_client import S3Client
from tests.support.lifecycle import files_of, fresh, make_profile, upload
from tests.support.processes import python
from tests.testapp.models import Bare

pytest.importorskip("moto", reason="moto is not installed: no tests on S3.")

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from storages.backends.s3 import S3ManifestStaticStorage, S3StaticStorage, S3Storage

from tests.support import s3server

KEY = "avatars/3f/" + "3f" * 16 + ".64.webp"


def lost_file() -> str:
    """The key of a rendition that this site has made, and that no row knows any more."""
    token = seals.new_token("default")
    return f"avatars/{token[:2]}/{token}.64.webp"


IMMUTABLE = "public, max-age=31536000, immutable"


def write(storage: Any, key: str, data: bytes = b"data") -> Write:
    return Write(storage=storage, key=key, data=data, content_type="image/webp")


def actions(requests: list[Any]) -> list[str]:
    return [request.action for request in requests]


@pytest.fixture
def storage(bucket: Any, settings: Any) -> Any:
    return bucket.use(settings)


# --- which storages this is for ---------------------------------------------------------------


class Elsewhere(S3Storage):
    location = "elsewhere"
    default_acl = "private"

    def helper(self) -> None:
        """A method that the stock class does not have."""


@deconstructible
class Deconstructible(S3Storage):
    querystring_auth = False


class OwnUrl(S3Storage):
    def url(self, name: str, *args: Any, **kwargs: Any) -> str:
        return f"https://example.org/{name}"


class GrandchildOfOwnUrl(OwnUrl):
    location = "elsewhere"


class OwnSave(S3Storage):
    def _save(self, name: str, content: Any) -> Any:
        return super()._save(name, content)


class OwnParameters(S3Storage):
    def get_object_parameters(self, name: str) -> dict[str, Any]:
        return {**super().get_object_parameters(name), "ContentDisposition": "inline"}


class OwnInit(S3Storage):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)


class OwnBucket(S3Storage):
    @property
    def bucket(self) -> Any:
        return super().bucket


class LocationOfTheMoment(S3Storage):
    @property
    def location(self) -> str:
        return "tenant"


@pytest.mark.parametrize("cls", [S3Storage, S3StaticStorage, Elsewhere, Deconstructible])
def test_the_stock_storage_and_its_children_with_other_values(cls):
    assert isinstance(adapter_of(cls(bucket_name="b")), Bucket)


@pytest.mark.parametrize(
    "cls",
    [
        OwnUrl,
        GrandchildOfOwnUrl,
        OwnSave,
        OwnParameters,
        OwnInit,
        OwnBucket,
        LocationOfTheMoment,
        S3ManifestStaticStorage,
    ],
)
def test_what_overrides_a_method_is_left_to_its_methods(cls):
    storage = cls.__new__(cls)
    assert not isinstance(adapter_of(storage), Bucket)


@deconstructible
class Equal(S3Storage):
    """As Django wants a storage for migrations; and so without a hash."""

    location = "media"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Equal)

    __hash__ = None


def test_storages_are_told_apart_by_what_they_are_and_not_by_what_they_equal():
    one, other = Equal(bucket_name="b"), Equal(bucket_name="c")
    assert one == other
    assert adapter_of(one) is adapter_of(one)
    assert adapter_of(one) is not adapter_of(other)


class SaveMixin(Storage):
    def save(self, name: Any, content: Any, max_length: int | None = None) -> str:
        return f"mine/{name}"


class MixedIn(S3Storage, SaveMixin):
    pass


def test_a_mixin_that_comes_after_the_stock_storage_overrides_too():
    assert not isinstance(adapter_of(MixedIn(bucket_name="b")), Bucket)


def test_what_is_lazy_is_another_one_each_time(bucket, settings):
    tenants = iter("ab")
    lazily = lazy(lambda: next(tenants), str)()
    storage = bucket.use(settings, custom_domain=lazily)
    assert not isinstance(adapter_of(storage), Bucket)


def test_other_storages_are_none_of_its_business(tmp_path):
    assert not isinstance(adapter_of(FileSystemStorage(tmp_path)), Bucket)
    assert not isinstance(adapter_of(InMemoryStorage()), Bucket)


def test_a_storage_that_compresses_pictures_writes_them_itself():
    assert isinstance(adapter_of(S3Storage(bucket_name="b", gzip=True)), Bucket)
    kinds = ("text/css", "image/webp")
    compressing = S3Storage(bucket_name="b", gzip=True, gzip_content_types=kinds)
    assert not isinstance(adapter_of(compressing), Bucket)
    without = S3Storage(bucket_name="b", gzip=True, gzip_content_types=None)
    assert isinstance(adapter_of(without), Bucket)


def test_without_django_storages_nothing_of_it_is_imported():
    code = (
        "import sys; from django.conf import settings; settings.configure();"
        "import django_avatar_kit.storage.base as s;"
        "from django.core.files.storage import InMemoryStorage;"
        "assert type(s.adapter_of(InMemoryStorage())).__name__ == 'Adapter';"
        "assert not {'storages', 'boto3', 'botocore'} & set(sys.modules)"
    )
    python(code)


# --- writing ----------------------------------------------------------------------------------


def test_each_file_is_one_put_and_nothing_else(storage, bucket):
    with bucket.server.counted() as requests:
        write_all([write(storage, f"a/{number}", b"%d" % number) for number in range(6)])
    assert actions(requests) == ["PUT"] * 6
    assert bucket.keys() == {f"a/{number}" for number in range(6)}
    assert bucket.body("a/3") == b"3"


def test_files_go_out_side_by_side(storage, monkeypatch):
    together = threading.Barrier(6, timeout=10)

    def put(self: Bucket, key: str, *args: Any, **options: Any) -> Stored:
        together.wait()
        return Stored(key)

    monkeypatch.setattr(Bucket, "put", put)
    write_all([write(storage, f"a/{number}") for number in range(6)])


def test_type_and_cache_header_are_those_of_an_avatar(storage, bucket):
    write_all([write(storage, "a/1.bin")])
    head = bucket.head("a/1.bin")
    assert head["ContentType"] == "image/webp"
    assert head["CacheControl"] == IMMUTABLE


def test_what_the_site_asks_for_is_heeded(bucket, settings):
    parameters = {"CacheControl": "max-age=60", "Metadata": {"from": "kit"}, "ContentType": "a/b"}
    storage = bucket.use(settings, object_parameters=parameters, default_acl="public-read")
    with mock.patch.object(adapter_of(storage).s3.client, "put_object", return_value={}) as put:
        write_all([write(storage, "a/1.webp")])
    put.assert_called_once_with(
        Bucket=bucket.name,
        Key="a/1.webp",
        Body=b"data",
        CacheControl="max-age=60",
        Metadata={"from": "kit"},
        ContentType="image/webp",
        ACL="public-read",
    )
    write_all([write(storage, "a/1.webp")])
    assert bucket.head("a/1.webp")["Metadata"] == {"from": "kit"}


def test_an_acl_among_the_parameters_comes_first(bucket, settings):
    storage = bucket.use(settings, object_parameters={"ACL": "private"}, default_acl="public-read")
    with mock.patch.object(adapter_of(storage).s3.client, "put_object", return_value={}) as put:
        write_all([write(storage, "a/1.webp")])
    assert put.call_args.kwargs["ACL"] == "private"


def test_keys_are_below_the_location(bucket, settings):
    storage = bucket.use(settings, location="media/avatars é")
    write_all([write(storage, "a/1.webp")])
    assert bucket.keys() == {"media/avatars é/a/1.webp"}
    assert [stored.key for stored in walk(storage)] == ["a/1.webp"]
    assert read(storage, "a/1.webp") == b"data"
    assert missing(storage, ["a/1.webp", "a/2.webp"]) == ["a/2.webp"]
    assert delete_all(storage, ["a/1.webp"]) == []
    assert bucket.keys() == set()


def test_when_one_write_fails_those_that_arrived_are_removed(storage, bucket):
    keys = {f"a/{number}" for number in range(6)}
    with (
        bucket.server.weather(lambda n, request: "500" if request.path.endswith("/3") else None),
        pytest.raises(StorageError) as failed,
        bucket.server.counted() as requests,
    ):
        write_all([write(storage, key) for key in sorted(keys)])
    assert failed.value.params["key"] == "a/3"
    assert isinstance(failed.value.__cause__, ClientError)
    assert bucket.keys() == set()
    assert actions(requests).count("DELETE MANY") <= 1


def test_files_of_two_storages_are_written_and_undone_together(storage, bucket):
    class Full(InMemoryStorage):
        def _save(self, name: str, content: Any) -> str:
            raise OSError(28, "No space left on device")

    local = InMemoryStorage()
    write_all([write(storage, "a/1"), write(local, "a/2")])
    assert bucket.keys() == {"a/1"}
    assert local.exists("a/2")
    with pytest.raises(StorageError, match="No space left"):
        write_all([write(storage, "b/1"), write(Full(), "b/2"), write(local, "b/3")])
    assert bucket.keys() == {"a/1"}
    assert not local.exists("b/3")


class TimeIsUp(Exception):  # noqa: N818
    """As a task queue raises it in the middle of whatever goes on."""


@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_time_limit_comes_through_and_what_has_arrived_is_removed(storage, bucket, nth):
    put, calls = adapter_of(storage).s3.client.put_object, iter(range(1, 4))

    def late(**options: Any) -> Any:
        answer = put(**options)
        if next(calls) == nth:
            raise TimeIsUp
        return answer

    with (
        mock.patch.object(adapter_of(storage).s3.client, "put_object", late),
        pytest.raises(TimeIsUp),
    ):
        write_all([write(storage, f"a/{number}") for number in range(3)])
    assert bucket.keys() == set()


def test_a_time_limit_while_that_is_undone_leaves_nothing(storage, bucket):
    client = adapter_of(storage).s3.client
    delete = client.delete_objects
    late = mock.Mock(side_effect=[TimeIsUp, mock.DEFAULT, mock.DEFAULT], wraps=delete)
    with (
        bucket.server.weather(lambda n, request: "500" if request.path.endswith("/1") else None),
        mock.patch.object(client, "delete_objects", late),
        pytest.raises(TimeIsUp),
    ):
        write_all([write(storage, f"a/{number}") for number in range(2)])
    assert bucket.keys() == set()


@pytest.mark.parametrize("step", ["delete_objects", "delete_object", "full"])
def test_a_time_limit_while_objects_are_deleted(storage, bucket, step, monkeypatch, caplog):
    write_all([write(storage, "a/1")])
    own = adapter_of(storage)
    own._deletes_many = step != "delete_object"
    place = own.s3 if step == "full" else own.s3.client
    monkeypatch.setattr(place, step, mock.Mock(side_effect=TimeIsUp))
    with pytest.raises(TimeIsUp):
        delete_all(storage, ["a/1"])
    assert bucket.keys() == {"a/1"}
    assert "avatar_sweep will find what is left: “a/1”" in caplog.text


# --- one client -------------------------------------------------------------------------------


def test_all_threads_share_one_client(storage):
    found: set[int] = set()
    client = adapter_of(storage).s3
    with mock.patch.object(client, "new_client", wraps=client.new_client) as made:
        start = threading.Barrier(8, timeout=10)

        def ask() -> None:
            start.wait()
            found.add(id(client.client))

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert made.call_count == 1
    assert len(found) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="This system has no fork().")
def test_a_forked_child_has_a_client_of_its_own():
    # In a process of its own: this one has threads, and Python warns of a fork with some.
    code = (
        "import os; from django.conf import settings; settings.configure()\n"
        "from storages.backends.s3 import S3Storage\n"
        "from django_avatar_kit.storage.base import adapter_of\n"
        "storage = S3Storage(bucket_name='b', region_name='eu-central-1')\n"
        "before = adapter_of(storage).s3.client\n"
        "assert adapter_of(storage).s3.client is before\n"
        "if os.fork() == 0:\n"
        "    os._exit(7 if adapter_of(storage).s3.client is not before else 1)\n"
        "assert os.waitstatus_to_exitcode(os.wait()[1]) == 7\n"
    )
    python(code, "-W", "ignore")


def test_there_is_a_connection_for_each_thread(storage):
    bucket = adapter_of(storage)
    assert bucket.s3.client.meta.config.max_pool_connections == workers.THREADS


def test_a_site_may_have_more_connections(bucket, settings):
    entry = bucket.entry()
    config = entry["OPTIONS"]["client_config"]
    entry["OPTIONS"]["client_config"] = config.merge(Config(max_pool_connections=99))
    settings.STORAGES = {**settings.STORAGES, "default": entry}
    made = adapter_of(storages["default"]).s3.client.meta.config
    assert made.max_pool_connections == 99
    assert made.read_timeout == config.read_timeout


def test_storages_are_pickled_as_ever(storage):
    urls(storage)(KEY)
    copy = pickle.loads(pickle.dumps(storage))
    assert copy.bucket_name == storage.bucket_name


def test_other_settings_make_another_bucket(storage, bucket, settings):
    before = adapter_of(storage)
    bucket.use(settings, location="elsewhere")
    assert adapter_of(storages["default"]) is not before


# --- deleting ---------------------------------------------------------------------------------


def test_a_thousand_keys_are_one_request(storage, bucket):
    write_all([write(storage, "a/0999"), write(storage, "a/1000")])
    with bucket.server.counted() as requests:
        assert delete_all(storage, [f"a/{number:04}" for number in range(1001)]) == []
    assert actions(requests) == ["DELETE MANY", "DELETE MANY"]
    assert bucket.keys() == set()


def test_nothing_to_delete_is_no_request(storage, bucket):
    with bucket.server.counted() as requests:
        assert delete_all(storage, []) == []
    assert requests == []


def test_errors_of_single_keys_are_logged_with_the_key_and_returned(storage, caplog):
    answer = {
        "Errors": [
            {"Key": "a/2", "Code": "AccessDenied", "Message": "Access Denied"},
            {"Key": "a/3", "Code": "NoSuchKey", "Message": "gone already"},
        ]
    }
    with mock.patch.object(adapter_of(storage).s3.client, "delete_objects", return_value=answer):
        assert delete_all(storage, ["a/1", "a/2", "a/3"]) == ["a/2"]
    assert "Could not delete “a/2”; avatar_sweep will find it." in caplog.text
    assert "AccessDenied" in caplog.text
    assert "a/1" not in caplog.text
    assert "a/3" not in caplog.text


def test_an_error_that_names_no_key_may_be_about_any(storage, caplog):
    answer = {"Errors": [{"Code": "InternalError", "Message": "sorry"}]}
    with mock.patch.object(adapter_of(storage).s3.client, "delete_objects", return_value=answer):
        assert delete_all(storage, ["a/1", "a/2"]) == ["a/1", "a/2"]


def test_errors_are_those_of_the_keys_without_the_location(bucket, settings, caplog):
    storage = bucket.use(settings, location="media")
    answer = {"Errors": [{"Key": "media/a/2", "Code": "InternalError", "Message": "sorry"}]}
    with mock.patch.object(adapter_of(storage).s3.client, "delete_objects", return_value=answer):
        assert delete_all(storage, ["a/1", "a/2"]) == ["a/2"]
    assert "Could not delete “a/2”" in caplog.text


@pytest.mark.parametrize("status", [400, 405, 501])
def test_an_endpoint_without_batches_is_asked_singly(status, storage, bucket):
    write_all([write(storage, f"a/{number}") for number in range(3)])
    bucket.server.refusals["DELETE MANY"] = (status, "NotImplemented")
    with bucket.server.counted() as requests:
        assert delete_all(storage, ["a/0", "a/1", "a/2", "a/3"]) == []
    assert actions(requests) == ["DELETE MANY", *["DELETE"] * 4]
    assert bucket.keys() == set()


def test_an_endpoint_that_never_has_batches_is_not_asked_again(storage, bucket):
    bucket.server.refusals["DELETE MANY"] = (501, "NotImplemented")
    delete_all(storage, ["a/0"])
    with bucket.server.counted() as requests:
        delete_all(storage, ["a/0"])
    assert actions(requests) == ["DELETE"]


def test_what_an_endpoint_cannot_delete_singly_is_returned(storage, bucket, caplog):
    bucket.server.refusals.update({"DELETE MANY": (501, "No"), "DELETE": (403, "AccessDenied")})
    assert delete_all(storage, ["a/0", "a/1"]) == ["a/0", "a/1"]
    assert "Could not delete “a/1”" in caplog.text
    bucket.server.refusals["DELETE"] = (404, "NoSuchKey")
    assert delete_all(storage, ["a/0"]) == []


@pytest.mark.parametrize("fault", ["403", "500", "reset before", "cut off"])
def test_when_a_batch_fails_all_of_its_keys_are_returned(fault, storage, bucket, caplog):
    with bucket.server.weather(lambda n, request: fault):
        assert delete_all(storage, ["a/0", "a/1"]) == ["a/0", "a/1"]
    assert "Could not delete “a/0”" in caplog.text
    assert "Could not delete “a/1”" in caplog.text


def test_a_key_that_leads_out_of_the_location_keeps_nothing_else(bucket, settings, caplog):
    storage = bucket.use(settings, location="media")
    write_all([write(storage, "a/0")])
    assert delete_all(storage, ["../secret", "a/0"]) == ["../secret"]
    assert bucket.keys() == set()
    assert "Could not delete “../secret”" in caplog.text


# --- listing and reading ----------------------------------------------------------------------


def test_a_listing_tells_size_time_and_checksum_and_asks_for_pages(storage, bucket, monkeypatch):
    for number in range(5):
        bucket.client.put_object(Bucket=bucket.name, Key=f"avatars/{number}", Body=b"data")
    bucket.client.put_object(Bucket=bucket.name, Key="avatars/", Body=b"")
    bucket.client.put_object(Bucket=bucket.name, Key="other/0", Body=b"data")
    client = adapter_of(storage).s3.client
    real = client.list_objects_v2
    monkeypatch.setattr(client, "list_objects_v2", lambda **given: real(MaxKeys=2, **given))
    before = dt.datetime.now(tz=dt.timezone.utc)
    with bucket.server.counted() as requests:
        found = list(walk(storage, "avatars/"))
    assert [stored.key for stored in found] == [f"avatars/{number}" for number in range(5)]
    assert actions(requests) == ["LIST"] * 3
    first = found[0]
    assert first.size == 4
    assert first.etag == "8d777f385d3dfec8815d20f7496026dc"
    assert first.modified is not None
    assert abs(before - first.modified) < dt.timedelta(seconds=60)


#: Keys of objects that any storage method would take for “photos/me.jpg”, or refuse.
ODD = ["photos//me.jpg", "photos/./me.jpg", "photos/x/../me.jpg", "photos\\me.jpg", "../me.jpg"]


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("location", ["", "media"])
def test_a_listing_leaves_out_what_no_storage_can_name(odd, location, bucket, settings):
    storage = bucket.use(settings, location=location)
    prefix = f"{location}/" if location else ""
    for key in (odd, "photos/me.jpg"):
        bucket.client.put_object(Bucket=bucket.name, Key=f"{prefix}{key}", Body=b"data")
    assert [stored.key for stored in walk(storage)] == ["photos/me.jpg"]


def test_a_folder_without_a_name_is_not_walked_for_ever(bucket, settings):
    storage = bucket.use(settings, backend="tests.storage.test_s3.OwnParameters")
    for key in ("photos//me.jpg", "photos/me.jpg"):
        bucket.client.put_object(Bucket=bucket.name, Key=key, Body=b"data")
    assert [stored.key for stored in walk(storage)] == ["photos/me.jpg"]


def test_missing_files_of_an_avatar_cost_one_request(storage, bucket):
    write_all([write(storage, "a/x.1"), write(storage, "a/x.2"), write(storage, "a/x")])
    with bucket.server.counted() as requests:
        assert missing(storage, ["a/x.3", "a/x.1"]) == ["a/x.3"]
        assert missing(storage, ["a/x"]) == []
    assert actions(requests) == ["LIST", "LIST"]


def test_reading_is_one_request(storage, bucket):
    write_all([write(storage, "a/1")])
    with bucket.server.counted() as requests:
        assert read(storage, "a/1") == b"data"
    assert actions(requests) == ["GET"]


def test_reading_what_is_not_there(storage, bucket):
    with pytest.raises(StorageError, match="“a/1” could not be read: there is no such file"):
        read(storage, "a/1")
    bucket.server.refusals["GET"] = (403, "AccessDenied")
    with pytest.raises(StorageError, match=r"“a/1” could not be read: .*AccessDenied"):
        read(storage, "a/1")


def test_reading_with_a_key_of_the_customer(bucket, settings):
    given = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "k" * 32, "CacheControl": "no"}
    storage = bucket.use(settings, object_parameters=given)
    client = adapter_of(storage).s3.client
    with (
        mock.patch.object(client, "get_object", side_effect=KeyError) as get,
        pytest.raises(StorageError),
    ):
        read(storage, "a/1")
    assert get.call_args.kwargs == {
        "Bucket": bucket.name,
        "Key": "a/1",
        "SSECustomerAlgorithm": "AES256",
        "SSECustomerKey": "k" * 32,
    }


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
    storage = bucket.use(settings, backend="tests.storage.test_s3.OwnUrl")
    with mock.patch.object(OwnUrl, "url", side_effect=["1", "2"]):
        assert [urls(storage)(KEY), urls(storage)(KEY)] == ["1", "2"]


class Clock:
    """The time that the kit and botocore see, in seconds since the epoch."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1_700_000_000.0
        monkeypatch.setattr(signing.time, "time", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


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


# --- the whole kit on S3 ----------------------------------------------------------------------


@pytest.fixture
def asked(bucket: Any) -> Callable[[Callable[[], Any]], list[str]]:
    def ask(call: Callable[[], Any]) -> list[str]:
        with bucket.server.counted() as requests:
            call()
        return sorted(actions(requests))

    return ask


@pytest.mark.django_db(transaction=True)
def test_requests_of_a_life(storage, bucket, asked):
    profile = make_profile(avatar=False)
    profile.avatar = upload(size=(640, 512))
    assert asked(profile.save) == ["PUT"] * 6
    profile = fresh(profile)
    old = profile.avatar.name
    assert bucket.keys() == files_of(old)
    assert bucket.head(old)["ContentType"] == "image/jpeg"
    for key in files_of(old):
        assert bucket.head(key)["CacheControl"] == IMMUTABLE

    assert asked(lambda: avatar_html(profile, 64)) == []

    profile.avatar = upload("red", size=(640, 512))
    assert asked(profile.save) == ["DELETE MANY", *["PUT"] * 6]
    assert bucket.keys() == files_of(fresh(profile).avatar.name)

    assert asked(profile.delete) == ["DELETE MANY"]
    assert bucket.keys() == set()


@pytest.mark.django_db(transaction=True)
def test_masters_and_renditions_in_two_buckets(bucket, s3_server, settings):
    public = s3server.Bucket(s3_server)
    bucket.use(settings)
    public.use(settings, alias="public", querystring_auth=False)
    settings.AVATAR_KIT = {"RENDITION_STORAGE": "public"}
    profile = fresh(make_profile())
    master, *renditions = profile.avatar.avatar_name.files
    assert bucket.keys() == {master}
    assert public.keys() == set(renditions)
    assert f'src="{s3_server.url}/{public.name}/avatars/' in avatar_html(profile, 32)
    profile.delete()
    assert bucket.keys() | public.keys() == set()


@pytest.mark.parametrize("querystring_auth", [True, False])
@pytest.mark.django_db
def test_markup_is_the_same_as_part_by_part(querystring_auth, bucket, settings, clock):
    storage = bucket.use(settings, querystring_auth=querystring_auth, location="a b")
    profile = fresh(make_profile())
    name = profile.avatar.avatar_name
    url = urls(storage)
    assert avatar_html(profile, 16, loading=None, alt="a") == (
        f'<img src="{escape(url(name.rendition(32, "webp")))}" width="16" height="16" alt="a">'
    )
    assert profile.avatar.url_for(16) == url(name.rendition(32, "webp"))


def test_locations_of_buckets(bucket, settings):
    root = bucket.use(settings)
    inner = bucket.use(settings, alias="inner", location="a/b")
    assert module.locations(root) == [((bucket.server.url, bucket.name), ())]
    assert module.locations(inner) == [((bucket.server.url, bucket.name), ("a", "b"))]


# --- commands ---------------------------------------------------------------------------------


def sweep(**options: Any) -> str:
    out = StringIO()
    options = {"min_age": "0", "max_percent": 100, **options}
    call_command("avatar_sweep", stdout=out, stderr=StringIO(), **options)
    return out.getvalue()


@pytest.mark.django_db(databases=["default", "other"])
def test_a_sweep_asks_for_pages_and_deletes_in_batches(storage, bucket, monkeypatch):
    profile = make_profile()
    needed = files_of(fresh(profile).avatar.name)
    write_all([write(storage, lost_file()) for _ in range(20)])
    client = adapter_of(storage).s3.client
    real = client.list_objects_v2
    monkeypatch.setattr(client, "list_objects_v2", lambda **given: real(MaxKeys=10, **given))
    monkeypatch.setattr(s3, "MOST_DELETED", 15)
    with bucket.server.counted() as requests:
        said = sweep()
    assert actions(requests) == ["LIST"] * 3
    assert "20 of them without need (80 bytes)" in said
    with bucket.server.counted() as requests:
        sweep(delete=True)
    assert actions(requests) == [*["LIST"] * 3, *["DELETE MANY"] * 2]
    assert bucket.keys() == needed


@pytest.mark.django_db(databases=["default", "other"])
def test_a_sweep_leaves_what_was_just_uploaded(storage, bucket):
    write_all([write(storage, KEY)])
    with bucket.server.counted() as requests:
        sweep(delete=True, min_age="1h")
    # The listing tells the age.
    assert actions(requests) == ["LIST"]
    assert bucket.keys() == {KEY}


@pytest.mark.django_db(databases=["default", "other"])
def test_a_sweep_looks_only_below_its_prefix(storage, bucket):
    write_all([write(storage, KEY), write(storage, f"other/{KEY}")])
    sweep(delete=True, prefix="other")
    assert bucket.keys() == {KEY}


@pytest.mark.django_db(databases=["default", "other"])
@pytest.mark.parametrize(("masters", "renditions"), [("", "public"), ("private", ""), ("a", "b")])
def test_two_folders_of_one_bucket_are_swept_for_what_either_needs(
    masters, renditions, bucket, settings
):
    bucket.use(settings, location=masters)
    bucket.use(settings, alias="other", location=renditions)
    settings.AVATAR_KIT = {"SIZES": (16,), "RENDITION_STORAGE": "other"}
    make_profile()
    needed = bucket.keys()
    assert len(needed) == 2
    write_all([write(storages[alias], lost_file()) for alias in ("default", "other")])
    sweep(delete=True)
    assert bucket.keys() == needed


@pytest.mark.django_db(transaction=True)
def test_a_build_follows_changed_sizes(storage, bucket, settings):
    settings.AVATAR_KIT = {"SIZES": (16, 32)}
    profile = make_profile()
    master = bucket.body(fresh(profile).avatar.name)
    settings.AVATAR_KIT = {"SIZES": (8, 24)}
    with bucket.server.counted() as requests:
        call_command("avatar_build", verbosity=0)
    name = fresh(profile).avatar.avatar_name
    assert name.sizes == (8, 24)
    assert bucket.keys() == set(name.files)
    assert bucket.body(str(name)) == master
    # Looked for; the master read; all written, and the old ones deleted.
    assert sorted(actions(requests)) == ["DELETE MANY", "GET", "LIST", *["PUT"] * 3]
    with bucket.server.counted() as requests:
        call_command("avatar_build", verbosity=0)
    assert actions(requests) == ["LIST"]


@pytest.fixture
def clear_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a field whose default is chosen anew for each row: with one, nothing is foreign."""
    plain = tuple(f for f in columns.file_columns() if not columns.default_varies(f))
    for module_of in (columns, sweeping, rows):
        monkeypatch.setattr(module_of, "file_columns", cache(lambda: plain))


@pytest.mark.django_db(databases=["default", "other"])
@pytest.mark.parametrize("odd", ODD)
def test_a_twin_under_an_odd_key_does_not_take_the_file_along(
    odd, bucket, settings, clear_defaults
):
    bucket.use(settings)
    Bare.objects.create(photo="photos/me.jpg")
    for key in ("photos/me.jpg", odd):
        bucket.client.put_object(Bucket=bucket.name, Key=key, Body=b"data")
    sweep(delete=True, foreign=True, prefix="photos")
    assert bucket.keys() >= {"photos/me.jpg"}


class InnerOfItsOwn(OwnParameters):
    location = "media"


@pytest.mark.django_db(databases=["default", "other"])
@pytest.mark.parametrize("how", ["methods of its own", "slash", "another host"])
def test_a_file_that_an_outer_storage_holds_stays_though_nobody_knows_it_is_one(
    how, bucket, settings, clear_defaults
):
    bucket.use(settings)
    url = bucket.server.url
    options: dict[str, Any] = {
        "methods of its own": {"backend": "tests.storage.test_s3.InnerOfItsOwn"},
        "slash": {"location": "media", "endpoint_url": f"{url}/"},
        "another host": {
            "location": "media",
            "endpoint_url": url.replace("127.0.0.1", "localhost"),
        },
    }[how]
    bucket.use(settings, alias="inner", **options)
    settings.AVATAR_KIT = {"STORAGE": "inner"}
    Bare.objects.create(photo="media/photos/me.jpg")
    for key in ("media/photos/me.jpg", "media/photos/nobody.jpg"):
        bucket.client.put_object(Bucket=bucket.name, Key=key, Body=b"data")
    sweep(delete=True, foreign=True, prefix="photos")
    assert bucket.keys() == {"media/photos/me.jpg"}


@pytest.mark.django_db(databases=["default", "other"])
def test_a_storage_that_the_avatars_have_left_is_swept_when_named(bucket, settings):
    settings.AVATAR_KIT = {"SIZES": (16,), "STORAGE": "new"}
    bucket.use(settings, alias="old", location="old")
    bucket.use(settings, alias="new", location="new")
    key = lost_file()
    write_all([write(storages["old"], key)])
    sweep(delete=True)
    assert bucket.keys() == {f"old/{key}"}
    assert "“old”" in sweep(delete=True, storage=["old"])
    assert bucket.keys() == set()
