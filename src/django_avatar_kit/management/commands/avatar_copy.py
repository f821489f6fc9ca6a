"""``manage.py avatar_copy``: see ``django_avatar_kit.maintenance.copy``."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError, CommandParser

from ...maintenance.avatars import fields_of
from ...maintenance.copy import Copy
from ...maintenance.progress import Progress, counted
from ..base import AvatarCommand

if TYPE_CHECKING:
    from ...maintenance.transfer import CopiedFile


class Command(AvatarCommand):
    help = (
        "Copies the files that the rows name from one storage to another, and verifies each of "
        "them. Files that are already there are left alone, so a run that was stopped is resumed "
        "by running it again. Avatars may be uploaded and deleted meanwhile."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        add = parser.add_argument
        add("--from", dest="source", required=True, metavar="ALIAS", help="Storage to copy from.")
        add("--to", dest="target", required=True, metavar="ALIAS", help="Storage to copy to.")
        add("--only", choices=("masters", "renditions"), help="Copy only these.")
        add(
            "--delete-source",
            action="store_true",
            help="Delete the files from --from that are verified in --to. For the time after the "
            "site was switched and every process restarted.",
        )

    def handle(
        self,
        *,
        labels: list[str],
        using: str | None,
        source: str,
        dry_run: bool,
        verbosity: int,
        **options: Any,
    ) -> None:
        chosen = {name: options[name] for name in ("target", "only", "delete_source")}
        copy = Copy(fields_of(labels), source=source, dry_run=dry_run, **chosen)
        counts: Counter[str] = Counter()
        for column in copy.fields:
            progress = self.progress(column, using, verbosity)
            with closing(progress), closing(copy.run(column, using)) as avatars:
                for avatar in avatars:
                    counts["avatars"] += 1
                    counts["changed"] += avatar.has_changed
                    if avatar.has_changed and verbosity > 1:
                        progress.write(self.stdout, f"{avatar.row}: changed meanwhile")
                    for file in () if avatar.has_changed else avatar.files:
                        counts["files"] += 1
                        counts[str(file.outcome)] += 1
                        counts["bytes"] += file.size if file.outcome == "copied" else 0
                        self._report(file, progress, verbosity, dry_run)
                    progress.step()
        if verbosity:
            would = "to be " if dry_run else ""
            self.stdout.write(
                f"{counted(counts['avatars'], 'avatar')}, {counted(counts['files'], 'file')}: "
                f"{counts['copied']} {would}copied ({counted(counts['bytes'], 'byte')}), "
                f"{counts['there']} already there, {counts['missing']} missing, "
                f"{counts['failed']} failed."
            )
            if counts["changed"]:
                self.stdout.write(f"{counted(counts['changed'], 'avatar')} changed meanwhile.")
            if copy.deleted:
                self.stdout.write(f"{counted(copy.deleted, 'file')} deleted from “{source}”.")
        problems = []
        if bad := counts["missing"] + counts["failed"]:
            problems.append(f"{bad} of {counted(counts['files'], 'file')} could not be copied.")
        if copy.undeleted:
            problems.append(f"{counted(copy.undeleted, 'file')} could not be deleted.")
        if problems:
            raise CommandError(" ".join(problems))

    def _report(self, file: CopiedFile, progress: Progress, verbosity: int, dry_run: bool) -> None:
        would_copy = dry_run and file.outcome == "copied"
        if file.error is not None:
            progress.write(self.stderr, f"{file.avatar.row}: {file.error}")
            if verbosity > 1 and file.error.__cause__ is not None:
                progress.write_traceback(self.stderr, file.error.__cause__)
        elif verbosity > (0 if would_copy else 1):
            done = "copied" if file.outcome == "copied" else "already there"
            would = "would be " if would_copy else ""
            progress.write(
                self.stdout, f"{file.key}: {would}{done} ({counted(file.size, 'byte')})"
            )
