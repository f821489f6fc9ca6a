"""What a transaction did not keep, the storage does not keep either; what it did keep, stays."""

from __future__ import annotations

import gc
import threading

import pytest
from django.core import serializers
from django.db import IntegrityError, connection, connections, transaction

from django_avatar_kit.lifecycle import changes
from tests.support.lifecycle import (
    BoomError,
    column,
    files_of,
    fresh,
    in_vain,
    make_profile,
    needed,
    upload,
)
from tests.testapp.models import Channel, League, Profile, Team

pytestmark = [
    pytest.mark.lifecycle,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("small"),
]


# --- the whole transaction --------------------------------------------------------------------


def test_the_new_files_go_and_the_old_ones_stay(files, profile, settled):
    before = files()
    in_vain(lambda: profile.avatar.save("new.jpg", upload("red")))
    settled()
    assert files() == before == needed()


def test_the_next_write_of_anybody_takes_the_new_files_away(files, profile):
    in_vain(lambda: profile.avatar.save("new.jpg", upload("red")))
    Team.objects.create()
    assert files() == needed() == files_of(column(profile))


def test_a_new_row_that_is_undone_leaves_nothing(files, settled):
    in_vain(lambda: Team.objects.create(avatar=upload()))
    settled()
    assert files() == set()


def test_several_replacements_are_undone_together(files, profile, settled):
    before = files()

    def replace() -> None:
        for color in ("red", "blue", "gold"):
            profile.avatar.save("new.jpg", upload(color))

    in_vain(replace)
    settled()
    assert files() == before == needed()


@pytest.mark.parametrize(
    "change",
    [
        lambda row: row.avatar.delete(),
        lambda row: (row._meta.get_field("avatar").save_form_data(row, ""), row.save()),
        lambda row: row.delete(),
        lambda row: type(row).objects.all().delete(),
    ],
    ids=["avatar", "cleared", "row", "queryset"],
)
def test_a_deletion_that_is_undone_deletes_nothing(files, profile, settled, signalled, change):
    before = files()
    in_vain(lambda: change(fresh(profile)))
    settled()
    assert files() == before == needed()
    assert signalled == []


def test_a_file_from_before_the_kit_survives_a_deletion_that_is_undone(
    files, profile, media, settled, signalled
):
    (media / "old.jpg").write_bytes(b"old")
    profile.avatar = "old.jpg"
    profile.save()
    signalled.clear()
    in_vain(profile.avatar.delete)
    in_vain(lambda: fresh(profile).avatar.save("new.jpg", upload("red")))
    settled()
    assert files() == {"old.jpg"}
    assert signalled == []


def test_nothing_is_told_of_what_was_undone(profile, settled, signalled):
    in_vain(lambda: profile.avatar.save("new.jpg", upload("red")))
    settled()
    assert signalled == []


@pytest.mark.parametrize(
    "create",
    [
        lambda: Team.objects.create(avatar=upload()),
        lambda: Team.objects.bulk_create([Team(avatar=upload())])[0],
    ],
    ids=["create", "bulk_create"],
)
@pytest.mark.parametrize("delete", ["row", "avatar"])
def test_nothing_is_told_of_what_was_written_and_deleted_and_undone(
    files, settled, signalled, create, delete
):
    def change() -> None:
        team = create()
        (team if delete == "row" else team.avatar).delete()

    in_vain(change)
    settled()
    assert signalled == []
    assert files() == set()


def test_nothing_is_told_of_what_was_replaced_and_deleted_and_undone(
    files, profile, settled, signalled
):
    before = files()

    def change() -> None:
        profile.avatar.save("new.jpg", upload("red"))
        profile.avatar.delete()

    in_vain(change)
    settled()
    assert signalled == []
    assert files() == before == needed()


def test_bulk_creation_that_is_undone_leaves_nothing(files, settled, signalled):
    in_vain(lambda: Team.objects.bulk_create([Team(avatar=upload()), Team(avatar=upload())]))
    settled()
    assert files() == set()
    assert signalled == []


