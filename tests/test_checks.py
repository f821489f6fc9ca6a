from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.core.checks import ERROR, WARNING, run_checks
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import FileSystemStorage, storages
from django.db import connection, connections, models
from django.test.utils import isolate_apps

import django_avatar_kit
from django_avatar_kit import apps as config
from django_avatar_kit.checks import check_columns, check_models, check_settings
from django_avatar_kit.fallbacks import Fallback, Initials
from django_avatar_kit.fields import AvatarField
from django_avatar_kit.models import AvatarMixin
from tests.testapp.models import Channel, Member


def ids(messages: Any) -> list[str]:
    return [message.id for message in messages]


def checked(settings: Any, **values: Any) -> Any:
    settings.AVATAR_KIT = values
    return check_settings()


class Incomplete(FileSystemStorage):
    def __init__(self) -> None:
        raise ImproperlyConfigured("Could not load its bindings.")


class Own(Initials):
    """May answer None for some, which its class does not tell."""


class Moody(Fallback):
    """A site's own fallback, whose constructor fails."""

    def __init__(self) -> None:
        raise ZeroDivisionError


def need_s3() -> None:
    pytest.importorskip("boto3")
    pytest.importorskip("storages")


def on_s3(**options: Any) -> dict[str, Any]:
    """An entry of ``STORAGES``."""
    need_s3()
    return {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": options}


# --- the whole --------------------------------------------------------------------------------


def test_the_project_of_these_tests_passes():
    assert ids(run_checks()) == []


def test_the_checks_are_registered(settings):
    settings.AVATAR_KIT = {"COLOUR": 1}
    assert "avatar_kit.E001" in ids(run_checks())


# --- settings ---------------------------------------------------------------------------------


def test_an_unknown_key_names_the_nearest_known_one(settings):
    (message,) = checked(settings, QUALTIY={})
    assert message.id == "avatar_kit.E001"
    assert message.level == ERROR
    assert "'QUALTIY'" in message.msg
    assert message.hint == "Did you mean 'QUALITY'?"


def test_every_unknown_key_is_told(settings):
    settings.AVATAR_KIT = {"sizes": (1,), "XYZ": 1, 7: 1}
    messages = check_settings()
    assert ids(messages) == ["avatar_kit.E001"] * 3
    assert "Did you mean 'SIZES'?" in [message.hint for message in messages]


@pytest.mark.parametrize("value", [5, ["SIZES"], "SIZES"])
def test_a_setting_that_is_no_dictionary(settings, value):
    settings.AVATAR_KIT = value
    (message,) = check_settings()
    assert message.id == "avatar_kit.E002"
    assert repr(value) in message.msg


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"MASTER_SIDE": 0}, "MASTER_SIDE"),
        ({"MASTER_SIDE": True}, "MASTER_SIDE"),
        ({"MAX_UPLOAD_SIZE": "10 MB"}, "MAX_UPLOAD_SIZE"),
        ({"MAX_PIXELS": -1}, "MAX_PIXELS"),
        ({"MAX_DECODE_MEMORY": 0}, "MAX_DECODE_MEMORY"),
        ({"DEFAULT_SIZE": 6.4}, "DEFAULT_SIZE"),
        ({"IMG_ATTRS": "lazy"}, "IMG_ATTRS"),
        ({"IMG_ATTRS": {"src": "face.png"}}, "IMG_ATTRS"),
        ({"IMG_ATTRS": {"on click": "x"}}, "IMG_ATTRS"),
        ({"IMG_ATTRS": {1: 2}}, "IMG_ATTRS"),
        ({"IMG_ATTRS": {"placeholder": "yes"}}, "IMG_ATTRS"),
        ({"BASE_URL": "example.org"}, "BASE_URL"),
        ({"BASE_URL": 5}, "BASE_URL"),
        ({"UPLOAD_FORMATS": ("jpg",)}, "UPLOAD_FORMATS"),
        ({"UPLOAD_FORMATS": ()}, "UPLOAD_FORMATS"),
        ({"QUALITY": {"webp": 101}}, "QUALITY"),
        ({"QUALITY": {"webp": None}}, "QUALITY"),
        ({"BACKGROUND": "sort of grey"}, "BACKGROUND"),
        ({"BACKGROUND": 7}, "BACKGROUND"),
        ({"DISPLAY_NAME": "nowhere.to.be.found"}, "DISPLAY_NAME"),
        ({"DISPLAY_NAME": 5}, "DISPLAY_NAME"),
        # A relative path, and one that does not lead to a function.
        ({"DISPLAY_NAME": ".name"}, "DISPLAY_NAME"),
        ({"DISPLAY_NAME": "sys.version"}, "DISPLAY_NAME"),
        ({"QUALITY": {"tiff": 50}}, "QUALITY"),
        ({"DELETE_FILES": "no"}, "DELETE_FILES"),
        ({"FALLBACKS": ()}, "FALLBACKS"),
        ({"FALLBACKS": "initials"}, "FALLBACKS"),
        ({"OWNER": 5}, "OWNER"),
        ({"OWNER": {"auth.user": "nope"}}, "OWNER"),
        ({"OWNER": {"nowhere.user": "profile"}}, "OWNER"),
        ({"OWNER": {"user": "profile"}}, "OWNER"),
    ],
)
def test_a_value_that_cannot_be_used(settings, values, named):
    (message,) = checked(settings, **values)
    assert message.id == "avatar_kit.E003"
    assert f"AVATAR_KIT['{named}']" in message.msg
    assert str(message.hint).startswith("It must be ")


