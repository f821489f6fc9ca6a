"""``avatar_build``: which rows are built, and what the command says."""

from __future__ import annotations

import io
import sys
from contextlib import closing
from functools import partial
from itertools import cycle
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.storage import storages
from django.core.management import CommandError, call_command
from django.core.management.base import OutputWrapper
from django.db import models
from django.db.models.expressions import DatabaseDefault
from django.db.models.functions import Lower
from django.db.models.signals import post_save, pre_save

from django_avatar_kit import pipeline, signals
from django_avatar_kit.maintenance import avatars, progress
from django_avatar_kit.maintenance import build as building
from django_avatar_kit.test import make_image
from tests.support.build import (
    avatar,
    build,
    old_file,
    old_team,
    summary,
    team,
)
from tests.support.lifecycle import (
    column,
    files_of,
    make_profile,
    name_of,
    needed,
    set_column,
    upload,
)
from tests.testapp.models import Bare, Channel, Pet, Profile, Team

pytestmark = [
    pytest.mark.lifecycle,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("small"),
]


# --- what is up to date ----------------------------------------------------------------------


def test_what_is_up_to_date_is_left_alone(files):
    row = team()
    Team.objects.create()
    before = files(), column(row)
    out, err = build()
    assert summary(out) == (
        "1 checked: 0 rebuilt, 0 adopted, 1 up to date, 0 changed meanwhile, 0 failed."
    )
    assert err == ""
    assert (files(), column(row)) == before


def test_a_default_is_left_alone(media, files):
    old_file(media, "defaults/badge.png")
    Channel.objects.create()
    out, _ = build()
    assert summary(out).startswith("1 checked: 0 rebuilt, 0 adopted, 1 up to date")
    assert files() == {"defaults/badge.png"}


def test_the_default_of_another_field_is_left_alone(media, files):
    row = old_team(media, "defaults/badge.png", format="png")
    out, _ = build("testapp.Team")
    assert summary(out).startswith("1 checked: 0 rebuilt, 0 adopted, 1 up to date")
    assert column(row) == "defaults/badge.png"
    assert files() == {"defaults/badge.png"}


@pytest.mark.parametrize("by", ["callable", "database"])
def test_what_may_be_a_default_is_left_alone(settings, monkeypatch, media, files, by):
    """Each row has one of several."""
    own, stock = team(), old_team(media, "stock/1.png", format="png")
    other = old_team(media, "stock/2.png", format="png")
    if by == "callable":
        default = partial(next, cycle(["stock/1.png", "stock/2.png"]))
        monkeypatch.setattr(avatar(), "default", default)
        # Django keeps what it once found out of it.
        monkeypatch.setitem(avatar().__dict__, "_get_default", default)
    else:
        default = DatabaseDefault(Lower(models.Value("STOCK/1.PNG")))
        # What Django makes of db_default.
        monkeypatch.setitem(avatar().__dict__, "_get_default", lambda: default)
    settings.AVATAR_KIT = {"SIZES": (24,)}
    out, _ = build("testapp.Team")
    assert out.startswith("testapp.Team.avatar: 2 files from before the kit left alone. Its defau")
    assert summary(out).startswith("3 checked: 1 rebuilt, 0 adopted, 2 up to date")
    assert (column(stock), column(other)) == ("stock/1.png", "stock/2.png")
    assert files() == {"stock/1.png", "stock/2.png", *name_of(own).files}
    assert build("testapp.Team", verbosity=0)[0] == ""


def test_batches_are_read_in_the_order_of_the_keys(monkeypatch):
    monkeypatch.setattr(avatars, "BATCH", 2)
    created = [team().pk for _ in range(5)]
    results = list(building.build(avatar()))
    assert [result.row.pk for result in results] == created
    assert avatars.count(avatar()) == 5


# --- files from before the kit ---------------------------------------------------------------


