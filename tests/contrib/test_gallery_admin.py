"""The gallery in Django's admin."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from django_avatar_kit.contrib.gallery.models import Picture
from django_avatar_kit.rendering import avatar_html
from django_avatar_kit.test import make_upload, settle
from tests.support.admin import cells
from tests.support.pages import told

LIST = "admin:avatar_kit_gallery_picture_changelist"


@pytest.fixture
def client(client: Any, db: None) -> Any:
    client.force_login(User.objects.create_superuser("root"))
    return client


@pytest.fixture
def pictures(user: User) -> list[Picture]:
    made = [Picture(owner=user, avatar=make_upload()) for _ in range(3)]
    for picture in made:
        picture.save()
    return list(Picture.objects.all())


def test_the_list_shows_pictures_and_which_are_shown(client, pictures):
    response = client.get(reverse(LIST), {"q": "ada"})
    images = cells(response, "avatar")
    assert len(images) == 3
    assert (
        avatar_html(pictures[0], 32, alt="Ada Lovelace", class_="avatar-kit-thumbnail")
        in images[0]
    )
    assert ["True" in cell for cell in cells(response, "is_shown")] == [True, False, False]
    assert cells(client.get(reverse(LIST), {"q": "bob"}), "avatar") == []


def test_a_picture_is_chosen_by_an_action(client, pictures):
    sent = {"action": "make_primary", "_selected_action": [pictures[2].pk]}
    assert client.post(reverse(LIST), sent).status_code == 302
    assert Picture.objects.get(primary_of__isnull=False) == pictures[2]


def test_pictures_are_deleted_by_djangos_own_action(client, pictures, files):
    sent = {
        "action": "delete_selected",
        "_selected_action": [pictures[0].pk, pictures[1].pk],
        "post": "yes",
    }
    assert client.post(reverse(LIST), sent).status_code == 302
    settle()
    assert Picture.objects.get(primary_of__isnull=False) == pictures[2]
    assert len(files()) == 3


def test_a_picture_is_added_and_the_limit_holds(client, user, settings):
    settings.AVATAR_KIT = {**settings.AVATAR_KIT, "GALLERY_LIMIT": 1}
    url = reverse("admin:avatar_kit_gallery_picture_add")
    assert client.post(url, {"owner": user.pk, "avatar": make_upload()}).status_code == 302
    response = client.post(url, {"owner": user.pk, "avatar": make_upload()})
    assert response.status_code == 200
    assert "The gallery is full: its limit is 1." in response.content.decode()
    assert Picture.objects.count() == 1


def test_a_picture_stays_that_of_its_owner(client, user, pictures):
    """The database would refuse another one for a picture that is shown."""
    url = reverse("admin:avatar_kit_gallery_picture_change", args=[pictures[0].pk])
    other = User.objects.get(username="root")
    assert client.post(url, {"owner": other.pk, "avatar": ""}).status_code == 302
    assert list(Picture.objects.filter(owner=user)) == pictures


def test_a_gallery_that_is_filled_meanwhile_is_told_of(client, user, settings, monkeypatch):
    settings.AVATAR_KIT = {**settings.AVATAR_KIT, "GALLERY_LIMIT": 1}
    monkeypatch.setattr(Picture, "_check_room", lambda *args: None)
    url = reverse("admin:avatar_kit_gallery_picture_add")
    client.post(url, {"owner": user.pk, "avatar": make_upload()})
    response = client.post(url, {"owner": user.pk, "avatar": make_upload()})
    assert told(response)[-1].startswith("The gallery is full")
    assert Picture.objects.count() == 1


def change_user(client: Any, user: User, **sent: Any) -> Any:
    """Post the page of a user with these values of the pictures' inline."""
    values = {
        "username": "ada",
        "date_joined_0": "2026-01-01",
        "date_joined_1": "12:00:00",
        "avatar_profile-TOTAL_FORMS": "0",
        "avatar_profile-INITIAL_FORMS": "0",
    }
    values |= {f"avatar_pictures-{name.replace('__', '-')}": sent[name] for name in sent}
    return client.post(reverse("admin:auth_user_change", args=[user.pk]), values)


def test_pictures_are_added_and_removed_on_the_page_of_their_user(client, user, pictures):
    response = client.get(reverse("admin:auth_user_change", args=[user.pk]))
    assert [form.instance for form in response.context["inline_admin_formsets"][1].formset] == [
        *pictures
    ]
    response = change_user(
        client,
        user,
        TOTAL_FORMS="4",
        INITIAL_FORMS="3",
        **{f"{n}__id": each.pk for n, each in enumerate(pictures)},
        **{"0__DELETE": "on", "3__avatar": make_upload()},
    )
    assert response.status_code == 302
    left = list(Picture.objects.all())
    assert left[:2] == pictures[1:]
    assert len(left) == 3
    assert left[0].is_primary


def test_an_inline_does_not_pass_the_limit(client, user, settings):
    settings.AVATAR_KIT = {**settings.AVATAR_KIT, "GALLERY_LIMIT": 1}
    uploads = {f"{number}__avatar": make_upload() for number in range(2)}
    response = change_user(client, user, TOTAL_FORMS="2", INITIAL_FORMS="0", **uploads)
    assert response.status_code == 200
    assert "Please submit at most 1 form." in response.content.decode()
    assert not Picture.objects.exists()


def test_a_lower_limit_lets_the_page_of_a_user_be_saved(client, user, pictures, settings):
    settings.AVATAR_KIT = {**settings.AVATAR_KIT, "GALLERY_LIMIT": 2}
    of_rows = {f"{number}__id": each.pk for number, each in enumerate(pictures)}
    sent = {"TOTAL_FORMS": "3", "INITIAL_FORMS": "3", **of_rows}
    assert change_user(client, user, **sent).status_code == 302
    sent |= {"TOTAL_FORMS": "4", "3__avatar": make_upload()}
    assert "Please submit at most 3 forms." in change_user(client, user, **sent).content.decode()
    assert Picture.objects.count() == 3
