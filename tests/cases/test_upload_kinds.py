"""Cases L1, L2, L4 and L5: nothing is lost."""

from __future__ import annotations

import bz2
import copy
import gzip
import io
import json
import lzma
import os
import pickle
import socket
import tempfile
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
import reversion
from django import forms
from django.contrib.auth.models import User
from django.core import serializers
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import (
    InMemoryUploadedFile,
    SimpleUploadedFile,
    TemporaryUploadedFile,
)
from django.core.management import call_command
from django.core.validators import MaxLengthValidator
from django.db import (
    DatabaseError,
    IntegrityError,
    OperationalError,
    close_old_connections,
    connection,
    connections,
    transaction,
)
from django.db.models.signals import pre_save
from django.template import Context, Template
from django.test.utils import CaptureQueriesContext
from django.utils.datastructures import MultiValueDict
from PIL import Image

from django_avatar_kit import exceptions
from django_avatar_kit.exceptions import UploadError
from django_avatar_kit.forms import AvatarForm
from django_avatar_kit.lifecycle.assignment import receive
from django_avatar_kit.lifecycle.rollback import drain
from django_avatar_kit.names import Name
from django_avatar_kit.rendering import avatar_url, has_avatar
from django_avatar_kit.test import make_image
from django_avatar_kit.uploads import reading
from tests.support import images
from tests.support.lifecycle import column, files_of, fresh, make_profile, needed, upload
from tests.testapp.models import Band, Bare, Channel, Profile, Team

pytestmark = [
    pytest.mark.lifecycle,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("small"),
]

JPEG = make_image((60, 40))


