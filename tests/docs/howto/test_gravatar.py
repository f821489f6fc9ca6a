from __future__ import annotations

from types import SimpleNamespace

import pytest
from django.contrib.auth.models import User

from django_avatar_kit.rendering import avatar_html, avatar_url
from tests.support.howtos import code, run


@pytest.mark.parametrize(
    ("containing", "host"),
    [
        ('("gravatar", "initials")', "gravatar.com"),
        ('"rating"', "gravatar.com"),
        ("libravatar", "seccdn.libravatar.org"),
    ],
)
def test_the_settings(settings, containing, host):
    settings.AVATAR_KIT = run(code("gravatar", containing))["AVATAR_KIT"]
    user = User(username="ada", email="ada@example.org")
    assert avatar_url(user, 64).startswith(f"https://{host}/avatar/")
    assert avatar_html(User(username="ada"), 64).startswith("<svg ")


def test_an_address_that_is_somewhere_else():
    fallback = run(code("gravatar", "class WorkGravatar"))["WorkGravatar"]()
    owner = SimpleNamespace(work_address="ada@example.org")
    assert fallback.url(owner, 64).startswith("https://gravatar.com/avatar/")
    assert fallback.url(None, 64) is None
