"""What the commands have in common that go through the rows of avatar columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.management.base import BaseCommand, CommandParser
from django.db import connections

from ..maintenance.avatars import count
from ..maintenance.progress import Progress

if TYPE_CHECKING:
    from ..columns import AvatarColumn


class AvatarCommand(BaseCommand):
    """A command with labels of models or fields, ``--using`` and ``--dry-run``."""

    def add_arguments(self, parser: CommandParser) -> None:
        add = parser.add_argument
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
            help="Say what would be done, or fail; write nothing.",
        )

    def progress(self, column: AvatarColumn, using: str | None, verbosity: int) -> Progress:
        """The progress through the rows of a column, which are counted unless it is silent."""
        total = count(column, using) if verbosity else None
        return Progress(self.stderr, str(column), total=total, verbosity=verbosity)
