"""``avatar_copy``: every file arrives as it is, or it is said which one does not."""

from __future__ import annotations

import dataclasses
import io
import threading
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import models

from django_avatar_kit.maintenance import copy as copying
from django_avatar_kit.maintenance import transfer
from django_avatar_kit.storage import base as module
from django_avatar_kit.storage import s3
from django_avatar_kit.test import make_image
from tests.support.copying import (
    FILES,
    contents,
    copy,
    failing,
    keys_of,
    lines,
    old_team,
    present,
    put,
    requests,
    switch,
    team,
    teams,
)
from tests.support.lifecycle import column, files_of, make_profile, name_of
from tests.testapp.models import Channel, Team

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "other"]),
    pytest.mark.usefixtures("small"),
]

IMMUTABLE = "public, max-age=31536000, immutable"


# --- from anywhere to anywhere ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("files", "s3"),
        ("s3", "files"),
        ("s3", "s3"),
        ("s3", "memory"),
        ("memory", "s3"),
        ("bottomless", "s3"),
        ("files", "bottomless"),
        ("bottomless", "memory"),
        ("files", "files"),
    ],
)
def test_all_files_arrive(monkeypatch, places, source, target):
    # So that each step has to wait for the next one.
    monkeypatch.setattr(transfer, "AHEAD", 2)
    monkeypatch.setattr(copying, "BATCH", 2)
    here, place = places(default=source, target=target)
    rows = [*teams(4), make_profile(), old_team(here, "photos/ada.png")]
    before = contents(here, keys_of(*rows))
    assert len(before) == 5 * FILES + 1
    size = sum(map(len, before.values()))

    out, err = copy()
    assert lines(out) == [
        f"6 avatars, 16 files: 16 copied ({size} bytes), 0 already there, 0 missing, 0 failed."
    ]
    assert err == ""
    assert contents(place, keys_of(*rows)) == contents(here, keys_of(*rows)) == before

    out, _ = copy()
    assert lines(out) == [
        "6 avatars, 16 files: 0 copied (0 bytes), 16 already there, 0 missing, 0 failed."
    ]
    assert contents(place, keys_of(*rows)) == before


def test_types_and_cache_headers(settings, bucket, storage):
    bucket.use(settings, "target", attempts=5)
    settings.AVATAR_KIT = {"SIZES": (16,), "FORMATS": ("avif", "webp", "jpeg")}
    jpeg = team()
    png = old_team(storage, "avatars/ada.PNG", make_image((9, 9), format="png"))
    jpg = old_team(storage, "avatars/ada.jpg", make_image((9, 9)))
    gif = old_team(storage, "avatars/ada.gif", make_image((9, 9), format="gif"))
    odd = old_team(storage, "avatars/ada")
    copy()
    name = name_of(jpeg)
    for key, kind in [
        (str(name), "image/jpeg"),
        (name.rendition(16, "avif"), "image/avif"),
        (name.rendition(16, "webp"), "image/webp"),
        (name.rendition(16, "jpeg"), "image/jpeg"),
    ]:
        head = bucket.head(key)
        assert (head["ContentType"], head["CacheControl"]) == (kind, IMMUTABLE)
    # Under a name of somebody else's, there may one day be another file.
    for row, kind in [
        (png, "image/png"),
        (jpg, "image/jpeg"),
        (gif, "image/gif"),
        (odd, "application/octet-stream"),
    ]:
        head = bucket.head(column(row))
        assert (head["ContentType"], head.get("CacheControl")) == (kind, None)


def test_what_the_site_wants_of_its_objects(settings, bucket, storage):
    parameters = {"CacheControl": "max-age=60", "StorageClass": "STANDARD_IA"}
    bucket.use(settings, "target", attempts=5, object_parameters=parameters)
    row, old = team(), old_team(storage)
    copy()
    for key in keys_of(row, old):
        head = bucket.head(key)
        assert (head["CacheControl"], head["StorageClass"]) == ("max-age=60", "STANDARD_IA")


# --- few requests ----------------------------------------------------------------------------


def test_requests_to_a_bucket(places, s3_server):
    places(default="files", target="s3")
    teams(5)
    with s3_server.counted() as found:
        copy()
    assert requests(found) == {"LIST": 5, "PUT": 5 * FILES}
    with s3_server.counted() as found:
        copy()
    assert requests(found) == {"LIST": 5}


@pytest.mark.parametrize("kind", ["s3", "files"])
def test_requests_from_a_bucket(places, s3_server, kind):
    places(default="s3", target=kind)
    teams(3)
    lists = 6 if kind == "s3" else 3
    puts = {"PUT": 3 * FILES} if kind == "s3" else {}
    with s3_server.counted() as found:
        copy(dry_run=True)
    assert requests(found) == {"LIST": lists}
    with s3_server.counted() as found:
        copy()
    assert requests(found) == {"GET": 3 * FILES, "LIST": lists, **puts}
    with s3_server.counted() as found:
        copy()
    assert requests(found) == {"LIST": lists}


