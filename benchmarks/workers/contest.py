"""Contenders that take part in a measurement: one that fails is left out, and the others go on."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from benchmarks.report import say
from benchmarks.titles import SHORT
from benchmarks.workers.child import ChildError, JobError
from benchmarks.workers.pairs import Samples, turns
from benchmarks.workers.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from benchmarks.workers.child import Answer

Found = TypeVar("Found")

#: Without these there is nothing to compare.
NEEDED = ("kit", "stock")


class Contest:
    """The processes of some contenders, and why others were left out."""

    def __init__(self, workers: Mapping[str, Worker]) -> None:
        self.workers = dict(workers)
        #: The last failure of each contender that was left out.
        self.failed: dict[str, str] = {}

    def of(self, *names: str) -> Contest:
        """The same for some of them. A failure there counts here, too."""
        part = Contest({name: self.workers[name] for name in names if name in self.workers})
        part.failed = self.failed
        return part

    def each(self, call: Callable[[str, Worker], Found]) -> dict[str, Found]:
        """The result of a call for every contender, in turn."""
        found = {}
        for name in [name for name in self.workers if name not in self.failed]:
            with self.leaving_out(name):
                found[name] = call(name, self.workers[name])
        return found

    def ask(self, job: str, **arguments: Any) -> dict[str, Answer]:
        return self.each(lambda name, worker: worker.ask(job, name, **arguments))

    def prepare(self, job: str, **arguments: Any) -> None:
        """Let all contenders do a job that is not measured, each process beside the others."""
        groups: dict[Worker, list[str]] = {}
        for name, worker in self.workers.items():
            groups.setdefault(worker, []).append(name)
        with ThreadPoolExecutor() as pool:
            done = pool.map(lambda names: self.of(*names).ask(job, **arguments), groups.values())
        list(done)  # raises what a needed contender has raised

    def answers(self, job: str, rounds: int, **arguments: Any) -> dict[str, list[Answer]]:
        """All answers to a job, of contenders that take turns."""
        calls = {
            name: partial(worker.ask, job, name, **arguments)
            for name, worker in self.workers.items()
            if name not in self.failed
        }
        return turns(calls, rounds, self.leaving_out)

    def take_turns(self, job: str, rounds: int, **arguments: Any) -> dict[str, Samples]:
        """The times of a job, of contenders that take turns."""
        found = self.answers(job, rounds, **arguments)
        return {name: Samples.of(answers) for name, answers in found.items()}

    @contextmanager
    def leaving_out(self, name: str) -> Iterator[None]:
        """A failure within leaves out this contender. That of a needed one is raised."""
        try:
            yield
        except (AssertionError, ChildError, JobError) as error:
            if name in NEEDED:
                raise
            say(f"  {SHORT[name]} has FAILED and is left out: {error}")
            self.failed[name] = str(error)


@contextmanager
def contest(
    names: Iterable[str], *, storage: str = "files", s3: str = "", on_demand: bool = False
) -> Iterator[Contest]:
    """One process for each contender, so that none is slowed by another one's apps."""
    with ExitStack() as stack:
        started: dict[str, Worker] = {}
        for name in names:
            worker = Worker(name, storage=storage, s3=s3, on_demand=on_demand)
            started[name] = stack.enter_context(closing(worker))
        yield Contest(started)
