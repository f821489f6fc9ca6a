"""Threads for what waits for a network: shared by the process, bounded, made when first needed."""

from __future__ import annotations

import os
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from typing import TYPE_CHECKING, Any, final

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

#: Enough for an upload of five sizes in three formats to go out at once.
THREADS = 16


def _fresh() -> tuple[int, ThreadPoolExecutor]:
    # It starts its threads when it is given something to do.
    return os.getpid(), ThreadPoolExecutor(THREADS, thread_name_prefix="avatar-kit")


_current = _fresh()


def _executor() -> ThreadPoolExecutor:
    global _current
    if _current[0] != os.getpid():
        # Forked: no thread has survived that, and a lock may have been held.
        _current = _fresh()
    return _current[1]


def submit(call: Callable[..., Any], *arguments: Any) -> Future[Any]:
    """Have something done on one of the threads; at the end of the process, here and now."""
    future: Future[Any] = Future()
    # Whoever takes the call does it. An executor that cannot start a thread raises, and has it in
    # its queue all the same.
    calls: list[Callable[[], Any]] = [partial(call, *arguments)]
    try:
        _executor().submit(_do, future, calls)
    except RuntimeError:
        # The interpreter is about to exit, or the system has no thread left.
        _do(future, calls)
    return future


def _do(future: Future[Any], calls: list[Callable[[], Any]]) -> None:
    try:
        call = calls.pop()
    except IndexError:
        return
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(call())
    except BaseException as error:  # noqa: BLE001 - it waits in the future
        future.set_exception(error)


@final
class Batch:
    """Calls that go on side by side, and are all over at the end of the ``with`` block.

    The first call that failed is raised then. After a failure, in a call or in the block, what has
    not begun is given up.
    """

    def __init__(self) -> None:
        self._futures: list[Future[Any]] = []

    def __enter__(self) -> Batch:
        return self

    def submit(self, call: Callable[..., Any], *arguments: Any) -> None:
        self._futures.append(submit(call, *arguments))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                wait(self._futures, return_when="FIRST_EXCEPTION")
        finally:
            for future in self._futures:
                future.cancel()
            # Somebody is about to undo what these do.
            try:
                wait(self._futures)
            except BaseException:
                # A time limit, for one, which does not end them.
                wait(self._futures)
                raise
        if error is None:
            # They began in this order, so that what was given up comes after what has failed.
            for future in self._futures:
                future.result()
