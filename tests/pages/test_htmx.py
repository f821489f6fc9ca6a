"""The views as htmx uses them: the inside of the page, and an event with the new avatar."""

from __future__ import annotations

import json
import re
from typing import Any
from unittest import mock
from urllib.parse import unquote

import pytest
from django.test import Client

from django_avatar_kit import view_answers
from django_avatar_kit.test import make_upload, settle
from django_avatar_kit.views import AvatarChangeView
from tests.pages.test_json import described
from tests.support.pages import CHANGE, DELETE, page, stored, told, widget
from tests.testapp.models import Profile

HTMX = {"HX-Request": "true"}
BOTH = pytest.mark.parametrize("url", [CHANGE, DELETE])


class TestParts:
    def test_the_form(self, client, profile):
        """Neither a frame nor style sheets: those belong to the page that asks."""
        response = client.get(f"{CHANGE}?next=/me/", headers=HTMX)
        assert page(response).strip() == (
            '<section class="avatar-kit-card" aria-labelledby="avatar-kit-heading">\n'
            '<h2 class="avatar-kit-heading" id="avatar-kit-heading">Change your picture</h2>\n'
            '<form class="avatar-kit-form" method="post" enctype="multipart/form-data"'
            ' action="/avatar/?next=/me/" hx-post="/avatar/?next=/me/"'
            ' hx-encoding="multipart/form-data" hx-target="closest .avatar-kit-card"'
            ' hx-swap="outerHTML">\n'
            '<input type="hidden" name="csrfmiddlewaretoken" value="…">\n'
            '<input type="hidden" name="next" value="/me/">\n'
            "<div>\n"
            '<label for="id_avatar">Avatar:</label>\n'
            f"{widget(response)}\n"
            "</div>\n"
            '<div class="avatar-kit-actions">\n'
            '<button type="submit" class="avatar-kit-button avatar-kit-primary">Save</button>\n'
            '<a href="/me/" class="avatar-kit-button">Cancel</a>\n'
            "</div>\n"
            "</form>\n"
            "</section>"
        )
        assert "HX-Trigger" not in response

    def test_the_question(self, client, profile):
        response = client.get(DELETE, headers=HTMX)
        assert page(response).strip().startswith('<section class="avatar-kit-card"')
        assert (
            '<form class="avatar-kit-form" method="post" action="/avatar/delete/"'
            ' hx-post="/avatar/delete/" hx-target="closest .avatar-kit-card" hx-swap="outerHTML">'
        ) in page(response)

    @BOTH
    def test_messages_stay_for_the_next_page(self, url, client, profile):
        client.post(CHANGE, {"avatar": make_upload()})
        assert "Your picture is saved." not in page(client.get(url, headers=HTMX))
        assert "Your picture is saved." in page(client.get(url))

    @BOTH
    @pytest.mark.parametrize(
        "headers",
        [
            {"HX-Boosted": "true"},
            {"HX-History-Restore-Request": "true"},
            {"HX-Request-Type": "full"},
        ],
    )
    def test_whole_pages(self, url, headers, client, profile):
        """For a link or form that htmx boosts, and for its history."""
        response = client.get(url, headers=HTMX | headers)
        assert page(response) == page(client.get(url))

    @BOTH
    def test_something_else_that_is_called_so(self, url, client, profile):
        response = client.get(url, headers={"HX-Request": "no"})
        assert page(response).startswith("<!DOCTYPE html>")

    def test_a_script_that_asks_htmx_for_json(self, client, profile):
        response = client.get(CHANGE, headers=HTMX | {"accept": "application/json"})
        assert response.json()["avatar"] == described(profile)


