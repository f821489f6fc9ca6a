"""The save path with the receivers of a site, several tables, several databases, and fixtures."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import serializers
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.db.models import Model, signals

from tests.support.lifecycle import column, files_of, fresh, make_profile, needed, upload
from tests.testapp.models import Captain, League, Profile, Team

pytestmark = [
    pytest.mark.lifecycle,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("small"),
]


# --- signals of the site ----------------------------------------------------------------------


@pytest.fixture
def receiver():
    """Connect a receiver for one test."""
    connected: list[tuple[Any, Any]] = []

    def connect(signal: Any, function: Any) -> None:
        signal.connect(function, weak=False)
        connected.append((signal, function))

    yield connect
    for signal, function in connected:
        signal.disconnect(function)


def test_a_pre_save_receiver_may_assign_an_avatar(files, receiver):
    def assign(sender, instance, **kwargs):
        if isinstance(instance, Team):
            instance.avatar = upload("red")

    receiver(signals.pre_save, assign)
    team = Team.objects.create()
    assert files() == needed() == files_of(column(team)) != set()
    row = fresh(team)
    row.save()
    assert row.avatar.name == column(team)
    assert files() == needed() == files_of(column(team))


def test_what_a_receiver_assigned_to_a_new_row_is_told_as_it_was_written(receiver, signalled):
    def assign(sender, instance, **kwargs):
        if isinstance(instance, Team):
            instance.avatar = upload("red")

    receiver(signals.pre_save, assign)
    team = Team.objects.create()
    assert [event["added"] for event in signalled] == [team.avatar.avatar_name.files]


def test_a_pre_save_receiver_may_replace_an_upload(files, receiver, profile):
    def assign(sender, instance, **kwargs):
        if isinstance(instance, Profile):
            instance.avatar = upload("blue")

    receiver(signals.pre_save, assign)
    profile.avatar.save("new.jpg", upload("red"))
    assert files() == needed() == files_of(column(profile))


def test_a_pre_save_receiver_may_clear_the_avatar(files, receiver, profile):
    def clear(sender, instance, **kwargs):
        if isinstance(instance, Profile):
            instance.avatar = ""

    receiver(signals.pre_save, clear)
    profile.save()
    assert column(profile) == ""
    assert files() == set()


def test_a_pre_save_receiver_that_refuses_leaves_the_old_avatar(files, receiver, profile):
    before = column(profile)

    def refuse(sender, instance, **kwargs):
        raise RuntimeError("no")

    receiver(signals.pre_save, refuse)
    with pytest.raises(RuntimeError):
        profile.avatar.save("new.jpg", upload("red"))
    assert column(profile) == before == profile.avatar.name
    assert files() == needed() == files_of(before)


@pytest.mark.parametrize("signal", [signals.pre_save, signals.post_save])
def test_a_receiver_may_save_the_row_again(files, receiver, profile, signal):
    saving: list[Any] = []

    def again(sender, instance, **kwargs):
        if isinstance(instance, Profile) and not saving:
            saving.append(instance)
            instance.bio += "again"
            instance.save()

    receiver(signal, again)
    profile.avatar.save("new.jpg", upload("red"))
    assert saving
    assert column(profile) == profile.avatar.name
    assert files() == needed() == files_of(column(profile))


@pytest.mark.parametrize("atomic", [True, False])
@pytest.mark.parametrize("signal", [signals.pre_save, signals.post_save])
def test_a_receiver_may_save_another_instance_of_the_row(files, receiver, profile, signal, atomic):
    saving: list[Any] = []

    def other(sender, instance, **kwargs):
        if isinstance(instance, Profile) and not saving:
            saving.append(instance)
            row = fresh(instance)
            row.avatar.save("other.jpg", upload("blue"))

    receiver(signal, other)
    if atomic:
        with transaction.atomic():
            profile.avatar.save("new.jpg", upload("red"))
    else:
        profile.avatar.save("new.jpg", upload("red"))
    assert saving
    assert files() == needed() == files_of(column(profile))


def test_a_post_save_receiver_that_fails_does_not_undo_the_committed_row(files, receiver, profile):
    def refuse(sender, instance, **kwargs):
        raise RuntimeError("the search index is away")

    receiver(signals.post_save, refuse)
    with pytest.raises(RuntimeError):
        profile.avatar.save("new.jpg", upload("red"))
    assert files() == needed() == files_of(column(profile))
    assert profile.avatar.name == column(profile)
    signals.post_save.disconnect(refuse)
    profile.save()
    assert files() == needed() == files_of(column(profile)) != set()


def test_a_post_save_receiver_that_fails_on_delete_does_not_undo_the_committed_row(
    files, receiver, profile
):
    def refuse(sender, instance, **kwargs):
        raise RuntimeError("the search index is away")

    receiver(signals.post_save, refuse)
    with pytest.raises(RuntimeError):
        profile.avatar.delete()
    assert column(profile) == ""
    assert files() == set()
    signals.post_save.disconnect(refuse)
    profile.save()
    assert column(profile) == ""


def test_a_receiver_that_fails_inside_a_transaction_which_goes_on(files, receiver, profile):
    def refuse(sender, instance, **kwargs):
        raise RuntimeError("the search index is away")

    receiver(signals.post_save, refuse)
    with transaction.atomic():
        with pytest.raises(RuntimeError):
            profile.avatar.save("new.jpg", upload("red"))
        signals.post_save.disconnect(refuse)
        profile.save()
    assert files() == needed() == files_of(column(profile)) != set()
    profile.save()
    assert files() == needed() == files_of(column(profile)) != set()


# --- several tables, several databases --------------------------------------------------------


def test_a_multi_table_child_writes_the_column_of_its_parent(files):
    league = League(name="l", country="x", avatar=upload())
    league.save()
    assert column(league) == league.avatar.name
    assert files() == needed() == files_of(column(league))
    fresh(league).avatar.save("new.jpg", upload("red"))
    assert files() == needed() == files_of(column(league))
    stale = Team.objects.get(pk=league.pk)
    fresh(league).avatar.save("newer.jpg", upload("blue"))
    stale.name = "late"
    stale.save()
    assert files() == needed() == files_of(column(league))


def test_a_stale_multi_table_child_saved_late(files):
    league = League.objects.create(avatar=upload())
    stale = fresh(league)
    Team.objects.get(pk=league.pk).avatar.save("new.jpg", upload("red"))
    stale.country = "late"
    stale.save()
    assert files() == needed() == files_of(column(league))


def test_a_multi_table_child_that_cannot_be_saved_leaves_no_files(files):
    league = League(avatar=upload(), country="x" * 51, name="n")
    league.country = None  # NOT NULL in the child's table, after the parent's has been written
    with pytest.raises(IntegrityError):
        league.save()
    assert files() == set()
    assert not Team.objects.exists()
    league.country = "x"
    league.pk = league.id = league.team_ptr_id = None
    league.save()
    assert files() == needed() == files_of(column(league)) != set()


def test_an_avatar_on_either_table_of_a_multi_table_child(files):
    captain = Captain.objects.create(name="c", avatar=upload(), face=upload("red"))
    assert len(files()) == 6
    assert files() == needed()
    row = fresh(captain)
    row.face.save("new.jpg", upload("blue"))
    assert files() == needed()
    captain.face = row.avatar
    captain.save()
    assert files() == needed() == files_of(column(captain)) == files_of(column(captain, "face"))
    row.delete()
    assert files() == set()


@pytest.mark.django_db(transaction=True, databases=["default", "other"])
def test_each_database_has_its_rows_and_its_files(files):
    ada = make_profile("ada", using="other")
    bob = make_profile("bob")
    assert files() == needed("other") | needed("default")
    old = files_of(column(ada))
    ada.avatar.save("new.jpg", upload("red"))
    assert not old & files()
    assert files() == needed("other") | needed("default")
    ada.delete()
    assert files() == needed("default") == files_of(column(bob))
    with pytest.raises(RuntimeError), transaction.atomic(using="other"):
        make_profile("eve", using="other")
        raise RuntimeError
    bob.save()
    assert files() == needed("default")


@pytest.mark.django_db(transaction=True, databases=["default", "other"])
@pytest.mark.parametrize("atomic", [True, False])
def test_a_row_copied_to_another_database_does_not_share_files(files, atomic):
    """The guard of one database does not see the rows of another."""
    team = Team.objects.create(avatar=upload())
    if atomic:
        with transaction.atomic():
            team.avatar.save("new.jpg", upload("gold"))
            team.save(using="other")
    else:
        team.save(using="other")
    copied = Team.objects.using("other").get(pk=team.pk)
    original = Team.objects.using("default").get(pk=team.pk)
    original.avatar.save("new.jpg", upload("red"))
    assert files_of(column(copied)) <= files()
    assert files_of(column(original)) <= files()


# --- fixtures ---------------------------------------------------------------------------------


def test_a_fixture_names_files_as_they_stand(files, profile, tmp_path):
    fixture = tmp_path / "fixture.json"
    fixture.write_text(serializers.serialize("json", [profile]))
    name = column(profile)
    Profile.objects.filter(pk=profile.pk)._raw_delete("default")
    before = files()
    call_command("loaddata", fixture, verbosity=0)
    assert column(profile) == name
    assert files() == before == needed()


def test_a_fixture_loaded_over_a_row_is_right_and_what_it_replaces_is_cleaned(
    files, profile, tmp_path
):
    team = Team.objects.create(avatar=upload())
    fixture = tmp_path / "fixture.json"
    text = serializers.serialize("json", [team]).replace(column(team), column(profile))
    fixture.write_text(text)
    call_command("loaddata", fixture, verbosity=0)
    assert column(team) == column(profile)
    assert files() == needed() == files_of(column(profile))


def test_a_deserialized_object_is_written_as_it_stands(files, profile):
    (loaded,) = serializers.deserialize("json", serializers.serialize("json", [profile]))
    loaded.save()
    assert files() == needed() == files_of(column(profile))


def test_a_fixture_with_a_name_that_nobody_holds_keeps_it(profile, files, tmp_path):
    """A restored backup: rows first, then media, or the other way round."""
    fixture = tmp_path / "fixture.json"
    fixture.write_text(serializers.serialize("json", [profile]))
    name = column(profile)
    profile.delete()
    call_command("loaddata", fixture, verbosity=0)
    assert Profile.objects.get().avatar.name == name


def test_save_base_raw_writes_names_as_they_stand(profile, files):
    name = column(profile)
    stale = fresh(profile)
    profile.delete()
    Model.save_base(stale, raw=True)
    assert Profile.objects.get().avatar.name == name
    stale.bio = "raw"
    stale.save_base(raw=True)
    assert Profile.objects.get().avatar.name == name
