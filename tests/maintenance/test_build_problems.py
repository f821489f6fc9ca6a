"""``avatar_build``: files that cannot become avatars, and how a site settles them; ``--jobs``."""

from __future__ import annotations

import io
import threading
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from django_avatar_kit.maintenance import build as building
from django_avatar_kit.maintenance import parallel, problems
from django_avatar_kit.test import make_image
from tests.support.build import build, old_team, summary, team
from tests.support.lifecycle import column, name_of, set_column
from tests.testapp.models import Team

pytestmark = [
    pytest.mark.lifecycle,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("small"),
]


def failed(**options: Any) -> tuple[str, str, str]:
    """What a run prints that fails, and its error."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.raises(CommandError) as error:
        call_command("avatar_build", "testapp.Team", stdout=out, stderr=err, **options)
    return out.getvalue(), err.getvalue(), str(error.value)


@pytest.fixture
def gone(media) -> Team:
    """One of six whose file is gone."""
    for number in range(5):
        team(color=(number, 0, 0))
    row = old_team(media, "avatars/gone.jpg")
    (media / "avatars/gone.jpg").unlink()
    return row


@pytest.fixture
def half(media) -> Team:
    """One of six with half a JPEG."""
    for number in range(5):
        team(color=(number, 0, 0))
    row = old_team(media, "avatars/half.jpg")
    data = make_image((60, 40))
    (media / "avatars/half.jpg").write_bytes(data[: len(data) // 2])
    return row


# --- listed once, with a way out --------------------------------------------------------------


def test_a_file_that_is_gone_is_listed_with_the_way_out(gone):
    out, err, error = failed()
    assert err == (
        "1 file is gone:\n"
        f"  testapp.Team.avatar of pk {gone.pk}, “avatars/gone.jpg”\n"
        "Bring them back, or run this once with --missing=clear, which empties the columns of "
        "these rows, or always with --missing=keep.\n"
    )
    assert summary(out).endswith(", 0 changed meanwhile, 1 failed.")
    assert error == "1 of 6 avatars could not be built."


def test_a_file_that_cannot_be_used_is_listed_with_the_way_out(half):
    _, err, error = failed()
    assert err == (
        "1 file cannot be used:\n"
        f"  testapp.Team.avatar of pk {half.pk}, “avatars/half.jpg”: “half.jpg” is damaged or "
        "incomplete. Save it again and upload the new copy.\n"
        "Put usable files in their places, or run this once with --unusable=clear, which empties "
        "the columns of those from before the kit and leaves the files, or always with "
        "--unusable=keep.\n"
    )
    assert error == "1 of 6 avatars could not be built."


# --- keep -------------------------------------------------------------------------------------


def test_rows_that_are_kept_fail_no_run(gone, media, files):
    other = old_team(media, "avatars/text.jpg")
    (media / "avatars/text.jpg").write_bytes(b"text")
    before = files(), column(gone), column(other)
    out, err = build("testapp.Team", missing="keep", unusable="keep")
    assert err == ""
    assert summary(out).endswith(", 0 changed meanwhile, 0 failed, 2 kept.")
    assert (files(), column(gone), column(other)) == before


# --- clear ------------------------------------------------------------------------------------


def test_rows_whose_file_is_gone_are_cleared(gone, files):
    before = files()
    out, err = build("testapp.Team", missing="clear")
    assert err == ""
    line = f"testapp.Team.avatar of pk {gone.pk}, “avatars/gone.jpg”: cleared\n"
    assert out == line + summary(out) + "\n"
    assert summary(out).endswith(", 0 changed meanwhile, 0 failed, 1 cleared.")
    assert column(gone) == ""
    assert files() == before
    assert summary(build("testapp.Team")[0]).startswith("5 checked")


def test_a_file_that_cannot_be_used_stays_when_its_row_is_cleared(half, files):
    before = files()
    out, _ = build("testapp.Team", unusable="clear")
    assert "“avatars/half.jpg”: cleared\n" in out
    assert column(half) == ""
    assert files() == before


def test_a_dry_run_clears_nothing(gone):
    out, _ = build("testapp.Team", missing="clear", dry_run=True)
    assert "“avatars/gone.jpg”: would be cleared\n" in out
    assert column(gone) == "avatars/gone.jpg"


def test_what_is_uploaded_meanwhile_is_not_cleared(monkeypatch, gone):
    clear_name = problems.clear_name

    def upload_first(row: Any) -> bool:
        set_column(gone, "avatars/new.jpg")
        return clear_name(row)

    monkeypatch.setattr(problems, "clear_name", upload_first)
    out, _ = build("testapp.Team", missing="clear")
    assert summary(out).endswith(", 1 changed meanwhile, 0 failed.")
    assert column(gone) == "avatars/new.jpg"


def test_a_storage_that_is_not_mounted_clears_nothing(media, gone):
    for row in Team.objects.all()[:2]:
        for file in name_of(row).files:
            (media / file).unlink()
    before = list(Team.objects.values_list("pk", "avatar"))
    _, _, error = failed(missing="clear")
    assert error == (
        "3 of 6 rows would be cleared, which is 50 %, more than --max-percent 20. Nothing was "
        "cleared. If the storage is the right one, raise --max-percent."
    )
    assert list(Team.objects.values_list("pk", "avatar")) == before
    out, _ = build("testapp.Team", missing="clear", max_percent="50")
    assert summary(out).endswith("3 cleared.")


@pytest.mark.parametrize("percent", ["-1", "101", "some"])
def test_a_share_that_cannot_be(percent):
    assert failed(missing="clear", max_percent=percent)[2] == (
        f"“{percent}” is no percentage. Write a number from 0 to 100."
    )


def test_an_avatar_that_is_still_shown_is_not_cleared(media, gone):
    """Its original is gone, or damaged, and its renditions are there."""
    first, second = Team.objects.all()[:2]
    (media / name_of(first).files[0]).unlink()
    # It lists one size less than it should, so that it has to be built.
    set_column(second, column(second).replace("-16_32-", "-16-"))
    (media / column(second)).write_bytes(b"damaged")
    _, err, error = failed(missing="clear", unusable="clear", max_percent=100)
    assert error == "2 of 6 avatars could not be built."
    assert "1 file is gone:" in err
    assert "1 file cannot be used:" in err
    assert Team.objects.exclude(avatar="").count() == 5


# --- several at a time ------------------------------------------------------------------------


def test_many_rows_in_parallel_give_what_one_by_one_gives(monkeypatch, media, files):
    closed: list[int] = []
    original = parallel.connections.close_all

    def close() -> None:
        closed.append(1)
        original()

    monkeypatch.setattr(parallel.connections, "close_all", close, raising=False)
    rows = [old_team(media, f"avatars/{number}.jpg") for number in range(12)]
    out, err = build("testapp.Team", jobs=3)
    assert err == ""
    assert summary(out).startswith("12 checked: 0 rebuilt, 12 adopted, 0 up to date")
    assert files() == {file for row in rows for file in name_of(row).files}
    assert len(closed) == 3


def test_results_come_in_the_order_of_the_rows():
    rows = [team().pk for _ in range(7)]
    field: Any = Team._meta.get_field("avatar")
    assert [result.row.pk for result in building.build(field, jobs=3)] == rows


def test_an_error_in_a_thread_ends_the_run_after_those_that_have_begun():
    def fail(number: int) -> int:
        if number == 1:
            raise KeyboardInterrupt
        return number

    results = parallel.side_by_side(fail, iter(range(1000)), 2)
    assert next(results) == 0
    with pytest.raises(KeyboardInterrupt):
        list(results)


def test_a_run_that_is_given_up_leaves_no_thread():
    begun: list[int] = []
    results = parallel.side_by_side(begun.append, range(1000), 2)
    next(results)
    results.close()
    assert len(begun) < 10


def test_a_run_that_can_start_too_few_threads_ends(monkeypatch):
    start, started = threading.Thread.start, []

    def start_one(thread: threading.Thread) -> None:
        if started:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_one)
    with pytest.raises(RuntimeError, match="can't start new thread"):
        list(parallel.side_by_side(str, range(9), 2))
    assert not started[0].is_alive()
