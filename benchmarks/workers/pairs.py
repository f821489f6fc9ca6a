"""Contenders take turns, so that a busy moment of the machine affects all of them."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from operator import add
from statistics import median
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from benchmarks.workers.child import Answer

Key = TypeVar("Key")
Found = TypeVar("Found")


@dataclass(kw_only=True)
class Samples:
    """Times of one contender in ms: one wall-clock and one CPU time for each round."""

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
        """The sums of both, round by round."""
        return Samples(
            wall=list(map(add, self.wall, other.wall)), cpu=list(map(add, self.cpu, other.cpu))
        )

    @property
    def wait(self) -> list[float]:
        """Wall-clock time less CPU time: the time spent waiting."""
        return [wall - cpu for wall, cpu in zip(self.wall, self.cpu, strict=True)]


def turns(
    calls: Mapping[Key, Callable[[], Found]],
    rounds: int,
    guard: Callable[[Key], AbstractContextManager[None]] = nullcontext,
) -> dict[Key, list[Found]]:
    """The results of each call. The first round loads libraries and does not count.

    The order alternates, because the second call of a round finds the machine warmer. Each call is
    made within a ``guard``. If that swallows an exception, the call is not made again.
    """
    found: dict[Key, list[Found]] = {key: [] for key in calls}
    for turn in range(rounds + 1):
        keys = list(found)
        for key in keys if turn % 2 else reversed(keys):
            done = False
            with guard(key):
                answer = calls[key]()
                done = True
                if turn:
                    found[key].append(answer)
            if not done:
                del found[key]
    return found


def ratio(first: list[float], second: list[float]) -> float:
    """The median of the rounds' ratios."""
    return median(one / other for one, other in zip(first, second, strict=True))
