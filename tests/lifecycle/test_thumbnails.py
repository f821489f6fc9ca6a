"""easy-thumbnails on an avatar, and its thumbnails of stock fields: answered, booked, removed."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.db import DatabaseError, connection, transaction
from django.template import Context, Template
from django.test.utils import CaptureQueriesContext
from easy_thumbnails.conf import settings as easy_settings
from easy_thumbnails.files import get_thumbnailer
from easy_thumbnails.models import Source, Thumbnail

from django_avatar_kit.lifecycle import thumbnails
from django_avatar_kit.test import make_image
from tests.support.lifecycle import column, files_of, fresh, needed, upload
from tests.testapp.models import Bare, Channel, Pet, Profile, Team

pytestmark = [
    pytest.mark.lifecycle,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("small"),
]

with_cleanup = pytest.mark.usefixtures("django_cleanup")


def render(source: str, **context: Any) -> str:
    return Template("{% load thumbnail %}" + source).render(Context(context))


# --- answered by a rendition ------------------------------------------------------------------


def test_a_square_crop_of_a_size_there_is_is_answered_from_the_name_alone(profile, storage):
    row = fresh(profile)
    storage.calls.clear()
    with CaptureQueriesContext(connection) as queries:
        src = render("{% thumbnail row.avatar 32x32 crop %}", row=row)
    name = row.avatar.avatar_name
    assert src == f"/media/{name.rendition(32, 'webp')}"
    assert len(queries) == 0
    assert storage.calls == []


def test_it_knows_its_dimensions(profile, storage):
    storage.calls.clear()
    html = render(
        "{% thumbnail row.avatar 16x16 crop as face %}{{ face.width }}x{{ face.height }}",
        row=profile,
    )
    assert html == "16x16"
    assert storage.calls == []


def test_the_last_format_is_the_one_that_everybody_reads(profile, settings):
    settings.AVATAR_KIT = {"SIZES": (16,), "FORMATS": ("webp", "jpeg")}
    profile.avatar.save("new.jpg", upload())
    face = profile.avatar.get_thumbnail({"size": (16, 16), "crop": True})
    assert face.name == profile.avatar.avatar_name.rendition(16, "jpeg")


def test_the_whole_picture_on_a_square_is_no_crop_of_it(files):
    channel = Channel.objects.create(avatar=upload(size=(200, 100)))
    made = channel.avatar.get_thumbnail({"size": (96, 96), "crop": True})
    assert made.name not in channel.avatar.avatar_name.files
    channel.delete()
    assert files() == set()


def test_an_alias_that_a_rendition_answers(profile, settings, storage):
    settings.THUMBNAIL_ALIASES = {"": {"face": {"size": (32, 32), "crop": True}}}
    from easy_thumbnails.alias import aliases

    aliases.populate_from_settings()
    storage.calls.clear()
    assert profile.avatar["face"].name == profile.avatar.avatar_name.rendition(32, "webp")
    assert storage.calls == []


def test_get_thumbnailer_of_an_avatar(profile):
    thumbnailer = get_thumbnailer(profile.avatar)
    face = thumbnailer.get_thumbnail({"size": (32, 32), "crop": True})
    assert face.name == profile.avatar.avatar_name.rendition(32, "webp")
    assert Thumbnail.objects.count() == 0


def test_an_avatar_from_a_pickle_makes_thumbnails(profile, files):
    row = pickle.loads(pickle.dumps(profile))
    made = row.avatar.get_thumbnail({"size": (20, 10)})
    assert made.name in files()


@pytest.mark.parametrize(
    "options",
    [
        {"size": (32, 16), "crop": True},
        {"size": (31, 31), "crop": True},
        {"size": (32, 32)},
        {"size": (32, 32), "crop": "smart"},
        {"size": (32, 32), "crop": True, "bw": True},
        {"size": (32, 32), "crop": True, "quality": 10},
        {"size": (32, 0)},
    ],
    ids=str,
)
def test_anything_else_is_made_and_booked_and_goes_with_the_avatar(profile, files, options):
    before = files()
    made = profile.avatar.get_thumbnail(options)
    assert files() == before | {made.name}
    assert list(Thumbnail.objects.values_list("name", flat=True)) == [made.name]
    profile.avatar.save("new.jpg", upload("red"))
    assert files() == needed() == files_of(column(profile))
    assert not Source.objects.exists()
    assert not Thumbnail.objects.exists()


def test_a_thumbnail_made_once_is_found_again(profile, storage):
    first = profile.avatar.get_thumbnail({"size": (20, 10)})
    storage.calls.clear()
    assert fresh(profile).avatar.get_thumbnail({"size": (20, 10)}).name == first.name
    assert not any(call == "save" for call, _ in storage.calls)


@pytest.mark.parametrize(
    "replace", [lambda a: a.save("b.jpg", upload("red")), lambda a: a.recrop(None)]
)
def test_thumbnails_of_an_avatar_and_of_the_one_that_replaces_it(profile, files, replace):
    """In one request, from one object."""
    profile.avatar.get_thumbnail({"size": (20, 10)})
    replace(profile.avatar)
    made = profile.avatar.get_thumbnail({"size": (20, 10)})
    assert files() == files_of(column(profile)) | {made.name}
    assert Thumbnail.objects.get().source.name == column(profile)


def test_a_thumbnail_that_must_not_be_made_is_missed(profile):
    assert profile.avatar.get_existing_thumbnail({"size": (20, 10)}) is None
    assert profile.avatar.get_thumbnail({"size": (20, 10)}, generate=False) is None


def test_no_avatar_has_no_thumbnail():
    team = Team.objects.create()
    assert render("{% thumbnail row.avatar 16x16 crop %}", row=team) == ""


def test_a_file_from_before_the_kit_has_thumbnails_as_ever(media, files):
    (media / "old.jpg").write_bytes(make_image((60, 40)))
    team = Team.objects.create(avatar="old.jpg")
    made = team.avatar.get_thumbnail({"size": (32, 32), "crop": True})
    assert files() == {"old.jpg", made.name}
    assert team.avatar.width == 60
    team.delete()
    assert files() == set()


# --- removed ----------------------------------------------------------------------------------


def test_the_thumbnails_go_when_the_row_goes(profile, files):
    profile.avatar.get_thumbnail({"size": (20, 10)})
    profile.avatar.get_thumbnail({"size": (10, 20)})
    profile.delete()
    assert files() == set()
    assert not Thumbnail.objects.exists()


def test_the_thumbnails_of_an_undone_upload_go(profile, files, settled):
    before = files()
    with pytest.raises(RuntimeError), transaction.atomic():
        profile.avatar.save("new.jpg", upload("red"))
        profile.avatar.get_thumbnail({"size": (20, 10)})
        raise RuntimeError
    settled()
    # Its books went with the transaction, so that only the sweep knows of the file.
    assert {key for key in files() - before if ".jpg." not in key} == set()


def test_the_thumbnails_stay_while_another_row_has_the_avatar(profile, files):
    made = profile.avatar.get_thumbnail({"size": (20, 10)}).name
    team = Team.objects.create(avatar=profile.avatar)
    profile.delete()
    assert made in files()
    team.delete()
    assert files() == set()


def test_the_kits_renditions_are_not_in_the_books(profile):
    profile.avatar.get_thumbnail({"size": (20, 10)})
    assert Thumbnail.objects.count() == 1
    assert profile.avatar.delete_thumbnails() == 1
    assert files_of(column(profile)) <= set(_listing(profile))


def _listing(profile: Profile) -> set[str]:
    storage = profile.avatar.storage
    folder = column(profile).rpartition("/")[0]
    return {f"{folder}/{name}" for name in storage.listdir(folder)[1]}


def test_a_thumbnail_that_cannot_be_deleted_stays_in_the_books(
    profile, files, monkeypatch, storage, caplog
):
    made = profile.avatar.get_thumbnail({"size": (20, 10)}).name
    delete = type(storage).delete

    def refuse(self: Any, key: str) -> None:
        if key == made:
            raise PermissionError("read-only")
        delete(self, key)

    monkeypatch.setattr(type(storage), "delete", refuse)
    profile.delete()
    assert made in caplog.text
    assert files() == {made}
    assert Thumbnail.objects.get().name == made


def test_a_source_of_that_name_in_another_storage_is_another_source(profile):
    Source.objects.create(name=column(profile), storage_hash="another")
    profile.delete()
    assert Source.objects.get().storage_hash == "another"


def test_a_thumbnail_in_another_storage_cannot_be_reached(profile, files):
    made = profile.avatar.get_thumbnail({"size": (20, 10)}).name
    Thumbnail.objects.update(storage_hash="another")
    profile.delete()
    assert files() == {made}
    assert not Source.objects.exists()


def test_a_storage_for_thumbnails_of_the_fields_own(files, renditions):
    pet = Pet.objects.create(portrait=upload())
    made = pet.portrait.get_thumbnail({"size": (20, 10)})
    assert (renditions / made.name).exists()
    pet.delete()
    assert not (renditions / made.name).exists()
    assert files() == set()
    assert not Source.objects.exists()


def test_the_storage_of_the_settings_is_read_live(profile, settings, renditions):
    settings.THUMBNAIL_DEFAULT_STORAGE_ALIAS = "renditions"
    assert thumbnails.storage_of(profile.avatar.field).base_url == "/renditions/"
    made = profile.avatar.get_thumbnail({"size": (20, 10)})
    assert (renditions / made.name).exists()
    profile.delete()
    assert not (renditions / made.name).exists()


def test_more_names_than_fit_in_one_query(files, monkeypatch):
    monkeypatch.setattr(thumbnails, "CHUNK", 2)
    for _ in range(5):
        Team.objects.create(avatar=upload()).avatar.get_thumbnail({"size": (20, 10)})
    Team.objects.all().delete()
    assert files() == set()
    assert not Source.objects.exists()


def test_its_own_settings_are_read_when_asked_for(profile, monkeypatch):
    assert profile.avatar.thumbnail_quality == easy_settings.THUMBNAIL_QUALITY
    assert profile.avatar.thumbnail_basedir == easy_settings.THUMBNAIL_BASEDIR
    profile.avatar.thumbnail_quality = 40
    assert profile.avatar.thumbnail_quality == 40
    assert profile.avatar.generate is True
    assert profile.avatar.source_storage is profile.avatar.storage
    assert profile.avatar.alias_target is profile.avatar


# --- round 3: a stock field -------------------------------------------------------------------


@pytest.fixture
def bare() -> Bare:
    bare = Bare(name="b")
    bare.photo.save("photo.jpg", ContentFile(make_image((60, 40))))
    bare = Bare.objects.get()
    get_thumbnailer(bare.photo).get_thumbnail({"size": (20, 10)})
    return bare


@with_cleanup
def test_thumbnails_of_a_replaced_stock_file_go(bare, files):
    assert len(files()) == 2
    bare.photo = ContentFile(make_image((60, 40), "red"), name="new.jpg")
    bare.save()
    assert files() == {bare.photo.name}
    assert not Source.objects.exists()
    get_thumbnailer(bare.photo).get_thumbnail({"size": (20, 10)})
    assert len(files()) == 2
    bare.delete()
    assert files() == set()
    assert not Thumbnail.objects.exists()


@with_cleanup
def test_thumbnails_of_a_stock_file_stay_where_the_kit_must_not_delete(bare, files, settings):
    settings.AVATAR_KIT = {**settings.AVATAR_KIT, "DELETE_FILES": False}
    thumbnail = Thumbnail.objects.get().name
    bare.delete()
    assert files() == {thumbnail}
    assert Thumbnail.objects.get().name == thumbnail


@with_cleanup
def test_thumbnails_of_a_stock_file_stay_when_its_deletion_is_undone(bare, files):
    before = files()
    with pytest.raises(RuntimeError), transaction.atomic():
        bare.delete()
        raise RuntimeError
    assert files() == before


@with_cleanup
def test_thumbnails_of_a_stock_file_that_could_not_be_deleted_stay(
    bare, files, monkeypatch, storage
):
    before = files()
    monkeypatch.setattr(type(storage), "delete", lambda *args: 1 / 0)
    bare.delete()
    assert files() == before
    assert Thumbnail.objects.count() == 1


@with_cleanup
def test_a_database_that_fails_is_logged(bare, monkeypatch, caplog):
    def away(names: Any) -> None:
        raise DatabaseError("away")

    monkeypatch.setattr(thumbnails, "delete", away)
    bare.delete()
    assert "Could not delete the thumbnails of “photos/photo.jpg”" in caplog.text
