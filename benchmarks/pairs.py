"""Taking turns, so that a busy moment of the machine hits everybody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.worker import Worker


@dataclass(kw_only=True)
class Samples:
    """Times of one contender in ms, one of each kind a round."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


def take_turns(
    workers: Mapping[str, Worker], job: str, rounds: int, **arguments: Any
) -> dict[str, Samples]:
    """Every contender's samples; the first round, which loads libraries, does not count.

    Who starts a round alternates: the second finds the machine warmer.
    """
    found = {name: Samples() for name in workers}
    for turn in range(rounds + 1):
        names = list(workers)
        for name in names if turn % 2 else reversed(names):
            answer = workers[name].ask(job, name, **arguments)
            if turn:
                found[name].wall.append(answer["wall"])
                found[name].cpu.append(answer["cpu"])
    return found


def ratio(first: list[float], second: list[float]) -> float:
    """The median of the rounds' ratios."""
    return median(one / other for one, other in zip(first, second, strict=True))
