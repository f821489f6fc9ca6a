"""Case L4: what is shown of an instance that was not saved, or whose save was undone."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django import forms
from django.contrib.auth.models import User
from django.core.validators import MaxLengthValidator
from django.db import (
    IntegrityError,
    transaction,
)
from django.db.models.signals import pre_save
from django.template import Context, Template

from django_avatar_kit.lifecycle.settlement import drain
from django_avatar_kit.rendering import avatar_url, has_avatar
from tests.support.lifecycle import BoomError, column, fresh, make_profile, undone, upload
from tests.testapp.models import Profile

pytestmark = [
    pytest.mark.lifecycle,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("small"),
]


class ProfileForm(forms.ModelForm):
    class Meta:
        model = Profile
        fields = ["avatar", "bio"]


ProfileForm.base_fields["bio"].max_length = 5
ProfileForm.base_fields["bio"].validators.append(MaxLengthValidator(5))
TAG = Template("{% load avatar_kit %}{% avatar row 16 alt='' %}")


@pytest.mark.parametrize("chosen", ["a new one", "remove"])
def test_l4_a_form_with_errors_shows_what_the_row_has(chosen):
    profile = fresh(make_profile())
    shown = TAG.render(Context({"row": fresh(profile)}))
    data = {"bio": "far too long", **({"avatar-clear": "on"} if chosen == "remove" else {})}
    sent: Any = {"avatar": upload(color="red")} if chosen == "a new one" else {}
    form = ProfileForm(data, sent, instance=profile)
    assert not form.is_valid()
    for each in (profile, profile.user, profile.avatar):
        assert TAG.render(Context({"row": each})) == shown
        assert has_avatar(each)
    assert form["avatar"].value() is not None
    assert column(profile).partition("-")[0] in str(form["avatar"])


def test_l4_a_row_that_is_not_saved_yet_has_none():
    profile = Profile(avatar=upload())
    assert not has_avatar(profile)
    assert "initials" in avatar_url(profile, 16)


def test_l4_what_was_assigned_is_shown_once_it_is_saved_even_before_the_commit():
    profile = fresh(make_profile())
    with transaction.atomic():
        profile.avatar = upload(color="red")
        profile.save()
        new = column(profile)
        assert new.partition("-")[0] in avatar_url(profile, 16)
        profile.avatar = ""
        profile.save()
        assert not has_avatar(profile)


def test_l4_a_file_put_into_a_field_file_is_shown_once_it_is_saved():
    profile = fresh(make_profile())
    shown = avatar_url(profile, 16)
    profile.avatar.save("a.jpg", upload(color="red"), save=False)
    assert avatar_url(profile, 16) == shown
    profile.save()
    assert avatar_url(profile, 16) != shown
    profile.avatar.delete(save=False)
    assert has_avatar(profile)
    profile.save()
    assert not has_avatar(profile)


def test_l4_a_deferred_avatar_that_was_assigned_is_not_asked_for(django_assert_num_queries):
    make_profile()
    profile = Profile.objects.defer("avatar").get()
    with django_assert_num_queries(0):
        profile.avatar = upload(color="red")
        assert not has_avatar(profile)


def shown(row: Any) -> str:
    """The URL that the tag gives for this instance."""
    return avatar_url(row, 16)


def stored(row: Any) -> str:
    """The URL that the tag gives for the row in the database."""
    return avatar_url(fresh(row), 16)


def test_l4_after_a_save_that_the_database_refused_the_row_is_shown():
    other, profile = make_profile(), fresh(make_profile("bob"))
    before = stored(profile)
    profile.user, profile.avatar = other.user, upload(color="lime")
    with pytest.raises(IntegrityError):
        profile.save()
    assert shown(profile) == shown(profile.avatar) == before
    profile.user = fresh(profile).user
    profile.save()
    assert shown(profile) == stored(profile) != before


def test_l4_after_a_save_that_a_receiver_refused_the_row_is_shown():
    profile = fresh(make_profile())
    before = stored(profile)
    profile.avatar = upload(color="red")
    with refusing(pre_save), pytest.raises(BoomError):
        profile.save()
    assert shown(profile) == before


@contextmanager
def refusing(signal: Any) -> Iterator[None]:
    def refuse(**kwargs: Any) -> None:
        raise BoomError

    signal.connect(refuse, sender=Profile)
    try:
        yield
    finally:
        signal.disconnect(refuse, sender=Profile)


def test_l4_after_a_rollback_the_row_is_shown():
    profile = fresh(make_profile())
    before = stored(profile)
    with undone():
        for color in ("red", "lime"):
            profile.avatar = upload(color=color)
            profile.save()
            assert shown(profile) == stored(profile) != before
    assert shown(profile) == before
    # The next picture is shown once it is saved.
    profile.avatar = upload(color="blue")
    assert shown(profile) == before
    profile.save()
    assert shown(profile) == stored(profile) != before


def test_l4_after_a_deletion_that_was_rolled_back_the_row_is_shown():
    profile = fresh(make_profile())
    before = stored(profile)
    with undone():
        profile.avatar = ""
        profile.save()
        assert not has_avatar(profile)
    assert has_avatar(profile)
    assert shown(profile) == before


def test_l4_a_row_whose_creation_was_rolled_back_has_none():
    profile = Profile(user=User.objects.create(username="ada"), avatar=upload())
    with undone():
        profile.save()
        assert has_avatar(profile)
    assert not has_avatar(profile)


def test_l4_of_several_savepoints_the_last_one_that_was_kept_is_shown():
    profile = fresh(make_profile())
    with transaction.atomic():
        profile.avatar = upload(color="red")
        profile.save()
        kept = stored(profile)
        with undone():
            profile.avatar = upload(color="lime")
            profile.save()
        assert shown(profile) == kept
    assert shown(profile) == kept == stored(profile)
    assert shown(pickle.loads(pickle.dumps(fresh(profile)))) == kept


def test_l4_another_rows_name_that_was_rolled_back_is_not_shown():
    other, profile = make_profile("bob"), fresh(make_profile())
    before = stored(profile)
    with undone():
        profile.avatar = column(other)
        profile.save()
        assert shown(profile) == stored(other)
    assert shown(profile) == before


def test_l4_what_bulk_create_wrote_is_shown_and_what_it_did_not_is_not():
    users = [User.objects.create(username=name) for name in ("ada", "bob")]
    first, second = (Profile(user=user, avatar=upload()) for user in users)
    Profile.objects.bulk_create([first])
    assert shown(first) == stored(first)
    assert "initials" not in shown(first)
    with undone():
        Profile.objects.bulk_create([second])
        assert has_avatar(second)
    assert not has_avatar(second)
    third = Profile(user=users[0], avatar=upload())
    with pytest.raises(IntegrityError):
        Profile.objects.bulk_create([third])
    assert not has_avatar(third)


def test_l4_while_hooks_run_what_has_just_been_committed_is_shown():
    profile = fresh(make_profile())
    seen: list[str] = []

    def look() -> None:
        seen.extend((shown(profile), shown(pickle.loads(pickle.dumps(profile)))))

    with transaction.atomic():
        transaction.on_commit(look)
        profile.avatar = upload(color="red")
        profile.save()
        transaction.on_commit(look)
    assert set(seen) == {stored(profile)}


@pytest.mark.parametrize("new", [False, True])
def test_l4_after_another_apps_hook_has_failed_the_row_is_shown(new, files):
    profile = Profile(user=User.objects.create(username="x")) if new else fresh(make_profile())

    def fail() -> None:
        raise BoomError

    with pytest.raises(BoomError), transaction.atomic():
        transaction.on_commit(fail)
        profile.avatar = upload(color="red")
        profile.save()
    drain()
    assert shown(profile) == stored(profile)
    assert shown(profile).removeprefix("/media/") in files()


def test_l4_a_row_that_a_bulk_create_left_out_has_none():
    profile = make_profile()
    left_out = Profile(user=profile.user, avatar=upload(color="red"))
    Profile.objects.bulk_create([left_out], ignore_conflicts=True)
    drain()
    assert not has_avatar(left_out)
    assert has_avatar(fresh(profile))


def test_l4_a_copy_of_an_instance_whose_save_was_undone_shows_the_row():
    profile = fresh(make_profile())
    before = stored(profile)
    with undone():
        profile.avatar = upload(color="red")
        profile.save()
    profile.avatar = upload(color="lime")
    assert shown(copy.deepcopy(profile)) == before
