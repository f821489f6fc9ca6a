"""What each way to keep a picture leaves in storage. With real commits, as in a site."""

from __future__ import annotations

import html
import re
import shlex

import pytest
from django.core.management import call_command

from django_avatar_kit.test import make_upload
from profiles.rounds import KIT, WAYS, WAYS_BY_SLUG

from .factories import ProfileFactory

pytestmark = pytest.mark.django_db(transaction=True)

#: Files of each way: after an upload, after it was replaced, after the row was deleted.
LEFT = {
    "plain": (1, 2, 2),
    "cleanup": (1, 1, 0),
    "thumbnails": (3, 3, 0),
    "thumbnailer": (3, 3, 0),
    "kit": (6, 6, 0),
}


@pytest.fixture(autouse=True, params=["folder", "bucket"])
def stored(request):
    """Each test once with media in a folder, and once in a bucket."""
    return request.getfixturevalue(f"in_{request.param}")


@pytest.fixture
def owner(client):
    user = ProfileFactory().user
    client.force_login(user)
    return user


def send(client, way="all", upload=None):
    response = client.post(f"/rounds/{way}/send/", {"picture": upload or make_upload()})
    assert response["Location"] == "/rounds/"
    # Drawn once, since easy-thumbnails makes its files while they are shown.
    return client.get("/rounds/")


def count(stored, way, owner) -> int:
    return sum(key.startswith(way.prefix(owner)) for key in stored())


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.slug)
def test_what_is_left(client, owner, stored, way):
    uploaded, replaced, deleted = LEFT[way.slug]
    send(client, way.slug, make_upload("one.jpg"))
    assert count(stored, way, owner) == len(stored()) == uploaded
    response = send(client, way.slug, make_upload("two.jpg", color="navy"))
    assert count(stored, way, owner) == len(stored()) == replaced
    left = replaced - uploaded
    assert (f"left behind: {left}" in response.text) is bool(left)
    client.post(f"/rounds/{way.slug}/delete/")
    assert count(stored, way, owner) == len(stored()) == deleted


def test_all_ways_at_once(client, owner, stored):
    send(client)
    send(client)
    for way in WAYS:
        assert count(stored, way, owner) == LEFT[way.slug][1]
    client.post("/rounds/all/delete/")
    for way in WAYS:
        assert count(stored, way, owner) == LEFT[way.slug][2]


def test_all_ways_take_an_upload_that_is_a_temporary_file(client, owner, stored, settings):
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 0
    send(client)
    for way in WAYS:
        assert count(stored, way, owner) == LEFT[way.slug][0]


def test_somebody_new(client, owner, stored):
    client.post("/rounds/all/send/", {"draw": "1"})
    assert all(count(stored, way, owner) for way in WAYS)


@pytest.mark.parametrize("way", ["all", "kit", "plain"])
def test_what_is_no_picture_goes_nowhere(client, owner, stored, way):
    response = send(client, way, make_upload("cat.jpg", b"meow"))
    assert '<div class="message error" role="alert" tabindex="-1" autofocus>' in response.text
    assert stored() == set()


@pytest.mark.parametrize("way", ["all", "plain"])
def test_nothing_was_chosen(client, owner, stored, way):
    response = client.post(f"/rounds/{way}/send/", follow=True)
    assert "This field is required" in response.text
    assert stored() == set()


def test_the_sweep_finds_what_round_1_left(client, owner, stored, capsys):
    send(client)
    send(client)
    call_command(
        "avatar_sweep",
        foreign=True,
        prefix="rounds/1-plain/",
        min_age="0",
        max_percent=100,
        delete=True,
    )
    for way in WAYS:
        assert count(stored, way, owner) == LEFT[way.slug][0]
    assert client.get("/rounds/").text.count("nothing left behind") == len(WAYS)


@pytest.mark.parametrize("page", ["/rounds/", "/storage/"])
def test_the_command_that_a_page_gives_clears_up(client, owner, stored, page):
    owner.is_staff = True
    owner.save()
    plain = WAYS_BY_SLUG["plain"]
    send(client, "plain")
    # Nothing but what is left behind: more than the sweep deletes unasked.
    client.post("/rounds/plain/delete/")
    assert count(stored, plain, owner) == 1
    (command,) = re.findall(r"<code>python manage\.py (.+)</code>", client.get(page).text)
    call_command(*shlex.split(html.unescape(command)))
    assert count(stored, plain, owner) == 0


# In a bucket, easy-thumbnails asks its tables for every thumbnail.
@pytest.mark.parametrize("stored", ["folder"], indirect=True)
def test_the_page_takes_a_query_for_each_way(client, owner, django_assert_num_queries):
    send(client)
    # And three for whoever looks: session, account, profile.
    with django_assert_num_queries(3 + len(WAYS)):
        client.get("/rounds/")


def test_everyone_sees_their_own(client, owner, stored):
    send(client)
    client.force_login(ProfileFactory().user)
    response = client.get("/rounds/")
    assert response.text.count("No picture yet.") == len(WAYS)


def test_formats_and_size_are_said_before_a_picture_is_chosen(client, owner):
    page = client.get("/rounds/").text
    assert "JPEG, PNG, WebP, GIF or AVIF" in page
    assert page.count("at most") == 1


def test_the_kit_is_one_of_the_ways():
    assert KIT in WAYS


@pytest.mark.parametrize("action", ["send", "delete"])
def test_unknown_ways_and_other_methods(client, owner, action):
    assert client.post(f"/rounds/nowhere/{action}/").status_code == 404
    assert client.get(f"/rounds/plain/{action}/").status_code == 405


def test_strangers_have_to_log_in(client):
    assert client.get("/rounds/")["Location"] == "/accounts/login/?next=/rounds/"
    assert client.post("/rounds/all/send/").status_code == 302
