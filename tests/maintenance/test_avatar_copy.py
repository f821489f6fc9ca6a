"""``avatar_copy``: everything arrives, nothing is lost, whatever happens on the way."""

from __future__ import annotations

import dataclasses
import io
import itertools
import json
import os
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import Storage, storages
from django.core.management import CommandError, call_command
from django.db import connections, models

from django_avatar_kit.maintenance import build as building
from django_avatar_kit.maintenance import copy as copying
from django_avatar_kit.maintenance import progress, transfer
from django_avatar_kit.names import Name
from django_avatar_kit.storage import base as module
from django_avatar_kit.storage import s3
from django_avatar_kit.test import make_image
from tests.storage.test_any_storage import Bottomless
from tests.support.lifecycle import column, files_of, fresh, make_profile, upload
from tests.testapp.models import Bare, Channel, Pet, Team

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "other"]),
    pytest.mark.usefixtures("small"),
]

IMMUTABLE = "public, max-age=31536000, immutable"
#: A master and two renditions.
FILES = 3
KINDS = {
    "files": "django.core.files.storage.FileSystemStorage",
    "counting": "tests.conftest.CountingStorage",
    "memory": "django.core.files.storage.InMemoryStorage",
    "bottomless": "tests.storage.test_any_storage.Bottomless",
    "shared": "tests.maintenance.test_avatar_copy.Shared",
}


class Shared(Bottomless):
    """However many there are, all are the same place, and nobody can tell."""

    everything: dict[str, bytes] = {}

    def __init__(self) -> None:
        self.files = self.everything


def copy(*labels: str, **options: Any) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    chosen = {"source": "default", "target": "target", **options}
    call_command("avatar_copy", *labels, stdout=out, stderr=err, **chosen)
    return out.getvalue(), err.getvalue()


def failing(*labels: str, **options: Any) -> str:
    """What the command ends with. What it says of each file goes to standard error."""
    chosen = {"source": "default", "target": "target", **options}
    with pytest.raises(CommandError) as failed:
        call_command("avatar_copy", *labels, stdout=io.StringIO(), **chosen)
    return str(failed.value)


def team(color: str = "teal", **options: Any) -> Team:
    return Team.objects.create(avatar=upload(color, **options))


def teams(count: int) -> list[Team]:
    return [team(f"#{number:02}80{number:02}") for number in range(count)]


def old_team(storage: Any, key: str = "avatars/old.jpg", data: bytes | None = None) -> Team:
    """A row with a file from before the kit."""
    row = Team.objects.create()
    plain = models.Value(key, output_field=models.CharField())
    Team._base_manager.filter(pk=row.pk).update(avatar=plain)
    put(storage, key, make_image((60, 40)) if data is None else data)
    return row


def put(storage: Any, key: str, data: bytes) -> None:
    kind = "application/octet-stream"
    module.write_one(module.Write(storage=storage, key=key, data=data, content_type=kind))


def name_of(row: Any, attname: str = "avatar") -> Name:
    name = Name.parse(column(row, attname))
    assert name is not None
    return name


def contents(storage: Storage, keys: Any) -> dict[str, bytes]:
    """What lies under these keys; those that are not there are left out."""
    return {key: module.read(storage, key) for key in present(storage, keys)}


def present(storage: Storage, keys: Any) -> set[str]:
    """Those of the keys that are there."""
    return set(module.look(storage, keys)) if keys else set()


def keys_of(*rows: Any) -> set[str]:
    return {key for row in rows for key in files_of(column(row))}


def lines(text: str) -> list[str]:
    return text.strip().splitlines()


@pytest.fixture
def places(settings: Any, tmp_path: Path, request: Any) -> Any:
    """Make storages of the given kinds, under their aliases; those of this moment are gone."""

    def entry(alias: str, kind: str, options: dict[str, Any]) -> dict[str, Any]:
        if kind == "s3":
            bucket = request.getfixturevalue("bucket")
            found: dict[str, Any] = bucket.entry(location=alias, **{"attempts": 5, **options})
            return found
        if kind == "files":
            options = {"location": str(tmp_path / alias)}
        return {"BACKEND": KINDS[kind], "OPTIONS": options}

    def make(options: dict[str, Any] | None = None, **kinds: str) -> tuple[Any, ...]:
        entries = {alias: entry(alias, kind, options or {}) for alias, kind in kinds.items()}
        settings.STORAGES = {**settings.STORAGES, **entries}
        return tuple(storages[alias] for alias in kinds)

    return make