class TestChanges:
    def test_saved(self, client, user, profile, files):
        response = client.post(CHANGE, {"avatar": make_upload(color="red")}, headers=HTMX)
        settle()
        row = Profile.objects.get(user=user)
        assert response.status_code == 200
        assert json.loads(response["HX-Trigger"]) == {
            "avatar-changed": {**described(row), "target": "body"}
        }
        content = page(response)
        assert (
            'Change your picture</h2>\n<p class="avatar-kit-notice success" role="status"'
            ' tabindex="-1" autofocus>Your picture is saved.</p>\n<form '
        ) in content
        # The form is a new one, and shows the new picture.
        assert row.avatar.avatar_name.token in content
        assert "errorlist" not in content
        # The message is shown here, and not once more on the next page.
        assert told(response) == []
        assert files() == set(row.avatar.avatar_name.files)

    @pytest.mark.parametrize(("url", "data"), [(CHANGE, {"avatar-clear": "on"}), (DELETE, {})])
    def test_removed(self, url, data, client, user, profile):
        response = client.post(url, data, headers=HTMX)
        assert response.status_code == 200
        (told_about,) = json.loads(response["HX-Trigger"]).values()
        assert told_about["has_avatar"] is False
        assert "Your picture has been removed.</p>" in page(response)
        assert "Remove picture</button>" not in page(response).partition("<avatar-input")[0]
        assert stored(user) == ""

    def test_an_error(self, client, user, profile):
        """htmx does not swap anything in for another status than 200."""
        response = client.post(CHANGE, {"avatar": make_upload("x.jpg", b"no")}, headers=HTMX)
        assert response.status_code == 200
        assert "HX-Trigger" not in response
        assert "“x.jpg” is not an image." in page(response)
        assert len(re.findall(r"<input type=\"file\"[^>]* autofocus", page(response))) == 1
        assert stored(user) == profile.avatar.name

    def test_names_of_all_the_world(self, client, user, profile):
        """A header holds ASCII only."""
        user.first_name = "Ада 🎈"
        user.save()
        response = client.post(CHANGE, {"avatar": make_upload()}, headers=HTMX)
        assert response["HX-Trigger"].isascii()
        assert json.loads(response["HX-Trigger"])["avatar-changed"]["alt"] == "Ада 🎈"

    def test_long_urls(self):
        """Signed URLs of a bucket would not pass a proxy that takes 4 KB of headers."""
        avatar = {"has_avatar": True, "src": "/a", "srcset": "/b", "html": "<i>", "urls": {}}
        for length, missing in (
            (10, set()),
            (300, {"urls"}),
            (700, {"urls", "html"}),
            (1500, {"urls", "html", "srcset"}),
        ):
            url = "x" * length
            data = {
                **avatar,
                "src": url,
                "srcset": url,
                "html": url * 2,
                "urls": dict.fromkeys("12345", url),
            }
            header = view_answers.trigger(data)
            assert len(header) <= view_answers.MAX_TRIGGER
            assert json.loads(header)["avatar-changed"] == {
                **{key: value for key, value in data.items() if key not in missing},
                "target": "body",
            }


class TestLogin:
    def test_back_to_the_page_that_asked(self, user, profile):
        """The login page would be swapped in, and the part is no page to come back to."""
        where = {"HX-Current-URL": "http://testserver/settings/?tab=picture#me"}
        response = Client().get(CHANGE, headers=HTMX | where)
        assert response.status_code == 200
        assert response.content == b""
        assert response["HX-Redirect"] == ("/accounts/login/?next=/settings/%3Ftab%3Dpicture%23me")

    @pytest.mark.parametrize("where", [None, "", "https://evil.example/", "javascript:alert(1)"])
    def test_back_to_nowhere_else(self, where, user, profile):
        headers = HTMX if where is None else HTMX | {"HX-Current-URL": where}
        response = Client().post(CHANGE, headers=headers)
        assert response["HX-Redirect"] == "/accounts/login/?next=/avatar/"
        assert told(response) == [str(AvatarChangeView.logged_out_message)]

    def test_back_to_a_path_that_looks_like_another_host(self, user, profile):
        where = {"HX-Current-URL": "http://testserver//evil.example/"}
        url = Client().get(CHANGE, headers=HTMX | where)["HX-Redirect"]
        assert unquote(url).startswith("/accounts/login/?next=/%2F")

    def test_without_a_parameter_for_the_way_back(self, rf):
        request = rf.get("/x/", headers=HTMX | {"HX-Current-URL": "http://testserver/me/"})
        request.user = mock.Mock(is_authenticated=False)
        view: Any = AvatarChangeView.as_view(redirect_field_name=None, login_url="/enter/")
        assert view(request)["HX-Redirect"] == "/enter/"
