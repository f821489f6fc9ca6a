"""What people ran into with storages: each test is named after the case that it is of."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest
from django.conf import settings
from django.core.files.storage import FileSystemStorage, InMemoryStorage, Storage, storages
from django.core.management import CommandError, call_command
from django.db import connection, connections, models
from django.test import override_settings

from django_avatar_kit import rendering
from django_avatar_kit import tokens as seals
from django_avatar_kit.exceptions import StorageError
from django_avatar_kit.maintenance import build as building
from django_avatar_kit.maintenance import doctor, orphans
from django_avatar_kit.maintenance import sweep as sweeping
from django_avatar_kit.storage import base as storage
from django_avatar_kit.test import settle
from tests.support.lifecycle import column, files_of, fresh, upload
from tests.testapp.models import Bare, Team, Ticket

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "other"]),
    pytest.mark.usefixtures("small"),
]

ALL = {"min_age": 0, "max_percent": 100}


def sweep(**options: Any) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    call_command("avatar_sweep", stdout=out, stderr=err, **options)
    return out.getvalue(), err.getvalue()


def team(**options: Any) -> Team:
    return Team.objects.create(avatar=upload(**options))


def lose(row: Any) -> str:
    """Take the name out of the row behind the kit's back; it is returned."""
    key = column(row)
    plain = models.Value("", output_field=models.CharField())
    models.QuerySet(type(row)).filter(pk=row.pk).update(avatar=plain)
    return key


# --- L3: other sites --------------------------------------------------------------------------


@contextmanager
def another_site(what: str) -> Iterator[None]:
    """With its own key, or the same one and a database of another name."""
    if what == "key":
        with override_settings(SECRET_KEY="theirs"):
            yield
        return
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(seals, "database", lambda using: "theirs")
        yield


@pytest.mark.parametrize("what", ["key", "database"])
@pytest.mark.lifecycle
def test_l3_avatars_of_a_site_that_cannot_be_asked_stay(what, files):
    with another_site(what):
        theirs = lose(team())
    ours, lost = team(), lose(team())
    out, err = sweep(min_age=0)
    assert "6 of them without need" in out
    assert "not made by this site for one of its databases" in err
    with pytest.raises(CommandError, match=r"another site may use the storage.*--prefix"):
        sweep(delete=True, **ALL)
    expected = files_of(theirs) | files_of(column(ours)) | files_of(lost)
    assert files() == expected


@pytest.mark.lifecycle
def test_l3_the_renditions_alone_tell_whose_they_are(files, media):
    with another_site("key"):
        theirs = lose(team())
    (media / theirs).unlink()
    with pytest.raises(CommandError, match="2 of the files"):
        sweep(delete=True, **ALL)


@pytest.mark.lifecycle
def test_l3_who_knows_that_nobody_else_is_there_names_the_folder(files):
    with another_site("key"):
        lose(team())
    sweep(delete=True, prefix="avatars", **ALL)
    assert files() == set()


@pytest.mark.lifecycle
def test_l3_an_old_key_of_this_site_still_counts(files, settings):
    with another_site("key"):
        lose(team())
    settings.SECRET_KEY_FALLBACKS = ["theirs"]
    sweep(delete=True, **ALL)
    assert files() == set()


@pytest.mark.lifecycle
def test_l3_a_site_that_has_lost_nothing_sweeps_beside_another(files):
    with another_site("key"):
        team()
    lost = lose(team())
    _out, err = sweep(delete=True, **ALL)
    assert err == ""
    assert files_of(lost).isdisjoint(files())


# --- L3: other tenants ------------------------------------------------------------------------