class Answer:
    """What a library for HTTP hands out as the raw body: it can be read once, from the start."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def read(self, size: int = -1) -> bytes:
        return self._data.read(size)

    def seekable(self) -> bool:
        return False

    closed = False


class Reader:
    """The least that can be read: it does not even say whether it is closed."""

    def __init__(self, data: Any) -> None:
        self.read = (io.StringIO if isinstance(data, str) else io.BytesIO)(data).read


class Unnamed(io.BytesIO):
    """False, as some frameworks have a file without a name."""

    def __bool__(self) -> bool:
        return False


def piped(data: bytes) -> Any:
    """The end of a pipe, which gives what has arrived so far; the other end is another thread."""
    reading, writing = os.pipe()

    def write() -> None:
        with os.fdopen(writing, "wb", buffering=0) as pipe:
            pipe.writelines(data[start : start + 100] for start in range(0, len(data), 100))

    thread = threading.Thread(target=write)
    thread.start()
    pipe = os.fdopen(reading, "rb", buffering=0)
    _opened.callback(thread.join)
    _opened.callback(pipe.close)
    return pipe


#: What the operating system has opened for a test.
_opened = ExitStack()


@pytest.fixture(autouse=True)
def nothing_left_open() -> Iterator[None]:
    with _opened:
        yield


def filled(file: Any, data: bytes) -> Any:
    file.write(data)
    _opened.callback(file.close)
    return file


def temporary(kind: Any, data: bytes) -> Any:
    return filled(kind(), data)


def on_disk(data: bytes, name: str = "a.jpg") -> TemporaryUploadedFile:
    return filled(TemporaryUploadedFile(name, "image/jpeg", len(data), None), data)


def in_memory(data: bytes, name: Any = "a.jpg") -> InMemoryUploadedFile:
    return InMemoryUploadedFile(io.BytesIO(data), "avatar", name, "image/jpeg", len(data), None)


KINDS = {
    "File without a name": lambda data: File(io.BytesIO(data)),
    "File with an empty name": lambda data: File(io.BytesIO(data), name=""),
    "File of a temporary file": lambda data: File(temporary(tempfile.TemporaryFile, data)),
    "File of a spooled file": lambda data: File(temporary(tempfile.SpooledTemporaryFile, data)),
    "File of a body from the network": lambda data: File(cast("Any", Answer(data))),
    "File read to its end": lambda data: File(io.BytesIO(data), name="a.jpg"),
    "ContentFile": ContentFile,
    "ContentFile with a name": lambda data: ContentFile(data, name="a.jpg"),
    "SimpleUploadedFile": lambda data: SimpleUploadedFile("a.jpg", data),
    "InMemoryUploadedFile": in_memory,
    "InMemoryUploadedFile without a name": lambda data: in_memory(data, None),
    "TemporaryUploadedFile": on_disk,
    "BytesIO": io.BytesIO,
    "a body from the network": Answer,
    "File of a pipe": lambda data: File(piped(data)),
    "a pipe": piped,
    "File of what can be read alone": lambda data: File(cast("Any", Reader(data))),
    "what can be read alone": Reader,
    # Django takes these for closed.
    "File of a File without a name": lambda data: File(File(io.BytesIO(data))),
    "File of what is false": lambda data: File(Unnamed(data)),
    "what is false": Unnamed,
}


@pytest.fixture(params=KINDS)
def kind(request: Any) -> Any:
    return KINDS[request.param]


def read(file: Any) -> Any:
    """The same file after somebody has read it."""
    if hasattr(file, "closed") and getattr(file, "seekable", lambda: False)():
        file.read()
    return file


@pytest.mark.parametrize("how", ["assigned", "saved", "created", "read before"])
def test_l1_every_kind_of_file_is_an_upload(kind, how, files):
    profile = make_profile()
    before = column(profile)
    if how == "created":
        row: Any = Team.objects.create(avatar=kind(JPEG))
    else:
        row = fresh(profile)
        if how == "saved":
            row.avatar.save("a.jpg", kind(JPEG))
        else:
            row.avatar = read(kind(JPEG)) if how == "read before" else kind(JPEG)
            row.save()
    assert Name.parse(column(row))
    assert column(row) != before
    assert files() == needed()


@pytest.mark.parametrize("how", ["assigned", "full_clean", "saved"])
def test_l1_an_empty_file_is_refused_and_clears_nothing(kind, how, files):
    profile = fresh(make_profile())
    before = column(profile)
    with pytest.raises(ValidationError) as refused:
        if how == "saved":
            profile.avatar.save("a.jpg", kind(b""))
        else:
            profile.avatar = kind(b"")
            profile.full_clean() if how == "full_clean" else profile.save()
    errors = refused.value
    assert [each.code for each in getattr(errors, "error_dict", {"": [errors]}).popitem()[1]] == [
        "empty"
    ]
    assert column(profile) == before
    assert files() == files_of(before)


def gone(file: File) -> File:
    file.close()
    return file


@pytest.mark.parametrize(
    "file",
    [
        lambda: gone(File(io.BytesIO(JPEG))),
        lambda: gone(File(File(io.BytesIO(JPEG)))),
        lambda: File(None),
        lambda: gone(in_memory(JPEG)),
        lambda: gone(on_disk(JPEG)),
        lambda: File(io.StringIO("text"), name="a.jpg"),
        lambda: ContentFile("text", name="a.jpg"),
        lambda: File(cast("Any", Reader("text")), name="a.jpg"),
    ],
)
def test_l1_a_file_that_cannot_be_read_any_more_is_refused_and_clears_nothing(file, files):
    profile = fresh(make_profile())
    before = column(profile)
    profile.avatar = file()
    with pytest.raises(exceptions.UnreadableUpload) as refused:
        profile.save()
    assert refused.value.code == "unreadable"
    assert column(profile) == before
    assert files() == files_of(before)


def test_l1_a_file_that_was_closed_and_can_be_opened_is_an_upload(tmp_path, files):
    path = tmp_path / "a.jpg"
    path.write_bytes(JPEG)
    with path.open("rb") as opened:
        file = File(opened)
    profile = make_profile()
    profile.avatar = file
    profile.save()
    assert files() == needed() == files_of(column(profile))
    assert file.closed


@pytest.mark.parametrize("nothing", [None, "", False, Bare().photo])
def test_l1_what_does_clear_an_avatar(nothing, files):
    profile = fresh(make_profile())
    profile.avatar = nothing
    profile.save()
    assert column(profile) == ""
    assert files() == set()


@pytest.mark.parametrize("file", [KINDS["File without a name"], KINDS["SimpleUploadedFile"]])
def test_l1_a_form_takes_a_file_without_a_name(file, files):
    profile = make_profile()
    before = column(profile)
    form = AvatarForm({}, MultiValueDict({"avatar": [file(JPEG)]}), instance=profile)
    assert form.is_valid(), form.errors
    form.save()
    assert column(profile) != before
    assert files() == needed()


# --- L2: raw saves ----------------------------------------------------------------------------


def test_l2_reversion_keeps_the_present_avatar_where_the_old_one_is_gone(files):
    reversion.register(Band, fields=["name", "avatar"])
    try:
        with reversion.create_revision():
            band = Band.objects.create(name="first", avatar=upload())
        with reversion.create_revision():
            band.name, band.avatar = "second", upload(color="red")
            band.save()
        present = column(band)
        reversion.models.Version.objects.get_for_object(band).last().revision.revert()
    finally:
        reversion.unregister(Band)
    assert fresh(band).name == "first"
    assert column(band) == present
    assert files() == files_of(present)


def test_l2_reversion_brings_back_an_avatar_whose_files_are_there(files):
    reversion.register(Band, fields=["name", "avatar"])
    try:
        with reversion.create_revision():
            band = Band.objects.create(avatar=upload())
        first = column(band)
        Band.objects.create(avatar=first)
        with reversion.create_revision():
            band.avatar = upload(color="red")
            band.save()
        reversion.models.Version.objects.get_for_object(band).last().revision.revert()
    finally:
        reversion.unregister(Band)
    assert column(band) == first
    assert files() == files_of(first)


def test_l2_simple_history_keeps_the_present_avatar_where_the_old_one_is_gone(files):
    band = Band.objects.create(name="first", avatar=upload())
    band.name, band.avatar = "second", upload(color="red")
    band.save()
    present = column(band)
    band.history.earliest().instance.save()
    assert fresh(band).name == "first"
    assert column(band) == present
    assert files() == files_of(present)


def as_fixture(row: Any, **values: Any) -> str:
    (entry,) = json.loads(serializers.serialize("json", [row]))
    entry["fields"].update(values)
    return json.dumps([entry])


@pytest.fixture(params=["loaddata", "DeserializedObject.save"])
def load(request: Any, tmp_path: Any) -> Any:
    def loaddata(fixture: str) -> None:
        path = tmp_path / "old.json"
        path.write_text(fixture)
        call_command("loaddata", str(path), verbosity=0)

    def save(fixture: str) -> None:
        for each in serializers.deserialize("json", fixture):
            each.save()

    return loaddata if request.param == "loaddata" else save


def test_l2_a_fixture_does_not_put_a_lost_name_over_an_avatar(load, files):
    team = Team.objects.create(avatar=upload())
    old = as_fixture(team, name="as it was")
    team.avatar = upload(color="red")
    team.save()
    present = column(team)
    load(old)
    assert fresh(team).name == "as it was"
    assert column(team) == present
    assert files() == files_of(present)


def test_l2_nor_into_a_row_without_one(load, files):
    team = Team.objects.create(avatar=upload())
    old = as_fixture(team)
    team.avatar = ""
    team.save()
    load(old)
    assert column(team) == ""
    assert files() == set()


def content(storage: Any, key: str) -> bytes:
    with storage.open(key) as file:
        return file.read()


@pytest.mark.parametrize("lost", [0, -1])
def test_l2_a_name_that_has_lost_one_of_its_files_is_lost(load, storage, lost):
    team = Team.objects.create(avatar=upload())
    old = as_fixture(team)
    names = Name.parse(column(team)).files
    kept = {key: content(storage, key) for key in names}
    team.avatar = upload(color="red")
    team.save()
    del kept[names[lost]]
    for key, data in kept.items():
        storage.save(key, ContentFile(data))
    present = column(team)
    load(old)
    assert column(team) == present


def test_l2_a_fixture_brings_back_what_is_in_storage_again(load, storage, files):
    team = Team.objects.create(avatar=upload())
    first, old = column(team), as_fixture(team)
    kept = {key: content(storage, key) for key in files()}
    team.avatar = upload(color="red")
    team.save()
    for key, data in kept.items():
        storage.save(key, ContentFile(data))
    load(old)
    assert column(team) == first
    assert files() == files_of(first)


def test_l2_a_fixture_may_make_a_row_before_its_files_are_there(load):
    team = Team.objects.create(avatar=upload())
    first, old = column(team), as_fixture(team)
    team.delete()
    load(old)
    assert column(Team.objects.get()) == first


def test_l2_a_fixture_may_clear_an_avatar(load, files):
    team = Team.objects.create(avatar=upload())
    load(as_fixture(team, avatar=""))
    assert column(team) == ""
    assert files() == set()


def test_l2_a_fixture_may_name_a_default(load):
    channel = Channel.objects.create()
    load(as_fixture(channel, badge="defaults/badge.png"))
    assert column(channel, "badge") == "defaults/badge.png"


def test_l2_a_name_that_a_row_holds_costs_no_storage_call(load, storage):
    team = Team.objects.create(avatar=upload())
    other = Team.objects.create(avatar=upload(color="red"))
    unchanged, taken = as_fixture(team), as_fixture(team, avatar=column(other))
    storage.calls.clear()
    load(unchanged)
    assert storage.calls == []
    load(taken)
    assert {method for method, _ in storage.calls} == {"delete"}
    assert column(team) == column(other)


@pytest.mark.parametrize("kind", ["zip", "named memory", "file", "relative file"])
def test_l1_a_checked_file_that_was_closed_is_what_was_checked(kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    red, blue = make_image((60, 40), color="red"), make_image((60, 40), color="blue")
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "a.jpg").write_bytes(red)
    with zipfile.ZipFile("a.zip", "w") as packed:
        packed.writestr("a.jpg", red)
    (tmp_path / "a.jpg").write_bytes(blue)
    memory = io.BytesIO(red)
    memory.name = "a.jpg"
    opened: Any = {
        "zip": partial(zipfile.ZipFile("a.zip").open, "a.jpg"),
        "named memory": lambda: memory,
        "file": partial((tmp_path / "inside" / "a.jpg").open, "rb"),
        "relative file": partial(Path("inside", "a.jpg").open, "rb"),
    }
    with opened[kind]() as inner:
        team = Team(name="t", avatar=File(inner))
        team.full_clean()
    monkeypatch.chdir(tmp_path / "inside")
    team.save()
    with team.avatar.open() as file, Image.open(file) as image:
        pixel: Any = image.convert("RGB").getpixel((30, 20))
    assert pixel == pytest.approx((255, 0, 0), abs=9)


@pytest.mark.parametrize("kind", ["jpeg", "png"])
def test_l1_a_large_upload_that_was_written_over_is_seen_to_be_another(kind):
    first = images.photograph("noisy", (900, 700))
    second = first.transpose(Image.Transpose.ROTATE_180)
    options: Any = {"compress_level": 0} if kind == "png" else {"quality": 98}
    pictures = [images.encoded(one, kind, **options) for one in (first, second)]
    longest = max(map(len, pictures))
    assert longest > reading.SUMMED
    # Of the same length, and so told apart by what is in them.
    one, other = (data.ljust(longest, b"\0") for data in pictures)
    buffer = io.BytesIO(one)
    team = Team(name="t", avatar=File(buffer, name="a.jpg"))
    team.full_clean()
    before = decoded(team)
    buffer.seek(0)
    buffer.write(other)
    assert decoded(team) != before


def decoded(team: Team) -> bytes:
    return receive(team.avatar).image.tobytes()


@pytest.mark.parametrize("name", [None, "path", "absolute", "other"])
def test_l1_a_closed_file_of_the_system_is_opened_again_and_no_other(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.jpg").write_bytes(JPEG)
    (tmp_path / "b.jpg").write_bytes(JPEG)
    names: Any = {
        None: None,
        "path": tmp_path / "a.jpg",
        "absolute": str(tmp_path / "a.jpg"),
        "other": "b.jpg",
    }
    with Path("a.jpg").open("rb") as inner:
        file = File(inner, name=names[name])
    team = Team(name="t", avatar=file)
    if name == "other":
        with pytest.raises(exceptions.UnreadableUpload):
            team.save()
        return
    team.save()
    assert has_avatar(team)


# --- L3: what lies in several databases -------------------------------------------------------


def copied(row: Any, using: str) -> Any:
    """The row, and whose it is, as a fixture brings them from one database into another."""
    rows = [row.user, row]
    for each in serializers.deserialize("json", serializers.serialize("json", rows), using=using):
        each.save(using=using)
    return type(row).objects.using(using).get(pk=row.pk)


@pytest.mark.django_db(transaction=True, databases=["default", "other"])
@pytest.mark.parametrize("change", ["delete", "replace", "clear", "delete many", "roll back"])
@pytest.mark.parametrize("first", ["the row", "its copy"])
def test_l3_files_stay_while_a_copy_in_another_database_has_them(change, first, files):
    profile = make_profile()
    both = [profile, copied(fresh(profile), "other")]
    kept = files_of(column(profile))
    changed, left = both if first == "the row" else both[::-1]
    using = changed._state.db

    def apply(row: Any, using: str) -> None:
        if change == "delete":
            row.delete()
        elif change == "delete many":
            Profile.objects.using(using).all().delete()
        elif change == "clear":
            row.avatar.delete()
        else:
            row.avatar = upload(color="red")
            row.save()

    if change == "roll back":
        with suppress(UndoneError), transaction.atomic(using=using):
            apply(changed, using)
            raise UndoneError
        drain()
        assert files() == kept
        return
    apply(changed, using)
    assert kept <= files()
    # With the last one they go.
    apply(fresh(left), left._state.db)
    assert not kept & files()


@pytest.mark.django_db(transaction=True, databases=["default", "other"])
def test_l3_a_file_from_before_the_kit_stays_while_another_database_has_it(files):
    profile = make_profile(avatar=False)
    name = default_storage.save("photos/old.jpg", ContentFile(JPEG))
    Profile.objects.update(avatar=name)
    copy = copied(fresh(profile), "other")
    fresh(profile).delete()
    assert default_storage.exists(name)
    copy.delete()
    assert not default_storage.exists(name)


@pytest.mark.django_db(transaction=True, databases=["default", "other"])
def test_l3_a_database_that_cannot_be_asked_leaves_the_files_to_the_sweep(
    files, monkeypatch, caplog
):
    profile = make_profile()
    name = column(profile)
    kept = files_of(name)

    def unreachable(*_given: object, **_named: object) -> None:
        raise OperationalError("no route to host")

    monkeypatch.setattr(connections["other"].introspection, "table_names", unreachable)
    profile.delete()
    assert files() == kept
    assert name in caplog.text
    monkeypatch.undo()


@pytest.mark.django_db(transaction=True, databases=["default", "other"])
def test_l3_a_time_limit_while_another_database_is_asked_comes_through(files, monkeypatch):
    profile = make_profile()

    class SoftTimeLimitError(Exception):
        pass

    def late(*_given: object, **_named: object) -> None:
        raise SoftTimeLimitError

    monkeypatch.setattr(connections["other"].introspection, "table_names", late)
    with pytest.raises(SoftTimeLimitError):
        profile.delete()
    assert files()


@pytest.mark.django_db(transaction=True, databases=["default", "other"])
def test_l3_a_row_of_a_transaction_that_is_not_over_in_another_database_counts(files):
    profile = make_profile()
    copy = copied(fresh(profile), "other")
    kept = files_of(column(profile))
    with undone(using="other"):
        copy.delete()
        # This one is committed first, and the other rolled back.
        fresh(profile).delete()
    assert files() == kept
    drain()
    assert files() == kept
    with transaction.atomic(using="other"):
        other = make_profile("bob")
        name = column(other)
        copied(fresh(other), "other").delete()
        fresh(other).delete()
        assert files_of(name) <= files()
    assert not files_of(name) & files()


@pytest.mark.django_db(transaction=True, databases=["default", "other"])
def test_l3_what_was_copied_before_its_own_transaction_was_over_counts(files):
    with transaction.atomic():
        profile = make_profile()
        copy = copied(fresh(profile), "other")
        profile.avatar = upload(color="red")
        profile.save()
    assert files_of(column(copy)) <= files()


@pytest.mark.django_db(transaction=True, databases=["default", "other"])
def test_l3_a_question_that_fails_spoils_no_transaction_of_the_site(files, monkeypatch):
    profile = make_profile()

    def broken(*_given: object, **_named: object) -> Any:
        connections["other"].cursor().execute("SELECT no_such_column FROM auth_user")

    monkeypatch.setattr(connections["other"].introspection, "table_names", broken)
    with transaction.atomic(using="other"):
        User.objects.using("other").create(username="first")
        profile.delete()
        User.objects.using("other").create(username="second")
    assert User.objects.using("other").count() == 2
    assert files()


@pytest.mark.django_db(transaction=True, databases=["default", "other"])
def test_l3_a_default_database_that_is_none_is_not_asked(files, monkeypatch):
    dummy = {**connections["other"].settings_dict, "ENGINE": "django.db.backends.dummy"}
    monkeypatch.setattr(connections["other"], "settings_dict", dummy)
    make_profile().delete()
    assert files() == set()


@pytest.mark.django_db(transaction=True, databases=["default", "other"])
@pytest.mark.parametrize("why", ["replica", "router", "no table"])
def test_l3_only_another_database_that_has_the_table_is_asked(why, files, monkeypatch, settings):
    profile = make_profile()
    copied(fresh(profile), "other")
    if why == "replica":
        # It may be behind, and have what has just been replaced.
        name = connections["default"].settings_dict["NAME"]
        monkeypatch.setitem(connections["other"].settings_dict, "NAME", name)
    elif why == "router":
        settings.DATABASE_ROUTERS = [DefaultOnly()]
    else:
        monkeypatch.setattr(
            connections["other"].introspection, "table_names", lambda **_named: ["auth_user"]
        )
    with CaptureQueriesContext(connections["other"]) as asked:
        profile.delete()
    assert not [query for query in asked if "avatar" in query["sql"]]
    assert files() == set()


class DefaultOnly:
    def db_for_read(self, model: Any, **_hints: Any) -> str:
        return "default"

    db_for_write = db_for_read

    def allow_migrate(self, db: str, app_label: str, **_hints: Any) -> bool:
        return db == "default"


@pytest.mark.django_db(transaction=True, databases=["default", "other"])
def test_l3_a_connection_that_was_opened_to_ask_is_closed_again():
    connections["other"].close()
    make_profile().delete()
    assert connections["other"].connection is None


def test_l3_in_a_test_that_asked_for_one_database_the_others_take_no_part(files):
    make_profile().delete()
    assert files() == set()


# --- L4: a form that comes back ---------------------------------------------------------------


class ProfileForm(forms.ModelForm):
    class Meta:
        model = Profile
        fields = ["avatar", "bio"]


ProfileForm.base_fields["bio"].max_length = 5
ProfileForm.base_fields["bio"].validators.append(MaxLengthValidator(5))
TAG = Template("{% load avatar_kit %}{% avatar row 16 alt='' %}")


@pytest.mark.parametrize("chosen", ["a new one", "remove"])
def test_l4_a_form_with_errors_shows_what_the_row_has(chosen):
    profile = fresh(make_profile())
    shown = TAG.render(Context({"row": fresh(profile)}))
    data = {"bio": "far too long", **({"avatar-clear": "on"} if chosen == "remove" else {})}
    sent: Any = {"avatar": upload(color="red")} if chosen == "a new one" else {}
    form = ProfileForm(data, sent, instance=profile)
    assert not form.is_valid()
    for each in (profile, profile.user, profile.avatar):
        assert TAG.render(Context({"row": each})) == shown
        assert has_avatar(each)
    assert form["avatar"].value() is not None
    assert column(profile).partition("-")[0] in str(form["avatar"])


def test_l4_a_row_that_is_not_saved_yet_has_none():
    profile = Profile(avatar=upload())
    assert not has_avatar(profile)
    assert "initials" in avatar_url(profile, 16)


def test_l4_what_was_assigned_is_shown_once_it_is_saved_even_before_the_commit():
    profile = fresh(make_profile())
    with transaction.atomic():
        profile.avatar = upload(color="red")
        profile.save()
        new = column(profile)
        assert new.partition("-")[0] in avatar_url(profile, 16)
        profile.avatar = ""
        profile.save()
        assert not has_avatar(profile)


def test_l4_a_file_put_into_a_field_file_is_shown_once_it_is_saved():
    profile = fresh(make_profile())
    shown = avatar_url(profile, 16)
    profile.avatar.save("a.jpg", upload(color="red"), save=False)
    assert avatar_url(profile, 16) == shown
    profile.save()
    assert avatar_url(profile, 16) != shown
    profile.avatar.delete(save=False)
    assert has_avatar(profile)
    profile.save()
    assert not has_avatar(profile)


def test_l4_a_deferred_avatar_that_was_assigned_is_not_asked_for(django_assert_num_queries):
    make_profile()
    profile = Profile.objects.defer("avatar").get()
    with django_assert_num_queries(0):
        profile.avatar = upload(color="red")
        assert not has_avatar(profile)


def shown(row: Any) -> str:
    """The URL that the tag gives, for the very instance at hand."""
    return avatar_url(row, 16)


def stored(row: Any) -> str:
    """The same, for what the row has."""
    return avatar_url(fresh(row), 16)


class UndoneError(Exception):
    pass


@contextmanager
def undone(using: str = "default") -> Iterator[None]:
    with suppress(UndoneError), transaction.atomic(using=using):
        yield
        raise UndoneError


def test_l4_after_a_save_that_the_database_refused_the_row_is_shown():
    other, profile = make_profile(), fresh(make_profile("bob"))
    before = stored(profile)
    profile.user, profile.avatar = other.user, upload(color="lime")
    with pytest.raises(IntegrityError):
        profile.save()
    assert shown(profile) == shown(profile.avatar) == before
    profile.user = fresh(profile).user
    profile.save()
    assert shown(profile) == stored(profile) != before


def test_l4_after_a_save_that_a_receiver_refused_the_row_is_shown():
    profile = fresh(make_profile())
    before = stored(profile)
    profile.avatar = upload(color="red")
    with refusing(pre_save), pytest.raises(UndoneError):
        profile.save()
    assert shown(profile) == before


@contextmanager
def refusing(signal: Any) -> Iterator[None]:
    def refuse(**kwargs: Any) -> None:
        raise UndoneError

    signal.connect(refuse, sender=Profile)
    try:
        yield
    finally:
        signal.disconnect(refuse, sender=Profile)


def test_l4_after_a_rollback_the_row_is_shown():
    profile = fresh(make_profile())
    before = stored(profile)
    with undone():
        for color in ("red", "lime"):
            profile.avatar = upload(color=color)
            profile.save()
            assert shown(profile) == stored(profile) != before
    assert shown(profile) == before
    # And what is chosen next is shown once it is saved.
    profile.avatar = upload(color="blue")
    assert shown(profile) == before
    profile.save()
    assert shown(profile) == stored(profile) != before


def test_l4_after_a_deletion_that_was_rolled_back_the_row_is_shown():
    profile = fresh(make_profile())
    before = stored(profile)
    with undone():
        profile.avatar = ""
        profile.save()
        assert not has_avatar(profile)
    assert has_avatar(profile)
    assert shown(profile) == before


def test_l4_a_row_whose_creation_was_rolled_back_has_none():
    profile = Profile(user=User.objects.create(username="ada"), avatar=upload())
    with undone():
        profile.save()
        assert has_avatar(profile)
    assert not has_avatar(profile)


def test_l4_of_several_savepoints_the_last_one_that_was_kept_is_shown():
    profile = fresh(make_profile())
    with transaction.atomic():
        profile.avatar = upload(color="red")
        profile.save()
        kept = stored(profile)
        with undone():
            profile.avatar = upload(color="lime")
            profile.save()
        assert shown(profile) == kept
    assert shown(profile) == kept == stored(profile)
    assert shown(pickle.loads(pickle.dumps(fresh(profile)))) == kept


def test_l4_another_rows_name_that_was_rolled_back_is_not_shown():
    other, profile = make_profile("bob"), fresh(make_profile())
    before = stored(profile)
    with undone():
        profile.avatar = column(other)
        profile.save()
        assert shown(profile) == stored(other)
    assert shown(profile) == before


def test_l4_what_bulk_create_wrote_is_shown_and_what_it_did_not_is_not():
    users = [User.objects.create(username=name) for name in ("ada", "bob")]
    first, second = (Profile(user=user, avatar=upload()) for user in users)
    Profile.objects.bulk_create([first])
    assert shown(first) == stored(first)
    assert "initials" not in shown(first)
    with undone():
        Profile.objects.bulk_create([second])
        assert has_avatar(second)
    assert not has_avatar(second)
    third = Profile(user=users[0], avatar=upload())
    with pytest.raises(IntegrityError):
        Profile.objects.bulk_create([third])
    assert not has_avatar(third)


def test_l4_while_hooks_run_what_has_just_been_committed_is_shown():
    profile = fresh(make_profile())
    seen: list[str] = []

    def look() -> None:
        seen.extend((shown(profile), shown(pickle.loads(pickle.dumps(profile)))))

    with transaction.atomic():
        transaction.on_commit(look)
        profile.avatar = upload(color="red")
        profile.save()
        transaction.on_commit(look)
    assert set(seen) == {stored(profile)}


@pytest.mark.parametrize("new", [False, True])
def test_l4_after_another_apps_hook_has_failed_the_row_is_shown(new, files):
    profile = Profile(user=User.objects.create(username="x")) if new else fresh(make_profile())

    def fail() -> None:
        raise UndoneError

    with pytest.raises(UndoneError), transaction.atomic():
        transaction.on_commit(fail)
        profile.avatar = upload(color="red")
        profile.save()
    drain()
    assert shown(profile) == stored(profile)
    assert shown(profile).removeprefix("/media/") in files()


def test_l4_a_row_that_a_bulk_create_left_out_has_none():
    profile = make_profile()
    left_out = Profile(user=profile.user, avatar=upload(color="red"))
    Profile.objects.bulk_create([left_out], ignore_conflicts=True)
    drain()
    assert not has_avatar(left_out)
    assert has_avatar(fresh(profile))


def test_l4_a_copy_of_an_instance_whose_save_was_undone_shows_the_row():
    profile = fresh(make_profile())
    before = stored(profile)
    with undone():
        profile.avatar = upload(color="red")
        profile.save()
    profile.avatar = upload(color="lime")
    assert shown(copy.deepcopy(profile)) == before


# --- L5: a COMMIT in doubt --------------------------------------------------------------------


@pytest.fixture
def slow_commit() -> Any:
    """PostgreSQL takes a second and a half over each COMMIT that has written a team."""
    if connection.vendor != "postgresql":
        pytest.skip("Only a database server can be cut off from its client.")
    table = Team._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN PERFORM pg_sleep(1.5); RETURN NULL; END $$"
        )
        cursor.execute(
            f"CREATE CONSTRAINT TRIGGER dawdle AFTER INSERT OR UPDATE ON {table} "
            "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION dawdle()"
        )
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP FUNCTION dawdle CASCADE")


def cut_off(after: float) -> threading.Thread:
    """Shut down this thread's connection in a while, as a network that goes away does."""
    descriptor = connection.connection.fileno()

    def cut() -> None:
        time.sleep(after)
        with socket.socket(fileno=os.dup(descriptor)) as wire:
            wire.shutdown(socket.SHUT_RDWR)

    thread = threading.Thread(target=cut)
    thread.start()
    return thread


