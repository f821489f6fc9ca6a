"""The page that deletes an avatar."""

from __future__ import annotations

from typing import Any
from unittest import mock

import pytest
from django.test import Client, override_settings
from django.urls import NoReverseMatch

from django_avatar_kit.test import settle
from django_avatar_kit.views import AvatarDeleteView
from tests.support.pages import CHANGE, DELETE, page, stored, told
from tests.testapp.models import Profile

#: For the test without any URLs.
urlpatterns: list[Any] = []


class TestDelete:
    def test_page(self, client, profile):
        name = profile.avatar.avatar_name
        url = f"/media/{name.folder}{name.token}"
        content = page(client.get(f"{DELETE}?next=/me/%3Fa%3D1%26b"))
        start, end = content.index("<main"), content.index("</main>")
        assert content[start:end] == (
            '<main class="avatar-kit-main">\n'
            '<link href="/static/avatar_kit/pages.css" media="all" rel="stylesheet">\n'
            '<section class="avatar-kit-card" aria-labelledby="avatar-kit-heading">\n'
            '<h1 class="avatar-kit-heading" id="avatar-kit-heading">Remove your picture</h1>\n'
            f'<p class="avatar-kit-picture"><img src="{url}.128.webp" srcset="{url}.256.webp 2x,'
            f' {url}.480.webp 3x" width="96" height="96" alt="" loading="lazy"></p>\n'
            '<form class="avatar-kit-form" method="post">\n'
            '<input type="hidden" name="csrfmiddlewaretoken" value="…">\n'
            '<input type="hidden" name="next" value="/me/?a=1&amp;b">\n'
            "<p>Your picture will be gone for good.</p>\n"
            '<div class="avatar-kit-actions">\n'
            '<button type="submit" class="avatar-kit-button avatar-kit-danger">'
            "Remove picture</button>\n"
            '<a href="/me/?a=1&amp;b" class="avatar-kit-button">Cancel</a>\n'
            "</div>\n"
            "</form>\n"
            "</section>\n"
        )

    def test_page_without_an_avatar(self, client):
        content = page(client.get(DELETE))
        assert "<p>You have no picture.</p>" in content
        assert "<form" not in content
        assert '<a href="/avatar/" class="avatar-kit-button">Back</a>' in content
        assert not Profile.objects.exists()

    def test_delete(self, client, user, profile, files):
        Profile.objects.update(bio="countess")
        response = client.post(DELETE)
        assert response["Location"] == CHANGE
        assert told(response) == ["Your picture has been removed."]
        settle()
        row = Profile.objects.get(user=user)
        assert not row.avatar
        assert row.bio == "countess"
        assert files() == set()

    def test_twice(self, client, user, profile):
        client.post(DELETE)
        response = client.post(DELETE)
        assert response["Location"] == CHANGE
        assert stored(user) == ""

    def test_without_a_profile(self, client):
        response = client.post(DELETE)
        assert response["Location"] == CHANGE
        assert told(response) == ["You have no picture."]
        assert not Profile.objects.exists()

    def test_without_a_profile_and_with_a_default(self, client, monkeypatch):
        field = Profile._meta.get_field("avatar")
        monkeypatch.setattr(field, "default", "defaults/nobody.png")
        # Django caches the function that returns it.
        monkeypatch.setitem(field.__dict__, "_get_default", lambda: "defaults/nobody.png")
        response = client.post(DELETE)
        assert response["Location"] == CHANGE
        assert told(response) == ["You have no picture."]
        assert not Profile.objects.exists()

    def test_other_columns_stay(self, client, user, profile):
        save = Profile.save

        def stale(self: Profile, *args: Any, **kwargs: Any) -> None:
            Profile.objects.update(bio="mathematician")
            save(self, *args, **kwargs)

        with mock.patch.object(Profile, "save", stale):
            client.post(DELETE)
        row = Profile.objects.get(user=user)
        assert row.bio == "mathematician"
        assert not row.avatar

    def test_login_required(self, user, profile):
        response = Client().post(DELETE)
        assert response["Location"] == f"/accounts/login/?next={DELETE}"
        assert stored(user)

    def test_without_a_place_to_go(self, rf, user, profile):
        """The error is raised before anything is deleted."""
        request = rf.post("/")
        request.user = user
        request._dont_enforce_csrf_checks = True
        with (
            mock.patch(f"{__name__}.urlpatterns", []),
            override_settings(ROOT_URLCONF=__name__),
            pytest.raises(NoReverseMatch),
        ):
            AvatarDeleteView.as_view()(request)
        assert stored(user)

    def test_queries(self, client, profile, django_assert_max_num_queries):
        # Session, user and profile, then those of the delete.
        with django_assert_max_num_queries(3 + 6):
            client.post(DELETE)
