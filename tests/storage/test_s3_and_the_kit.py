"""The whole kit on S3: the life of an avatar, and the commands."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from html import escape
from io import StringIO
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.management import call_command

from django_avatar_kit import columns
from django_avatar_kit import tokens as seals
from django_avatar_kit.lifecycle import references as rows
from django_avatar_kit.maintenance import orphans
from django_avatar_kit.rendering import avatar_html
from django_avatar_kit.storage import s3
from django_avatar_kit.storage.base import adapter_of, urls, write_all
from tests.support.lifecycle import files_of, fresh, make_profile, upload
from tests.testapp.models import Bare

pytest.importorskip("moto", reason="moto is not installed: no tests on S3.")


from tests.support import animations, s3server
from tests.support.s3storage import IMMUTABLE, KEY, ODD, OwnParameters, actions, write


def lost_file() -> str:
    """The key of a rendition that this site has made, and that no row knows any more."""
    token = seals.new_token("default")
    return f"avatars/{token[:2]}/{token}.64.webp"


# --- the whole kit on S3 ----------------------------------------------------------------------


@pytest.fixture
def asked(bucket: Any) -> Callable[[Callable[[], Any]], list[str]]:
    def ask(call: Callable[[], Any]) -> list[str]:
        with bucket.server.counted() as requests:
            call()
        return sorted(actions(requests))

    return ask


@pytest.mark.django_db(transaction=True)
def test_the_files_of_what_moves(storage, bucket, settings):
    settings.AVATAR_KIT = {"SIZES": (8, 16), "ANIMATED": True}
    profile = make_profile(avatar=False)
    profile.avatar.save("film.gif", ContentFile(animations.gif()))
    name = fresh(profile).avatar.avatar_name
    assert name.animated
    assert bucket.keys() == set(name.files)
    assert {bucket.head(key)["ContentType"] for key in name.files} == {"image/webp"}
    shown = avatar_html(fresh(profile), 8)
    assert escape(urls(storage)(name.animated_rendition(8))) in shown
    profile.delete()
    assert bucket.keys() == set()


@pytest.mark.django_db(transaction=True)
def test_requests_of_a_life(storage, bucket, asked):
    profile = make_profile(avatar=False)
    profile.avatar = upload(size=(640, 512))
    assert asked(profile.save) == ["PUT"] * 6
    profile = fresh(profile)
    old = profile.avatar.name
    assert bucket.keys() == files_of(old)
    assert bucket.head(old)["ContentType"] == "image/jpeg"
    for key in files_of(old):
        assert bucket.head(key)["CacheControl"] == IMMUTABLE

    assert asked(lambda: avatar_html(profile, 64)) == []

    profile.avatar = upload("red", size=(640, 512))
    assert asked(profile.save) == ["DELETE MANY", *["PUT"] * 6]
    assert bucket.keys() == files_of(fresh(profile).avatar.name)

    assert asked(profile.delete) == ["DELETE MANY"]
    assert bucket.keys() == set()


@pytest.mark.django_db(transaction=True)
def test_masters_and_renditions_in_two_buckets(bucket, s3_server, settings):
    public = s3server.Bucket(s3_server)
    bucket.use(settings)
    public.use(settings, alias="public", querystring_auth=False)
    settings.AVATAR_KIT = {"RENDITION_STORAGE": "public"}
    profile = fresh(make_profile())
    master, *renditions = profile.avatar.avatar_name.files
    assert bucket.keys() == {master}
    assert public.keys() == set(renditions)
    assert f'src="{s3_server.url}/{public.name}/avatars/' in avatar_html(profile, 32)
    profile.delete()
    assert bucket.keys() | public.keys() == set()


@pytest.mark.parametrize("querystring_auth", [True, False])
@pytest.mark.django_db
def test_markup_is_the_same_as_part_by_part(querystring_auth, bucket, settings, clock):
    storage = bucket.use(settings, querystring_auth=querystring_auth, location="a b")
    profile = fresh(make_profile())
    name = profile.avatar.avatar_name
    url = urls(storage)
    # Of 8 px, the smallest rendition serves all screens.
    assert avatar_html(profile, 8, loading=None, alt="a") == (
        f'<img src="{escape(url(name.rendition(32, "webp")))}" width="8" height="8" alt="a">'
    )
    assert profile.avatar.url_for(8) == url(name.rendition(32, "webp"))


def test_locations_of_buckets(bucket, settings):
    root = bucket.use(settings)
    inner = bucket.use(settings, alias="inner", location="a/b")
    assert adapter_of(root).locations() == [((bucket.server.url, bucket.name), ())]
    assert adapter_of(inner).locations() == [((bucket.server.url, bucket.name), ("a", "b"))]


# --- commands ---------------------------------------------------------------------------------


def sweep(**options: Any) -> str:
    out = StringIO()
    options = {"min_age": "0", "max_percent": 100, **options}
    call_command("avatar_sweep", stdout=out, stderr=StringIO(), **options)
    return out.getvalue()


@pytest.mark.django_db(databases=["default", "other"])
def test_a_sweep_asks_for_pages_and_deletes_in_batches(storage, bucket, monkeypatch):
    profile = make_profile()
    needed = files_of(fresh(profile).avatar.name)
    write_all([write(storage, lost_file()) for _ in range(20)])
    client = adapter_of(storage).s3.client
    real = client.list_objects_v2
    monkeypatch.setattr(client, "list_objects_v2", lambda **given: real(MaxKeys=10, **given))
    monkeypatch.setattr(s3, "MOST_DELETED", 15)
    with bucket.server.counted() as requests:
        said = sweep()
    assert actions(requests) == ["LIST"] * 3
    assert "20 of them not needed (80 bytes)" in said
    with bucket.server.counted() as requests:
        sweep(delete=True)
    assert actions(requests) == [*["LIST"] * 3, *["DELETE MANY"] * 2]
    assert bucket.keys() == needed


@pytest.mark.django_db(databases=["default", "other"])
def test_a_sweep_leaves_what_was_just_uploaded(storage, bucket):
    write_all([write(storage, KEY)])
    with bucket.server.counted() as requests:
        sweep(delete=True, min_age="1h")
    # The listing tells the age.
    assert actions(requests) == ["LIST"]
    assert bucket.keys() == {KEY}


@pytest.mark.django_db(databases=["default", "other"])
def test_a_sweep_looks_only_below_its_prefix(storage, bucket):
    write_all([write(storage, KEY), write(storage, f"other/{KEY}")])
    sweep(delete=True, prefix="other")
    assert bucket.keys() == {KEY}


@pytest.mark.django_db(databases=["default", "other"])
@pytest.mark.parametrize(("masters", "renditions"), [("", "public"), ("private", ""), ("a", "b")])
def test_two_folders_of_one_bucket_are_swept_for_what_either_needs(
    masters, renditions, bucket, settings
):
    bucket.use(settings, location=masters)
    bucket.use(settings, alias="other", location=renditions)
    settings.AVATAR_KIT = {"SIZES": (16,), "RENDITION_STORAGE": "other"}
    make_profile()
    needed = bucket.keys()
    assert len(needed) == 2
    write_all([write(storages[alias], lost_file()) for alias in ("default", "other")])
    sweep(delete=True)
    assert bucket.keys() == needed


@pytest.mark.django_db(transaction=True)
def test_a_build_follows_changed_sizes(storage, bucket, settings):
    settings.AVATAR_KIT = {"SIZES": (16, 32)}
    profile = make_profile()
    master = bucket.body(fresh(profile).avatar.name)
    settings.AVATAR_KIT = {"SIZES": (8, 24)}
    with bucket.server.counted() as requests:
        call_command("avatar_build", verbosity=0)
    name = fresh(profile).avatar.avatar_name
    assert name.sizes == (8, 24)
    assert bucket.keys() == set(name.files)
    assert bucket.body(str(name)) == master
    # Looked for; the master read; all written, and the old ones deleted.
    assert sorted(actions(requests)) == ["DELETE MANY", "GET", "LIST", *["PUT"] * 3]
    with bucket.server.counted() as requests:
        call_command("avatar_build", verbosity=0)
    assert actions(requests) == ["LIST"]


@pytest.fixture
def clear_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a field whose default is chosen anew for each row: with one, nothing is foreign."""
    plain = tuple(f for f in columns.file_columns() if not columns.default_varies(f))
    for module_of in (columns, orphans, rows):
        monkeypatch.setattr(module_of, "file_columns", cache(lambda: plain))


