"""Avatars where django-cleanup is installed as well."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.base import ContentFile

from django_avatar_kit.test import make_image
from tests.support.lifecycle import column, files_of, fresh, needed, upload
from tests.testapp.models import (
    Bare,
    Profile,
)

pytestmark = [
    pytest.mark.lifecycle,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("small"),
]


# --- beside django-cleanup --------------------------------------------------------------------

with_cleanup = pytest.mark.usefixtures("django_cleanup")


@with_cleanup
def test_no_file_is_deleted_twice(profile, storage):
    old = files_of(column(profile))
    storage.calls.clear()
    profile.avatar.save("new.jpg", upload("red"))
    assert sorted(key for call, key in storage.calls if call == "delete") == sorted(old)
    storage.calls.clear()
    old = files_of(column(profile))
    profile.delete()
    assert sorted(key for call, key in storage.calls if call == "delete") == sorted(old)


@with_cleanup
def test_the_files_of_other_fields_are_still_django_cleanups(files):
    bare = Bare(name="b")
    bare.photo.save("photo.jpg", ContentFile(make_image((60, 40))))
    bare = Bare.objects.get()
    bare.photo.save("other.jpg", ContentFile(make_image((60, 40))))
    assert files() == {bare.photo.name}
    bare.delete()
    assert files() == set()


@with_cleanup
def test_its_signals_are_sent_for_avatars(profile):
    from django_cleanup.signals import cleanup_post_delete

    sent: list[Any] = []

    def receive(**kwargs: Any) -> None:
        sent.append((kwargs["file_name"], kwargs["success"]))

    cleanup_post_delete.connect(receive)
    old = column(profile)
    row = fresh(profile)
    row.avatar.save("new.jpg", upload("red"))
    cleanup_post_delete.disconnect(receive)
    assert sent == [(old, True)]


def test_an_instance_that_it_has_not_seen_loaded(files, profile):
    row = Profile.objects.only("bio").get()
    row.avatar = upload("red")
    row.save()
    row.avatar = upload("blue")
    row.save()
    assert files() == needed() == files_of(column(profile))


def test_an_instance_that_it_forgot(files, profile):
    profile.__dict__.pop("_django_cleanup_original_cache", None)
    profile.avatar = upload("red")
    profile.save()
    assert files() == needed() == files_of(column(profile))