def test_both_avatars_of_a_row_are_undone(files, settled):
    channel = Channel.objects.create(avatar=upload(), banner=upload("red"))
    before = files()

    def replace() -> None:
        channel.avatar, channel.banner = upload("blue"), upload("gold")
        channel.save()

    in_vain(replace)
    settled()
    assert files() == before == needed()
    channel.save()
    assert files() == needed()
    assert not before & files()


def test_a_multi_table_child_is_undone(files, settled):
    league = League.objects.create(avatar=upload())
    before = files()
    in_vain(lambda: league.avatar.save("new.jpg", upload("red")))
    settled()
    assert files() == before == needed()


def test_a_transaction_marked_for_rollback(files, profile, settled):
    before = files()
    with transaction.atomic():
        profile.avatar.save("new.jpg", upload("red"))
        transaction.set_rollback(True)
    settled()
    assert files() == before == needed()


def test_an_error_of_the_database_after_the_avatar(files, profile, settled):
    before = files()
    with pytest.raises(IntegrityError), transaction.atomic():
        profile.avatar.save("new.jpg", upload("red"))
        Profile.objects.create(user=profile.user)
    settled()
    assert files() == before == needed()


def test_a_commit_that_the_database_refuses(files, profile, settled):
    """PostgreSQL looks at foreign keys when the transaction ends."""
    before = column(profile)
    profile.user_id = 0
    with pytest.raises(IntegrityError):
        profile.avatar.save("new.jpg", upload("red"))
    settled()
    assert column(profile) == before == profile.avatar.name
    assert files() == needed() == files_of(before)


def test_a_connection_lost_in_the_middle(files, profile, settled):
    before = files()
    with pytest.raises(BoomError), transaction.atomic():
        profile.avatar.save("new.jpg", upload("red"))
        connection.close()
        raise BoomError
    settled()
    assert files() == before == needed()


def test_a_thread_that_ends_in_the_middle(files, profile, settled):
    """Nobody is left to roll back; the database does it."""

    def work() -> None:
        block = transaction.atomic()
        block.__enter__()
        fresh(profile).avatar.save("new.jpg", upload("red"))
        connections.close_all()

    before = files()
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    gc.collect()
    settled()
    assert files() == before == needed()


def test_a_fixture_that_is_undone_leaves_the_files_that_it_names(files, profile, settled):
    """A restored backup: the media first, and then the rows, at the second attempt."""
    text = serializers.serialize("json", [profile])
    before = files()
    Profile.objects.all()._raw_delete("default")

    def load() -> None:
        for row in serializers.deserialize("json", text):
            row.save()

    in_vain(load)
    settled()
    assert files() == before
    load()
    assert files() == before == needed()


# --- savepoints -------------------------------------------------------------------------------


def test_a_savepoint_that_is_undone(files, profile, settled):
    before = files()
    with transaction.atomic():
        in_vain(lambda: profile.avatar.save("new.jpg", upload("red")))
        team = Team.objects.create(avatar=upload("blue"))
    settled()
    assert files() == before | files_of(column(team)) == needed()


def test_a_savepoint_that_is_undone_in_a_transaction_that_is(files, profile, settled):
    before = files()

    def change() -> None:
        profile.avatar.save("new.jpg", upload("red"))
        in_vain(lambda: profile.avatar.save("newer.jpg", upload("blue")))

    in_vain(change)
    settled()
    assert files() == before == needed()


def test_replaced_then_a_savepoint_undone(files, profile, settled):
    with transaction.atomic():
        profile.avatar.save("new.jpg", upload("red"))
        new = column(profile)
        in_vain(lambda: profile.avatar.save("newer.jpg", upload("blue")))
        assert column(profile) == new
    settled()
    assert column(profile) == new
    assert files() == needed() == files_of(new)


def test_a_savepoint_undone_then_saved_again(files, profile, settled):
    before = files()
    with transaction.atomic():
        in_vain(lambda: profile.avatar.save("new.jpg", upload("red")))
        profile.save()
    settled()
    assert not before & files()
    assert files() == needed() == files_of(column(profile)) != set()


