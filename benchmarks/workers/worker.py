"""A process that does jobs for some contenders, and the parent's side of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.workers.child import ROOT, Child, answer_requests

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.workers.child import Answer


class Worker(Child):
    """Starts the process, with its own database and media folder. Close it after use.

    Files go to the alias ``storage`` of the settings; ``s3`` is the URL of the S3 server. A worker
    ``beside`` another one shares its database and media, and must be closed before it. If
    ``on_demand`` is true, libraries make sizes when a page asks for them.
    """

    def __init__(
        self,
        *contenders: str,
        storage: str = "files",
        s3: str = "",
        on_demand: bool = False,
        beside: Worker | None = None,
    ) -> None:
        self.contenders = contenders
        self.guest = beside is not None
        self.folder: Path = beside.folder if beside else new_folder()
        # A developer's own AWS profile or proxy must not change the measurement.
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
        self.environment = {
            **inherited,
            "no_proxy": "127.0.0.1",
            "DJANGO_SETTINGS_MODULE": "benchmarks.settings",
            "BENCHMARK_CONTENDERS": ",".join(contenders),
            "BENCHMARK_FOLDER": str(self.folder),
            "BENCHMARK_STORAGE": storage,
            "BENCHMARK_S3": s3,
            "BENCHMARK_ON_DEMAND": "1" if on_demand else "",
        }
        super().__init__("benchmarks.workers.worker", self.environment)

    def ask(self, job: str, contender: str | None = None, **arguments: Any) -> Answer:
        """Let a contender do a job: the named one, or the only one."""
        return self.request({"job": job, "name": contender or self.contenders[0], **arguments})

    def command(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a management command in another process, which can be killed."""
        return subprocess.Popen(
            [sys.executable, "-m", "django", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            cwd=ROOT,
            env=self.environment,
            encoding="utf-8",
        )

    def close(self) -> None:
        """End the process, and remove its database and media."""
        super().close()
        if not self.guest:
            shutil.rmtree(self.folder, ignore_errors=True)


def new_folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="avatar-kit-bench-"))


def prepare() -> Callable[[Answer], Answer]:
    import django

    django.setup()
    from django.core.management import call_command

    from benchmarks.workers.extremejobs import EXTREME_JOBS
    from benchmarks.workers.growthjobs import GROWTH_JOBS
    from benchmarks.workers.jobs import JOBS
    from benchmarks.workers.s3jobs import S3_JOBS

    call_command("migrate", run_syncdb=True, verbosity=0)
    jobs = JOBS | S3_JOBS | GROWTH_JOBS | EXTREME_JOBS
    return lambda asked: jobs[asked.pop("job")](**asked)


if __name__ == "__main__":
    answer_requests(prepare)
