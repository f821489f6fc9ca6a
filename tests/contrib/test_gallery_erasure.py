"""After a user is erased, nothing is left of their gallery and of the kit's profile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from django_avatar_kit.contrib.gallery.models import Picture
from django_avatar_kit.contrib.profile.models import Profile
from django_avatar_kit.test import make_upload
from tests.contrib.teams.models import Team, TeamPortrait
from tests.support.erasure import everything, fill_thumbnails, traces

pytestmark = pytest.mark.django_db(transaction=True)


def make_ada(settings: Any, name: str = "ada-of-1815") -> User:
    """Three pictures, of which one was replaced and another was chosen, and a profile."""
    user = User.objects.create(username=name)
    pictures = [
        Picture.objects.create(owner=user, avatar=make_upload(color=color))
        for color in ("red", "gold", "blue")
    ]
    pictures[1].make_primary()
    pictures[2].avatar.save("ada-of-1815.png", make_upload(color="lime"))
    profile = Profile.objects.create(user=user, avatar=make_upload())
    fill_thumbnails(settings, profile.avatar, *(each.avatar for each in pictures))
    return user


def by_instance(user: User) -> None:
    user.delete()


def by_queryset(user: User) -> None:
    User.objects.filter(pk=user.pk).delete()


def in_the_admin(user: User) -> None:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    response = client.post(f"/admin/auth/user/{user.pk}/delete/", {"post": "yes"})
    assert response.status_code == 302
    User.objects.get(username="root").delete()


@pytest.mark.parametrize("erase", [by_instance, by_queryset, in_the_admin])
def test_as_if_she_had_never_been_here(erase: Callable[[User], None], settings):
    bo = make_ada(settings, "bo")
    before = everything("default")
    ada = make_ada(settings)
    erase(ada)
    assert everything("default") == before
    assert traces("ada-of-1815") <= {"django_admin_log"}
    assert bo.avatar_pictures.count() == 3


def test_the_pictures_of_somebody_who_stays(settings):
    """As the how-to says: one after the other, because each is a row."""
    user = User.objects.create(username="ada")
    before = everything("default")
    for color in ("red", "gold"):
        Picture.objects.create(owner=user, avatar=make_upload(color=color))
    for picture in user.avatar_pictures.all():
        picture.delete()
    assert everything("default") == before


def test_the_gallery_of_a_team(settings):
    before = everything("default")
    team = Team.objects.create(name="t")
    portrait = TeamPortrait.objects.create(owner=team, avatar=make_upload(), caption="c")
    fill_thumbnails(settings, portrait.avatar)
    team.delete()
    assert everything("default") == before
