from __future__ import annotations

import json
import pickle
from typing import Any

import pytest
from django.apps import apps
from django.core import serializers
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, default_storage, storages
from django.db import connection, connections, migrations, models, transaction
from django.db.backends.postgresql.base import DatabaseWrapper
from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.state import ModelState, ProjectState
from django.db.migrations.writer import MigrationWriter
from django.forms import FileField, modelform_factory
from django.utils.html import format_html

from django_avatar_kit import exceptions, forms
from django_avatar_kit.fields import AvatarDescriptor, AvatarField, AvatarFieldFile
from django_avatar_kit.lifecycle.descriptor import field_file
from django_avatar_kit.models import AvatarMixin
from django_avatar_kit.test import make_upload
from tests.support.lifecycle import column, files_of, make_profile, needed, upload
from tests.testapp.models import Captain, Channel, Guest, Pet, Profile, Team, Ticket, renditions

lifecycle = pytest.mark.lifecycle


# --- the field --------------------------------------------------------------------------------


def test_what_is_made_of_an_upload_follows_the_settings(settings):
    field = Team._meta.get_field("avatar")
    settings.AVATAR_KIT = {
        "SIZES": (8, 16),
        "FORMATS": ("jpeg",),
        "QUALITY": {"jpeg": 50},
        "MASTER_SIDE": 100,
        "BACKGROUND": "white",
        "MAX_PIXELS": 7,
        "UPLOAD_FORMATS": ("png",),
    }
    assert field.spec.sizes == (8, 16)
    assert field.spec.formats == ("jpeg",)
    assert field.spec.quality["jpeg"] == 50
    assert field.spec.master_side == 100
    assert field.spec.background == "white"
    assert field.spec.fit == "cover"
    assert field.limits.max_pixels == 7
    assert field.limits.formats == ("png",)


def test_what_the_field_says_stands_before_the_settings(settings):
    settings.AVATAR_KIT = {"SIZES": (8, 16), "FORMATS": ("avif",)}
    field = Channel._meta.get_field("avatar")
    assert field.spec.sizes == (48, 96)
    assert field.spec.formats == ("webp", "jpeg")
    assert field.spec.fit == "contain"
    assert AvatarField(sizes=[64, 16, 64]).spec.sizes == (16, 64)


def test_storages_follow_the_settings(settings):
    field = Team._meta.get_field("avatar")
    assert field.storage is storages["default"]
    assert field.rendition_storage is storages["default"]
    settings.AVATAR_KIT = {"RENDITION_STORAGE": "renditions"}
    assert field.storage is storages["default"]
    assert field.rendition_storage is storages["renditions"]
    settings.AVATAR_KIT = {"STORAGE": "renditions"}
    assert field.storage is storages["renditions"]
    assert field.rendition_storage is storages["renditions"]


def test_storages_of_the_fields_own():
    given = FileSystemStorage("/somewhere")
    field = AvatarField(storage=given, thumbnail_storage=renditions)
    assert field.storage is given
    assert field.rendition_storage is storages["renditions"]
    lazy = AvatarField(storage=default_storage)
    assert lazy.storage is storages["default"]


def test_a_callable_storage_is_not_called_at_import():
    def never() -> Any:
        raise AssertionError

    AvatarField(storage=never, thumbnail_storage=never)


def test_its_form_field_checks_uploads():
    field = Team._meta.get_field("avatar")
    form_field = field.formfield()
    assert isinstance(form_field, forms.AvatarField)
    assert form_field.model_field is field
    assert not form_field.required


def test_another_form_field_is_at_liberty():
    form_field = Team._meta.get_field("avatar").formfield(form_class=FileField)
    assert type(form_field) is FileField


def test_the_class_attribute_is_the_descriptor():
    assert isinstance(Team.avatar, AvatarDescriptor)
    assert Team.avatar.field is Team._meta.get_field("avatar")


# --- migrations -------------------------------------------------------------------------------


