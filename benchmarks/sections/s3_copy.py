"""S3: copying with ``avatar_copy``, 100 ms for each request."""

from __future__ import annotations

import hashlib
import time
from contextlib import closing
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


def s3_copy(effort: Effort) -> Section:
    """Copy 100 avatars: by the command, file by file, and by a command that is killed."""
    with closing(S3Server()) as server, closing(Worker("kit", s3=server.url)) as worker:
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
    scale = len(keys) / len(by_hand)
    took, one_by_one = command.wait[0], single.wait[0] * scale
    times = one_by_one / took
    killed_text = ", ".join(map(str, killed_at))
    sample = f", from {len(by_hand)} files" if scale > 1 else ""
    lines = [
        Line(
            claim="S3",
            measure=f"`avatar_copy` of {AVATARS} avatars to S3, {DELAY * 1000:.0f} ms a request",
            kit=f"{took / 1000:.1f} s",
            peer=f"{one_by_one / 1000:.1f} s file by file{sample}",
            ratio=f"{times:.1f} times as fast",
            reach="≥ 10",
            reached=times >= 10 and not absent,
        ),
        Line(
            claim="promise 2",
            measure=f"missing after kills at {killed_text} of {len(keys)} files",
            kit=str(len(absent_after)),
            peer="–",
            ratio="–",
            reach="0",
            reached=not absent_after,
        ),
    ]
    text = table(
        (f"copy of {len(keys)} files", "requests", "waiting", "CPU", "missing"),
        [
            (
                "`avatar_copy`",
                requests,
                f"{took / 1000:.1f} s",
                f"{command.cpu[0] / 1000:.1f} s",
                len(absent),
            ),
            (
                f"`to.save(name, from.open(name))`{sample}",
                len(keys),
                f"{one_by_one / 1000:.1f} s",
                f"{single.cpu[0] * scale / 1000:.1f} s",
                0,
            ),
        ],
    )
    data = {"command_s": took / 1000, "file_by_file_s": one_by_one / 1000, "faster_times": times}
    return Section(title="Copying to S3", lines=lines, text=text, data=data)


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
