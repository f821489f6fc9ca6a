from __future__ import annotations

from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, Group, User
from django.core.exceptions import FieldError, ImproperlyConfigured
from django.core.files.base import ContentFile
from django.core.paginator import Paginator
from django.db import connection, connections, models
from django.test.utils import CaptureQueriesContext, isolate_apps
from django.utils.functional import SimpleLazyObject, lazystr

from django_avatar_kit.display.display_names import display_name
from django_avatar_kit.display.initials import hue
from django_avatar_kit.display.owners import locate
from django_avatar_kit.fields import AvatarField
from django_avatar_kit.models import AvatarMixin, prefetch_avatars
from tests.testapp.models import Bare, Channel, League, Member, Profile, Team

TOKEN = "3f9c0123456789abcdef0123456789e1"
KEY = f"avatars/3f/{TOKEN}-5be1012345670707-k1-1000x750-32_64_128_256_512-webp-full-7a6a5c.jpg"


def put(instance: models.Model, key: str = KEY) -> None:
    """Into the row, as an earlier upload left it."""
    table = instance._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET avatar = %s WHERE id = %s", [key, instance.pk])  # noqa: S608


@pytest.fixture
def ada(db: None) -> User:
    ada = User.objects.create(username="ada", first_name="Ada", last_name="Lovelace")
    put(Profile.objects.create(user=ada))
    return User.objects.get()


def named(owner: object) -> str:
    return f"{type(owner).__name__} by hand"


# --- what has an avatar ---


def test_row_with_a_field() -> None:
    team = Team(name="Rockets", avatar=KEY)

    assert locate(team)[0] is team
    assert locate(team) == (team, Team._meta.get_field("avatar"), KEY)


def test_locating_builds_no_field_file() -> None:
    team = Team()
    # As it is loaded where django-cleanup does not look at each row.
    team.__dict__["avatar"] = KEY

    assert locate(team)[2] == KEY
    assert type(team.__dict__["avatar"]) is str


def test_field_file_itself() -> None:
    channel = Channel(avatar="", banner=KEY)

    assert locate(channel.banner) == (channel, Channel._meta.get_field("banner"), KEY)


def test_field_file_with_a_stand_in_for_its_row() -> None:
    file = Team._meta.get_field("avatar").attr_class(
        SimpleNamespace(), Team._meta.get_field("avatar"), KEY
    )

    assert locate(file) == (None, Team._meta.get_field("avatar"), KEY)


def test_empty_column() -> None:
    team = Team()

    assert locate(team) == (team, Team._meta.get_field("avatar"), None)


def test_file_that_is_not_stored_yet() -> None:
    team = Team(avatar=ContentFile(b"bytes", name="holiday.jpg"))

    assert locate(team)[2] is None


@pytest.mark.django_db
def test_deferred_column_is_loaded(django_assert_num_queries) -> None:
    put(Team.objects.create())
    team = Team.objects.defer("avatar").get()

    with django_assert_num_queries(1):
        assert locate(team)[2] == KEY
        assert locate(team)[2] == KEY


def test_field_called_avatar_wins() -> None:
    channel = Channel(avatar=KEY, banner="banners/old.png")

    assert locate(channel)[1:] == (Channel._meta.get_field("avatar"), KEY)


@isolate_apps("tests.testapp")
def test_first_declared_field_wins_without_one_called_avatar() -> None:
    class Page(models.Model):
        photo = AvatarField()
        cover = AvatarField()

        class Meta:
            app_label = "testapp"

    assert locate(Page(photo=KEY, cover="covers/old.png"))[1:] == (
        Page._meta.get_field("photo"),
        KEY,
    )


def test_child_of_a_row_with_a_field() -> None:
    league = League(avatar=KEY)

    assert locate(league) == (league, Team._meta.get_field("avatar"), KEY)


# --- owners ---


def test_owner_with_a_profile_not_loaded(ada, django_assert_num_queries) -> None:
    with django_assert_num_queries(1):
        assert locate(ada) == (ada, Profile._meta.get_field("avatar"), KEY)
        assert locate(ada)[0] is ada


def test_owner_with_a_loaded_profile(ada, django_assert_num_queries) -> None:
    ada = User.objects.select_related("profile").get()

    with django_assert_num_queries(0):
        assert locate(ada)[2] == KEY


