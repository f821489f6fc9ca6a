from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.files.base import ContentFile, File
from django.core.files.uploadedfile import TemporaryUploadedFile
from PIL import Image

from django_avatar_kit import pipeline
from django_avatar_kit.exceptions import KeyChanged, KeyTooLong, UploadTooLarge
from django_avatar_kit.names import Name
from django_avatar_kit.test import make_image, make_upload
from django_avatar_kit.uploads import imaging
from tests.testapp.models import Channel, Team

pytestmark = pytest.mark.usefixtures("small")

FIELD: Any = Team._meta.get_field("avatar")


@pytest.fixture
def decoded(monkeypatch) -> list[str]:
    """The file names of the uploads that were decoded."""
    names: list[str] = []
    load = imaging.load

    def counted(file: Any, *, filename: str, **options: Any) -> imaging.Picture:
        names.append(filename)
        return load(file, filename=filename, **options)

    monkeypatch.setattr(imaging, "load", counted)
    return names


def cut(upload: Any, field: Any = FIELD) -> pipeline.Cut:
    return pipeline.cut(pipeline.receive(upload, field), field.spec)


# --- receive ----------------------------------------------------------------------------------


def test_an_upload_is_decoded_and_rewound(decoded):
    upload = make_upload(size=(60, 40))
    picture = pipeline.receive(upload, FIELD)
    assert picture.source == (60, 40)
    assert decoded == ["portrait.jpg"]
    assert upload.tell() == 0
    assert not upload.closed


def test_an_upload_that_does_not_know_its_size_is_counted(settings):
    class Sizeless(File):
        size = None

    upload = Sizeless(io.BytesIO(make_image((60, 40))), name="portrait.jpg")
    assert pipeline.receive(upload, FIELD).source == (60, 40)
    settings.AVATAR_KIT = {"MAX_UPLOAD_SIZE": 100}
    with pytest.raises(UploadTooLarge):
        pipeline.receive(Sizeless(io.BytesIO(make_image((60, 40))), name="portrait.jpg"), FIELD)


def test_what_a_form_has_decoded_is_not_decoded_again(decoded):
    upload = make_upload(size=(60, 40))
    picture = pipeline.receive(upload, FIELD)
    assert pipeline.receive(upload, FIELD) is picture
    assert decoded == ["portrait.jpg"]


def test_what_a_form_has_decoded_too_small_is_decoded_again(decoded, settings):
    upload = make_upload(size=(600, 400))
    settings.AVATAR_KIT = {"SIZES": (16,), "MASTER_SIDE": 50}
    pipeline.receive(upload, FIELD)
    settings.AVATAR_KIT = {"SIZES": (128,), "MASTER_SIDE": 500}
    assert max(pipeline.receive(upload, FIELD).image.size) >= 500
    assert len(decoded) == 2


def test_a_crop_is_decoded_for(decoded):
    upload = make_upload(size=(60, 40))
    pipeline.receive(upload, FIELD)
    assert pipeline.receive(upload, FIELD, (10, 0, 40, 40)).crop == (10, 0, 40, 40)
    assert len(decoded) == 2


@pytest.mark.django_db
def test_each_upload_is_decoded_once_from_the_call_to_the_row(decoded):
    team = Team.objects.create()
    team.avatar.save("a.jpg", make_upload(size=(60, 40)))
    team.avatar = make_upload(size=(60, 40))
    team.save()
    team.avatar.save("b.jpg", make_upload(size=(60, 40)), save=False, crop=(10, 0, 40, 40))
    team.save()
    assert len(decoded) == 3


def test_an_upload_that_is_too_large_is_not_read(decoded, settings):
    settings.AVATAR_KIT = {"MAX_UPLOAD_SIZE": 100}
    with pytest.raises(UploadTooLarge) as refused:
        pipeline.receive(make_upload(size=(60, 40)), FIELD)
    assert refused.value.params["limit"] == 100
    assert decoded == []


def test_an_error_names_the_upload(settings):
    settings.AVATAR_KIT = {"MAX_UPLOAD_SIZE": 1}
    with pytest.raises(UploadTooLarge, match=r"“portrait.jpg”"):
        pipeline.receive(make_upload(), FIELD)
    with pytest.raises(UploadTooLarge, match=r"“cat.jpg”"):
        pipeline.receive(make_upload(), FIELD, filename="cat.jpg")
    with pytest.raises(UploadTooLarge, match=r"“upload”"):
        pipeline.receive(ContentFile(make_image()), FIELD)