@pytest.fixture
def target(places: Any) -> Any:
    return places(target="memory")[0]


def switch(settings: Any, alias: str = "target", **more: Any) -> None:
    """What a site does when everything is copied."""
    settings.AVATAR_KIT = {**settings.AVATAR_KIT, "STORAGE": alias, **more}


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


def requests(found: list[Any]) -> dict[str, int]:
    actions = [request.action for request in found]
    return {action: actions.count(action) for action in sorted(set(actions))}


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

    def watch(function: str) -> None:
        original = getattr(module, function)

        def call(first: Any, *arguments: Any) -> Any:
            place = first.storage if isinstance(first, module.Write) else first
            is_main = threading.current_thread() is threading.main_thread()
            seen.add((type(place).__name__, "main" if is_main else "pool"))
            return original(first, *arguments)

        monkeypatch.setattr(module, function, call)

    for function in ("look", "read", "write_one"):
        watch(function)
    copy()
    assert seen == expected


# --- what a run finds there ------------------------------------------------------------------


@pytest.fixture(params=["memory", "s3"])
def place(places: Any, request: Any) -> Any:
    """A destination that has to be read, and one that tells."""
    return places(target=request.param)[0]


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
    original = s3.Bucket.put, s3.Bucket.list

    def opaque(self: Any, *args: Any, **kwargs: Any) -> str:
        original[0](self, *args, **kwargs)
        return "0" * 32

    def listing(self: Any, beginning: str = "") -> Any:
        for key, size, modified, _ in original[1](self, beginning):
            yield key, size, modified, "0" * 32

    monkeypatch.setattr(s3.Bucket, "put", opaque)
    monkeypatch.setattr(s3.Bucket, "list", listing)
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


# --- stopped, and run again ------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["s3", "memory", "files"])
@pytest.mark.parametrize("after", [False, True])
def test_killed_at_any_write_and_run_again(monkeypatch, places, kind, after):
    """Ctrl-C at the n-th write, which has arrived or not."""
    here, place = places(default="files", target=kind)
    rows = teams(2)
    before = contents(here, keys_of(*rows))
    original = module.write_one
    for nth in range(1, len(before) + 1):
        module.delete_all(place, before)
        calls = itertools.count(1)

        def killed(write: Any, nth: int = nth, calls: Any = calls) -> Any:
            if (call := next(calls)) == nth and not after:
                raise KeyboardInterrupt
            etag = original(write)
            if call == nth:
                raise KeyboardInterrupt
            return etag

        monkeypatch.setattr(module, "write_one", killed)
        with pytest.raises(KeyboardInterrupt):
            copy()
        stopped = next(calls)
        # Nothing goes on behind its back.
        time.sleep(0.01)
        assert next(calls) == stopped + 1
        monkeypatch.setattr(module, "write_one", original)
        arrived = len(present(place, before))
        out, _ = copy()
        assert f"{len(before) - arrived} copied" in out
        assert contents(place, before) == before


def test_what_is_not_waited_for_does_not_begin(monkeypatch, places):
    """Whoever reads the results may stop as well."""
    (place,) = places(target="s3")
    monkeypatch.setattr(transfer, "AHEAD", 1)
    monkeypatch.setattr(copying, "BATCH", 1)
    rows = teams(8)
    columns = building.fields_of(["testapp.Team"])
    job = copying.Copy(columns, source="default", target="target")
    with closing(job.run(job.fields[0])) as avatars:
        assert next(avatars).row.pk == rows[0].pk
    arrived = present(place, keys_of(*rows))
    assert FILES <= len(arrived) <= FILES + 4
    time.sleep(0.02)
    assert present(place, keys_of(*rows)) == arrived


