"""The form field of an avatar."""

from __future__ import annotations

import io
from typing import Any
from unittest import mock

import pytest
from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile, TemporaryUploadedFile
from django.core.validators import RegexValidator
from django.utils import translation
from django.utils.datastructures import MultiValueDict
from PIL import Image

from django_avatar_kit.fields import AvatarField as ModelAvatarField
from django_avatar_kit.forms import AvatarField, AvatarInput, avatar_form_class
from django_avatar_kit.test import make_image, make_upload
from django_avatar_kit.uploads import imaging
from tests.support.bad_uploads import BAD_UPLOADS
from tests.testapp.models import Channel, Profile


class Plain(forms.Form):
    avatar = AvatarField(required=False)


def sent(upload: Any) -> MultiValueDict[str, Any]:
    """``request.FILES`` with an upload."""
    return MultiValueDict({"avatar": [upload]})


def check(upload: Any, field: AvatarField | None = None) -> tuple[str, str]:
    """Code and sentence of the one error."""
    with pytest.raises(ValidationError) as caught:
        (field or AvatarField()).clean(upload)
    (sentence,) = caught.value.messages
    (error,) = caught.value.error_list
    assert error.code is not None
    return error.code, sentence


class TestField:
    def test_a_picture(self):
        upload = make_upload(size=(1600, 1200))
        assert AvatarField().clean(upload) is upload
        picture = upload.avatar_picture
        assert isinstance(picture, imaging.Picture)
        assert picture.source == (1600, 1200)
        assert upload.tell() == 0

    @pytest.mark.parametrize("format", ["jpeg", "png", "webp", "gif", "avif"])
    def test_formats(self, format):
        upload = make_upload(f"cat.{format}", format=format)
        assert AvatarField().clean(upload) is upload

    @pytest.mark.parametrize("name", ["cat", "cat.PNG", ".jpg", "cat.exe.jpg", "c\u202etac.jpg"])
    def test_names_that_do_not_matter(self, name):
        upload = make_upload(name)
        assert AvatarField().clean(upload) is upload

    def test_a_temporary_file(self):
        content = make_image()
        with TemporaryUploadedFile("cat.jpg", "image/jpeg", len(content), None) as upload:
            upload.write(content)
            assert AvatarField().clean(upload) is upload

    @pytest.mark.parametrize("case", BAD_UPLOADS.values(), ids=BAD_UPLOADS)
    def test_bad_uploads(self, case):
        name, content, code, sentence = case
        upload = SimpleUploadedFile(name, content)
        assert check(upload) == (code, sentence)
        assert not hasattr(upload, "avatar_picture")

    def test_more_than_the_site_lets_pillow_open(self, monkeypatch):
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
        assert check(make_upload("cat.png", size=(60, 40), format="png")) == (
            "decompression_bomb",
            (
                "“cat.png” unpacks to far more data than a picture needs. "
                "Save it again as a plain JPEG or PNG and upload that."
            ),
        )

    def test_too_large_is_refused_unread(self, settings):
        settings.AVATAR_KIT = {"MAX_UPLOAD_SIZE": 1024 * 1024}
        upload = SimpleUploadedFile("cat.jpg", b"")
        upload.size = 1024 * 1024 + 1
        upload.file = mock.Mock(closed=False, **{"read.side_effect": AssertionError})
        code, sentence = check(upload)
        assert code == "too_large"
        # The sentence is tested with the exception.
        assert sentence.replace("\xa0", " ").endswith("Upload a file of at most 1.0 MB.")

    def test_too_many_pixels_is_refused_undecoded(self, settings):
        settings.AVATAR_KIT = {"MAX_PIXELS": 999_999}
        upload = make_upload(size=(1000, 1000))
        with mock.patch.object(Image.Image, "load", side_effect=AssertionError):
            assert check(upload) == (
                "too_many_pixels",
                (
                    "“portrait.jpg” has 1000 × 1000 pixels, which is 1 megapixels. "
                    "Make it smaller: at most 1 megapixels can be used."
                ),
            )

    def test_upload_formats(self, settings):
        settings.AVATAR_KIT = {"UPLOAD_FORMATS": ["png"]}
        assert check(make_upload()) == (
            "unsupported_format",
            "“portrait.jpg” is in JPEG format. Upload a picture in PNG format.",
        )

    @pytest.mark.parametrize("format", ["jpeg", "png", "webp", "gif", "avif"])
    def test_cut_off_anywhere(self, format):
        """A picture without its end is refused with a code, or accepted if no pixel is missing."""
        content = make_image((40, 30), format=format)
        for length in range(0, len(content), 7):
            upload = SimpleUploadedFile("cat", content[:length])
            try:
                AvatarField().clean(upload)
            except ValidationError as error:
                assert error.code in {"empty", "invalid_image", "truncated"}  # noqa: PT017

    def test_several(self):
        uploads: MultiValueDict[str, Any] = MultiValueDict(
            {"avatar": [make_upload(), make_upload()]}
        )
        form = Plain({}, uploads)
        assert form.errors.as_data()["avatar"][0].code == "multiple"
        assert form.errors["avatar"] == ["Choose one picture, not 2."]

    @pytest.mark.parametrize(
        ("data", "shown"),
        [
            ("cat.jpg", "cat.jpg"),
            ("C:\\fakepath\\cat.jpg", "cat.jpg"),
            ("data:image/png;base64,iVBO\nRw0", "png;base64,iVBORw0"),
            ("x" * 100_000, "x" * 29 + "…" + "x" * 29),
        ],
    )
    def test_only_the_name_of_a_file(self, data, shown):
        assert check(data) == (
            "not_multipart",
            (
                f"Only the name “{shown}” came, without the file. The form needs the encoding "
                "“multipart/form-data”, and an input of the type “file”."
            ),
        )

    @pytest.mark.parametrize("data", [7, object(), {"content": b""}])
    def test_no_upload_at_all(self, data):
        assert check(data) == (
            "invalid",
            "No file was submitted. Check the encoding type on the form.",
        )

    def test_a_nameless_upload(self):
        upload: Any = make_upload()
        upload._name = ""
        assert AvatarField().clean(upload) is upload

    def test_nothing(self):
        field = AvatarField(required=False)
        assert field.clean(None) is None
        assert field.clean("") is None
        assert field.clean([]) is None
        assert check(None) == ("required", "This field is required.")

    def test_clear(self):
        assert AvatarField(required=False).clean(False, "old") is False
        # A required avatar cannot be removed.
        assert AvatarField().clean(False, "old") == "old"
        assert check(False) == ("required", "This field is required.")

    def test_unchanged(self):
        assert AvatarField().clean(None, "old") == "old"

    def test_contradiction(self):
        form = Plain({"avatar-clear": "on"}, sent(make_upload()))
        assert form.errors.as_data()["avatar"][0].code == "contradiction"

    def test_contradiction_in_the_words_of_the_box(self):
        class Input(AvatarInput):
            clear_checkbox_label = "No picture any more"

        class Form(forms.Form):
            avatar = AvatarField(required=False, widget=Input)
            plain = AvatarField(required=False, widget=forms.ClearableFileInput)

        uploads: MultiValueDict[str, Any] = MultiValueDict(
            {"avatar": [make_upload()], "plain": [make_upload()]}
        )
        form = Form({"avatar-clear": "on", "plain-clear": "on"}, uploads)
        assert form.errors == {
            "avatar": ["Either choose a picture or tick “No picture any more”, not both."],
            "plain": ["Either choose a picture or tick “Clear”, not both."],
        }

    @pytest.mark.parametrize("initial", [None, "", Profile().avatar])
    def test_nothing_to_remove(self, initial):
        field = AvatarField(required=False)
        assert not field.has_changed(initial, False)
        assert field.clean(False, initial) in {None, initial}

    def test_has_changed(self):
        field = AvatarField()
        assert not field.has_changed("old", None)
        assert field.has_changed("old", False)
        assert field.has_changed("old", make_upload())
        assert not AvatarField(disabled=True).has_changed("old", make_upload())

    def test_disabled(self, storage):
        """The stored file is neither opened nor checked, and what was sent is ignored."""

        class Form(forms.Form):
            avatar = AvatarField(disabled=True)

        avatar = Profile(avatar="avatars/old.jpg").avatar
        form = Form({"avatar-clear": "on"}, sent(make_upload()), initial={"avatar": avatar})
        assert form.is_valid()
        assert form.cleaned_data["avatar"] is avatar
        assert not form.has_changed()
        assert storage.calls == []

    def test_disabled_and_empty(self):
        class Form(forms.Form):
            avatar = AvatarField(disabled=True, required=False)

        form = Form({}, sent(make_upload()), initial={"avatar": Profile().avatar})
        assert form.is_valid()
        assert form.cleaned_data["avatar"] is None

    def test_decoded_once(self):
        """Cleaning twice decodes once; a field with larger renditions has to decode again."""
        upload = make_upload(size=(900, 900))
        with mock.patch.object(imaging, "load", wraps=imaging.load) as load:
            AvatarField().clean(upload)
            AvatarField().clean(upload)
            assert load.call_count == 1
            AvatarField(model_field=ModelAvatarField(sizes=(850,))).clean(upload)
            AvatarField(model_field=ModelAvatarField(sizes=(16,))).clean(upload)
            assert load.call_count <= 2

    def test_spec_of_the_model_field(self):
        with mock.patch.object(imaging, "load", wraps=imaging.load) as load:
            Channel(name="c")
            avatar_form_class(Channel)(
                {}, {"banner": make_upload()}, instance=Channel()
            ).is_valid()
        spec = load.call_args.kwargs["spec"]
        assert (spec.sizes, spec.fit) == ((40,), "cover")
        assert load.call_args.kwargs["limits"].max_pixels == 52_000_000

    def test_spec_of_the_settings(self, settings):
        """They are read for every upload, not once for the form class."""
        settings.AVATAR_KIT = {"SIZES": (20, 10)}
        with mock.patch.object(imaging, "load", wraps=imaging.load) as load:
            Plain({}, sent(make_upload())).is_valid()
        assert load.call_args.kwargs["spec"].sizes == (10, 20)

    def test_error_messages_of_ones_own(self):
        field = AvatarField(
            error_messages={"invalid_image": "%(filename)s, really?", "empty": "Nothing in it."}
        )
        assert check(SimpleUploadedFile("a.txt", b"a"), field) == (
            "invalid_image",
            "a.txt, really?",
        )
        assert check(SimpleUploadedFile("a.txt", b""), field) == ("empty", "Nothing in it.")

    def test_validators_of_ones_own(self):
        field = AvatarField(validators=[RegexValidator("^cat", "Cats only.", "cats")])
        assert check(make_upload("dog.jpg"), field) == ("cats", "Cats only.")
        assert field.clean(make_upload("cat.jpg"))

    def test_hostile_names_are_escaped(self):
        form = Plain({}, sent(SimpleUploadedFile("<b>%(x)s&.jpg", b"no")))
        assert "“&lt;b&gt;%(x)s&amp;.jpg” is not an image." in str(form.errors)

    def test_no_length_of_names(self):
        """The client's file name is not stored, so that its length does not matter."""
        field = AvatarField(max_length=5, allow_empty_file=True)
        assert field.clean(make_upload("a-name-much-longer-than-that.jpg"))

    def test_sentences_are_translated_when_shown(self):
        form = Plain({}, sent(SimpleUploadedFile("a.jpg", b"")))
        (error,) = form.errors.as_data()["avatar"]
        with translation.override("de"):
            assert error.messages

    def test_model_formfield(self):
        model_field: Any = Profile._meta.get_field("avatar")
        field: Any = model_field.formfield()
        assert field.__class__ is AvatarField
        widget: Any = field.widget
        assert isinstance(widget, AvatarInput)
        assert field.model_field is model_field
        assert not field.required
        assert field.label == "Avatar"


def test_pictures_are_bounded():
    """The decoded picture on the upload is no larger than the spec needs."""
    upload = SimpleUploadedFile("big.jpg", make_image((4000, 3000)))
    AvatarField().clean(upload)
    assert max(upload.avatar_picture.image.size) <= 1024
    assert isinstance(upload.file, io.BytesIO)