def test_no_setting_is_baked_into_a_migration():
    for field in (
        AvatarField(),
        AvatarField(sizes=(1,), formats=("jpeg",), fit="contain"),
    ):
        assert field.deconstruct()[1:] == (
            "django_avatar_kit.fields.AvatarField",
            [],
            {"upload_to": "avatars"},
        )


def test_what_concerns_the_database_is_in_a_migration():
    field = AvatarField(
        "face",
        upload_to="faces",
        storage=renditions,
        thumbnail_storage=renditions,
        max_length=200,
        db_index=False,
        blank=True,
    )
    _, _, args, kwargs = field.deconstruct()
    assert args == []
    assert kwargs == {
        "verbose_name": "face",
        "upload_to": "faces",
        "storage": renditions,
        "thumbnail_storage": renditions,
        "max_length": 200,
        "db_index": False,
        "blank": True,
    }
    assert "tests.testapp.models.renditions" in MigrationWriter.serialize(field)[0]


def test_a_storage_of_its_own_kind_is_compared_with_nothing_but_storages():
    class Place(FileSystemStorage):
        def __eq__(self, other: object) -> bool:
            return bool(self.location == other.location)

        __hash__ = FileSystemStorage.__hash__

    field = AvatarField(storage=Place("a"), thumbnail_storage=Place("b"))
    _, _, _, kwargs = field.deconstruct()
    assert (kwargs["storage"], kwargs["thumbnail_storage"]) == (Place("a"), Place("b"))


def test_a_field_is_cloned_with_all_it_has():
    field = AvatarField(upload_to="faces", storage=renditions)
    clone = field.clone()
    assert clone.deconstruct() == field.deconstruct()
    assert clone.storage is field.storage
    apart = AvatarField(thumbnail_storage=renditions)
    assert apart.clone().rendition_storage is apart.rendition_storage is storages["renditions"]


def test_changed_settings_need_no_migration(settings):
    def state() -> ProjectState:
        project = ProjectState()
        project.add_model(ModelState.from_model(Team))
        return project

    before = state()
    settings.AVATAR_KIT = {"SIZES": (1,), "FORMATS": ("jpeg",), "STORAGE": "renditions"}
    assert MigrationAutodetector(before, state())._detect_changes() == {}


@lifecycle
@pytest.mark.django_db
def test_the_column_has_one_index():
    with connection.cursor() as cursor:
        constraints = connection.introspection.get_constraints(cursor, Team._meta.db_table)
    indexes = [
        name
        for name, about in constraints.items()
        if about["index"] and about["columns"] == ["avatar"]
    ]
    assert len(indexes) == 1


def test_the_column_has_room_for_a_prefix():
    field = Team._meta.get_field("avatar")
    assert field.max_length == 255
    assert field.db_index
    assert field.db_type(connections["default"]).endswith("(255)")


def test_the_type_by_which_postgresql_makes_one_index_and_not_two(monkeypatch):
    field = Team._meta.get_field("avatar")
    postgresql = DatabaseWrapper(connections["default"].settings_dict)
    assert field.db_type(postgresql) == "character varying(255)"
    monkeypatch.setattr(postgresql, "data_types", {})
    assert field.db_type(postgresql) is None


# --- the attribute ----------------------------------------------------------------------------


def test_an_instance_without_an_avatar():
    team = Team()
    assert isinstance(team.avatar, AvatarFieldFile)
    assert not team.avatar
    assert team.avatar.avatar_name is None
    assert team.avatar is team.avatar
    assert team.avatar.instance is team
    with pytest.raises(ValueError, match="no file associated"):
        _ = team.avatar.url
    assert team.avatar.url_for(32)


def test_a_default_of_the_database():
    class Undecided(models.expressions.DatabaseDefault):
        pass

    field = AvatarField(db_default="faces/none.png")
    field.set_attributes_from_name("avatar")
    value = Undecided(models.Value("faces/none.png"))
    assert field_file(field, Team(), value).name == "faces/none.png"


