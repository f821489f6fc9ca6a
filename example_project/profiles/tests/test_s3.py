"""Round 5: the same pages with media in a bucket, which a browser reads by itself."""

from __future__ import annotations

import html
import io
import re
from http.client import HTTPResponse
from urllib.request import ProxyHandler, build_opener

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from PIL import Image

from django_avatar_kit.test import make_upload, settle
from profiles.cast import CAST
from profiles.models import Profile

from .factories import ProfileFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def stored(in_bucket):
    return in_bucket


def files_of(profile: Profile) -> set[str]:
    profile.refresh_from_db()
    return set(profile.avatar.avatar_name.files)


def get(url: str) -> HTTPResponse:
    """What a browser gets, which knows no key of the site's; an error where it gets nothing."""
    with build_opener(ProxyHandler({})).open(url, timeout=10) as response:
        response.body = response.read()
    return response


def pictures(page: str, server: str) -> set[str]:
    """The URLs of all pictures on a page that come from the bucket's server."""
    found = set()
    for values in re.findall(r' (?:src|srcset)="([^"]+)"', page):
        found |= {value.split()[0] for value in html.unescape(values).split(", ")}
    return {url for url in found if url.startswith(server)}


def upload(client, **data) -> None:
    response = client.post(reverse("avatar_kit:change"), {"avatar": make_upload(**data)})
    assert response.status_code == 302


def test_an_upload_puts_exactly_the_files_that_its_name_lists(client, stored):
    profile = ProfileFactory()
    client.force_login(profile.user)
    upload(client)
    assert stored() == files_of(profile)
    assert len(stored()) == 6


def test_browsers_get_each_file_with_its_type_and_may_keep_it_for_ever():
    profile = ProfileFactory(pictured=True)
    types = set()
    for key in files_of(profile):
        response = get(default_storage.url(key))
        assert (
            Image.open(io.BytesIO(response.body)).get_format_mimetype()
            == response.headers["Content-Type"]
        )
        assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        types.add(response.headers["Content-Type"])
    assert types == {"image/jpeg", "image/webp"}


def test_a_replaced_picture_takes_its_files_with_it(client, stored):
    profile = ProfileFactory(pictured=True)
    old = files_of(profile)
    client.force_login(profile.user)
    upload(client, color="navy")
    settle()
    assert stored() == files_of(profile)
    assert not stored() & old


def test_a_deleted_picture_takes_its_files_with_it(client, stored):
    profile = ProfileFactory(pictured=True)
    client.force_login(profile.user)
    assert stored()
    client.post(reverse("avatar_kit:delete"))
    settle()
    assert stored() == set()


def test_something_else_than_a_picture_changes_nothing(client, stored):
    profile = ProfileFactory(pictured=True)
    client.force_login(profile.user)
    data = {"avatar": make_upload("notes.txt", b"Dear diary")}
    response = client.post(reverse("avatar_kit:change"), data)
    settle()
    assert "notes.txt" in response.text
    assert stored() == files_of(profile)


@pytest.mark.parametrize(
    "page", ["/", "/me/", "/people/ada/", "/avatar/", "/avatar/delete/", "/storage/"]
)
def test_every_picture_on_a_page_comes_from_the_bucket(client, s3_server, page):
    profile = ProfileFactory(pictured=True, user__is_staff=True, user__username="ada")
    client.force_login(profile.user)
    response = client.get(page)
    assert response.status_code == 200
    urls = pictures(response.text, s3_server)
    assert urls
    for url in urls:
        assert get(url).headers["Content-Type"] in {"image/jpeg", "image/webp"}


def test_every_picture_of_the_rounds_comes_from_the_bucket(client, s3_server):
    client.force_login(ProfileFactory().user)
    client.post("/rounds/all/send/", {"picture": make_upload()})
    urls = pictures(client.get("/rounds/").text, s3_server)
    # Two without thumbnails, two with two of them each, and more than two sizes of the kit's.
    assert len(urls) > 2 + 2 * 2 + 2
    for url in urls:
        Image.open(io.BytesIO(get(url).body)).verify()


def test_a_stock_field_never_overwrites_a_file_of_the_same_name(client, stored):
    client.force_login(UserFactory())
    for color in ("navy", "teal"):
        client.post("/rounds/plain/send/", {"picture": make_upload("me.jpg", color=color)})
    assert len(stored()) == 2


def test_the_storage_page_lists_the_bucket(client, stored, bucket, s3_server):
    ProfileFactory(pictured=True, display_name="Ada Byron")
    client.force_login(UserFactory(is_staff=True))
    page = client.get("/storage/").text
    assert f'Bucket: <code class="where">{bucket}</code>' in page
    assert s3_server in page
    assert "Ada Byron" in page
    assert len(stored()) == 6
    for entry in default_storage.bucket.objects.all():
        size = filesizeformat(entry.size)
        assert f"<code>{entry.key}</code>\n    <small>{size}</small>" in page


def test_the_storage_page_shows_what_no_row_needs_and_what_is_missing(client):
    lost = min(files_of(ProfileFactory(pictured=True)))
    default_storage.delete(lost)
    default_storage.save("rounds/1-plain/1/left.jpg", ContentFile(b"?"))
    client.force_login(UserFactory(is_staff=True))
    page = client.get("/storage/").text
    assert re.search(rf"missing</span>\s*<code>{re.escape(lost)}</code>", page)
    assert re.search(r"original</span>\s*<code>rounds/1-plain/1/left.jpg</code>", page)
    assert "The command needs the variables that this site was started with" in page


def test_an_empty_bucket_is_said_to_be_empty(client):
    client.force_login(UserFactory(is_staff=True))
    assert "The storage is empty." in client.get("/storage/").text


def test_the_demo_fills_the_bucket_and_says_where_it_is(
    capsys, settings, stored, bucket, s3_server
):
    settings.DEBUG = True
    call_command("demo", serve=False)
    assert f"Pictures are in the bucket “{bucket}” on {s3_server}." in capsys.readouterr().out
    assert len(stored()) == 6 * sum(person.kind is not None for person in CAST)


def test_the_sweep_removes_from_the_bucket_what_no_row_needs(stored):
    kept, forgotten = ProfileFactory.create_batch(2, pictured=True)
    # Behind the kit's back; the files stay.
    Profile.objects.filter(pk=forgotten.pk).update(avatar="")
    assert len(stored()) == 12
    call_command("avatar_sweep", min_age="0", max_percent=100, delete=True)
    assert stored() == files_of(kept)