@pytest.mark.parametrize("sizes", [(), (0,), (-1, 32), (1.5,), (64, "32"), "64", 64, (True,)])
def test_sizes_that_cannot_be_cut(settings, sizes):
    (message,) = checked(settings, SIZES=sizes)
    assert message.id == "avatar_kit.E004"


@pytest.mark.parametrize("formats", [(), ("gif",), ("webp", "jpg"), "webp", None, [["webp"]]])
def test_formats_that_cannot_be_written(settings, formats):
    (message,) = checked(settings, FORMATS=formats)
    assert message.id == "avatar_kit.E005"


def test_easy_thumbnails_has_to_be_installed(settings, monkeypatch):
    without = [app for app in settings.INSTALLED_APPS if app != "easy_thumbnails"]
    monkeypatch.setattr(config, "settings", SimpleNamespace(INSTALLED_APPS=without))
    with pytest.raises(ImproperlyConfigured, match="Add 'easy_thumbnails' to INSTALLED_APPS"):
        config.AvatarKitConfig("django_avatar_kit", django_avatar_kit)


@pytest.mark.parametrize(
    "fallbacks",
    [
        ("initals",),
        ("nowhere.Fallback",),
        ("..nowhere",),
        ({"BACKEND": "static", "OPTIONS": {"x": 1}},),
        ({"BACKEND": 5},),
        (None,),
        ({},),
        ("tests.test_checks.Moody",),
    ],
)
def test_fallbacks_that_cannot_be_used(settings, fallbacks):
    (message,) = checked(settings, FALLBACKS=fallbacks)
    assert message.id == "avatar_kit.E006"


@pytest.mark.parametrize("before", ["initials", "identicon", "static"])
def test_gravatar_that_is_never_asked(settings, before):
    (message,) = checked(settings, FALLBACKS=(before, "gravatar"))
    assert (message.id, message.hint) == (
        "avatar_kit.W005",
        "Put it first: those behind it are for owners without an e-mail address.",
    )


@pytest.mark.parametrize(
    "fallbacks",
    [("gravatar", "initials"), ("tests.test_checks.Own", "gravatar"), ("initials", "static")],
)
def test_fallbacks_in_their_order(settings, fallbacks):
    assert checked(settings, FALLBACKS=fallbacks) == []


def test_one_wrong_value_hides_no_other(settings):
    """Each key is checked, even if others are wrong."""
    messages = checked(
        settings, QUALITY=90, SIZES=64, MAX_PIXELS=0, FALLBACKS=["initals"], COLOUR=1
    )
    assert sorted(ids(messages)) == [
        "avatar_kit.E001",
        "avatar_kit.E003",
        "avatar_kit.E003",
        "avatar_kit.E004",
        "avatar_kit.E006",
    ]


@pytest.mark.parametrize(
    "owner", [{"auth.user": "profile"}, {"auth.User": "profile.avatar"}, None]
)
def test_an_owner_that_leads_somewhere(settings, owner):
    assert checked(settings, OWNER=owner) == []


