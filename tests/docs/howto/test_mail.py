from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.template import engines

from django_avatar_kit.rendering import avatar_html
from django_avatar_kit.test import make_upload
from tests.support.howtos import code, run
from tests.support.lifecycle import make_profile


@pytest.fixture(autouse=True)
def _as_the_page_says(settings: Any) -> None:
    settings.AVATAR_KIT = run(code("mail", "BASE_URL"))["AVATAR_KIT"]


def mail(containing: str, user: User) -> str:
    """A template of the page, rendered for a user."""
    template = engines["django"].from_string(code("mail", containing, "django"))
    return template.render({"user": user})


@pytest.mark.django_db
def test_a_user_with_a_picture():
    profile = make_profile(avatar=False)
    profile.avatar.save("a.jpg", make_upload(size=(200, 200)))
    key = profile.avatar.avatar_name.rendition(128, "jpeg")
    shown = mail("mails/welcome.html", profile.user)
    assert f'src="https://example.org/media/{key}" width="64"' in shown


@pytest.mark.parametrize("containing", ["mails/welcome.html", "as picture"])
def test_a_user_without_one(containing):
    assert (
        '<img src="https://example.org/static/avatar_kit/default.png" width="64" height="64"'
        ' alt="">'
    ) in mail(containing, User(username="ada"))


def test_pages_still_show_initials():
    assert avatar_html(User(username="ada"), 64).startswith("<svg ")