def test_a_file_from_before_the_kit_is_adopted(media, files):
    row = old_team(media)
    out, _ = build(verbosity=2)
    assert "“avatars/old.jpg”: adopt (from before the kit)" in out
    assert summary(out).startswith("1 checked: 0 rebuilt, 1 adopted")
    assert name_of(row).sizes == (16, 32)
    assert files() == set(name_of(row).files)
    assert summary(build()[0]).startswith("1 checked: 0 rebuilt, 0 adopted, 1 up to date")


def test_an_adopted_file_stays_while_another_row_uses_it(media, files):
    row = old_team(media)
    stock = Bare.objects.create(photo="avatars/old.jpg")
    build()
    assert files() == {"avatars/old.jpg", *name_of(row).files}
    Bare.objects.filter(pk=stock.pk).delete()


def test_two_rows_that_share_a_file_get_one_each(media, files):
    first, second = old_team(media), Team.objects.create()
    set_column(second, "avatars/old.jpg")
    build()
    assert name_of(first).token != name_of(second).token
    assert files() == {*name_of(first).files, *name_of(second).files}


def test_a_file_that_cannot_be_used_is_left_alone(settings, media, files, caplog):
    broken, gone, large, fine = (old_team(media, f"avatars/{i}.jpg") for i in range(4))
    (media / "avatars/0.jpg").write_bytes(b"not an image")
    (media / "avatars/1.jpg").unlink()
    (media / "avatars/2.jpg").write_bytes(make_image((60, 50)))
    settings.AVATAR_KIT = {"SIZES": (16, 32), "MAX_PIXELS": 2500}
    err = io.StringIO()
    with pytest.raises(CommandError, match="3 of 4 avatars"):
        call_command("avatar_build", stdout=io.StringIO(), stderr=err)
    assert [column(row) for row in (broken, gone, large)] == [f"avatars/{i}.jpg" for i in range(3)]
    assert files() == {"avatars/0.jpg", "avatars/2.jpg", *name_of(fine).files}
    assert err.getvalue().count("“0.jpg” is not an image") == 1
    assert f"pk {large.pk}, “avatars/2.jpg”: “2.jpg” has 60 × 50 pixels" in err.getvalue()
    assert "Traceback" not in err.getvalue()
    assert caplog.text == ""
    with pytest.raises(CommandError, match="3 of 4 avatars"):
        build(check_files=False)


def test_an_unforeseen_error_is_told_with_its_traceback(monkeypatch, media, files, caplog):
    first, second = old_team(media, "avatars/1.jpg"), old_team(media, "avatars/2.jpg")
    cut = pipeline.cut

    def fail_once(*args: Any) -> Any:
        monkeypatch.setattr(pipeline, "cut", cut)
        raise ZeroDivisionError("nobody saw it coming")

    monkeypatch.setattr(pipeline, "cut", fail_once)
    err = io.StringIO()
    with pytest.raises(CommandError, match="1 of 2"):
        call_command("avatar_build", stdout=io.StringIO(), stderr=err)
    lines = err.getvalue().splitlines()
    assert lines[0].endswith("“avatars/1.jpg”: nobody saw it coming")
    assert lines[1] == "Traceback (most recent call last):"
    assert lines[-1] == "ZeroDivisionError: nobody saw it coming"
    assert caplog.text == ""
    assert column(first) == "avatars/1.jpg"
    assert name_of(second)
    build()
    assert files() == needed()


def test_upload_to_is_given_the_row(media, settings):
    pet = Pet.objects.create(avatar=upload(), name="bo")
    settings.AVATAR_KIT = {"SIZES": (8,)}
    Pet.objects.filter(pk=pet.pk).update(name="rufus")
    build()
    assert column(pet).startswith("pets/rufus/")


# --- nothing else of the row -----------------------------------------------------------------


