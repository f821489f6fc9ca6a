"""A process that is asked for things: one line of JSON in, one out.

So the parent can take turns between several, and end one without a trace.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Answer = dict[str, Any]

ROOT = Path(__file__).resolve().parent.parent


class ChildError(Exception):
    """A process died; it has said why on stderr."""


class Child:
    """The parent's end; to be closed."""

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
        """Raises :class:`ChildError` where the process has ended."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            print(json.dumps(asked), file=self.process.stdin, flush=True)
        except BrokenPipeError as error:
            raise ChildError(f"{self.module} ended before {asked}") from error
        line = self.process.stdout.readline()
        if not line:
            raise ChildError(f"{self.module} ended in {asked}")
        answer: Answer = json.loads(line)
        return answer

    def close(self) -> None:
        """End the process, which waits for more to do."""
        self.process.communicate()


def answer_requests(prepare: Callable[[], Callable[[Answer], Answer]]) -> None:
    """The child's end: what ``prepare`` gives answers each line until there is none."""
    answers = sys.stdout
    # Whatever a library prints is no answer.
    sys.stdout = sys.stderr
    answer = prepare()
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), file=answers, flush=True)