def test_uploads_to_the_working_directory(settings):
    settings.MEDIA_ROOT = ""
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    }
    (message,) = check_settings()
    assert message.id == "avatar_kit.W002"
    assert message.level == WARNING


def test_a_storage_with_a_location_of_its_own_needs_no_media_root(settings, tmp_path):
    settings.MEDIA_ROOT = ""
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(tmp_path)},
        },
    }
    assert check_settings() == []


@pytest.mark.parametrize("key", ["STORAGE", "RENDITION_STORAGE"])
def test_a_storage_that_is_not_there(settings, key):
    (message,) = checked(settings, **{key: "s3"})
    assert message.id == "avatar_kit.E007"
    assert f"AVATAR_KIT['{key}'] is 's3'" in message.msg


def test_only_renditions_may_go_without_a_storage_of_their_own(settings):
    assert ids(checked(settings, STORAGE=None)) == ["avatar_kit.E007"]
    assert checked(settings, RENDITION_STORAGE=None) == []


def test_a_storage_that_cannot_be_imported(settings):
    settings.STORAGES = {**settings.STORAGES, "s3": {"BACKEND": "nowhere.Storage"}}
    assert ids(checked(settings, STORAGE="s3")) == ["avatar_kit.E007"]


@pytest.mark.parametrize(
    ("backend", "options", "said"),
    [
        ("django.core.files.storage.FileSystemStorage", {"bucket": "x"}, "bucket"),
        ("tests.test_checks.Incomplete", {}, "Could not load its bindings"),
    ],
)
def test_a_storage_that_cannot_be_made(settings, backend, options, said):
    entry = {"BACKEND": backend, "OPTIONS": options}
    settings.STORAGES = {**settings.STORAGES, "s3": entry}
    (message,) = checked(settings, RENDITION_STORAGE="s3")
    assert message.id == "avatar_kit.E007"
    assert said in message.msg


def test_a_storage_on_s3_with_an_unknown_option(settings):
    settings.STORAGES = {**settings.STORAGES, "s3": on_s3(bucket="x")}
    (message,) = checked(settings, STORAGE="s3")
    assert message.id == "avatar_kit.E007"
    assert "Invalid setting 'bucket'" in message.msg


@pytest.mark.parametrize("name", [None, ""])
def test_a_bucket_without_a_name(settings, name):
    settings.STORAGES = {**settings.STORAGES, "s3": on_s3(bucket_name=name)}
    (message,) = checked(settings, STORAGE="s3")
    assert message.id == "avatar_kit.E015"
    assert message.level == ERROR
    assert "'s3' has no bucket name" in message.msg


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"custom_domain": "cdn.example.com"}, []),
        ({"custom_domain": "cdn.example.com", "url_protocol": "http:"}, ["avatar_kit.W003"]),
        # Without a domain, the protocol is not used.
        ({"url_protocol": "http:"}, []),
    ],
)
def test_a_domain_without_https(settings, options, expected):
    settings.STORAGES = {**settings.STORAGES, "s3": on_s3(bucket_name="faces", **options)}
    messages = checked(settings, RENDITION_STORAGE="s3")
    assert ids(messages) == expected
    assert all(message.level == WARNING for message in messages)
    assert all("http://cdn.example.com" in message.msg for message in messages)


def test_good_values_are_good(settings):
    assert (
        checked(
            settings,
            SIZES=[1, 2],
            FORMATS=["avif", "webp", "jpeg", "png"],
            QUALITY={"jpeg": 100},
            BACKGROUND="#ff8800",
            DISPLAY_NAME="django.utils.text.capfirst",
            RENDITION_STORAGE="renditions",
            UPLOAD_FORMATS=["png"],
        )
        == []
    )
    assert checked(settings, DISPLAY_NAME=str, BACKGROUND="rebeccapurple") == []


# --- models -----------------------------------------------------------------------------------


@isolate_apps("tests.testapp", attr_name="registry")
def test_a_model_without_the_mixin(monkeypatch):
    class Loose(models.Model):
        face = AvatarField()

        class Meta:
            app_label = "testapp"

    monkeypatch.setattr(apps, "get_models", lambda **options: [Loose])
    (message,) = check_models()
    assert message.id == "avatar_kit.E010"
    assert "testapp.Loose" in message.msg
    assert message.obj is Loose._meta.get_field("face")