@pytest.mark.django_db(transaction=True, databases=["default", "other"])
def test_l5_what_became_of_a_transaction_nobody_can_say_is_left_to_the_sweep(
    monkeypatch, files, settled, caplog
):
    def broken() -> None:
        with connection.wrap_database_errors:
            raise connection.Database.OperationalError("The connection is gone.")

    with pytest.raises(OperationalError), transaction.atomic():
        Team.objects.create(avatar=upload())
        monkeypatch.setattr(connection, "_commit", broken)
        monkeypatch.setattr(connection, "_rollback", broken)
    monkeypatch.undo()
    connection.close()
    settled()
    left = files()
    assert left
    assert any(name in caplog.text for name in left)
    assert "is left for avatar_sweep" in caplog.text
    call_command("avatar_sweep", delete=True, min_age="0", max_percent="100", verbosity=0)
    assert files() == set()


@pytest.mark.django_db(transaction=True, databases=["default", "other"])
@pytest.mark.parametrize("there", [True, False], ids=["replaced", "first"])
@pytest.mark.parametrize("how", ["autocommit", "atomic"])
def test_l5_a_commit_that_the_server_carries_out_later_has_its_files(
    slow_commit, there, how, files, settled, caplog
):
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        team = Team.objects.create(avatar=upload() if there else "")
        cursor.execute("SET session_replication_role = DEFAULT")
    thread = cut_off(after=0.5)
    with pytest.raises(OperationalError):
        if how == "atomic":
            with transaction.atomic():
                team.avatar = upload(color="red")
                team.save()
        else:
            team.avatar = upload(color="red")
            team.save()
    thread.join()
    settled()
    time.sleep(2)
    connection.close()
    settled()
    assert files_of(column(team)) <= files()
    assert column(team) in caplog.text
    call_command("avatar_sweep", delete=True, min_age="0", max_percent="100", verbosity=0)
    assert files() == files_of(column(team))


