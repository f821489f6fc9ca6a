"""Cases L6 and P7: pages offer to delete only the picture that they show, and never a default."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.urls import include, path

from django_avatar_kit.test import make_upload, settle
from django_avatar_kit.views import AvatarChangeView, AvatarDeleteView
from tests.support.pages import CHANGE, DELETE, Needed, send
from tests.testapp.models import Channel, Profile, Team

# --- L6: whose picture the link is about ------------------------------------------------------


class TeamView(AvatarChangeView):
    def get_object(self) -> Any:
        return Team.objects.get()


class TeamDelete(AvatarDeleteView):
    get_object = TeamView.get_object


def links(response: Any) -> list[str]:
    return re.findall(r'<a href="([^"]*)"', response.content.decode())


def test_l6_a_page_about_something_else_has_no_link(user, profile, team):
    assert links(send(TeamView.as_view(), user)) == []
    assert links(send(TeamView.as_view(), user, next="/me/")) == ["/me/"]


def test_l6_a_view_made_by_its_arguments(user, profile, team):
    view = AvatarChangeView.as_view(get_object=lambda: team)
    assert links(send(view, user)) == []


def test_l6_the_users_own_picture(client, user, profile, monkeypatch):
    """One way to remove it is enough: a link only where the form has none."""
    assert links(client.get(CHANGE)) == []
    monkeypatch.setattr(AvatarChangeView, "form_class", Needed)
    assert links(client.get(CHANGE)) == [DELETE]
    assert links(client.get(CHANGE, {"next": "/me/"})) == ["/me/", f"{DELETE}?next=/me/"]
    assert links(send(AvatarChangeView.as_view(field_name="avatar"), user)) == [DELETE]


def test_l6_another_field_of_the_same_row(db, files, monkeypatch):
    monkeypatch.setattr(AvatarChangeView, "form_class", Needed)
    channel = Channel.objects.create(banner=make_upload(), avatar=make_upload())
    channel = Channel.objects.get()
    channel.is_authenticated = True
    assert links(send(AvatarChangeView.as_view(), channel)) == [DELETE]
    assert links(send(AvatarChangeView.as_view(field_name="banner"), channel)) == []
    view = AvatarDeleteView.as_view(field_name="banner")
    assert links(send(view, channel)) == []
    assert send(view, channel, "post")["Location"] == "/team/picture/"
    row = Channel.objects.get()
    assert not row.banner
    assert row.avatar


@pytest.mark.parametrize(
    ("delete_url", "expected"),
    [
        ("team-delete", ["/me/?a=1&amp;b", "/team/delete/?next=/me/%3Fa%3D1%26b"]),
        ("/x/?id=1", ["/me/?a=1&amp;b", "/x/?id=1&amp;next=/me/%3Fa%3D1%26b"]),
        ("", ["/me/?a=1&amp;b"]),
    ],
)
@pytest.mark.urls(__name__)
def test_l6_the_sites_own_link(delete_url, expected, user, profile, team):
    response = send(TeamView.as_view(delete_url=delete_url), user, next="/me/?a=1&b")
    assert links(response) == expected


@pytest.mark.urls(__name__)
def test_l6_the_link_deletes_the_picture_of_the_page(client, profile, team):
    (url,) = links(client.get("/team/"))
    client.post(url)
    assert not Team.objects.get().avatar
    assert Profile.objects.get().avatar
    assert links(client.get("/team/")) == []


def test_l6_a_url_with_the_rows_key(user, profile, team):
    class View(TeamView):
        def get_delete_url(self) -> str:
            return f"/teams/{self.object.pk}/delete/"

    assert links(send(View.as_view(), user)) == [f"/teams/{team.pk}/delete/"]


def test_l6_a_deletion_does_not_lead_to_another_picture(user, profile, team):
    """Without success_url the view redirects to itself, and says that there is no picture now."""
    assert links(send(TeamDelete.as_view(), user)) == []
    response = send(TeamDelete.as_view(), user, "post")
    assert response["Location"] == "/team/picture/"
    content = send(TeamDelete.as_view(), user).content.decode()
    assert "<p>You have no picture.</p>" in content
    assert "<a " not in content


def test_l6_a_deletion_with_a_place_to_go(user, profile, team):
    view = TeamDelete.as_view(success_url="/teams/")
    assert links(send(view, user)) == ["/teams/"]
    assert links(send(view, user, next="/me/")) == ["/me/"]
    assert send(view, user, "post")["Location"] == "/teams/"


# --- P7: a default is nobody's own ------------------------------------------------------------

BADGE = "defaults/badge.png"


class Badge(AvatarChangeView):
    field_name = "badge"
    delete_url = "/badge/delete/"

    def get_object(self) -> Any:
        return Channel.objects.get()


class BadgeDelete(AvatarDeleteView):
    field_name = "badge"
    get_object = Badge.get_object


def test_p7_a_default_is_not_offered_for_deletion(user):
    Channel.objects.create(name="news")
    content = send(Badge.as_view(), user).content.decode()
    assert "Remove" not in content
    content = send(BadgeDelete.as_view(), user).content.decode()
    assert "<p>You have no picture.</p>" in content
    assert "<form" not in content


def test_p7_a_default_stays_whatever_is_sent(user, storage):
    Channel.objects.create(name="news")
    storage.save(BADGE, make_upload())
    response = send(BadgeDelete.as_view(), user, "post")
    assert response.status_code == 302
    content = send(Badge.as_view(), user, "post", **{"badge-clear": "on"}).content.decode()
    assert "Choose a picture first." in content
    settle()
    assert Channel.objects.get().badge.name == BADGE
    assert storage.exists(BADGE)


@pytest.mark.parametrize("view", [Badge, BadgeDelete])
def test_p7_whoever_gives_up_their_own_has_the_default_again(view, user, storage, files):
    storage.save(BADGE, make_upload())
    Channel.objects.create(name="news", badge=make_upload(color="red"))
    assert "Remove picture" in send(BadgeDelete.as_view(), user).content.decode()
    send(view.as_view(), user, "post", **{"badge-clear": "on"})
    settle()
    assert Channel.objects.get().badge.name == BADGE
    assert files() == {BADGE}


urlpatterns = [
    path("team/", TeamView.as_view(delete_url="team-delete")),
    path("team/delete/", TeamDelete.as_view(), name="team-delete"),
    path("avatar/", include("django_avatar_kit.urls")),
]
