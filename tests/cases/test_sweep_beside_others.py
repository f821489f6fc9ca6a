"""Case L3: a sweep beside other sites, tenants and databases that use the same storage."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection, connections, models
from django.test import override_settings

from django_avatar_kit import tokens as seals
from django_avatar_kit.maintenance import orphans
from django_avatar_kit.maintenance import sweep as sweeping
from tests.support.lifecycle import column, files_of, upload
from tests.support.sweep import ALL, lose, sweep, team
from tests.testapp.models import Bare, Team

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "other"]),
    pytest.mark.usefixtures("small"),
]

# --- L3: other sites --------------------------------------------------------------------------


@contextmanager
def another_site(what: str) -> Iterator[None]:
    """As another site: with its own SECRET_KEY, or with a database of another name."""
    if what == "key":
        with override_settings(SECRET_KEY="theirs"):
            yield
        return
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(seals, "database", lambda using: "theirs")
        yield


@pytest.mark.parametrize("what", ["key", "database"])
@pytest.mark.lifecycle
def test_l3_avatars_of_a_site_that_cannot_be_asked_stay(what, files):
    with another_site(what):
        theirs = lose(team())
    ours, lost = team(), lose(team())
    out, err = sweep(min_age=0)
    assert "6 of them not needed" in out
    assert "not made by this site for one of its databases" in err
    with pytest.raises(CommandError, match=r"another site may use the storage.*--prefix"):
        sweep(delete=True, **ALL)
    expected = files_of(theirs) | files_of(column(ours)) | files_of(lost)
    assert files() == expected


@pytest.mark.lifecycle
def test_l3_the_renditions_alone_tell_whose_they_are(files, media):
    with another_site("key"):
        theirs = lose(team())
    (media / theirs).unlink()
    with pytest.raises(CommandError, match="2 of the files"):
        sweep(delete=True, **ALL)


@pytest.mark.lifecycle
def test_l3_who_knows_that_nobody_else_is_there_names_the_folder(files):
    with another_site("key"):
        lose(team())
    sweep(delete=True, prefix="avatars", **ALL)
    assert files() == set()


@pytest.mark.lifecycle
def test_l3_an_old_key_of_this_site_still_counts(files, settings):
    with another_site("key"):
        lose(team())
    settings.SECRET_KEY_FALLBACKS = ["theirs"]
    sweep(delete=True, **ALL)
    assert files() == set()


@pytest.mark.lifecycle
def test_l3_a_site_that_has_lost_nothing_sweeps_beside_another(files):
    with another_site("key"):
        team()
    lost = lose(team())
    _out, err = sweep(delete=True, **ALL)
    assert err == ""
    assert files_of(lost).isdisjoint(files())


# --- L3: other tenants ------------------------------------------------------------------------


class OtherTenant:
    """A PostgreSQL schema with a table of teams, as django-tenants makes it for each tenant."""

    def __init__(self, name: str = "tenant_b") -> None:
        self.name = name
        self.run("CREATE SCHEMA %s")
        self.take("testapp_team")

    def run(self, sql: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(sql.replace("%s", f'"{self.name}"'))

    def take(self, table: str) -> None:
        """Make a table of the same name there, and move the rows of this schema into it."""
        self.run(f"CREATE TABLE %s.{table} AS SELECT * FROM {table}")  # noqa: S608
        self.run(f"DELETE FROM {table}")  # noqa: S608


@pytest.fixture
def other_tenant() -> Iterator[Callable[[], OtherTenant]]:
    if connection.vendor != "postgresql":
        pytest.skip("Only PostgreSQL has schemas.")
    yield OtherTenant
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")
        cursor.execute('DROP SCHEMA IF EXISTS "tenant_b" CASCADE')
        cursor.execute("DROP ROLE IF EXISTS sweeper")


@pytest.mark.lifecycle
def test_l3_avatars_of_another_tenant_stay(other_tenant, files):
    theirs = files_of(column(team()))
    other_tenant()
    ours, lost = team(), lose(team())
    out, err = sweep(delete=True, **ALL)
    assert err == ""
    assert out.count("Deleted ") == 3
    assert files() == theirs | files_of(column(ours))
    assert files_of(lost).isdisjoint(files())


@pytest.mark.lifecycle
def test_l3_a_renditon_whose_master_is_gone_is_looked_for_in_every_schema(
    other_tenant, media, files
):
    key = column(team())
    (media / key).unlink()
    other_tenant()
    sweep(delete=True, **ALL)
    assert files() == files_of(key) - {key}


@pytest.mark.lifecycle
def test_l3_the_schema_that_has_no_tables_of_tenants(other_tenant, files):
    theirs = files_of(column(team()))
    lost = lose(team())
    tenant = other_tenant()
    tenant.run("ALTER TABLE testapp_team RENAME TO hidden_away")
    try:
        sweep(delete=True, **ALL)
    finally:
        tenant.run("ALTER TABLE hidden_away RENAME TO testapp_team")
    assert files() == theirs
    assert files_of(lost).isdisjoint(files())


def sweeper() -> None:
    """Become a database user who may use this schema and no other."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE sweeper")
        cursor.execute("GRANT USAGE ON SCHEMA public TO sweeper")
        cursor.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO sweeper")
        cursor.execute("SET ROLE sweeper")


def reset() -> None:
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")
        cursor.execute("DROP OWNED BY sweeper")