def test_no_save_signals_no_other_columns_and_the_kits_own_signal(settings, media):
    row = old_team(media)
    sent: list[Any] = []

    def saved(**kwargs: Any) -> None:
        raise AssertionError

    def updated(**kwargs: Any) -> None:
        sent.append((kwargs["instance"].avatar.name, kwargs["added"], kwargs["removed"]))

    for signal in (pre_save, post_save):
        signal.connect(saved, sender=Team)
    signals.avatar_updated.connect(updated)
    try:
        build()
    finally:
        for signal in (pre_save, post_save):
            signal.disconnect(saved, sender=Team)
        signals.avatar_updated.disconnect(updated)
    assert sent == [(column(row), name_of(row).files, ("avatars/old.jpg",))]


# --- the command -----------------------------------------------------------------------------


def test_dry_run(settings, media, files):
    row = team()
    old_team(media)
    settings.AVATAR_KIT = {"SIZES": (8,)}
    before = files()
    out, _ = build(dry_run=True, force=True)
    first, second, last = out.splitlines()
    this, other = (f"testapp.Team.avatar of pk {row.pk + i}" for i in range(2))
    assert first == f"{this}, “{column(row)}”: would rebuild (sizes 16 32 become 8)"
    assert second == f"{other}, “avatars/old.jpg”: would adopt (from before the kit)"
    assert last.startswith("2 checked: 1 to be rebuilt, 1 to be adopted, 0 up to date")
    assert files() == before


@pytest.mark.parametrize("damage", [b"", b"half"])
def test_a_dry_run_promises_nothing_that_would_fail(media, files, damage):
    fine, damaged, gone, key = (old_team(media, f"avatars/{i}.jpg") for i in range(4))
    path = media / "avatars/1.jpg"
    path.write_bytes(path.read_bytes()[:400] if damage else damage)
    (media / "avatars/2.jpg").unlink()
    before = files()
    failures = []
    for options in ({"dry_run": True}, {}):
        err = io.StringIO()
        with pytest.raises(CommandError, match="2 of 4 avatars could not be built"):
            call_command("avatar_build", stdout=io.StringIO(), stderr=err, **options)
        failures.append(err.getvalue())
        if options:
            assert files() == before
    assert failures[0] == failures[1]
    assert [column(row) for row in (damaged, gone)] == ["avatars/1.jpg", "avatars/2.jpg"]
    assert name_of(fine)
    assert name_of(key)


def test_a_dry_run_looks_at_the_masters_and_the_keys_too(settings, monkeypatch, media):
    broken, long = team(), team(color="red")
    (media / column(broken)).write_bytes(b"not an image")
    settings.AVATAR_KIT = {"SIZES": (8,)}
    monkeypatch.setattr(avatar(), "max_length", len(column(long)) - 5)
    err = io.StringIO()
    with pytest.raises(CommandError, match="2 of 2 avatars could not be built"):
        call_command(
            "avatar_build", "testapp.Team", dry_run=True, stdout=io.StringIO(), stderr=err
        )
    assert "is not an image" in err.getvalue()
    assert "the column takes" in err.getvalue()


class TimeIsUp(Exception):  # noqa: N818
    """As a task queue raises it in the middle of whatever goes on."""


def test_a_time_limit_ends_the_run(monkeypatch, media, files):
    first, second = old_team(media, "avatars/1.jpg"), old_team(media, "avatars/2.jpg")
    before = files()

    def late(*args: Any) -> Any:
        raise TimeIsUp

    monkeypatch.setattr(pipeline, "cut", late)
    with pytest.raises(TimeIsUp):
        build()
    monkeypatch.setattr(type(storages["default"]), "open", late)
    with pytest.raises(TimeIsUp):
        build(check_files=False)
    assert [column(row) for row in (first, second)] == ["avatars/1.jpg", "avatars/2.jpg"]
    assert files() == before


def test_silence(settings, media):
    old_team(media)
    assert build(verbosity=0) == ("", "")


@pytest.mark.parametrize(
    ("labels", "found"),
    [
        (["testapp.Channel"], ["avatar", "banner", "badge"]),
        (["testapp.channel.banner"], ["banner"]),
        (["testapp.Channel", "testapp.Channel.banner"], ["avatar", "banner", "badge"]),
        (["testapp.League"], ["avatar"]),
        (["testapp.ProxyProfile.avatar"], ["avatar"]),
        (["testapp.Captain"], ["avatar", "face"]),
    ],
)
def test_labels(labels, found):
    assert [field.name for field in avatars.fields_of(labels)] == found


