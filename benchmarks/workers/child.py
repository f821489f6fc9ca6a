"""A process that answers requests: one line of JSON in, one line of JSON out.

The parent can take turns between several such processes, and can end each of them.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Answer = dict[str, Any]

ROOT = Path(__file__).resolve().parent.parent.parent


#: Seconds after which a child that does not answer is ended.
PATIENCE = 1200


class ChildError(Exception):
    """A process has ended. Its stderr says why."""


class JobError(Exception):
    """A job has failed, with the type and text of its exception. The process goes on."""


class Child:
    """The parent's side of the process. Close it after use."""

    def __init__(self, module: str, environment: Mapping[str, str]) -> None:
        self.module = module
        self.process = subprocess.Popen(
            [sys.executable, "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            cwd=ROOT,
            env=environment,
        )

    def request(self, asked: Answer) -> Answer:
        """Send a request and wait for its answer, for at most :data:`PATIENCE` seconds.

        Raises :class:`JobError` if the child fails to answer, and :class:`ChildError` if it has
        ended.
        """
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            print(json.dumps(asked), file=self.process.stdin, flush=True)
        except BrokenPipeError as error:
            raise ChildError(f"{self.module} ended before {asked}") from error
        watchdog = threading.Timer(PATIENCE, self.process.kill)
        watchdog.start()
        line = self.process.stdout.readline()
        watchdog.cancel()
        if not line:
            raise ChildError(f"{self.module} ended in {asked}")
        answer: Answer = json.loads(line)
        if "failed" in answer:
            raise JobError(answer["failed"])
        return answer

    def close(self) -> None:
        """End the process, which waits for the next request."""
        self.process.communicate()


def answer_requests(prepare: Callable[[], Callable[[Answer], Answer]]) -> None:
    """The child's side: the function that ``prepare`` returns answers each line of stdin."""
    answers = sys.stdout
    # What a library prints must not be taken for an answer.
    sys.stdout = sys.stderr
    answer = prepare()
    for line in sys.stdin:
        try:
            found = answer(json.loads(line))
        except Exception as error:  # noqa: BLE001 - the parent decides what a failure means
            traceback.print_exc()
            found = {"failed": f"{type(error).__name__}: {error}"}
        print(json.dumps(found), file=answers, flush=True)