class OtherTenant:
    """A schema of its own with a table of teams, as django-tenants makes one for each tenant."""

    def __init__(self, name: str = "tenant_b") -> None:
        self.name = name
        self.run("CREATE SCHEMA %s")
        self.take("testapp_team")

    def run(self, sql: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(sql.replace("%s", f'"{self.name}"'))

    def take(self, table: str) -> None:
        """Have a table of the same name, and the rows that were in this one."""
        self.run(f"CREATE TABLE %s.{table} AS SELECT * FROM {table}")  # noqa: S608
        self.run(f"DELETE FROM {table}")  # noqa: S608


@pytest.fixture
def other_tenant() -> Iterator[Callable[[], OtherTenant]]:
    if connection.vendor != "postgresql":
        pytest.skip("Only PostgreSQL has schemas.")
    yield OtherTenant
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")
        cursor.execute('DROP SCHEMA IF EXISTS "tenant_b" CASCADE')
        cursor.execute("DROP ROLE IF EXISTS sweeper")


@pytest.mark.lifecycle
def test_l3_avatars_of_another_tenant_stay(other_tenant, files):
    theirs = files_of(column(team()))
    other_tenant()
    ours, lost = team(), lose(team())
    out, err = sweep(delete=True, **ALL)
    assert err == ""
    assert out.count("Deleted ") == 3
    assert files() == theirs | files_of(column(ours))
    assert files_of(lost).isdisjoint(files())


@pytest.mark.lifecycle
def test_l3_a_renditon_whose_master_is_gone_is_looked_for_in_every_schema(
    other_tenant, media, files
):
    key = column(team())
    (media / key).unlink()
    other_tenant()
    sweep(delete=True, **ALL)
    assert files() == files_of(key) - {key}


@pytest.mark.lifecycle
def test_l3_the_schema_that_has_no_tables_of_tenants(other_tenant, files):
    theirs = files_of(column(team()))
    lost = lose(team())
    tenant = other_tenant()
    tenant.run("ALTER TABLE testapp_team RENAME TO hidden_away")
    try:
        sweep(delete=True, **ALL)
    finally:
        tenant.run("ALTER TABLE hidden_away RENAME TO testapp_team")
    assert files() == theirs
    assert files_of(lost).isdisjoint(files())


def sweeper() -> None:
    """From here on, as a user who may use this schema and no other one."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE sweeper")
        cursor.execute("GRANT USAGE ON SCHEMA public TO sweeper")
        cursor.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO sweeper")
        cursor.execute("SET ROLE sweeper")


def reset() -> None:
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")
        cursor.execute("DROP OWNED BY sweeper")


@pytest.mark.lifecycle
def test_l3_what_cannot_be_read_is_refused_with_the_way_out(other_tenant, files):
    theirs = files_of(column(team()))
    other_tenant()
    team()
    before = files()
    sweeper()
    try:
        with pytest.raises(CommandError) as caught:
            sweep(delete=True, **ALL)
        _, err = sweep(**ALL)
        assert files() == before
        # Whoever knows better may say so.
        sweep(delete=True, prefix="nowhere", **ALL)
        assert files() == before
        sweep(delete=True, prefix="avatars", **ALL)
    finally:
        reset()
    refusal = (
        "The rows of “tenant_b.testapp_team” in “default” cannot all be read, and may hold what "
        "lies in “default”. Use a database user that may read them; or, if they have no avatars "
        "there, name the folder to look into: --prefix."
    )
    assert str(caught.value) == f"{refusal} Nothing was deleted."
    assert err == f"{refusal} --delete would refuse.\n"
    assert files() == before - theirs


@pytest.mark.lifecycle
def test_l3_rows_that_a_policy_hides(other_tenant, files):
    tenant = other_tenant()
    row = team()
    tenant.run("ALTER TABLE testapp_team ENABLE ROW LEVEL SECURITY")
    sweeper()
    try:
        with pytest.raises(
            CommandError, match=r"The rows of .*public\.testapp_team” in “default”"
        ):
            sweep(delete=True, **ALL)
    finally:
        reset()
        tenant.run("ALTER TABLE testapp_team DISABLE ROW LEVEL SECURITY")
    assert files() == files_of(column(row))


@pytest.mark.lifecycle
def test_l3_foreign_files_and_thumbnails_of_another_tenant_stay(
    other_tenant, monkeypatch, media, files
):
    monkeypatch.setattr(orphans, "default_varies", lambda field: False)
    photo = Bare.objects.create(photo=upload())
    tenant = other_tenant()
    tenant.take("testapp_bare")
    tenant.run(
        "CREATE TABLE %s.easy_thumbnails_thumbnail AS SELECT 1 AS id, 'photos/thumb.png' AS name"
    )
    for name in ("thumb.png", "nobodys.png"):
        (media / "photos" / name).write_bytes(b"x")
    sweep(delete=True, foreign=True, prefix="photos", **ALL)
    assert files() == {photo.photo.name, "photos/thumb.png"}


class Hiding:
    """A router that keeps this project's models off a database."""

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        return db != "other"


@pytest.mark.lifecycle
def test_l3_a_database_that_routers_leave_alone_is_asked(settings, files):
    row = Team(avatar=upload())
    row.save(using="other")
    settings.DATABASE_ROUTERS = [Hiding()]
    lost = lose(team())
    sweep(delete=True, **ALL)
    assert files() == files_of(column(row))
    assert files_of(lost).isdisjoint(files())


@pytest.mark.lifecycle
def test_l3_a_database_that_does_not_answer(settings, monkeypatch, files):
    settings.DATABASE_ROUTERS = [Hiding()]
    lost = lose(team())
    original = connections["other"].introspection

    def table_names(*args: Any, **kwargs: Any) -> Any:
        raise ConnectionError("nobody answers")

    monkeypatch.setattr(original, "table_names", table_names)
    with pytest.raises(CommandError, match="The rows of the database “other” cannot all be read"):
        sweep(delete=True, **ALL)
    assert files() == files_of(lost)
    _, err = sweep(**ALL)
    assert err.endswith("name the folder to look into: --prefix. --delete would refuse.\n")
    place = sweeping.locations_to_sweep()[0]
    found = sweeping.Sweep(place, min_age=sweeping.timedelta(0))
    assert len(list(found.find())) == 3
    with pytest.raises(sweeping.CannotSweep, match="--prefix"):
        next(found.delete())
    found.close()
    sweep(delete=True, prefix="avatars", **ALL)
    assert files() == set()


# --- L7: links ---------------------------------------------------------------------------------


def age(folder: Path) -> None:
    moment = time.time() - 7200
    for path in folder.rglob("*"):
        if not path.is_symlink():
            os.utime(path, (moment, moment))


def keys(place: Any, folder: str = "") -> set[str]:
    return {file.key for file in storage.walk(place, folder)}


def test_l7_what_is_behind_a_link_is_not_the_storages(media, files, tmp_path, caplog):
    lost = files_of(lose(team()))
    outside = tmp_path / "outside"
    outside.mkdir()
    key = next(key for key in lost if key.endswith(".jpg"))
    (outside / Path(key).parent.name).mkdir()
    stranger = outside / Path(key).parent.name / Path(key).name
    stranger.write_bytes(b"x")
    (media / "link").symlink_to(outside)
    (media / "avatars/far").symlink_to(outside / Path(key).parent.name)
    # Of a file as well: what is behind it may be anybody's.
    name = f"avatars/{Path(key).parent.name}/{Path(key).name.replace('k1', 'k1')}"
    (media / Path(name).parent / f"{Path(key).name[:32]}.99.webp").symlink_to(stranger)
    out, _ = sweep(delete=True, **ALL)
    assert out.count("Deleted ") == 3
    assert stranger.exists()
    assert "“link” is a link, which is not followed" in caplog.text
    assert "“avatars/far” is a link, which is not followed" in caplog.text


@pytest.mark.parametrize(
    "target",
    ["media", "media/loop", "nowhere", "media/avatars", "media/plain.txt/below", "x" * 300],
)
def test_l7_a_loop_ends_nothing(media, tmp_path, target):
    kept, lost = team(), lose(team())
    (media / "plain.txt").write_bytes(b"x")
    (media / "loop").symlink_to(tmp_path / target)
    (media / "avatars/loop").symlink_to(tmp_path / target)
    out, err = sweep(delete=True, **ALL)
    assert out.count("Deleted ") == 3
    assert err == ""
    assert keys(storages["default"]) == files_of(column(kept)) | {"plain.txt"}
    assert not any((media / key).exists() for key in files_of(lost))


def test_l7_a_media_root_that_is_a_link(settings, media, tmp_path):
    (tmp_path / "linked").symlink_to(media)
    settings.MEDIA_ROOT = str(tmp_path / "linked")
    kept, lost = team(), lose(team())
    out, _ = sweep(delete=True, **ALL)
    assert out.count("Deleted ") == 3
    assert keys(storages["default"]) == files_of(column(kept))
    assert not (media / lost).exists()


def test_l7_a_folder_that_was_moved_to_another_disk(media, tmp_path, caplog):
    (tmp_path / "disk").mkdir()
    (media / "avatars").symlink_to(tmp_path / "disk")
    row = team()
    lost = lose(team())
    place = storages["default"]
    assert keys(place) == keys(place, "avatars/") == set()
    assert "“avatars/” is behind a link, which is not followed" in caplog.text
    sweep(delete=True, **ALL)
    assert place.exists(lost)
    # Whatever the kit knows by its name is deleted, and copied, as ever.
    old = column(row)
    row.avatar = upload("red")
    row.save()
    settle()
    assert not place.exists(old)
    out = io.StringIO()
    call_command("avatar_doctor", stdout=out, stderr=io.StringIO())
    said = " ".join(out.getvalue().split())
    assert "failure " not in said
    assert "link, which" in said


def test_l7_a_folder_that_becomes_a_link_before_it_is_deleted(media, files, tmp_path):
    lost = lose(team())
    found = sweeping.Sweep(sweeping.locations_to_sweep()[0], min_age=sweeping.timedelta(0))
    assert len(list(found.find())) == 3
    (media / "avatars").rename(tmp_path / "elsewhere")
    (media / "avatars").symlink_to(tmp_path / "elsewhere")
    assert list(found.delete()) == []
    found.close()
    assert (tmp_path / "elsewhere" / lost.partition("/")[2]).exists()


def test_l7_foreign_files_behind_a_link(monkeypatch, media, tmp_path):
    monkeypatch.setattr(orphans, "default_varies", lambda field: False)
    (tmp_path / "far").mkdir()
    (tmp_path / "far/x.txt").write_bytes(b"x")
    (media / "photos").mkdir()
    (media / "photos/y.txt").write_bytes(b"y")
    (media / "photos/far").symlink_to(tmp_path / "far")
    (media / "photos/z.txt").symlink_to(tmp_path / "far/x.txt")
    found = sweeping.Sweep(
        sweeping.locations_to_sweep()[0],
        min_age=sweeping.timedelta(0),
        prefix="photos/",
        foreign=True,
    )
    assert [file.key for file in found.find()] == ["photos/y.txt"]
    (tmp_path / "far/y.txt").write_bytes(b"y")
    (media / "photos").rename(media / "old")
    (media / "photos").symlink_to(tmp_path / "far")
    assert list(found.delete()) == []
    found.close()
    assert (tmp_path / "far/y.txt").exists()


class Wrapped(Storage):
    """Hands everything on to a storage in the file system, and is none by its class."""

    def __init__(self) -> None:
        self.inner = FileSystemStorage()

    def _open(self, name: str, mode: str = "rb") -> Any:
        return self.inner._open(name, mode)

    def _save(self, name: str, content: Any) -> str:
        return self.inner._save(name, content)

    def path(self, name: str) -> str:
        return self.inner.path(name)

    def delete(self, name: str) -> None:
        self.inner.delete(name)

    def exists(self, name: str) -> bool:
        return self.inner.exists(name)

    def listdir(self, path: str) -> Any:
        return self.inner.listdir(path)

    def size(self, name: str) -> int:
        return self.inner.size(name)

    def url(self, name: str | None) -> str:
        return self.inner.url(name)

    def get_modified_time(self, name: str) -> Any:
        return self.inner.get_modified_time(name)


class WrappedWhole(Wrapped):
    """The same, and lists all that lies below a folder by whole names."""

    def listdir(self, path: str) -> Any:
        here = Path(self.path(path))
        found = [
            Path(folder, name)
            for folder, _, names in os.walk(here, followlinks=True)
            for name in names
        ]
        return [], [str(each.relative_to(self.path(""))) for each in found]


@pytest.fixture(params=[Wrapped, WrappedWhole])
def wrapped(request: Any, settings: Any) -> Any:
    backend = {"BACKEND": f"{__name__}.{request.param.__name__}"}
    settings.STORAGES = {**settings.STORAGES, "default": backend}
    return storages["default"]


@pytest.mark.parametrize("where", ["", "avatars/"])
def test_l7_links_in_a_storage_that_wraps_one_are_not_followed(
    wrapped, where, media, files, tmp_path
):
    kept, lost = team(), lose(team())
    outside = tmp_path / "outside"
    (outside / "3f").mkdir(parents=True)
    stranger = outside / "3f" / Path(lost).name
    stranger.write_bytes(b"x")
    (media / where / "link").symlink_to(outside)
    (media / where / Path(lost).name).symlink_to(stranger)
    out, err = sweep(delete=True, **ALL)
    assert out.count("Deleted ") == 3
    assert err == ""
    assert stranger.exists()
    assert keys(wrapped) == files_of(column(kept))


def test_l7_a_loop_in_a_storage_that_wraps_one_ends_nothing(settings, media):
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": f"{__name__}.Wrapped"}}
    kept = team()
    lose(team())
    for folder in (media, media / "avatars"):
        (folder / "loop").symlink_to(folder / "loop")
        (folder / "round").symlink_to(media)
    out, err = sweep(delete=True, **ALL)
    assert out.count("Deleted ") == 3
    assert err == ""
    assert keys(storages["default"]) == files_of(column(kept))


def test_l7_a_folder_of_a_wrapped_storage_that_is_on_another_disk(wrapped, media, tmp_path):
    (tmp_path / "disk").mkdir()
    (media / "avatars").symlink_to(tmp_path / "disk")
    lost = lose(team())
    sweep(delete=True, **ALL)
    assert wrapped.exists(lost)


def test_l7_a_wrapped_storage_and_its_inside_are_one_place(wrapped, settings, media):
    inside = {"BACKEND": "django.core.files.storage.FileSystemStorage"}
    settings.STORAGES = {**settings.STORAGES, "inside": inside}
    with pytest.raises(CommandError, match="“default” and “inside” are the same place"):
        call_command("avatar_copy", "--from", "default", "--to", "inside", verbosity=0)


@pytest.mark.parametrize("answer", [NotImplementedError(), ValueError("no"), None, 5, "avatars"])
def test_l7_a_storage_without_paths_has_no_links(monkeypatch, answer):
    # Django's own in memory has paths that nothing lies at.
    assert storage.locations(InMemoryStorage()) == []
    place: Any = Wrapped()
    monkeypatch.setattr(Wrapped, "path", mock.Mock(side_effect=[answer] * 99))
    place.save("avatars/x", upload())
    assert keys(place) == {"avatars/x"}
    assert not storage.is_behind_link(place, "avatars/x")
    assert storage.locations(place) == []


def test_l7_a_time_limit_while_it_is_asked_for_a_path(monkeypatch):
    monkeypatch.setattr(Wrapped, "path", mock.Mock(side_effect=SoftTimeLimit))
    with pytest.raises(SoftTimeLimit):
        storage.is_behind_link(Wrapped(), "avatars/x")


# --- L3: the database of a file -----------------------------------------------------------------


def sealed_for(key: str) -> list[str]:
    """The databases that the end of a token may stand for."""
    token = key.rpartition("/")[2][:32]
    start, seal = token[: -seals.SEAL], token[-seals.SEAL :]
    return [
        using
        for using in ("default", "other")
        if seal == seals._seal(start, settings.SECRET_KEY, seals.database(using))
    ]


@pytest.mark.parametrize(
    "how", ["create", "save", "bulk_create", "update_or_create", "replaced", "built", "receiver"]
)
@pytest.mark.lifecycle
def test_l3_a_file_is_sealed_for_the_database_that_its_row_is_in(how, media):
    rows = Team.objects.using("other")
    if how == "create":
        row = rows.create(avatar=upload())
    elif how == "save":
        row = Team(avatar=upload())
        row.save(using="other")
    elif how == "bulk_create":
        (row,) = rows.bulk_create([Team(avatar=upload())])
    elif how == "update_or_create":
        row, _ = rows.update_or_create(name="x", defaults={"avatar": upload()})
    elif how == "receiver":

        def assign(sender: Any, instance: Any, **kwargs: Any) -> None:
            instance.avatar = upload()

        row = Team()
        models.signals.pre_save.connect(assign, sender=Team)
        try:
            row.save(using="other")
        finally:
            models.signals.pre_save.disconnect(assign, sender=Team)
    else:
        row = rows.create(avatar=upload())
        if how == "replaced":
            row.avatar = upload("red")
            row.save()
        else:
            before = row.avatar.name
            call_command("avatar_build", "testapp.Team", force=True, using="other", verbosity=0)
            row.refresh_from_db()
            assert row.avatar.name != before
    assert sealed_for(row.avatar.name) == ["other"]
    assert row._state.db == "other"
    row = team()
    assert sealed_for(column(row)) == ["default"]


# --- E5: listings of every kind ----------------------------------------------------------------


class Gone(Exception):  # noqa: N818
    """As azure-core says that there is none; it has no number in its class."""

    status_code = 404


Memory: Any = InMemoryStorage


class Whole(Memory):
    """Lists like Azure's: every file, by its whole name in the container."""

    folders = False
    before = ""

    def __init__(self, location: str = "") -> None:
        super().__init__()
        self.location = location
        self.asked: list[str] = []
        self.outside: list[str] = []

    def _prefix(self) -> str:
        return f"{self.location.strip('/')}/" if self.location else ""

    def _all(self) -> list[str]:
        def below(folder: str) -> Iterator[str]:
            folders, files = InMemoryStorage.listdir(self, folder)
            yield from (f"{folder}{name}" for name in files)
            for name in folders:
                yield from below(f"{folder}{name}/")

        return [*self.outside, *(f"{self._prefix()}{key}" for key in below(""))]

    def listdir(self, path: str) -> Any:
        self.asked.append(path)
        beginning = f"{self._prefix()}{path}" if path else ""
        found = [key for key in self._all() if key.startswith(beginning)]
        return [], [f"{self.before}{key}" for key in found]


class Keys(Whole):
    """The same, without the location."""

    def listdir(self, path: str) -> Any:
        self.asked.append(path)
        found = [key.removeprefix(self._prefix()) for key in self._all()]
        folders = {f"{key.rpartition('/')[0]}/" for key in found if "/" in key}
        return sorted(folders), [f"{self.before}{key}" for key in found if key.startswith(path)]


class Slashed(Memory):
    """By names alone, with everything that is put around them somewhere."""

    def listdir(self, path: str) -> Any:
        folders, files = super().listdir(path)
        names = [*(name.encode() for name in files), b".", "", "./"]
        return [*(f"/{name}/" for name in folders), "./", "..", "/"], [
            name if isinstance(name, str) else b"./" + name for name in names
        ]


class Below(Memory):
    """Whole names that begin at the folder; folders as whole names, too."""

    def listdir(self, path: str) -> Any:
        folders, files = super().listdir(path)
        deeper = [
            f"{folder}/{name}"
            for folder in folders
            for name in super(Below, self).listdir(f"{path}{folder}")[1]
        ]
        return [f"{path}{name}/" for name in folders] + ([path] if path else []), [*files, *deeper]


class FTPStorageException(Exception):  # noqa: N818
    """As the one of django-storages, for whatever goes wrong."""

    __module__ = "storages.backends.ftp"


class Raising(Memory):
    """Object storages have no folders, and some say so."""

    error: Any = Gone("no such folder")

    def listdir(self, path: str) -> Any:
        if not self.exists(path):
            raise self.error
        return super().listdir(path)


PLACES = {
    "whole": (Whole, {}),
    "whole, location": (Whole, {"location": "media"}),
    "whole, location of two": (Whole, {"location": "/a/media/"}),
    "keys": (Keys, {}),
    "keys, location": (Keys, {"location": "media"}),
    "keys, location like the folder": (Keys, {"location": "avatars"}),
    "slashed": (Slashed, {}),
    "below": (Below, {}),
    "raising": (Raising, {}),
}


@pytest.fixture(params=PLACES)
def place(request: Any, settings: Any) -> Any:
    backend, options = PLACES[request.param]
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {"BACKEND": f"{__name__}.{backend.__name__}", "OPTIONS": options},
    }
    return storages["default"]


