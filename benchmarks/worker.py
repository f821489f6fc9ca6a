"""A process that does jobs for some contenders, and the parent's end of it.

One line of JSON in, one out, so that the parent can take turns between several.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.jobs import Answer


class WorkerError(Exception):
    """A worker died; it has said why on stderr."""


class Worker:
    """Starts the process, with a database and a media folder of its own; to be closed."""

    def __init__(self, *contenders: str) -> None:
        self.contenders = contenders
        self.folder = Path(tempfile.mkdtemp(prefix="avatar-kit-bench-"))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            cwd=Path(__file__).resolve().parent.parent,
            env={
                **os.environ,
                "DJANGO_SETTINGS_MODULE": "benchmarks.settings",
                "BENCHMARK_CONTENDERS": ",".join(contenders),
                "BENCHMARK_FOLDER": str(self.folder),
            },
        )

    def ask(self, job: str, contender: str | None = None, **arguments: Any) -> Answer:
        """Have a job done, by the only contender unless one is named."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        asked = {"job": job, "name": contender or self.contenders[0], **arguments}
        try:
            print(json.dumps(asked), file=self.process.stdin, flush=True)
        except BrokenPipeError as error:
            raise WorkerError(f"{self.contenders} ended before {job}") from error
        line = self.process.stdout.readline()
        if not line:
            raise WorkerError(f"{self.contenders} ended in {job}")
        answer: Answer = json.loads(line)
        return answer

    def close(self) -> None:
        """End the process, which waits for more to do, and remove its database and media."""
        self.process.communicate()
        shutil.rmtree(self.folder, ignore_errors=True)


def main() -> None:
    answers = sys.stdout
    # Whatever a library prints is no answer.
    sys.stdout = sys.stderr
    import django

    django.setup()
    from django.core.management import call_command

    from benchmarks.jobs import JOBS

    call_command("migrate", run_syncdb=True, verbosity=0)
    for line in sys.stdin:
        asked = json.loads(line)
        answer = JOBS[asked.pop("job")](**asked)
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