CHILD = """
import json, sys
from django.conf import settings
given = json.loads(sys.argv[1])
for alias, name in given.pop("databases").items():
    settings.DATABASES[alias]["NAME"] = name
for key, value in given.items():
    setattr(settings, key, value)
import django
django.setup()
from django.core.management import call_command
call_command("avatar_copy", source="default", target="target")
"""


@pytest.mark.lifecycle
def test_killed_for_good_and_run_again(settings, bucket, s3_server, media):
    place = "django.core.files.storage.FileSystemStorage"
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {"BACKEND": place, "OPTIONS": {"location": str(media)}},
    }
    bucket.use(settings, "target", attempts=5)
    rows = teams(6)
    before = contents(storages["default"], keys_of(*rows))
    entry = bucket.entry()
    del entry["OPTIONS"]["client_config"]
    entry["OPTIONS"]["addressing_style"] = "path"
    given = {
        "databases": {each.alias: str(each.settings_dict["NAME"]) for each in connections.all()},
        "AVATAR_KIT": settings.AVATAR_KIT,
        "STORAGES": {**settings.STORAGES, "target": entry},
    }
    environ = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "DJANGO_SETTINGS_MODULE": "tests.settings",
    }
    code = [sys.executable, "-c", CHILD, json.dumps(given)]

    puts = itertools.count()
    enough = threading.Event()

    def weather(number: int, request: Any) -> Any:
        if request.action != "PUT" or next(puts) < 7:
            return None
        enough.set()
        return "timeout"

    with s3_server.weather(weather), subprocess.Popen(code, env=environ) as process:
        assert enough.wait(60)
        process.kill()
    assert process.returncode == -9
    arrived = bucket.keys()
    # What was still being sent may or may not have come through.
    assert len(arrived) < len(before)
    out, _ = copy()
    assert f"{len(before) - len(arrived)} copied" in out
    assert {key: bucket.body(key) for key in sorted(bucket.keys())} == before


# --- rows that change meanwhile --------------------------------------------------------------


def while_copying(monkeypatch: Any, key: str, act: Any) -> None:
    """Have something happen when a file is written to the destination."""
    original = module.write_one

    def meanwhile(write: Any) -> Any:
        etag = original(write)
        if write.key == key:
            monkeypatch.setattr(module, "write_one", original)
            act()
        return etag

    monkeypatch.setattr(module, "write_one", meanwhile)


@pytest.mark.lifecycle
@pytest.mark.parametrize("switched", [False, True])
def test_an_avatar_that_is_replaced_meanwhile(monkeypatch, settings, storage, target, switched):
    row, other = teams(2)
    old = column(row)
    first, second, _ = name_of(row).files
    put(target, second, module.read(storage, second))
    if switched:
        switch(settings)

    def replace() -> None:
        again = fresh(row)
        again.avatar = upload("red")
        again.save()

    while_copying(monkeypatch, first, replace)
    out, err = copy(verbosity=2)
    assert lines(out)[0] == f"testapp.Team.avatar of pk {row.pk}, “{old}”: changed meanwhile"
    assert "2 avatars, 3 files: 3 copied" in out
    assert lines(out)[-1] == "1 avatar changed meanwhile."
    assert err == ""
    # What was there before the run is none of its own; and the site, once it has switched, has
    # deleted that as well.
    assert present(target, files_of(old)) == (set() if switched else {second})
    assert column(row) != old
    assert present(target, keys_of(row)) == (keys_of(row) if switched else set())
    copy()
    assert present(target, keys_of(row, other)) == keys_of(row, other)


@pytest.mark.lifecycle
def test_an_avatar_that_is_deleted_meanwhile(monkeypatch, storage, target, caplog):
    """Before its files could be read: no failure."""
    row = team()
    original = building.read

    def read(*args: Any) -> Any:
        for found in original(*args):
            fresh(row).delete()
            yield found

    monkeypatch.setattr(building, "read", read)
    out, err = copy()
    assert lines(out) == [
        "1 avatar, 0 files: 0 copied (0 bytes), 0 already there, 0 missing, 0 failed.",
        "1 avatar changed meanwhile.",
    ]
    assert (err, caplog.text) == ("", "")