def test_a_source_in_a_bucket_goes_with_one_request(settings, places, bucket, s3_server):
    places(default="s3", target="s3")
    rows = teams(3)
    copy()
    switch(settings)
    with s3_server.counted() as found:
        out, _ = copy(delete_source=True)
    # A probe to find out whether the two are one place, which is deleted; and the deletion.
    assert requests(found) == {"DELETE MANY": 2, "LIST": 2 * 3 + 1, "PUT": 1}
    assert lines(out)[1] == "9 files deleted from “default”."
    assert bucket.keys() == {f"target/{key}" for key in keys_of(*rows)}


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("bottomless", "s3", {("Bottomless", "main"), ("S3Storage", "pool")}),
        ("files", "bottomless", {("FileSystemStorage", "pool"), ("Bottomless", "main")}),
        ("s3", "files", {("S3Storage", "pool"), ("FileSystemStorage", "main")}),
    ],
)
def test_threads_use_only_what_can_bear_it(monkeypatch, places, source, target, expected):
    """S3 can, and reading files; of anything else nobody knows."""
    places(default=source, target=target)
    teams(2)
    seen: set[tuple[str, str]] = set()

    def watch(owner: Any, function: str) -> None:
        original = getattr(owner, function)

        def call(first: Any, *arguments: Any) -> Any:
            # A write or an adapter has one.
            place = getattr(first, "storage", first)
            is_main = threading.current_thread() is threading.main_thread()
            seen.add((type(place).__name__, "main" if is_main else "pool"))
            return original(first, *arguments)

        monkeypatch.setattr(owner, function, call)

    for owner in (module.Adapter, s3.Bucket):
        watch(owner, "look")
    for function in ("read", "write_one"):
        watch(module, function)
    copy()
    assert seen == expected


# --- what a run finds there ------------------------------------------------------------------


def test_a_file_cut_off_is_replaced(place, storage, caplog):
    row, old = team(), old_team(storage)
    before = contents(storage, keys_of(row, old))
    first, second, third = sorted(files_of(column(row)))
    put(place, first, before[first][:-1])
    put(place, second, b"")
    put(place, third, before[third])
    put(place, column(old), before[column(old)][:10])
    out, _ = copy()
    assert "3 copied" in out
    assert "1 already there" in out
    assert contents(place, before) == before
    assert not caplog.records


def test_a_damaged_file_is_replaced(place, storage):
    row = team()
    before = contents(storage, keys_of(row))
    key = column(row)
    put(place, key, b"?" + before[key][1:])
    out, _ = copy()
    assert "3 copied" in out
    assert contents(place, before) == before


def test_a_source_cut_off_replaces_nothing(place, storage, capsys):
    """On the way back, the file that a run was killed at is in the source."""
    row = team()
    key = column(row)
    whole = module.read(storage, key)
    put(place, key, whole)
    storage.delete(key)
    put(storage, key, whole[:-5])
    assert failing() == "1 of 3 files could not be copied."
    assert module.read(place, key) == whole
    assert f"“{key}” could not be written: “target” has another file under this name" in (
        capsys.readouterr().err
    )


def test_another_file_of_the_same_name_is_not_replaced(place, storage, capsys):
    """Which only files from before the kit can meet with."""
    row = old_team(storage)
    put(place, column(row), b"of somebody else")
    assert failing() == "1 of 1 file could not be copied."
    assert module.read(place, column(row)) == b"of somebody else"
    assert "another file under this name" in capsys.readouterr().err


def test_a_leftover_that_cannot_be_deleted(monkeypatch, target, storage, capsys):
    row = team()
    key = column(row)
    put(target, key, b"")

    def refuse(name: str) -> None:
        # The one that was written under another name may go.
        if name == key:
            raise PermissionError("read-only")

    monkeypatch.setattr(target, "delete", refuse)
    assert failing() == "1 of 3 files could not be copied."
    assert "the storage renamed it" in capsys.readouterr().err


@pytest.mark.lifecycle
@pytest.mark.parametrize("stock", [True, False])
def test_two_rows_with_one_avatar(place, storage, stock):
    """Written once, where nothing may be written twice."""
    row = old_team(storage, "avatars/1.png") if stock else team()
    other = Team.objects.create()
    plain = models.Value(column(row), output_field=models.CharField())
    Team._base_manager.filter(pk=other.pk).update(avatar=plain)
    copy()
    assert contents(place, keys_of(row)) == contents(storage, keys_of(row))


@pytest.mark.lifecycle
def test_a_default_is_copied_once(place, storage):
    put(storage, "defaults/badge.png", make_image((9, 9), format="png"))
    Channel.objects.bulk_create(Channel(name=str(number)) for number in range(3))
    out, _ = copy("testapp.Channel.badge")
    assert out.startswith("1 avatar, 1 file: 1 copied")
    assert place.exists("defaults/badge.png")


# --- verified --------------------------------------------------------------------------------