@pytest.mark.django_db
def test_owner_without_a_profile(django_assert_num_queries) -> None:
    user = User.objects.create(username="ada")
    user = User.objects.get()

    with django_assert_num_queries(1):
        assert locate(user) == (user, None, None)
        assert locate(user) == (user, None, None)


def test_owner_that_is_not_saved() -> None:
    user = User(username="ada")

    assert locate(user) == (user, None, None)


def test_profile_of_a_loaded_user(ada, django_assert_num_queries) -> None:
    profile = Profile.objects.select_related("user").get()

    with django_assert_num_queries(0):
        assert locate(profile) == (ada, Profile._meta.get_field("avatar"), KEY)
        assert locate(profile.avatar) == (ada, Profile._meta.get_field("avatar"), KEY)


def test_profile_of_a_user_who_is_not_loaded(ada, django_assert_num_queries) -> None:
    profile = Profile.objects.get()

    with django_assert_num_queries(0):
        assert locate(profile) == (profile, Profile._meta.get_field("avatar"), KEY)
        assert locate(profile.avatar) == (profile, Profile._meta.get_field("avatar"), KEY)


@isolate_apps("django.contrib.auth", "tests.testapp")
def test_proxy_and_child_of_an_owner() -> None:
    class Person(models.Model):
        class Meta:
            app_label = "testapp"

    class Card(AvatarMixin):
        person = models.OneToOneField(Person, models.CASCADE, related_name="card")

        class Meta:
            app_label = "testapp"

    class Guest(Person):
        class Meta:
            app_label = "testapp"
            proxy = True

    class Employee(Person):
        class Meta:
            app_label = "testapp"

    for model in (Person, Guest, Employee):
        person = model(pk=7)
        Card(person=person, avatar=KEY)
        assert locate(person) == (person, Card._meta.get_field("avatar"), KEY)
    # One and the same row, so one and the same colour.
    assert hue(Person(pk=7)) == hue(Guest(pk=7)) == hue(Employee(pk=7)) == hue(Card(person_id=7))


@isolate_apps("tests.testapp")
def test_relations_that_are_no_profile() -> None:
    class Person(models.Model):
        class Meta:
            app_label = "testapp"

    class Stock(models.Model):
        person = models.OneToOneField(Person, models.CASCADE, related_name="stock")
        photo = models.ImageField()

        class Meta:
            app_label = "testapp"

    class Many(AvatarMixin):
        person = models.ForeignKey(Person, models.CASCADE, related_name="many")

        class Meta:
            app_label = "testapp"

    class Child(AvatarMixin, Person):
        class Meta:
            app_label = "testapp"

    with pytest.raises(TypeError, match=r"^testapp\.Person has no avatar\. What can be shown is "):
        locate(Person())


@isolate_apps("tests.testapp")
def test_two_profiles_are_ambiguous(settings) -> None:
    class Person(models.Model):
        class Meta:
            app_label = "testapp"

    class Card(AvatarMixin):
        person = models.OneToOneField(Person, models.CASCADE, related_name="card")

        class Meta:
            app_label = "testapp"

    class Badge(AvatarMixin):
        person = models.OneToOneField(Person, models.CASCADE, related_name="badge")

        class Meta:
            app_label = "testapp"

    person = Person(pk=1)
    Card(person=person, avatar="cards/old.png")
    Badge(person=person, avatar=KEY)

    with pytest.raises(ImproperlyConfigured) as caught:
        locate(person)
    assert str(caught.value) == (
        "testapp.Person has more than one profile with an avatar: “card”, “badge”. Say which one "
        "to show: AVATAR_KIT = {'OWNER': {'testapp.person': 'card'}}."
    )
    # Neither a badge nor its name needs the answer.
    assert locate(person.badge) == (person, Badge._meta.get_field("avatar"), KEY)

    settings.AVATAR_KIT = {"OWNER": {"testapp.Person": "badge"}}
    assert locate(person) == (person, Badge._meta.get_field("avatar"), KEY)
    assert locate(person)[0] is person

    class Guest(Person):
        class Meta:
            app_label = "testapp"
            proxy = True

    guest = Guest(pk=1)
    Badge(person=guest, avatar=KEY)
    assert locate(guest)[2] == KEY


# --- OWNER ---


