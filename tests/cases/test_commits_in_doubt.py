"""Case L5: the connection breaks while a COMMIT or an INSERT is under way."""

from __future__ import annotations

import os
import socket
import threading
import time
from typing import Any

import pytest
from django.core.management import call_command
from django.db import (
    DatabaseError,
    OperationalError,
    close_old_connections,
    connection,
    transaction,
)

from tests.support.lifecycle import column, files_of, upload
from tests.support.time_limits import SoftTimeLimit
from tests.testapp.models import Bare, Profile, Team

pytestmark = [
    pytest.mark.lifecycle,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("small"),
]


@pytest.fixture
def slow_commit() -> Any:
    """Each COMMIT that has written a team takes PostgreSQL a second and a half."""
    if connection.vendor != "postgresql":
        pytest.skip("Only a database server can be cut off from its client.")
    table = Team._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN PERFORM pg_sleep(1.5); RETURN NULL; END $$"
        )
        cursor.execute(
            f"CREATE CONSTRAINT TRIGGER dawdle AFTER INSERT OR UPDATE ON {table} "
            "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION dawdle()"
        )
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP FUNCTION dawdle CASCADE")


def cut_off(after: float) -> threading.Thread:
    """Shut down this thread's connection after a while, as a broken network does."""
    descriptor = connection.connection.fileno()

    def cut() -> None:
        time.sleep(after)
        with socket.socket(fileno=os.dup(descriptor)) as wire:
            wire.shutdown(socket.SHUT_RDWR)

    thread = threading.Thread(target=cut)
    thread.start()
    return thread


@pytest.mark.django_db(transaction=True, databases=["default", "other"])
def test_l5_what_became_of_a_transaction_nobody_can_say_is_left_to_the_sweep(
    monkeypatch, files, settled, caplog
):
    def broken() -> None:
        with connection.wrap_database_errors:
            raise connection.Database.OperationalError("The connection is gone.")

    with pytest.raises(OperationalError), transaction.atomic():
        Team.objects.create(avatar=upload())
        monkeypatch.setattr(connection, "_commit", broken)
        monkeypatch.setattr(connection, "_rollback", broken)
    monkeypatch.undo()
    connection.close()
    settled()
    left = files()
    assert left
    assert any(name in caplog.text for name in left)
    assert "is left for avatar_sweep" in caplog.text
    call_command("avatar_sweep", delete=True, min_age="0", max_percent="100", verbosity=0)
    assert files() == set()


@pytest.mark.django_db(transaction=True, databases=["default", "other"])
@pytest.mark.parametrize("there", [True, False], ids=["replaced", "first"])
@pytest.mark.parametrize("how", ["autocommit", "atomic"])
def test_l5_a_commit_that_the_server_carries_out_later_has_its_files(
    slow_commit, there, how, files, settled, caplog
):
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        team = Team.objects.create(avatar=upload() if there else "")
        cursor.execute("SET session_replication_role = DEFAULT")
    thread = cut_off(after=0.5)
    with pytest.raises(OperationalError):
        if how == "atomic":
            with transaction.atomic():
                team.avatar = upload(color="red")
                team.save()
        else:
            team.avatar = upload(color="red")
            team.save()
    thread.join()
    settled()
    time.sleep(2)
    connection.close()
    settled()
    assert files_of(column(team)) <= files()
    assert column(team) in caplog.text
    call_command("avatar_sweep", delete=True, min_age="0", max_percent="100", verbosity=0)
    assert files() == files_of(column(team))


@pytest.mark.django_db(transaction=True, databases=["default", "other"])
def test_l5_a_bulk_creation_that_the_server_carries_out_later_has_its_files(
    slow_commit, files, settled, caplog
):
    thread = cut_off(after=0.5)
    with pytest.raises(OperationalError):
        Team.objects.bulk_create([Team(avatar=upload())])
    thread.join()
    # A worker does this after a failed job, before the kit has looked at the files.
    close_old_connections()
    assert not Profile.objects.exists()
    settled()
    time.sleep(2)
    connection.close()
    settled()
    team = Team.objects.get()
    assert files_of(column(team)) == files()
    assert column(team) in caplog.text


@pytest.mark.django_db(transaction=True, databases=["default", "other"])
@pytest.mark.parametrize("nested", [True, False])
def test_l5_a_bulk_creation_that_is_interrupted_leaves_its_files_to_the_sweep(
    files, settled, caplog, nested
):
    """A time limit ends the client's wait; the server may still carry out the INSERT."""
    undone = []

    def interrupted(execute: Any, sql: str, *args: Any) -> Any:
        if "INSERT INTO" in sql and Team._meta.db_table in sql:
            undone.append(connection.in_atomic_block)
            raise SoftTimeLimit
        return execute(sql, *args)

    with connection.execute_wrapper(interrupted), pytest.raises(SoftTimeLimit):
        Team.objects.bulk_create([Team(avatar=upload()), Team(avatar=upload())])
    assert connection.execute_wrappers == []
    if nested:
        Bare.objects.create()
        Team.objects.create()
    settled()
    # Django 5.2 opens a transaction here. Its rollback leaves no doubt.
    doubts = 0 if undone == [True] else 2
    assert len(files()) == 3 * doubts
    assert caplog.text.count("is left for avatar_sweep") == doubts
    call_command("avatar_sweep", delete=True, min_age="0", max_percent="100", verbosity=0)
    assert files() == set()


def test_l5_a_rollback_on_a_connection_that_works_still_removes_the_files(files, settled):
    with pytest.raises(DatabaseError), transaction.atomic():
        Team.objects.create(avatar=upload())
        with connection.cursor() as cursor:
            cursor.execute("SELECT nothing FROM nowhere")
    settled()
    assert files() == set()
