from __future__ import annotations

import io
from typing import Any
from unittest import mock

import pytest
from django import forms
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile, TemporaryUploadedFile
from django.core.validators import RegexValidator
from django.db import models
from django.test.utils import isolate_apps
from django.utils import translation
from django.utils.datastructures import MultiValueDict
from PIL import Image

from django_avatar_kit.exceptions import StorageError
from django_avatar_kit.fields import AvatarField as ModelAvatarField
from django_avatar_kit.forms import AvatarField, AvatarForm, AvatarInput, avatar_form_class
from django_avatar_kit.models import AvatarMixin
from django_avatar_kit.test import make_image, make_upload
from django_avatar_kit.uploads import imaging
from tests.testapp.models import Bare, Channel, Profile, Team

SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script/></svg>'


#: name of the file, its bytes, code and sentence of the error.
BAD_UPLOADS = {
    "empty": (
        "cat.jpg",
        b"",
        "empty",
        "“cat.jpg” is empty. Choose another file.",
    ),
    "text": (
        "cat.jpg",
        b"I am a cat.",
        "invalid_image",
        "“cat.jpg” is not an image. Choose a photo or another picture.",
    ),
    "svg": (
        "cat.svg",
        SVG,
        "svg",
        "“cat.svg” is an SVG drawing. Export it as a PNG and upload that.",
    ),
    "svg in disguise": (
        "cat.png",
        SVG,
        "svg",
        "“cat.png” is an SVG drawing. Export it as a PNG and upload that.",
    ),
    "tiff": (
        "cat.tiff",
        make_image((8, 8), format="tiff"),
        "unsupported_format",
        "“cat.tiff” is a TIFF image. Upload a JPEG, PNG, WebP, GIF or AVIF.",
    ),
    "bmp": (
        "cat.png",
        make_image((8, 8), format="bmp"),
        "unsupported_format",
        "“cat.png” is a BMP image. Upload a JPEG, PNG, WebP, GIF or AVIF.",
    ),
    "truncated": (
        "cat.jpg",
        make_image((300, 300))[:-200],
        "truncated",
        "“cat.jpg” is damaged or incomplete. Save it again and upload the new copy.",
    ),
}


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
        # The rest of the sentence is that of the exception.
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
            "“portrait.jpg” is a JPEG image. Upload a PNG.",
        )

    @pytest.mark.parametrize("format", ["jpeg", "png", "webp", "gif", "avif"])
    def test_cut_off_anywhere(self, format):
        """Half a picture is an error or, past its last pixel, a picture; never anything else."""
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
        # What must be there cannot be removed.
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
        """A form that is cleaned again does not decode again; another field may have to."""
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
        """They are read when a file comes in, not when the form class is made."""
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
        """The client's name is not kept."""
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


@pytest.fixture
def ada(db: None) -> Profile:
    user = User.objects.create(username="ada")
    Profile.objects.create(user=user, bio="countess", avatar=make_upload())
    # As a request loads it: an instance that has just written an avatar still answers for it.
    profile: Profile = Profile.objects.get()
    return profile


