"""Taking turns, so that a busy moment of the machine hits everybody."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from operator import add
from statistics import median
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from benchmarks.child import Answer
    from benchmarks.worker import Worker

Key = TypeVar("Key")
Found = TypeVar("Found")


@dataclass(kw_only=True)
class Samples:
    """Times of one contender in ms, one of each kind a round."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    @classmethod
    def of(cls, answers: Iterable[Answer]) -> Samples:
        samples = cls()
        for answer in answers:
            samples.wall.append(answer["wall"])
            samples.cpu.append(answer["cpu"])
        return samples

    def __add__(self, other: Samples) -> Samples:
        """Of the one and the other after it, round by round."""
        return Samples(
            wall=list(map(add, self.wall, other.wall)), cpu=list(map(add, self.cpu, other.cpu))
        )

    @property
    def wait(self) -> list[float]:
        """What was left of the wall-clock time, in which others were waited for."""
        return [wall - cpu for wall, cpu in zip(self.wall, self.cpu, strict=True)]


def turns(calls: Mapping[Key, Callable[[], Found]], rounds: int) -> dict[Key, list[Found]]:
    """What each call gave; the first round, which loads libraries, does not count.

    Who starts a round alternates: the second finds the machine warmer.
    """
    found: dict[Key, list[Found]] = {key: [] for key in calls}
    for turn in range(rounds + 1):
        keys = list(calls)
        for key in keys if turn % 2 else reversed(keys):
            answer = calls[key]()
            if turn:
                found[key].append(answer)
    return found


def take_turns(
    workers: Mapping[str, Worker], job: str, rounds: int, **arguments: Any
) -> dict[str, Samples]:
    """Every contender's samples of a job."""
    calls = {name: partial(worker.ask, job, name, **arguments) for name, worker in workers.items()}
    return {name: Samples.of(answers) for name, answers in turns(calls, rounds).items()}


def ratio(first: list[float], second: list[float]) -> float:
    """The median of the rounds' ratios."""
    return median(one / other for one, other in zip(first, second, strict=True))
