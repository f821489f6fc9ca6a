from __future__ import annotations

import pytest
from django.db import connection, models, transaction
from django.db.models.functions import Lower
from django.test.utils import CaptureQueriesContext

from django_avatar_kit import rows
from django_avatar_kit.fields import AvatarField
from django_avatar_kit.test import make_upload

from .lifecycle import fresh
from .testapp.models import Bare, Profile, Team

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
    (field,) = rows.avatar_fields(model)
    return field


def test_a_lock_tells_what_the_row_holds(team):
    with transaction.atomic():
        assert rows.lock_row(Team, team.pk, [avatar()], "default") == (team.avatar.name,)


def test_a_lock_tells_what_the_row_holds_where_rows_are_locked(team, row_locks):
    with transaction.atomic(), CaptureQueriesContext(connection) as queries:
        assert rows.lock_row(Team, team.pk, [avatar()], "default") == (team.avatar.name,)
    assert len(queries) == 1
    assert queries[0]["sql"].startswith("SELECT")


def test_a_row_that_is_not_there_is_asked_for_twice(team):
    with transaction.atomic(), CaptureQueriesContext(connection) as queries:
        assert rows.lock_row(Team, team.pk + 1, [avatar()], "default") is None
    assert len(queries) == 2


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
    places = rows.everywhere()
    assert ("other", avatar()) in places
    assert ("default", avatar()) in places
    assert ("default", avatar(Profile)) in places
    # Whatever they say, there is a table.
    assert ("other", avatar(Profile)) in places


def test_what_an_expression_of_the_database_may_have_picked_is_spared(team):
    field = AvatarField(db_default=Lower(models.Value("STOCK.PNG")))
    assert rows.default_of(field) == ""
    assert rows.is_spared("anything.png", field)
    assert not rows.is_spared(team.avatar.name, field)


def test_in_autocommit_nothing_is_locked_that_would_be_free_at_once(team, row_locks):
    with CaptureQueriesContext(connection) as queries:
        assert rows.lock_holder(team.avatar.name, avatar(), "default")
    assert "UPDATE" not in queries[0]["sql"]


def test_a_name_that_nobody_holds(team):
    assert not rows.lock_holder(team.avatar.name.replace("k1", "k2"), avatar(), "default")
