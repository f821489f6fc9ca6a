"""What no row points at any more is gone after the commit, and nothing else is ever deleted."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.signals import request_finished
from django.db import OperationalError, connection, transaction
from django.db.models.signals import post_delete, pre_delete
from django.test.utils import CaptureQueriesContext

from django_avatar_kit.lifecycle import receivers, references
from django_avatar_kit.lifecycle.rollback import drain
from django_avatar_kit.names import Name
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


@pytest.fixture
def profile() -> Profile:
    return make_profile()


@pytest.fixture
def team() -> Team:
    return Team.objects.create(name="t", avatar=upload())


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


@pytest.fixture
def default(media) -> Any:
    path = media / "defaults" / "badge.png"
    path.parent.mkdir()
    path.write_bytes(b"the default")
    return path


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


# --- signals of the site ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "receive",
    [
        lambda row: row.save(),
        lambda row: row.avatar.delete(),
        lambda row: row.avatar.delete(save=False),
        lambda row: row.avatar.save("late.jpg", upload("gold")),
    ],
    ids=["save", "delete", "delete-later", "upload"],
)
def test_a_receiver_may_touch_the_avatar_of_a_row_that_is_being_deleted(files, receive):
    def receiver(sender: Any, instance: Any, **kwargs: Any) -> None:
        if isinstance(instance, Team):
            receive(instance)

    pre_delete.connect(receiver)
    Team.objects.create(avatar=upload()).delete()
    pre_delete.disconnect(receiver)
    assert not Team.objects.exists()
    assert files() == set()


def test_the_classic_receiver_that_deletes_the_file_does_no_harm(files):
    def receiver(sender: Any, instance: Any, **kwargs: Any) -> None:
        if isinstance(instance, Team):
            instance.avatar.delete(save=False)

    post_delete.connect(receiver)
    team = Team.objects.create(avatar=upload())
    kept = Team.objects.create(avatar=team.avatar)
    with pytest.raises(RuntimeError), transaction.atomic():
        fresh(team).delete()
        raise RuntimeError
    assert files() == needed() != set()
    team.delete()
    post_delete.disconnect(receiver)
    assert files() == needed() == files_of(column(kept))


# --- settings and failures --------------------------------------------------------------------


def test_a_site_that_must_not_delete_does_not(files, profile, settings):
    settings.AVATAR_KIT = {**settings.AVATAR_KIT, "DELETE_FILES": False}
    old = files()
    profile.avatar.save("new.jpg", upload("red"))
    assert files() == old | needed()
    profile.delete()
    assert old < files()
    assert len(files()) == 6


def test_a_file_that_cannot_be_deleted_is_logged_and_the_others_go(
    files, profile, monkeypatch, storage, caplog
):
    name = Name.parse(column(profile))
    stuck = name.rendition(16, "webp")
    delete = type(storage).delete

    def refuse(self: Any, key: str) -> None:
        if key == stuck:
            raise PermissionError("read-only")
        delete(self, key)

    monkeypatch.setattr(type(storage), "delete", refuse)
    with caplog.at_level(logging.ERROR, "django_avatar_kit.storage.base"):
        profile.avatar.save("new.jpg", upload("red"))
    assert stuck in caplog.text
    assert "read-only" in caplog.text
    assert column(profile) == profile.avatar.name
    assert files() == needed() | {stuck}


def test_a_file_that_is_gone_already_is_no_failure(files, profile, media, caplog):
    (media / Name.parse(column(profile)).rendition(16, "webp")).unlink()
    profile.delete()
    assert files() == set()
    assert caplog.text == ""


def test_a_database_that_does_not_answer_after_the_commit_costs_nobody_anything(
    files, profile, monkeypatch, caplog
):
    old = files()

    def away(*args: Any) -> None:
        raise OperationalError("server closed the connection")

    monkeypatch.setattr(references, "held", away)
    profile.avatar.save("new.jpg", upload("red"))
    assert "avatar_sweep" in caplog.text
    assert column(profile) == profile.avatar.name
    monkeypatch.undo()
    # What is left is the sweep's; the row is right, and stays so.
    assert files() == needed() | old
    name = column(profile)
    profile.save()
    assert column(profile) == name
    assert files() == needed() | old


def test_renditions_of_a_storage_of_their_own_go_too(files, settings, tmp_path):
    settings.AVATAR_KIT = {**settings.AVATAR_KIT, "RENDITION_STORAGE": "renditions"}
    elsewhere = tmp_path / "renditions"

    def renditions() -> int:
        return sum(path.is_file() for path in elsewhere.rglob("*"))

    team = Team.objects.create(avatar=upload())
    assert files() == {column(team)}
    assert renditions() == 2
    team.avatar.save("new.jpg", upload("red"))
    assert files() == {column(team)}
    assert renditions() == 2
    team.delete()
    assert files() == set()
    assert renditions() == 0


# --- beside django-cleanup --------------------------------------------------------------------

with_cleanup = pytest.mark.usefixtures("django_cleanup")


@with_cleanup
def test_no_file_is_deleted_twice(profile, storage):
    old = files_of(column(profile))
    storage.calls.clear()
    profile.avatar.save("new.jpg", upload("red"))
    assert sorted(key for call, key in storage.calls if call == "delete") == sorted(old)
    storage.calls.clear()
    old = files_of(column(profile))
    profile.delete()
    assert sorted(key for call, key in storage.calls if call == "delete") == sorted(old)


@with_cleanup
def test_the_files_of_other_fields_are_still_django_cleanups(files):
    bare = Bare(name="b")
    bare.photo.save("photo.jpg", ContentFile(make_image((60, 40))))
    bare = Bare.objects.get()
    bare.photo.save("other.jpg", ContentFile(make_image((60, 40))))
    assert files() == {bare.photo.name}
    bare.delete()
    assert files() == set()


@with_cleanup
def test_its_signals_are_sent_for_avatars(profile):
    from django_cleanup.signals import cleanup_post_delete

    sent: list[Any] = []

    def receive(**kwargs: Any) -> None:
        sent.append((kwargs["file_name"], kwargs["success"]))

    cleanup_post_delete.connect(receive)
    old = column(profile)
    row = fresh(profile)
    row.avatar.save("new.jpg", upload("red"))
    cleanup_post_delete.disconnect(receive)
    assert sent == [(old, True)]


def test_an_instance_that_it_has_not_seen_loaded(files, profile):
    row = Profile.objects.only("bio").get()
    row.avatar = upload("red")
    row.save()
    row.avatar = upload("blue")
    row.save()
    assert files() == needed() == files_of(column(profile))


def test_an_instance_that_it_forgot(files, profile):
    profile.__dict__.pop("_django_cleanup_original_cache", None)
    profile.avatar = upload("red")
    profile.save()
    assert files() == needed() == files_of(column(profile))


# --- signals ----------------------------------------------------------------------------------


def test_an_update_tells_what_came_and_what_went(profile, signalled):
    old = Name.parse(column(profile))
    profile.avatar.save("new.jpg", upload("red"))
    new = Name.parse(column(profile))
    assert signalled == [
        {
            "signal": "updated",
            "sender": Profile,
            "instance": profile,
            "field": Profile._meta.get_field("avatar"),
            "using": "default",
            "added": new.files,
            "removed": old.files,
        }
    ]


def test_a_first_avatar_is_an_update(signalled):
    team = Team.objects.create(avatar=upload())
    (event,) = signalled
    assert event["signal"] == "updated"
    assert event["sender"] is Team
    assert event["instance"] is team
    assert event["added"] == team.avatar.avatar_name.files
    assert event["removed"] == ()


@pytest.mark.parametrize("how", ["avatar", "row", "queryset"])
def test_a_deletion_tells_what_went(profile, signalled, how):
    old = Name.parse(column(profile))
    if how == "avatar":
        profile.avatar.delete()
    elif how == "row":
        profile.delete()
    else:
        Profile.objects.all().delete()
    (event,) = signalled
    assert event["signal"] == "deleted"
    assert event["added"] == ()
    assert event["removed"] == old.files
    assert isinstance(event["instance"], Profile)


def test_a_file_from_before_the_kit_is_told_by_its_key(profile, signalled, media):
    (media / "old.jpg").write_bytes(b"old")
    profile.avatar = "old.jpg"
    profile.save()
    profile.avatar.delete()
    assert [event["added"] for event in signalled] == [("old.jpg",), ()]
    assert signalled[1]["removed"] == ("old.jpg",)


def test_a_proxy_tells_in_the_name_of_the_model_that_has_the_column(profile, signalled):
    ProxyProfile.objects.get().delete()
    assert [event["sender"] for event in signalled] == [Profile]
    League.objects.create(avatar=upload())
    assert signalled[1]["sender"] is Team


def test_nothing_is_told_of_what_did_not_change(profile, signalled):
    profile.save()
    fresh(profile).save()
    profile.avatar = column(profile)
    profile.save()
    make_profile("bob", avatar=False).delete()
    assert signalled == []


def test_signals_are_sent_after_the_commit_and_the_deletion(profile, signalled, files):
    with transaction.atomic():
        profile.avatar.save("new.jpg", upload("red"))
        profile.avatar.save("newer.jpg", upload("blue"))
        assert signalled == []
    assert [event["signal"] for event in signalled] == ["updated", "updated"]
    assert signalled[0]["removed"] != signalled[1]["removed"] == signalled[0]["added"]


def test_a_receiver_that_fails_stops_nobody(profile, signalled, files, caplog):
    from django_avatar_kit.signals import avatar_updated

    def fail(**kwargs: Any) -> None:
        raise RuntimeError("no CDN today")

    avatar_updated.connect(fail)
    profile.avatar.save("new.jpg", upload("red"))
    avatar_updated.disconnect(fail)
    assert len(signalled) == 1
    assert "no CDN today" in caplog.text
    assert files() == needed()


def test_a_receiver_may_change_another_avatar(profile, files):
    from django_avatar_kit.signals import avatar_updated

    team = Team.objects.create(avatar=upload())

    def follow(sender: Any, instance: Any, **kwargs: Any) -> None:
        if sender is Profile:
            team.avatar = instance.avatar
            team.save()

    avatar_updated.connect(follow)
    profile.avatar.save("new.jpg", upload("red"))
    avatar_updated.disconnect(follow)
    assert column(team) == column(profile)
    assert files() == needed() == files_of(column(team))


def test_bulk_create_tells_when_the_kit_hears_of_it(signalled, settled):
    teams = Team.objects.bulk_create([Team(avatar=upload()), Team(name="empty")])
    settled()
    (event,) = signalled
    assert event["instance"] is teams[0]
    assert event["added"] == teams[0].avatar.avatar_name.files


@pytest.mark.parametrize("atomic", [True, False])
def test_bulk_create_does_not_tell_of_rows_it_left_out(signalled, settled, atomic):
    Channel.objects.create(name="taken")
    if atomic:
        with transaction.atomic():
            Channel.objects.bulk_create(
                [Channel(name="taken", avatar=upload())], ignore_conflicts=True
            )
    else:
        Channel.objects.bulk_create(
            [Channel(name="taken", avatar=upload())], ignore_conflicts=True
        )
    settled()
    assert [event for event in signalled if event["field"].name == "avatar"] == []


# --- the queue --------------------------------------------------------------------------------


def test_the_end_of_a_request_drains_the_queue(files, profile):
    before = files()
    with pytest.raises(RuntimeError), transaction.atomic():
        profile.avatar.save("new.jpg", upload("red"))
        raise RuntimeError
    assert before < files()
    request_finished.send(sender=None)
    assert files() == before


@pytest.mark.parametrize("opened", [True, False])
def test_a_connection_reopened_for_the_queue_is_closed_again(files, profile, opened):
    with pytest.raises(RuntimeError), transaction.atomic():
        profile.avatar.save("new.jpg", upload("red"))
        raise RuntimeError
    if not opened:
        connection.close()
    drain()
    assert (connection.connection is not None) is opened
    assert files() == needed()


def test_the_queue_waits_while_a_transaction_is_open(files, profile):
    with transaction.atomic():
        with pytest.raises(RuntimeError), transaction.atomic():
            profile.avatar.save("new.jpg", upload("red"))
            raise RuntimeError
        drain()
        make_profile("bob")
        assert len(files()) == 9
    drain()
    assert files() == needed()
    assert len(files()) == 6


def test_a_queue_that_cannot_be_judged_is_logged(files, profile, monkeypatch, caplog):
    with pytest.raises(RuntimeError), transaction.atomic():
        profile.avatar.save("new.jpg", upload("red"))
        raise RuntimeError

    def away(*args: Any) -> None:
        raise OperationalError("server closed the connection")

    monkeypatch.setattr(references, "held", away)
    drain()
    assert "avatar_sweep" in caplog.text
    assert len(files()) == 6


def test_handlers_are_connected_model_by_model():
    assert pre_delete.has_listeners(Profile)
    assert pre_delete.has_listeners(ProxyProfile)
    assert not pre_delete.has_listeners(Member)
    assert not pre_delete.has_listeners(apps.get_model("sessions.Session"))
