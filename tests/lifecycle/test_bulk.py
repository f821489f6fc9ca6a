"""bulk_create(), bulk_update() and update(): statements that call no save()."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.db.models import F

from django_avatar_kit import exceptions
from django_avatar_kit.test import make_image
from tests.support.lifecycle import column, files_of, fresh, make_profile, needed, upload
from tests.testapp.models import Channel, Profile, Team

pytestmark = [
    pytest.mark.lifecycle,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("small"),
]


# --- in bulk ----------------------------------------------------------------------------------


@pytest.mark.parametrize("batch_size", [None, 2])
def test_bulk_create_writes_files(files, batch_size):
    teams = [Team(name=str(n), avatar=upload()) for n in range(3)] + [Team(name="empty")]
    Team.objects.bulk_create(teams, batch_size=batch_size)
    names = sorted(Team.objects.values_list("avatar", flat=True))
    assert names[0] == ""
    assert sorted(team.avatar.name or "" for team in teams) == names
    assert files() == needed()
    assert len(files()) == 9


def test_bulk_create_in_a_transaction_writes_files(files):
    with transaction.atomic():
        Team.objects.bulk_create([Team(avatar=upload()), Team(avatar=upload())])
    assert files() == needed()
    assert len(files()) == 6


def test_rows_created_in_bulk_are_replaced_and_deleted_as_others(files):
    first, second = Team.objects.bulk_create([Team(avatar=upload()), Team(avatar=upload())])
    first.avatar.save("new.jpg", upload("red"))
    assert files() == needed()
    second.delete()
    assert files() == needed() == files_of(column(first))


def test_a_row_created_in_bulk_and_saved_late_does_not_undo_a_later_upload(files, settled):
    (team,) = Team.objects.bulk_create([Team(avatar=upload())])
    later = fresh(team)
    later.avatar.save("new.jpg", upload("red"))
    team.name = "late"
    team.save()
    settled()
    assert column(team) == later.avatar.name
    assert files() == needed()


@pytest.mark.parametrize("atomic", [True, False])
def test_bulk_create_failing_half_way_leaves_no_files(files, settled, atomic):
    broken = SimpleUploadedFile("broken.jpg", make_image((60, 40))[:300])

    def create() -> None:
        Team.objects.bulk_create([Team(avatar=upload()), Team(avatar=broken)])

    with pytest.raises(exceptions.TruncatedImage):
        if atomic:
            with transaction.atomic():
                create()
        else:
            create()
    settled()
    assert files() == set()
    assert not Team.objects.exists()


@pytest.mark.parametrize("atomic", [True, False])
def test_bulk_create_refused_by_the_database_leaves_no_files(files, settled, atomic):
    Channel.objects.create(name="taken")
    rows = [Channel(name="free", avatar=upload()), Channel(name="taken", avatar=upload())]
    with pytest.raises(IntegrityError):
        if atomic:
            with transaction.atomic():
                Channel.objects.bulk_create(rows)
        else:
            Channel.objects.bulk_create(rows)
    settled()
    assert files() == set()


def test_bulk_create_ignoring_conflicts_removes_the_files_of_ignored_rows(files, settled):
    holder = Channel.objects.create(name="taken", avatar=upload())
    Channel.objects.bulk_create(
        [Channel(name="free", avatar=upload()), Channel(name="taken", avatar=upload("red"))],
        ignore_conflicts=True,
    )
    settled()
    assert files() == needed()
    assert files_of(column(holder)) < files()


def test_bulk_create_updating_conflicts_keeps_the_row_right(files, settled):
    holder = Channel.objects.create(name="taken", avatar=upload())
    old = files_of(column(holder))
    (row,) = Channel.objects.bulk_create(
        [Channel(name="taken", avatar=upload("red"))],
        update_conflicts=True,
        unique_fields=["name"],
        update_fields=["avatar"],
    )
    settled()
    assert column(holder) == row.avatar.name
    # What was replaced is the sweep's.
    assert files() == needed() | old


def test_bulk_create_shares_a_committed_name(files, profile, settled):
    Team.objects.bulk_create([Team(avatar=profile.avatar), Team(avatar=column(profile))])
    profile.delete()
    settled()
    assert len(needed()) == 3
    assert files() == needed()


def test_bulk_update_refuses_an_upload(files, profile):
    before = files()
    profile.avatar = upload("red")
    with pytest.raises(exceptions.UncommittedFile) as refused:
        Profile.objects.bulk_update([profile], ["avatar"])
    assert refused.value.code == "uncommitted"
    assert "portrait.jpg" in str(refused.value)
    assert files() == before == needed()


@pytest.mark.parametrize("value", [upload(), ContentFile(b"x"), SimpleUploadedFile("x.jpg", b"x")])
def test_update_refuses_an_upload(files, profile, value):
    before = files()
    with pytest.raises(exceptions.UncommittedFile):
        Profile.objects.update(avatar=value)
    assert files() == before == needed()


def test_update_refuses_the_upload_of_an_instance(profile):
    profile.avatar = upload("red")
    with pytest.raises(exceptions.UncommittedFile):
        Profile.objects.update(avatar=profile.avatar)


def test_bulk_update_with_a_committed_name_keeps_the_row_right(files, profile):
    bob = make_profile("bob")
    old = files_of(column(bob))
    bob.avatar = profile.avatar
    Profile.objects.bulk_update([bob], ["avatar"])
    assert column(bob) == column(profile)
    # What was replaced is the sweep's.
    assert files() == needed() | old
    profile.delete()
    assert files_of(column(bob)) <= files()


def test_bulk_update_of_other_fields_leaves_the_avatar_alone(files, profile):
    profile.avatar = upload("red")
    profile.bio = "bulk"
    Profile.objects.bulk_update([profile], ["bio"])
    assert files() == needed()
    profile.save()
    assert files() == needed() == files_of(column(profile))


@pytest.mark.parametrize("atomic", [True, False])
def test_update_with_a_committed_name_keeps_the_row_right(files, profile, atomic):
    team = Team.objects.create()
    if atomic:
        with transaction.atomic():
            Team.objects.filter(pk=team.pk).update(avatar=column(profile))
    else:
        Team.objects.filter(pk=team.pk).update(avatar=column(profile))
    assert column(team) == column(profile)
    profile.delete()
    assert files() == needed() == files_of(column(team)) != set()


@pytest.mark.parametrize("how", ["update", "update, instance", "bulk_update", "a typing error"])
def test_a_name_that_nobody_holds_is_not_written_over_what_a_row_has(files, profile, how):
    stale = fresh(profile)
    gone = column(profile)
    profile.avatar.save("new.jpg", upload("red"))
    now, before = column(profile), files()
    with pytest.raises(exceptions.StaleName) as refused:
        if how == "update":
            Profile.objects.update(avatar=gone)
        elif how == "update, instance":
            Profile.objects.update(avatar=stale.avatar)
        elif how == "bulk_update":
            Profile.objects.bulk_update([profile, stale], ["avatar"])
        else:
            gone = "defaults/typo.png"
            Profile.objects.update(avatar=gone)
    assert refused.value.params == {"name": gone}
    assert column(profile) == now
    assert files() == before == needed()


def test_bulk_create_makes_a_row_without_a_name_that_nobody_holds(files, profile, settled):
    gone = column(profile)
    profile.avatar.save("new.jpg", upload("red"))
    (team,) = Team.objects.bulk_create([Team(avatar=gone)])
    settled()
    assert column(team) == ""
    assert not team.avatar
    assert files() == needed()


@pytest.mark.parametrize("atomic", [True, False])
def test_bulk_create_does_not_update_a_row_with_a_name_that_nobody_holds(
    files, profile, settled, atomic
):
    gone = column(profile)
    profile.avatar.save("new.jpg", upload("red"))
    holder = Channel.objects.create(name="taken", avatar=upload())
    now, before = column(holder), files()
    rows = [Channel(name="new", avatar=upload("blue")), Channel(name="taken", avatar=gone)]
    conflicts = {"update_conflicts": True, "unique_fields": ["name"]}
    with pytest.raises(exceptions.StaleName), transaction.atomic() if atomic else nullcontext():
        Channel.objects.bulk_create(rows, **conflicts, update_fields=["avatar"])
    settled()
    assert column(holder) == now
    assert files() == before == needed()
    # Nor does that stand in the way of what comes after.
    for each in rows:
        each.avatar = upload("blue")
    Channel.objects.bulk_create(rows, **conflicts, update_fields=["avatar"])
    settled()
    assert needed() <= files()
    rows = [Channel(name="taken", avatar=gone)]
    Channel.objects.bulk_create(rows, **conflicts, update_fields=["name"])
    assert files_of(column(holder)) <= needed()
    assert column(holder) != now


def test_update_with_an_expression(files, profile):
    Profile.objects.update(avatar=F("avatar"))
    assert files() == needed() == files_of(column(profile)) != set()


def test_update_to_nothing_leaves_the_files_to_the_sweep(files, profile):
    before = files()
    Profile.objects.update(avatar="")
    assert column(profile) == ""
    assert files() == before


def test_update_or_create(files, profile):
    row, created = Profile.objects.update_or_create(
        user=profile.user, defaults={"avatar": upload("red")}
    )
    assert not created
    assert files() == needed() == files_of(column(row))