def test_dotted_way_to_the_row(settings) -> None:
    settings.AVATAR_KIT = {"OWNER": {"testapp.member": "team"}}
    member = Member(team=Team(avatar=KEY))
    assert locate(member) == (member, Team._meta.get_field("avatar"), KEY)

    user = User(username="ada")
    Profile(user=user, avatar=KEY)
    settings.AVATAR_KIT = {"OWNER": {"testapp.bare": "boss.profile"}}
    bare = Bare()
    bare.boss = user
    assert locate(bare) == (bare, Profile._meta.get_field("avatar"), KEY)


def test_way_to_one_of_several_avatars(settings) -> None:
    settings.AVATAR_KIT = {"OWNER": {"testapp.channel": "banner"}}
    channel = Channel(avatar="channels/old.png", banner=KEY)

    assert locate(channel) == (channel, Channel._meta.get_field("banner"), KEY)


@pytest.mark.django_db
def test_way_that_ends_early(settings, django_assert_num_queries) -> None:
    settings.AVATAR_KIT = {"OWNER": {"auth.user": "profile"}}
    user = User.objects.create(username="ada")

    assert locate(user) == (user, None, None)

    settings.AVATAR_KIT = {"OWNER": {"testapp.bare": "boss.profile"}}
    bare = Bare()
    bare.boss = None
    assert locate(bare) == (bare, None, None)


@pytest.mark.parametrize(
    ("accessor", "reason"),
    [
        ("profle", "auth.User has no “profle”"),
        ("username", "“str” has no AvatarField"),
        ("stock", "testapp.Bare has no AvatarField"),
        ("photo", "“ImageFieldFile” has no AvatarField"),
    ],
)
def test_way_that_leads_nowhere(settings, accessor, reason) -> None:
    settings.AVATAR_KIT = {"OWNER": {"auth.user": accessor}}
    user = User(username="ada")
    user.stock = Bare(photo="photos/a.png")
    user.photo = user.stock.photo

    with pytest.raises(ImproperlyConfigured) as caught:
        locate(user)

    assert str(caught.value) == (
        f'AVATAR_KIT["OWNER"]["auth.User"] = "{accessor}" does not lead to an avatar: {reason}.'
    )


# --- nobody, and what is no owner ---


@pytest.mark.parametrize(
    "nobody",
    [
        None,
        "",
        AnonymousUser(),
        SimpleLazyObject(AnonymousUser),
        SimpleLazyObject(lambda: None),
    ],
    ids=repr,
)
def test_nobody(nobody) -> None:
    assert locate(nobody) == (None, None, None)


def test_lazy_objects() -> None:
    team = Team(avatar=KEY)
    lazy = SimpleLazyObject(lambda: team)
    assert locate(lazy)[0] is team
    assert locate(SimpleLazyObject(lambda: lazy))[0] is team
    assert locate(SimpleLazyObject(lambda: team.avatar)) == locate(team.avatar)


@pytest.mark.parametrize(
    ("thing", "kind"),
    [
        ("ada", "“str”"),
        (7, "“int”"),
        (["ada"], "“list”"),
        (Bare(), "testapp.Bare"),
        (Bare(photo="a.png").photo, "“ImageFieldFile”"),
        (SimpleLazyObject(lambda: 7), "“int”"),
    ],
    ids=str,
)
def test_what_is_no_owner(thing, kind) -> None:
    with pytest.raises(TypeError) as caught:
        locate(thing)

    assert str(caught.value) == (
        f"{kind} has no avatar. What can be shown is a model instance with an AvatarField, its "
        "field file, an owner whose one-to-one profile has one (with a related_name), None or "
        "AnonymousUser."
    )


# --- names ---


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


# --- colours ---


def test_hue(ada) -> None:
    assert hue(ada) == hue(ada.profile) == hue(Profile.objects.get())
    assert hue(SimpleLazyObject(lambda: ada)) == hue(ada)
    assert hue(None) == hue(SimpleLazyObject(lambda: None)) == 0
    assert hue(Profile(pk=3)) == hue(Profile(pk=3, bio="Another."))


def test_hues_are_spread() -> None:
    hues = [hue(Team(pk=pk)) for pk in range(1000)]

    assert set(hues) == set(range(0, 360, 15))
    assert max(map(hues.count, set(hues))) < 70
    assert hues != [hue(User(pk=pk)) for pk in range(1000)]


# --- a page of owners ---


