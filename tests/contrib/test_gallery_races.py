"""Two requests at once: the limit holds, and one picture is the primary one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.core.exceptions import ObjectDoesNotExist
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from django_avatar_kit.contrib.gallery.base import lock_owner
from django_avatar_kit.contrib.gallery.models import Picture
from django_avatar_kit.exceptions import GalleryFull
from django_avatar_kit.test import make_upload, settle

pytestmark = [pytest.mark.lifecycle, pytest.mark.django_db(transaction=True)]

WAIT = 30


def at_once(*functions: Callable[[], Any]) -> list[BaseException | None]:
    """Run functions in threads that start together; the error of each, or None."""
    ready = threading.Barrier(len(functions))

    def run(function: Callable[[], Any]) -> None:
        try:
            ready.wait(WAIT)
            function()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(max_workers=len(functions)) as pool:
        return [future.exception(WAIT) for future in [pool.submit(run, f) for f in functions]]


def add(owner: User, **values: Any) -> Picture:
    picture = Picture(owner=owner, avatar=make_upload(), **values)
    picture.save()
    return picture


@pytest.fixture
def limit(settings: Any) -> int:
    settings.AVATAR_KIT = {**settings.AVATAR_KIT, "GALLERY_LIMIT": 3}
    return 3


def test_many_uploads_at_once_do_not_pass_the_limit(user, limit, files):
    errors = at_once(*[lambda: add(user)] * 6)
    settle()
    assert sum(isinstance(error, GalleryFull) for error in errors) == 3
    assert [error for error in errors if error and not isinstance(error, GalleryFull)] == []
    places = Picture.objects.values_list("position", flat=True)
    assert list(places) == [0, 1, 2]
    assert Picture.objects.filter(primary_of=user).count() == 1
    assert len(files()) == 3 * limit


def test_the_limit_is_looked_at_under_the_lock(user, limit, files, monkeypatch):
    """All of them are told that there is room before the first is saved."""
    monkeypatch.setattr(Picture, "_check_room", lambda *args: None)
    errors = at_once(*[lambda: add(user)] * 5)
    settle()
    assert sum(isinstance(error, GalleryFull) for error in errors) == 2
    assert Picture.objects.count() == limit
    assert len(files()) == 3 * limit


def test_two_choices_at_once(user):
    _first, second, third = (add(user) for _ in range(3))
    for _ in range(5):
        assert at_once(second.make_primary, third.make_primary) == [None, None]
        (shown,) = Picture.objects.filter(primary_of=user)
        assert shown in {second, third}


def test_a_choice_and_the_deletion_of_what_is_chosen(user):
    for _ in range(5):
        first, second = add(user), add(user)
        first.make_primary()
        again = Picture.objects.get(pk=second.pk)
        chosen, deleted = at_once(second.make_primary, again.delete)
        assert deleted is None
        assert chosen is None or isinstance(chosen, ObjectDoesNotExist)
        assert Picture.objects.filter(primary_of=user).count() == 1
        Picture.objects.all().delete()


def test_two_deletions_at_once_leave_a_choice(user):
    for _ in range(5):
        first, second, third = (add(user) for _ in range(3))
        assert at_once(first.delete, second.delete) == [None, None]
        assert list(Picture.objects.filter(primary_of=user)) == [third]
        Picture.objects.all().delete()


def test_a_storm_keeps_one_choice_and_no_file_too_many(user, limit, files):
    def deeds(number: int) -> Callable[[], None]:
        def run() -> None:
            for step in range(12):
                pictures = list(Picture.objects.filter(owner=user))
                with suppress(ObjectDoesNotExist, GalleryFull):
                    deed = (number + step) % 4
                    if deed == 0 or not pictures:
                        add(user, **({"primary_of": user} if step % 2 else {}))
                    elif deed == 1:
                        pictures[-1].make_primary()
                    elif deed == 2:
                        pictures[-1].move_to(1)
                    else:
                        pictures[0].delete()

        return run

    assert at_once(*map(deeds, range(4))) == [None] * 4
    settle()
    count = Picture.objects.count()
    assert count <= limit
    assert Picture.objects.filter(primary_of=user).count() == (1 if count else 0)
    assert len(files()) == 3 * count


def test_a_database_with_row_locks_is_asked_for_one(user, monkeypatch):
    """Beside the servers that have them, SQLite is made to believe that it has."""
    if not connection.features.has_select_for_update:
        monkeypatch.setattr(connection.features, "has_select_for_update", True)
        monkeypatch.setattr(connection.features, "has_select_for_no_key_update", True)
        monkeypatch.setattr(
            connection.ops, "for_update_sql", lambda *args, no_key, **kw: "/* NO KEY */" * no_key
        )
    with transaction.atomic(), CaptureQueriesContext(connection) as queries:
        lock_owner(Picture, user.pk, "default")
    (query,) = queries
    assert '"auth_user"' in query["sql"]
    assert "NO KEY" in query["sql"]


def test_references_to_an_owner_can_be_inserted_while_they_are_locked(user):
    """A plain FOR UPDATE would make them wait, and a session or a comment with them."""
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has one writer at a time.")
    with transaction.atomic():
        lock_owner(Picture, user.pk, "default")
        insert = lambda: LogEntry.objects.create(user_id=user.pk, action_flag=1)  # noqa: E731
        assert at_once(insert) == [None]
