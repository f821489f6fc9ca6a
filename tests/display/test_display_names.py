from __future__ import annotations

from threading import Thread
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import FieldError, ImproperlyConfigured
from django.db import connection, connections, models
from django.test.utils import CaptureQueriesContext, isolate_apps
from django.utils.functional import SimpleLazyObject, lazystr

from django_avatar_kit.display.display_names import display_name
from django_avatar_kit.display.owners import locate
from django_avatar_kit.models import AvatarMixin
from tests.testapp.models import Bare, Profile, Team


def named(owner: object) -> str:
    return f"{type(owner).__name__} by hand"


@pytest.mark.parametrize(
    ("user", "name"),
    [
        (User(username="ada", first_name="Ada", last_name="Lovelace"), "Ada Lovelace"),
        (User(username="ada"), "ada"),
        (User(username="ada@example.org", first_name=" Ada "), "Ada"),
        (User(username="ada@example.org"), ""),
        (User(username="ada", first_name="ada@example.org"), "ada"),
        (User(username="ada", first_name="Ada", last_name="(ada@example.org)"), "ada"),
        (User(username="ada @ home"), "ada @ home"),
        (User(), ""),
        (Team(name="Rockets"), "Rockets"),
        (Team(name="rockets@example.org"), ""),
        (Bare(name="“Bare object (1)” is no name"), ""),
        (None, ""),
        (SimpleLazyObject(lambda: User(username="ada")), "ada"),
        (SimpleLazyObject(lambda: None), ""),
        (Profile(user=User(username="ada")), "ada"),
        (Profile(), ""),
    ],
    ids=repr,
)
def test_display_name(user, name) -> None:
    assert display_name(user) == name


def test_text_of_the_owner_is_the_last_resort(monkeypatch) -> None:
    monkeypatch.setattr(User, "__str__", lambda user: f"Number {user.pk}")

    assert display_name(User(pk=7, username="ada@example.org")) == "Number 7"


def test_name_of_a_profile_costs_no_query(ada, django_assert_num_queries) -> None:
    with django_assert_num_queries(0):
        assert display_name(Profile(user_id=ada.pk)) == ""
    with django_assert_num_queries(1):
        profile = Profile.objects.only("avatar").get()
        assert display_name(profile) == ""
    with django_assert_num_queries(1):
        assert display_name(Profile.objects.select_related("user").get()) == "Ada Lovelace"


def test_name_of_deferred_fields_costs_no_query(ada, django_assert_num_queries) -> None:
    user = User.objects.only("pk").get()

    with django_assert_num_queries(0):
        assert display_name(user) == ""
    # The connection is as it was.
    assert user.get_full_name() == "Ada Lovelace"


def test_name_that_asks_the_database(ada, monkeypatch, django_assert_num_queries) -> None:
    team = Team.objects.create(name="Rockets")
    monkeypatch.setattr(Team, "__str__", lambda team: f"{team.member_set.count()} members")

    with django_assert_num_queries(0):
        assert display_name(team) == ""
    assert str(team) == "0 members"


def test_other_threads_on_the_same_connection_go_on(ada, monkeypatch) -> None:
    answers = []

    def asked_meanwhile(team: Team) -> str:
        wrapper: Any = connection.execute_wrappers[-1]
        other = Thread(target=lambda: answers.append(wrapper(lambda *args: args, "SELECT 1")))
        other.start()
        other.join()
        return "Rockets"

    monkeypatch.setattr(Team, "__str__", asked_meanwhile)

    assert display_name(Team()) == "Rockets"
    assert answers == [("SELECT 1",)]
    assert connection.execute_wrappers == []


def read(team: Team) -> str:
    return team.name


def nested(team: Team) -> str:
    def name() -> str:
        return team.name

    return name()


def closed_over(word: str) -> Any:
    return lambda team: f"{word} {team.name}"