def there(place: Any) -> set[str]:
    """What lies in a storage in memory, asked past every listing of its own."""

    def below(folder: str) -> Iterator[str]:
        folders, files = InMemoryStorage.listdir(place, folder)
        yield from (f"{folder}{name}" for name in files)
        for name in folders:
            yield from below(f"{folder}{name}/")

    return set(below(""))


def test_e5_the_sweep_finds_and_deletes_orphans_and_leaves_the_rest(place):
    kept, lost = team(), lose(team())
    listed = [file.key for file in storage.walk(place)]
    assert len(listed) == len(set(listed)) == 6
    out, _err = sweep(**ALL)
    assert {line.split(" ")[0] for line in out.splitlines() if "no row holds" in line} == (
        files_of(lost)
    )
    out, _ = sweep(delete=True, prefix="avatars", **ALL)
    assert out.count("Deleted ") == 3
    assert there(place) == files_of(column(kept))


def test_e5_age_and_size_are_asked_for_by_keys_that_the_storage_knows(place):
    lose(team())
    out, _err = sweep(min_age="0.0001s", max_percent=100)
    assert out.count("no row holds its avatar") == 3
    assert "(0 bytes)" not in out.partition("FileSystemStorage")[0]


def test_e5_the_doctor_finds_what_it_has_written(place):
    out = io.StringIO()
    call_command("avatar_doctor", stdout=out, stderr=io.StringIO())
    assert "ok       list          it is there" in out.getvalue()
    assert "failure" not in out.getvalue().replace("0 failures", "")


