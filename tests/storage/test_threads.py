from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest

from django_avatar_kit.storage import threads as workers
from django_avatar_kit.storage.threads import side_by_side, submit
from tests.support.processes import python


@pytest.fixture(autouse=True)
def fresh_executor() -> Iterator[None]:
    """No threads of an earlier test, and none for a later one.

    In Python 3.10 and 3.11, an executor that once could not start a thread counts one idle thread
    too many from then on, and starts one too few.
    """
    # A test may put something else in its place.
    executor = workers._executor
    executor.cache_clear()
    yield
    executor.cache_clear()


def test_calls_go_on_side_by_side():
    together = threading.Barrier(workers.THREADS, timeout=10)
    with side_by_side() as add:
        for _ in range(workers.THREADS):
            add(together.wait)


def test_there_are_no_more_threads_than_that():
    running, most, lock = 0, 0, threading.Lock()

    def call() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.002)
        with lock:
            running -= 1

    with side_by_side() as add:
        for _ in range(5 * workers.THREADS):
            add(call)
    assert 1 < most <= workers.THREADS


def test_all_calls_are_over_at_the_end_of_the_block():
    done: list[int] = []
    with side_by_side() as add:
        for number in range(40):
            add(done.append, number)
    assert sorted(done) == list(range(40))


def test_a_call_that_was_cancelled_as_its_thread_woke_up_hides_no_failure(monkeypatch):
    original = workers._run

    def fail() -> None:
        raise OSError("no network")

    def run(future: Any, calls: Any) -> None:
        late = time.monotonic() + 10
        while calls[0].func is int and not future.cancelled() and time.monotonic() < late:
            time.sleep(0.001)
        original(future, calls)

    monkeypatch.setattr(workers, "_run", run)
    with pytest.raises(OSError, match="no network"), side_by_side() as add:
        first = add(int)
        add(fail)
    assert first.cancelled()


def test_the_first_failure_is_raised_and_what_has_not_begun_is_given_up():
    begun: list[int] = []
    hold = threading.Event()

    def wait(number: int) -> None:
        begun.append(number)
        if number == 0:
            raise ValueError("the first")
        hold.wait(0.2)

    with pytest.raises(ValueError, match="the first"), side_by_side() as add:
        for number in range(10 * workers.THREADS):
            add(wait, number)
    assert len(begun) < 10 * workers.THREADS


def test_a_failure_in_the_block_is_passed_on_when_all_calls_are_over():
    over: list[str] = []

    def late() -> None:
        time.sleep(0.05)
        over.append("call")

    with pytest.raises(KeyError, match="block"), side_by_side() as add:
        future = add(late)
        while not future.running():
            time.sleep(0.001)
        raise KeyError("block")
    assert over == ["call"]


def test_an_interruption_while_waiting_waits_for_what_has_begun(monkeypatch):
    over: list[str] = []
    real = workers.wait
    calls: list[object] = []

    def interrupted(futures: object, **options: object) -> object:
        calls.append(futures)
        if len(calls) == 1:
            raise KeyboardInterrupt
        return real(futures, **options)  # type: ignore[arg-type]

    def late() -> None:
        time.sleep(0.05)
        over.append("call")

    monkeypatch.setattr(workers, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt), side_by_side() as add:
        add(late)
        time.sleep(0.01)
    assert over == ["call"]


def test_no_thread_is_started_before_there_is_something_to_do():
    code = (
        "import threading, django_avatar_kit.storage.threads as w;"
        "assert threading.active_count() == 1;"
        "w.submit(int).result(); assert threading.active_count() == 2"
    )
    python(code)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="This system has no fork().")
def test_a_forked_child_has_threads_of_its_own():
    # In a process of its own: to fork one with threads is what is tested, and Python warns of it.
    code = (
        "import os, django_avatar_kit.storage.threads as w\n"
        "w.submit(int).result()\n"
        "if os.fork() == 0:\n"
        "    os._exit(w.submit(int, 7).result(timeout=10))\n"
        "assert os.waitstatus_to_exitcode(os.wait()[1]) == 7\n"
    )
    python(code, "-W", "ignore")


def test_where_the_interpreter_exits_a_call_is_done_here_and_now(monkeypatch):
    class Shut:
        def submit(self, *arguments: object) -> None:
            raise RuntimeError("cannot schedule new futures after interpreter shutdown")

    monkeypatch.setattr(workers, "_executor", lambda pid: Shut())
    assert submit(threading.get_ident).result() == threading.get_ident()
    with pytest.raises(ZeroDivisionError):
        submit(divmod, 1, 0).result()


def test_a_call_is_done_once_where_no_thread_can_be_started(monkeypatch):
    done: list[str] = []
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", mock.Mock(side_effect=RuntimeError("no thread")))
        submit(done.append, "first").result(timeout=10)
    # The executor had queued it all the same, and has a thread now.
    submit(done.append, "second").result(timeout=10)
    assert done == ["first", "second"]


def test_what_ends_the_waiting_does_not_end_what_is_waited_for(monkeypatch):
    waited: list[int] = []
    original = workers.wait

    def wait(futures: Any, **options: Any) -> Any:
        waited.append(1)
        if len(waited) == 1:
            raise Interrupted
        return original(futures, **options)

    done: list[str] = []

    def slowly() -> None:
        time.sleep(0.05)
        done.append("slowly")

    monkeypatch.setattr(workers, "wait", wait)
    with pytest.raises(Interrupted), side_by_side() as add:
        add(slowly)
        time.sleep(0.02)
        raise ValueError
    assert done == ["slowly"]


class Interrupted(Exception):  # noqa: N818
    """A task's time limit, which is due while the thread waits."""
