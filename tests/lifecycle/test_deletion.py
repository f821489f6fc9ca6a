"""What no row points at any more is gone after the commit, and nothing else is ever deleted."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from django_avatar_kit.lifecycle import receivers, references
from django_avatar_kit.test import make_image
from tests.support.lifecycle import column, files_of, fresh, make_profile, needed, upload
from tests.testapp.models import (
    STOCK,
    Bare,
    Captain,
    Channel,
    Guest,
    League,
    Member,
    Pet,
    Place,
    Profile,
    ProxyProfile,
    Team,
)

pytestmark = [
    pytest.mark.lifecycle,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("small"),
]


# --- replaced and cleared ---------------------------------------------------------------------


def test_a_replaced_avatar_is_gone(files, profile):
    old = files()
    profile.avatar.save("new.jpg", upload("red"))
    assert not old & files()
    assert files() == needed()
    assert len(files()) == 3


def test_a_replaced_avatar_is_there_until_the_commit(files, profile):
    old = files()
    with transaction.atomic():
        profile.avatar.save("new.jpg", upload("red"))
        assert old < files()
        assert len(files()) == 6
    assert files() == needed() == files_of(column(profile))


def test_replaced_again_and_again_in_one_transaction(files, profile):
    with transaction.atomic():
        for color in ("red", "blue", "gold"):
            profile.avatar.save("new.jpg", upload(color))
        assert len(files()) == 12
    assert files() == needed() == files_of(column(profile))


def assign(to: Any, value: Any, attribute: str = "avatar", **options: Any) -> None:
    setattr(to, attribute, value)
    getattr(to, "instance", to).save(**options)


@pytest.mark.parametrize(
    "clear",
    [
        lambda row: row.avatar.delete(),
        lambda row: (row.avatar.delete(save=False), row.save()),
        lambda row: assign(row, ""),
        lambda row: assign(row, None),
        lambda row: (row._meta.get_field("avatar").save_form_data(row, False), row.save()),
        lambda row: (row._meta.get_field("avatar").save_form_data(row, ""), row.save()),
        lambda row: assign(row.avatar, None, "name"),
        lambda row: assign(row, "", update_fields=["avatar"]),
    ],
    ids=["delete", "delete-later", "empty", "none", "form", "form-empty", "name", "update_fields"],
)
def test_a_cleared_avatar_is_gone(files, profile, clear):
    row = fresh(profile)
    clear(row)
    assert column(profile) == ""
    assert not row.avatar
    assert row.avatar.avatar_name is None
    assert files() == set()
    row.save()
    assert column(profile) == ""


def test_deleting_without_saving_the_row_deletes_nothing(files, profile):
    before = files()
    profile.avatar.delete(save=False)
    assert not profile.avatar
    assert files() == before == needed()


def test_a_form_that_says_nothing_changes_nothing(files, profile):
    profile._meta.get_field("avatar").save_form_data(profile, None)
    profile.save()
    assert files() == needed() != set()


def test_deleting_no_avatar_is_nothing():
    empty = make_profile(avatar=False)
    with CaptureQueriesContext(connection) as queries:
        empty.avatar.delete()
    assert len(queries) == 0


def test_deleting_an_avatar_drops_an_upload_as_well(files, profile):
    profile.avatar.save("new.jpg", upload("red"), save=False)
    profile.avatar.delete()
    assert column(profile) == ""
    assert files() == set()


def test_a_cleared_avatar_can_be_uploaded_again(files, profile):
    profile.avatar.delete()
    profile.avatar.save("new.jpg", upload("red"))
    assert files() == needed() == files_of(column(profile))


# --- deleted ----------------------------------------------------------------------------------


def test_a_deleted_row_takes_its_files_along(files, profile):
    profile.delete()
    assert files() == set()


def test_a_deleted_row_keeps_its_files_until_the_commit(files, profile):
    before = files()
    with transaction.atomic():
        profile.delete()
        assert files() == before
    assert files() == set()


def test_a_stale_instance_deletes_the_files_that_the_row_has_now(files, profile):
    stale = fresh(profile)
    profile.avatar.save("new.jpg", upload("red"))
    stale.delete()
    assert files() == set()


def test_a_pending_upload_is_no_obstacle_to_deleting(files, profile):
    profile.avatar = upload("red")
    profile.delete()
    assert files() == set()


def test_deleting_a_row_twice(files, profile):
    twin = fresh(profile)
    profile.delete()
    assert twin.delete() == (0, {}) or twin.pk is None
    assert files() == set()


def test_a_deleted_queryset_takes_its_files_along(files):
    kept = make_profile("kept")
    for name in ("ada", "bob"):
        make_profile(name)
    Profile.objects.exclude(pk=kept.pk).delete()
    assert files() == needed() == files_of(column(kept))


def test_a_cascade_takes_the_files_along(files, profile):
    make_profile("bob")
    User.objects.get(username="ada").delete()
    assert Profile.objects.count() == 1
    assert files() == needed()
    User.objects.all().delete()
    assert files() == set()


def test_what_goes_with_a_team_is_no_obstacle(files, team):
    Member.objects.create(team=team)
    team.delete()
    assert not Member.objects.exists()
    assert files() == set()


def test_a_failing_delete_keeps_the_files(files, profile, monkeypatch):
    before = files()
    with pytest.raises(RuntimeError), transaction.atomic():
        profile.delete()
        raise RuntimeError
    profile.pk = Profile.objects.get().pk
    profile.save()
    assert files() == before == needed()


def test_a_row_that_is_gone_when_it_is_locked_takes_nothing_along(files, profile):
    before = files()
    with transaction.atomic():
        receivers._row_deleted(sender=Profile, instance=Profile(pk=0), using="default")
    assert files() == before


# --- proxies and children ---------------------------------------------------------------------


def test_a_proxy_replaces_and_deletes(files, profile):
    proxy = ProxyProfile.objects.get()
    proxy.avatar.save("new.jpg", upload("red"))
    assert files() == needed() == files_of(column(profile))
    proxy.delete()
    assert files() == set()


def test_a_proxy_queryset_deletes(files, profile):
    ProxyProfile.objects.all().delete()
    assert files() == set()


def test_a_stale_proxy_saved_late(files, profile):
    proxy = ProxyProfile.objects.get()
    profile.avatar.save("new.jpg", upload("red"))
    proxy.bio = "late"
    proxy.save()
    assert files() == needed() == files_of(column(profile))


def test_a_multi_table_child_is_deleted_with_its_files(files):
    League.objects.create(avatar=upload()).delete()
    assert files() == set()


def test_a_multi_table_child_is_deleted_through_its_parent(files):
    league = League.objects.create(avatar=upload())
    Team.objects.get(pk=league.pk).delete()
    assert not League.objects.exists()
    assert files() == set()


def test_a_multi_table_child_deleted_alone_leaves_its_parent_the_files(files):
    league = League.objects.create(avatar=upload())
    league.delete(keep_parents=True)
    team = Team.objects.get()
    assert files() == needed() == files_of(column(team)) != set()
    team.delete()
    assert files() == set()


def test_a_child_with_an_avatar_of_its_own_loses_that_one_alone(files):
    captain = Captain.objects.create(avatar=upload(), face=upload("red"))
    face = files_of(captain.face.name)
    captain.delete(keep_parents=True)
    assert not face & files()
    assert files() == needed() == files_of(column(Team.objects.get()))
    captain = Captain.objects.create(avatar=upload(), face=upload("red"))
    Captain.objects.all().delete()
    assert files() == needed()


def test_a_child_replaces_either_avatar(files):
    captain = Captain.objects.create(avatar=upload(), face=upload("red"))
    captain.avatar, captain.face = upload("blue"), upload("gold")
    captain.save()
    assert files() == needed() == files_of(captain.avatar.name) | files_of(captain.face.name)
    captain.face.delete()
    assert files() == needed() == files_of(captain.avatar.name)


def test_a_composite_primary_key(files):
    one = Place.objects.create(row=1, seat=1, avatar=upload())
    two = Place.objects.create(row=1, seat=2, avatar=upload())
    one.avatar.save("new.jpg", upload("red"))
    assert files() == needed()
    assert len(files()) == 6
    two.delete()
    assert files() == needed() == files_of(one.avatar.name)
    Place.objects.all().delete()
    assert files() == set()


def test_a_primary_key_of_another_type(files):
    pet = Pet.objects.create(name="rex", avatar=upload())
    pet.avatar.save("new.jpg", upload("red"))
    assert files() == needed() == files_of(column(pet))
    pet.delete()
    assert files() == set()


# --- several avatars, defaults, shared files --------------------------------------------------


def test_two_avatars_of_one_row_come_and_go_alone(files):
    channel = Channel.objects.create(avatar=upload(), banner=upload("red"))
    banner = files_of(column(channel, "banner"))
    channel.avatar.save("new.jpg", upload("blue"))
    assert banner < files() == needed()
    channel.banner.delete()
    assert files() == needed() == files_of(column(channel))
    channel.delete()
    assert files() == set()


def test_two_avatars_replaced_in_one_save(files):
    channel = Channel.objects.create(avatar=upload(), banner=upload("red"))
    channel.avatar, channel.banner = upload("blue"), upload("gold")
    channel.save()
    assert files() == needed()
    assert len(files()) == 5 + 2


def test_two_avatars_swapped(files):
    channel = Channel.objects.create(avatar=upload(), banner=upload("red"))
    before = files()
    channel.avatar, channel.banner = channel.banner, channel.avatar
    channel.save()
    assert files() == before == needed()


def test_a_default_is_never_deleted(default, files):
    channel = Channel.objects.create()
    assert column(channel, "badge") == "defaults/badge.png"
    channel.badge.save("new.jpg", upload())
    assert default.exists()
    channel.badge = "defaults/badge.png"
    channel.save()
    assert files() == {"defaults/badge.png"}
    channel.badge.delete()
    assert column(channel, "badge") == ""
    assert default.exists()
    Channel.objects.create().delete()
    Channel.objects.all().delete()
    assert files() == {"defaults/badge.png"}


def test_a_default_that_is_cleared_and_rolled_back_stays(default, settled, signalled):
    channel = Channel.objects.create()
    signalled.clear()
    with pytest.raises(RuntimeError), transaction.atomic():
        channel.badge.delete()
        raise RuntimeError
    settled()
    assert default.exists()
    assert signalled == []


@pytest.fixture
def stock(media) -> set[str]:
    (media / "stock").mkdir()
    for key in STOCK:
        (media / key).write_bytes(b"stock")
    return set(STOCK)


def test_what_a_callable_default_may_have_picked_is_never_deleted(stock, files):
    guests = [Guest.objects.create() for _ in STOCK]
    assert {column(guest) for guest in guests} == stock
    for guest in guests:
        guest.avatar.save("new.jpg", upload())
    assert files() == stock | needed()
    guests[0].avatar.delete()
    guests[1].avatar = STOCK[0]
    guests[1].save()
    assert files() == stock | needed() == stock | files_of(column(guests[2]))
    Guest.objects.create().delete()
    Guest.objects.all().delete()
    assert files() == stock


def test_the_default_of_another_field_is_never_deleted(default, files):
    channel = Channel.objects.create(avatar="defaults/badge.png", badge="")
    assert column(channel) == "defaults/badge.png"
    channel.avatar.save("new.jpg", upload())
    assert files() == {"defaults/badge.png"} | needed()
    channel.delete()
    assert files() == {"defaults/badge.png"}


def test_a_default_of_the_database_is_never_deleted(stock, files):
    guest = Guest.objects.create()
    assert column(guest, "cover") == guest.cover.name == "stock/1.png"
    guest.cover.save("new.jpg", upload())
    assert files() == stock | needed()
    guest.cover.delete()
    guest.delete()
    assert files() == stock


def test_two_rows_share_their_files(files, profile):
    team = Team.objects.create(avatar=profile.avatar)
    shared = files()
    assert len(shared) == 3
    profile.avatar.delete()
    assert files() == shared == needed()
    team.delete()
    assert files() == set()


def test_two_rows_that_share_their_files_are_deleted_together(files, profile):
    team = Team.objects.create(avatar=profile.avatar)
    with transaction.atomic():
        profile.delete()
        team.delete()
    assert files() == set()


def test_a_foreign_file_that_a_stock_field_uses_stays(files, profile):
    bare = Bare(name="b")
    bare.photo.save("photo.jpg", ContentFile(make_image((60, 40))))
    profile.avatar = bare.photo.name
    profile.save()
    assert column(profile) == bare.photo.name
    profile.avatar.delete()
    assert files() == {bare.photo.name}


def test_more_names_than_fit_in_one_query(files, monkeypatch):
    monkeypatch.setattr(references, "CHUNK", 2)
    teams = [Team.objects.create(avatar=upload()) for _ in range(5)]
    kept = Team.objects.create(avatar=teams[0].avatar)
    Team.objects.exclude(pk=kept.pk).delete()
    assert files() == needed() == files_of(column(kept))


def test_a_manager_that_hides_rows_does_not_hide_their_files(files, profile, monkeypatch):
    team = Team.objects.create(avatar=profile.avatar)
    none = Team.objects.none()
    # An attribute would stay afterwards, bound to the manager that others are copies of.
    monkeypatch.setitem(vars(Team.objects), "get_queryset", lambda: none)
    monkeypatch.setitem(vars(Team._base_manager), "get_queryset", lambda: none)
    assert not Team.objects.exists()
    profile.avatar.delete()
    assert files() == files_of(column(team)) != set()


def test_an_avatar_moves_from_row_to_row(files):
    first, second, third = (Team.objects.create() for _ in range(3))
    first.avatar.save("a.jpg", upload())
    before = files()
    with transaction.atomic():
        second.avatar = first.avatar
        second.save()
        first.avatar.delete()
    assert files() == before == needed()
    with transaction.atomic():
        name = second.avatar.name
        second.avatar.delete()
        third.avatar = name
        third.save()
    assert column(third) == name
    assert files() == before == needed()