def test_e5_a_folder_in_which_nothing_was_ever_stored(place):
    assert keys(place) == keys(place, "nowhere/") == set()


def test_e5_an_avatar_is_built_copied_and_replaced(place, settings, tmp_path):
    place.save("old/me.png", upload())
    row = Team.objects.create()
    plain = models.Value("old/me.png", output_field=models.CharField())
    models.QuerySet(Team).filter(pk=row.pk).update(avatar=plain)
    call_command("avatar_build", verbosity=0)
    assert there(place) == files_of(column(row))
    call_command("avatar_copy", "--from", "default", "--to", "renditions", verbosity=0)
    assert keys(storages["renditions"]) == files_of(column(row))
    row = fresh(row)
    row.avatar = upload("red")
    row.save()
    settle()
    assert there(place) == files_of(column(row))


def test_e5_a_location_that_is_no_path(monkeypatch):
    place: Any = Below()
    place.location = 5
    monkeypatch.setattr(Below, "listdir", lambda self, path: ([], ["avatars/x"]))
    assert keys(place) == {"avatars/x"}


def test_e5_what_lies_beside_the_location_is_left_out(settings):
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {"BACKEND": f"{__name__}.Whole", "OPTIONS": {"location": "media"}},
    }
    place: Any = storages["default"]
    place.outside = ["other/x", "mediator/x"]
    # Of a storage in which nothing is stored yet, too.
    assert keys(place) == set()
    row = team()
    place.outside += [f"other/{key}" for key in files_of(column(row))]
    place.outside += ["media//x", "media/./y", "media/../z"]
    assert keys(place) == files_of(column(row))
    lose(row)
    sweep(delete=True, **ALL)
    assert there(place) == set()


