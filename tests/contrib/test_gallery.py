"""``contrib.gallery``: several pictures of a user, one of which is shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import serializers
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db import IntegrityError, transaction
from django.template import Context, Template

from django_avatar_kit.checks import check_models
from django_avatar_kit.contrib.gallery.models import Picture
from django_avatar_kit.exceptions import GalleryFull
from django_avatar_kit.models import prefetch_avatars
from django_avatar_kit.rendering import has_avatar
from django_avatar_kit.test import make_upload, settle

COLORS = ["teal", "red", "blue", "gold", "lime"]


@pytest.fixture
def add(user: User) -> Callable[..., Picture]:
    def add(number: int = 1, owner: User = user, **values: Any) -> Any:
        made = []
        for color in COLORS[:number]:
            made.append(Picture(owner=owner, avatar=make_upload(color=color), **values))
            made[-1].save()
        return made if number > 1 else made[0]

    return add


def order(owner: User) -> list[Any]:
    return list(Picture.objects.filter(owner=owner).values_list("pk", flat=True))


def primary(owner: User) -> Any:
    """The primary key of the picture that is shown; None if there is none."""
    return Picture.objects.filter(primary_of=owner).values_list("pk", flat=True).first()


# --- which one is shown -----------------------------------------------------------------------


def test_the_first_picture_is_the_primary_one(user, add):
    first, second = add(2)
    assert [first.is_primary, second.is_primary] == [True, False]
    assert primary(user) == first.pk
    assert order(user) == [first.pk, second.pk]
    assert str(first) == "ada"


def test_a_new_picture_can_be_the_primary_one_at_once(user, add):
    add(2)
    new = Picture(primary_of=user, avatar=make_upload())
    new.save()
    assert new.owner == user
    assert primary(user) == new.pk
    assert Picture.objects.filter(primary_of=user).count() == 1
    assert order(user)[-1] == new.pk


def test_another_one_is_chosen(user, add):
    pictures = add(3)
    pictures[2].make_primary()
    assert pictures[2].is_primary
    assert primary(user) == pictures[2].pk
    pictures[2].make_primary()
    assert primary(user) == pictures[2].pk


@pytest.mark.parametrize("do", [lambda p: p.make_primary(), lambda p: p.move_to(1)])
def test_what_was_deleted_meanwhile_is_not_chosen(user, add, do):
    first, second = add(2)
    Picture.objects.get(pk=second.pk).delete()
    with pytest.raises(ObjectDoesNotExist):
        do(second)
    assert primary(user) == first.pk


def test_the_database_refuses_a_second_primary_picture(user, add):
    _first, second = add(2)
    with pytest.raises(IntegrityError), transaction.atomic():
        Picture.objects.filter(pk=second.pk).update(primary_of=user)


def test_the_database_refuses_a_primary_picture_of_somebody_else(add):
    _first, second = add(2)
    with pytest.raises(IntegrityError), transaction.atomic():
        Picture.objects.filter(pk=second.pk).update(primary_of=User.objects.create(username="b"))


def test_a_stale_instance_undoes_neither_choice_nor_order(user, add):
    first, second = add(2)
    Picture.objects.get(pk=second.pk).make_primary()
    Picture.objects.get(pk=second.pk).move_to(1)
    first.avatar = make_upload(color="gold")
    first.save()
    second.save()
    assert primary(user) == second.pk
    assert order(user) == [second.pk, first.pk]


def test_a_stale_instance_of_a_deleted_picture_is_not_shown(user, add):
    """Django inserts its row again, without the file, which is gone."""
    first, second = add(2)
    Picture.objects.get(pk=first.pk).delete()
    settle()
    first.save()
    assert primary(user) == second.pk


def test_a_stale_instance_of_an_empty_place_does_not_remove_a_new_picture(user, add):
    """``avatar_build --missing=clear`` leaves such a place."""
    add()
    Picture.objects.update(avatar="")
    stale, row = Picture.objects.get(), Picture.objects.get()
    assert not stale.avatar
    row.avatar = make_upload()
    row.save()
    stale.save()
    assert Picture.objects.get().avatar == row.avatar


def test_a_new_picture_is_shown_where_there_is_only_an_empty_place(user, add):
    add()
    Picture.objects.update(avatar="")
    second, third = add(2)
    assert primary(user) == second.pk
    assert not Picture.objects.get(pk=third.pk).is_primary


@pytest.mark.parametrize(
    ("moved", "place", "expected"),
    [
        (0, 2, [1, 0, 2]),
        (2, 1, [2, 0, 1]),
        (0, 99, [1, 2, 0]),
        (1, 2, [0, 1, 2]),
        (1, 0, [1, 0, 2]),
    ],
)
def test_pictures_are_moved(user, add, moved, place, expected):
    pictures = add(3)
    pictures[moved].move_to(place)
    assert order(user) == [pictures[number].pk for number in expected]
    assert pictures[moved].position == expected.index(moved)


def test_a_place_may_be_given(user, add):
    seventh, eighth = add(position=7), add()
    assert order(user) == [seventh.pk, eighth.pk]
    assert (seventh.position, eighth.position) == (7, 8)


# --- the cost ---------------------------------------------------------------------------------


def shown(owner: User) -> str:
    return Template("{% load avatar_kit %}{% avatar user 16 %}").render(Context({"user": owner}))


@pytest.mark.parametrize("load", ["select_related", "prefetch_avatars"])
def test_the_primary_picture_is_shown_without_a_query_or_a_storage_call(
    user, add, storage, django_assert_num_queries, load
):
    _first, second = add(2)
    add(2, owner=User.objects.create(username="bob"))
    second.make_primary()
    users = User.objects.order_by("pk")
    with django_assert_num_queries(1 if load == "select_related" else 2):
        if load == "select_related":
            users = list(users.select_related("primary_avatar"))
        else:
            prefetch_avatars(users)
    storage.calls.clear()
    with django_assert_num_queries(0):
        html = [shown(each) for each in users]
    assert storage.calls == []
    token = Picture.objects.get(pk=second.pk).avatar.avatar_name.token
    assert f"/{token}.16.webp" in html[0]
    assert 'alt="Ada Lovelace"' in html[0]
    assert 'alt="bob"' in html[1]


def test_a_user_without_pictures_has_the_fallback(user):
    assert not has_avatar(user)
    assert ">AL</text>" in shown(user)


# --- the limit --------------------------------------------------------------------------------


def test_the_limit_is_for_each_owner(settings, user, add, files):
    settings.AVATAR_KIT = {**settings.AVATAR_KIT, "GALLERY_LIMIT": 2}
    add(2)
    add(2, owner=User.objects.create(username="bob"))
    before = files()
    with pytest.raises(GalleryFull) as refused:
        add()
    settle()
    assert str(refused.value) == "The gallery is full: its limit is 2. Remove a picture first."
    assert len(order(user)) == 2
    assert files() == before


def test_forms_are_told_of_the_limit(settings, user, add):
    settings.AVATAR_KIT = {**settings.AVATAR_KIT, "GALLERY_LIMIT": 1}
    picture = add()
    with pytest.raises(ValidationError) as refused:
        Picture(owner=user, avatar=make_upload()).full_clean()
    assert [error.code for error in refused.value.error_dict["__all__"]] == ["gallery_full"]
    # It is there already, and may be changed.
    picture.full_clean()


def test_a_lower_limit_removes_nothing(settings, user, add):
    pictures = add(3)
    settings.AVATAR_KIT = {**settings.AVATAR_KIT, "GALLERY_LIMIT": 1}
    pictures[1].avatar = make_upload()
    pictures[1].save()
    assert len(order(user)) == 3


# --- deletion ---------------------------------------------------------------------------------


def test_the_first_of_the_others_takes_the_place_of_a_deleted_one(user, add):
    pictures = add(3)
    pictures[2].make_primary()
    pictures[2].delete()
    assert primary(user) == pictures[0].pk
    pictures[1].delete()
    assert primary(user) == pictures[0].pk
    pictures[0].delete()
    assert primary(user) is None


def test_an_empty_place_is_shown_only_if_there_is_nothing_else(user, add):
    first, empty, last = add(3)
    Picture.objects.filter(pk=empty.pk).update(avatar="")
    first.delete()
    assert primary(user) == last.pk
    last.delete()
    assert primary(user) == empty.pk


def test_several_are_deleted_at_once(user, add):
    pictures = add(4)
    Picture.objects.filter(pk__in=[pictures[0].pk, pictures[1].pk]).delete()
    assert primary(user) == pictures[2].pk


def assign_none(picture: Any) -> None:
    picture.avatar = None
    picture.save(update_fields=["avatar"])


def assign_nothing(picture: Any) -> None:
    picture.avatar = ""
    picture.save()


@pytest.mark.parametrize(
    "remove", [lambda picture: picture.avatar.delete(), assign_none, assign_nothing]
)
@pytest.mark.django_db(transaction=True)
def test_without_its_picture_a_row_is_deleted(user, add, files, remove):
    first, second = add(2)
    remove(Picture.objects.get(pk=first.pk))
    assert order(user) == [second.pk] == [primary(user)]
    assert len(files()) == 3


def test_saving_it_once_more_makes_no_empty_place(user, add):
    picture = add()
    picture.avatar.delete()
    picture.save()
    assert not Picture.objects.exists()


def test_a_deferred_picture_is_no_empty_one(user, add):
    picture = add()
    Picture.objects.only("position").get().save()
    Picture.objects.get().save(update_fields=["position"])
    emptied = Picture.objects.get()
    emptied.avatar = ""
    emptied.save(update_fields=["position"])
    assert order(user) == [picture.pk]


@pytest.mark.django_db(transaction=True)
def test_no_file_outlives_the_owner(user, add, files):
    add(3)
    assert len(files()) == 9
    user.delete()
    assert files() == set()
    assert not Picture.objects.exists()


# --- fixtures, copies, checks -----------------------------------------------------------------


def test_a_fixture_restores_choice_and_order_beyond_the_limit(settings, user, add):
    pictures = add(3)
    pictures[2].make_primary()
    pictures[2].move_to(1)
    expected = order(user)
    rows = serializers.serialize("json", Picture.objects.all())
    settings.AVATAR_KIT = {**settings.AVATAR_KIT, "GALLERY_LIMIT": 1}
    with transaction.atomic():
        Picture.objects.all()._raw_delete("default")
        for row in serializers.deserialize("json", rows):
            row.save()
        assert order(user) == expected
        assert primary(user) == pictures[2].pk


def test_a_copy_is_another_picture(user, add):
    picture = add()
    copied = Picture.objects.get()
    copied.pk = copied.position = copied.primary_of = None
    copied.save()
    assert order(user) == [picture.pk, copied.pk]
    assert primary(user) == picture.pk


def test_users_with_a_profile_and_a_gallery_are_reported(settings):
    settings.AVATAR_KIT = {}
    (message,) = check_models()
    assert message.id == "avatar_kit.W006"
    assert "“avatar_profile”, “primary_avatar”" in message.msg
    settings.AVATAR_KIT = {"OWNER": {"auth.user": "primary_avatar"}}
    assert check_models() == []
