"""The form for the avatars of a model, and its subclasses."""

from __future__ import annotations

from typing import Any
from unittest import mock

import pytest
from django import forms
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from django.db import models
from django.test.utils import isolate_apps

from django_avatar_kit.exceptions import StorageError
from django_avatar_kit.fields import AvatarField as ModelAvatarField
from django_avatar_kit.forms import AvatarField, AvatarForm, avatar_form_class
from django_avatar_kit.models import AvatarMixin
from django_avatar_kit.test import make_upload
from django_avatar_kit.uploads import imaging
from tests.testapp.models import Bare, Channel, Profile, Team


@pytest.fixture
def ada(db: None) -> Profile:
    user = User.objects.create(username="ada")
    Profile.objects.create(user=user, bio="countess", avatar=make_upload())
    # Loaded anew, as by a request: an instance that has written an avatar remembers that.
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
        """The form decodes, and the model field uses the result."""
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
        """All columns of the form are saved, changed or not, and no others."""
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
        """It shows the picture of the row, not the one that was sent."""

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
            # Declared again, since the mixin's field would come first in any case.
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
        """The primary key is not updated, even if it is a field of the form."""

        class Form(AvatarForm):
            class Meta:
                fields = ["id", "avatar"]

            id = forms.IntegerField()

        Form({"id": ada.pk}, {"avatar": make_upload()}, instance=ada).save()
        assert Profile.objects.count() == 1