@pytest.mark.django_db(transaction=True, databases=["default", "other"])
def test_l5_a_bulk_creation_that_the_server_carries_out_later_has_its_files(
    slow_commit, files, settled, caplog
):
    thread = cut_off(after=0.5)
    with pytest.raises(OperationalError):
        Team.objects.bulk_create([Team(avatar=upload())])
    thread.join()
    # What a worker does after a job that failed, before anybody has judged.
    close_old_connections()
    assert not Profile.objects.exists()
    settled()
    time.sleep(2)
    connection.close()
    settled()
    team = Team.objects.get()
    assert files_of(column(team)) == files()
    assert column(team) in caplog.text


class SoftTimeLimit(Exception):  # noqa: N818
    """A task queue's own."""


@pytest.mark.django_db(transaction=True, databases=["default", "other"])
@pytest.mark.parametrize("nested", [True, False])
def test_l5_a_bulk_creation_that_is_interrupted_leaves_its_files_to_the_sweep(
    files, settled, caplog, nested
):
    """A time limit while the server is at work; it may yet do what it was asked for."""
    undone = []

    def interrupted(execute: Any, sql: str, *args: Any) -> Any:
        if "INSERT INTO" in sql and Team._meta.db_table in sql:
            undone.append(connection.in_atomic_block)
            raise SoftTimeLimit
        return execute(sql, *args)

    with connection.execute_wrapper(interrupted), pytest.raises(SoftTimeLimit):
        Team.objects.bulk_create([Team(avatar=upload()), Team(avatar=upload())])
    assert connection.execute_wrappers == []
    if nested:
        Bare.objects.create()
        Team.objects.create()
    settled()
    # Django 5.2 has a transaction for it, whose rollback leaves no doubt.
    doubts = 0 if undone == [True] else 2
    assert len(files()) == 3 * doubts
    assert caplog.text.count("is left for avatar_sweep") == doubts
    call_command("avatar_sweep", delete=True, min_age="0", max_percent="100", verbosity=0)
    assert files() == set()