def test_a_deletion_in_a_savepoint_undone_then_replaced(files, profile, settled):
    with transaction.atomic():
        in_vain(fresh(profile).avatar.delete)
        fresh(profile).avatar.save("new.jpg", upload("red"))
    settled()
    assert files() == needed() == files_of(column(profile))


def test_deleted_and_then_a_savepoint_that_takes_the_name_over(files, profile, settled):
    """The deletion stands, and what took the name over does not."""
    with transaction.atomic():
        name = column(profile)
        profile.delete()
        in_vain(lambda: Team.objects.create(avatar=name))
    settled()
    assert files() == needed() == set()


def test_a_name_taken_over_in_the_transaction_that_deletes_its_row(files, profile, settled):
    with transaction.atomic():
        name = column(profile)
        profile.delete()
        team = Team.objects.create(avatar=name)
    settled()
    assert column(team) == name
    assert files() == needed() == files_of(name)


def test_a_clone_in_a_savepoint_that_is_undone(files, settled):
    team = Team.objects.create(avatar=upload())

    def clone() -> None:
        row = fresh(team)
        row.pk = None
        row.save()

    with transaction.atomic():
        in_vain(clone)
    settled()
    assert files() == needed() == files_of(column(team))


def test_a_clone_of_an_upload_that_only_the_clone_loses(files, settled):
    with transaction.atomic():
        team = Team(avatar=upload())
        team.save()

        def clone() -> None:
            team.pk = None
            team.save()

        in_vain(clone)
    settled()
    assert Team.objects.count() == 1
    assert files() == needed() != set()


def test_savepoints_by_hand(files, profile, settled):
    # Django 6.1 has another name for it.
    name = "savepoint_create" if hasattr(transaction, "savepoint_create") else "savepoint"
    savepoint = getattr(transaction, name)
    with transaction.atomic():
        first = savepoint()
        profile.avatar.save("new.jpg", upload("red"))
        transaction.savepoint_rollback(first)
        second = savepoint()
        other = fresh(profile)
        other.avatar.save("other.jpg", upload("blue"))
        transaction.savepoint_commit(second)
    settled()
    assert column(profile) == other.avatar.name
    assert files() == needed() == files_of(column(profile))


def test_a_block_without_a_savepoint_of_its_own(files, profile, settled):
    def change() -> None:
        with pytest.raises(BoomError), transaction.atomic(savepoint=False):
            profile.avatar.save("new.jpg", upload("red"))
            raise BoomError

    before = files()
    with transaction.atomic():
        change()
    settled()
    assert files() == before == needed()


# --- in the tests of a site -------------------------------------------------------------------


@pytest.mark.django_db
def test_a_test_case_settles_what_it_replaced(files, settled, signalled):
    """Here an outer transaction is open, which is never committed."""
    profile = make_profile()
    profile.avatar.save("new.jpg", upload("red"))
    assert len(files()) == 6
    settled()
    assert files() == needed() == files_of(column(profile))
    assert len(signalled) == 2
    profile.delete()
    settled()
    assert files() == set()


@pytest.mark.django_db
def test_a_test_case_settles_what_it_undid(files, settled):
    profile = make_profile()
    in_vain(lambda: profile.avatar.save("new.jpg", upload("red")))
    settled()
    assert files() == needed() == files_of(column(profile))


@pytest.mark.django_db
def test_a_test_case_captures_the_hooks(files, django_capture_on_commit_callbacks):
    profile = make_profile()
    with django_capture_on_commit_callbacks(execute=True):
        profile.avatar.save("new.jpg", upload("red"))
    assert files() == needed() == files_of(column(profile))


def test_what_another_database_of_that_name_left_is_not_judged(files, profile, settled):
    """The queue of one test run says nothing about the next one's database."""
    in_vain(lambda: profile.avatar.save("new.jpg", upload("red")))
    for change in changes.undone:
        change.database = "another"
    settled()
    assert len(files()) == 6
