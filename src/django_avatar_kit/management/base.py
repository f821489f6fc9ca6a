"""What the commands have in common that go through the rows of avatar columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections

from ..maintenance.avatars import count
from ..maintenance.progress import Progress

if TYPE_CHECKING:
    from ..columns import AvatarColumn


class AvatarCommand(BaseCommand):
    """A command with labels of models or fields, ``--using`` and ``--dry-run``."""

    #: Whether it takes the labels of what it goes through.
    takes_labels = True

    def add_arguments(self, parser: CommandParser) -> None:
        add = parser.add_argument
        if self.takes_labels:
            add("labels", nargs="*", metavar="app.Model[.field]", help="Which avatars; else all.")
        add(
            "--using",
            choices=tuple(connections),
            metavar="ALIAS",
            help="Database alias; by default the one that each model is written to.",
        )
        add(
            "--dry-run",
            action="store_true",
            help="Say what would be done, and what would fail; write nothing.",
        )

    def add_jobs(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--jobs",
            default=1,
            metavar="N",
            help="How many pictures are decoded at a time, each with a database connection of its "
            "own (default: %(default)s). At most as many as there are processors.",
        )

    def progress(self, column: AvatarColumn, using: str | None, verbosity: int) -> Progress:
        """The progress through the rows of a column, which are counted unless it is silent."""
        total = count(column, using) if verbosity else None
        return Progress(self.stderr, str(column), total=total, verbosity=verbosity)


def job_count(given: Any) -> int:
    """The number that ``--jobs`` was given. Raises ``CommandError``."""
    try:
        jobs = int(given)
    except ValueError:
        jobs = 0
    if jobs < 1:
        raise CommandError(f"“{given}” is no number of jobs. Write a whole number from 1.")
    return jobs


def percentage(given: Any) -> float:
    """A share from 0 to 100. Raises ``CommandError``."""
    try:
        percent = float(given)
    except ValueError:
        percent = -1
    if not 0 <= percent <= 100:
        raise CommandError(f"“{given}” is no percentage. Write a number from 0 to 100.")
    return percent