def test_l5_a_rollback_on_a_connection_that_works_still_removes_the_files(files, settled):
    with pytest.raises(DatabaseError), transaction.atomic():
        Team.objects.create(avatar=upload())
        with connection.cursor() as cursor:
            cursor.execute("SELECT nothing FROM nowhere")
    settled()
    assert files() == set()


class CropForm(AvatarForm):
    """As sites write them: the upload is cut in the form, and put back into its object."""

    def clean_avatar(self):
        upload = self.cleaned_data["avatar"]
        upload.file = io.BytesIO(images.jpeg(Image.new("RGB", (50, 50), "blue")))
        upload.size = upload.file.getbuffer().nbytes
        return upload


def of_colour(colour):
    return images.jpeg(Image.new("RGB", (60, 40), colour))


@pytest.mark.django_db
def test_l1_what_a_form_puts_into_an_upload_is_stored_and_not_what_was_there():
    team = Team.objects.create(name="a")
    form = CropForm({}, {"avatar": upload("red")}, instance=team)
    assert form.is_valid(), form.errors
    form.save()
    assert Name.parse(Team.objects.get().avatar.name).color == "0000fe"


@pytest.mark.django_db
def test_l1_what_is_put_into_an_upload_after_full_clean_is_stored():
    team = Team(name="a", avatar=upload("red"))
    team.full_clean()
    team.avatar.file = ContentFile(of_colour("blue"), name="b.jpg")
    team.save()
    assert Name.parse(Team.objects.get().avatar.name).color == "0000fe"


