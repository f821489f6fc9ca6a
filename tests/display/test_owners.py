from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, Group, User
from django.core.exceptions import ImproperlyConfigured
from django.core.files.base import ContentFile
from django.core.paginator import Paginator
from django.db import models
from django.test.utils import isolate_apps
from django.utils.functional import SimpleLazyObject

from django_avatar_kit.display.colors import hue
from django_avatar_kit.display.display_names import display_name
from django_avatar_kit.display.owners import locate
from django_avatar_kit.fields import AvatarField
from django_avatar_kit.models import AvatarMixin, prefetch_avatars
from tests.support.stored_keys import KEY, put
from tests.testapp.models import Bare, Channel, League, Member, Profile, Team

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


@isolate_apps("tests.testapp")
def test_the_mixins_own_field_may_be_left_out() -> None:
    class Poster(AvatarMixin):
        avatar = None
        photo = AvatarField()

        class Meta:
            app_label = "testapp"

    poster = Poster(photo=KEY)

    assert [field.name for field in Poster._meta.concrete_fields] == ["id", "photo"]
    assert locate(poster) == (poster, Poster._meta.get_field("photo"), KEY)


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


@isolate_apps("tests.testapp")
def test_way_to_another_row_of_the_same_model(settings) -> None:
    class Person(AvatarMixin):
        mentor = models.ForeignKey("self", models.CASCADE, null=True)

        class Meta:
            app_label = "testapp"

    settings.AVATAR_KIT = {"OWNER": {"testapp.person": "mentor"}}
    apprentice = Person(mentor=Person(avatar=KEY, mentor=Person()))

    assert locate(apprentice) == (apprentice, Person._meta.get_field("avatar"), KEY)


@isolate_apps("django.contrib.auth", "tests.testapp")
def test_way_from_a_profile_to_one_of_its_avatars(settings) -> None:
    class Person(models.Model):
        class Meta:
            app_label = "testapp"

    class Card(AvatarMixin):
        person = models.OneToOneField(Person, models.CASCADE, related_name="card")
        logo = AvatarField()

        class Meta:
            app_label = "testapp"

    settings.AVATAR_KIT = {"OWNER": {"testapp.card": "logo"}}
    person = Person(pk=1)
    Card(person=person, avatar="cards/old.png", logo=KEY)

    assert locate(person) == (person, Card._meta.get_field("logo"), KEY)


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


@pytest.mark.django_db
def test_an_error_of_the_sites_own_code_is_not_taken_for_a_setting(monkeypatch):
    user = User.objects.create(username="ada")
    Profile.objects.create(user=user)

    def from_db(*args: Any, **kwargs: Any) -> None:
        raise AttributeError("a bug of the site")

    monkeypatch.setattr(Profile, "from_db", classmethod(from_db))
    with pytest.raises(AttributeError, match="a bug of the site"):
        locate(User.objects.get())


def test_texts_are_left_to_the_tag_that_shows_them():
    prefetch_avatars(["cat", "", None])