def test_a_file_that_was_closed_is_opened_and_closed_again(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(make_image((60, 40)))
    file = File(path.open("rb"), name=str(path))
    file.close()
    assert pipeline.receive(file, FIELD).source == (60, 40)
    assert file.closed


def test_a_temporary_file_is_read_where_it_lies():
    with TemporaryUploadedFile("a.jpg", "image/jpeg", 0, None) as upload:
        upload.write(make_image((60, 40)))
        upload.size = upload.tell()
        assert pipeline.receive(upload, FIELD).source == (60, 40)


# --- cut and store ----------------------------------------------------------------------------


def test_everything_is_cut_from_one_picture():
    made = cut(make_upload(size=(60, 40)))
    assert [rendition.size for rendition in made.renditions] == [16, 32]
    assert made.master.extension == "jpg"
    assert (made.crop, made.fit) == (None, "cover")
    assert made.color == "008083"


def test_each_name_is_another():
    made = cut(make_upload(size=(60, 40)))
    first, second = made.name(), made.name()
    assert first.token != second.token
    assert first._replace(folder="", token="", secret="") == second._replace(
        folder="", token="", secret=""
    )


def test_the_name_lists_what_there_is():
    made = cut(make_upload(size=(60, 40)), Channel._meta.get_field("avatar"))
    name = made.name()
    # Nothing is enlarged: the whole picture on a square measures 60.
    assert name.sizes == (48, 60)
    assert name.formats == ("webp", "jpeg")
    assert name.fit == "contain"
    assert len(made.renditions) == 4


def test_what_is_stored_can_be_read_back(files, media):
    made = cut(make_upload(size=(60, 40)))
    key = pipeline.store(made, FIELD, Team())
    name = Name.parse(key)
    assert files() == set(name.files)
    with Image.open(media / key) as master:
        assert master.size == (60, 40)
        assert not master.getexif()
    for size in name.sizes:
        with Image.open(io.BytesIO((media / name.rendition(size, "webp")).read_bytes())) as image:
            assert image.size == (size, size)
            assert image.format == "WEBP"


def test_a_prefix_goes_before_the_key(files, monkeypatch):
    monkeypatch.setattr(FIELD, "upload_to", "a/%Y/b")
    key = pipeline.store(cut(make_upload(size=(60, 40))), FIELD, Team())
    assert key.startswith("a/2")
    assert Name.parse(key).folder.split("/")[:3:2] == ["a", "b"]


@pytest.mark.parametrize(
    "upload_to",
    [
        lambda instance, filename: "same.jpg",
        lambda instance, filename: filename.upper(),
        lambda instance, filename: f"{filename}.jpg",
        lambda instance, filename: filename.partition("/")[2],
        lambda instance, filename: f"x{filename}",
        # Another color, and so a key that could be one.
        lambda instance, filename: f"{filename[:-10]}000000.jpg",
    ],
)
def test_a_function_that_changes_the_key_is_refused(files, monkeypatch, upload_to):
    monkeypatch.setattr(FIELD, "upload_to", upload_to)
    with pytest.raises(KeyChanged) as refused:
        pipeline.store(cut(make_upload(size=(60, 40))), FIELD, Team())
    assert refused.value.params["expected"] in str(refused.value)
    assert files() == set()


def test_a_key_that_does_not_fit_is_refused(files, monkeypatch):
    monkeypatch.setattr(FIELD, "upload_to", "x" * 200)
    with pytest.raises(KeyTooLong) as refused:
        pipeline.store(cut(make_upload(size=(60, 40))), FIELD, Team())
    assert refused.value.params["limit"] == 255
    assert files() == set()


def test_a_column_without_a_limit_takes_any_key(files, monkeypatch):
    monkeypatch.setattr(FIELD, "max_length", None)
    monkeypatch.setattr(FIELD, "upload_to", "/".join(["x" * 50] * 5))
    key = pipeline.store(cut(make_upload(size=(60, 40))), FIELD, Team())
    assert len(key) > 255
    assert key in files()


def test_the_master_is_encoded_after_the_renditions(monkeypatch):
    """The estimate of memory counts in this order."""
    encoded: list[str] = []

    def noted(name: str) -> None:
        encode = getattr(imaging, name)

        def call(*given: Any) -> Any:
            encoded.append(name)
            return encode(*given)

        monkeypatch.setattr(imaging, name, call)

    noted("encode_renditions")
    noted("encode_master")
    cut(make_upload())
    assert encoded == ["encode_renditions", "encode_master"]
