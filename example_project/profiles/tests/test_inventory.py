from __future__ import annotations

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import InMemoryStorage, default_storage
from easy_thumbnails.files import get_thumbnailer
from storages.backends.s3 import S3Storage

from django_avatar_kit.test import make_upload
from profiles.inventory import locate, take_stock
from profiles.models import KitPicture, PlainPicture, Profile, ThumbnailedPicture

from .factories import ProfileFactory, UserFactory

pytestmark = pytest.mark.django_db


def roles(group) -> dict[str, int]:
    found: dict[str, int] = {}
    for file in group.files:
        found[file.role] = found.get(file.role, 0) + 1
    return found


def test_an_empty_storage():
    stock = take_stock()
    assert (stock.groups, stock.files, stock.size) == ([], 0, 0)


def test_an_avatar_and_its_thumbnails(stored, settings):
    profile = ProfileFactory(pictured=True)
    get_thumbnailer(profile.avatar).get_thumbnail({"size": (70, 30)})
    (group,) = take_stock().groups
    assert group.row == profile
    assert group.key == profile.avatar.name
    assert roles(group) == {"master": 1, "rendition": 5, "thumbnail": 1}
    assert group.missing == ()
    assert {file.key for file in group.files} == stored()
    assert group.size == sum((settings.MEDIA_ROOT / key).stat().st_size for key in stored())


def test_an_avatar_that_no_row_holds():
    profile = ProfileFactory(pictured=True)
    name = profile.avatar.name
    # Behind the kit's back; the files stay.
    Profile.objects.filter(pk=profile.pk).update(avatar="")
    stock = take_stock()
    assert [group.key for group in stock.orphans] == [name]
    assert roles(stock.orphans[0]) == {"master": 1, "rendition": 5}
    assert stock.orphan_files == 6


def test_a_file_that_is_missing():
    profile = ProfileFactory(pictured=True)
    lost = profile.avatar.avatar_name.rendition(64, "webp")
    default_storage.delete(lost)
    stock = take_stock()
    assert stock.groups[0].missing == (lost,)
    assert stock.missing == 1


def test_all_files_are_missing():
    profile = ProfileFactory(pictured=True)
    for key in profile.avatar.avatar_name.files:
        default_storage.delete(key)
    (group,) = take_stock().groups
    assert group.row == profile
    assert len(group.missing) == 6


def test_a_stray_in_the_place_of_an_avatar():
    name = ProfileFactory(pictured=True).avatar.avatar_name
    default_storage.save(name.rendition(999, "webp"), ContentFile(b"?"))
    (group,) = take_stock().groups
    assert roles(group) == {"master": 1, "rendition": 5, "stray": 1}


def test_a_stock_field_and_its_thumbnails():
    row = ThumbnailedPicture.objects.create(owner=UserFactory(), picture=make_upload())
    get_thumbnailer(row.picture).get_thumbnail({"size": (48, 48), "crop": True})
    (group,) = take_stock().groups
    assert group.row == row
    assert roles(group) == {"original": 1, "thumbnail": 1}


def test_only_one_folder():
    mine = KitPicture.objects.create(owner=UserFactory(), avatar=make_upload())
    KitPicture.objects.create(owner=UserFactory(), avatar=make_upload())
    ProfileFactory(pictured=True)
    stock = take_stock(f"rounds/kit/{mine.owner.pk}/")
    assert [group.row for group in stock.groups] == [mine]
    assert stock.files == 6


def test_orphans_first_and_then_people_by_their_names(django_assert_num_queries):
    names = ["Zoë Moss", "ada Byron", "Mei Hanazawa"]
    zoe, ada, mei = (ProfileFactory(pictured=True, display_name=name) for name in names)
    round_1 = PlainPicture.objects.create(owner=mei.user, picture=make_upload())
    bare = PlainPicture.objects.create(owner=UserFactory(username="kim"), picture=make_upload())
    default_storage.save("rounds/1-plain/1/left.jpg", ContentFile(b"?"))
    # One for each model: the names of the people come along.
    with django_assert_num_queries(6):
        stock = take_stock()
    assert [group.row for group in stock.groups] == [None, ada, bare, mei, round_1, zoe]
    assert [group.person for group in stock.groups] == [
        "",
        "ada Byron",
        "kim",
        "Mei Hanazawa",
        "Mei Hanazawa",
        "Zoë Moss",
    ]


def test_where_the_files_are(settings):
    assert str(locate()) == f"folder “{settings.MEDIA_ROOT}”"
    assert take_stock().location == locate()
    bucket = S3Storage(bucket_name="faces", location="media")
    assert str(locate(bucket)) == "bucket “faces/media” on Amazon S3"
    assert str(locate(InMemoryStorage())) == "storage “InMemoryStorage”"