class TestForm:
    def test_change(self, ada, files):
        old = ada.avatar.name
        form = AvatarForm({}, {"avatar": make_upload(color="red")}, instance=ada)
        assert form.is_valid()
        assert form.has_changed()
        assert form.save() is ada
        ada.refresh_from_db()
        assert ada.avatar.name != old
        assert set(ada.avatar.avatar_name.files) <= files()

    def test_decoded_once(self, ada):
        """However the form and the model share the work."""
        with mock.patch.object(imaging, "load", wraps=imaging.load) as load:
            AvatarForm({}, {"avatar": make_upload(size=(1600, 1200))}, instance=ada).save()
        assert load.call_count == 1

    def test_remove(self, ada):
        AvatarForm({"avatar-clear": "on"}, {}, instance=ada).save()
        assert Profile.objects.get().avatar.name in {None, ""}

    def test_nothing_chosen(self, ada):
        form = AvatarForm({}, {}, instance=ada)
        assert form.is_valid()
        assert not form.has_changed()
        form.save()
        assert Profile.objects.get().avatar.name == ada.avatar.name

    def test_a_stale_form(self, ada):
        """Saves its own columns only; also those that it was not asked to change."""
        form = AvatarForm({}, {"avatar": make_upload(color="red")}, instance=ada)
        Profile.objects.update(bio="mathematician")
        form.save()
        row = Profile.objects.get()
        assert row.bio == "mathematician"
        assert row.avatar.name == ada.avatar.name

    def test_a_stale_form_does_not_bring_an_avatar_back(self, ada):
        form = AvatarForm({}, {}, instance=ada)
        AvatarForm({"avatar-clear": "on"}, {}, instance=Profile.objects.get()).save()
        form.save()
        assert Profile.objects.get().avatar.name in {None, ""}

    def test_makes_the_row(self, db):
        user = User.objects.create(username="bob")
        profile = Profile(user=user, bio="builder")
        AvatarForm({}, {"avatar": make_upload()}, instance=profile).save()
        row = Profile.objects.get(user=user)
        assert row.avatar.avatar_name is not None
        assert row.bio == "builder"

    def test_commit_false(self, ada):
        form = AvatarForm({}, {"avatar": make_upload(color="red")}, instance=ada)
        with mock.patch.object(Profile, "save", side_effect=AssertionError):
            instance = form.save(commit=False)
        assert instance.avatar.uncommitted
        instance.save()
        form.save_m2m()
        assert Profile.objects.get().avatar.name == instance.avatar.name

    def test_invalid(self, ada, files):
        old, before = ada.avatar.name, files()
        form = AvatarForm({}, {"avatar": make_upload(content=b"no")}, instance=ada)
        assert not form.is_valid()
        with pytest.raises(ValueError, match="could not be changed"):
            form.save()
        assert ada.avatar.name == old
        assert files() == before

    def test_storage_error(self, ada, files, monkeypatch):
        old, before = ada.avatar.name, files()
        form = AvatarForm({}, {"avatar": make_upload(color="red")}, instance=ada)
        monkeypatch.setattr(ada.avatar.storage, "save", mock.Mock(side_effect=OSError(28, "full")))
        with pytest.raises(StorageError):
            form.save()
        assert Profile.objects.get().avatar.name == old
        assert files() == before

    def test_shown_again_after_an_error_elsewhere(self, ada):
        """The picture that is in the row, not the one that was just sent."""

        class Form(AvatarForm):
            class Meta:
                fields = ["avatar", "bio"]

            bio = forms.CharField(max_length=3)

        before = str(Form(instance=ada)["avatar"])
        form = Form({"bio": "too long"}, {"avatar": make_upload(color="red")}, instance=ada)
        assert not form.is_valid()
        assert list(form.errors) == ["bio"]
        assert form.changed_data == ["avatar", "bio"]
        assert str(form["avatar"]) == before

    def test_several_avatars(self, db, files):
        channel = Channel.objects.create(name="news", banner=make_upload())
        form = AvatarForm({}, {"avatar": make_upload(), "badge": make_upload()}, instance=channel)
        assert list(form.fields) == ["avatar", "banner", "badge"]
        banner = channel.banner.name
        form.save()
        channel = Channel.objects.get()
        assert channel.banner.name == banner
        assert channel.avatar.avatar_name.sizes == (48, 96)
        assert channel.badge.avatar_name.sizes == (16,)

    def test_one_class_serves_many_models(self, ada):
        team = Team(name="red")
        assert list(AvatarForm(instance=ada).fields) == ["avatar"]
        assert AvatarForm({}, {"avatar": make_upload()}, instance=team).save().pk
        assert AvatarForm(instance=ada)._meta.model is Profile
        assert AvatarForm.base_fields == {}
        assert not AvatarForm.has_model()

    def test_without_an_instance(self):
        with pytest.raises(ValueError, match=r"^AvatarForm has no model\. Pass it instance=…, or"):
            AvatarForm()

    def test_without_an_avatar_field(self):
        with pytest.raises(ImproperlyConfigured, match=r"^testapp.Bare has no AvatarField\. Mix"):
            AvatarForm(instance=Bare())

    def test_a_lazy_instance(self, ada):
        from django.utils.functional import SimpleLazyObject

        lazy: Any = SimpleLazyObject(lambda: ada)
        form = AvatarForm({"avatar-clear": "on"}, {}, instance=lazy)
        form.save()
        assert Profile.objects.get().avatar.name in {None, ""}


