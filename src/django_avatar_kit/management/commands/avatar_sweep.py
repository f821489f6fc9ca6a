"""``manage.py avatar_sweep``: see ``django_avatar_kit.maintenance.sweep``."""

from __future__ import annotations

import re
from contextlib import ExitStack, closing
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.core.files.storage import storages
from django.core.management.base import BaseCommand, CommandError, CommandParser

from ...conf import get_config
from ...maintenance.progress import Progress, counted
from ...maintenance.sweep import Sweep, locations_to_sweep
from ..base import percentage

if TYPE_CHECKING:
    from ...maintenance.orphans import Orphan

UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


class Command(BaseCommand):
    help = (
        "Finds files in storage that no row needs: avatars without a row, renditions that their "
        "row does not list, thumbnails of avatars that are gone. Says what it would delete; "
        "deletes with --delete. Safe to run while avatars are uploaded."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add = parser.add_argument
        add("--delete", action="store_true", help="Delete what was found.")
        add(
            "--min-age",
            default="1h",
            metavar="AGE",
            help="Leave younger files alone, because their row may not be committed yet: 30m, 2h, "
            "1d, or seconds (default: %(default)s). Longer than your longest transaction.",
        )
        add(
            "--max-percent",
            default=20.0,
            metavar="P",
            help="Delete nothing if more than this share of the files in any storage would be "
            "deleted: the rows are probably in another database (default: %(default)s).",
        )
        add("--prefix", default="", help="Look only into this folder, such as avatars.")
        add(
            "--foreign",
            action="store_true",
            help="Consider every file below --prefix that no file field of any model holds, "
            "whatever its name. Files that something else refers to, such as a text, would be "
            "deleted as well.",
        )
        add(
            "--storage",
            action="append",
            default=[],
            choices=tuple(storages.backends),
            metavar="ALIAS",
            help="Also look through this storage, which no avatar field uses any more.",
        )

    def handle(
        self,
        *,
        storage: list[str],
        delete: bool,
        min_age: Any,
        max_percent: Any,
        prefix: str,
        foreign: bool,
        verbosity: int,
        **options: Any,
    ) -> None:
        folder, age, limit = _folder(prefix), _age(min_age), percentage(max_percent)
        if foreign and not folder:
            raise CommandError("--foreign needs a --prefix: the folder in which to look.")
        if delete and not get_config().delete_files:
            raise CommandError(
                "AVATAR_KIT['DELETE_FILES'] is False: this site deletes no files, since they may "
                "be another site's."
            )
        locations = locations_to_sweep(storage)
        if not locations:
            raise CommandError(
                "No model has an avatar field, so there is no storage to look into. "
                "Name one: --storage default."
            )
        problems: list[str] = []
        with ExitStack() as stack:
            sweeps: list[Sweep] = []
            for location in locations:
                sweep = Sweep(location, min_age=age, prefix=folder, foreign=foreign)
                stack.enter_context(closing(sweep))
                try:
                    self._find(sweep, delete, verbosity)
                except CommandError as error:
                    problems.append(str(error))
                else:
                    sweeps.append(sweep)
            # Of all storages before the first deletion: they share the databases that are asked.
            for sweep in sweeps:
                self._check(sweep, limit, delete)
            for sweep in sweeps:
                if delete:
                    self._delete(sweep, verbosity)
                if sweep.failed:
                    failed = counted(sweep.failed, "file")
                    problems.append(f"{failed} in {sweep.title} could not be judged or deleted.")
        if problems:
            raise CommandError("\n".join(problems))

    def _find(self, sweep: Sweep, delete: bool, verbosity: int) -> None:
        with closing(Progress(self.stderr, sweep.title, verbosity=verbosity)) as progress:
            for orphan in sweep.find(seen=progress.step):
                # With --delete, only what has been deleted is listed.
                if verbosity > (1 if delete else 0):
                    progress.write(self.stdout, _line(orphan))
        if verbosity:
            kind = "file" if sweep.foreign else "avatar file"
            self.stdout.write(
                f"{sweep.title}: {counted(sweep.seen, kind)}, {sweep.found} of them not needed "
                f"({counted(sweep.size, 'byte')})."
            )
            if sweep.found and not delete:
                self.stdout.write("Nothing was deleted. To delete them, add --delete.")

    def _check(self, sweep: Sweep, limit: float, delete: bool) -> None:
        """Raise if nothing may be deleted; without --delete, say so."""
        refusals = [(sweep.refusal, "")] if sweep.refusal else []
        if sweep.found and (percent := 100 * sweep.found / sweep.seen) > limit:
            message = (
                f"{sweep.found} of {counted(sweep.seen, 'file')} in {sweep.title} are "
                f"{percent:.0f} %, more than --max-percent {limit:g}."
            )
            refusals.append((message, " If that is right, raise --max-percent."))
        for message, hint in refusals:
            if delete:
                raise CommandError(f"{message} Nothing was deleted.{hint}")
            self.stderr.write(f"{message} --delete would refuse.")

    def _delete(self, sweep: Sweep, verbosity: int) -> None:
        deleted = size = 0
        for orphan in sweep.delete():
            deleted, size = deleted + 1, size + orphan.size
            if verbosity:
                self.stdout.write(f"Deleted {_line(orphan)}")
        if verbosity:
            gone = f"{counted(deleted, 'file')} ({counted(size, 'byte')})"
            self.stdout.write(f"{sweep.title}: {gone} deleted.")


def _line(orphan: Orphan) -> str:
    return f"{orphan.key} ({counted(orphan.size, 'byte')}): {orphan.reason}"


def _age(given: Any) -> timedelta:
    if isinstance(given, timedelta):
        return given
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", str(given).strip().lower())
    if match is None:
        raise CommandError(f"“{given}” is no age. Write 30m, 2h, 1d, or a number of seconds.")
    return timedelta(seconds=float(match[1]) * UNITS[match[2]])


def _folder(prefix: str) -> str:
    parts = [part for part in prefix.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise CommandError(f"“{prefix}” leads out of the storage. Name a folder in it.")
    return "".join(f"{part}/" for part in parts)
