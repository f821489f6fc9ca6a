"""Threads for requests over a network: shared by the process, bounded, started when needed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import cache, partial
from typing import Any

#: Enough for an upload of five sizes in three formats to go out at once.
THREADS = 16


# One for each process, since no thread survives a fork, and a lock may have been held. By its id:
# uWSGI forks without calling what is registered with os.register_at_fork().
@cache
def _executor(pid: int) -> ThreadPoolExecutor:  # noqa: ARG001
    # It starts its threads when it is given something to do.
    return ThreadPoolExecutor(THREADS, thread_name_prefix="avatar-kit")


def submit(call: Callable[..., Any], *arguments: Any) -> Future[Any]:
    """Call a function on one of the threads; in this one if the process is about to exit, or if
    the system can start no more.
    """
    future: Future[Any] = Future()
    # Whoever takes the call makes it. An executor that cannot start a thread raises, but has the
    # call in its queue all the same; its own future is lost then.
    calls = [partial(call, *arguments)]
    try:
        _executor(os.getpid()).submit(_run, future, calls)
    except RuntimeError:
        _run(future, calls)
    return future


def _run(future: Future[Any], calls: list[partial[Any]]) -> None:
    try:
        call = calls.pop()
    except IndexError:
        return
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(call())
    except BaseException as error:  # noqa: BLE001 - future.result() raises it
        future.set_exception(error)


@contextmanager
def side_by_side() -> Iterator[Callable[..., Future[Any]]]:
    """Gives a ``submit`` whose calls are all over at the end of the ``with`` block.

    The first call that failed is raised then. After a failure, in a call or in the block, calls
    that have not begun are cancelled.
    """
    futures: list[Future[Any]] = []

    def submit_here(call: Callable[..., Any], *arguments: Any) -> Future[Any]:
        futures.append(submit(call, *arguments))
        return futures[-1]

    try:
        yield submit_here
        wait(futures, return_when="FIRST_EXCEPTION")
    finally:
        for future in futures:
            future.cancel()
        # The caller is about to undo what the running calls do. An exception that ends the
        # waiting, such as the time limit of a task, does not end them.
        try:
            wait(futures)
        except BaseException:
            wait(futures)
            raise
    # A thread that is slow to begin its call may find it cancelled, since a later one has failed.
    for future in futures:
        if not future.cancelled():
            future.result()
