"""Whoever is asked for: all functions give the same answer, and none of them a query more."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.utils.functional import SimpleLazyObject
from django.utils.safestring import SafeString, mark_safe

from django_avatar_kit.rendering import (
    avatar_group,
    avatar_html,
    avatar_url,
    get_face,
    has_avatar,
)
from tests.support.stored_keys import KEY, TOKEN
from tests.testapp.models import Profile

PICTURE = f"/media/avatars/3f/{TOKEN}.64.webp"


def answers(obj: object) -> list[object]:
    """What can be told of ``obj``: whether it has an avatar, its URLs, and what is shown."""
    face = get_face(obj, 64)
    markup = avatar_html(obj, 64)
    assert str(face) == markup
    assert str(avatar_group([obj], 64)).endswith(f"<li>{markup}</li></ul>")
    assert face.src == avatar_url(obj, 64)
    return [has_avatar(obj), face.src, avatar_url(obj, 64, format="jpeg"), face.alt]


@pytest.mark.parametrize(
    "nobody",
    [None, "", mark_safe(""), AnonymousUser(), SimpleLazyObject(lambda: None),
     SimpleLazyObject(AnonymousUser)],
    ids=type,
)  # fmt: skip
def test_nobody(nobody) -> None:
    assert answers(nobody) == [False, avatar_url(None, 64), "", ""]


@pytest.mark.parametrize("text", [KEY, SafeString(KEY), SimpleLazyObject(lambda: KEY)], ids=type)
def test_text_of_the_column(text) -> None:
    assert answers(text) == [True, PICTURE, PICTURE, ""]


def test_owners_and_their_profiles(ada, django_assert_num_queries) -> None:
    with django_assert_num_queries(1):
        expected = answers(ada)
    assert expected == [True, PICTURE, PICTURE, "Ada Lovelace"]
    profile = Profile.objects.select_related("user").get()
    with django_assert_num_queries(0):
        assert answers(ada.profile) == answers(profile) == answers(profile.avatar) == expected
        assert answers(SimpleLazyObject(lambda: ada)) == expected


def test_owner_without_a_profile(db, django_assert_num_queries) -> None:
    user = User.objects.create(username="ada")

    with django_assert_num_queries(1):
        given = answers(user)
    assert given == [False, avatar_url(user, 64), "", "ada"]
    assert answers(User(username="ada"))[3] == "ada"


def test_owner_who_has_been_deleted(ada) -> None:
    """A comment may still hold the instance."""
    shown = answers(ada)
    ada.delete()

    assert answers(ada) == shown
    gone = User(username="gone")
    assert answers(gone) == [False, avatar_url(gone, 64), "", "gone"]
