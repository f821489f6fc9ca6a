"""``avatar_copy``: runs that are stopped, and rows that change meanwhile."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import threading
import time
from contextlib import closing
from typing import Any

import pytest
from django.core.files.storage import storages
from django.db import connections

from django_avatar_kit.maintenance import copy as copying
from django_avatar_kit.maintenance import transfer
from django_avatar_kit.maintenance.avatars import fields_of
from django_avatar_kit.storage import base as module
from django_avatar_kit.test import make_image
from tests.support.copying import (
    FILES,
    contents,
    copy,
    keys_of,
    lines,
    old_team,
    present,
    put,
    switch,
    team,
    teams,
    while_copying,
)
from tests.support.lifecycle import column, files_of, fresh, name_of, upload
from tests.testapp.models import Bare, Channel

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "other"]),
    pytest.mark.usefixtures("small"),
]

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
    columns = fields_of(["testapp.Team"])
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
    original = copying.read

    def read(*args: Any) -> Any:
        for found in original(*args):
            fresh(row).delete()
            yield found

    monkeypatch.setattr(copying, "read", read)
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
