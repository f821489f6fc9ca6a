from __future__ import annotations

import io
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from PIL import Image

from django_avatar_kit import test as kit
from django_avatar_kit.test import make_image, make_upload, settle
from tests.support.lifecycle import files_of, make_profile, needed


@pytest.mark.parametrize("format", ["jpeg", "png", "webp", "gif", "avif", "tiff"])
def test_a_picture_in_any_format(format):
    with Image.open(io.BytesIO(make_image((30, 20), format=format))) as image:
        assert image.format == format.upper()
        assert image.size == (30, 20)


def test_a_picture_has_one_colour():
    data = make_image((8, 8), (255, 0, 0, 128), format="png", mode="RGBA")
    with Image.open(io.BytesIO(data)) as image:
        assert image.getcolors() == [(64, (255, 0, 0, 128))]


def test_options_go_to_the_encoder():
    assert len(make_image(quality=1)) < len(make_image(quality=100))


def test_an_upload_is_what_a_request_brings():
    upload = make_upload()
    assert isinstance(upload, SimpleUploadedFile)
    assert (upload.name, upload.content_type) == ("portrait.jpg", "image/jpeg")
    with Image.open(upload) as image:
        assert image.size == (640, 480)


def test_an_upload_of_anything():
    upload = make_upload("letter.txt", b"hello")
    assert (upload.read(), upload.content_type) == (b"hello", "text/plain")
    assert make_upload("x", b"").content_type == "application/octet-stream"
    assert make_upload("x.png", size=(9, 9), format="png").content_type == "image/png"


@pytest.mark.django_db
@pytest.mark.usefixtures("small")
def test_settling_does_what_a_commit_would(files):
    profile = make_profile()
    profile.avatar.save("new.jpg", make_upload(size=(60, 40)))
    assert len(files()) == 6
    settle()
    assert files() == needed() == files_of(str(profile.avatar))
    settle()
    assert files() == needed()


@pytest.mark.django_db
@pytest.mark.usefixtures("small")
def test_settling_twice_in_one_test(files):
    profile = make_profile()
    settle()
    profile.delete()
    settle()
    assert files() == set()


@pytest.mark.django_db
@pytest.mark.usefixtures("small")
def test_settling_while_an_exception_is_at_hand(files):
    profile = make_profile()
    with pytest.raises(RuntimeError) as kept, transaction.atomic():
        profile.avatar.save("new.jpg", make_upload(size=(60, 40)))
        raise RuntimeError
    settle()
    assert files() == needed()
    assert kept


def test_the_example_in_its_documentation_names_what_there_is():
    assert set(re.findall(r"\b(make_\w+|settle)\(", kit.__doc__)) <= set(kit.__all__)
