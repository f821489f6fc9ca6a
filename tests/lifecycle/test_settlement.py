"""What a settled transaction tells the site, and what it does where something fails."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.apps import apps
from django.core.signals import request_finished
from django.db import OperationalError, connection, transaction
from django.db.models.signals import post_delete, pre_delete

from django_avatar_kit.lifecycle import references
from django_avatar_kit.lifecycle.settlement import drain
from django_avatar_kit.names import Name
from tests.support.lifecycle import column, files_of, fresh, make_profile, needed, upload
from tests.testapp.models import (
    Channel,
    League,
    Member,
    Profile,
    ProxyProfile,
    Team,
)

pytestmark = [
    pytest.mark.lifecycle,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("small"),
]


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


def test_renditions_of_a_storage_of_their_own_go_too(files, settings, renditions):
    settings.AVATAR_KIT = {**settings.AVATAR_KIT, "RENDITION_STORAGE": "renditions"}

    def count() -> int:
        return sum(path.is_file() for path in renditions.rglob("*"))

    team = Team.objects.create(avatar=upload())
    assert files() == {column(team)}
    assert count() == 2
    team.avatar.save("new.jpg", upload("red"))
    assert files() == {column(team)}
    assert count() == 2
    team.delete()
    assert files() == set()
    assert count() == 0


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


def test_a_receiver_learns_the_key_of_a_new_row():
    """In autocommit, the commit comes before Django gives the instance its key."""
    from django_avatar_kit.signals import avatar_updated

    keys: list[int] = []

    def note(instance: Any, **kwargs: Any) -> None:
        keys.append(instance.pk)

    avatar_updated.connect(note)
    team = Team.objects.create(avatar=upload())
    avatar_updated.disconnect(note)
    assert keys == [team.pk]


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


# --- a signal that the site sends itself ------------------------------------------------------


def test_a_row_that_stays_after_a_pre_delete_keeps_its_avatar(files, profile, signalled):
    """As where a site deletes softly, and sends the signal in autocommit."""
    before = files()
    pre_delete.send(sender=Profile, instance=profile, using="default")
    drain()
    assert files() == before == files_of(column(profile))
    assert signalled == []


def test_a_row_that_goes_after_a_pre_delete_takes_its_files_with_it(files, profile):
    pre_delete.send(sender=Profile, instance=profile, using="default")
    Profile.objects.filter(pk=profile.pk)._raw_delete("default")
    drain()
    assert files() == set()
