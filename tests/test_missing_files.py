"""``FALLBACK_IF_MISSING``: a copy of production's rows, without production's files."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.template import Context, Template
from django.test import Client

from django_avatar_kit.checks import check_settings
from django_avatar_kit.rendering import avatar_html, avatar_url, get_face, has_avatar
from django_avatar_kit.test import make_upload, settle
from django_avatar_kit.view_answers import avatar_data
from tests.support.build import old_file
from tests.support.lifecycle import column, files_of, fresh, set_column
from tests.support.pages import CHANGE, DELETE, Needed
from tests.support.stored_keys import KEY, TOKEN
from tests.testapp.models import Default, Pet, Profile

pytestmark = pytest.mark.django_db

INITIALS = re.compile(r'<svg width="(\d+)" height="\1" .*>AL</text></svg>')


@pytest.fixture(autouse=True)
def developing(settings: Any) -> None:
    settings.AVATAR_KIT = {"FALLBACK_IF_MISSING": True}


@pytest.fixture
def user() -> User:
    user: User = User.objects.create(username="ada", first_name="Ada", last_name="Lovelace")
    return user


@pytest.fixture
def profile(user: User) -> Profile:
    """A row of production, whose files nobody has copied."""
    row = Profile.objects.create(user=user)
    set_column(row, KEY)
    return Profile.objects.select_related("user").get()


@pytest.fixture
def client(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def initials_url(owner: Any) -> str:
    """Where an owner without an avatar is shown."""
    return avatar_url(Profile(user=owner), 64)


# --- what is shown ---


def test_the_initials_stand_for_a_file_that_is_missing(profile):
    template = Template(
        "{% load avatar_kit %}{% avatar profile 48 %}{% avatar profile.user 200 %}"
    )
    shown = template.render(Context({"profile": profile}))
    assert [match[1] for match in INITIALS.finditer(shown.replace("</svg>", "</svg>\n"))] == [
        "48",
        "200",
    ]


def test_every_way_to_a_url_leads_to_the_initials(profile):
    url = initials_url(profile.user)
    assert url.startswith("/avatar/initials/")
    face = get_face(profile, 64)
    assert avatar_url(profile, 64) == avatar_url(profile.user, 256) == url
    assert profile.avatar.url == profile.avatar.url_for(64) == url
    assert (face.src, face.srcset, face.color, face.placeholder) == (url, "", "", "")
    assert f"{face}" == avatar_html(profile, 64)


def test_an_avatar_that_was_uploaded_here_shows_itself(profile, settings):
    profile.avatar = make_upload(size=(600, 600))
    profile.save()
    here = fresh(profile)
    shown = avatar_html(here, 64), here.avatar.url, get_face(here, 64)
    settings.AVATAR_KIT = {}
    assert shown == (avatar_html(here, 64), here.avatar.url, get_face(here, 64))
    assert "<img" in shown[0]


def test_a_file_from_before_the_kit_is_looked_for_as_well(profile, media):
    set_column(profile, "photos/ada.jpg")
    assert avatar_url(fresh(profile), 64).startswith("/avatar/initials/")
    set_column(profile, old_file(media, "photos/ada.jpg"))
    assert avatar_url(fresh(profile), 64) == "/media/photos/ada.jpg"


def test_a_default_that_is_missing_is_no_broken_picture(media):
    row = Default(pk=1)
    assert avatar_html(row, 64).startswith("<svg")
    old_file(media, "default.jpg")
    assert avatar_html(row, 64).startswith('<img src="/media/default.jpg"')


def test_renditions_are_looked_for_where_they_are_stored(settings, renditions):
    pet = Pet.objects.create(portrait=make_upload(size=(600, 600)))
    assert pet.portrait.url.startswith("/renditions/")
    (renditions / pet.portrait.avatar_name.renditions[-1]).unlink()
    assert pet.portrait.url.startswith("/avatar/initials/")


def test_a_text_of_the_column_and_a_row_without_an_avatar(profile):
    assert avatar_html(KEY, 64) == avatar_html(None, 64)
    assert INITIALS.fullmatch(avatar_html(Profile(user=profile.user), 64))
    assert avatar_html(User(username="grace"), 64).startswith("<svg")


def test_the_row_still_has_its_avatar(profile):
    assert has_avatar(profile)


# --- what it costs ---


def test_off_by_default_and_then_no_file_is_looked_for(profile, storage, settings):
    settings.AVATAR_KIT = {}
    storage.calls.clear()
    assert "<img" in avatar_html(profile, 64)
    assert avatar_url(profile, 64).endswith(".64.webp")
    assert profile.avatar.url.endswith(".512.webp")
    get_face(profile, 64)
    assert storage.calls == []


def test_one_look_for_each_picture_on_a_page(profile, storage):
    template = Template("{% load avatar_kit %}{% for row in rows %}{% avatar row %}{% endfor %}")
    storage.calls.clear()
    template.render(Context({"rows": [profile] * 3}))
    assert storage.calls == [("exists", f"{KEY.partition('-')[0]}.512.webp")] * 3


# --- pages ---


def test_the_form_shows_the_initials_and_offers_no_other_part(client, profile):
    html = client.get(CHANGE).content.decode()
    assert re.search(r'data-part="current"><svg width="96" height="96"', html)
    assert 'data-master="null"' in html
    assert "Choose another picture" in html


def test_a_required_picture_is_not_asked_for_again(profile):
    form = Needed({"bio": "countess"}, {}, instance=profile)
    form.fields["avatar"].required = True
    assert form.is_valid(), form.errors


def test_json_has_the_initials(profile):
    avatar, url = avatar_data(profile.avatar), initials_url(profile.user)
    assert avatar["has_avatar"] is True
    assert avatar["src"] == url
    assert set(avatar["urls"].values()) == {url}


@pytest.mark.urls("tests.admin.urls")
def test_the_admin_shows_the_initials(profile):
    User.objects.create_superuser("root")
    client = Client()
    client.force_login(User.objects.get(username="root"))
    shown = {"": 32, f"{profile.pk}/change/": 96}
    for page, size in shown.items():
        html = client.get(f"/admin/testapp/profile/{page}").content.decode()
        assert f'<svg width="{size}" height="{size}" viewBox="0 0 64 64"' in html
        assert KEY.partition("-")[0] not in html


# --- what is saved and deleted ---


def test_another_column_is_saved_and_the_name_stays(profile):
    profile.bio = "countess"
    profile.save()
    settle()
    assert column(profile) == KEY


def test_a_missing_avatar_is_replaced(client, profile, files, caplog):
    client.post(CHANGE, {"avatar": make_upload(), "bio": "countess"})
    settle()
    assert files() == files_of(column(profile)) != files_of(KEY)
    assert caplog.messages == []


def test_a_missing_avatar_is_removed(client, profile, files, caplog):
    client.post(DELETE)
    settle()
    assert (column(profile), files()) == ("", set())
    assert caplog.messages == []


def test_a_row_with_a_missing_avatar_is_deleted(profile, files, caplog):
    profile.delete()
    settle()
    assert files() == set()
    assert caplog.messages == []


def test_a_missing_avatar_cannot_be_cropped_anew_and_stays(client, profile, caplog):
    html = client.post(CHANGE, {"avatar-crop": f"0,0,750,750,1000,750,{TOKEN}"}).content.decode()
    assert "Your picture could not be saved" in html
    assert column(profile) == KEY


# --- the check ---


@pytest.mark.parametrize(
    ("debug", "on", "ids"),
    [
        (False, True, ["avatar_kit.W007"]),
        (True, True, []),
        (False, False, []),
    ],
)
def test_a_warning_where_it_is_on_in_production(settings, debug, on, ids):
    settings.DEBUG, settings.AVATAR_KIT = debug, {"FALLBACK_IF_MISSING": on}
    messages = check_settings()
    assert [message.id for message in messages] == ids
