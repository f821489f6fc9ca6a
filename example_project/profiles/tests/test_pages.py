from __future__ import annotations

import re

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.files.storage import FileSystemStorage
from django.urls import reverse

from profiles.models import Profile
from profiles.views import PeopleView

from .factories import ProfileFactory, UserFactory

pytestmark = pytest.mark.django_db

LOGIN = "/accounts/login/"


def test_people_take_one_query_and_nothing_from_storage(
    client, django_assert_num_queries, monkeypatch
):
    ProfileFactory.create_batch(3, pictured=True)
    ProfileFactory.create_batch(2)
    UserFactory()

    def refuse(self, name, *args):
        raise AssertionError(f"storage was asked for {name}")

    for method in ("_open", "_save", "delete", "exists", "listdir", "size", "path"):
        monkeypatch.setattr(FileSystemStorage, method, refuse)
    with django_assert_num_queries(1):
        response = client.get("/")
    people = response.text[response.text.index("<main") :]
    assert len(re.findall(r"<img [^>]*srcset", people)) == 3
    assert len(re.findall(r"<svg ", people)) == 3


@pytest.mark.parametrize(("visitor", "queries"), [("stranger", 1), ("member", 4)])
def test_the_foot_says_how_many_queries_a_page_took(client, settings, visitor, queries):
    # Of a member: their session, account and profile, and the one for all people.
    settings.DEBUG = True
    ProfileFactory.create_batch(3)
    if visitor == "member":
        client.force_login(ProfileFactory().user)
    assert f"Database queries for this page: {queries}<" in client.get("/").text


def test_in_production_no_page_counts_queries(client):
    assert "Database queries" not in client.get("/").text


def test_people_without_people(client):
    assert "Nobody is here yet." in client.get("/").text


def test_pictures_at_the_top_are_loaded_at_once_and_others_when_they_come_near(
    client, monkeypatch
):
    monkeypatch.setitem(PeopleView.extra_context, "eager", 2)
    me, *_others = ProfileFactory.create_batch(4, pictured=True)
    client.force_login(me.user)
    loading = re.findall(r'<img [^>]*srcset[^>]* loading="(\w+)"', client.get("/").text)
    # My own in the header comes first.
    assert loading == ["eager", "eager", "eager", "lazy", "lazy"]
    for page in ("/me/", f"/people/{me.user.username}/"):
        assert 'loading="lazy"' not in client.get(page).text


def test_a_name_beside_its_picture_is_not_said_twice(client):
    ProfileFactory(display_name="Ada Byron", pictured=True)
    response = client.get("/")
    assert "Ada Byron" in response.text
    assert "alt=" in response.text
    assert 'alt="Ada' not in response.text


def test_looking_at_my_profile_makes_no_row(client):
    client.force_login(UserFactory())
    assert client.get("/me/").status_code == 200
    assert not Profile.objects.exists()


def test_my_words_do_not_touch_my_picture(client, stored):
    profile = ProfileFactory(pictured=True)
    before = (profile.avatar.name, stored())
    client.force_login(profile.user)
    client.post("/me/", {"display_name": "Ada", "headline": "Counts"})
    profile.refresh_from_db()
    assert profile.display_name == "Ada"
    assert (profile.avatar.name, stored()) == before


def test_my_words_before_there_is_a_row(client):
    user = UserFactory()
    client.force_login(user)
    client.post("/me/", {"display_name": "Ada", "headline": ""})
    assert str(Profile.objects.get(user=user)) == "Ada"


def test_a_profile_without_a_name_has_that_of_the_account():
    assert str(Profile(user=UserFactory(username="ada"))) == "ada"


def test_log_in_and_out(client):
    user = UserFactory(username="ada")
    user.set_password("lovelace")
    user.save()
    response = client.post(LOGIN, {"username": "ada", "password": "lovelace"})
    assert response["Location"] == "/me/"
    assert client.post("/accounts/logout/")["Location"] == "/"
    assert client.get("/me/")["Location"] == f"{LOGIN}?next=/me/"


def test_storage_is_not_for_strangers(client):
    assert client.get("/storage/")["Location"] == f"{LOGIN}?next=/storage/"


def test_storage_is_not_for_everyone(client):
    client.force_login(UserFactory())
    response = client.get("/storage/")
    assert response.status_code == 403
    assert "This page is for staff" in response.text


def test_storage_lists_every_file(client, stored, settings):
    ProfileFactory(pictured=True, display_name="Ada Byron")
    client.force_login(UserFactory(is_staff=True))
    response = client.get("/storage/")
    assert f'Folder: <code class="where">{settings.MEDIA_ROOT}</code>' in response.text
    assert "Ada Byron" in response.text
    assert stored()
    for key in stored():
        assert f"<code>{key}</code>" in response.text


def test_storage_is_cut_into_pages(client, monkeypatch):
    monkeypatch.setattr("profiles.views.StorageView.per_page", 1)
    ProfileFactory.create_batch(2, pictured=True)
    client.force_login(UserFactory(is_staff=True))
    assert "Page 1 of 2" in client.get("/storage/").text
    assert "Page 2 of 2" in client.get("/storage/?page=2").text


def test_admin_lists_and_changes_profiles(client):
    staff = UserFactory(is_staff=True)
    staff.user_permissions.set(Permission.objects.filter(content_type__app_label="profiles"))
    profile = ProfileFactory(pictured=True, display_name="Ada Byron")
    client.force_login(staff)
    assert "Ada Byron" in client.get(reverse("admin:profiles_profile_changelist")).text
    url = reverse("admin:profiles_profile_change", args=[profile.pk])
    assert client.get(url).status_code == 200
    data = {"user": profile.user.pk, "display_name": "Ada King", "headline": ""}
    assert client.post(url, data).status_code == 302
    name = profile.avatar.name
    profile.refresh_from_db()
    assert (profile.display_name, profile.avatar.name) == ("Ada King", name)


def test_missing_pages_look_like_the_site(client):
    response = client.get("/nowhere/")
    assert response.status_code == 404
    assert '<nav class="links" aria-label="Main menu">' in response.text


def test_accounts_that_were_closed_are_not_shown(client):
    ProfileFactory(display_name="Ada Byron")
    get_user_model().objects.update(is_active=False)
    assert "Ada Byron" not in client.get("/").text