def test_a_name_from_before_the_kit():
    team = Team(avatar="photos/old.jpg")
    assert team.avatar.name == "photos/old.jpg"
    assert team.avatar.avatar_name is None
    assert team.avatar.url == "/media/photos/old.jpg"


def test_the_dimensions_are_those_of_what_the_url_shows(storage):
    avatar = Team(avatar=_key()).avatar
    assert (avatar.width, avatar.height) == (32, 32)
    assert (avatar.avatar_name.width, avatar.avatar_name.height) == (60, 40)
    assert storage.calls == []


def test_the_url_is_that_of_the_largest_rendition(storage):
    avatar = Team(avatar=_key()).avatar
    assert avatar.url == f"/media/avatars/ab/ab{'0' * 30}.32.webp"
    assert avatar.storage.url(avatar.name) == f"/media/{_key()}"
    assert storage.calls == []


def test_the_url_has_the_format_that_most_programs_read():
    avatar = Team(avatar=_key().replace("webp", "avif_webp_jpeg")).avatar
    assert avatar.url == f"/media/avatars/ab/ab{'0' * 30}.32.jpeg"


def test_the_url_is_in_the_storage_of_renditions():
    key = _key().replace("avatars", "portraits")
    assert Pet(portrait=key).portrait.url == f"/renditions/portraits/ab/ab{'0' * 30}.32.webp"


def test_the_url_is_what_the_name_says_whatever_the_settings_do(settings):
    settings.AVATAR_KIT = {"SIZES": (48, 1024), "FORMATS": ("jpeg",)}
    assert Team(avatar=_key()).avatar.url.endswith(".32.webp")


def test_the_url_of_a_copy_without_an_instance():
    """As django-cleanup makes them."""
    file = Team._meta.get_field("avatar").attr_class(None, Team._meta.get_field("avatar"), _key())
    assert file.url.endswith(".32.webp")


@pytest.mark.django_db
def test_an_upload_that_is_not_saved_has_no_url_of_its_own(profile):
    """A page whose form came back with errors shows what the row has, and does not fail."""
    before = profile.avatar.url
    profile.avatar = make_upload()
    assert profile.avatar.url == before
    team = Team(avatar=make_upload())
    assert team.avatar.url == team.avatar.url_for(512) != ""


@pytest.mark.django_db
@pytest.mark.parametrize("empty", [None, "", False])
def test_a_cleared_avatar_has_no_url(empty, profile):
    profile.avatar = empty
    with pytest.raises(ValueError, match="no file associated"):
        _ = profile.avatar.url


def test_the_text_of_an_avatar_is_its_key():
    """What str() gives is what the column holds: history tables and exports rely on it."""
    avatar = Team(avatar=_key()).avatar
    assert str(avatar) == avatar.name == _key()
    assert repr(avatar) == f"<AvatarFieldFile: {_key()}>"
    assert json.loads(serializers.serialize("json", [Team(avatar=_key())]))[0]["fields"] == {
        "avatar": _key(),
        "name": "",
    }


def test_an_avatar_in_html_is_the_picture(settings):
    """As on the read-only pages of an admin, and in Jinja2."""
    settings.AVATAR_KIT = {"IMG_ATTRS": {}}
    assert format_html("<b>{}</b>", Team(avatar=_key(), name="Reds").avatar) == (
        f'<b><img src="/media/avatars/ab/ab{"0" * 30}.32.webp" width="64" height="64" '
        'alt="Reds"></b>'
    )
    assert 'alt="avatar"' in format_html("{}", Team(avatar=_key()).avatar)


def _key() -> str:
    token = "ab" + "0" * 30
    return f"avatars/ab/{token}-{'1' * 16}-k1-60x40-16_32-webp-full-008080.jpg"


def test_the_dimensions_of_a_file_from_before_the_kit_are_read(media):
    from django_avatar_kit.test import make_image

    (media / "old.jpg").write_bytes(make_image((30, 20)))
    team = Team(avatar="old.jpg")
    assert (team.avatar.width, team.avatar.height) == (30, 20)
    team.avatar.close()