@pytest.mark.parametrize(
    ("text", "guarded"),
    [
        (read, False),
        (lambda team: f"{team.name} {team.pk!r}", True),
        (lambda team: f"{team.name} {team.id!r}", False),
        (lambda team: team.name.upper(), True),
        (lambda team: str(team.name), True),
        (nested, True),
        (lambda team: "".join(word for word in team.name), True),
        (closed_over("The"), True),
    ],
    ids=["read", "property", "columns", "method", "function", "nested", "generator", "closure"],
)
def test_only_what_does_more_than_read_loaded_columns_is_guarded(
    monkeypatch, text, guarded
) -> None:
    watched = []

    class Wrappers(list[Any]):
        def append(self, wrapper: Any) -> None:
            watched.append(wrapper)
            super().append(wrapper)

    # Not of the proxy, from which it would be deleted afterwards.
    monkeypatch.setattr(connections["default"], "execute_wrappers", Wrappers())
    monkeypatch.setattr(Team, "__str__", text)

    assert display_name(Team(name="Rockets")) == text(Team(name="Rockets"))
    assert bool(watched) is guarded
    assert connection.execute_wrappers == []


def test_reading_a_deferred_column_is_guarded(db, monkeypatch, django_assert_num_queries) -> None:
    Team.objects.create(name="Rockets")
    team = Team.objects.only("pk").get()
    monkeypatch.setattr(Team, "__str__", read)

    with django_assert_num_queries(0):
        assert display_name(team) == ""


def test_refused_query_is_not_logged_nor_missed(ada, monkeypatch) -> None:
    team = Team.objects.create(name="Rockets")
    monkeypatch.setattr(Team, "__str__", lambda team: f"{team.member_set.count()} members")

    # Without CaptureQueriesContext nothing is logged.
    assert display_name(team) == ""
    with CaptureQueriesContext(connection) as queries:
        Team.objects.get()
        assert display_name(team) == ""

    assert len(queries) == 1
    assert "testapp_team" in queries[0]["sql"]


def test_name_that_may_not_be_fetched(monkeypatch) -> None:
    def blocked(team: Team) -> str:
        raise FieldError("Fetching of Team.name blocked.")

    monkeypatch.setattr(Team, "__str__", blocked)

    assert display_name(Team()) == ""


def test_name_that_cannot_be_told(monkeypatch) -> None:
    def broken(team: Team) -> str:
        raise ZeroDivisionError

    monkeypatch.setattr(Team, "__str__", broken)

    with pytest.raises(ZeroDivisionError):
        display_name(Team())


@pytest.mark.parametrize("function", [named, f"{__name__}.named"])
def test_configured_name(settings, function) -> None:
    settings.AVATAR_KIT = {"DISPLAY_NAME": function}

    assert display_name(User(first_name="Ada")) == "User by hand"
    assert display_name(Team(name="Rockets")) == "Team by hand"
    assert display_name(Profile(user=User())) == "User by hand"
    # Whose it is would cost a query.
    assert display_name(Profile(user_id=1)) == ""
    assert display_name(None) == ""


@pytest.mark.parametrize(
    ("answer", "name"),
    [("Ada", "Ada"), (None, ""), ("ada@example.org", ""), (lazystr("Ada"), "Ada")],
)
def test_configured_answers(settings, answer, name) -> None:
    settings.AVATAR_KIT = {"DISPLAY_NAME": lambda owner: answer}

    assert display_name(User(username="ada")) == name


def test_configured_name_that_does_not_exist(settings) -> None:
    settings.AVATAR_KIT = {"DISPLAY_NAME": "tests.nowhere.named"}

    with pytest.raises(
        ImproperlyConfigured,
        match=r'^AVATAR_KIT\["DISPLAY_NAME"\] = "tests\.nowhere\.named" cannot ',
    ):
        display_name(User())


@isolate_apps("tests.testapp")
def test_whose_profile_it_is(settings) -> None:
    class Thing(models.Model):
        class Meta:
            app_label = "testapp"

    class Account(models.Model):
        class Meta:
            app_label = "testapp"

    class Named(AvatarMixin):
        thing = models.OneToOneField(Thing, models.CASCADE, related_name="+")

        class Meta:
            app_label = "testapp"

        def get_full_name(self) -> str:
            return "a name of its own"

    class Both(AvatarMixin):
        thing = models.OneToOneField(Thing, models.CASCADE, related_name="+")
        account = models.OneToOneField(Account, models.CASCADE, related_name="+")

        class Meta:
            app_label = "testapp"

    thing, account = Thing(pk=1), Account(pk=2)
    row = Named(thing=thing)
    assert locate(row)[0] is row
    assert display_name(row) == "a name of its own"
    row = Both(thing=thing, account=account)
    assert locate(row)[0] is thing
    settings.AUTH_USER_MODEL = "testapp.Account"
    assert locate(row)[0] is account