@pytest.fixture
def people(db: None) -> list[User]:
    """Three users, the last without a profile."""
    for name in ("ada", "bob"):
        put(Profile.objects.create(user=User.objects.create(username=name)))
    User.objects.create(username="eve")
    return list(User.objects.order_by("pk"))


def keys(people) -> list:
    return [locate(each)[2] for each in people]


def test_one_query_for_a_list(people, django_assert_num_queries) -> None:
    with django_assert_num_queries(1):
        prefetch_avatars(people)
    with django_assert_num_queries(0):
        assert keys(people) == [KEY, KEY, None]
        prefetch_avatars(people)
        assert [display_name(user.profile) for user in people[:2]] == ["ada", "bob"]


def test_one_query_more_for_a_queryset_or_a_page(people, django_assert_num_queries) -> None:
    users = User.objects.order_by("pk")
    page = Paginator(users, 2).get_page(1)

    with django_assert_num_queries(2):
        prefetch_avatars(users)
        assert keys(users) == [KEY, KEY, None]
    with django_assert_num_queries(2):
        prefetch_avatars(page)
        assert keys(page) == [KEY, KEY]


def test_what_else_stands_in_a_list(people, django_assert_num_queries) -> None:
    mixed = [
        None,
        "",
        AnonymousUser(),
        SimpleLazyObject(lambda: people[0]),
        people[1],
        Team(avatar=KEY),
        Team(avatar=KEY).avatar,
        User(username="not saved"),
    ]

    with django_assert_num_queries(1):
        prefetch_avatars(mixed)
        assert keys(mixed) == [None, None, None, KEY, KEY, KEY, KEY, None]


def test_path_to_the_owner(people, django_assert_num_queries) -> None:
    group = Group.objects.create(name="staff")
    group.user_set.set(people)
    memberships = User.groups.through.objects.order_by("user")

    with django_assert_num_queries(3):
        prefetch_avatars(memberships, "user")
        assert keys(each.user for each in memberships) == [KEY, KEY, None]
    memberships = memberships.select_related("user")
    with django_assert_num_queries(2):
        prefetch_avatars(memberships, "user")
        assert keys(each.user for each in memberships) == [KEY, KEY, None]


def test_path_over_many(people, django_assert_num_queries) -> None:
    group = Group.objects.create(name="staff")
    group.user_set.set(people)
    groups = list(Group.objects.all())
    holders = [SimpleNamespace(group=group) for group in [*groups, None]]

    with django_assert_num_queries(2):
        prefetch_avatars(holders, "group__user_set")
        assert sorted(keys(groups[0].user_set.all()), key=str) == [None, KEY, KEY]


def test_path_over_what_is_missing(people, django_assert_num_queries) -> None:
    with django_assert_num_queries(1):
        prefetch_avatars(people, "profile.user")
        assert keys(people) == [KEY, KEY, None]


def test_configured_way(people, settings, django_assert_num_queries) -> None:
    settings.AVATAR_KIT = {"OWNER": {"auth.user": "profile.avatar"}}

    with django_assert_num_queries(1):
        prefetch_avatars(people)
        assert keys(people) == [KEY, KEY, None]


@pytest.mark.parametrize(
    ("objects", "kind"),
    [
        ("ada", "“str”"),
        (7, "“int”"),
        (Team(), "testapp.Team"),
        (iter([]), "“list_iterator”"),
        ((each for each in []), "“generator”"),
    ],
    ids=str,
)
def test_what_is_no_list(objects, kind) -> None:
    with pytest.raises(TypeError) as caught:
        prefetch_avatars(objects)

    assert str(caught.value) == (
        f"prefetch_avatars() takes a list, a queryset or a page of owners, not {kind}."
    )


def test_list_of_what_has_no_avatar() -> None:
    with pytest.raises(TypeError, match=r"^testapp\.Bare has no avatar\."):
        prefetch_avatars([Bare()])


def test_new_models_change_what_is_known() -> None:
    with isolate_apps("tests.testapp"):

        class Person(models.Model):
            class Meta:
                app_label = "testapp"

        with pytest.raises(TypeError):
            locate(Person())

        class Card(AvatarMixin):
            person = models.OneToOneField(Person, models.CASCADE, related_name="card")

            class Meta:
                app_label = "testapp"

        person = Person()
        assert locate(person) == (person, None, None)
