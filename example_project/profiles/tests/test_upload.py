"""Round 6: upload, replace and delete through the form and the views."""

from __future__ import annotations

import pytest
from django.urls import reverse
from PIL import Image

from django_avatar_kit.forms import AvatarForm
from django_avatar_kit.test import make_image, make_upload, settle
from profiles.models import Profile

from .factories import ProfileFactory, UserFactory

pytestmark = pytest.mark.django_db


def files_of(profile: Profile) -> set[str]:
    """What the name in the row says that storage holds."""
    profile.refresh_from_db()
    return set(profile.avatar.avatar_name.files)


def test_form_stores_a_picture(stored):
    profile = ProfileFactory()
    form = AvatarForm({}, {"avatar": make_upload()}, instance=profile)
    assert form.is_valid()
    form.save()
    assert stored() == files_of(profile)
    assert len(stored()) == 6


def test_form_refuses_what_is_no_picture(stored):
    profile = ProfileFactory()
    form = AvatarForm({}, {"avatar": make_upload("cat.jpg", b"meow")}, instance=profile)
    assert not form.is_valid()
    assert form.errors.as_data()["avatar"][0].code == "invalid_image"
    assert stored() == set()


def test_upload_through_the_view(client, stored):
    profile = ProfileFactory()
    client.force_login(profile.user)
    response = client.post(
        reverse("avatar_kit:change"),
        {"avatar": make_upload("Passport of Zoltan.jpg"), "next": reverse("profiles:me")},
        follow=True,
    )
    assert response.redirect_chain == [(reverse("profiles:me"), 302)]
    assert stored() == files_of(profile)
    # The name that the file had at home is nobody’s business. (No word of hexadecimal digits: a
    # random key may happen to spell those.)
    assert not any("zoltan" in key.lower() for key in stored())
    assert profile.avatar.url_for(96) in response.text


def test_upload_makes_the_profile_of_a_new_account(client, stored):
    user = UserFactory()
    client.force_login(user)
    client.post(reverse("avatar_kit:change"), {"avatar": make_upload()})
    assert stored() == files_of(Profile.objects.get(user=user))


def test_upload_from_a_telephone_is_upright_and_without_a_place(client, settings):
    profile = ProfileFactory()
    client.force_login(profile.user)
    exif = Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(0x8825)[1] = "N"
    upload = make_upload(content=make_image((400, 300), exif=exif))
    client.post(reverse("avatar_kit:change"), {"avatar": upload})
    profile.refresh_from_db()
    with Image.open(settings.MEDIA_ROOT / profile.avatar.name) as master:
        assert master.size == (300, 400)
        assert not master.getexif()


def test_replaced_through_the_view(client, stored):
    profile = ProfileFactory(pictured=True)
    old = files_of(profile)
    assert stored() == old
    client.force_login(profile.user)
    client.post(reverse("avatar_kit:change"), {"avatar": make_upload(color="navy")})
    settle()
    assert stored() == files_of(profile)
    assert not stored() & old


def test_replaced_by_something_else_than_a_picture(client, stored):
    profile = ProfileFactory(pictured=True)
    old = files_of(profile)
    client.force_login(profile.user)
    response = client.post(
        reverse("avatar_kit:change"), {"avatar": make_upload("notes.txt", b"Dear diary")}
    )
    settle()
    assert response.status_code == 200
    assert "notes.txt" in response.text
    assert stored() == files_of(profile) == old


def test_deleted_through_the_view(client, stored):
    profile = ProfileFactory(pictured=True)
    client.force_login(profile.user)
    assert client.get(reverse("avatar_kit:delete")).status_code == 200
    assert stored()
    client.post(reverse("avatar_kit:delete"))
    settle()
    profile.refresh_from_db()
    assert not profile.avatar
    assert stored() == set()


def test_deleted_with_the_account(stored):
    ProfileFactory(pictured=True).user.delete()
    settle()
    assert stored() == set()


@pytest.mark.parametrize("name", ["change", "delete"])
def test_the_pages_of_the_kit_wear_the_clothes_of_the_site(client, name):
    profile = ProfileFactory(pictured=True)
    client.force_login(profile.user)
    response = client.get(reverse(f"avatar_kit:{name}"))
    assert "profiles/base.html" in {template.name for template in response.templates}
    assert '<nav class="links" aria-label="Main menu">' in response.text


@pytest.mark.parametrize("name", ["change", "delete"])
def test_strangers_have_to_log_in(client, name):
    url = reverse(f"avatar_kit:{name}")
    assert client.post(url)["Location"] == f"{reverse('login')}?next={url}"