@pytest.mark.django_db(databases=["default", "other"])
@pytest.mark.parametrize("odd", ODD)
def test_a_twin_under_an_odd_key_does_not_take_the_file_along(
    odd, bucket, settings, clear_defaults
):
    bucket.use(settings)
    Bare.objects.create(photo="photos/me.jpg")
    for key in ("photos/me.jpg", odd):
        bucket.client.put_object(Bucket=bucket.name, Key=key, Body=b"data")
    sweep(delete=True, foreign=True, prefix="photos")
    assert bucket.keys() >= {"photos/me.jpg"}


class InnerOfItsOwn(OwnParameters):
    location = "media"


@pytest.mark.django_db(databases=["default", "other"])
@pytest.mark.parametrize("how", ["methods of its own", "slash", "another host"])
def test_a_file_that_an_outer_storage_holds_stays_though_nobody_knows_it_is_one(
    how, bucket, settings, clear_defaults
):
    bucket.use(settings)
    url = bucket.server.url
    options: dict[str, Any] = {
        "methods of its own": {"backend": "tests.storage.test_s3_and_the_kit.InnerOfItsOwn"},
        "slash": {"location": "media", "endpoint_url": f"{url}/"},
        "another host": {
            "location": "media",
            "endpoint_url": url.replace("127.0.0.1", "localhost"),
        },
    }[how]
    bucket.use(settings, alias="inner", **options)
    settings.AVATAR_KIT = {"STORAGE": "inner"}
    Bare.objects.create(photo="media/photos/me.jpg")
    for key in ("media/photos/me.jpg", "media/photos/nobody.jpg"):
        bucket.client.put_object(Bucket=bucket.name, Key=key, Body=b"data")
    sweep(delete=True, foreign=True, prefix="photos")
    assert bucket.keys() == {"media/photos/me.jpg"}


@pytest.mark.django_db(databases=["default", "other"])
def test_a_storage_that_the_avatars_have_left_is_swept_when_named(bucket, settings):
    settings.AVATAR_KIT = {"SIZES": (16,), "STORAGE": "new"}
    bucket.use(settings, alias="old", location="old")
    bucket.use(settings, alias="new", location="new")
    key = lost_file()
    write_all([write(storages["old"], key)])
    sweep(delete=True)
    assert bucket.keys() == {f"old/{key}"}
    assert "“old”" in sweep(delete=True, storage=["old"])
    assert bucket.keys() == set()
