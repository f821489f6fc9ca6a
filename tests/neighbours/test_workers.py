"""What docs/howto/background.md says, with Celery's own tasks."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from celery import Celery
from celery.exceptions import SoftTimeLimitExceeded
from django.core.files.base import ContentFile
from django.core.files.storage import storages

from django_avatar_kit.exceptions import NotAnImage
from django_avatar_kit.signals import avatar_updated
from django_avatar_kit.test import make_image
from tests.support.howtos import blocks, code, run
from tests.support.lifecycle import make_profile, upload
from tests.testapp.models import Profile

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "other"])


@pytest.fixture(scope="module")
def page() -> Iterator[dict[str, Any]]:
    """All code of the page but the receiver, in a Celery that runs tasks where they are called."""
    app = Celery("tests", set_as_current=True)
    app.conf.update(task_always_eager=True, task_eager_propagates=True)
    names: dict[str, Any] = {"Profile": Profile, "__name__": "people.tasks"}
    for block in blocks("background"):
        if "@receiver" not in block:
            names = run(re.sub(r"from \.models .*", "", block), **names)
    yield names
    app.close()


@pytest.fixture
def tasks(page: dict[str, Any], settings: Any, tmp_path: Any) -> dict[str, Any]:
    settings.STORAGES = {
        **settings.STORAGES,
        "inbox": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(tmp_path / "inbox")},
        },
    }
    return page


def test_the_sweep_of_the_night(tasks, media, files):
    kept = [make_profile(name).avatar.avatar_name for name in ("ada", "bob", "eve", "joe", "kim")]
    gone = make_profile("old")
    Profile.objects.filter(pk=gone.pk).update(avatar="")
    yesterday = time.time() - 86_400
    for path in media.rglob("*.*"):
        os.utime(path, (yesterday, yesterday))
    tasks["sweep_avatars"].delay()
    assert files() == {key for name in kept for key in name.files}


def test_the_build_of_the_night(tasks, settings, files):
    profile = make_profile()
    settings.AVATAR_KIT = {"SIZES": [16]}
    tasks["build_avatars"].delay()
    assert Profile.objects.get(pk=profile.pk).avatar.avatar_name.sizes == (16,)


def test_a_task_after_the_commit(monkeypatch, tasks):
    """The receiver sends the key of a row that other processes can see."""
    told: list[int] = []
    module = ModuleType("people.tasks")
    module.announce = type("Task", (), {"delay": staticmethod(told.append)})
    monkeypatch.setitem(sys.modules, "people", ModuleType("people"))
    monkeypatch.setitem(sys.modules, "people.tasks", module)
    found = run(code("background", "@receiver"), __name__="people.receivers", __package__="people")
    try:
        assert told == [make_profile().pk]
    finally:
        avatar_updated.disconnect(found["tell_the_forum"])


def test_a_picture_that_is_saved_in_a_task(tasks):
    profile = make_profile(avatar=False)
    storages["inbox"].save("scan.jpg", ContentFile(make_image()))
    tasks["take_picture"].delay(profile.pk, "scan.jpg")
    assert Profile.objects.get(pk=profile.pk).avatar.avatar_name
    assert not storages["inbox"].exists("scan.jpg")


def test_a_file_that_is_no_picture_is_not_tried_again(tasks):
    profile = make_profile(avatar=False)
    storages["inbox"].save("scan.jpg", ContentFile(b"no picture"))
    with pytest.raises(NotAnImage):
        tasks["take_picture_patiently"].delay(profile.pk, "scan.jpg")
    assert storages["inbox"].exists("scan.jpg")


def test_a_storage_that_fails_is_tried_again(tasks, monkeypatch, storage):
    profile = make_profile(avatar=False)
    storages["inbox"].save("scan.jpg", ContentFile(make_image()))
    save, failures = type(storage).save, [OSError("disk full")]

    def fails_once(self: Any, *args: Any, **kwargs: Any) -> str:
        if failures:
            raise failures.pop()
        return save(self, *args, **kwargs)

    monkeypatch.setattr(type(storage), "save", fails_once)
    # Where a failure is raised at once, as the fixture has it, Celery makes no second attempt.
    done = tasks["take_picture_patiently"].apply([profile.pk, "scan.jpg"], throw=False)
    assert done.successful()
    assert failures == []
    assert Profile.objects.get(pk=profile.pk).avatar


def test_a_time_limit_leaves_no_file(tasks, monkeypatch, files, storage):
    profile = make_profile(avatar=False)
    save = type(storage).save

    def slow(self: Any, name: str, *args: Any, **kwargs: Any) -> str:
        if name.endswith(".webp"):
            raise SoftTimeLimitExceeded
        return save(self, name, *args, **kwargs)

    monkeypatch.setattr(type(storage), "save", slow)
    profile.avatar = upload()
    with pytest.raises(SoftTimeLimitExceeded):
        profile.save()
    assert files() == set()