@pytest.mark.django_db
@pytest.mark.parametrize("how", ["assigned", "saved"])
def test_l1_one_buffer_for_two_rows_gives_each_its_own_picture(how):
    buffer = io.BytesIO(of_colour("red"))
    file = File(buffer, name="a.jpg")
    for colour, shown in (("red", "fe0000"), ("blue", "0000fe")):
        buffer.seek(0)
        buffer.truncate()
        buffer.write(of_colour(colour))
        team = Team(name=colour)
        if how == "assigned":
            team.avatar = file
            team.save()
        else:
            team.avatar.save("a.jpg", file)
        assert Name.parse(Team.objects.get(name=colour).avatar.name).color == shown


@pytest.mark.django_db
def test_l1_what_is_overwritten_by_no_picture_after_it_was_checked_is_refused():
    buffer = io.BytesIO(of_colour("red"))
    team = Team(name="a", avatar=File(buffer, name="a.jpg"))
    team.full_clean()
    buffer.seek(0)
    buffer.write(b"no picture at all")
    with pytest.raises(UploadError):
        team.save()


@pytest.mark.django_db
def test_l1_an_upload_that_is_closed_after_it_was_checked_is_stored():
    file = SimpleUploadedFile("a.jpg", of_colour("red"))
    team = Team(name="a", avatar=file)
    team.full_clean()
    file.file.close()
    team.save()
    assert Name.parse(Team.objects.get().avatar.name).color == "fe0000"