class TestSubclass:
    def test_with_a_model(self, ada):
        class Form(AvatarForm):
            class Meta:
                model = Profile
                fields = ["avatar", "bio"]
                labels = {"avatar": "Your face"}

        assert Form.has_model()
        assert Form()["avatar"].label == "Your face"
        form = Form({"bio": "new"}, {}, instance=ada)
        form.save()
        assert Profile.objects.get().bio == "new"

    def test_with_exclude(self, ada):
        class Form(AvatarForm):
            class Meta:
                exclude = ["user"]

            user = forms.CharField(required=False)

        form = Form({"bio": "new", "user": "somebody else"}, {}, instance=ada)
        assert list(form.fields) == ["avatar", "bio", "user"]
        form.save()
        row = Profile.objects.get()
        assert row.bio == "new"
        assert row.user_id == ada.user_id

    def test_without_a_model(self, ada):
        class Form(AvatarForm):
            class Meta:
                labels = {"avatar": "Face"}

            agree = forms.BooleanField()

        form = Form({}, {"avatar": make_upload()}, instance=ada)
        assert list(form.fields) == ["avatar", "agree"]
        assert form["avatar"].label == "Face"
        assert list(form.errors) == ["agree"]

    def test_declared_field(self, ada):
        class Form(AvatarForm):
            avatar = AvatarField(help_text="Square, please.")

        form = Form({}, {"avatar": make_upload(color="red")}, instance=ada)
        assert form.fields["avatar"].required
        old = ada.avatar.name
        form.save()
        assert Profile.objects.get().avatar.name != old

    def test_form_class(self):
        form_class = avatar_form_class(Channel, "badge")
        assert form_class.__name__ == "ChannelForm"
        assert issubclass(form_class, AvatarForm)
        assert list(form_class.base_fields) == ["badge"]
        assert list(avatar_form_class(Channel).base_fields) == ["avatar", "banner", "badge"]

    def test_form_class_of_ones_own(self):
        class Form(AvatarForm):
            class Meta:
                fields = ["banner", "name"]

        assert list(avatar_form_class(Channel, form=Form).base_fields) == ["banner", "name"]
        assert list(avatar_form_class(Channel, "badge", form=Form).base_fields) == ["badge"]

    @isolate_apps("tests.testapp")
    def test_the_first_avatar_is_the_one_that_is_shown(self):
        class Page(AvatarMixin):
            logo = ModelAvatarField()
            # Here, since the mixin's own would come first anyway.
            avatar = ModelAvatarField()

            class Meta:
                app_label = "testapp"

        assert list(avatar_form_class(Page).base_fields) == ["avatar", "logo"]

    @isolate_apps("tests.testapp")
    def test_time_stamps_are_kept(self):
        class Page(AvatarMixin):
            created = models.DateTimeField(auto_now_add=True)
            changed = models.DateTimeField(auto_now=True)
            title = models.CharField(max_length=9)

            class Meta:
                app_label = "testapp"

        page = Page(pk=1)
        page._state.adding = False
        form = AvatarForm({}, {"avatar": make_upload()}, instance=page)
        with mock.patch.object(Page, "save") as save:
            form.save()
        save.assert_called_once_with(update_fields=["avatar", "changed"])

    def test_primary_key_on_the_form(self, ada):
        """A key is not updated, whatever the form holds."""

        class Form(AvatarForm):
            class Meta:
                fields = ["id", "avatar"]

            id = forms.IntegerField()

        Form({"id": ada.pk}, {"avatar": make_upload()}, instance=ada).save()
        assert Profile.objects.count() == 1


def test_pictures_are_bounded():
    """What waits on the upload for the save is as small as the spec allows."""
    upload = SimpleUploadedFile("big.jpg", make_image((4000, 3000)))
    AvatarField().clean(upload)
    assert max(upload.avatar_picture.image.size) <= 1024
    assert isinstance(upload.file, io.BytesIO)
