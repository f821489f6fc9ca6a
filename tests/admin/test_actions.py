"""The actions of a list: rebuild and remove the pictures of selected rows."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.models import User
from django.core.files.storage import FileSystemStorage, default_storage
from django.utils.translation import override

from django_avatar_kit.admin import AvatarAdminMixin, actions
from django_avatar_kit.test import make_image, make_upload
from tests.admin.site import site
from tests.support.admin import run, url
from tests.support.lifecycle import column, files_of, fresh, make_profile, needed, upload
from tests.support.pages import told
from tests.testapp.models import Channel, Default, League, Pet, Profile, Team, Ticket

pytestmark = pytest.mark.django_db(transaction=True)

REMOVE, REBUILD = "remove_avatars", "rebuild_avatars"


def teams(*names, avatar=True):
    made = [Team(name=name, avatar=make_upload() if avatar else "") for name in names]
    for team in made:
        team.save()
    return made


def logged():
    entries = LogEntry.objects.order_by("object_repr")
    return [(entry.object_repr, entry.get_change_message()) for entry in entries]


class TimeLimitError(BaseException):
    """As a task queue raises it."""


# --- which there are --------------------------------------------------------------------------


def choices(model_admin, user, rf):
    request = rf.get("/")
    request.user = user
    return dict(model_admin.get_action_choices(request))


def test_the_actions_stand_beside_those_of_the_site(rf, root):
    class Own(AvatarAdminMixin, admin.ModelAdmin):
        actions = ["praise"]

        @admin.action(description="Praise")
        def praise(self, request, queryset): ...

    found = choices(Own(Team, site), root, rf)
    assert found["praise"] == "Praise"
    assert found[REBUILD] == "Rebuild avatars of selected teams"
    assert found[REMOVE] == "Remove avatars of selected teams"


def test_a_site_may_take_them_away(rf, root):
    class Disabled(AvatarAdminMixin, admin.ModelAdmin):
        actions = None

    class One(AvatarAdminMixin, admin.ModelAdmin):
        actions = ["remove_avatars"]
        avatar_actions = ("remove_avatars",)

    request = rf.get("/")
    request.user = root
    assert Disabled(Team, site).get_actions(request) == {}
    found = choices(One(Team, site), root, rf)
    assert REMOVE in found
    assert REBUILD not in found


def test_who_may_not_change_rows_has_no_actions(client_who_may):
    (team,) = teams("Reds")
    client = client_who_may(("view", Team), ("delete", Team))
    text = client.get(url(Team, "changelist")).content.decode()
    assert "remove_avatars" not in text
    assert "rebuild_avatars" not in text
    response = run(client, Team, REMOVE, [team], post="yes")
    assert "No action selected." in told(response)
    assert column(team)


def test_rows_that_a_user_may_not_change_are_left_alone(rf, root):
    class OwnRows(AvatarAdminMixin, admin.ModelAdmin):
        def has_change_permission(self, request, obj=None):
            return obj is None or obj.name == "Reds"

        def message_user(self, *args, **kwargs):
            said.append(args[1])

        def log_change(self, request, obj, message):
            said.append(obj.name)

    said = []
    reds, blues = teams("Reds", "Blues")
    request = rf.post("/", {"post": "yes"})
    request.user = root
    OwnRows(Team, site).remove_avatars(request, Team.objects.all())
    assert column(reds) == ""
    assert column(blues)
    assert said == ["Reds", "1 picture was removed."]


@pytest.mark.parametrize("action", [REMOVE, REBUILD])
def test_who_may_not_change_profiles_cannot_do_so_through_their_users(action, client_who_may):
    profile = make_profile("ada")
    before = column(profile)
    client = client_who_may(("view", Profile), ("change", User))
    response = run(client, User, action, [profile.user], post="yes")
    assert told(response) == ["None of the selected rows has a picture that you can change."]
    assert column(profile) == before
    assert logged() == []


def test_who_may_change_users_and_profiles_removes_pictures(client_who_may):
    profile = make_profile("ada")
    client = client_who_may(("change", Profile), ("change", User))
    response = run(client, User, REMOVE, [profile.user], post="yes")
    assert told(response) == ["1 picture was removed."]
    assert column(profile) == ""


class OwnProfiles(BaseBackend):
    """Permissions of single rows: everybody may change their own profile."""

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        return perm == "testapp.change_profile" and getattr(obj, "user", None) == user_obj


def test_who_may_change_one_profile_removes_the_picture_of_that_one(client_who_may, settings):
    backend = f"{__name__}.{OwnProfiles.__name__}"
    settings.AUTHENTICATION_BACKENDS = [*settings.AUTHENTICATION_BACKENDS, backend]
    client = client_who_may(("change", User))
    own = Profile.objects.create(user=User.objects.get(username="clerk"), avatar=upload())
    other = make_profile("ada")
    before = column(other)
    response = run(client, User, REMOVE, [own.user, other.user], post="yes")
    assert told(response) == ["1 picture was removed."]
    assert (column(own), column(other)) == ("", before)


def test_the_history_is_in_the_language_of_its_reader(rf, root):
    teams("Reds")
    request = rf.post("/", {"post": "yes"})
    request.user = root

    class Quiet(AvatarAdminMixin, admin.ModelAdmin):
        def message_user(self, *args, **kwargs): ...

    with override("de"):
        Quiet(Team, site).remove_avatars(request, Team.objects.all())
        assert logged() == [("Reds", "Avatar geändert.")]
    assert logged() == [("Reds", "Changed Avatar.")]
    with override("ru"):
        assert logged() == [("Reds", "Изменено Аватар.")]


# --- remove -----------------------------------------------------------------------------------


def test_a_page_asks_first_and_shows_what_would_go(client, files):
    reds, blues = teams("Reds", "Blues")
    (none,) = teams("None", avatar=False)
    before = files()
    response = run(client, Team, REMOVE, [reds, blues, none])
    text = response.content.decode()
    assert "Are you sure you want to remove these 2 pictures? They cannot be brought back." in text
    for team in (reds, blues):
        assert fresh(team).avatar.avatar_name.token in text
        assert f'<input type="hidden" name="_selected_action" value="{team.pk}">' in text
    assert f'value="{none.pk}">' not in text
    assert f'<a role="button" href="{url(Team, "changelist")}" class="button cancel-link">' in text
    assert "(avatar)" not in text
    assert "-k1-" not in text
    assert files() == before
    assert logged() == []


def test_the_page_asks_in_the_singular(client):
    text = run(client, Team, REMOVE, teams("Reds")).content.decode()
    assert "Are you sure you want to remove this picture? It cannot be brought back." in text


def test_of_many_pictures_a_hundred_are_shown(client, monkeypatch):
    monkeypatch.setattr(actions, "_SHOWN", 1)
    text = run(client, Team, REMOVE, teams("a", "b", "c")).content.decode()
    assert "And 2 more." in text
    assert text.count("<li><img") == 1
    assert text.count('name="_selected_action"') == 3


def test_pictures_are_removed_with_their_files(client, files, signalled):
    reds, blues, greens = teams("Reds", "Blues", "Greens")
    response = run(client, Team, REMOVE, [reds, blues], post="yes")
    assert response.status_code == 302
    assert told(response) == ["2 pictures were removed."]
    assert (column(reds), column(blues)) == ("", "")
    assert files() == files_of(column(greens)) == needed()
    assert [each["signal"] for each in signalled[-2:]] == ["deleted", "deleted"]
    assert logged() == [("Blues", "Changed Avatar."), ("Reds", "Changed Avatar.")]


def test_nothing_is_left_to_remove(client):
    for post in ({}, {"post": "yes"}):
        response = run(client, Team, REMOVE, teams("None", avatar=False), **post)
        assert told(response)[-1] == (
            "None of the selected rows has a picture that you can change."
        )
    assert logged() == []


def test_a_user_loses_the_picture_of_the_profile(client, files):
    ada = make_profile("ada")
    bob = User.objects.create(username="bob")
    response = run(client, User, REMOVE, [ada.user, bob], post="yes")
    assert told(response) == ["1 picture was removed."]
    assert column(ada) == ""
    assert files() == set()
    assert logged() == [("ada", "Changed Avatar.")]


def test_a_child_loses_the_picture_in_the_table_of_its_parent(client, files):
    league = League.objects.create(name="North", avatar=make_upload())
    run(client, League, REMOVE, [league], post="yes")
    assert column(Team.objects.get(pk=league.pk)) == ""
    assert files() == set()


def test_every_picture_of_a_row_goes_but_the_default(client, files, media):
    (media / "defaults").mkdir()
    (media / "defaults" / "badge.png").write_bytes(make_image(format="png"))
    channel = Channel(name="news", avatar=make_upload(), banner=make_upload())
    channel.save()
    response = run(client, Channel, REMOVE, [channel])
    text = response.content.decode()
    assert "these 2 pictures" in text
    assert "(avatar)</li>" in text
    assert "(banner)</li>" in text
    response = run(client, Channel, REMOVE, [channel], post="yes")
    assert told(response) == ["2 pictures were removed."]
    channel = fresh(channel)
    assert not channel.avatar
    assert not channel.banner
    assert channel.badge.name == "defaults/badge.png"
    assert files() == {"defaults/badge.png"}


def test_a_site_says_which_pictures_the_actions_are_about(rf, root):
    class Banners(AvatarAdminMixin, admin.ModelAdmin):
        avatar_fields = ["banner"]

        def message_user(self, *args, **kwargs): ...

    channel = Channel(name="news", avatar=make_upload(), banner=make_upload())
    channel.save()
    request = rf.post("/", {"post": "yes"})
    request.user = root
    Banners(Channel, site).remove_avatars(request, Channel.objects.all())
    assert fresh(channel).avatar
    assert not fresh(channel).banner


def test_a_default_comes_back(client):
    row = Default.objects.create(avatar=make_upload())
    run(client, Default, REMOVE, [row], post="yes")
    assert column(row) == "default.jpg"
    response = run(client, Default, REMOVE, [row], post="yes")
    assert told(response)[-1] == "None of the selected rows has a picture that you can change."


def test_a_picture_that_a_row_needs_stays(rf, root):
    ticket = Ticket.objects.create(avatar=make_upload())
    said = []

    class Tickets(AvatarAdminMixin, admin.ModelAdmin):
        def message_user(self, *args, **kwargs):
            said.append(args[1])

    request = rf.post("/", {"post": "yes"})
    request.user = root
    Tickets(Ticket, site).remove_avatars(request, Ticket.objects.all())
    assert column(ticket)
    assert said == ["None of the selected rows has a picture that you can change."]


def test_a_row_that_cannot_be_saved_is_named_and_the_others_go_on(client, monkeypatch, caplog):
    reds, blues = teams("Reds", "Blues")
    save = Team.save

    def failing(self, *args, **kwargs):
        if self.name == "Reds":
            raise ValueError("not today")
        save(self, *args, **kwargs)

    monkeypatch.setattr(Team, "save", failing)
    response = run(client, Team, REMOVE, [reds, blues], post="yes")
    assert told(response) == [
        "1 picture was removed.",
        "Reds: The log of the site has the details.",
    ]
    assert column(reds)
    assert column(blues) == ""
    assert "not today" in caplog.text
    assert logged() == [("Blues", "Changed Avatar.")]


def test_of_many_that_fail_five_are_named(client, monkeypatch):
    rows = teams(*"abcdefg")

    def failing(self, *args, **kwargs):
        raise ValueError("not today")

    monkeypatch.setattr(Team, "save", failing)
    found = told(run(client, Team, REMOVE, rows, post="yes"))
    assert len(found) == 6
    assert found[-1] == "2 more pictures failed."


def test_a_time_limit_ends_the_action(client, monkeypatch):
    (team,) = teams("Reds")

    def late(self, *args, **kwargs):
        raise TimeLimitError

    monkeypatch.setattr(Team, "save", late)
    with pytest.raises(TimeLimitError):
        run(client, Team, REMOVE, [team], post="yes")
    assert column(team)


def test_an_interruption_that_is_an_ordinary_exception_ends_the_action(client, monkeypatch):
    (team,) = teams("Reds")

    def late(self, *args, **kwargs):
        raise RuntimeError("late")

    monkeypatch.setattr(Team, "save", late)
    monkeypatch.setattr(actions, "is_interruption", lambda error: str(error) == "late")
    with pytest.raises(RuntimeError):
        run(client, Team, REMOVE, [team], post="yes")


# --- rebuild ----------------------------------------------------------------------------------


def test_missing_files_are_made_and_the_rest_is_up_to_date(client, files):
    reds, blues = teams("Reds", "Blues")
    default_storage.delete(fresh(reds).avatar.avatar_name.renditions[0])
    before = column(blues)
    response = run(client, Team, REBUILD, [reds, blues])
    assert told(response) == ["1 picture was rebuilt.", "1 picture was up to date."]
    assert column(blues) == before
    assert files() == needed()
    assert logged() == [("Reds", "Changed Avatar.")]


def test_pictures_follow_the_settings(client, files, settings):
    profiles = [make_profile("ada"), make_profile("bob")]
    settings.AVATAR_KIT = {"SIZES": (24,)}
    response = run(client, User, REBUILD, [profile.user for profile in profiles])
    assert told(response) == ["2 pictures were rebuilt."]
    for profile in profiles:
        assert fresh(profile).avatar.avatar_name.sizes == (24,)
    assert files() == needed()


def test_files_from_before_the_kit_are_adopted(client, files, media):
    (media / "old.jpg").write_bytes(make_image((60, 40)))
    league = League.objects.create(name="North", avatar="old.jpg")
    assert told(run(client, League, REBUILD, [league])) == ["1 picture was rebuilt."]
    assert files() == files_of(column(league)) != {"old.jpg"}


def test_what_cannot_be_built_is_said_without_the_key_of_the_master(client, files, media, caplog):
    (media / "old.jpg").write_bytes(b"no picture")
    reds, blues, greens = teams("Reds", "Blues", "Greens")
    Team.objects.filter(pk=blues.pk).update(avatar="old.jpg")
    default_storage.delete(column(reds))
    default_storage.delete(fresh(greens).avatar.avatar_name.renditions[0])
    found = told(run(client, Team, REBUILD, [reds, blues, greens]))
    assert found[0] == "1 picture was rebuilt."
    assert "Reds: Its file could not be read or written." in found
    (about,) = [text for text in found if text.startswith("Blues: ")]
    assert "“old.jpg”" in about
    assert not any("-k1-" in text for text in found)
    assert column(reds) in caplog.text


def test_a_row_that_was_changed_meanwhile_is_up_to_date(client, monkeypatch):
    (team,) = teams("Reds")
    default_storage.delete(fresh(team).avatar.avatar_name.renditions[0])
    save = FileSystemStorage._save

    def meanwhile(self, name, content):
        Team.objects.filter(pk=team.pk).update(avatar="")
        return save(self, name, content)

    monkeypatch.setattr(FileSystemStorage, "_save", meanwhile)
    assert told(run(client, Team, REBUILD, [team])) == ["1 picture was up to date."]
    assert column(team) == ""


def test_rows_without_a_picture_are_told_of(client):
    response = run(client, Team, REBUILD, teams("None", avatar=False))
    assert told(response) == ["None of the selected rows has a picture that you can change."]


def test_renditions_elsewhere_are_made_there(rf, root):
    pet = Pet(name="rex", portrait=make_upload())
    pet.save()
    name = fresh(pet).portrait.avatar_name
    place = Pet._meta.get_field("portrait").rendition_storage
    place.delete(name.renditions[0])

    class Pets(AvatarAdminMixin, admin.ModelAdmin):
        def message_user(self, *args, **kwargs): ...

    request = rf.post("/")
    request.user = root
    Pets(Pet, site).rebuild_avatars(request, Pet.objects.all())
    assert place.exists(fresh(pet).portrait.avatar_name.renditions[0])
    assert Profile.objects.count() == 0
