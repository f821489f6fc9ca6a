"""``manage.py avatar_copy``: see ``django_avatar_kit.maintenance.copy``."""

from __future__ import annotations

import traceback
from collections import Counter
from contextlib import closing
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections

from ...maintenance import build as building
from ...maintenance import copy as copying
from ...maintenance.progress import Progress, counted

DONE = {"copied": "copied", "there": "already there"}


class Command(BaseCommand):
    help = (
        "Copies avatars from one storage to another, as a site moves there: what the rows name, "
        "and each file verified. What is there already is left alone, so a run that was stopped "
        "is resumed by running it again. Avatars may be uploaded and deleted meanwhile."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "labels",
            nargs="*",
            metavar="app.Model[.field]",
            help="Which avatars; all of them without any.",
        )
        parser.add_argument(
            "--from",
            dest="source",
            required=True,
            metavar="ALIAS",
            help="The storage to copy from, as STORAGES calls it.",
        )
        parser.add_argument(
            "--to", dest="target", required=True, metavar="ALIAS", help="The storage to copy to."
        )
        parser.add_argument(
            "--only",
            choices=("masters", "renditions"),
            help="Copy these alone, where the two are to be parted.",
        )
        parser.add_argument(
            "--delete-source",
            action="store_true",
            help="Delete from --from what is verified in --to: when the site has been switched, "
            "and every process of it restarted.",
        )
        parser.add_argument(
            "--using",
            choices=tuple(connections),
            metavar="ALIAS",
            help="Database alias; by default the one that each model is written to.",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="Say what would be copied, and copy nothing."
        )

    def handle(
        self,
        *,
        labels: list[str],
        source: str,
        target: str,
        only: copying.Kind | None,
        delete_source: bool,
        using: str | None,
        dry_run: bool,
        verbosity: int,
        **options: Any,
    ) -> None:
        chosen = copying.Options(
            source=source,
            target=target,
            only=only,
            delete_source=delete_source,
            dry_run=dry_run,
        )
        try:
            copy = copying.Copy(building.fields_of(labels), chosen)
        except (LookupError, copying.CannotCopy) as error:
            raise CommandError(str(error.args[0])) from error
        counts: Counter[str] = Counter()
        for field in copy.fields:
            total = building.count(field, using) if verbosity else None
            what = building.label(field)
            progress = Progress(self.stderr, what, total=total, verbosity=verbosity)
            with closing(progress), closing(copy.run(field, using)) as avatars:
                for avatar in avatars:
                    counts["avatars"] += 1
                    counts["moved"] += avatar.moved
                    for file in avatar.files if not avatar.moved else ():
                        counts[str(file.outcome)] += 1
                        counts["bytes"] += file.size if file.outcome == "copied" else 0
                    self._tell(avatar, progress, verbosity=verbosity, dry_run=dry_run)
                    progress.step()
        files = sum(counts[outcome] for outcome in ("copied", "there", "missing", "failed"))
        if verbosity:
            self._sum_up(counts, files, copy)
        problems = []
        if bad := counts["missing"] + counts["failed"]:
            problems.append(f"{bad} of {counted(files, 'file')} could not be copied.")
        if copy.undeleted:
            problems.append(f"{counted(copy.undeleted, 'file')} could not be deleted.")
        if problems:
            raise CommandError(" ".join(problems))

    def _tell(
        self, avatar: copying.Avatar, progress: Progress, *, verbosity: int, dry_run: bool
    ) -> None:
        if avatar.moved:
            if verbosity > 1:
                progress.write(self.stdout, f"{avatar.row}: changed meanwhile")
            return
        for file in avatar.files:
            if file.error is not None:
                progress.write(self.stderr, f"{avatar.row}: {file.error}")
                if verbosity > 1 and file.error.__cause__ is not None:
                    lines = traceback.format_exception(file.error.__cause__)
                    progress.write(self.stderr, "".join(lines).rstrip())
            elif verbosity > (0 if dry_run and file.outcome == "copied" else 1):
                would = "would be " if dry_run and file.outcome == "copied" else ""
                done = f"{would}{DONE[str(file.outcome)]}"
                progress.write(self.stdout, f"{file.key}: {done} ({counted(file.size, 'byte')})")

    def _sum_up(self, counts: Counter[str], files: int, copy: copying.Copy) -> None:
        would = "to be " if copy.options.dry_run else ""
        self.stdout.write(
            f"{counted(counts['avatars'], 'avatar')}, {counted(files, 'file')}: "
            f"{counts['copied']} {would}copied ({counted(counts['bytes'], 'byte')}), "
            f"{counts['there']} already there, {counts['missing']} missing, "
            f"{counts['failed']} failed."
        )
        if counts["moved"]:
            self.stdout.write(f"{counted(counts['moved'], 'avatar')} changed meanwhile.")
        if copy.deleted:
            self.stdout.write(
                f"{counted(copy.deleted, 'file')} deleted from “{copy.options.source}”."
            )
