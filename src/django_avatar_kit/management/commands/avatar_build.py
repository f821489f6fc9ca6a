"""``manage.py avatar_build``: see ``django_avatar_kit.maintenance.build``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timezone
from functools import partial
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError, CommandParser
from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_naive, make_aware

from ...columns import default_varies
from ...exceptions import AvatarError
from ...maintenance.avatars import fields_of
from ...maintenance.build import Result, build
from ...maintenance.problems import Choice, Clearing, Kind, Problems, kind_of
from ...maintenance.progress import Progress, counted
from ..base import AvatarCommand, job_count, percentage

if TYPE_CHECKING:
    from ...columns import AvatarColumn

#: What to do about the files that are listed at the end.
WAYS_OUT: dict[Kind, str] = {
    "missing": "Bring them back, or run this once with --missing=clear, which empties the columns "
    "of these rows, or always with --missing=keep.",
    "unusable": "Put usable files in their places, or run this once with --unusable=clear, which "
    "empties the columns of those from before the kit and leaves the files, or always with "
    "--unusable=keep.",
}


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
        self.add_jobs(parser)
        for option, which in (
            ("--missing", "whose file is gone"),
            ("--unusable", "from before the kit whose file cannot be used (it stays)"),
        ):
            add(
                option,
                choices=("fail", "keep", "clear"),
                default="fail",
                help=f"What to do about rows {which}: list them and fail, leave them, or empty "
                "their column (default: %(default)s).",
            )
        add(
            "--max-percent",
            default=20.0,
            metavar="P",
            help="Clear nothing in a column of which more than this share of the rows would be "
            "cleared, since the storage is probably another one (default: %(default)s).",
        )

    def handle(
        self,
        *,
        labels: list[str],
        using: str | None,
        force: bool,
        before: str | None,
        check_files: bool,
        jobs: Any,
        missing: Choice,
        unusable: Choice,
        max_percent: Any,
        dry_run: bool,
        verbosity: int,
        **_: Any,
    ) -> None:
        if before and not force:
            raise CommandError("--before goes with --force.")
        self.verbosity, self.dry_run = verbosity, dry_run
        self.choices: dict[Kind, Choice] = {"missing": missing, "unusable": unusable}
        self.limit = percentage(max_percent)
        self.counts: Counter[str] = Counter()
        self.problems = Problems(verbosity)
        self.refusals: list[str] = []
        run = partial(
            build,
            using=using,
            force=force,
            before=_moment(before) if before else None,
            check_files=check_files,
            dry_run=dry_run,
            jobs=job_count(jobs),
        )
        columns = fields_of(labels)
        if force and verbosity and not dry_run:
            since = before or datetime.now(tz=timezone.utc).isoformat()
            self.stdout.write(f"If this is stopped, resume it with --force --before {since}")
        for column in columns:
            self._go_through(column, run(column), using)
        self._conclude()

    def _go_through(
        self, column: AvatarColumn, results: Iterator[Result], using: str | None
    ) -> None:
        left_alone, clearing = 0, Clearing(self.limit)
        progress = self.progress(column, using, self.verbosity)
        with closing(progress), closing(results):  # type: ignore[type-var]
            for result in results:
                left_alone += (result.action, result.outcome) == ("adopt", "up to date")
                self.counts[self._judge(result, clearing, progress)] += 1
                progress.step()
        self._clear(clearing, progress.done)
        if left_alone and self.verbosity and default_varies(column):
            self.stdout.write(
                f"{column}: {counted(left_alone, 'file')} from before the kit left alone. Its "
                "default is chosen anew for each row, so that any of them may be one."
            )

    def _judge(self, result: Result, clearing: Clearing, progress: Progress) -> str:
        """How a row counts, which is reported, or noted for the end."""
        if result.error is None:
            self._report(result, progress)
            return result.outcome
        kind = kind_of(result.error)
        choice = self.choices.get(kind, "fail")
        if choice == "clear" and clearing.take(result.row, result.error):
            return "to clear"
        if kind != "failed":
            reason = "" if kind == "missing" else f": {result.error}"
            self.problems.add(kind, f"{result.row}{reason}")
            return "kept" if choice == "keep" else "failed"
        progress.write(self.stderr, f"{result.row}: {result.error}")
        # The kit's own messages need no traceback.
        if not isinstance(result.error, AvatarError):
            progress.write_traceback(self.stderr, result.error)
        return "failed"

    def _report(self, result: Result, progress: Progress) -> None:
        if result.reason and self.verbosity > (0 if self.dry_run else 1):
            would = "would " if self.dry_run else ""
            but = ", but it changed meanwhile" if result.superseded else ""
            line = f"{result.row}: {would}{result.action} ({result.reason}){but}"
            progress.write(self.stdout, line)

    def _clear(self, clearing: Clearing, seen: int) -> None:
        if refusal := clearing.refusal(seen):
            self.counts["failed"] += len(clearing.rows)
            self.refusals.append(refusal)
            return
        # A dry run only says so.
        cleared = ((row, True) for row in clearing.rows) if self.dry_run else clearing.run()
        for row, was_cleared in cleared:
            self.counts["cleared" if was_cleared else "superseded"] += 1
            if was_cleared and self.verbosity:
                self.stdout.write(f"{row}: {'would be ' if self.dry_run else ''}cleared")

    def _conclude(self) -> None:
        counts, would = self.counts, "to be " if self.dry_run else ""
        for kind, way_out in WAYS_OUT.items():
            if self.choices[kind] != "keep" and self.problems.counts[kind]:
                for line in (*self.problems.listed(kind), way_out):
                    self.stderr.write(line)
        if self.verbosity:
            checked = sum(counts.values()) - counts["to clear"]
            more = [f", {counts[each]} {each}" for each in ("kept", "cleared") if counts[each]]
            self.stdout.write(
                f"{checked} checked: {counts['rebuild']} {would}rebuilt, "
                f"{counts['adopt']} {would}adopted, {counts['up to date']} up to date, "
                f"{counts['superseded']} changed meanwhile, {counts['failed']} failed"
                f"{''.join(more)}."
            )
        if self.refusals:
            raise CommandError(" ".join(self.refusals))
        if counts["failed"]:
            checked = sum(counts.values()) - counts["to clear"]
            raise CommandError(
                f"{counts['failed']} of {counted(checked, 'avatar')} could not be built."
            )


def _moment(text: str) -> datetime:
    try:
        moment = parse_datetime(text)
    except ValueError:
        moment = None
    if moment is None:
        raise CommandError(f"“{text}” is no time. Write it like 2026-03-01T12:00:00+00:00.")
    return make_aware(moment) if is_naive(moment) else moment