def test_only_what_the_label_names(settings):
    profile, row = make_profile(), team()
    settings.AVATAR_KIT = {"SIZES": (8,)}
    build("testapp.Team.avatar")
    assert name_of(row).sizes == (8,)
    assert name_of(profile).sizes == (16, 32)
    assert isinstance(profile, Profile)


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ("testapp", "There is no model “testapp”."),
        ("testapp.Nobody", "There is no model “testapp.Nobody”."),
        ("testapp.Bare", "“testapp.Bare” has no AvatarField. These there are: testapp."),
        ("testapp.Team.name", "“testapp.Team.name” has no AvatarField."),
    ],
)
def test_unknown_labels(label, message):
    with pytest.raises(CommandError, match=message.replace(".", r"\.")):
        build(label)


def test_options_that_make_no_sense():
    with pytest.raises(CommandError, match=r"^--before goes with --force\.$"):
        build(before="2026-03-01")
    for text in ("yesterday", "2026-13-01T00:00"):
        with pytest.raises(CommandError, match=f"“{text}” is no time"):
            build(before=text, force=True)


@pytest.mark.django_db(transaction=True, databases=["default", "other"])
def test_another_database(settings):
    here, there = team(), Team(avatar=upload())
    there.save(using="other")
    settings.AVATAR_KIT = {"SIZES": (8,)}
    build(using="other")
    assert name_of(there).sizes == (8,)
    assert name_of(here).sizes == (16, 32)


def test_files_go_to_the_storage_that_is_configured_now(media, files):
    """A user with a profile, by the way: the row is found by its own key."""
    user = User.objects.create(username="eve")
    profile = Profile.objects.create(user=user)
    set_column(profile, old_file(media))
    build()
    assert storages["default"].exists(column(profile))
    assert files() == files_of(column(profile))


# --- progress --------------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Bar:
    """What the kit uses of tqdm."""

    made: list[Bar] = []

    def __init__(self, **options: Any) -> None:
        self.options, self.calls = options, []
        self.made.append(self)

    def __getattr__(self, name: str) -> Any:
        return lambda *args: self.calls.append(name)


def test_a_bar_in_a_terminal(monkeypatch, media):
    monkeypatch.setitem(sys.modules, "tqdm", SimpleNamespace(tqdm=Bar))
    old_team(media)
    terminal = Terminal()
    # At verbosity 2, each row has a line above the bar.
    options = {"stdout": io.StringIO(), "stderr": terminal, "verbosity": 2}
    call_command("avatar_build", "testapp.Team", dry_run=True, **options)
    bar = Bar.made.pop()
    assert bar.calls == ["clear", "update", "close"]
    # Without a file of its own, it writes to sys.stderr.
    assert bar.options == {"desc": "testapp.Team.avatar", "total": 1, "leave": False}
    old_file(media)
    call_command("avatar_build", stdout=io.StringIO(), stderr=terminal, verbosity=0, dry_run=True)
    assert Bar.made == []


@pytest.mark.parametrize(
    ("total", "line"), [(2000, "Teams: 1,001 of 2,000"), (None, "Teams: 1,001")]
)
@pytest.mark.parametrize("terminal", [True, False])
def test_lines_elsewhere(monkeypatch, total, line, terminal):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    err = Terminal() if terminal else io.StringIO()
    now = 100.0
    monkeypatch.setattr(progress.time, "monotonic", lambda: now)
    with closing(progress.Progress(OutputWrapper(err), "Teams", total=total)) as lines:
        for _ in range(1000):
            lines.step()
        assert err.getvalue() == ""
        now += progress.PAUSE
        lines.step()
        lines.step()
    assert err.getvalue() == f"{line}\n"