@pytest.mark.lifecycle
def test_a_default_stays_when_its_last_row_goes(monkeypatch, storage, target):
    put(storage, "defaults/badge.png", make_image((9, 9), format="png"))
    row = Channel.objects.create()
    while_copying(monkeypatch, "defaults/badge.png", fresh(row).delete)
    out, _ = copy()
    assert "1 avatar changed meanwhile." in out
    assert target.exists("defaults/badge.png")


@pytest.mark.lifecycle
def test_a_file_that_another_field_holds_stays(monkeypatch, storage, target):
    """Which only files from before the kit may do."""
    row = old_team(storage)
    Bare.objects.create(photo=column(row))
    while_copying(monkeypatch, column(row), fresh(row).delete)
    copy()
    assert target.exists("avatars/old.jpg")


# --- deleting the source ---------------------------------------------------------------------


@pytest.mark.lifecycle
def test_the_source_goes_file_by_file(settings, storage, target):
    rows = [*teams(2), old_team(storage)]
    before = contents(storage, keys_of(*rows))
    switch(settings)
    out, _ = copy(delete_source=True)
    assert lines(out)[1:] == ["7 files deleted from “default”."]
    assert contents(storage, before) == {}
    assert contents(target, before) == before
    out, _ = copy(delete_source=True)
    assert lines(out)[1:] == []
    assert contents(target, before) == before


@pytest.mark.lifecycle
def test_the_source_is_in_use(settings, storage, target):
    """As long as any field reads anything from it, chosen or not."""
    row = team()
    portrait = "testapp.Pet.portrait"
    message = failing("testapp.Team", delete_source=True)
    assert message.startswith("The files in “default” are in use by testapp.Profile.avatar, ")
    assert portrait in message
    assert message.endswith("switch AVATAR_KIT['STORAGE'] (or STORAGES) to “target” first.")
    assert contents(target, keys_of(row)) == {}
    switch(settings, RENDITION_STORAGE="default")
    message = failing("testapp.Team", delete_source=True)
    assert "testapp.Team.avatar" in message
    # Its renditions are elsewhere.
    assert portrait not in message
    switch(settings, "default", RENDITION_STORAGE="target")
    assert portrait in failing("testapp.Team", delete_source=True)
    copy(delete_source=True, only="renditions")
    assert present(storage, keys_of(row)) == {column(row)}
    assert present(target, keys_of(row)) == set(name_of(row).renditions)


@pytest.mark.lifecycle
def test_a_site_that_deletes_no_files(settings, target):
    switch(settings, DELETE_FILES=False)
    assert failing(delete_source=True).startswith("AVATAR_KIT['DELETE_FILES'] is False")


@pytest.mark.lifecycle
def test_two_names_of_one_place(settings, places):
    """Nobody could tell, and everything would be gone."""
    target, _ = places(default="shared", target="shared")
    target.files.clear()
    row = team()
    switch(settings)
    assert failing(delete_source=True) == (
        "“default” and “target” are the same place: what is written to one of them is in the "
        "other as well."
    )
    assert target.files.keys() == keys_of(row)
    copy(delete_source=True, dry_run=True)
    assert target.files.keys() == keys_of(row)
    target.files.clear()


@pytest.mark.lifecycle
def test_two_addresses_of_one_bucket(settings, bucket):
    bucket.use(settings, attempts=5)
    address = bucket.server.url.replace("127.0.0.1", "localhost")
    bucket.use(settings, "target", attempts=5, endpoint_url=address)
    row = team()
    switch(settings)
    assert "are the same place" in failing(delete_source=True)
    assert bucket.keys() == keys_of(row)


@pytest.mark.lifecycle
def test_a_destination_that_cannot_be_tried_out(monkeypatch, settings, storage, target):
    row = team()
    switch(settings)

    def full(*args: Any) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(target, "save", full)
    message = failing(delete_source=True)
    assert message.startswith("The storages could not be tried out: “avatar-kit-")
    assert present(storage, keys_of(row)) == keys_of(row)


