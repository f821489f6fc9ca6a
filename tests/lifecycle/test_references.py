from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import pytest
from django.db import OperationalError, connection, connections, models, transaction
from django.db.models.functions import Lower
from django.test.utils import CaptureQueriesContext

from django_avatar_kit.columns import avatar_fields, default_of, file_columns, may_be_default
from django_avatar_kit.fields import AvatarField
from django_avatar_kit.lifecycle import locking, references, tables
from django_avatar_kit.test import make_upload
from tests.support.lifecycle import fresh
from tests.testapp.models import Bare, Guest, Profile, Team

pytestmark = [pytest.mark.lifecycle, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def team():
    return Team.objects.create(avatar=make_upload())


@pytest.fixture
def row_locks(monkeypatch):
    """A database that locks rows; on SQLite, one that says so and asks for it in vain."""
    if not connection.features.has_select_for_update:
        monkeypatch.setattr(connection.features, "has_select_for_update", True)
        monkeypatch.setattr(connection.ops, "for_update_sql", lambda *args, **kwargs: "")


def avatar(model=Team):
    (field,) = avatar_fields(model)
    return field


def test_a_lock_tells_what_the_row_holds(team):
    with transaction.atomic():
        assert locking.lock_row(Team, team.pk, [avatar()], "default") == (team.avatar.name,)


def test_a_lock_tells_what_the_row_holds_where_rows_are_locked(team, row_locks):
    with transaction.atomic(), CaptureQueriesContext(connection) as queries:
        assert locking.lock_row(Team, team.pk, [avatar()], "default") == (team.avatar.name,)
    assert len(queries) == 1
    assert queries[0]["sql"].startswith("SELECT")


def test_a_row_that_is_not_there_is_asked_for_twice(team):
    with transaction.atomic(), CaptureQueriesContext(connection) as queries:
        assert locking.lock_row(Team, team.pk + 1, [avatar()], "default") is None
    assert len(queries) == 2


def test_the_ordering_of_a_model_is_no_matter(team, monkeypatch):
    """A union of several tables cannot be ordered by a column of one of them."""
    monkeypatch.setattr(Team._meta, "ordering", ["name"])
    name = team.avatar.name
    assert references.held({name, name.replace("-k1-", "-k2-")}, [avatar()], "default") == {name}


class Legacy:
    """Tables that somebody else makes: read and written, and none to migrate."""

    def __init__(self, *models, write=True):
        self.models = models
        self.write = write

    def db_for_read(self, model, **hints):
        return "other" if model in self.models else None

    def db_for_write(self, model, **hints):
        return self.db_for_read(model) if self.write else None

    def allow_migrate(self, db, app_label, **hints):
        return db != "other"


@pytest.mark.django_db(transaction=True, databases=["default", "other"])
def test_the_guard_asks_a_database_that_the_kit_may_not_migrate(settings, media, files):
    (media / "old.jpg").write_bytes(b"old")
    settings.DATABASE_ROUTERS = [Legacy(Team, Bare)]
    team = Team.objects.create(avatar="old.jpg")
    bare = Bare.objects.create(photo="old.jpg")
    assert (team._state.db, bare._state.db) == ("other", "other")
    team.avatar.save("new.jpg", make_upload())
    assert "old.jpg" in files()
    assert fresh(team).avatar.name in files()
    assert fresh(bare).photo.name in files()


@pytest.mark.django_db(transaction=True, databases=["default", "other"])
@pytest.mark.parametrize("write", [True, False])
def test_everywhere_is_where_the_routers_read_and_write(settings, write):
    settings.DATABASE_ROUTERS = [Legacy(Team, write=write)]
    places = tables.find(file_columns())[0]
    assert ("other", avatar()) in places
    assert ("default", avatar()) in places
    assert ("default", avatar(Profile)) in places
    # Whatever they say, there is a table.
    assert ("other", avatar(Profile)) in places


def test_what_an_expression_of_the_database_may_have_picked_is_spared(team):
    field = AvatarField(db_default=Lower(models.Value("STOCK.PNG")))
    assert default_of(field) == ""
    assert may_be_default("anything.png", field)
    assert not may_be_default(team.avatar.name, field)


def test_in_autocommit_nothing_is_locked_that_would_be_free_at_once(team, row_locks):
    with CaptureQueriesContext(connection) as queries:
        assert locking.lock_holder(team.avatar.name, avatar(), "default")
    assert "UPDATE" not in queries[0]["sql"]


def test_a_name_that_nobody_holds(team):
    assert not locking.lock_holder(team.avatar.name.replace("k1", "k2"), avatar(), "default")


# --- other schemas ------------------------------------------------------------------------------


class Catalogue:
    """A cursor that answers as PostgreSQL's catalogue would."""

    def __init__(self, *found: Any) -> None:
        self.found = found
        self.asked: list[Any] = []

    def __call__(self) -> Any:
        return nullcontext(self)

    def execute(self, sql: str, parameters: Any) -> None:
        self.asked.append(parameters)

    def fetchall(self) -> Any:
        return self.found


@pytest.mark.django_db(transaction=True, databases=["default", "other"])
def test_tables_of_other_schemas_are_asked_where_they_can_be_read(monkeypatch, team):
    # On SQLite, “main” is a schema as well, and the only one that is always there.
    schema = "public" if connection.vendor == "postgresql" else "main"
    catalogue = Catalogue(
        ("testapp_team", "avatar", "mine", True, True),
        ("testapp_team", "avatar", schema, False, True),
        ("testapp_profile", "avatar", schema, False, True),
        ("testapp_pet", "avatar", "secret", False, False),
        ("testapp_pet", "unknown", "secret", False, False),
        ("testapp_bare", "photo", "mine", True, False),
    )
    with monkeypatch.context() as patch:
        patch.setattr(connection, "vendor", "postgresql")
        patch.setattr(connections["other"], "vendor", "sqlite")
        patch.setattr(connection, "cursor", catalogue)
        patch.setattr(
            connection.introspection,
            "table_names",
            lambda **kwargs: ["testapp_team", "testapp_bare", "testapp_pet"],
        )
        places, hidden = tables.find(file_columns())
    assert "testapp_team" in catalogue.asked[0][0]
    assert hidden == ["“secret.testapp_pet” in “default”", "“mine.testapp_bare” in “default”"]
    ours = [field for using, field in places if using == "default"]
    stand_ins = [field for field in ours if hasattr(field, "stands_for")]
    assert [field.stands_for for field in stand_ins] == [avatar(), avatar(Profile)]
    assert all(tables.holds_avatars(field) for field in stand_ins)
    assert avatar() in ours
    # Of tenants, this schema need have none.
    assert avatar(Profile) not in ours
    # A table that is missing everywhere is an error, which whoever asks it will see.
    assert Guest in {field.model for field in ours}
    name = team.avatar.name
    standing = [("default", field) for field in stand_ins]
    assert references.held_in(standing, {name, "another"}) == {name}
    assert references.beginning_in(standing, {name[:20]}) == {name}


@pytest.mark.django_db(transaction=True, databases=["default", "other"])
def test_an_alias_that_is_no_database(monkeypatch):
    monkeypatch.setitem(connections["other"].settings_dict, "ENGINE", "django.db.backends.dummy")
    assert {using for using, _ in tables.find(file_columns())[0]} == {"default"}


@pytest.mark.django_db(transaction=True, databases=["default", "other"])
def test_a_database_of_ours_that_does_not_answer(monkeypatch):
    def table_names(**kwargs: Any) -> Any:
        raise OperationalError("nobody answers")

    monkeypatch.setattr(connections["other"].introspection, "table_names", table_names)
    with pytest.raises(OperationalError):
        tables.find(file_columns())[0]


def test_what_holds_avatars():
    assert tables.holds_avatars(avatar())
    (photo,) = (field for field in file_columns() if field.model is Bare)
    assert not tables.holds_avatars(photo)