def test_e5_a_file_that_goes_while_it_is_looked_for(settings, monkeypatch):
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": f"{__name__}.Whole"}}
    place: Any = storages["default"]
    place.location = "media"
    key = column(team())
    whole = [f"media/{each}" for each in sorted(files_of(key))]
    monkeypatch.setattr(Whole, "listdir", lambda self, path: ([], whole))
    place.delete(min(files_of(key)))
    assert keys(place) == files_of(key)
    for each in files_of(key):
        place.delete(each)
    assert keys(place) == files_of(key)


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError(),
        NotADirectoryError(),
        Gone(),
        type("NotFound", (Exception,), {})(),
        # Those that do not say what has failed: the storage is asked.
        OSError("there is no folder"),
        KeyError("avatars"),
        FTPStorageException("Error getting listing for avatars"),
        type("ApiError", (Exception,), {"__module__": "dropbox.exceptions"})(),
    ],
)
def test_e5_a_missing_folder_however_it_is_told(monkeypatch, error):
    monkeypatch.setattr(Raising, "error", error)
    assert keys(Raising(), "avatars/") == set()


class Forbidden(Exception):  # noqa: N818
    __module__ = "google.api_core.exceptions"
    code = 403


@pytest.mark.parametrize("error", [OSError("busy"), FTPStorageException("busy"), KeyError("busy")])
def test_e5_a_folder_that_cannot_be_listed_is_none_that_is_missing(monkeypatch, error):
    place = Raising()
    place.save("avatars/x", upload())
    monkeypatch.setattr(Raising, "listdir", mock.Mock(side_effect=error))
    with pytest.raises(type(error), match="busy"):
        keys(place, "avatars/")


@pytest.mark.parametrize(
    "error", [Forbidden("no"), OSError(5, "no"), TimeoutError("no"), TypeError("no")]
)
def test_e5_a_folder_that_is_not_there_is_not_asked_for_where_the_storage_said_why(
    monkeypatch, error
):
    monkeypatch.setattr(Raising, "listdir", mock.Mock(side_effect=error))
    with pytest.raises(type(error), match="no"):
        keys(Raising(), "avatars/")


