"""An avatar that moves: its files in storage, from the upload to the end."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.management import call_command
from django.urls import reverse
from PIL import Image

from django_avatar_kit.exceptions import TruncatedImage
from django_avatar_kit.names import Name
from django_avatar_kit.rendering import avatar_html
from django_avatar_kit.test import assert_avatar_files, assert_no_litter
from tests.support import images
from tests.support.build import build, summary
from tests.support.lifecycle import (
    column,
    files_of,
    fresh,
    in_vain,
    make_profile,
    name_of,
    needed,
    upload,
)
from tests.support.sweep import ALL, listed, lose, sweep
from tests.testapp.models import Profile, Team

pytestmark = [
    pytest.mark.lifecycle,
    pytest.mark.django_db(transaction=True, databases=["default", "other"]),
    pytest.mark.usefixtures("moving"),
]

SETTING = {"SIZES": (16, 32), "ANIMATED": True}


@pytest.fixture
def moving(settings: Any) -> None:
    settings.AVATAR_KIT = SETTING


def animation(format: str = "png") -> ContentFile[bytes]:
    """Red on the left and blue on the right, 200 × 100 px; then the other way round."""
    first, second = (Image.new("RGB", (200, 100), left) for left in ("red", "blue"))
    first.paste("blue", (100, 0, 200, 100))
    second.paste("red", (100, 0, 200, 100))
    data = images.encoded(
        first, format, save_all=True, append_images=[second], duration=[70, 140], loop=0
    )
    return ContentFile(data, f"halves.{format}")


@pytest.fixture
def profile() -> Profile:
    profile = make_profile(avatar=False)
    profile.avatar.save("halves.png", animation())
    return fresh(profile)


def colours(row: Any, key: str) -> list[tuple[str, int]]:
    """What is in the upper left corner at each step of a file, and for how many ms."""
    field = row.avatar.field
    place = field.storage if key == column(row) else field.rendition_storage
    found = []
    with place.open(key) as file, Image.open(file) as image:
        for at in range(image.n_frames):
            image.seek(at)
            red, _, blue = image.convert("RGB").getpixel((2, 2))
            found.append(("red" if red > blue else "blue", image.info["duration"]))
    return found


RED_FIRST, BLUE_FIRST = [("red", 70), ("blue", 140)], [("blue", 70), ("red", 140)]


def test_by_default_the_first_frame_is_stored(settings, files):
    settings.AVATAR_KIT = {"SIZES": (16, 32)}
    profile = make_profile(avatar=False)
    profile.avatar.save("a.gif", animation("gif"))
    name = name_of(profile)
    assert not name.animated
    assert (name.formats, name.ext) == (("webp",), "jpg")
    assert len(files()) == 3


@pytest.mark.parametrize("format", ["gif", "png", "webp"])
def test_master_and_every_size_move(profile, files, format):
    profile.avatar.save(f"a.{format}", animation(format))
    name = name_of(profile)
    assert (name.animated, name.formats, name.sizes, name.ext) == (
        True,
        ("webp",),
        (16, 32),
        "webp",
    )
    assert files() == needed() == set(name.files)
    assert len(name.files) == 5
    for key in (str(name), name.animated_rendition(16), name.animated_rendition(32)):
        assert colours(profile, key) == RED_FIRST
    assert_avatar_files(profile)


def test_what_stands_still_is_stored_as_ever(profile):
    profile.avatar.save("a.jpg", upload())
    assert not name_of(profile).animated
    assert name_of(profile).ext == "jpg"


@pytest.mark.parametrize("setting", [True, False])
def test_a_field_may_have_an_answer_of_its_own(settings, monkeypatch, setting):
    settings.AVATAR_KIT = {"SIZES": (16,), "ANIMATED": not setting}
    monkeypatch.setattr(Team._meta.get_field("avatar"), "animated", setting)
    team = Team.objects.create(avatar=animation())
    assert name_of(team).animated == setting
    assert ("prefers-reduced-motion" in avatar_html(team)) == setting


def test_all_files_go_when_it_is_replaced_or_deleted(profile, files):
    profile.avatar.save("b.jpg", upload())
    assert files() == needed() == files_of(column(profile))
    assert len(files()) == 3
    profile.avatar.save("halves.png", animation())
    assert len(files()) == 5
    profile.delete()
    assert files() == set()


def test_all_files_go_when_it_is_rolled_back(profile, files, settled):
    before = files()
    in_vain(lambda: profile.avatar.save("b.gif", animation("gif")))
    settled()
    assert files() == before == needed()


def test_a_damaged_later_frame_changes_nothing(profile, files):
    before, whole = files(), animation().read()
    with pytest.raises(TruncatedImage):
        profile.avatar.save("b.png", ContentFile(whole[: whole.rindex(b"fdAT") + 10]))
    assert files() == before == needed()


def test_a_full_disk_leaves_nothing(disk, files):
    profile = make_profile(avatar=False)
    disk.left = 4
    with pytest.raises(Exception, match="No space left"):
        profile.avatar.save("a.png", animation())
    assert files() == set()


# --- another part -----------------------------------------------------------------------------


def test_another_part_moves_as_well_and_the_master_is_copied(profile, files):
    with profile.avatar.open() as file:
        before = file.read()
    profile.avatar.recrop((32, 0, 32, 32))
    profile = fresh(profile)
    name = name_of(profile)
    assert name.animated
    assert (name.width, name.height, name.crop) == (64, 32, (32, 0, 32, 32))
    assert colours(profile, name.animated_rendition(32)) == BLUE_FIRST
    assert colours(profile, name.animated_rendition(16)) == BLUE_FIRST
    with profile.avatar.open() as file:
        assert file.read() == before
    assert files() == needed()


def test_on_the_change_page(client, profile, files):
    client.force_login(User.objects.get())
    name = name_of(profile)
    side = name.height
    crop = f"{name.width - side},0,{side},{side},{name.width},{name.height},{name.token}"
    assert client.post(reverse("avatar_kit:change"), {"avatar-crop": crop}).status_code == 302
    assert column(profile) != str(name)
    assert colours(profile, name_of(profile).animated_rendition(32)) == BLUE_FIRST
    assert files() == needed()


# --- avatar_build -----------------------------------------------------------------------------


def test_other_sizes_move_as_well(profile, settings, files):
    settings.AVATAR_KIT = {**SETTING, "SIZES": (16, 24), "FORMATS": ("webp", "jpeg")}
    build()
    name = name_of(profile)
    assert (name.sizes, name.formats, name.animated) == ((16, 24), ("webp", "jpeg"), True)
    assert colours(profile, name.animated_rendition(24)) == RED_FIRST
    assert files() == needed()
    out, _ = build()
    assert column(profile) == str(name)
    assert "1 up to date" in summary(out)


def test_sizes_beyond_the_master_move_in_as_many_pixels_as_there_are(settings, monkeypatch):
    """Where there are many frames, the master has fewer pixels than the largest rendition."""
    monkeypatch.setattr("django_avatar_kit.uploads.animation.SMALLEST", 1)
    monkeypatch.setattr("django_avatar_kit.uploads.animation.MOST_ENCODED", 20_000)
    settings.AVATAR_KIT = {**SETTING, "SIZES": (16, 100)}
    team = Team.objects.create(avatar=animation())
    before = name_of(team)
    assert before.height < 100
    settings.AVATAR_KIT = {**SETTING, "SIZES": (16, 80, 100)}
    build()
    name = name_of(team)
    assert (name.sizes, name.animated) == ((16, 80, 100), True)
    # As often as the site likes: the sizes of what stands still do not shrink.
    build(force=True)
    assert name_of(team).sizes == (16, 80, 100)
    assert colours(team, name_of(team).animated_rendition(100)) == RED_FIRST
    assert_no_litter()


def test_a_lost_file_is_made_again(profile, storage):
    lost = name_of(profile).animated_rendition(16)
    storage.delete(lost)
    out, _ = build(verbosity=2)
    assert f"missing {lost}" in out
    name = name_of(profile)
    assert colours(profile, name.animated_rendition(16)) == RED_FIRST
    assert_avatar_files(profile)


def test_without_the_setting_nothing_is_lost_and_nothing_moves(profile, settings, files):
    before = column(profile), files()
    settings.AVATAR_KIT = {"SIZES": (16, 32)}
    assert "<picture>" not in avatar_html(profile)
    assert "1 up to date" in summary(build()[0])
    assert (column(profile), files()) == before
    # What has to be built for another reason is built with all of it.
    settings.AVATAR_KIT = {"SIZES": (8,)}
    build()
    assert name_of(profile).animated
    settings.AVATAR_KIT = SETTING
    build()
    assert colours(profile, name_of(profile).animated_rendition(16)) == RED_FIRST
    assert "<picture>" in avatar_html(fresh(profile))
    assert files() == needed()


def test_a_file_from_before_the_kit_moves_when_it_is_adopted(media):
    (media / "old.gif").write_bytes(animation("gif").read())
    team = Team.objects.create()
    Team.objects.filter(pk=team.pk).update(avatar="old.gif")
    build()
    name = name_of(team)
    assert name.animated
    assert colours(team, name.animated_rendition(32)) == RED_FIRST


def test_another_file_in_place_of_the_master_stands_still(profile, media):
    """Whoever has put it there: nothing fails, and the name says what there is."""
    (media / column(profile)).write_bytes(images.encoded(images.quarters((64, 32)), "webp"))
    build(force=True)
    assert not name_of(profile).animated
    assert_avatar_files(profile)


# --- the other commands -----------------------------------------------------------------------


def test_a_sweep_knows_its_files(profile, files):
    sweep(delete=True, **ALL)
    assert files() == set(name_of(profile).files)
    lost = Name.parse(lose(profile))
    assert lost is not None
    out, _ = sweep(**ALL)
    assert listed(out) == set(lost.files)
    sweep(delete=True, **ALL)
    assert files() == set()


def test_all_files_are_copied(profile, settings, avatar_storages):
    out = io.StringIO()
    call_command("avatar_copy", source="default", target="renditions", stdout=out)
    assert avatar_storages.keys("renditions") == set(name_of(profile).files)


def test_easy_thumbnails_gets_the_first_frame(profile):
    made = profile.avatar.get_thumbnail({"size": (16, 16), "crop": True})
    assert made.name == name_of(profile).rendition(16, "webp")
    assert profile.avatar.url == f"/media/{name_of(profile).rendition(32, 'webp')}"