@pytest.mark.lifecycle
def test_a_default_is_never_deleted(settings, storage, target):
    put(storage, "defaults/badge.png", make_image((9, 9), format="png"))
    Channel.objects.create()
    switch(settings)
    copy(delete_source=True)
    assert storage.exists("defaults/badge.png")
    assert target.exists("defaults/badge.png")


@pytest.mark.lifecycle
def test_a_file_that_another_field_reads_is_not_deleted(settings, storage, target):
    """A stock field's storage is another matter than that of the avatars."""
    row, other = old_team(storage), old_team(storage, "avatars/other.jpg")
    Bare.objects.create(photo=column(row))
    switch(settings)
    copy(delete_source=True)
    assert present(storage, keys_of(row, other)) == {column(row)}
    assert present(target, keys_of(row, other)) == keys_of(row, other)


@pytest.mark.lifecycle
def test_nothing_of_an_avatar_goes_before_all_of_it_has_arrived(
    monkeypatch, settings, storage, target
):
    row, other = teams(2)
    switch(settings)
    original = module.write_one

    def fail(write: Any) -> str:
        if write.key == name_of(row).renditions[0]:
            raise OSError(28, "No space left on device")
        return original(write)

    monkeypatch.setattr(module, "write_one", fail)
    assert failing(delete_source=True) == "1 of 6 files could not be copied."
    assert present(storage, keys_of(row, other)) == keys_of(row)


@pytest.mark.lifecycle
def test_nothing_goes_of_an_avatar_that_was_replaced(monkeypatch, settings, storage, target):
    """Its row says nothing of where it might still be needed; the sweep will."""
    row = team()
    old = column(row)
    switch(settings)
    while_copying(monkeypatch, old, fresh(row).delete)
    copy(delete_source=True)
    assert present(storage, files_of(old)) == files_of(old)
    assert contents(target, files_of(old)) == {}


@pytest.mark.lifecycle
def test_a_source_that_cannot_be_deleted(monkeypatch, settings, storage, target, caplog):
    row = team()
    switch(settings)

    def refuse(self: Any, name: str) -> None:
        raise PermissionError("read-only")

    with monkeypatch.context() as patch:
        patch.setattr(type(storage), "delete", refuse)
        assert failing(delete_source=True) == "3 files could not be deleted."
    assert f"Could not delete “{column(row)}”" in caplog.text
    assert "3 files deleted" in copy(delete_source=True)[0]


# --- which files, and where they are -------------------------------------------------------


def test_before_and_after_the_switch(settings, storage, target):
    row = team()
    assert "3 copied" in copy()[0]
    switch(settings)
    late = team("navy")
    assert "2 avatars, 6 files: 0 copied (0 bytes), 6 already there" in copy()[0]
    assert present(target, keys_of(row, late)) == keys_of(row, late)


def test_what_lies_elsewhere_is_left_out(storage, target):
    """The renditions of Pet.portrait have a storage of their own."""
    pet = Pet.objects.create(avatar=upload(), portrait=upload("red"))
    out, _ = copy("testapp.Pet")
    assert out.startswith("2 avatars, 4 files: 4 copied")
    assert target.exists(column(pet, "portrait"))
    out, _ = copy("testapp.Pet.portrait", source="renditions")
    assert out.startswith("1 avatar, 2 files: 2 copied")
    assert present(target, files_of(column(pet, "portrait"))) == (
        files_of(column(pet, "portrait"))
    )


@pytest.mark.parametrize("kind", ["masters", "renditions"])
def test_only_one_of_the_two(storage, target, kind):
    row, _ = team(), old_team(storage)
    copy(only=kind)
    name = name_of(row)
    expected = set(name.renditions) if kind == "renditions" else {str(name)}
    assert present(target, name.files) == expected
    # A file from before the kit is a master.
    assert target.exists("avatars/old.jpg") is (kind == "masters")