@pytest.mark.parametrize("deleted", [True, False])
def test_e5_a_deletion_that_fails_without_a_reason(monkeypatch, caplog, deleted):
    place = Raising()
    key = place.save("avatars/x", upload())
    if deleted:
        place.delete(key)
    failure = FTPStorageException("Error when removing avatars/x")
    monkeypatch.setattr(Raising, "delete", mock.Mock(side_effect=failure))
    assert storage.delete_all(place, [key]) == ([] if deleted else [key])
    assert bool(caplog.records) is not deleted
    # Nor can it be asked.
    monkeypatch.setattr(Raising, "exists", mock.Mock(side_effect=failure))
    assert storage.delete_all(place, [key]) == [key]
    monkeypatch.setattr(Raising, "exists", mock.Mock(side_effect=SoftTimeLimit))
    with pytest.raises(SoftTimeLimit):
        storage.delete_all(place, [key])


def test_e5_a_file_that_is_not_there_however_it_is_told(settings, monkeypatch):
    place = Raising()

    def fail(self: Any, name: str, *args: Any) -> Any:
        raise Gone("The specified blob does not exist.")

    for method in ("_open", "delete"):
        monkeypatch.setattr(Raising, method, fail)
    with pytest.raises(StorageError, match="“a/b” could not be read: there is no such file"):
        storage.read(place, "a/b")
    assert storage.delete_all(place, ["a/b"]) == []
    field: Any = SimpleNamespace(storage=place)
    with pytest.raises(StorageError, match="there is no such file"):
        building.adopt("a/b", field)
    with monkeypatch.context() as patch:
        patch.setattr(Raising, "_open", lambda *args: (_ for _ in ()).throw(OSError("busy")))
        with pytest.raises(StorageError, match="“a/b” could not be read: busy"):
            building.adopt("a/b", field)
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": f"{__name__}.Raising"}}
    lose(team())
    for method in ("size", "get_modified_time"):
        monkeypatch.setattr(Raising, method, fail)
    # Deleted by somebody else, a moment ago.
    out, _ = sweep(max_percent=100)
    assert "3 avatar files, 0 of them without need" in out


class Lazily(Memory):
    """Lists one by one, or in no order."""

    kind: Any = iter

    def listdir(self, path: str) -> Any:
        folders, files = super().listdir(path)
        return type(self).kind(folders), type(self).kind(files)


@pytest.fixture
def lazily(settings: Any) -> Any:
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": f"{__name__}.Lazily"}}
    return storages["default"]


@pytest.mark.parametrize(
    "kind", [iter, set, tuple, dict.fromkeys, lambda names: (name for name in names)]
)
def test_e5_a_listing_that_is_no_list(kind, lazily, monkeypatch):
    monkeypatch.setattr(Lazily, "kind", staticmethod(kind))
    kept, lost = team(), lose(team())
    assert keys(lazily) == files_of(column(kept)) | files_of(lost)
    sweep(delete=True, **ALL)
    assert there(lazily) == files_of(column(kept))
    out = io.StringIO()
    call_command("avatar_doctor", stdout=out, stderr=io.StringIO())
    assert "ok       list          it is there" in out.getvalue()


def test_e5_a_listing_that_fails_in_its_middle(lazily, monkeypatch):
    def cut_off(names: Any) -> Any:
        yield from names
        raise ConnectionError("nobody answers")

    monkeypatch.setattr(Lazily, "kind", staticmethod(cut_off))
    team()
    with pytest.raises(CommandError, match="“default” could not be listed: nobody answers"):
        sweep(**ALL)


