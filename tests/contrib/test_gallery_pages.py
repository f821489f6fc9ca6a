"""The pages of a gallery, as people, htmx and scripts use them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from unittest.mock import Mock

import pytest
from django.contrib.auth.models import User
from django.core.files.storage import FileSystemStorage
from django.test import Client
from django.urls import reverse

from django_avatar_kit.contrib.gallery.models import Picture
from django_avatar_kit.rendering import avatar_html, avatar_url
from django_avatar_kit.test import make_upload, settle
from tests.support.pages import told

PAGE = "/avatar/"
JSON = {"Accept": "application/json"}
HTMX = {"HX-Request": "true"}
JINJA2 = {"BACKEND": "django.template.backends.jinja2.Jinja2", "APP_DIRS": True}


@pytest.fixture
def client(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def add(user: User) -> Callable[..., list[Picture]]:
    def add(number: int, owner: User = user) -> list[Picture]:
        made = [Picture(owner=owner, avatar=make_upload()) for _ in range(number)]
        for picture in made:
            picture.save()
        return made

    return add


def url(name: str, picture: Picture) -> str:
    return reverse(f"avatar_kit:picture-{name}", args=[picture.pk])


def shown(owner: User) -> Any:
    return Picture.objects.filter(primary_of=owner).values_list("pk", flat=True).first()


def order() -> list[int]:
    return list(Picture.objects.values_list("pk", flat=True))


# --- the page ---------------------------------------------------------------------------------

TILE = """\
<li class="avatar-kit-tile{used}" id="picture-{pk}">
<span class="avatar-kit-label" id="label-{pk}">Picture {place}</span>
<span class="avatar-kit-face">{html}</span>
{use}
{move}
<a class="avatar-kit-change" href="/avatar/{pk}/?next=/avatar/" id="change-{pk}" \
aria-labelledby="change-{pk} label-{pk}">Edit</a>
<a class="avatar-kit-remove" href="/avatar/{pk}/delete/?next=/avatar/" id="remove-{pk}" \
aria-labelledby="remove-{pk} label-{pk}">Remove</a>
</li>
"""
USE = """\
<button type="submit" class="avatar-kit-button avatar-kit-use" id="use-{pk}" \
aria-labelledby="use-{pk} label-{pk}" formaction="/avatar/{pk}/choose/">Use</button>"""
MOVE = """\
<button type="submit" class="avatar-kit-move avatar-kit-{way}" id="{way}-{pk}" name="place" \
value="{place}" aria-label="Move {way}" aria-labelledby="{way}-{pk} label-{pk}" \
formaction="/avatar/{pk}/move/?next=/avatar/%23picture-{pk}">{sign}</button>"""


def test_the_page_shows_all_pictures_and_what_can_be_done(client, add):
    first, second = add(2)
    first, second = Picture.objects.all()
    tiles = [
        TILE.format(
            used=" avatar-kit-used",
            pk=first.pk,
            place=1,
            html=avatar_html(first, 96, alt=""),
            use='<strong class="avatar-kit-use">In use</strong>',
            move=MOVE.format(way="later", pk=first.pk, place=2, sign="›"),
        ),
        TILE.format(
            used="",
            pk=second.pk,
            place=2,
            html=avatar_html(second, 96, alt=""),
            use=USE.format(pk=second.pk),
            move=MOVE.format(way="earlier", pk=second.pk, place=1, sign="‹"),
        ),
    ]
    text = client.get(PAGE).content.decode()
    (found,) = re.findall(
        r'<ul class="avatar-kit-tiles" role="list">\n(.*?)</ul>', text, flags=re.DOTALL
    )
    assert found == "".join(tiles)
    assert '<p class="avatar-kit-count">Pictures: 2 of 10</p>' in text
    assert '<label for="id_avatar">Add a picture:</label>' in text
    assert "gallery.css" in text


def test_the_page_without_a_picture(client):
    text = client.get(PAGE).content.decode()
    assert "avatar-kit-tile" not in text
    assert "Add a picture:" in text


def test_the_page_takes_one_query_for_any_number_of_pictures(
    client, add, django_assert_num_queries
):
    add(1)
    # The session, the user and the pictures.
    with django_assert_num_queries(3):
        client.get(PAGE)
    add(4)
    with django_assert_num_queries(3):
        client.get(PAGE)


def test_a_full_gallery_has_no_form(client, add, settings):
    settings.AVATAR_KIT = {**settings.AVATAR_KIT, "GALLERY_LIMIT": 2}
    add(2)
    text = client.get(PAGE, {"next": "/me/"}).content.decode()
    assert "The gallery is full: its limit is 2. Remove a picture first." in text
    assert "type=file" not in text
    assert '<a href="/me/" class="avatar-kit-button">Back</a>' in text
    assert "/me/" not in client.get(PAGE).content.decode()


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_both_template_languages_give_the_same_page(client, add, settings, headers):
    add(3)

    def page(**query: Any) -> str:
        text = client.get(PAGE, query, headers=headers).content.decode()
        text = re.sub(r'<input type="hidden" name="csrfmiddlewaretoken"[^>]*>', "", text)
        # Where the two engines put line breaks around a block differs.
        return re.sub(r"\n+", "\n", text).strip()

    pages = [{}, {"next": "/me/"}]
    expected = [page(**query) for query in pages]
    settings.TEMPLATES = [JINJA2, *settings.TEMPLATES]
    assert [page(**query) for query in pages] == expected
    settings.AVATAR_KIT = {**settings.AVATAR_KIT, "GALLERY_LIMIT": 3}
    full = page(next="/me/")
    settings.TEMPLATES = settings.TEMPLATES[1:]
    assert page(next="/me/") == full


# --- what is done -----------------------------------------------------------------------------


def test_a_new_picture_is_shown_and_the_others_stay(client, user, add, files):
    before = add(2)
    response = client.post(PAGE, {"avatar": make_upload(color="gold")})
    assert response.status_code == 302
    assert response["Location"] == PAGE
    assert told(response) == ["Your picture is saved."]
    assert order()[:2] == [each.pk for each in before]
    assert shown(user) == order()[2]
    assert len(files()) == 9


def test_a_refused_upload_changes_nothing(client, user, add, files):
    add(1)
    before = files()
    response = client.post(PAGE, {"avatar": make_upload("a.jpg", b"no picture")})
    assert response.status_code == 200
    text = response.content.decode()
    assert "“a.jpg” is not an image." in text
    assert text.count("avatar-kit-tile ") + text.count('avatar-kit-tile"') == 1
    assert files() == before


def test_an_upload_into_a_full_gallery_is_refused(client, user, add, settings, files):
    settings.AVATAR_KIT = {**settings.AVATAR_KIT, "GALLERY_LIMIT": 1}
    add(1)
    response = client.post(PAGE, {"avatar": make_upload()})
    assert response.status_code == 200
    assert "The gallery is full" in response.content.decode()
    response = client.post(PAGE, {"avatar": make_upload()}, headers=JSON)
    assert response.status_code == 400
    message = "The gallery is full: its limit is 1. Remove a picture first."
    assert response.json()["errors"] == {"__all__": [{"message": message, "code": "gallery_full"}]}
    settle()
    assert len(files()) == 3


def test_what_fills_the_gallery_meanwhile_refuses_an_upload(client, user, settings, monkeypatch):
    """Both of two tabs were told that there is room."""
    settings.AVATAR_KIT = {**settings.AVATAR_KIT, "GALLERY_LIMIT": 1}
    monkeypatch.setattr(Picture, "_check_room", lambda *args: None)
    assert client.post(PAGE, {"avatar": make_upload()}).status_code == 302
    response = client.post(PAGE, {"avatar": make_upload()})
    assert response.status_code == 200
    assert "The gallery is full" in response.content.decode()
    assert len(order()) == 1


def test_another_picture_is_chosen(client, user, add):
    _first, second = add(2)
    response = client.post(url("choose", second))
    assert response["Location"] == PAGE
    assert told(response) == ["This is your picture now."]
    assert shown(user) == second.pk
    response = client.post(url("choose", _first) + "?next=/me/")
    assert response["Location"] == "/me/"


@pytest.mark.parametrize(
    "target", ["//evil.example", "/\\evil.example", "https:evil.example", "/\t/evil.example"]
)
def test_no_page_leads_to_another_site(target, client, add):
    first, second = add(2)
    assert "evil" not in client.get(PAGE, {"next": target}).content.decode()
    for action in ("choose", "move", "delete"):
        response = client.post(url(action, second), {"next": target, "place": "1"})
        assert response["Location"] == PAGE
    response = client.post(f"/avatar/{first.pk}/", {"next": target, "avatar": make_upload()})
    assert response["Location"] == PAGE


def test_a_picture_is_moved_and_seen_where_it_is_now(client, add):
    first, second, third = add(3)
    text = client.get(PAGE, {"next": "/me/"}).content.decode()
    (action,) = re.findall(rf'id="earlier-{third.pk}".*?formaction="([^"]*)"', text)
    response = client.post(action, {"place": "2"})
    assert response["Location"] == f"/avatar/?next=/me/#picture-{third.pk}"
    assert told(response) == ["The order is saved."]
    assert order() == [first.pk, third.pk, second.pk]


@pytest.mark.parametrize("place", ["", "-1", "one", "²", "1.5", "99999", None])
def test_a_place_that_is_no_number(client, add, place):
    _first, second = add(2)
    sent = {} if place is None else {"place": place}
    expected = f"The place “{place or ''}” cannot be used. It must be a whole number."
    response = client.post(url("move", second), sent)
    assert response.status_code == 400
    assert response.content.decode() == expected
    response = client.post(url("move", second), sent, headers=JSON)
    assert response.status_code == 400
    assert response.json()["errors"]["__all__"] == [{"message": expected, "code": "invalid_place"}]


def test_a_place_that_is_half_a_character(client, add):
    _first, second = add(2)
    body = b'--part\r\nContent-Disposition: form-data; name="place"\r\n\r\n+2AA-\r\n--part--\r\n'
    kind = "multipart/form-data; boundary=part; charset=utf-7"
    response = client.generic("POST", url("move", second), body, content_type=kind)
    assert response.status_code == 400
    expected = "The place “?” cannot be used. It must be a whole number."
    assert response.content.decode() == expected


def test_one_picture_is_changed(client, user, add, files):
    first, second = add(2)
    old = second.avatar.name
    response = client.get(f"/avatar/{second.pk}/", {"next": PAGE})
    assert f'href="{url("delete", second)}?next=/avatar/"' in response.content.decode()
    response = client.post(f"/avatar/{second.pk}/", {"avatar": make_upload(color="gold")})
    assert response["Location"] == PAGE
    settle()
    assert order() == [first.pk, second.pk]
    assert Picture.objects.get(pk=second.pk).avatar.name != old
    assert shown(user) == first.pk
    assert len(files()) == 6


def test_one_picture_is_removed_after_a_question(client, user, add, files):
    first, second = add(2)
    text = client.get(url("delete", first)).content.decode()
    assert avatar_html(Picture.objects.get(pk=first.pk), 96, alt="") in text
    assert "Your picture will be gone for good." in text
    response = client.post(url("delete", first))
    assert response["Location"] == PAGE
    assert told(response) == ["Your picture has been removed."]
    settle()
    assert order() == [second.pk] == [shown(user)]
    assert len(files()) == 3


def test_the_url_for_the_avatar_removes_the_one_that_is_shown(client, user, add):
    first, second = add(2)
    second.make_primary()
    assert reverse("avatar_kit:delete") == "/avatar/delete/"
    client.post("/avatar/delete/")
    assert order() == [first.pk] == [shown(user)]
    client.post("/avatar/delete/")
    assert order() == []
    assert told(client.post("/avatar/delete/"))[-1] == "You have no picture."
    assert "You have no picture." in client.get("/avatar/delete/").content.decode()


# --- whoever else -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["choose", "move", "delete"])
def test_pictures_of_others_are_not_found(client, user, add, name):
    (theirs,) = add(1, owner=User.objects.create(username="bob"))
    for method in ("get", "post") if name == "delete" else ("post",):
        assert getattr(client, method)(url(name, theirs), {"place": 1}).status_code == 404
    assert client.get(f"/avatar/{theirs.pk}/").status_code == 404
    response = client.post(url(name, theirs), {"place": 1}, headers=JSON)
    assert response.status_code == 404
    assert response.json()["errors"]["__all__"] == [
        {"message": "This picture does not exist any more.", "code": "not_found"}
    ]
    assert order() == [theirs.pk]


@pytest.mark.parametrize("name", ["choose", "move"])
def test_a_picture_that_is_deleted_meanwhile(client, add, monkeypatch, name):
    (picture,) = add(1)

    def found(*args: Any, **kwargs: Any) -> Picture:
        gone: Picture = Picture.objects.get(pk=picture.pk)
        Picture.objects.filter(pk=picture.pk).delete()
        return gone

    monkeypatch.setattr("django_avatar_kit.contrib.gallery.views.get_object_or_404", found)
    assert client.post(url(name, picture), {"place": 1}).status_code == 404


@pytest.mark.parametrize("name", ["choose", "move"])
def test_whoever_was_logged_out_comes_back_to_the_gallery(client, add, name):
    _first, second = add(2)
    address = url(name, second)
    response = Client().post(address)
    assert response["Location"] == f"/accounts/login/?next={address}"
    # After the log-in.
    assert client.get(address)["Location"] == PAGE
    assert order() == [_first.pk, second.pk]


def test_a_stale_token_is_told_of_on_the_gallery(user, add):
    _first, second = add(2)
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    response = client.post(url("choose", second))
    assert response["Location"] == PAGE
    (message,) = told(response)
    assert message.startswith("This page was open for too long")
    response = client.post(url("choose", second), headers=HTMX)
    assert response.status_code == 200
    assert "This page was open for too long" in response.content.decode()
    assert shown(user) == _first.pk


def test_an_empty_place_can_be_removed(client, add):
    """``avatar_build --missing=clear`` leaves such a one."""
    first, second = add(2)
    Picture.objects.filter(pk=first.pk).update(avatar="")
    assert "Remove picture" in client.get(url("delete", first)).content.decode()
    response = client.post(url("delete", first))
    assert told(response) == ["Your picture has been removed."]
    assert order() == [second.pk]
    assert Picture.objects.get().is_primary


# --- scripts and htmx -------------------------------------------------------------------------


def test_json_has_the_avatar_and_all_pictures(client, user, add):
    first, second = add(2)
    answer = client.get(PAGE, headers=JSON).json()
    assert answer["limit"] == 10
    assert answer["url"] == PAGE
    assert [(each["id"], each["is_primary"]) for each in answer["pictures"]] == [
        (first.pk, True),
        (second.pk, False),
    ]
    assert answer["avatar"]["src"] == answer["pictures"][0]["src"]
    assert answer["avatar"]["html"] == avatar_html(user)
    assert answer["avatar"]["alt"] == "Ada Lovelace"
    answer = client.post(url("choose", second), headers=JSON).json()
    assert answer["message"] == "This is your picture now."
    second = Picture.objects.get(pk=second.pk)
    assert answer["avatar"]["src"] == avatar_url(second) == answer["pictures"][1]["src"]
    answer = client.post(url("move", second), {"place": 1}, headers=JSON).json()
    assert [each["id"] for each in answer["pictures"]] == [second.pk, first.pk]
    answer = client.post(url("delete", second), headers=JSON).json()
    assert [each["id"] for each in answer["pictures"]] == [first.pk]
    assert answer["avatar"] == {
        name: value
        for name, value in answer["pictures"][0].items()
        if name not in {"id", "is_primary"}
    }


def test_htmx_gets_the_gallery_as_it_is_now(client, user, add):
    first, second = add(2)

    def post(address: str, **sent: Any) -> str:
        response = client.post(address, sent, headers=HTMX)
        assert response.status_code == 200
        event = json.loads(response["HX-Trigger"])["avatar-changed"]
        assert event["has_avatar"] is bool(order())
        assert event["alt"] == "Ada Lovelace"
        text = response.content.decode()
        assert text.strip().startswith('<section class="avatar-kit-card"')
        return text

    text = post(url("choose", second))
    assert "This is your picture now." in text
    assert f'hx-post="{url("choose", first)}" hx-target="closest .avatar-kit-card"' in text
    assert "The order is saved." in post(url("move", second), place=1)
    assert 'action="/avatar/" hx-post="/avatar/"' in text
    assert "Picture 3" in post(PAGE, avatar=make_upload())
    text = post(f"/avatar/{first.pk}/", avatar=make_upload(color="gold"))
    assert "Your picture is saved." in text
    assert "Picture 3" in text
    for picture in Picture.objects.all():
        text = post(url("delete", picture))
        assert "Your picture has been removed." in text
    assert "avatar-kit-tile" not in text


# --- the kit's own pages, where a site has not changed its URLs -------------------------------


def test_the_kits_own_pages_change_the_picture_that_is_shown(client, user, add, files):
    assert client.post("/kit/", {"avatar": make_upload()}).status_code == 302
    (made,) = order()
    assert shown(user) == made
    add(1)
    old = Picture.objects.get(pk=made).avatar.name
    assert client.post("/kit/", {"avatar": make_upload(color="gold")}).status_code == 302
    settle()
    assert len(order()) == 2
    assert shown(user) == made
    assert Picture.objects.get(pk=made).avatar.name != old
    assert client.post("/kit/delete/").status_code == 302
    settle()
    (left,) = order()
    assert shown(user) == left != made
    assert len(files()) == 3


def test_a_storage_that_fails_leaves_no_empty_place(client, monkeypatch):
    monkeypatch.setattr(FileSystemStorage, "_save", Mock(side_effect=OSError("full")))
    response = client.post("/kit/", {"avatar": make_upload()})
    assert "Your picture could not be saved" in response.content.decode()
    assert not Picture.objects.exists()