@pytest.mark.lifecycle
def test_l3_what_cannot_be_read_is_refused_with_the_way_out(other_tenant, files):
    theirs = files_of(column(team()))
    other_tenant()
    team()
    before = files()
    sweeper()
    try:
        with pytest.raises(CommandError) as caught:
            sweep(delete=True, **ALL)
        _, err = sweep(**ALL)
        assert files() == before
        # ``--prefix`` is the way out.
        sweep(delete=True, prefix="nowhere", **ALL)
        assert files() == before
        sweep(delete=True, prefix="avatars", **ALL)
    finally:
        reset()
    refusal = (
        "The rows of “tenant_b.testapp_team” in “default” cannot all be read, and may hold what "
        "lies in “default”. Use a database user that may read them; or, if they have no avatars "
        "there, name the folder to look into: --prefix."
    )
    assert str(caught.value) == f"{refusal} Nothing was deleted."
    assert err == f"{refusal} --delete would refuse.\n"
    assert files() == before - theirs


@pytest.mark.lifecycle
def test_l3_rows_that_a_policy_hides(other_tenant, files):
    tenant = other_tenant()
    row = team()
    tenant.run("ALTER TABLE testapp_team ENABLE ROW LEVEL SECURITY")
    sweeper()
    try:
        with pytest.raises(
            CommandError, match=r"The rows of .*public\.testapp_team” in “default”"
        ):
            sweep(delete=True, **ALL)
    finally:
        reset()
        tenant.run("ALTER TABLE testapp_team DISABLE ROW LEVEL SECURITY")
    assert files() == files_of(column(row))


@pytest.mark.lifecycle
def test_l3_foreign_files_and_thumbnails_of_another_tenant_stay(
    other_tenant, monkeypatch, media, files
):
    monkeypatch.setattr(orphans, "default_varies", lambda field: False)
    photo = Bare.objects.create(photo=upload())
    tenant = other_tenant()
    tenant.take("testapp_bare")
    tenant.run(
        "CREATE TABLE %s.easy_thumbnails_thumbnail AS SELECT 1 AS id, 'photos/thumb.png' AS name"
    )
    for name in ("thumb.png", "nobodys.png"):
        (media / "photos" / name).write_bytes(b"x")
    sweep(delete=True, foreign=True, prefix="photos", **ALL)
    assert files() == {photo.photo.name, "photos/thumb.png"}


class Hiding:
    """A router that keeps this project's models off a database."""

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        return db != "other"


@pytest.mark.lifecycle
def test_l3_a_database_that_routers_leave_alone_is_asked(settings, files):
    row = Team(avatar=upload())
    row.save(using="other")
    settings.DATABASE_ROUTERS = [Hiding()]
    lost = lose(team())
    sweep(delete=True, **ALL)
    assert files() == files_of(column(row))
    assert files_of(lost).isdisjoint(files())


@pytest.mark.lifecycle
def test_l3_a_database_that_does_not_answer(settings, monkeypatch, files):
    settings.DATABASE_ROUTERS = [Hiding()]
    lost = lose(team())
    original = connections["other"].introspection

    def table_names(*args: Any, **kwargs: Any) -> Any:
        raise ConnectionError("nobody answers")

    monkeypatch.setattr(original, "table_names", table_names)
    with pytest.raises(CommandError, match="The rows of the database “other” cannot all be read"):
        sweep(delete=True, **ALL)
    assert files() == files_of(lost)
    _, err = sweep(**ALL)
    assert err.endswith("name the folder to look into: --prefix. --delete would refuse.\n")
    place = sweeping.locations_to_sweep()[0]
    found = sweeping.Sweep(place, min_age=sweeping.timedelta(0))
    assert len(list(found.find())) == 3
    with pytest.raises(CommandError, match="--prefix"):
        next(found.delete())
    found.close()
    sweep(delete=True, prefix="avatars", **ALL)
    assert files() == set()


# --- L3: the database of a file -----------------------------------------------------------------


def sealed_for(key: str) -> list[str]:
    """The databases whose seal the token ends in."""
    token = key.rpartition("/")[2][:32]
    start, seal = token[: -seals.SEAL], token[-seals.SEAL :]
    return [
        using
        for using in ("default", "other")
        if seal == seals._seal(start, settings.SECRET_KEY, seals.database(using))
    ]


@pytest.mark.parametrize(
    "how", ["create", "save", "bulk_create", "update_or_create", "replaced", "built", "receiver"]
)
@pytest.mark.lifecycle
def test_l3_a_file_is_sealed_for_the_database_that_its_row_is_in(how, media):
    rows = Team.objects.using("other")
    if how == "create":
        row = rows.create(avatar=upload())
    elif how == "save":
        row = Team(avatar=upload())
        row.save(using="other")
    elif how == "bulk_create":
        (row,) = rows.bulk_create([Team(avatar=upload())])
    elif how == "update_or_create":
        row, _ = rows.update_or_create(name="x", defaults={"avatar": upload()})
    elif how == "receiver":

        def assign(sender: Any, instance: Any, **kwargs: Any) -> None:
            instance.avatar = upload()

        row = Team()
        models.signals.pre_save.connect(assign, sender=Team)
        try:
            row.save(using="other")
        finally:
            models.signals.pre_save.disconnect(assign, sender=Team)
    else:
        row = rows.create(avatar=upload())
        if how == "replaced":
            row.avatar = upload("red")
            row.save()
        else:
            before = row.avatar.name
            call_command("avatar_build", "testapp.Team", force=True, using="other", verbosity=0)
            row.refresh_from_db()
            assert row.avatar.name != before
    assert sealed_for(row.avatar.name) == ["other"]
    assert row._state.db == "other"
    row = team()
    assert sealed_for(column(row)) == ["default"]
