"""The forms of an admin: add, change, inline, and the pages of those who may only look."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.contrib.admin.widgets import AdminFileWidget
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.core.files.storage import FileSystemStorage
from django.forms import ClearableFileInput
from easy_thumbnails.widgets import ImageClearableFileInput

from django_avatar_kit.admin import AvatarAdminMixin
from django_avatar_kit.exceptions import AvatarReplaced, EmptyUpload, KeyTooLong
from django_avatar_kit.fields import AvatarField
from django_avatar_kit.test import make_upload
from django_avatar_kit.widgets import AvatarInput
from tests.admin.site import site
from tests.support.admin import inputs, url
from tests.support.lifecycle import column, files_of, fresh, make_profile, needed
from tests.support.pages import told
from tests.testapp.models import Channel, Guest, Pet, Profile, Team

pytestmark = pytest.mark.django_db(transaction=True)

#: The inline form of the profile on the page of a user.
MANAGEMENT = {"profile-TOTAL_FORMS": 1, "profile-INITIAL_FORMS": 0}


def widget_of(model_admin, name, rf):
    form = model_admin.get_form(rf.get("/"))
    return type(form.base_fields[name].widget)


# --- add and change ---------------------------------------------------------------------------


def test_a_picture_is_added_replaced_and_removed(client, files):
    response = client.post(url(Team, "add"), {"name": "Reds", "avatar": make_upload()})
    assert response.status_code == 302
    team = Team.objects.get()
    first = column(team)
    assert files() == files_of(first) == needed()
    change = url(Team, "change", team.pk)
    client.post(change, {"name": "Reds", "avatar": make_upload(color="red")})
    assert files() == files_of(column(team)) != files_of(first)
    client.post(change, {"name": "Reds", "avatar-clear": "on"})
    assert column(team) == ""
    assert files() == set()


def test_a_form_without_a_new_picture_leaves_the_old_one(client, files):
    team = Team.objects.create(name="Reds", avatar=make_upload())
    client.post(url(Team, "change", team.pk), {"name": "Blues"})
    assert fresh(team).name == "Blues"
    assert files() == files_of(column(team)) != set()


def test_what_is_no_picture_is_refused_beside_the_field(client):
    team = Team.objects.create(name="Reds", avatar=make_upload())
    response = client.post(
        url(Team, "change", team.pk), {"avatar": make_upload(content=b"no picture")}
    )
    assert response.status_code == 200
    assert "“portrait.jpg”" in str(response.context["adminform"].form.errors["avatar"])
    assert fresh(team).avatar.avatar_name.token in response.content.decode()


@pytest.mark.parametrize("page", ["add", "change"])
def test_the_form_has_the_kits_file_input_and_not_the_master(page, client):
    team = fresh(Team.objects.create(name="Reds", avatar=make_upload()))
    response = client.get(url(Team, page, *([team.pk] if page == "change" else [])))
    assert len(inputs(response)) == 1
    field = response.context["adminform"].form.fields["avatar"]
    assert type(field.widget) is AvatarInput
    text = response.content.decode()
    assert "-k1-" not in text
    assert (team.avatar.avatar_name.token in text) is (page == "change")
    assert "avatar_kit/admin.css" in text


def test_without_the_mixin_the_form_is_the_same(client):
    pet = Pet(name="rex", avatar=make_upload())
    pet.save()
    response = client.get(url(Pet, "change", pet.pk))
    for name in ("avatar", "portrait"):
        assert type(response.context["adminform"].form.fields[name].widget) is AvatarInput
    assert "-k1-" not in response.content.decode()


def test_the_model_field_takes_any_widget_but_those_that_are_for_any_file():
    field = Team._meta.get_field("avatar")
    # Its links lead to the master.
    based_on_thumbnails = type("Own", (ImageClearableFileInput,), {})
    # As django-unfold has it, which is not installed here.
    unfolds = type("AnyFile", (AdminFileWidget,), {"__module__": "unfold.widgets"})
    for widget in (
        AdminFileWidget,
        AdminFileWidget(),
        ImageClearableFileInput,
        based_on_thumbnails,
        unfolds,
    ):
        assert type(field.formfield(widget=widget).widget) is AvatarInput
    own = type("Own", (AdminFileWidget,), {})
    for widget in (ClearableFileInput, own, own()):
        chosen = widget if isinstance(widget, type) else type(widget)
        assert type(field.formfield(widget=widget).widget) is chosen


def test_a_default_that_is_called_puts_no_second_input_with_the_master_into_the_form(client):
    guest = fresh(Guest.objects.create(avatar=make_upload()))
    address = url(Guest, "change", guest.pk)
    response = client.get(address)
    assert guest.avatar.avatar_name.token in response.content.decode()
    assert "-k1-" not in response.content.decode()
    assert "initial-avatar" not in response.content.decode()
    client.post(address, {})
    assert column(guest) == guest.avatar.name
    assert "No fields changed." in client.get(url(Guest, "history", guest.pk)).content.decode()


def test_a_site_may_have_a_widget_of_its_own(rf, root):
    class Own(AvatarInput):
        pass

    class WithOwn(AvatarAdminMixin, admin.ModelAdmin):
        formfield_overrides = {AvatarField: {"widget": Own, "help_text": "A face."}}

    made = WithOwn(Team, site)
    request = rf.get("/")
    request.user = root
    field = made.get_form(request).base_fields["avatar"]
    assert type(field.widget) is Own
    assert field.help_text == "A face."


def test_a_widget_of_a_site_that_is_based_on_djangos_does_not_name_the_master(rf, root):
    class Own(AdminFileWidget):
        pass

    class WithOwn(AvatarAdminMixin, admin.ModelAdmin):
        def get_form(self, request, obj=None, change=False, **kwargs):
            return super().get_form(request, obj, change, widgets={"avatar": Own}, **kwargs)

    team = fresh(Team.objects.create(name="Reds", avatar=make_upload()))
    request = rf.get("/")
    request.user = root
    form = WithOwn(Team, site).get_form(request, team, change=True)(instance=team)
    assert type(form.fields["avatar"].widget) is Own
    text = str(form["avatar"])
    assert f'<a href="{team.avatar.url}">{team.avatar.url.removeprefix("/media/")}</a>' in text
    assert "-k1-" not in text


def test_a_widget_for_all_pictures_of_the_site_is_not_for_avatars(rf, root):
    class ForAll(AvatarAdminMixin, admin.ModelAdmin):
        formfield_overrides = {
            base: {"widget": ClearableFileInput}
            for base in AvatarField.__mro__
            if base.__name__ == "FileField"
        }

    request = rf.get("/")
    request.user = root
    field = ForAll(Team, site).get_form(request).base_fields["avatar"]
    assert type(field.widget) is AvatarInput


def test_where_the_storage_fails_nothing_is_saved_and_the_page_says_so(client, monkeypatch, files):
    team = Team.objects.create(name="Reds", avatar=make_upload())
    before = files()

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(FileSystemStorage, "_save", full)
    address = url(Team, "change", team.pk)
    response = client.post(address, {"name": "Blues", "avatar": make_upload(color="red")})
    assert response.status_code == 302
    assert response.url == address
    assert told(response) == [
        "Nothing was saved, because the picture could not be stored. Please try again later."
    ]
    assert fresh(team).name == "Reds"
    assert files() == before


def cropped(team, box="0,0,9,9"):
    name = team.avatar.avatar_name
    return f"{box},{name.width},{name.height},{name.token}"


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (AvatarReplaced(), "The picture has been replaced or removed in the meantime."),
        (EmptyUpload(filename="cat.jpg"), "“cat.jpg” is empty. Choose another file."),
        (KeyTooLong(key="k", limit=1), "Nothing was saved, because the picture could not be"),
    ],
    ids=repr,
)
def test_whatever_the_kit_refuses_while_a_row_is_saved_is_said(
    client, monkeypatch, error, sentence
):
    team = Team.objects.create(name="Reds")

    def refuse(self, *args, **kwargs):
        Team.objects.filter(pk=self.pk).update(name="written before")
        raise error

    monkeypatch.setattr(Team, "save", refuse)
    address = url(Team, "change", team.pk)
    response = client.post(address, {"name": "Blues"})
    assert (response.status_code, response.url) == (302, address)
    (message,) = told(response)
    assert message.startswith(sentence)
    assert column(team) == ""
    assert Team.objects.get(pk=team.pk).name == "Reds"


def test_a_picture_that_is_replaced_while_it_is_cropped_stays(client, monkeypatch):
    team = fresh(Team.objects.create(name="Reds", avatar=make_upload()))
    sent = {"name": "Blues", "avatar-crop": cropped(team)}
    save = Team.save

    def replaced_first(self, *args, **kwargs):
        monkeypatch.setattr(Team, "save", save)
        other = fresh(team)
        other.avatar = make_upload(color="red")
        other.save()
        save(self, *args, **kwargs)

    monkeypatch.setattr(Team, "save", replaced_first)
    response = client.post(url(Team, "change", team.pk), sent)
    assert told(response) == [str(AvatarReplaced())]
    assert fresh(team).name == "Reds"


def test_a_list_that_is_edited_says_where_the_storage_fails(client, monkeypatch, files):
    monkeypatch.setattr(site._registry[Team], "list_editable", ("avatar",))
    monkeypatch.setattr(site._registry[Team], "list_display", ("name", "avatar"))
    monkeypatch.setattr(site._registry[Team], "list_display_links", ("name",))
    teams = [Team.objects.create(name=name, avatar=make_upload()) for name in ("Reds", "Blues")]
    # Here, and not in what is rolled back: Django would remember it.
    ContentType.objects.get_for_model(Team)
    names, before = [column(team) for team in teams], files()
    sent = {"form-TOTAL_FORMS": 2, "form-INITIAL_FORMS": 2, "_save": "Save"}
    # The later row comes first.
    sent |= {"form-0-id": teams[1].pk, "form-1-id": teams[0].pk}
    sent |= {"form-0-avatar-clear": "on", "form-1-avatar": make_upload(color="red")}
    address = url(Team, "changelist") + "?q="

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(FileSystemStorage, "_save", full)
        response = client.post(address, sent)
    assert (response.status_code, response.url) == (302, address)
    assert told(response) == [
        "Nothing was saved, because the picture could not be stored. Please try again later."
    ]
    assert [column(team) for team in teams] == names
    assert files() == before
    sent["form-1-avatar"] = make_upload(color="red")
    response = client.post(address, sent)
    assert [column(team) == name for team, name in zip(teams, names, strict=True)] == [False] * 2
    assert column(teams[1]) == ""


def test_what_a_page_that_is_only_looked_at_raises_is_not_hidden(client, monkeypatch):
    team = Team.objects.create(name="Reds")

    def broken(*args, **kwargs):
        raise AvatarReplaced

    model_admin = site._registry[Team]
    monkeypatch.setattr(type(model_admin), "get_form", broken)
    with pytest.raises(AvatarReplaced):
        client.get(url(Team, "change", team.pk))
    monkeypatch.setattr(type(model_admin), "get_queryset", broken)
    with pytest.raises(AvatarReplaced):
        client.get(url(Team, "changelist"))


# --- save as new ------------------------------------------------------------------------------


def test_save_as_new_leaves_the_part_of_the_old_picture_aside(client, monkeypatch, files):
    monkeypatch.setattr(site._registry[Team], "save_as", True)
    team = fresh(Team.objects.create(name="Reds", avatar=make_upload()))
    before = files()
    sent = {"name": "Blues", "avatar-crop": cropped(team), "_saveasnew": "Save as new"}
    assert client.post(url(Team, "change", team.pk), sent).status_code == 302
    copy = Team.objects.get(name="Blues")
    assert copy.pk != team.pk
    assert column(copy) == ""
    assert column(team) == team.avatar.name
    assert files() == before


def test_save_as_new_with_a_new_picture_cuts_the_part_that_was_chosen(client, monkeypatch):
    monkeypatch.setattr(site._registry[Team], "save_as", True)
    team = fresh(Team.objects.create(name="Reds", avatar=make_upload()))
    sent = {
        "name": "Blues",
        "avatar": make_upload(size=(90, 60)),
        "avatar-crop": "0,0,50,50,90,60",
        "_saveasnew": "Save as new",
    }
    assert client.post(url(Team, "change", team.pk), sent).status_code == 302
    assert fresh(Team.objects.get(name="Blues")).avatar.avatar_name.crop == (0, 0, 50, 50)
    assert column(team) == team.avatar.name


def test_save_as_new_of_a_user_leaves_the_part_of_the_profiles_picture_aside(client, monkeypatch):
    monkeypatch.setattr(site._registry[User], "save_as", True)
    profile = fresh(make_profile("ada"))
    sent = {
        "username": "bob",
        "password1": "a-long-password-7",
        "password2": "a-long-password-7",
        "usable_password": "true",
        "profile-TOTAL_FORMS": 1,
        "profile-INITIAL_FORMS": 1,
        "profile-0-id": profile.pk,
        "profile-0-user": profile.user_id,
        "profile-0-bio": "copied",
        "profile-0-avatar-crop": cropped(profile),
        "_saveasnew": "Save as new",
    }
    response = client.post(url(User, "change", profile.user_id), sent)
    assert response.status_code == 302, response.context["errors"]
    copy = Profile.objects.get(user__username="bob")
    assert (copy.bio, column(copy)) == ("copied", "")
    assert column(profile) == profile.avatar.name


def test_the_history_of_a_row_names_the_field_and_no_file(client):
    team = Team.objects.create(name="Reds")
    client.post(url(Team, "change", team.pk), {"name": "Reds", "avatar": make_upload()})
    text = client.get(url(Team, "history", team.pk)).content.decode()
    assert "Changed Avatar." in text
    assert "-k1-" not in text


def test_the_page_that_asks_before_a_row_is_deleted_names_no_file(client):
    team = Team.objects.create(name="Reds", avatar=make_upload())
    assert "-k1-" not in client.get(url(Team, "delete", team.pk)).content.decode()


# --- inlines ----------------------------------------------------------------------------------


def test_a_profile_is_made_with_its_picture_on_the_page_of_a_user(client, files):
    user = User.objects.create(username="ada")
    response = client.get(url(User, "change", user.pk))
    assert 'name="profile-0-avatar"' in "".join(inputs(response))
    form = {
        key: value
        for key, value in response.context["adminform"].form.initial.items()
        if key in {"username", "first_name", "last_name", "email"} and value
    }
    sent = {
        **form,
        **MANAGEMENT,
        "date_joined_0": "2026-01-01",
        "date_joined_1": "10:00",
        "profile-0-user": user.pk,
        "profile-0-avatar": make_upload(),
    }
    response = client.post(url(User, "change", user.pk), sent)
    assert response.status_code == 302, response.context["errors"]
    profile = Profile.objects.get(user=user)
    assert files() == files_of(column(profile)) == needed()

    sent = {
        **sent,
        "profile-INITIAL_FORMS": 1,
        "profile-0-id": profile.pk,
        "profile-0-avatar-clear": "on",
    }
    del sent["profile-0-avatar"]
    client.post(url(User, "change", user.pk), sent)
    assert column(profile) == ""
    assert files() == set()


@pytest.mark.parametrize("kind", [admin.StackedInline, admin.TabularInline])
@pytest.mark.parametrize("bases", [(AvatarAdminMixin,), ()], ids=["mixin", "plain"])
def test_inlines_of_either_kind_have_the_kits_file_input(kind, bases, rf, root):
    inline = type("Inline", (*bases, kind), {"model": Profile})
    request = rf.get("/")
    request.user = root
    made = inline(User, site)
    form = made.get_formset(request).form
    assert type(form.base_fields["avatar"].widget) is AvatarInput
    assert ("avatar_kit/admin.css" in str(made.media)) is bool(bases)


def test_the_form_for_another_row_is_there_to_be_copied(client):
    profile = make_profile("ada")
    response = client.get(url(User, "change", profile.user_id))
    (formset,) = response.context["inline_admin_formsets"]
    assert 'name="profile-__prefix__-avatar"' in str(formset.formset.empty_form["avatar"])
    assert "-k1-" not in response.content.decode()


# --- those who may only look ------------------------------------------------------------------


@pytest.mark.parametrize("model", [Team, Pet], ids=["mixin", "plain"])
def test_who_may_only_look_sees_the_picture(model, client_who_may):
    row = model(name="Reds", avatar=make_upload())
    row.save()
    row = fresh(row)
    client = client_who_may(("view", model))
    response = client.get(url(model, "change", row.pk))
    text = response.content.decode()
    assert inputs(response) == []
    assert f'<a href="{row.avatar.url}"><img src="' in text
    assert "-k1-" not in text
    assert client.post(url(model, "change", row.pk), {"avatar": make_upload()}).status_code == 403
    assert column(row) == row.avatar.name


def test_an_inline_that_may_only_be_looked_at_shows_the_picture(client_who_may):
    profile = fresh(make_profile("ada"))
    client = client_who_may(("view", User), ("view", Profile))
    text = client.get(url(User, "change", profile.user_id)).content.decode()
    assert f'<a href="{profile.avatar.url}"><img src="' in text
    assert "-k1-" not in text


def test_a_field_that_is_read_only_for_all(rf, root, client):
    channel = Channel(name="news", avatar=make_upload())
    channel.save()

    class ReadOnly(AvatarAdminMixin, admin.ModelAdmin):
        readonly_fields = ["avatar", "banner"]

    request = rf.get("/")
    request.user = root
    response = ReadOnly(Channel, site).changeform_view(request, str(channel.pk))
    text = response.render().content.decode()
    assert f'<a href="{fresh(channel).avatar.url}"><picture>' in text
    assert len(inputs(response)) == 1
    assert "-k1-" not in text