def test_an_upload_has_no_name_of_the_kit_yet():
    team = Team(avatar=upload())
    assert team.avatar.uncommitted
    assert team.avatar.avatar_name is None
    # Even where the client knows the grammar.
    team.avatar = ContentFile(b"x", name=_key())
    assert team.avatar.avatar_name is None


def test_an_upload_can_be_read_before_it_is_saved():
    team = Team(avatar=upload())
    assert team.avatar.size > 0
    assert team.avatar.read(2) == b"\xff\xd8"


def test_field_files_compare_by_name():
    assert Team(avatar=_key()).avatar == _key()
    assert Team(avatar=_key()).avatar == Profile(avatar=_key()).avatar
    assert Team(avatar=_key()).avatar != Team().avatar


def test_a_pickle_is_small():
    profile = Profile(avatar=_key())
    assert _key().encode() in pickle.dumps(profile.avatar)
    assert b"storage" not in pickle.dumps(profile.avatar)


def test_fields_that_store_alike_share_names():
    avatar, face = Captain._meta.get_field("avatar"), Captain._meta.get_field("face")
    portrait = Pet._meta.get_field("portrait")
    assert avatar.shares_with(avatar)
    assert avatar.shares_with(face)
    assert not avatar.shares_with(portrait)


# --- in a data migration ----------------------------------------------------------------------


def _historical() -> Any:
    """Teams as a data migration sees them: without the mixin."""
    project = ProjectState()
    project.add_model(ModelState.from_model(Team))
    model = project.apps.get_model("testapp", "Team")
    assert not issubclass(model, AvatarMixin)
    return model


@lifecycle
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("small")
def test_a_historical_model_is_saved_without_touching_the_avatar(files):
    team = Team.objects.create(avatar=upload())
    row = _historical().objects.get()
    team.avatar.save("new.jpg", upload("red"))
    row.name = "migrated"
    row.save()
    team.refresh_from_db()
    assert team.name == "migrated"
    assert files() == needed() == files_of(column(team))


@lifecycle
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("small")
def test_a_historical_model_takes_an_upload(files, settled):
    Team.objects.create()
    row = _historical().objects.get()
    row.avatar = upload()
    row.save()
    settled()
    assert files() == needed() == files_of(row.avatar.name) != set()


@lifecycle
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("small")
def test_a_historical_model_takes_any_name(files):
    """Moved from table to table, while today's models have columns that are still to come."""
    pet = Pet.objects.create(avatar=upload())
    past = ProjectState.from_apps(apps).apps
    banner = Channel._meta.get_field("banner")
    with connection.schema_editor() as editor:
        editor.remove_field(Channel, banner)
    try:
        with transaction.atomic():
            name = past.get_model("testapp", "Pet").objects.get().avatar.name
            past.get_model("testapp", "Team").objects.create(avatar=name)
            past.get_model("testapp", "Team").objects.create(avatar="nowhere/to/be/found.jpg")
    finally:
        with connection.schema_editor() as editor:
            editor.add_field(Channel, banner)
    first, second = Team.objects.order_by("pk")
    assert column(first) == column(pet)
    assert column(second) == "nowhere/to/be/found.jpg"
    assert files_of(column(pet)) == files()


@lifecycle
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("small")
def test_a_historical_model_writes_renditions_where_todays_looks_for_them(files):
    row = ProjectState.from_apps(apps).apps.get_model("testapp", "Pet")(name="h")
    row.portrait = upload()
    row.save()
    portrait = Pet.objects.get(pk=row.pk).portrait
    assert files() == {portrait.name}
    assert all(storages["renditions"].exists(key) for key in portrait.avatar_name.renditions)