class BreaksAtItsEnd(io.BytesIO):
    """A picture that can be read, and something behind it that cannot."""

    def read(self, size=-1):
        if self.tell() > 100_000:
            raise OSError
        return super().read(min(size, 50_000) if size >= 0 else 50_000)


@pytest.mark.django_db
def test_l1_an_upload_whose_end_cannot_be_read_is_refused():
    behind = of_colour("red") + bytes(200_000)
    with pytest.raises(UploadError):
        Team.objects.create(avatar=File(BreaksAtItsEnd(behind), name="a.jpg"))


def put_unreadable(file: Any) -> None:
    file.file = gone(File(io.BytesIO(of_colour("blue"))))


def put_nothing(file: Any) -> None:
    file.file = None


def put_text(file: Any) -> None:
    file.file = io.StringIO("text")


@pytest.mark.django_db
@pytest.mark.parametrize("put", [put_unreadable, put_text, put_nothing])
@pytest.mark.parametrize("inner", [1, 2])
def test_l1_what_cannot_be_read_and_was_put_into_a_checked_upload_is_refused(put, inner, files):
    checked = upload("red")
    file: Any = checked if inner == 1 else File(checked)
    team = Team(name="a", avatar=file)
    team.full_clean()
    put(checked)
    with pytest.raises(exceptions.UnreadableUpload):
        team.save()
    assert not Team.objects.exists()
    assert files() == set()


@pytest.mark.django_db
def test_l1_a_file_of_another_row_that_goes_after_it_was_checked_is_refused(media, files):
    (media / "photos").mkdir()
    (media / "photos/a.jpg").write_bytes(of_colour("red"))
    team = Team(name="a", avatar=Bare(photo="photos/a.jpg").photo)
    team.full_clean()
    (media / "photos/a.jpg").unlink()
    with pytest.raises(exceptions.UnreadableUpload):
        team.save()
    assert files() == set()


@pytest.mark.django_db
@pytest.mark.parametrize("kind", [File, lambda file: File(File(file)), lambda file: file])
def test_l1_a_temporary_file_that_is_closed_after_it_was_checked_is_stored(kind):
    file = on_disk(of_colour("red"))
    team = Team(name="a", avatar=kind(file))
    team.full_clean()
    file.close()
    team.save()
    assert Name.parse(Team.objects.get().avatar.name).color == "fe0000"


