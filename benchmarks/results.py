"""What was measured: kept as JSON, from which the page and the plots are made."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from benchmarks.report import machine

if TYPE_CHECKING:
    from pathlib import Path

#: Digits of a stored number that count.
DIGITS = 4


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of the summary: a measure, and whether it reaches its goal."""

    #: A key of :data:`benchmarks.claims.CLAIMS`.
    claim: str
    measure: str
    kit: str
    peer: str
    #: Kit to peer, or peer to kit; ``reach`` shows which.
    ratio: str
    reach: str
    reached: bool

    def cells(self) -> tuple[str, ...]:
        verdict = "yes" if self.reached else "**no**"
        return self.claim, self.measure, self.kit, self.peer, self.ratio, self.reach, verdict


@dataclass(frozen=True, kw_only=True)
class Section:
    """The result of one section of the page."""

    title: str
    lines: list[Line]
    #: Tables in Markdown.
    text: str
    #: The numbers, nested by contender and measure. The name of a measure ends in its unit.
    data: dict[str, Any] = field(default_factory=dict)
    #: Contenders that were left out, and why.
    failed: dict[str, str] = field(default_factory=dict)


class Results:
    """The results of all sections, in a file. Each is stored as soon as it is there.

    A section that is not measured again keeps its old result.
    """

    def __init__(self, path: Path, order: Sequence[str]) -> None:
        self.path, self.order = path, order
        self.sections: dict[str, dict[str, Any]] = {}
        if path.exists():
            self.sections = json.loads(path.read_text(encoding="utf-8"))

    def store(self, name: str, section: Section, *, effort: str, seconds: float) -> None:
        about = {"machine": machine(), "effort": effort, "seconds": round(seconds)}
        self._store(name, {**asdict(section), **about})

    def store_failure(self, name: str, error: str) -> None:
        """Say in an old result that measuring it again has failed."""
        old = self.sections.get(name, {"title": name, "lines": [], "text": "", "data": {}})
        self._store(name, {**old, "failed": {**old.get("failed", {}), "": error}})

    def _store(self, name: str, section: dict[str, Any]) -> None:
        stored = {**self.sections, name: rounded(section)}
        self.sections = {each: stored[each] for each in self.order if each in stored}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(self.sections, indent=1, ensure_ascii=False)
        self.path.write_text(text + "\n", encoding="utf-8")

    @property
    def digest(self) -> str:
        """Of the file: says whether a page or a plot was made from these results."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()[:12]


def rounded(value: Any) -> Any:
    """The same, with no more digits than a measurement has."""
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    if isinstance(value, Mapping):
        return {key: rounded(each) for key, each in value.items()}
    if isinstance(value, list):
        return [rounded(each) for each in value]
    return value