@isolate_apps("tests.testapp")
def test_an_owner_whom_nothing_leads_to_a_profile(monkeypatch):
    """Its avatars are shown from the profile. An owner with two profiles is in tests/contrib."""

    class Hidden(AvatarMixin):
        member = models.OneToOneField(Member, models.CASCADE, related_name="+")

        class Meta:
            app_label = "testapp"

    monkeypatch.setattr(apps, "get_models", lambda **options: [Hidden])
    assert check_models() == []


def test_a_database_that_cannot_lock(monkeypatch):
    features = connections["default"].features
    monkeypatch.setattr(features, "has_select_for_update", False)
    monkeypatch.setattr(features, "can_return_columns_from_insert", False)
    (message,) = check_models()
    assert message.id == "avatar_kit.E011"
    assert "“default”" in message.msg


@isolate_apps("tests.testapp")
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, []),
        ({"sizes": (0,)}, ["avatar_kit.E004"]),
        ({"sizes": ()}, ["avatar_kit.E004"]),
        ({"formats": ("tiff",)}, ["avatar_kit.E005"]),
        ({"formats": ()}, ["avatar_kit.E005"]),
        ({"sizes": 64}, ["avatar_kit.E004"]),
        ({"sizes": ("a", 2)}, ["avatar_kit.E004"]),
        ({"sizes": [[1]]}, ["avatar_kit.E004"]),
        ({"sizes": "64"}, ["avatar_kit.E004"]),
        ({"formats": 5}, ["avatar_kit.E005"]),
        ({"formats": "webp"}, ["avatar_kit.E005"]),
        ({"formats": [["webp"]]}, ["avatar_kit.E005"]),
        ({"formats": {"webp", 5}}, ["avatar_kit.E005"]),
        ({"sizes": 64, "formats": 5}, ["avatar_kit.E004", "avatar_kit.E005"]),
        ({"sizes": (16,), "formats": ("webp", "jpeg")}, []),
        ({"fit": "stretch"}, ["avatar_kit.E012"]),
        ({"animated": True}, []),
        ({"animated": False}, []),
        ({"animated": "yes"}, ["avatar_kit.E016"]),
        ({"animated": 1}, ["avatar_kit.E016"]),
        ({"width_field": "w"}, ["avatar_kit.E013"]),
        ({"resize_source": {"size": (9, 9)}}, ["avatar_kit.E013"]),
        ({"max_length": 100}, ["avatar_kit.E014"]),
        ({"max_length": 128}, []),
        ({"db_index": False}, ["avatar_kit.W001"]),
        ({"db_index": False, "unique": True}, []),
        ({"upload_to": "/absolute"}, ["fields.E202"]),
    ],
)
def test_the_arguments_of_a_field(options, expected):
    class Checked(AvatarMixin):
        avatar = AvatarField(**options)
        w = models.IntegerField(null=True)

        class Meta:
            app_label = "testapp"

    assert ids(Checked.check()) == expected
    assert all(
        message.obj is Checked._meta.get_field("avatar")
        and message.level == (WARNING if message.id == "avatar_kit.W001" else ERROR)
        for message in Checked.check()
    )


def broken() -> Any:
    return storages["nowhere"]


def nameless() -> Any:
    from storages.backends.s3 import S3Storage

    return S3Storage(custom_domain="cdn.example.com", url_protocol="http:")


@isolate_apps("tests.testapp")
@pytest.mark.parametrize(
    ("options", "expected", "said"),
    [
        ({"storage": broken}, ["avatar_kit.E007"], "storage cannot be made: Could not find"),
        ({"storage": "default"}, ["avatar_kit.E007"], "storage is 'default', which is no storage"),
        ({"thumbnail_storage": broken}, ["avatar_kit.E007"], "thumbnail_storage cannot be made"),
        (
            {"storage": nameless},
            ["avatar_kit.E015", "avatar_kit.W003"],
            "The storage in storage has no bucket name",
        ),
        (
            {"thumbnail_storage": nameless},
            ["avatar_kit.E015", "avatar_kit.W003"],
            "The storage in thumbnail_storage has no bucket name",
        ),
    ],
)
def test_storages_of_a_fields_own(options, expected, said):
    if nameless in options.values():
        need_s3()

    class Stored(AvatarMixin):
        avatar = AvatarField(**options)

        class Meta:
            app_label = "testapp"

    messages = Stored.check()
    assert ids(messages) == expected
    assert messages[0].msg.startswith(said)
    assert {message.obj for message in messages} == {Stored._meta.get_field("avatar")}