@pytest.mark.django_db
# The one is false with Django 5.2, in a file of Django's, the other always.
@pytest.mark.parametrize("kind", [io.BytesIO, Unnamed])
def test_l1_files_without_a_name_that_are_closed_after_the_check_are_stored(kind):
    inner = kind(of_colour("red"))
    team = Team(name="a", avatar=File(File(inner)))
    team.full_clean()
    inner.close()
    team.save()
    assert Name.parse(Team.objects.get().avatar.name).color == "fe0000"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "closed",
    [
        lambda data: on_disk(data, "logo.jpg"),
        lambda data: File(on_disk(data, "logo.jpg")),
        lambda data: File(io.BytesIO(data), name="logo.jpg"),
    ],
)
@pytest.mark.parametrize("checked", [True, False])
def test_l1_a_closed_upload_is_not_what_has_its_name_in_the_working_directory(
    closed, checked, tmp_path, monkeypatch, files
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "logo.jpg").write_bytes(of_colour("blue"))
    file = closed(of_colour("red"))
    team = Team(name="a", avatar=file)
    if checked:
        team.full_clean()
    file.close()
    if checked:
        team.save()
        assert Name.parse(Team.objects.get().avatar.name).color == "fe0000"
    else:
        with pytest.raises(exceptions.UnreadableUpload, match="it is closed"):
            team.save()
        assert files() == set()


# --- L1: what cannot be read --------------------------------------------------------------------


class Readable:
    """Can be read, and says whether it is closed; not where it is."""

    closed = False

    def __init__(self, data: bytes) -> None:
        self.read = io.BytesIO(data).read


class WithoutSize(Readable):
    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        whole: Any = io.BytesIO(data).getvalue
        self.read = whole


class Asynchronous(io.BytesIO):
    """As a framework's own, whose methods are all to be awaited."""

    async def seekable(self) -> bool:  # type: ignore[override]
        return True

    async def seek(self, *args: Any) -> int:  # type: ignore[override]
        return super().seek(*args)

    async def read(self, size: Any = -1) -> bytes:  # type: ignore[override]
        return super().read(size)


class Gives(io.BytesIO):
    """Gives something else than bytes when it is read."""

    def __init__(self, data: bytes, what: Any) -> None:
        super().__init__(data)
        self.what = what

    def read(self, size: Any = -1) -> Any:
        return self.what


class Fails(io.BytesIO):
    """Fails where it is told to."""

    def __init__(self, data: bytes, error: BaseException, method: str = "read") -> None:
        super().__init__(data)
        setattr(self, method, self._fail)
        self.error = error

    def _fail(self, *args: Any) -> Any:
        raise self.error


def for_writing(data: bytes) -> Any:
    descriptor, path = tempfile.mkstemp()
    os.close(descriptor)
    _opened.callback(os.unlink, path)
    return _opened.enter_context(open(path, "wb"))  # noqa: PTH123


def damaged(data: bytes) -> bytes:
    half = len(data) // 2
    return data[:half] + bytes(20) + data[half + 20 :]


def unpacked(module: Any, data: bytes) -> Any:
    return _opened.enter_context(module.open(io.BytesIO(data)))


UNREADABLE = {
    "opened for writing": for_writing,
    "a gzip file that is cut off": lambda data: unpacked(gzip, gzip.compress(data)[:-9]),
    "a gzip file that is damaged": lambda data: unpacked(gzip, damaged(gzip.compress(data))),
    "no gzip file": lambda data: unpacked(gzip, data),
    "no LZMA file": lambda data: unpacked(lzma, data),
    "a bzip2 file that is cut off": lambda data: unpacked(bz2, bz2.compress(data)[:-9]),
    "read() takes no size": WithoutSize,
    "read() is asynchronous": Asynchronous,
    "read() gives nothing at all": lambda data: Gives(data, None),
    "read() gives text": lambda data: Gives(data, "text"),
    "read() gives a number": lambda data: Gives(data, 5),
    "read() fails without a word": lambda data: Fails(data, AttributeError()),
    "seek() fails": lambda data: Fails(data, io.UnsupportedOperation("seek"), "seek"),
    "seekable() fails": lambda data: Fails(data, RuntimeError("gone"), "seekable"),
}


@pytest.fixture(params=UNREADABLE)
def unreadable(request: Any) -> Any:
    return UNREADABLE[request.param]


@pytest.mark.parametrize("how", ["assigned", "full_clean", "saved", "in a file"])
def test_l1_what_fails_as_it_is_read_is_unreadable(unreadable, how, files):
    profile = fresh(make_profile())
    before = column(profile)
    file = unreadable(images.jpeg(Image.effect_noise((60, 40), 90).convert("RGB")))
    with pytest.raises(ValidationError) as refused:
        if how == "saved":
            profile.avatar.save("a.jpg", file)
        else:
            profile.avatar = File(file, name="a.jpg") if how == "in a file" else file
            profile.full_clean() if how == "full_clean" else profile.save()
    error = refused.value
    (error,) = error.error_dict["avatar"] if how == "full_clean" else [error]
    assert error.code == "unreadable"
    assert ": ." not in str(error)
    assert column(profile) == before
    assert files() == files_of(before)


def test_l1_what_says_nothing_of_where_it_is_can_be_read(files):
    team = Team.objects.create(avatar=Readable(JPEG))
    assert files() == files_of(column(team))


def test_l1_what_unpacks_to_more_than_the_limit_is_too_large(settings, tmp_path):
    settings.AVATAR_KIT = {"MAX_UPLOAD_SIZE": 100_000}
    with gzip.open(tmp_path / "a.gz", "wb") as packed:
        packed.write(JPEG + bytes(1_000_000))
    with gzip.open(tmp_path / "a.gz") as file, pytest.raises(exceptions.UploadTooLarge):
        Team.objects.create(avatar=file)


def test_l1_the_sentence_names_no_path(tmp_path):
    file = Fails(JPEG, FileNotFoundError(2, "No such file or directory", str(tmp_path)))
    with pytest.raises(exceptions.UnreadableUpload) as refused:
        Team.objects.create(avatar=File(file, name="a.jpg"))
    assert str(refused.value) == (
        "“a.jpg” cannot be read: No such file or directory. Upload it once more."
    )


@pytest.mark.parametrize("error", [SoftTimeLimit, TimeoutError, MemoryError, KeyboardInterrupt])
@pytest.mark.parametrize("method", ["read", "seek"])
def test_e8_while_an_upload_is_read(error, method):
    with pytest.raises(error):
        Team.objects.create(avatar=File(Fails(JPEG, error(), method), name="a.jpg"))