@pytest.mark.parametrize("size", [None, 12.0, 0])
def test_e5_a_storage_that_does_not_know_the_size(size, place, monkeypatch):
    monkeypatch.setattr(type(place), "size", lambda self, name: size)
    lose(team())
    out, _err = sweep(delete=True, **ALL)
    assert out.count(f"({int(size or 0)} bytes)") >= 3
    assert there(place) == set()


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Have nobody look into a folder of the default storage."""

    def close(folder: str) -> None:
        backend = type(storages["default"])
        original = backend.listdir

        def listdir(self: Any, path: str) -> Any:
            if path.rstrip("/") == folder:
                raise PermissionError(13, "Permission denied")
            return original(self, path)

        monkeypatch.setattr(backend, "listdir", listdir)

    return close


@pytest.mark.parametrize(("folder", "shown"), [("", "/"), ("avatars", "avatars/")])
def test_e5_a_folder_of_avatars_that_nobody_may_look_into(folder, shown, closed, files):
    lost = lose(team())
    closed(folder)
    with pytest.raises(CommandError) as caught:
        sweep(delete=True, **ALL)
    assert str(caught.value) == (
        f"The storage “default” could not be listed: nobody may look into its folder “{shown}” "
        "(Permission denied). Let the user that this process runs as read it."
    )
    assert files() == files_of(lost)
    (found,) = (
        finding
        for finding in doctor.examine(doctor.probed_storages()[0])
        if finding.what == "list"
    )
    assert found.level == "failure"
    assert found.found == (f"PermissionError: [Errno 13] Permission denied: {shown!r}")
    assert found.advice.startswith("Let the user that this process runs as read")


def test_e5_a_file_that_a_listing_leaves_out_is_not_listed(media):
    key = column(team())
    place = storages["default"]
    assert storage.is_listed(place, key)
    (media / key).unlink()
    assert not storage.is_listed(place, key)


def test_e5_the_folder_that_was_asked_for(closed):
    closed("photos")
    with pytest.raises(CommandError, match="nobody may look into its folder “photos/”"):
        sweep(prefix="photos", **ALL)


@pytest.mark.parametrize("folder", ["lost+found", "avatars/lost+found"])
def test_e5_any_other_folder_that_nobody_may_look_into_is_left_out(
    folder, closed, media, files, caplog
):
    kept, lost = team(), lose(team())
    (media / folder).mkdir()
    closed(folder)
    sweep(delete=True, **ALL)
    assert files() == files_of(column(kept))
    assert files_of(lost).isdisjoint(files())
    assert f"Cannot look into “{folder}/”" in caplog.text


# --- E8: an exception of the site's own kind ---------------------------------------------------


class SoftTimeLimit(Exception):  # noqa: N818
    """As a task queue raises it in the middle of whatever the task is doing."""


class Late(Memory):
    """Time is up in the middle of a call, which may have come to its end."""

    at: str = ""
    nth: int = 1
    times: int = 1
    error: type[BaseException] = SoftTimeLimit


def _late(method: str) -> Any:
    original = getattr(InMemoryStorage, method)

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = original(self, *args, **kwargs)
        if self.at == method:
            Late.nth -= 1
            if -Late.times < Late.nth <= 0:
                raise Late.error("time is up")
        return result

    return call


for _method in ("_save", "_open", "delete", "exists", "listdir", "get_modified_time", "size"):
    setattr(Late, _method, _late(_method))


@pytest.fixture
def late(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": f"{__name__}.Late"}}

    def at(method: str, nth: int = 1, times: int = 1, error: Any = SoftTimeLimit) -> None:
        for name, value in {"at": method, "nth": nth, "times": times, "error": error}.items():
            monkeypatch.setattr(Late, name, value)

    return at


@pytest.mark.parametrize("nth", [1, 2, 3])
@pytest.mark.lifecycle
def test_e8_while_an_avatar_is_written(late, nth):
    late("_save", nth)
    with pytest.raises(SoftTimeLimit):
        team()
    assert there(storages["default"]) == set()


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.lifecycle
def test_e8_while_that_is_undone(monkeypatch, late, times):
    original = Late._save

    def full(self: Any, name: str, content: Any) -> str:
        original(self, name, content)
        if len(there(self)) == 3:
            raise OSError(28, "No space left on device")
        return name

    monkeypatch.setattr(Late, "_save", full)
    late("delete", 1, times)
    with pytest.raises(SoftTimeLimit) as caught:
        team()
    assert isinstance(caught.value.__cause__, StorageError)
    assert there(storages["default"]) == set()


@pytest.mark.lifecycle
def test_e8_the_first_interruption_is_the_one_that_is_told(monkeypatch, late):
    original = Late._save

    def cancelled(self: Any, name: str, content: Any) -> str:
        original(self, name, content)
        raise KeyboardInterrupt

    monkeypatch.setattr(Late, "_save", cancelled)
    late("delete")
    with pytest.raises(KeyboardInterrupt):
        team()
    assert there(storages["default"]) == set()


@pytest.mark.parametrize("error", [ValueError, OSError, NotImplementedError, StorageError])
@pytest.mark.lifecycle
def test_e8_what_a_storage_raises_itself_is_told_as_before(late, monkeypatch, error):
    late(
        "_save",
        error=lambda text: error(key="x", reason="y") if error is StorageError else error(text),
    )
    with pytest.raises(StorageError):
        team()
    assert there(storages["default"]) == set()


@pytest.mark.lifecycle
def test_e8_while_a_file_is_read(late):
    key = column(team())
    late("_open")
    with pytest.raises(SoftTimeLimit):
        storage.read(storages["default"], key)


@pytest.mark.lifecycle
def test_e8_while_files_are_deleted(late, caplog):
    names = sorted(files_of(column(team())))
    late("delete", 2)
    with pytest.raises(SoftTimeLimit):
        storage.delete_all(storages["default"], names)
    assert there(storages["default"]) == {names[2]}
    assert "avatar_sweep will find what is left" in caplog.text
    assert all(f"“{name}”" in caplog.text for name in names)


COMMANDS = [
    ("avatar_sweep", "listdir", {}),
    ("avatar_sweep", "get_modified_time", {"min_age": "0.0001s"}),
    ("avatar_sweep", "size", {"min_age": 0}),
    ("avatar_sweep", "delete", {"min_age": 0, "max_percent": 100, "delete": True}),
    ("avatar_build", "exists", {}),
    ("avatar_build", "_open", {"force": True}),
    ("avatar_build", "_save", {"force": True}),
    ("avatar_copy", "_open", {"source": "default", "target": "renditions"}),
    ("avatar_copy", "exists", {"source": "renditions", "target": "default"}),
]


@pytest.mark.parametrize(("command", "method", "options"), COMMANDS)
@pytest.mark.lifecycle
def test_e8_a_command_ends(late, command, method, options):
    row, lost = team(), team()
    lose(lost)
    before = there(storages["default"])
    late(method)
    arguments = []
    if command == "avatar_copy":
        options = dict(options)
        arguments = ["--from", options.pop("source"), "--to", options.pop("target")]
    with pytest.raises(SoftTimeLimit):
        call_command(command, *arguments, stdout=io.StringIO(), stderr=io.StringIO(), **options)
    left = there(storages["default"])
    assert files_of(column(row)) <= left <= before


@pytest.mark.lifecycle
def test_e8_while_a_storage_is_made(monkeypatch, settings):
    def stop(*args: Any, **kwargs: Any) -> Any:
        raise SoftTimeLimit

    settings.STORAGES = {**settings.STORAGES, "late": {"BACKEND": f"{__name__}.Late"}}
    monkeypatch.setattr(Late, "__init__", stop)
    with pytest.raises(SoftTimeLimit):
        call_command("avatar_copy", "--from", "renditions", "--to", "late", verbosity=0)


@pytest.mark.lifecycle
def test_e8_while_two_storages_are_tried_out(settings, late):
    settings.STORAGES = {
        **settings.STORAGES,
        "late": {"BACKEND": f"{__name__}.Late"},
        "old": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    }
    settings.AVATAR_KIT = {"SIZES": (16, 32), "STORAGE": "late"}
    late("_save")
    with pytest.raises(SoftTimeLimit):
        call_command(
            "avatar_copy", "--from", "old", "--to", "late", "--delete-source", verbosity=0
        )
    assert there(storages["late"]) == set()


# --- E10: a column that may be NULL -------------------------------------------------------------


@pytest.mark.lifecycle
def test_e10_an_avatar_that_may_be_null(files):
    row = Ticket.objects.create()
    plain = models.Value(None, output_field=models.CharField())
    models.QuerySet(Ticket).filter(pk=row.pk).update(avatar=plain)
    row = fresh(row)
    assert not row.avatar
    row.public = True
    row.save()
    assert column(row) is None
    out, _ = sweep(delete=True, **ALL)
    call_command("avatar_build", "testapp.Ticket", verbosity=0)
    assert column(row) is None
    row = fresh(row)
    row.avatar = upload()
    row.save()
    assert files() == files_of(column(row))
    out, _ = sweep(delete=True, **ALL)
    assert "3 avatar files, 0 of them" in out
    row = fresh(row)
    row.public = False
    row.avatar = None
    row.save()
    settle()
    # As a stock ImageField has it.
    assert column(row) == ""
    assert files() == set()
    row.delete()


@pytest.mark.parametrize("command", ["avatar_build", "avatar_copy"])
@pytest.mark.lifecycle
def test_e10_a_full_disk_is_told_once(
    command, media, tmp_path, monkeypatch, settings, caplog, capsys
):
    """On another day, by what is written: a build, or a copy."""
    target = {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": tmp_path / "other"},
    }
    settings.STORAGES = {**settings.STORAGES, "target": target}
    row = Team.objects.create(avatar=upload())
    if command == "avatar_build":
        # Something to do.
        storages["default"].delete(next(iter(files_of(column(row)) - {column(row)})))
    original = FileSystemStorage._save
    attempts = iter([OSError(28, "No space left on device")])

    def full(self, name, content):
        if error := next(attempts, None):
            raise error
        return original(self, name, content)

    monkeypatch.setattr(FileSystemStorage, "_save", full)
    options = {"source": "default", "target": "target"} if command == "avatar_copy" else {}
    with pytest.raises(CommandError):
        call_command(command, verbosity=0, **options)
    told = capsys.readouterr()
    assert (told.out + told.err + caplog.text).count("No space left on device") == 1


@pytest.mark.lifecycle
def test_e10_a_build_tells_a_failure_once_and_a_dry_run_the_same(media, caplog, capsys):
    row = Team.objects.create()
    plain = models.Value("avatars/old.jpg", output_field=models.CharField())
    models.QuerySet(Team).filter(pk=row.pk).update(avatar=plain)
    (media / "avatars").mkdir()
    (media / "avatars/old.jpg").write_bytes(upload(size=(300, 300)).read()[:200])
    for options in ({"dry_run": True}, {}):
        with pytest.raises(CommandError, match="1 of 1 avatar could not be built"):
            call_command("avatar_build", **options)
        told = capsys.readouterr()
        assert (told.out + told.err + caplog.text).count("“avatars/old.jpg”: ") == 1
        assert "would adopt" not in told.out


# --- E10: a column with a name that leads out of the storage -----------------------------------

OUTSIDE = ["/etc/hostname", "..", "../secret.txt", "avatars/../../secret.txt"]


@pytest.fixture(params=OUTSIDE)
def stray(request: Any, tmp_path: Path) -> Any:
    """A row from before the kit, whose column leads to a file that is not the storage's."""
    (tmp_path / "secret.txt").write_bytes(b"secret")
    row = Team.objects.create()
    plain = models.Value(request.param, output_field=models.CharField())
    models.QuerySet(Team).filter(pk=row.pk).update(avatar=plain)
    yield fresh(row)
    assert (tmp_path / "secret.txt").read_bytes() == b"secret"