@isolate_apps("tests.testapp")
def test_wrong_settings_are_told_once(settings):
    """The check of the settings reports them; that of a field, which needs them, is silent."""

    class Checked(AvatarMixin):
        class Meta:
            app_label = "testapp"

    for settings.AVATAR_KIT in ({"SIZES": 64}, {"MASTER_SIDE": None}, ["x"]):
        assert Checked.check() == []
        assert len(check_settings()) == 1


@isolate_apps("tests.testapp")
@pytest.mark.parametrize(
    ("index", "expected"),
    [
        (models.Index(fields=["avatar"], name="i"), []),
        (models.Index(fields=["-avatar", "w"], name="i"), []),
        (models.Index(fields=["w", "avatar"], name="i"), ["avatar_kit.W001"]),
        (models.Index(fields=["avatar"], name="i", condition=models.Q(w=1)), ["avatar_kit.W001"]),
    ],
    ids=["alone", "first", "second", "partial"],
)
def test_an_index_of_the_models_own(index, expected):
    class Indexed(AvatarMixin):
        avatar = AvatarField(db_index=False)
        w = models.IntegerField()

        class Meta:
            app_label = "testapp"
            indexes = [index]

    assert ids(Indexed.check()) == expected


# --- columns as the database has them -----------------------------------------------------------


@pytest.fixture
def nullable():
    """A column that was an ``ImageField(null=True)``, and whose migration has not run yet."""
    field = Channel._meta.get_field("banner")
    before = AvatarField(upload_to="banners", sizes=(40,), blank=True, null=True)
    before.set_attributes_from_name("banner")
    before.model = Channel
    with connection.schema_editor() as editor:
        editor.alter_field(Channel, field, before)
    yield field
    models.QuerySet(Channel, using="default").delete()
    with connection.schema_editor() as editor:
        editor.alter_field(Channel, before, field)


def null(attname: str, row: Any) -> None:
    value = models.Value(None, output_field=models.CharField())
    models.QuerySet(type(row)).filter(pk=row.pk).update(**{attname: value})


@pytest.mark.django_db(transaction=True, databases=["default", "other"])
def test_a_column_with_null_where_the_field_takes_none(nullable):
    row = Channel.objects.create(name="news")
    assert check_columns(databases=["default", "other"]) == []
    null("banner", row)
    (found,) = check_columns(databases=["default", "other"])
    assert found.id == "avatar_kit.W004"
    assert found.msg == (
        "testapp_channel.banner in “default” is NULL in some rows, and testapp.Channel.banner "
        "takes no NULL."
    )
    assert "banner = AvatarField(blank=True, null=True)" in str(found.hint)
    assert found.obj is nullable
    # Only “migrate” and “check --database” run this check.
    assert ids(run_checks(databases=["default"], include_deployment_checks=False)) == [found.id]
    assert ids(run_checks()) == []


@pytest.mark.django_db(transaction=True, databases=["default", "other"])
def test_a_table_that_is_still_to_be_made(nullable, monkeypatch):
    null("banner", Channel.objects.create(name="news"))
    introspection = connection.introspection
    monkeypatch.setattr(introspection, "table_names", lambda *args, **kwargs: [])
    assert check_columns(databases=["default"]) == []


@pytest.mark.django_db(transaction=True, databases=["default", "other"])
def test_a_database_in_which_the_model_is_not(nullable, settings):
    null("banner", Channel.objects.create(name="news"))

    class Elsewhere:
        def db_for_read(self, model: Any, **hints: Any) -> str:
            return "other"

        db_for_write = db_for_read

        def allow_migrate(self, db: str, *args: Any, **hints: Any) -> bool:
            return db == "other"

    settings.DATABASE_ROUTERS = [Elsewhere()]
    assert check_columns(databases=["default"]) == []