@pytest.mark.parametrize("kind", ["masters", "renditions"])
def test_what_is_parted_stays_parted(settings, storage, target, kind):
    """A site that keeps its masters to itself does not find them in a bucket that is public."""
    row = team()
    name = name_of(row)
    if kind == "renditions":
        switch(settings, "default", RENDITION_STORAGE="target")
    else:
        switch(settings, "target", RENDITION_STORAGE="default")
    copy()
    expected = set(name.renditions) if kind == "renditions" else {str(name)}
    assert present(target, name.files) == expected


def test_a_file_from_before_the_kit_is_that_file_alone(storage, target):
    old_team(storage, "avatars/old.jpg")
    put(storage, "avatars/old.jpg.64x64_q85_crop.jpg", b"a thumbnail")
    assert copy()[0].startswith("1 avatar, 1 file: 1 copied")
    assert target.exists("avatars/old.jpg")
    assert not target.exists("avatars/old.jpg.64x64_q85_crop.jpg")


def test_no_avatars(target):
    Team.objects.create()
    out, err = copy()
    assert lines(out) == [
        "0 avatars, 0 files: 0 copied (0 bytes), 0 already there, 0 missing, 0 failed."
    ]
    assert err == ""


def test_labels(target):
    profile, row = make_profile(), team()
    copy("testapp.Profile")
    assert present(target, keys_of(profile, row)) == keys_of(profile)
    copy("testapp.Team.avatar", "testapp.Profile")
    assert present(target, keys_of(profile, row)) == keys_of(profile, row)
    assert failing("testapp.Bare").startswith("“testapp.Bare” has no AvatarField.")
    assert failing("testapp.Nobody") == "There is no model “testapp.Nobody”."


@pytest.mark.lifecycle
def test_another_database(target):
    here = team()
    other = Team(avatar=upload("red"))
    other.save(using="other")
    assert copy(using="other")[0].startswith("1 avatar, 3 files: 3 copied")
    assert contents(target, keys_of(here)) == {}
    assert present(target, keys_of(other)) == keys_of(other)


# --- what cannot be --------------------------------------------------------------------------


def test_an_unknown_alias(target):
    known = "“default”, “staticfiles”, “renditions”, “target”"
    for options in ({"source": "s3"}, {"target": "s3"}):
        message = failing(**options)
        assert message.startswith("STORAGES has no “s3”. It has ")
        assert all(name in message for name in known.split(", "))


def test_the_same_place(settings, media, tmp_path, bucket):
    link = tmp_path / "link"
    link.symlink_to(media)
    place = "django.core.files.storage.FileSystemStorage"
    settings.STORAGES = {
        **settings.STORAGES,
        "path": {"BACKEND": place, "OPTIONS": {"location": str(media)}},
        "link": {"BACKEND": place, "OPTIONS": {"location": str(link)}},
        "one": bucket.entry(location="a"),
        "two": bucket.entry(location="a/"),
        "three": bucket.entry(),
    }
    for source, target in [
        ("default", "default"),
        ("default", "path"),
        ("link", "path"),
        ("one", "two"),
    ]:
        assert failing(source=source, target=target) == (
            f"“{source}” and “{target}” are the same place."
        )
    switch(settings, "one")
    assert copy(source="three", target="one")[0].startswith("0 avatars")


def test_neither_storage_is_in_use(settings, target):
    assert failing(source="staticfiles").startswith(
        "No avatar has its files in “staticfiles” or in “target”: see AVATAR_KIT['STORAGE'], "
    )
    # Of what was asked for.
    portrait = {"source": "renditions", "only": "masters"}
    assert failing("testapp.Pet.portrait", **portrait).startswith("No avatar has its masters in")


# --- what is said ----------------------------------------------------------------------------


def test_a_dry_run(storage, target):
    row, other = teams(2)
    first, *rest = sorted(files_of(column(row)))
    put(target, first, module.read(storage, first))
    put(target, rest[0], b"")
    before = contents(target, keys_of(row, other))
    out, _ = copy(dry_run=True)
    listed = lines(out)
    assert len(listed) == 6
    assert f"{column(other)}: would be copied ({storage.size(column(other))} bytes)" in listed
    assert listed[-1].startswith("2 avatars, 6 files: 5 to be copied (")
    assert listed[-1].endswith("1 already there, 0 missing, 0 failed.")
    assert contents(target, keys_of(row, other)) == before


