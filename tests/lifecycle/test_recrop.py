"""An avatar cropped anew from its stored master, without an upload."""

from __future__ import annotations

import io
import pickle
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.db import transaction
from PIL import Image

from django_avatar_kit.exceptions import AvatarReplaced, InvalidCrop, NoMaster, StorageError
from django_avatar_kit.names import Name
from tests.support.lifecycle import column, files_of, fresh, in_vain, make_profile, needed, upload
from tests.testapp.models import Profile, Team

pytestmark = [
    pytest.mark.lifecycle,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("small"),
]


def halves() -> ContentFile[bytes]:
    """Red on the left, blue on the right: 200 × 100 px."""
    image = Image.new("RGB", (200, 100), "red")
    image.paste("blue", (100, 0, 200, 100))
    data = io.BytesIO()
    image.save(data, "PNG")
    return ContentFile(data.getvalue(), "halves.png")


@pytest.fixture
def profile() -> Profile:
    profile = make_profile(avatar=False)
    profile.avatar.save("halves.png", halves())
    return profile


def master(row: Any) -> bytes:
    with row.avatar.storage.open(column(row)) as file:
        return bytes(file.read())


def middle(row: Any) -> tuple[int, ...]:
    """The colour in the middle of the largest rendition."""
    name = Name.parse(column(row))
    assert name is not None
    with row.avatar.field.rendition_storage.open(
        name.rendition(name.sizes[-1], name.formats[-1])
    ) as file:
        image = Image.open(file).convert("RGB")
        return tuple(round(value / 255) for value in image.getpixel((image.width // 2, 9)))


def test_another_part_is_cut_and_the_master_is_copied(profile, files):
    before, old = master(profile), column(profile)
    profile.avatar.recrop((0, 0, 100, 100))
    assert middle(profile) == (1, 0, 0)
    profile.avatar.recrop((100, 0, 100, 100))
    assert middle(profile) == (0, 0, 1)
    name = Name.parse(column(profile))
    assert name is not None
    assert name.crop == (100, 0, 100, 100)
    assert master(profile) == before
    assert column(profile) == profile.avatar.name != old
    assert files() == needed() == files_of(column(profile))


def test_the_automatic_square_again(profile, files):
    profile.avatar.recrop((0, 0, 50, 50))
    profile.avatar.recrop(None)
    name = Name.parse(column(profile))
    assert name is not None
    assert name.crop is None
    assert files() == needed()


def test_saved_with_the_row_later(profile, files):
    old = column(profile)
    profile.avatar.recrop((0, 0, 100, 100), save=False)
    assert column(profile) == old
    profile.full_clean()
    profile.save()
    assert middle(profile) == (1, 0, 0)
    assert files() == needed()


def test_assigned_as_a_form_does(profile, files):
    profile.avatar = profile.avatar.recropped((0, 0, 100, 100))
    profile.save(update_fields=["avatar"])
    assert middle(profile) == (1, 0, 0)
    assert files() == needed()


def test_pickled_before_it_is_saved(profile, files):
    profile.avatar.recrop((0, 0, 100, 100), save=False)
    copied = pickle.loads(pickle.dumps(profile))
    copied.save()
    assert middle(copied) == (1, 0, 0)
    assert files() == needed()


def test_a_new_row_from_the_same_master(profile, files):
    team = Team(name="t")
    team.avatar = profile.avatar.recropped((0, 0, 100, 100))
    team.save()
    assert middle(team) == (1, 0, 0)
    assert files() == needed() == files_of(column(profile)) | files_of(column(team))


def test_no_other_instance_wins_by_being_late(profile, files):
    """Another tab has uploaded a picture: it stays, and what was cut is deleted."""
    late = fresh(profile)
    profile.avatar.save("new.jpg", upload("green"))
    with pytest.raises(AvatarReplaced) as caught:
        late.avatar.recrop((0, 0, 100, 100))
    assert caught.value.code == "replaced"
    assert column(profile) == profile.avatar.name
    assert files() == needed() == files_of(column(profile))


def test_replaced_between_the_reading_and_the_update(profile, files, monkeypatch):
    late = fresh(profile)
    late.avatar.recrop((0, 0, 100, 100), save=False)
    late.avatar.storage.open(late.avatar.name).close()
    save_table = Profile._save_table

    def replaced_first(self: Any, *args: Any, **kwargs: Any) -> Any:
        monkeypatch.undo()
        fresh(profile).avatar.save("new.jpg", upload("green"))
        return save_table(self, *args, **kwargs)

    monkeypatch.setattr(Profile, "_save_table", replaced_first)
    with pytest.raises(AvatarReplaced):
        late.save()
    assert files() == needed() == files_of(column(profile)) != set()


def test_rolled_back_and_saved_again(profile, files, settled):
    old = column(profile)
    in_vain(lambda: profile.avatar.recrop((0, 0, 100, 100)))
    settled()
    assert column(profile) == old
    profile.save()
    assert middle(profile) == (1, 0, 0)
    assert files() == needed()


def test_rolled_back_and_saved_again_after_a_replacement(profile, files, settled):
    in_vain(lambda: profile.avatar.recrop((0, 0, 100, 100)))
    settled()
    fresh(profile).avatar.save("new.jpg", upload("green"))
    with pytest.raises(AvatarReplaced):
        profile.save()
    settled()
    assert files() == needed() == files_of(column(profile)) != set()


def test_twice_in_one_transaction(profile, files):
    with transaction.atomic():
        profile.avatar.recrop((0, 0, 100, 100))
        profile.avatar.recrop((100, 0, 100, 100))
    assert middle(profile) == (0, 0, 1)
    assert files() == needed()


@pytest.mark.parametrize(
    "crop",
    [
        (-5, 0, 10, 10),
        (0, 0, 101, 101),
        (150, 0, 100, 100),
        (0, 0, 0, 0),
        (0, 0, 50, 40),
        (0.5, 0, 50, 50),
        (float("nan"), 0, 50, 50),
        (0, 0, 50),
        "0,0,50,50",
        (10**30, 0, 5, 5),
    ],
)
def test_a_box_that_does_not_lie_in_the_master(profile, files, crop):
    old = column(profile)
    with pytest.raises(InvalidCrop):
        profile.avatar.recrop(crop)
    assert column(profile) == profile.avatar.name == old
    assert files() == needed()


def test_there_must_be_a_master(profile, media):
    (media / "old.png").write_bytes(b"from before the kit")
    for avatar in ("", "old.png", upload()):
        with pytest.raises(NoMaster) as caught:
            Profile(avatar=avatar).avatar.recrop(None)
        assert "cannot be cropped anew" in str(caught.value)


def test_a_master_that_is_gone(profile, files):
    name = column(profile)
    profile.avatar.storage.delete(name)
    with pytest.raises(StorageError) as caught:
        profile.avatar.recrop((0, 0, 100, 100))
    assert caught.value.params["key"] == name
    assert column(profile) == profile.avatar.name == name


def test_uploads_are_checked_as_ever(profile):
    """A crop without a stored master is an ordinary upload, with its limits."""
    profile.avatar = ContentFile(b"GIF89a but nothing else", "x.gif")
    with pytest.raises(ValidationError):
        profile.full_clean()


class TestAgain:
    """A crop of what this instance has just made."""

    def test_before_it_is_saved(self, profile, files):
        profile.avatar.recrop((100, 0, 100, 100), save=False)
        profile.avatar.recrop((0, 0, 100, 100), save=False)
        profile.save()
        assert middle(profile) == (1, 0, 0)
        assert files() == needed()

    def test_after_a_rollback(self, profile, files, settled):
        """As whoever tries a transaction once more."""
        in_vain(lambda: profile.avatar.recrop((100, 0, 100, 100)))
        settled()
        profile.avatar.recrop((0, 0, 100, 100))
        assert middle(profile) == (1, 0, 0)
        settled()
        assert files() == needed()

    def test_two_crops_rolled_back(self, profile, files, settled):
        def twice():
            profile.avatar.recrop((100, 0, 100, 100))
            profile.avatar.recrop((0, 0, 100, 100))

        in_vain(twice)
        settled()
        profile.save()
        assert middle(profile) == (1, 0, 0)
        settled()
        assert files() == needed()

    def test_an_upload_and_a_crop_of_it_rolled_back(self, profile, files, settled):
        def both():
            profile.avatar.save("new.png", halves())
            profile.avatar.recrop((0, 0, 100, 100))

        in_vain(both)
        settled()
        profile.save()
        assert middle(profile) == (1, 0, 0)
        settled()
        assert files() == needed()

    def test_after_a_commit(self, profile, files):
        """The row must still have what was cropped, though this instance made it."""
        profile.avatar.recrop((100, 0, 100, 100))
        profile.avatar.recrop((0, 0, 100, 100), save=False)
        fresh(profile).avatar.save("new.jpg", upload("green"))
        with pytest.raises(AvatarReplaced):
            profile.save()


def test_given_to_another_row_that_has_an_avatar(profile, files):
    team = Team.objects.create(name="t", avatar=upload())
    team.avatar = profile.avatar.recropped((0, 0, 100, 100))
    team.save()
    assert middle(team) == (1, 0, 0)
    assert files() == needed() == files_of(column(profile)) | files_of(column(team))


def test_saved_by_the_name_of_what_a_form_gives(profile, files):
    given = profile.avatar.recropped((0, 0, 100, 100))
    profile.avatar.save("any name", given)
    assert middle(profile) == (1, 0, 0)
    assert files() == needed()


def test_a_master_that_is_damaged(profile, files):
    """An error of the storage: nobody has uploaded it now."""
    name = column(profile)
    profile.avatar.storage.delete(name)
    profile.avatar.storage.save(name, ContentFile(b"damaged"))
    with pytest.raises(StorageError) as caught:
        profile.avatar.recrop((0, 0, 100, 100))
    assert caught.value.params["key"] == name
    assert column(profile) == name
