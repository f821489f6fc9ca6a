"""S3: an upload and its deletion, 50 ms for each request."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.report import say, table
from benchmarks.results import Line, Section
from benchmarks.s3server import KINDS, S3Server
from benchmarks.sections.base import Effort, photograph
from benchmarks.titles import CUTTERS, PEERS, SHORT, TITLES
from benchmarks.workers.contest import Contest, contest
from benchmarks.workers.pairs import Samples, turns

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from benchmarks.workers.child import Answer
    from benchmarks.workers.worker import Worker

#: Seconds that every request takes.
DELAY = 0.05
#: In px. Small, because waiting for a busy CPU would count as waiting for S3.
SIZE = (1200, 1600)
#: The master (or the upload itself) and five sizes.
FILES = 6


@dataclass(frozen=True, kw_only=True)
class Trial:
    """An upload and its deletion: times, requests, and files that were not deleted."""

    upload: Answer
    sent: Counter[str]
    delete: Answer
    removed: Counter[str]
    left: int


@dataclass(frozen=True, kw_only=True)
class Waits:
    """Times spent waiting for S3, in ms, and the requests of the worst round."""

    upload: float
    sent: Counter[str]
    delete: float
    removed: Counter[str]
    left: int

    @classmethod
    def of(cls, trials: list[Trial]) -> Waits:
        return cls(
            upload=median(Samples.of(trial.upload for trial in trials).wait),
            sent=max((trial.sent for trial in trials), key=lambda sent: sent.total()),
            delete=median(Samples.of(trial.delete for trial in trials).wait),
            removed=max((trial.removed for trial in trials), key=lambda sent: sent.total()),
            left=max(trial.left for trial in trials),
        )


def s3_uploads(effort: Effort, folder: Path) -> Section:
    """Requests and waiting times of all contenders. One PUT is the unit of time."""
    path = str(photograph(folder, "skin", SIZE))
    with (
        closing(S3Server()) as server,
        contest(CUTTERS, storage="unsigned", s3=server.url) as everybody,
    ):
        waits, request = measure(effort, server, everybody, path)
    return Section(
        title="Uploads to S3",
        lines=summary(waits, request),
        text="\n\n".join([upload_table(waits, request), delete_table(waits, request)]),
        data={
            "everybody": {
                name: {
                    "upload_requests": one.sent.total(),
                    "upload_wait_ms": one.upload,
                    "delete_requests": one.removed.total(),
                    "delete_wait_ms": one.delete,
                    "files_left": one.left,
                }
                for name, one in waits.items()
            }
        },
        failed=everybody.failed,
    )


def measure(
    effort: Effort, server: S3Server, everybody: Contest, path: str
) -> tuple[dict[str, Waits], float]:
    """What each contender sends and waits for, and the time of a single PUT in ms."""
    kit = everybody.workers["kit"]
    say("  uploads by the kit, and single PUTs …")

    def side_by_side() -> tuple[Trial, list[Answer]]:
        return trial(server, kit, path), kit.ask("s3_put", times=3)["times"]

    with server.slow(DELAY):
        rounds = turns({"kit": side_by_side}, effort.s3_uploads)["kit"]
    say("  uploads by all …")
    peers = everybody.of(*PEERS)
    # The first round does not count, so the server answers without delay.
    peers.each(lambda name, worker: trial(server, worker, path))
    found: dict[str, list[Trial]] = {}
    with server.slow(DELAY):
        for _ in range(effort.s3_peers):
            one_each = peers.each(lambda name, worker: trial(server, worker, path))
            found = {name: [*found.get(name, []), one] for name, one in one_each.items()}
    waits = {"kit": Waits.of([one for one, _ in rounds])}
    waits |= {name: Waits.of(trials) for name, trials in found.items()}
    return waits, median(Samples.of(put for _, puts in rounds for put in puts).wait)


def trial(server: S3Server, worker: Worker, path: str) -> Trial:
    server.empty()
    upload = worker.ask("s3_upload", path=path)
    sent = server.requests()
    stored = len(server.objects())
    if stored != FILES:
        raise AssertionError(f"{worker.contenders} stored {stored} files instead of {FILES}")
    delete = worker.ask("s3_delete", pk=upload["pk"])
    removed = server.requests()
    left = len(server.objects())
    worker.ask("s3_forget")
    return Trial(upload=upload, sent=sent, delete=delete, removed=removed, left=left)


def summary(waits: Mapping[str, Waits], request: float) -> list[Line]:
    kit = waits["kit"]
    peers = [one for name, one in waits.items() if name != "kit"]
    # Contenders that leave files behind need fewer requests, and are left out.
    thorough = [peer for peer in peers if not peer.left]
    upload, delete = kit.upload / request, kit.delete / request
    easy = waits.get("easy")
    return [
        Line(
            claim="S3",
            measure="S3: requests for an upload, five sizes",
            kit=listed(kit.sent),
            peer=f"{span(peer.sent.total() for peer in peers)} peers",
            ratio="–",
            reach="6 PUT",
            reached=dict(kit.sent) == {"PUT": FILES},
        ),
        Line(
            claim="S3",
            measure=f"S3: waiting for that upload, {DELAY * 1000:.0f} ms a request",
            kit=f"{kit.upload:.0f} ms",
            peer=f"{easy.upload:.0f} ms {SHORT['easy']}" if easy else "–",
            ratio=(
                f"{upload:.2f} request times"
                f" (peers {span(peer.upload / request for peer in peers)})"
            ),
            reach="≤ 2",
            reached=upload <= 2,
        ),
        Line(
            claim="promise 3",
            measure="S3: requests for its deletion",
            kit=listed(kit.removed),
            peer=f"{span(peer.removed.total() for peer in thorough)} peers",
            ratio="–",
            reach="1",
            reached=kit.removed.total() == 1 and not kit.left,
        ),
        Line(
            claim="promise 3",
            measure=f"S3: waiting for that deletion, {DELAY * 1000:.0f} ms a request",
            kit=f"{kit.delete:.0f} ms",
            peer=f"{easy.delete:.0f} ms {SHORT['easy']}" if easy else "–",
            ratio=(
                f"{delete:.2f} request times"
                f" (peers {span(peer.delete / request for peer in thorough)})"
            ),
            reach="≤ 1.5",
            reached=delete <= 1.5,
        ),
    ]


def upload_table(waits: Mapping[str, Waits], request: float) -> str:
    head = (
        f"upload, a PUT takes {request:.1f} ms",
        "requests",
        *KINDS,
        "waiting",
        "in request times",
    )
    return table(
        head,
        [
            (
                TITLES[name],
                *counts(one.sent),
                f"{one.upload:.0f} ms",
                f"{one.upload / request:.1f}",
            )
            for name, one in waits.items()
        ],
    )


def delete_table(waits: Mapping[str, Waits], request: float) -> str:
    return table(
        ("deletion", "requests", *KINDS, "waiting", "in request times", "files left"),
        [
            (
                TITLES[name],
                *counts(one.removed),
                f"{one.delete:.0f} ms",
                f"{one.delete / request:.1f}",
                one.left,
            )
            for name, one in waits.items()
        ],
    )


def counts(requests: Counter[str]) -> list[int]:
    return [requests.total(), *(requests[kind] for kind in KINDS)]


def listed(requests: Counter[str]) -> str:
    return ", ".join(f"{number} {kind}" for kind, number in sorted(requests.items())) or "none"


def span(values: Iterable[float]) -> str:
    """The range of these values, as text."""
    ordered = sorted(round(value) for value in values)
    return f"{ordered[0]}–{ordered[-1]}" if ordered else "no"
