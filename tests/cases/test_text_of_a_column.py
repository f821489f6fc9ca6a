"""Case E6: functions and tags take the text of a column, as `.values()` gives it."""

from __future__ import annotations

import pytest

from django_avatar_kit import rendering
from tests.support.lifecycle import column, make_profile, upload
from tests.testapp.models import Channel, Pet, Profile

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("small"),
]


def test_e6_the_text_of_a_column_gives_the_url(django_assert_num_queries, storage):
    profile = make_profile()
    (text,) = Profile.objects.values_list("avatar", flat=True)
    storage.calls.clear()
    with django_assert_num_queries(0):
        assert rendering.avatar_url(text, 32) == rendering.avatar_url(profile, 32)
        assert rendering.get_face(text, 32).src == rendering.avatar_url(profile, 32)
        assert rendering.has_avatar(text)
    assert storage.calls == []


def test_e6_a_file_from_before_the_kit_and_a_default_are_shown_as_they_are():
    assert rendering.avatar_url("avatars/old.jpg", 32) == "/media/avatars/old.jpg"
    assert rendering.avatar_url("default.jpg", 32) == "/media/default.jpg"
    assert not rendering.has_avatar("default.jpg")


def test_e6_the_folder_tells_in_which_storage_the_renditions_lie():
    pet = Pet.objects.create(portrait=upload(), avatar=upload())
    for text in Pet.objects.values_list("portrait", "avatar").get():
        field = "portrait" if text.startswith("portraits/") else "avatar"
        assert rendering.avatar_url(text, 32) == getattr(pet, field).url_for(32)


def test_e6_strftime_codes_in_upload_to_are_no_folder():
    channel = Channel.objects.create(avatar=upload())
    assert rendering.avatar_url(column(channel), 48) == channel.avatar.url_for(48)


def test_e6_an_empty_text_is_a_row_without_an_avatar():
    assert rendering.avatar_url("", 32) == rendering.avatar_url(None, 32)


def test_e6_any_other_text_is_a_mistake():
    with pytest.raises(TypeError, match="“str” has no avatar"):
        rendering.avatar_url("ada", 32)


def test_e6_a_text_that_may_mean_two_places_says_what_to_pass(monkeypatch):
    pet = Pet.objects.create(portrait=upload())
    monkeypatch.setattr(Pet._meta.get_field("portrait"), "upload_to", "avatars")
    text = column(pet, "portrait").replace("portraits/", "avatars/")
    with pytest.raises(TypeError, match="Pass the row, or its field file"):
        rendering.avatar_url(text, 32)
