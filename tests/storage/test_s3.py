"""Objects on S3: writing, deleting, listing and reading, by how many requests."""

from __future__ import annotations

import datetime as dt
import pickle
import threading
from typing import Any
from unittest import mock

import pytest
from django.core.files.storage import InMemoryStorage, storages

from django_avatar_kit.exceptions import StorageError
from django_avatar_kit.storage import s3_client
from django_avatar_kit.storage import threads as workers
from django_avatar_kit.storage.adapter import Stored
from django_avatar_kit.storage.base import (
    adapter_of,
    delete_all,
    missing,
    read,
    urls,
    write_all,
)
from django_avatar_kit.storage.s3 import Bucket

pytest.importorskip("moto", reason="moto is not installed: no tests on S3.")

from botocore.config import Config
from botocore.exceptions import ClientError

from tests.support.s3storage import IMMUTABLE, KEY, ODD, TimeIsUp, actions, write

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
    assert [stored.key for stored in adapter_of(storage).walk()] == ["a/1.webp"]
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


def test_a_forked_child_has_a_client_of_its_own(storage, monkeypatch):
    client = adapter_of(storage).s3
    before = client.client
    assert client.client is before
    monkeypatch.setattr(s3_client.os, "getpid", lambda: -1)
    assert client.client is not before


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
        found = list(adapter_of(storage).walk("avatars/"))
    assert [stored.key for stored in found] == [f"avatars/{number}" for number in range(5)]
    assert actions(requests) == ["LIST"] * 3
    first = found[0]
    assert first.size == 4
    assert first.etag == "8d777f385d3dfec8815d20f7496026dc"
    assert first.modified is not None
    assert abs(before - first.modified) < dt.timedelta(seconds=60)


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("location", ["", "media"])
def test_a_listing_leaves_out_what_no_storage_can_name(odd, location, bucket, settings):
    storage = bucket.use(settings, location=location)
    prefix = f"{location}/" if location else ""
    for key in (odd, "photos/me.jpg"):
        bucket.client.put_object(Bucket=bucket.name, Key=f"{prefix}{key}", Body=b"data")
    assert [stored.key for stored in adapter_of(storage).walk()] == ["photos/me.jpg"]


def test_a_folder_without_a_name_is_not_walked_for_ever(bucket, settings):
    storage = bucket.use(settings, backend="tests.support.s3storage.OwnParameters")
    for key in ("photos//me.jpg", "photos/me.jpg"):
        bucket.client.put_object(Bucket=bucket.name, Key=key, Body=b"data")
    assert [stored.key for stored in adapter_of(storage).walk()] == ["photos/me.jpg"]


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
