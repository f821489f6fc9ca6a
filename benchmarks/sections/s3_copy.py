"""S3: copying with ``avatar_copy``, 100 ms for each request."""

from __future__ import annotations

import hashlib
import time
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.report import say, table
from benchmarks.results import Line, Section
from benchmarks.s3server import S3Server
from benchmarks.workers.pairs import Samples
from benchmarks.workers.worker import Worker

if TYPE_CHECKING:
    from benchmarks.sections.base import Effort

#: Seconds that every request takes.
DELAY = 0.1
AVATARS = 100
PLACES = {"source": "default", "target": "unsigned"}
KILLS = 3


@dataclass(frozen=True, kw_only=True)
class Copies:
    """What was measured: times of waiting and of the CPU in s, and files that are missing."""

    files: int
    requests: int
    waiting: float
    cpu: float
    missing: int
    #: File by file: of fewer files, and reckoned up to all.
    sample: int
    sample_waiting: float
    sample_cpu: float
    #: Files in the bucket at each kill, and those that are missing after the last run.
    killed_at: list[int]
    missing_after: int

    @property
    def faster(self) -> float:
        return self.sample_waiting / self.waiting

    @property
    def sampled(self) -> str:
        return f", from {self.sample} files" if self.sample < self.files else ""


def s3_copy(effort: Effort) -> Section:
    """Copy 100 avatars: by the command, file by file, and by a command that is killed."""
    with closing(S3Server()) as server, closing(Worker("kit", s3=server.url)) as worker:
        found = measure(effort, server, worker)
    data = {
        "command_s": found.waiting,
        "file_by_file_s": found.sample_waiting,
        "faster_times": found.faster,
    }
    return Section(title="Copying to S3", lines=summary(found), text=details(found), data=data)


def measure(effort: Effort, server: S3Server, worker: Worker) -> Copies:
    say(f"  {AVATARS} avatars to copy …")
    keys: list[str] = worker.ask("s3_fill", rows=AVATARS)["keys"]
    server.empty()
    with server.slow(DELAY):
        say("  copying them …")
        command = Samples.of([worker.ask("s3_copy", **PLACES)])
        requests = server.requests().total()
        absent = missing(server, worker, keys)
        server.empty()
        by_hand = keys[: effort.s3_copies]
        say(f"  copying {len(by_hand)} files one by one …")
        single = Samples.of([worker.ask("s3_copy_by_hand", keys=by_hand, **PLACES)])
        server.empty()
        say("  copying them, killed …")
        killed_at = killed(server, worker, len(keys))
        absent_after = missing(server, worker, keys)
    scale = len(keys) / len(by_hand) / 1000
    return Copies(
        files=len(keys),
        requests=requests,
        waiting=command.wait[0] / 1000,
        cpu=command.cpu[0] / 1000,
        missing=len(absent),
        sample=len(by_hand),
        sample_waiting=single.wait[0] * scale,
        sample_cpu=single.cpu[0] * scale,
        killed_at=killed_at,
        missing_after=len(absent_after),
    )


def summary(found: Copies) -> list[Line]:
    return [
        Line(
            claim="S3",
            measure=f"`avatar_copy` of {AVATARS} avatars to S3, {DELAY * 1000:.0f} ms a request",
            kit=f"{found.waiting:.1f} s",
            peer=f"{found.sample_waiting:.1f} s file by file{found.sampled}",
            ratio=f"{found.faster:.1f} times as fast",
            reach="≥ 10",
            reached=found.faster >= 10 and not found.missing,
        ),
        Line(
            claim="promise 2",
            measure=f"missing after kills at {', '.join(map(str, found.killed_at))}"
            f" of {found.files} files",
            kit=str(found.missing_after),
            peer="–",
            ratio="–",
            reach="0",
            reached=not found.missing_after,
        ),
    ]


def details(found: Copies) -> str:
    return table(
        (f"copy of {found.files} files", "requests", "waiting", "CPU", "missing"),
        [
            (
                "`avatar_copy`",
                found.requests,
                f"{found.waiting:.1f} s",
                f"{found.cpu:.1f} s",
                found.missing,
            ),
            (
                f"`to.save(name, from.open(name))`{found.sampled}",
                found.files,
                f"{found.sample_waiting:.1f} s",
                f"{found.sample_cpu:.1f} s",
                0,
            ),
        ],
    )


def missing(server: S3Server, worker: Worker, keys: list[str]) -> list[str]:
    """Files that a row needs, and that are not in the bucket with the same content."""
    objects = server.objects()
    media = worker.folder / "media"
    return [
        key
        for key in keys
        if objects.get(key)
        != hashlib.md5((media / key).read_bytes(), usedforsecurity=False).hexdigest()
    ]


def killed(server: S3Server, worker: Worker, files: int) -> list[int]:
    """Run the command and kill it, several times. The last run ends by itself.

    Gives how many files were in the bucket at each kill.
    """
    found = []
    arguments = ("--from", PLACES["source"], "--to", PLACES["target"], "--verbosity", "0")
    for _ in range(KILLS):
        server.requests()
        with worker.command("avatar_copy", *arguments) as process:
            written = 0
            while written < files // (KILLS + 1) and process.poll() is None:
                time.sleep(0.01)
                written += server.requests()["PUT"]
            process.kill()
        found.append(len(server.objects()))
    with worker.command("avatar_copy", *arguments) as process:
        assert process.wait() == 0, "avatar_copy has failed"
    return found
