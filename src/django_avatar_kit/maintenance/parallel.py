"""Several rows at once: threads, each with its own connections to the databases.

Threads are enough: Pillow decodes, scales and encodes without Python's global lock, and storages
wait for the network. Memory is bounded: few rows are read ahead, and each thread works on one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import TypeVar

from django.db import connections

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")
_Tasks = SimpleQueue[tuple["Future[_Result]", _Item] | None]


def side_by_side(
    function: Callable[[_Item], _Result], items: Iterable[_Item], jobs: int
) -> Generator[_Result, None, None]:
    """``function`` of every item, in the order of the items; ``jobs`` calls at a time.

    With one job there is no thread. The first exception of a call ends the run: calls that have
    begun are waited for, and no other is made. The same happens when the generator is closed.
    """
    if jobs == 1:
        yield from map(function, items)
        return
    tasks: _Tasks[_Result, _Item] = SimpleQueue()
    waiting: deque[Future[_Result]] = deque()
    with ThreadPoolExecutor(jobs, thread_name_prefix="avatar-jobs") as threads:
        try:
            # It raises where the system can start no more, and those that were started must end.
            for _ in range(jobs):
                threads.submit(_work, function, tasks)
            for item in items:
                future: Future[_Result] = Future()
                waiting.append(future)
                tasks.put((future, item))
                if len(waiting) >= 2 * jobs:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
            for _ in range(jobs):
                tasks.put(None)


def _work(function: Callable[[_Item], _Result], tasks: _Tasks[_Result, _Item]) -> None:
    try:
        while (task := tasks.get()) is not None:
            future, item = task
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(function(item))
            except BaseException as error:  # noqa: BLE001 - future.result() raises it
                future.set_exception(error)
    finally:
        # They are this thread's own.
        connections.close_all()
