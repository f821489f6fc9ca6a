"""``avatar_sweep``: defaults, and files that the kit has not named."""

from __future__ import annotations

from functools import partial
from itertools import cycle
from typing import Any

import pytest
from django.core.files.storage import FileSystemStorage, Storage, storages
from django.core.management import CommandError
from django.db import models
from django.db.models.functions import Lower
from easy_thumbnails.files import get_thumbnailer
from easy_thumbnails.models import Source

from django_avatar_kit import columns
from django_avatar_kit.fields import AvatarField
from django_avatar_kit.maintenance import locations
from django_avatar_kit.maintenance import sweep as sweeping
from django_avatar_kit.names import Name, random_ids
from django_avatar_kit.test import make_image
from tests.support.lifecycle import column, files_of, upload
from tests.support.sweep import ALL, THUMBNAIL, age, listed, lose, put, sweep, team
from tests.testapp.models import Bare, Channel, Pet

pytestmark = [
    pytest.mark.lifecycle,
    pytest.mark.django_db(transaction=True, databases=["default", "other"]),
    pytest.mark.usefixtures("small", "one_default"),
]

# --- defaults --------------------------------------------------------------------------------


def test_a_default_is_never_deleted(monkeypatch, media, files):
    key = lose(team())
    monkeypatch.setattr(Channel._meta.get_field("badge"), "default", key)
    put(media, "defaults/badge.png")
    sweep(delete=True, **ALL)
    assert files() == files_of(key) | {"defaults/badge.png"}


def test_a_default_is_not_foreign(monkeypatch, media, files):
    badge = put(media, "defaults/badge.png", make_image((60, 40), format="png"))
    thumbnail = get_thumbnailer(storages["default"], badge).get_thumbnail({"size": (9, 9)}).name
    cruft = put(media, "defaults/cruft.png")
    sweep(delete=True, foreign=True, prefix="defaults", **ALL)
    assert files() == {badge, thumbnail}
    assert cruft not in files()


def choose(monkeypatch: pytest.MonkeyPatch, model: Any, attname: str) -> None:
    """A default chosen anew for each row, out of several."""
    several = cycle(["stock/1.png", "stock/2.png"])
    field = model._meta.get_field(attname)
    monkeypatch.setattr(field, "default", partial(next, several))
    # Django keeps what it once found out of it.
    monkeypatch.setitem(field.__dict__, "_get_default", field.default)


@pytest.mark.parametrize(("model", "attname"), [(Channel, "badge"), (Bare, "photo")])
def test_a_default_that_is_chosen_anew_may_be_any_file(monkeypatch, media, files, model, attname):
    choose(monkeypatch, model, attname)
    stock = {put(media, f"stock/{number}.png") for number in (1, 2, 3)}
    lost = lose(team())
    with pytest.raises(CommandError) as caught:
        sweep(delete=True, foreign=True, prefix="stock", **ALL)
    assert str(caught.value) == (
        "The storage “default” cannot be swept with --foreign: the default of "
        f"{model._meta.label}.{attname} is chosen anew for each row, so that any file may be one. "
        "Without --foreign, what the kit has named is swept."
    )
    assert files() == stock | files_of(lost)
    sweep(delete=True, **ALL)
    assert files() == stock


@pytest.mark.parametrize("folder", ["stock", ".."])
def test_a_default_in_a_storage_around_or_inside(monkeypatch, media, folder):
    choose(monkeypatch, Bare, "photo")
    key = put(media, "stock/1.png")
    place = FileSystemStorage((media / folder).resolve())
    monkeypatch.setattr(Bare._meta.get_field("photo"), "storage", place)
    with pytest.raises(CommandError, match=r"“default” cannot be swept with --foreign: .*\.Bare"):
        sweep(delete=True, foreign=True, prefix="stock", **ALL)
    assert (media / key).exists()


class Bucket(Storage):
    """Two of them may be the same, for all that anybody can tell."""


def test_a_default_in_what_may_be_the_same_bucket():
    folder = storages["default"]
    assert locations.may_share(Bucket(), Bucket())
    assert not locations.may_share(Bucket(), folder)
    assert not locations.may_share(storages["renditions"], folder)


def test_a_default_chosen_anew_in_another_storage(monkeypatch, media, files, tmp_path):
    """Its thumbnails may be here."""
    choose(monkeypatch, Bare, "photo")
    elsewhere = FileSystemStorage(tmp_path / "stock")
    monkeypatch.setattr(Bare._meta.get_field("photo"), "storage", elsewhere)
    put(media, "photos/cruft.jpg")
    source = Source.objects.create(name="stock/3.png", storage_hash="elsewhere")
    thumbnail = put(media, "photos/thumbnail.jpg")
    source.thumbnails.create(name=thumbnail, storage_hash="here")
    row = team()
    lose(row)
    own = Source.objects.create(name=column(team()), storage_hash="elsewhere")
    own.thumbnails.create(name=put(media, "photos/own.jpg"), storage_hash="here")
    gone = Source.objects.create(name=upload_name(), storage_hash="elsewhere")
    gone.thumbnails.create(name=put(media, "photos/gone.jpg"), storage_hash="here")
    sweep(delete=True, foreign=True, prefix="photos", **ALL)
    assert {key for key in files() if key.startswith("photos")} == {thumbnail, "photos/own.jpg"}


def upload_name() -> str:
    """The name of an avatar that there never was."""
    return str(
        Name(
            *random_ids(),
            width=6,
            height=6,
            sizes=(6,),
            formats=("webp",),
            crop=None,
            fit="cover",
            color="000000",
            ext="jpg",
        )
    )


