from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from django_avatar_kit.signals import avatar_deleted, avatar_updated
from tests.support.howtos import code, run
from tests.support.lifecycle import make_profile, upload


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("small")
def test_a_replaced_picture_is_forgotten(monkeypatch):
    """The queue and CloudFront are stand-ins: the page is about what they are told."""
    told: list[list[str]] = []
    queue = SimpleNamespace(task=lambda function: SimpleNamespace(enqueue=told.append))
    monkeypatch.setitem(sys.modules, "django.tasks", queue)
    forget = run(code("cdn", "create_invalidation"))["forget"]
    try:
        profile = make_profile()
        assert told == []
        old = profile.avatar.avatar_name
        profile.avatar.save("b.jpg", upload(color="red"))
        assert [set(paths) for paths in told] == [{f"/media/{key}" for key in old.files}]
    finally:
        avatar_updated.disconnect(forget)
        avatar_deleted.disconnect(forget)
