"""What all pages share: the policy they run under, what they never show, and how they fail."""

from __future__ import annotations

import re
from itertools import pairwise

import django
import pytest
from django.test import Client

from django_avatar_kit.test import make_upload
from profiles.models import Team
from profiles.views import PeopleView

from .factories import ProfileFactory, UserFactory
from .support import Page

pytestmark = pytest.mark.django_db

PAGES = (
    "/",
    "/teams/",
    "/people/ada/",
    "/me/",
    "/avatar/",
    "/avatar/delete/",
    "/rounds/",
    "/storage/",
)
LOGIN = "/accounts/login/"


@pytest.fixture
def ada(client):
    profile = ProfileFactory(
        user=UserFactory(username="ada", is_staff=True), display_name="Ada Byron", pictured=True
    )
    Team.objects.create(name="Engines").members.add(profile)
    client.force_login(profile.user)
    return profile


@pytest.mark.skipif(django.VERSION < (6, 0), reason="Django has the middleware since 6.0")
@pytest.mark.parametrize("address", [*PAGES, "/nowhere/", "/admin/"])
def test_every_page_is_under_a_strict_policy(client, ada, address):
    assert client.get(address)["Content-Security-Policy"] == (
        "default-src 'self'; img-src 'self' blob:; object-src 'none'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    )


@pytest.mark.parametrize("address", [*PAGES, LOGIN, "/nowhere/"])
def test_no_page_needs_an_exception_from_that_policy(client, ada, address):
    client.post("/rounds/all/send/", {"picture": make_upload()})
    if address == LOGIN:
        client.logout()
    page = Page(client.get(address).text)
    assert page.attributes("style") == []
    for script in page.attributes("script"):
        assert script.get("src")
    for tag, attrs in page.elements:
        assert "style" not in attrs, tag
        assert not [name for name in attrs if name.startswith("on")], tag
        links = [attrs.get(name) or "" for name in ("src", "srcset", "href", "action")]
        assert not [link for link in links if re.match(r"\s*(data|javascript):", link)], tag


@pytest.mark.parametrize("address", ["/", "/teams/", "/people/ada/", "/me/"])
def test_pages_for_people_show_no_keys_of_storage(client, ada, stored, address):
    page = Page(client.get(address).text)
    assert ada.avatar.name not in page.html
    keys = [key for key in stored() if any(key in text for text in page.texts)]
    assert keys == []
    assert not [text for text in page.texts if "avatars/" in text]


@pytest.mark.parametrize("address", [*PAGES, LOGIN, "/nowhere/"])
def test_no_page_speaks_of_lanes(client, ada, address):
    page = Page(client.get(address, follow=True).text)
    assert not [text for text in page.texts if re.search(r"\blanes?\b", text, re.IGNORECASE)]


@pytest.mark.parametrize("address", [*PAGES, LOGIN, "/nowhere/"])
def test_every_page_has_its_landmarks_and_headings_in_order(client, ada, address):
    if address == LOGIN:
        client.logout()
    page = Page(client.get(address).text)
    for landmark in ("header", "main", "footer"):
        named = [attrs for attrs in page.attributes(landmark) if "class" in attrs or "id" in attrs]
        assert len(named) == 1
    skip = page.attributes("a")[0]
    assert skip["href"] == "#main"
    main = page.elements.index(("main", {"id": "main", "tabindex": "-1"}))
    levels = [int(tag[1]) for tag, _ in page.elements[main:] if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    for before, after in pairwise(levels):
        assert after <= before + 1
    ids = [attrs["id"] for _, attrs in page.elements if "id" in attrs]
    assert len(ids) == len(set(ids))


def test_my_picture_in_the_header_is_the_new_one_at_once(client, ada):
    old = ada.avatar.url_for(32)
    response = client.post(
        "/avatar/", {"avatar": make_upload(color="navy"), "next": "/me/"}, follow=True
    )
    ada.refresh_from_db()
    header = response.text.partition("<main")[0]
    assert ada.avatar.url_for(32) in header
    assert old not in response.text


def test_my_picture_can_be_removed_on_one_page_only(client, ada):
    for address in ("/", "/people/ada/", "/me/"):
        page = Page(client.get(address).text)
        links = [link.get("href") or "" for link in page.attributes("a")]
        assert not [link for link in links if link.startswith("/avatar/delete/")]
        assert page.attributes("input") == [
            each for each in page.attributes("input") if each.get("type") != "checkbox"
        ]


def test_only_i_am_offered_to_edit_my_profile(client, ada):
    other = ProfileFactory()
    assert "Edit profile" in client.get("/people/ada/").text
    assert "Edit profile" not in client.get(f"/people/{other.user.username}/").text


@pytest.mark.parametrize("address", ["/people/nobody/", "/people/gone/"])
def test_people_who_are_not_here_have_no_page(client, address):
    ProfileFactory(user__username="gone", user__is_active=False)
    assert client.get(address).status_code == 404


def test_a_person_without_a_profile_has_a_page(client):
    UserFactory(username="kim@example.org")
    response = client.get("/people/kim@example.org/")
    assert response.status_code == 200
    assert "<h1><bdi>kim@example.org</bdi></h1>" in response.text


def test_teams_take_two_queries(client, django_assert_num_queries):
    for name in ("Engines", "Looms"):
        Team.objects.create(name=name).members.set(ProfileFactory.create_batch(3, pictured=True))
    with django_assert_num_queries(2):
        client.get("/teams/")
    team = Team.objects.get(name="Looms")
    with django_assert_num_queries(2):
        client.get(team.get_absolute_url())


def test_a_team_shows_five_and_says_how_many_more_there_are(client):
    team = Team.objects.create(name="Engines")
    team.members.set(ProfileFactory.create_batch(7, pictured=True))
    page = client.get("/teams/").text
    assert page.count("srcset=") == 5
    assert "+2" in page
    assert "7 people" in page
    assert client.get(team.get_absolute_url()).text.count("srcset=") == 7


@pytest.mark.parametrize("address", ["/teams/", "/teams/{team.pk}/"])
def test_closed_accounts_are_in_no_team(client, address):
    team = Team.objects.create(name="Engines")
    team.members.add(
        ProfileFactory(display_name="Ada Byron"),
        ProfileFactory(display_name="Gone Away", user__is_active=False),
    )
    page = client.get(address.format(team=team)).text
    assert "Ada Byron" in page
    assert "Gone Away" not in page
    assert "1 person" in page


def test_there_is_no_team_yet(client):
    assert "There is no team yet." in client.get("/teams/").text


# --- after an error ---------------------------------------------------------------------------


def test_a_wrong_password_is_where_the_focus_is(client):
    response = client.post(LOGIN, {"username": "ada", "password": "wrong"})
    focused = [attrs for _, attrs in Page(response.text).elements if "autofocus" in attrs]
    # The first of a page counts: the message, not the field for the name.
    assert focused[0]["role"] == "alert"
    assert response.text.count("Please enter a correct username and password") == 1


def test_a_field_that_is_missing_is_where_the_focus_is(client):
    page = Page(client.post(LOGIN, {"username": "ada", "password": ""}).text)
    (focused,) = [attrs for _, attrs in page.elements if "autofocus" in attrs]
    assert (focused["name"], focused["aria-invalid"]) == ("password", "true")


def test_words_that_are_too_long_are_where_the_focus_is(client, ada):
    response = client.post("/me/", {"display_name": "A" * 80, "headline": "B" * 121})
    page = Page(response.text)
    (focused,) = [attrs for _, attrs in page.elements if "autofocus" in attrs]
    assert (focused["name"], focused["aria-invalid"]) == ("headline", "true")
    assert "at most 120 characters" in response.text


# --- when something is wrong ------------------------------------------------------------------


def test_a_page_that_fails_says_so_in_the_language_of_the_visitor(settings, monkeypatch):
    client = Client(raise_request_exception=False)
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "de"

    def fail(self):
        raise RuntimeError("This is thrown on purpose.")

    monkeypatch.setattr(PeopleView, "get_queryset", fail)
    response = client.get("/")
    assert response.status_code == 500
    page = Page(response.text)
    assert page.attributes("html")[0]["lang"] == "de"
    assert "Etwas ist schiefgegangen" in page.texts
    assert "Anmelden" not in page.texts


def test_a_form_without_its_token_says_that_nothing_was_saved(ada):
    client = Client(enforce_csrf_checks=True)
    client.force_login(ada.user)
    response = client.post("/me/", {"display_name": "Eve"})
    assert response.status_code == 403
    assert "Nothing has been saved." in response.text
    ada.refresh_from_db()
    assert ada.display_name == "Ada Byron"
