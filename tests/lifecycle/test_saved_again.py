"""An instance that is saved again after a rollback, and the hooks of others."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from django_avatar_kit import models
from django_avatar_kit.exceptions import StaleName
from django_avatar_kit.lifecycle import references
from django_avatar_kit.lifecycle.instance_state import column_state
from tests.support.lifecycle import (
    BoomError,
    column,
    files_of,
    in_vain,
    make_profile,
    needed,
    upload,
)
from tests.testapp.models import Channel, Profile, Team

pytestmark = [
    pytest.mark.lifecycle,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("small"),
]


# --- saved again ------------------------------------------------------------------------------


def test_the_same_instance_saved_again_writes_its_files_again(files, profile, settled):
    in_vain(lambda: profile.avatar.save("new.jpg", upload("red")))
    undone = profile.avatar.name
    settled()
    profile.save()
    assert profile.avatar.name == column(profile) != undone
    assert files() == needed() == files_of(column(profile)) != set()


def test_the_same_instance_saved_again_before_anything_was_settled(files, profile, settled):
    in_vain(lambda: profile.avatar.save("new.jpg", upload("red")))
    profile.save()
    settled()
    assert files() == needed() == files_of(column(profile)) != set()


def test_a_new_instance_saved_again(files, settled):
    team = Team(avatar=upload())
    in_vain(team.save)
    settled()
    team.pk = team.id = None
    team.save()
    assert files() == needed() == files_of(column(team)) != set()


def test_a_new_instance_saved_again_with_the_key_it_was_promised(files, settled):
    team = Team(avatar=upload())
    in_vain(team.save)
    settled()
    team.save()
    assert files() == needed() == files_of(column(team)) != set()


def test_a_clearing_that_was_undone_is_saved_again(files, profile, settled):
    in_vain(profile.avatar.delete)
    settled()
    profile.save()
    assert column(profile) == ""
    assert files() == set()


def test_undone_then_refreshed_shows_the_old_avatar(files, profile, settled):
    old = column(profile)
    in_vain(lambda: profile.avatar.save("new.jpg", upload("red")))
    profile.refresh_from_db()
    settled()
    assert profile.avatar.name == old
    profile.save()
    assert files() == needed() == files_of(old)


def test_refreshed_and_then_undone(files, profile, settled):
    old = column(profile)

    def change() -> None:
        profile.avatar.save("new.jpg", upload("red"))
        profile.refresh_from_db()

    in_vain(change)
    settled()
    profile.bio = "late"
    profile.save()
    assert column(profile) == old
    assert files() == needed() == files_of(old)


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy])
def test_a_copy_of_what_was_undone_does_not_point_at_nothing(files, profile, settled, duplicate):
    in_vain(lambda: profile.avatar.save("new.jpg", upload("red")))
    twin = duplicate(profile)
    settled()
    twin.save()
    assert files() == needed() == files_of(column(profile)) != set()


@pytest.mark.parametrize("settle_first", [True, False])
def test_bulk_update_does_not_write_a_name_that_was_undone(files, profile, settled, settle_first):
    in_vain(lambda: profile.avatar.save("new.jpg", upload("red")))
    if settle_first:
        settled()
    before = column(profile)
    with pytest.raises(StaleName):
        Profile.objects.bulk_update([profile], ["avatar"])
    settled()
    assert column(profile) == before
    assert files_of(before) <= files()


def test_update_does_not_write_a_name_that_was_undone(files, profile, settled):
    in_vain(lambda: profile.avatar.save("new.jpg", upload("red")))
    before = column(profile)
    with pytest.raises(StaleName):
        Profile.objects.update(avatar=profile.avatar)
    settled()
    assert column(profile) == before
    assert files_of(before) <= files()


def test_another_instance_is_not_given_a_name_that_was_undone(files, profile, settled):
    in_vain(lambda: profile.avatar.save("new.jpg", upload("red")))
    team = Team.objects.create(avatar=profile.avatar)
    settled()
    assert column(team) == ""
    assert files() == needed()


def test_bulk_creation_that_was_undone_is_done_again(files, settled):
    teams = [Team(avatar=upload()), Team(avatar=upload("red"))]
    in_vain(lambda: Team.objects.bulk_create(teams))
    settled()
    for team in teams:
        team.pk = team.id = None
    Team.objects.bulk_create(teams)
    settled()
    assert files() == needed()
    assert len(files()) == 6


def test_bulk_creation_that_failed_is_done_again(files, settled):
    Channel.objects.create(name="taken")
    channel = Channel(name="taken", avatar=upload())
    with pytest.raises(IntegrityError):
        Channel.objects.bulk_create([channel])
    channel.name = "free"
    Channel.objects.bulk_create([channel])
    settled()
    assert files() == needed() == files_of(column(channel)) != set()


def test_an_instance_remembers_nothing_once_its_row_is_committed(profile):
    field = profile.avatar.field
    with transaction.atomic():
        profile.avatar.save("new.jpg", upload("red"))
        assert column_state(profile, field).generated
    assert not column_state(profile, field).generated
    assert not column_state(profile, field).assigned


# --- hooks of others --------------------------------------------------------------------------


def fail() -> None:
    raise BoomError


def test_a_hook_that_fails_before_ours_does_not_keep_old_files(files, profile, settled, signalled):
    old = files()
    with pytest.raises(BoomError), transaction.atomic():
        transaction.on_commit(fail)
        profile.avatar.save("new.jpg", upload("red"))
    settled()
    assert not old & files()
    assert files() == needed() == files_of(column(profile))
    assert [set(event["removed"]) for event in signalled] == [old]


def test_a_hook_that_fails_after_ours_changes_nothing(files, profile):
    with pytest.raises(BoomError), transaction.atomic():
        profile.avatar.save("new.jpg", upload("red"))
        transaction.on_commit(fail)
    assert files() == needed() == files_of(column(profile))


def test_the_same_instance_saved_again_after_a_hook_failed(files, profile, settled):
    with pytest.raises(BoomError) as caught, transaction.atomic():
        transaction.on_commit(fail)
        profile.avatar.save("new.jpg", upload("red"))
    profile.bio = "again"
    profile.save()
    del caught
    settled()
    assert files() == needed() == files_of(column(profile)) != set()


def test_a_deletion_whose_hook_was_lost(files, profile, settled, signalled):
    with pytest.raises(BoomError), transaction.atomic():
        transaction.on_commit(fail)
        profile.delete()
    settled()
    assert files() == set()
    assert [event["signal"] for event in signalled] == ["deleted"]


def test_an_exception_kept_alive_does_not_make_an_undone_upload_stay(files, profile, settled):
    before = files()
    with pytest.raises(BoomError) as kept, transaction.atomic():
        profile.avatar.save("new.jpg", upload("red"))
        raise BoomError
    settled()
    assert files() == before == needed()
    assert kept.tb


def test_a_hook_may_save_an_avatar(files, profile, settled):
    team = Team.objects.create(avatar=upload())

    def hook() -> None:
        team.avatar.save("new.jpg", upload("blue"))

    with transaction.atomic():
        transaction.on_commit(hook)
        profile.avatar.save("new.jpg", upload("red"))
    settled()
    assert files() == needed()
    assert len(files()) == 6


def test_a_hook_may_undo_an_avatar(files, profile, settled):
    team = Team.objects.create(avatar=upload())

    def hook() -> None:
        in_vain(lambda: team.avatar.save("new.jpg", upload("blue")))

    with transaction.atomic():
        transaction.on_commit(hook)
        profile.avatar.save("new.jpg", upload("red"))
    settled()
    assert files() == needed()
    assert len(files()) == 6


def test_our_hook_stops_nobody_elses(profile, monkeypatch, caplog):
    def away(*args: Any) -> None:
        raise DatabaseError("gone away")

    called: list[int] = []
    monkeypatch.setattr(references, "held", away)
    with transaction.atomic():
        profile.avatar.save("new.jpg", upload("red"))
        transaction.on_commit(lambda: called.append(1))
    assert called == [1]
    assert "gone away" in caplog.text


def test_a_time_limit_in_our_hook_comes_through(profile, monkeypatch, caplog):
    def interrupted(*args: Any) -> None:
        raise BoomError

    old = column(profile)
    monkeypatch.setattr(references, "held", interrupted)
    with pytest.raises(BoomError), transaction.atomic():
        profile.avatar.save("new.jpg", upload("red"))
    assert column(profile) != old
    assert f"Could not judge ['{old}'" in caplog.text


@pytest.mark.django_db(transaction=True, databases=["default", "other"])
def test_a_time_limit_while_one_database_is_settled_leaves_the_others_queued(
    monkeypatch, files, settled
):
    for using in ("default", "other"):
        with pytest.raises(BoomError), transaction.atomic(using=using):
            with monkeypatch.context() as patched:
                # Nothing is settled while the two are made.
                patched.setattr(models, "drain", lambda **kwargs: None)
                make_profile(using=using)
            raise BoomError
    held = references.held

    def interrupted(*args: Any) -> Any:
        monkeypatch.setattr(references, "held", held)
        raise BoomError

    monkeypatch.setattr(references, "held", interrupted)
    with pytest.raises(BoomError):
        settled()
    assert len(files()) == 6
    settled()
    assert len(files()) == 3


def test_a_file_that_a_row_never_had_is_not_deleted(files, media, settled):
    """The row and the file's removal from it were both undone; the file is anybody's."""
    (media / "shared").mkdir()
    (media / "shared" / "logo.jpg").write_bytes(b"logo")

    def create() -> None:
        Team.objects.create(avatar="shared/logo.jpg").avatar.delete()

    in_vain(create)
    settled()
    assert files() == {"shared/logo.jpg"}