@lifecycle
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("small")
def test_a_column_is_added_with_its_default(files):
    """The default of a field with one is written by the schema editor."""
    field = AvatarField(default="defaults/x.png", null=True)
    field.set_attributes_from_name("extra")
    with connection.schema_editor() as editor:
        team = Team.objects.create(avatar=upload())
        assert editor.effective_default(field) == "defaults/x.png"
    assert files() == needed() == files_of(column(team))


def test_a_migration_with_the_field_can_be_written():
    operation = migrations.AddField("team", "face", AvatarField(storage=renditions))
    text = MigrationWriter(
        type("Migration", (migrations.Migration,), {"operations": [operation]})("0002", "testapp")
    ).as_string()
    assert "django_avatar_kit.fields.AvatarField" in text
    assert "sizes" not in text


# --- a model without the mixin ----------------------------------------------------------------


def test_every_model_of_the_test_app_is_a_mixin():
    for model in apps.get_models():
        if any(isinstance(field, AvatarField) for field in model._meta.local_fields):
            assert issubclass(model, AvatarMixin)


def test_what_is_not_in_storage_is_refused_by_name():
    field = Team._meta.get_field("avatar")
    with pytest.raises(exceptions.UncommittedFile):
        field.get_db_prep_save(upload(), connection)
    with pytest.raises(exceptions.UncommittedFile):
        field.get_db_prep_save(Team(avatar=upload()).avatar, connection)
    assert field.get_db_prep_save(None, connection) is None


def test_what_is_not_in_storage_can_be_looked_for():
    """A unique column, or a constraint, asks for the value of a row that is not saved yet."""
    field = Team._meta.get_field("avatar")
    assert field.get_prep_value(Team(avatar=upload()).avatar) == "portrait.jpg"
    assert field.get_prep_value(Team(avatar="x").avatar) == "x"
    assert field.get_prep_value(None) is None


@lifecycle
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("small")
def test_an_upload_is_validated_before_it_is_in_storage(files):
    """Against a unique column and a constraint, by the model and by its form."""
    tickets = [Ticket(avatar=upload(), public=public) for public in (True, False)]
    for ticket in tickets:
        ticket.full_clean()
        ticket.save()
        assert column(ticket) == ticket.avatar.name != ""
    form_class: Any = modelform_factory(Ticket, fields="__all__")
    for instance in (None, tickets[0]):
        form = form_class({"public": "on"}, {"avatar": upload("red")}, instance=instance)
        assert form.is_valid(), form.errors
        form.save()
    assert files() == needed()
    assert len(files()) == 9


@lifecycle
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("small")
def test_a_default_of_the_database_that_is_an_expression(files):
    guest = Guest()
    assert guest.cover.name == "stock/1.png"
    guest.full_clean()
    guest.save()
    assert column(guest, "cover") == guest.cover.name == "stock/1.png"
    (bulk,) = Guest.objects.bulk_create([Guest()])
    assert column(bulk, "cover") == "stock/1.png"
    bulk.cover.save("new.jpg", upload())
    assert files() == needed() == files_of(column(bulk, "cover")) != set()
    assert column(Guest.objects.create(cover=""), "cover") == ""


@pytest.mark.django_db
@pytest.mark.usefixtures("small")
def test_rows_are_found_by_their_avatar():
    profile = make_profile()
    assert Profile.objects.get(avatar=profile.avatar) == profile
    assert Profile.objects.get(avatar=column(profile)) == profile
    assert not Profile.objects.filter(avatar="").exists()


def test_a_file_can_be_given_another_storage():
    profile = Profile()
    profile.avatar.storage = storages["renditions"]
    assert profile.avatar.storage is storages["renditions"]


def test_the_class_of_a_file_has_the_settings_of_easy_thumbnails():
    assert AvatarFieldFile.thumbnail_quality == 85


def test_a_field_without_the_mixin_has_a_form_field_before_the_kits_models_are_loaded(monkeypatch):
    monkeypatch.setattr(AvatarField, "form_class", None)
    assert type(AvatarField().formfield()) is FileField
