"""``contrib.profile``: avatars on users, without a model of the site's own."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.template import Context, Template
from django.urls import reverse

from django_avatar_kit.contrib.profile.models import Profile
from django_avatar_kit.rendering import avatar_html, has_avatar
from django_avatar_kit.test import make_upload, settle

#: The avatar of a user, where there are several.
SHOWN = "avatar_profile"


@pytest.fixture
def pictured(user: User) -> User:
    Profile.objects.create(user=user, avatar=make_upload())
    return User.objects.select_related("avatar_profile").get(pk=user.pk)


def shown(user: User) -> str:
    return Template("{% load avatar_kit %}{% avatar user 32 %}").render(Context({"user": user}))


# --- pages ------------------------------------------------------------------------------------


def test_a_user_without_a_row_has_the_fallback(user):
    assert not has_avatar(user)
    assert 'aria-label="Ada Lovelace"' in shown(user)
    assert ">AL</text>" in shown(user)
    assert not Profile.objects.exists()


def test_a_loaded_profile_is_shown_without_a_query_or_a_storage_call(
    pictured, storage, django_assert_num_queries
):
    storage.calls.clear()
    with django_assert_num_queries(0):
        assert f"{pictured.avatar_profile.avatar.avatar_name.token}.32.webp" in shown(pictured)
    assert storage.calls == []


def test_the_change_page_makes_the_row(client, user, files):
    client.force_login(user)
    response = client.post(reverse("kit:change"), {"avatar": make_upload()})
    assert response.status_code == 302
    assert has_avatar(User.objects.get())
    assert len(files()) == 3


def test_a_refused_picture_makes_no_row(client, user, files):
    client.force_login(user)
    response = client.post(reverse("kit:change"), {"avatar": make_upload(content=b"no picture")})
    assert response.status_code == 200
    assert not Profile.objects.exists()
    assert files() == set()


def test_the_delete_page_keeps_the_row(client, pictured, files):
    client.force_login(pictured)
    assert client.post(reverse("kit:delete")).status_code == 302
    settle()
    assert not has_avatar(User.objects.get())
    assert Profile.objects.count() == 1
    assert files() == set()


@pytest.mark.django_db(transaction=True)
def test_no_file_outlives_the_user(pictured, files):
    assert files()
    User.objects.get().delete()
    assert files() == set()


# --- the admin --------------------------------------------------------------------------------


@pytest.fixture
def staff(client: Any, db: None) -> Any:
    client.force_login(User.objects.create_superuser("root"))
    return client


def test_the_list_shows_pictures_and_finds_users(staff, pictured):
    picture = avatar_html(pictured, 32, alt="", class_="avatar-kit-thumbnail")
    url = reverse("admin:avatar_kit_profile_profile_changelist")
    assert picture in staff.get(url, {"q": "ad", "has_avatar": "yes"}).content.decode()
    assert picture not in staff.get(url, {"q": "bob"}).content.decode()


def test_the_inline_shows_and_saves_the_picture_of_a_user(staff, user):
    url = reverse("admin:auth_user_change", args=[user.pk])
    sent = {
        "username": "ada",
        "date_joined_0": "2026-01-01",
        "date_joined_1": "12:00:00",
        "avatar_profile-TOTAL_FORMS": "1",
        "avatar_profile-INITIAL_FORMS": "0",
        "avatar_profile-0-avatar": make_upload(),
        "avatar_pictures-TOTAL_FORMS": "0",
        "avatar_pictures-INITIAL_FORMS": "0",
    }
    assert staff.post(url, sent).status_code == 302
    assert has_avatar(User.objects.get(username="ada"))