@pytest.mark.parametrize("options", [{}, {"dry_run": True}, {"check_files": False}])
@pytest.mark.lifecycle
def test_e10_a_build_lists_a_name_that_leads_out_as_a_failure(stray, options, capsys, media):
    (media / "old.jpg").write_bytes(upload().read())
    other = Team.objects.create()
    plain = models.Value("old.jpg", output_field=models.CharField())
    models.QuerySet(Team).filter(pk=other.pk).update(avatar=plain)
    with pytest.raises(CommandError, match="1 of 2 avatars could not be built"):
        call_command("avatar_build", **options)
    told = capsys.readouterr()
    assert "Traceback" not in told.err
    assert told.err.count(f"“{stray.avatar.name}”: ") == 1
    assert column(stray) == stray.avatar.name
    assert (column(other) == "old.jpg") is bool(options.get("dry_run"))


@pytest.mark.lifecycle
def test_e10_a_copy_lists_it_as_missing(stray, capsys):
    row = team()
    with pytest.raises(CommandError, match="1 of 4 files could not be copied"):
        call_command("avatar_copy", "--from", "default", "--to", "renditions")
    told = capsys.readouterr()
    assert "Traceback" not in told.err
    assert f"“{stray.avatar.name}”" in told.err
    assert keys(storages["renditions"]) == files_of(column(row))


@pytest.mark.lifecycle
def test_e10_a_sweep_and_the_doctor_do_without_it(stray, files):
    lose(team())
    sweep(delete=True, **ALL)
    assert files() == set()
    out = io.StringIO()
    call_command("avatar_doctor", stdout=out, stderr=io.StringIO())
    assert "0 failures" in out.getvalue()


@pytest.mark.lifecycle
def test_e10_pages_show_it_as_ever(stray):
    assert rendering.avatar_url(stray, 16).startswith("/")
    assert "<img" in rendering.avatar_html(stray, 16)
    assert rendering.has_avatar(stray)


@pytest.mark.parametrize("how", ["replaced", "cleared", "deleted", "saved", "bulk_update"])
@pytest.mark.lifecycle
def test_e10_such_a_row_is_replaced_and_deleted(stray, how, files, caplog):
    before = column(stray)
    if how == "deleted":
        stray.delete()
    elif how == "bulk_update":
        Team.objects.bulk_update([stray], ["avatar"])
    else:
        if how != "saved":
            stray.avatar = upload() if how == "replaced" else None
        stray.save()
    settle()
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
    if how in {"saved", "bulk_update"}:
        assert column(stray) == before
    else:
        assert files() == (files_of(column(stray)) if how == "replaced" else set())
