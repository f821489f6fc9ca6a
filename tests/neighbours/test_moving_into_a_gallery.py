"""All pictures of django-avatar, into ``contrib.gallery``."""

from __future__ import annotations

from typing import Any

import pytest
from avatar.models import Avatar
from django.contrib.auth.models import User
from django.template import Context, Template

from django_avatar_kit import pipeline
from django_avatar_kit.contrib.gallery.models import Picture
from django_avatar_kit.maintenance import import_gallery, pictures
from django_avatar_kit.names import Name
from django_avatar_kit.test import make_upload
from tests.neighbours.importing import failed, move, picture, summary
from tests.support.time_limits import SoftTimeLimit

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def site(settings: Any) -> None:
    settings.AVATAR_KIT = {"SIZES": (32, 64), "OWNER": {"auth.User": "primary_avatar"}}
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}


@pytest.fixture
def eve() -> User:
    """Blue, then red, which is the primary one, then green."""
    user = User.objects.create(username="eve")
    for color in ("blue", "red", "lime"):
        picture(user, color, primary=color == "red")
    return user


def names() -> list[Name]:
    found = [Name.parse(each.avatar.name) for each in Picture.objects.order_by("position")]
    assert None not in found
    return found  # type: ignore[return-value]


def test_all_pictures_move_and_the_primary_one_stays_the_primary_one(eve, files, signalled):
    old = files()
    out, err = move(jobs=2)
    assert err == ""
    assert out == (
        "3 pictures of avatar.Avatar.avatar: 3 imported into avatar_kit_gallery.Picture.avatar, "
        "0 whose owner has an avatar already, 0 changed meanwhile, 0 missing, 0 unusable, "
        "0 failed.\n"
    )
    red, lime, blue = names()
    assert (red.color[:2], lime.color[2:4], blue.color[4:]) == ("fe", "ff", "fe")
    assert eve.primary_avatar.avatar.name == str(red)
    assert files() == old | {file for name in names() for file in name.files}
    assert [each["added"][0] for each in signalled] == [str(each) for each in (red, lime, blue)]
    text = Template("{% load avatar_kit_compat %}{% avatar user 32 %}")
    assert red.rendition(32, "webp") in text.render(Context({"user": User.objects.get()}))
    assert ", 3 whose owner has an avatar already, " in move()[0]
    assert len(names()) == 3


def test_a_dry_run_writes_nothing(eve, files):
    before = files()
    assert summary(move(dry_run=True)[0]).startswith("3 to be imported")
    assert (files(), Picture.objects.count()) == (before, 0)


def test_those_that_cannot_be_used_are_left_out(eve, media):
    red = Avatar.objects.get(primary=True)
    (media / red.avatar.name).write_bytes(b"text")
    out, err = move()
    assert summary(out).startswith("2 imported")
    assert "1 file cannot be used:" in err
    # The newest of the others.
    assert names()[0].color[2:4] == "ff"
    assert Name.parse(eve.primary_avatar.avatar.name) == names()[0]


def test_those_beyond_the_limit_are_left_out(settings, eve):
    settings.AVATAR_KIT = {**settings.AVATAR_KIT, "GALLERY_LIMIT": 2}
    out, err = move()
    assert summary(out).startswith("2 imported")
    assert "blue.jpg”: The gallery is full: its limit is 2." in err


def test_a_gallery_with_a_picture_is_left_alone(eve, files):
    Picture.objects.create(owner=eve, avatar=make_upload())
    assert ", 3 whose owner has an avatar already, " in move()[0]
    assert Picture.objects.count() == 1


def add_one() -> None:
    Picture.objects.create(owner=User.objects.get(), avatar=make_upload())


@pytest.mark.parametrize(
    "change", [add_one, lambda: User.objects.all().delete()], ids=["picture", "user"]
)
@pytest.mark.parametrize("where", ["_add", "_insert"])
def test_what_changes_while_they_are_decoded(monkeypatch, eve, files, change, where):
    original = getattr(import_gallery, where)

    def change_first(*args: Any, **options: Any) -> Any:
        change()
        return original(*args, **options)

    monkeypatch.setattr(import_gallery, where, change_first)
    out, _ = move()
    assert ", 3 changed meanwhile, " in out
    needed = {file for name in names() for file in name.files}
    assert {key for key in files() if "-k1-" in key or key.endswith(".webp")} == needed


def test_a_picture_that_its_owner_removes_meanwhile_is_left_out(monkeypatch, eve):
    adopt = pictures.adopt

    def remove_first(*args: Any) -> Any:
        cut = adopt(*args)
        Avatar.objects.filter(primary=True).delete()
        return cut

    monkeypatch.setattr(pictures, "adopt", remove_first)
    assert summary(move()[0]).startswith("2 imported")


def test_a_storage_that_fails_leaves_nothing_half_done(monkeypatch, eve, files):
    before, store, calls = files(), pipeline.store, []

    def fail(*args: Any) -> str:
        calls.append(args)
        if len(calls) == 3:
            raise OSError("No space left on device")
        return store(*args)

    monkeypatch.setattr(pipeline, "store", fail)
    error, _told = failed()
    assert error.startswith("3 of 3 pictures could not be imported")
    assert (files(), Picture.objects.count()) == (before, 0)
    assert summary(move()[0]).startswith("3 imported")


@pytest.mark.parametrize("where", [(pipeline, "store"), (pictures, "adopt")])
def test_an_interruption_leaves_nothing_half_done(monkeypatch, eve, files, where):
    before, original, calls = files(), getattr(*where), []

    def interrupt(*args: Any) -> Any:
        calls.append(args)
        if len(calls) == 2:
            raise SoftTimeLimit
        return original(*args)

    monkeypatch.setattr(*where, interrupt)
    with pytest.raises(SoftTimeLimit):
        move()
    assert (files(), Picture.objects.count()) == (before, 0)
    assert summary(move()[0]).startswith("3 imported")


def test_a_transaction_that_fails_leaves_nothing_half_done(monkeypatch, eve, files):
    before, write, calls = files(), import_gallery.locking.write_name, []

    def fail(*args: Any) -> None:
        calls.append(args)
        if len(calls) == 2:
            raise RuntimeError("the database is gone")
        write(*args)

    monkeypatch.setattr(import_gallery.locking, "write_name", fail)
    failed()
    assert (files(), Picture.objects.count()) == (before, 0)
