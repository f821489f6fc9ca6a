"""Case E10: columns from before the kit, with NULL or with names that lead out of the storage."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import FileSystemStorage, storages
from django.core.management import CommandError, call_command
from django.db import models

from django_avatar_kit import rendering
from django_avatar_kit.test import settle
from tests.support.lifecycle import column, files_of, fresh, upload
from tests.support.sweep import ALL, keys, lose, sweep, team
from tests.testapp.models import Team, Ticket

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "other"]),
    pytest.mark.usefixtures("small"),
]

# --- E10: a column that may be NULL -------------------------------------------------------------


@pytest.mark.lifecycle
def test_e10_an_avatar_that_may_be_null(files):
    row = Ticket.objects.create()
    plain = models.Value(None, output_field=models.CharField())
    models.QuerySet(Ticket).filter(pk=row.pk).update(avatar=plain)
    row = fresh(row)
    assert not row.avatar
    row.public = True
    row.save()
    assert column(row) is None
    out, _ = sweep(delete=True, **ALL)
    call_command("avatar_build", "testapp.Ticket", verbosity=0)
    assert column(row) is None
    row = fresh(row)
    row.avatar = upload()
    row.save()
    assert files() == files_of(column(row))
    out, _ = sweep(delete=True, **ALL)
    assert "3 avatar files, 0 of them" in out
    row = fresh(row)
    row.public = False
    row.avatar = None
    row.save()
    settle()
    # As a stock ImageField does.
    assert column(row) == ""
    assert files() == set()
    row.delete()


@pytest.mark.parametrize("command", ["avatar_build", "avatar_copy"])
@pytest.mark.lifecycle
def test_e10_a_full_disk_is_told_once(
    command, media, tmp_path, monkeypatch, settings, caplog, capsys
):
    """The disk is full when a command writes: a build, or a copy."""
    target = {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": tmp_path / "other"},
    }
    settings.STORAGES = {**settings.STORAGES, "target": target}
    row = Team.objects.create(avatar=upload())
    if command == "avatar_build":
        # A file that the command has to make again.
        storages["default"].delete(next(iter(files_of(column(row)) - {column(row)})))
    original = FileSystemStorage._save
    attempts = iter([OSError(28, "No space left on device")])

    def full(self, name, content):
        if error := next(attempts, None):
            raise error
        return original(self, name, content)

    monkeypatch.setattr(FileSystemStorage, "_save", full)
    options = {"source": "default", "target": "target"} if command == "avatar_copy" else {}
    with pytest.raises(CommandError):
        call_command(command, verbosity=0, **options)
    told = capsys.readouterr()
    assert (told.out + told.err + caplog.text).count("No space left on device") == 1


@pytest.mark.lifecycle
def test_e10_a_build_tells_a_failure_once_and_a_dry_run_the_same(media, caplog, capsys):
    row = Team.objects.create()
    plain = models.Value("avatars/old.jpg", output_field=models.CharField())
    models.QuerySet(Team).filter(pk=row.pk).update(avatar=plain)
    (media / "avatars").mkdir()
    (media / "avatars/old.jpg").write_bytes(upload(size=(300, 300)).read()[:200])
    for options in ({"dry_run": True}, {}):
        with pytest.raises(CommandError, match="1 of 1 avatar could not be built"):
            call_command("avatar_build", **options)
        told = capsys.readouterr()
        assert (told.out + told.err + caplog.text).count("“avatars/old.jpg”: ") == 1
        assert "would adopt" not in told.out


# --- E10: a column with a name that leads out of the storage -----------------------------------

OUTSIDE = ["/etc/hostname", "..", "../secret.txt", "avatars/../../secret.txt"]


@pytest.fixture(params=OUTSIDE)
def stray(request: Any, tmp_path: Path) -> Any:
    """A row from before the kit whose column names a file outside the storage."""
    (tmp_path / "secret.txt").write_bytes(b"secret")
    row = Team.objects.create()
    plain = models.Value(request.param, output_field=models.CharField())
    models.QuerySet(Team).filter(pk=row.pk).update(avatar=plain)
    yield fresh(row)
    assert (tmp_path / "secret.txt").read_bytes() == b"secret"


@pytest.mark.parametrize("options", [{}, {"dry_run": True}, {"check_files": False}])
@pytest.mark.lifecycle
def test_e10_a_build_lists_a_name_that_leads_out_as_a_failure(stray, options, capsys, media):
    (media / "old.jpg").write_bytes(upload().read())
    other = Team.objects.create()
    plain = models.Value("old.jpg", output_field=models.CharField())
    models.QuerySet(Team).filter(pk=other.pk).update(avatar=plain)
    with pytest.raises(CommandError, match="1 of 2 avatars could not be built"):
        call_command("avatar_build", **options)
    told = capsys.readouterr()
    assert "Traceback" not in told.err
    assert told.err.count(f"“{stray.avatar.name}”") == 1
    assert column(stray) == stray.avatar.name
    assert (column(other) == "old.jpg") is bool(options.get("dry_run"))


@pytest.mark.lifecycle
def test_e10_a_copy_lists_it_as_missing(stray, capsys):
    row = team()
    with pytest.raises(CommandError, match="1 of 4 files could not be copied"):
        call_command("avatar_copy", "--from", "default", "--to", "renditions")
    told = capsys.readouterr()
    assert "Traceback" not in told.err
    assert f"“{stray.avatar.name}”" in told.err
    assert keys(storages["renditions"]) == files_of(column(row))


@pytest.mark.lifecycle
def test_e10_a_sweep_and_the_doctor_do_without_it(stray, files):
    lose(team())
    sweep(delete=True, **ALL)
    assert files() == set()
    out = io.StringIO()
    call_command("avatar_doctor", stdout=out, stderr=io.StringIO())
    assert "0 failures" in out.getvalue()


@pytest.mark.lifecycle
def test_e10_pages_show_it_as_ever(stray):
    assert rendering.avatar_url(stray, 16).startswith("/")
    assert "<img" in rendering.avatar_html(stray, 16)
    assert rendering.has_avatar(stray)


@pytest.mark.parametrize("how", ["replaced", "cleared", "deleted", "saved", "bulk_update"])
@pytest.mark.lifecycle
def test_e10_such_a_row_is_replaced_and_deleted(stray, how, files, caplog):
    before = column(stray)
    if how == "deleted":
        stray.delete()
    elif how == "bulk_update":
        Team.objects.bulk_update([stray], ["avatar"])
    else:
        if how != "saved":
            stray.avatar = upload() if how == "replaced" else None
        stray.save()
    settle()
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
    if how in {"saved", "bulk_update"}:
        assert column(stray) == before
    else:
        assert files() == (files_of(column(stray)) if how == "replaced" else set())
