"""``manage.py avatar_build``: see ``django_avatar_kit.maintenance.build``."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from datetime import datetime, timezone
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_naive, make_aware

from ...columns import default_varies
from ...exceptions import AvatarError
from ...maintenance.avatars import fields_of
from ...maintenance.build import Result, build
from ...maintenance.progress import Progress, counted
from ..base import AvatarCommand


class Command(AvatarCommand):
    help = (
        "Brings stored avatars up to date: makes missing files, follows changed SIZES, FORMATS "
        "and fit, and adopts files from before the kit. Rows that are up to date are left alone, "
        "so a run that was stopped is resumed by running it again. Avatars may be uploaded and "
        "deleted meanwhile."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        add = parser.add_argument
        add(
            "--force",
            action="store_true",
            help="Build what is up to date, too: after a change of QUALITY or BACKGROUND.",
        )
        add(
            "--before",
            metavar="TIME",
            help="With --force: only what was stored before TIME (ISO 8601), to resume a forced "
            "run, which says at its start what to give here.",
        )
        add(
            "--no-check-files",
            action="store_false",
            dest="check_files",
            help="Trust the names instead of asking the storage for every file. Missing files are "
            "not noticed.",
        )

    def handle(
        self,
        *,
        labels: list[str],
        using: str | None,
        force: bool,
        before: str | None,
        check_files: bool,
        dry_run: bool,
        verbosity: int,
        **_: Any,
    ) -> None:
        if before and not force:
            raise CommandError("--before goes with --force.")
        columns = fields_of(labels)
        moment = _moment(before) if before else None
        if force and verbosity and not dry_run:
            since = before or datetime.now(tz=timezone.utc).isoformat()
            self.stdout.write(f"If this is stopped, resume it with --force --before {since}")
        counts: Counter[str] = Counter()
        for column in columns:
            left_alone = 0
            results = build(
                column, using, force=force, before=moment, check_files=check_files, dry_run=dry_run
            )
            with closing(self.progress(column, using, verbosity)) as progress:
                for result in results:
                    counts[result.outcome] += 1
                    left_alone += (result.action, result.outcome) == ("adopt", "up to date")
                    self._report(result, progress, verbosity, dry_run)
                    progress.step()
            if left_alone and verbosity and default_varies(column):
                self.stdout.write(
                    f"{column}: {counted(left_alone, 'file')} from before the kit left alone. Its "
                    "default is chosen anew for each row, so that any of them may be one."
                )
        checked = sum(counts.values())
        if verbosity:
            would = "to be " if dry_run else ""
            self.stdout.write(
                f"{checked} checked: {counts['rebuild']} {would}rebuilt, "
                f"{counts['adopt']} {would}adopted, {counts['up to date']} up to date, "
                f"{counts['superseded']} changed meanwhile, {counts['failed']} failed."
            )
        if counts["failed"]:
            raise CommandError(
                f"{counts['failed']} of {counted(checked, 'avatar')} could not be built."
            )

    def _report(self, result: Result, progress: Progress, verbosity: int, dry_run: bool) -> None:
        if result.error is not None:
            progress.write(self.stderr, f"{result.row}: {result.error}")
            # The kit's own messages need no traceback.
            if not isinstance(result.error, AvatarError):
                progress.write_traceback(self.stderr, result.error)
        elif result.reason and verbosity > (0 if dry_run else 1):
            would = "would " if dry_run else ""
            but = ", but it changed meanwhile" if result.superseded else ""
            line = f"{result.row}: {would}{result.action} ({result.reason}){but}"
            progress.write(self.stdout, line)


def _moment(text: str) -> datetime:
    try:
        moment = parse_datetime(text)
    except ValueError:
        moment = None
    if moment is None:
        raise CommandError(f"“{text}” is no time. Write it like 2026-03-01T12:00:00+00:00.")
    return make_aware(moment) if is_naive(moment) else moment