def test_an_etag_that_tells_nothing(monkeypatch, places, s3_server):
    """That of an object encrypted with a key of one's own."""
    here, place = places(default="files", target="s3")
    row = team()
    put, walk = s3.Bucket.put, s3.Bucket.walk

    def opaque(self: Any, *args: Any, **kwargs: Any) -> Any:
        return put(self, *args, **kwargs)._replace(etag="0" * 32)

    def listing(self: Any, beginning: str = "") -> Any:
        for stored in walk(self, beginning):
            yield stored._replace(etag="0" * 32)

    monkeypatch.setattr(s3.Bucket, "put", opaque)
    monkeypatch.setattr(s3.Bucket, "walk", listing)
    for outcome in ("3 copied", "3 already there"):
        with s3_server.counted() as found:
            out, _ = copy()
        assert outcome in out
        assert requests(found)["GET"] == FILES
    assert contents(place, keys_of(row)) == contents(here, keys_of(row))


@pytest.mark.parametrize("kind", ["s3", "memory"])
def test_what_arrives_damaged_has_failed(monkeypatch, places, kind, capsys):
    places(target=kind)
    key = column(team())
    original = module.write_one

    def damaged(write: module.Write) -> str:
        if write.key == key:
            write = dataclasses.replace(write, data=write.data[:-1])
        return original(write)

    monkeypatch.setattr(module, "write_one", damaged)
    assert failing() == "1 of 3 files could not be copied."
    assert (
        f"“{key}” could not be written: what has arrived is not what was sent."
        in capsys.readouterr().err
    )
    monkeypatch.setattr(module, "write_one", original)
    assert "1 copied" in copy()[0]


# --- what is missing, and what fails ---------------------------------------------------------


def test_missing_in_the_source(place, storage):
    """An upload since the switch, or a run with --delete-source."""
    row, old = team(), old_team(storage)
    copy()
    for key in keys_of(row, old):
        storage.delete(key)
    out, err = copy()
    assert out.startswith("2 avatars, 4 files: 0 copied (0 bytes), 4 already there, 0 missing")
    assert err == ""


@pytest.mark.parametrize(
    ("source", "target"), [("files", "s3"), ("s3", "s3"), ("s3", "memory"), ("memory", "files")]
)
def test_missing_in_both(places, source, target, caplog):
    here, place = places(default=source, target=target)
    row, other, third = teams(3)
    module.delete_all(here, [column(row), column(other)])
    # As good as none.
    put(place, column(other), b"")
    out, err = io.StringIO(), io.StringIO()
    with pytest.raises(CommandError) as failed:
        call_command("avatar_copy", source="default", target="target", stdout=out, stderr=err)
    assert str(failed.value) == "2 of 9 files could not be copied."
    assert lines(out.getvalue())[-1].endswith(" 0 already there, 2 missing, 0 failed.")
    assert lines(err.getvalue()) == [
        f"testapp.Team.avatar of pk {each.pk}, “{column(each)}”: “{column(each)}” could not be "
        "read: it is in neither storage."
        for each in (row, other)
    ]
    # Once, that is.
    assert not caplog.records
    assert present(place, keys_of(third)) == keys_of(third)


@pytest.mark.parametrize("fault", ["500", "403"])
def test_a_failing_request_to_the_destination(places, s3_server, capsys, fault):
    (place,) = places({"attempts": 1}, target="s3")
    row, other = teams(2)
    (bad, *_) = name_of(row).renditions

    def weather(number: int, request: Any) -> Any:
        return fault if request.action == "PUT" and request.path.endswith(bad) else None

    with s3_server.weather(weather):
        assert failing() == "1 of 6 files could not be copied."
    assert f"“{bad}” could not be written:" in capsys.readouterr().err
    out, _ = copy()
    assert out.startswith("2 avatars, 6 files: ")
    assert present(place, keys_of(row, other)) == keys_of(row, other)


@pytest.mark.parametrize(("source", "target"), [("s3", "files"), ("files", "s3")])
def test_a_listing_that_fails(places, s3_server, capsys, source, target):
    places({"attempts": 1}, default=source, target=target)
    row, other = teams(2)

    def weather(number: int, request: Any) -> Any:
        return "403" if request.action == "LIST" and number == 0 else None

    with s3_server.weather(weather):
        assert failing() == "3 of 6 files could not be copied."
    told = capsys.readouterr().err
    for key in files_of(column(row)) if column(row) in told else files_of(column(other)):
        assert f"“{key}” could not be read: An error occurred (AccessDenied)" in told
    assert "3 copied" in copy()[0]


def test_a_source_that_fails(monkeypatch, storage, target, capsys):
    row = team()
    original = type(storage)._open

    def fail(self: Any, name: str, mode: str = "rb") -> Any:
        if name == column(row):
            raise OSError(5, "Input/output error")
        return original(self, name, mode)

    monkeypatch.setattr(type(storage), "_open", fail)
    assert failing() == "1 of 3 files could not be copied."
    assert (
        f"“{column(row)}” could not be read: [Errno 5] Input/output error."
        in capsys.readouterr().err
    )
    assert present(target, keys_of(row)) == set(name_of(row).renditions)