class DefaultedByDatabase(models.Model):
    avatar = AvatarField(db_default="defaults/db.png")
    other = AvatarField(db_default=Lower(models.Value("A")))

    class Meta:
        app_label = "elsewhere"
        managed = False


def test_what_a_default_is():
    def default_of(model: Any, name: str) -> str:
        return columns.default_of(model._meta.get_field(name))

    assert default_of(DefaultedByDatabase, "avatar") == "defaults/db.png"
    # Only the database could tell.
    assert default_of(DefaultedByDatabase, "other") == ""
    assert default_of(Channel, "badge") == "defaults/badge.png"
    assert default_of(Channel, "avatar") == ""


def test_foreign_files_of_a_storage_inside_another(monkeypatch, inner, media, files):
    monkeypatch.setattr(Bare._meta.get_field("photo"), "storage", inner)
    photo = put(media, "avatars/photos/new.jpg", make_image((60, 40)))
    old = put(media, "avatars/photos/old.jpg", make_image((60, 40)))
    row = Bare.objects.create(photo="photos/new.jpg")
    made = {
        key: get_thumbnailer(inner, key).get_thumbnail({"size": (9, 9)}).name
        for key in ("photos/new.jpg", "photos/old.jpg")
    }
    # Its thumbnails go to the default storage, or stay beside it.
    before = files()
    sweep(delete=True, foreign=True, prefix="avatars", **ALL)
    assert before - files() == {old, *before & {f"avatars/{made['photos/old.jpg']}"}}
    assert photo in files()
    Bare.objects.filter(pk=row.pk).delete()


def test_foreign_files_of_a_storage_around(monkeypatch, media, files, tmp_path):
    monkeypatch.setattr(Bare._meta.get_field("photo"), "storage", FileSystemStorage(tmp_path))
    photo, old = put(media, "photos/new.jpg"), put(media, "photos/old.jpg")
    row = Bare.objects.create(photo=f"media/{photo}")
    sweep(delete=True, foreign=True, prefix="photos", **ALL)
    assert files() == {photo}
    assert old not in files()
    Bare.objects.filter(pk=row.pk).delete()


# --- foreign files ---------------------------------------------------------------------------


def test_foreign_files(media, files):
    """Rounds 2 and 3: what was left behind before anybody cleaned up."""
    photo = put(media, "photos/new.jpg", make_image((60, 40)))
    old = put(media, "photos/old.jpg", make_image((60, 40)))
    made = {
        key: get_thumbnailer(storages["default"], key).get_thumbnail({"size": (9, 9)}).name
        for key in (photo, old)
    }
    row = Bare.objects.create(photo=photo)
    beside = put(media, "documents/deed.pdf")
    kept, lost = team(), lose(team())
    sweep(delete=True, foreign=True, prefix="/photos/", **ALL)
    stays = {photo, made[photo], beside} | files_of(column(kept))
    assert files() == stays | files_of(lost)
    assert Source.objects.get().name == photo
    out, _ = sweep(foreign=True, prefix="avatars", **ALL)
    assert listed(out) == files_of(lost)
    assert "6 files, 3 of them" in out
    Bare.objects.filter(pk=row.pk).delete()


def test_the_thumbnail_of_an_avatar_is_not_foreign(settings, media, files):
    settings.THUMBNAIL_SUBDIR = "t"
    kept, lost = team(), team()
    made = {row.pk: row.avatar.get_thumbnail(THUMBNAIL).name for row in (kept, lost)}
    lose(lost)
    sweep(delete=True, foreign=True, prefix="avatars", **ALL)
    assert files() == files_of(column(kept)) | {made[kept.pk]}


def test_a_foreign_file_that_is_uploaded_once_more_stays(monkeypatch, media, files):
    key = put(media, "photos/me.jpg")
    age(media, hours=2)
    original = sweeping.Sweep.delete

    def delete(self: sweeping.Sweep) -> Any:
        put(media, key, b"new")
        return original(self)

    monkeypatch.setattr(sweeping.Sweep, "delete", delete)
    sweep(delete=True, foreign=True, prefix="photos", max_percent=100)
    assert files() == {key}


def test_foreign_needs_a_prefix():
    for prefix in ("", "/", "./"):
        with pytest.raises(CommandError, match=r"^--foreign needs a --prefix"):
            sweep(foreign=True, prefix=prefix)
    with pytest.raises(CommandError, match=r"^“a/../..” leads out of the storage"):
        sweep(foreign=True, prefix="a/../..")


def test_a_prefix_limits_the_search(files):
    lose(team())
    pet = Pet.objects.create(avatar=upload(), name="bo")
    key = lose(pet)
    out, _ = sweep(prefix="pets/bo", min_age=0)
    assert listed(out) == files_of(key)


def test_a_site_without_avatar_fields_has_to_name_a_storage(monkeypatch, media, files):
    """Such a site may sweep what its stock fields have left, before it moves in."""
    monkeypatch.setattr(locations, "avatar_columns", lambda: ())
    put(media, "photos/old.jpg")
    wanted = {**ALL, "foreign": True, "prefix": "photos", "delete": True}
    with pytest.raises(CommandError, match=r"^No model has an avatar field.* --storage default"):
        sweep(**wanted)
    assert files() == {"photos/old.jpg"}
    sweep(**wanted, storage=["default"])
    assert files() == set()
