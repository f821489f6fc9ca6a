"""Files that cannot become avatars: of what kind, what to do about them, and one list at the end.

*missing*    the file is gone
*unusable*   the file is there, and nobody could upload it: damaged, too large, of another format
*failed*     anything else, such as a storage that does not answer; another run may succeed
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from ..exceptions import UploadError
from ..names import Name
from .adoption import FileGone, clear_name
from .progress import counted

if TYPE_CHECKING:
    from .avatars import Row

Kind = Literal["missing", "unusable", "failed"]
#: What to do about rows of one kind: end with an error, leave them, or empty their columns.
Choice = Literal["fail", "keep", "clear"]

#: How many files of a kind are listed at verbosity 1; the others are counted.
LISTED = 100


def kind_of(error: Exception) -> Kind:
    """What an exception says about the file of a row."""
    if isinstance(error, FileGone):
        return "missing"
    return "unusable" if isinstance(error, UploadError) else "failed"


class Problems:
    """The files that could not be used, by kind. All are listed at verbosity 2."""

    def __init__(self, verbosity: int) -> None:
        self.most = sys.maxsize if verbosity > 1 else LISTED
        self.counts: Counter[Kind] = Counter()
        self._lines: dict[Kind, list[str]] = {"missing": [], "unusable": []}

    def add(self, kind: Kind, line: str) -> None:
        """Remember one file; ``line`` names the row, and what is wrong unless the kind says it."""
        self.counts[kind] += 1
        if len(lines := self._lines[kind]) < self.most:
            lines.append(line)

    def listed(self, kind: Kind) -> Iterator[str]:
        """A heading, and the lines for people, of a kind that there is some of."""
        count = self.counts[kind]
        one = count == 1
        what = {"missing": "is gone" if one else "are gone", "unusable": "cannot be used"}[kind]
        yield f"{counted(count, 'file')} {what}:"
        yield from (f"  {line}" for line in self._lines[kind])
        if count > self.most:
            yield f"  and {count - self.most:,} more, which --verbosity 2 lists as well."


class Clearing:
    """Rows of one column whose columns are to be emptied, once all rows have been looked at.

    A storage that is not mounted looks like one whose files are gone. So nothing is emptied where
    the rows to be cleared are more than ``max_percent`` of all.
    """

    def __init__(self, max_percent: float) -> None:
        self.max_percent = max_percent
        self.rows: list[Row] = []

    def take(self, row: Row, error: Exception) -> bool:
        """Note a row, if emptying it loses nothing that is shown or that a sweep would delete.

        ``error`` is why it cannot be built.
        """
        loses = error.is_shown if isinstance(error, FileGone) else Name.parse(row.key) is not None
        if loses:
            return False
        self.rows.append(row)
        return True

    def refusal(self, seen: int) -> str:
        """Why nothing is emptied, if that is so; ``seen`` is the number of rows in the column."""
        percent = 100 * len(self.rows) / max(seen, 1)
        if percent <= self.max_percent:
            return ""
        return (
            f"{len(self.rows)} of {counted(seen, 'row')} would be cleared, which is {percent:.0f} "
            f"%, more than --max-percent {self.max_percent:g}. Nothing was cleared. If the "
            "storage is the right one, raise --max-percent."
        )

    def run(self) -> Iterator[tuple[Row, bool]]:
        """Empty the columns; each row, and whether it still held the name."""
        for row in self.rows:
            yield row, clear_name(row)
