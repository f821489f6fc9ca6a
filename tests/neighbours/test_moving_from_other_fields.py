"""docs/howto/moving-from-other-fields.md, with the real packages; and what cannot be moved."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import models
from django.test.utils import isolate_apps

from django_avatar_kit import pipeline
from django_avatar_kit.contrib.profile.models import Profile
from django_avatar_kit.maintenance import import_, parallel, pictures, sources
from django_avatar_kit.maintenance.sources import route_of
from django_avatar_kit.models import AvatarMixin
from django_avatar_kit.names import Name
from django_avatar_kit.test import make_image, make_upload
from tests.neighbours.importing import failed, move, summary
from tests.neighbours.moving.models import (
    Badge,
    Club,
    Kit,
    Medium,
    Plain,
    Portrait,
    Responsive,
    Sorl,
    Std,
    Versatile,
)
from tests.support.lifecycle import column, set_column
from tests.support.time_limits import SoftTimeLimit
from tests.testapp.models import Profile as SiteProfile

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def site(settings: Any) -> None:
    settings.AVATAR_KIT = {"SIZES": (16, 32), "OWNER": {"auth.User": "avatar_profile"}}
    # Without Django's own tasks (5.2), it would ask a server of Celery for its other files.
    settings.PICTURES = {"PROCESSOR": "pictures.tasks.noop"}


def refused(source: str, **options: Any) -> str:
    error, _told = failed(source, **options)
    return error


def user(name: str = "anna") -> User:
    return User.objects.get_or_create(username=name)[0]


def photo(color: str = "red", *, of: User | None = None, **fields: Any) -> Plain:
    upload = make_upload(f"{color}.jpg", size=(60, 40), color=color)
    return Plain.objects.create(user=of or user(), image=upload, **fields)


def avatar_of(owner: User) -> Name:
    name = Name.parse(owner.avatar_profile.avatar.name)
    assert name is not None
    return name


# --- each library -----------------------------------------------------------------------------


@pytest.mark.parametrize("model", [Sorl, Std, Kit, Responsive, Versatile])
def test_a_field_of_another_library(model, files):
    row = model.objects.create(user=user(), image=make_upload(size=(90, 60), color="red"))
    before = files()
    out, err = move(f"moving.{model.__name__}.image")
    assert err == ""
    assert out == (
        f"1 picture of moving.{model.__name__}.image: 1 imported into "
        "avatar_kit_profile.Profile.avatar, 0 whose owner has an avatar already, "
        "0 changed meanwhile, 0 missing, 0 unusable, 0 failed.\n"
    )
    assert avatar_of(row.user).sizes == (16, 32)
    assert files() == before | set(avatar_of(row.user).files)
    assert model.objects.get().image.name == row.image.name


def test_a_plain_field_on_another_model():
    photo("blue", liked=1)
    photo("red", liked=3)
    photo("lime", of=user("eve"))
    Plain.objects.create(user=user("eve"))
    Plain.objects.create()
    out, _ = move("moving.Plain.image", owner="user", order="-liked", verbosity=2)
    assert out.splitlines()[1].endswith("“plain/lime.jpg”: imported")
    assert summary(out).startswith("2 imported into")
    assert avatar_of(user()).color.startswith("fe")
    assert avatar_of(user("eve")).color.startswith("00f")


def test_without_an_order_the_newest_counts():
    photo("blue")
    photo("red")
    move("moving.Plain.image", owner="user")
    assert avatar_of(user()).color.startswith("fe")


def test_another_field_of_the_same_row():
    club = Club.objects.create(logo=make_upload(size=(60, 40)))
    out, _ = move("moving.Club.logo")
    assert "imported into moving.Club.avatar" in out
    assert Name.parse(column(club)).sizes == (16, 32)
    assert Club.objects.get().logo.storage.exists(club.logo.name)


def test_a_field_on_the_other_side_of_a_foreign_key():
    club = Club.objects.create()
    for color in ("blue", "red"):
        Badge.objects.create(club=club, image=make_upload(size=(60, 40), color=color))
    move("moving.Badge")
    # By the model's own ordering.
    assert Name.parse(column(club)).color.endswith("fe")


def test_into_a_column_that_is_named():
    photo()
    SiteProfile.objects.create(user=user())
    out, _ = move("moving.Plain.image", owner="user", target="testapp.Profile")
    assert "imported into testapp.Profile.avatar" in out
    assert Name.parse(SiteProfile.objects.get().avatar.name).sizes == (16, 32)


# --- what is left alone -----------------------------------------------------------------------


def test_an_avatar_is_never_replaced():
    photo()
    own = Profile.objects.create(user=user(), avatar=make_upload(color="lime"))
    out, _ = move("moving.Plain.image", owner="user")
    assert summary(out).startswith("0 imported")
    assert ", 1 whose owner has an avatar already, " in out
    assert Profile.objects.get().avatar.name == own.avatar.name


@pytest.mark.parametrize("has_row", [True, False])
def test_what_the_user_chooses_meanwhile_stays(monkeypatch, files, has_row):
    photo()
    if has_row:
        Profile.objects.create(user=user())
    store = pipeline.store

    def choose_then_store(*args: Any) -> str:
        monkeypatch.setattr(pipeline, "store", store)
        profile = Profile.objects.get_or_create(user=user())[0]
        profile.avatar = make_upload(color="lime")
        profile.save()
        return store(*args)

    monkeypatch.setattr(pipeline, "store", choose_then_store)
    out, _ = move("moving.Plain.image", owner="user")
    assert ", 1 changed meanwhile, " in out
    assert avatar_of(user()).color.startswith("00f")
    assert files() == {"plain/red.jpg", *avatar_of(user()).files}


def choose_an_avatar() -> None:
    Profile.objects.update_or_create(user=user(), defaults={"avatar": make_upload()})


@pytest.mark.parametrize(
    ("has_row", "before", "change"),
    [
        (True, "adopt", lambda: Plain.objects.all().delete()),
        (True, "adopt", lambda: Plain.objects.update(image="")),
        (False, "_instance", lambda: User.objects.all().delete()),
        (True, "_instance", lambda: Profile.objects.all().delete()),
        (False, "_instance", choose_an_avatar),
        (True, "_instance", choose_an_avatar),
    ],
)
def test_what_changes_while_it_is_decoded(monkeypatch, has_row, before, change):
    photo()
    if has_row:
        Profile.objects.create(user=user())
    module = pictures if before == "adopt" else import_
    original = getattr(module, before)

    def change_first(*args: Any, **options: Any) -> Any:
        change()
        return original(*args, **options)

    monkeypatch.setattr(module, before, change_first)
    out, err = move("moving.Plain.image", owner="user")
    assert err == ""
    assert summary(out).startswith("0 imported")
    assert ", 1 changed meanwhile, " in out


def test_an_owner_who_is_the_target_and_gone(monkeypatch):
    club = Club.objects.create()
    Badge.objects.create(club=club, image=make_upload())
    original = import_.rows_of

    def without_targets(model: Any, using: Any) -> Any:
        rows = original(model, using)
        return rows.none() if model is Club else rows

    monkeypatch.setattr(import_, "rows_of", without_targets)
    assert ", 1 changed meanwhile, " in move("moving.Badge")[0]


# --- what cannot be moved ---------------------------------------------------------------------


def broken(media: Path) -> None:
    """Of four users: a file that is gone, half a JPEG, no image, and a good one."""
    for name in ("gone", "half", "text", "good"):
        set_column(photo(of=user(name)), f"plain/{name}.jpg", "image")
    image = make_image((60, 40))
    (media / "plain/half.jpg").write_bytes(image[: len(image) // 2])
    (media / "plain/text.jpg").write_bytes(b"not an image")
    (media / "plain/good.jpg").write_bytes(image)


def test_what_cannot_be_used_is_listed_once_and_is_no_failure(media, files):
    broken(media)
    pks = dict(Plain.objects.values_list("user__username", "pk"))
    for run in range(2):
        before = files()
        out, err = move("moving.Plain.image", owner="user")
        assert err == (
            "1 file is gone:\n"
            f"  moving.Plain.image of pk {pks['gone']}, “plain/gone.jpg”\n"
            "2 files cannot be used:\n"
            f"  moving.Plain.image of pk {pks['half']}, “plain/half.jpg”: “half.jpg” is damaged "
            "or incomplete. Save it again and upload the new copy.\n"
            f"  moving.Plain.image of pk {pks['text']}, “plain/text.jpg”: “text.jpg” is not an "
            "image. Choose a photo or another picture.\n"
            "Nothing was changed at the source. The owners of these files have no avatar until "
            "they choose one. This is no failure: a later run tries the files again, and then "
            "lists them again.\n"
        )
        assert summary(out) == (
            f"{1 - run} imported into avatar_kit_profile.Profile.avatar, {run} whose owner "
            "has an avatar already, 0 changed meanwhile, 1 missing, 2 unusable, 0 failed."
        )
        assert before <= files()
    assert Profile.objects.count() == 1


def test_many_are_counted_and_not_all_listed(monkeypatch, media):
    monkeypatch.setattr("django_avatar_kit.maintenance.problems.LISTED", 1)
    broken(media)
    _, err = move("moving.Plain.image", owner="user")
    assert "“text.jpg”" not in err
    assert "\n  and 1 more, which --verbosity 2 lists as well.\n" in err
    _, err = move("moving.Plain.image", owner="user", verbosity=2)
    assert "“text.jpg”" in err


def test_what_may_succeed_later_is_a_failure(monkeypatch):
    photo()
    photo(of=user("eve"))
    store = pipeline.store

    def fail(cut: Any, field: Any, instance: Any, using: Any) -> str:
        if instance.user.username == "anna":
            raise OSError("No space left on device")
        return store(cut, field, instance, using)

    monkeypatch.setattr(pipeline, "store", fail)
    error, told = failed("moving.Plain.image", owner="user")
    assert error.startswith("1 of 2 pictures could not be imported. Run the")
    assert "“plain/red.jpg”: No space left on device\nTraceback" in told
    assert avatar_of(user("eve"))
    monkeypatch.setattr(pipeline, "store", store)
    assert summary(move("moving.Plain.image", owner="user")[0]).startswith("1 imported")


def test_an_error_of_the_kit_needs_no_traceback(settings):
    photo()
    settings.STORAGES = {
        **settings.STORAGES,
        "broken": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": "/dev/null/nowhere"},
        },
    }
    settings.AVATAR_KIT = {**settings.AVATAR_KIT, "STORAGE": "broken"}
    _error, told = failed("moving.Plain.image", owner="user", verbosity=0)
    assert "could not be written" in told
    assert "Traceback" not in told


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_interruption_ends_the_run_and_another_resumes_it(monkeypatch, jobs, files):
    for name in "abcdefgh":
        photo(of=user(name))
    adopt, calls = pictures.adopt, []

    def interrupt(*args: Any) -> Any:
        calls.append(args)
        if len(calls) == 3:
            raise SoftTimeLimit
        return adopt(*args)

    monkeypatch.setattr(pictures, "adopt", interrupt)
    with pytest.raises(SoftTimeLimit):
        move("moving.Plain.image", owner="user", jobs=jobs)
    done = Profile.objects.count()
    assert done < 8
    monkeypatch.setattr(pictures, "adopt", adopt)
    out, _ = move("moving.Plain.image", owner="user", jobs=jobs)
    assert summary(out).startswith(f"{8 - done} imported")
    assert f", {done} whose owner has an avatar already, " in out
    assert {avatar_of(each).sizes for each in User.objects.all()} == {(16, 32)}
    needed = {file for each in User.objects.all() for file in avatar_of(each).files}
    assert {key for key in files() if not key.startswith("plain/")} == needed


# --- dry run, batches, jobs -------------------------------------------------------------------


def test_a_dry_run_finds_all_and_writes_nothing(media, files):
    broken(media)
    Profile.objects.create(user=user("half"))
    before = files()
    out, err = move("moving.Plain.image", owner="user", dry_run=True)
    assert out.count(": would be imported\n") == 1
    assert "“plain/good.jpg”: would be imported\n" in out
    assert "1 to be imported into" in summary(out)
    assert "2 files cannot be used:" in err
    assert files() == before
    assert Profile.objects.count() == 1


def test_batches_ask_a_few_queries(monkeypatch, django_assert_num_queries):
    monkeypatch.setattr(pictures, "BATCH", 2)
    for name in "abcde":
        photo(of=user(name))
    move("moving.Plain.image", owner="user")
    assert Profile.objects.count() == 5
    # For each batch: whose, which, and who has an avatar. None for a row.
    with django_assert_num_queries(3 * 3 + 1):
        move("moving.Plain.image", owner="user", verbosity=0)


def test_jobs_close_their_connections(monkeypatch):
    closed: list[int] = []
    original = parallel.connections.close_all

    def close() -> None:
        closed.append(1)
        original()

    for name in "abcdef":
        photo(of=user(name))
    monkeypatch.setattr(parallel.connections, "close_all", close, raising=False)
    out, _ = move("moving.Plain.image", owner="user", jobs="3")
    assert summary(out).startswith("6 imported")
    assert len(closed) == 3


@pytest.mark.parametrize("jobs", ["0", "-1", "many"])
def test_jobs_that_cannot_be(jobs):
    assert refused("moving.Plain.image", owner="user", jobs=jobs) == (
        f"“{jobs}” is no number of jobs. Write a whole number from 1."
    )


# --- which field is meant ---------------------------------------------------------------------


def test_labels_that_cannot_be_meant():
    assert refused("moving.Nothing") == "There is no model “moving.Nothing”."
    assert refused("moving.Plain") == (
        "“moving.Plain” is not one field with files. moving.Plain has moving.Plain.image, "
        "moving.Plain.cover."
    )
    assert refused("auth.Group") == (
        "“auth.Group” is not one field with files. auth.Group has none."
    )
    assert refused("moving.Plain.image", owner="user", order="-nothing").startswith(
        "--order: Plain has no field named 'nothing'"
    )
    assert refused("moving.Badge.image", owner="user").startswith("Nothing leads from moving.Bad")
    assert refused("moving.Badge", target="testapp.Team") == (
        "Nothing leads from moving.Badge.image to testapp.Team.avatar: the avatar has to be on "
        "the same model, on a model that it has a foreign key to, or on a one-to-one profile of "
        "that model."
    )


@pytest.mark.parametrize("source", ["moving.Portrait", "moving.Portrait.file"])
def test_a_field_that_a_model_has_from_its_parent(source):
    Portrait.objects.create(user=user(), file=make_upload())
    Medium.objects.create(file=make_upload())
    out, _ = move(source)
    assert summary(out).startswith("1 imported")
    assert avatar_of(user())


def test_more_than_one_owner():
    assert refused("moving.Plain.image") == (
        "Say whose picture it is: --owner user or --owner taken_by."
    )


def test_more_than_one_avatar(settings):
    settings.AVATAR_KIT = {"SIZES": (16, 32)}
    assert refused("moving.Sorl") == (
        "Say which avatar is meant: --to testapp.Profile.avatar or --to "
        "avatar_kit_gallery.Picture.avatar or --to avatar_kit_profile.Profile.avatar."
    )


@isolate_apps("tests.neighbours.moving")
def test_a_profile_that_leads_to_a_second_user_is_no_gallery():
    """As a gallery, it would get a row for each picture, whose ``user`` is nobody."""

    class Member(AvatarMixin):
        user = models.OneToOneField(User, models.CASCADE, related_name="+")
        invited_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")

        class Meta:
            app_label = "moving"

    known = route_of("moving.Sorl", "avatar_kit_profile.Profile")
    avatar: Any = Member._meta.get_field("avatar")
    assert replace(known, target=avatar).gallery == ""
    assert route_of("moving.Sorl", "avatar_kit_gallery.Picture").gallery == "owner"


@isolate_apps("tests.neighbours.moving")
def test_a_second_parent_is_not_found_by_the_key_of_its_child():
    """It would be the avatar of somebody else."""

    class Account(models.Model):
        number = models.AutoField(primary_key=True)

        class Meta:
            app_label = "moving"

    class Face(AvatarMixin):
        code = models.AutoField(primary_key=True)

        class Meta:
            app_label = "moving"

    class Member(Account, Face):
        class Meta:
            app_label = "moving"

    assert list(sources._lookups_of_target(Account, Member)) == ["pk"]
    assert list(sources._lookups_of_target(Face, Member)) == []


@pytest.mark.django_db(transaction=True, databases=["default", "other"])
def test_the_database_of_both_sides():
    place = "other"
    club = Club.objects.using(place).create()
    Badge.objects.using(place).create(club=club, image=make_upload())
    out, _ = move("moving.Badge", using=place)
    assert summary(out).startswith("1 imported")
    assert Name.parse(Club.objects.using(place).get().avatar.name)