def test_a_dry_run_deletes_nothing(settings, storage, target):
    row = team()
    copy()
    switch(settings)
    copy(dry_run=True, delete_source=True)
    assert present(storage, keys_of(row)) == keys_of(row)


def test_verbosity(storage, target):
    row = team()
    assert copy(verbosity=0) == ("", "")
    out, _ = copy(verbosity=2)
    sizes = {key: storage.size(key) for key in name_of(row).files}
    assert lines(out)[:-1] == [f"{key}: already there ({sizes[key]} bytes)" for key in sizes]
    for key in sizes:
        target.delete(key)
    out, _ = copy(verbosity=2)
    assert lines(out)[:-1] == [f"{key}: copied ({sizes[key]} bytes)" for key in sizes]
    storage.delete(column(row))
    target.delete(column(row))
    out, err = io.StringIO(), io.StringIO()
    chosen: dict[str, Any] = {"source": "default", "target": "target", "verbosity": 0}
    with pytest.raises(CommandError):
        call_command("avatar_copy", stdout=out, stderr=err, **chosen)
    assert out.getvalue() == ""
    # What fails is told all the same.
    (told,) = lines(err.getvalue())
    assert told.endswith("could not be read: it is in neither storage.")


def test_the_traceback_of_what_failed(monkeypatch, storage, target):
    row = team()

    def fail(self: Any, name: str, mode: str = "rb") -> Any:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(type(storage), "_open", fail)
    for verbosity, count in [(0, 0), (1, 0), (2, len(keys_of(row)))]:
        err = io.StringIO()
        chosen: dict[str, Any] = {"source": "default", "target": "target", "verbosity": verbosity}
        with pytest.raises(CommandError):
            call_command("avatar_copy", stdout=io.StringIO(), stderr=err, **chosen)
        assert err.getvalue().count("Traceback") == count


def test_progress(monkeypatch, target):
    monkeypatch.setattr(progress, "PAUSE", 0.0)
    teams(2)
    _, err = copy("testapp.Team")
    assert lines(err) == ["testapp.Team.avatar: 1 of 2", "testapp.Team.avatar: 2 of 2"]


def test_two_storages_must_be_named():
    for arguments in ([], ["--from", "default"], ["--to", "target"]):
        with pytest.raises(CommandError, match="the following arguments are required"):
            call_command("avatar_copy", *arguments)


# --- what a review has found ------------------------------------------------------------------


@pytest.mark.lifecycle
def test_when_the_site_is_switched_what_the_pages_show_is_not_replaced(place, storage, settings):
    (team,) = teams(1)
    key = team.avatar.name
    copy()
    settings.AVATAR_KIT = {**settings.AVATAR_KIT, "STORAGE": "target"}
    good = module.read(place, key)
    storage.delete(key)
    put(storage, key, bytes(100) + good[100:])
    with pytest.raises(CommandError, match="1 of 3 files could not be copied"):
        copy(delete_source=True)
    assert module.read(place, key) == good
    assert storage.exists(key)


@pytest.mark.lifecycle
def test_two_rows_with_one_avatar_whose_source_goes_with_the_first(bucket, settings, monkeypatch):
    monkeypatch.setattr(copying, "BATCH", 5)
    bucket.use(settings)
    bucket.use(settings, "target", location="new")
    rows = teams(5)
    teams(3)
    twin = Team.objects.create(avatar=fresh(rows[-1]).avatar)
    assert column(twin) == column(rows[-1])
    teams(3)
    settings.AVATAR_KIT = {**settings.AVATAR_KIT, "STORAGE": "target"}
    out, _ = copy(delete_source=True)
    assert "0 missing, 0 failed" in out


def test_a_storage_that_cannot_be_made(settings):
    broken = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"no": 1}}
    settings.STORAGES = {**settings.STORAGES, "target": broken}
    with pytest.raises(CommandError, match="The storage “target” cannot be made"):
        copy()
