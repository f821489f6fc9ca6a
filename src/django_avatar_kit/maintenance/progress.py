"""How far a command has come: a bar in a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
import traceback
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django.core.management.base import OutputWrapper

#: Seconds between two plain lines.
PAUSE = 10.0


def counted(number: int, noun: str) -> str:
    """``1 file``, ``2 files``"""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


class Progress:
    """Counts steps and shows them on standard error; not at all at verbosity 0.

    tqdm draws a bar where it is installed and standard error is a terminal. ``total`` is the
    number of steps, None where that is unknown. To be closed at the end.
    """

    def __init__(
        self, err: OutputWrapper, what: str, *, total: int | None = None, verbosity: int = 1
    ) -> None:
        self.err = err
        self.what = what
        self.total = total
        self.done = 0
        self.bar: Any = None
        self.silent = verbosity < 1
        self._next_line = time.monotonic() + PAUSE
        if not self.silent and err.isatty():
            with suppress(ImportError):
                from tqdm import tqdm

                # On ``sys.stderr``, its default: Django's wrapper of it would end each update of
                # the bar with a new line.
                self.bar = tqdm(desc=what, total=total, leave=False)

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()

    def step(self, count: int = 1) -> None:
        self.done += count
        if self.bar is not None:
            self.bar.update(count)
        elif not self.silent and (now := time.monotonic()) >= self._next_line:
            self._next_line = now + PAUSE
            of = f" of {self.total:,}" if self.total is not None else ""
            # Not in the colour of an error.
            self.err.write(f"{self.what}: {self.done:,}{of}", style_func=str)

    def write(self, out: OutputWrapper, line: str) -> None:
        """A line of its own, above the bar."""
        if self.bar is not None:
            self.bar.clear()
        out.write(line)

    def write_traceback(self, out: OutputWrapper, error: BaseException) -> None:
        self.write(out, "".join(traceback.format_exception(error)).rstrip())
