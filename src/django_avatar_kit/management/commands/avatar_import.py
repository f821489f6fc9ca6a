"""``manage.py avatar_import``: see ``django_avatar_kit.maintenance.import_``."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError, CommandParser

from ...exceptions import AvatarError
from ...maintenance import import_, pictures
from ...maintenance.problems import Kind, Problems, kind_of
from ...maintenance.progress import Progress, counted
from ...maintenance.sources import route_of
from ..base import AvatarCommand, job_count

if TYPE_CHECKING:
    from ...maintenance.pictures import Result
    from ...maintenance.sources import Route

WAY_OUT = (
    "Nothing was changed at the source. The owners of these files have no avatar until they "
    "choose one. This is no failure: a later run tries the files again, and then lists them again."
)


class Command(AvatarCommand):
    help = (
        "Brings pictures from another field or library into the site's avatars: decoded, cleaned "
        "and cut like an upload. Owners who have an avatar keep it, and nothing is changed or "
        "deleted at the source. A run that was stopped is resumed by running it again. Avatars "
        "may be uploaded and deleted meanwhile."
    )
    takes_labels = False

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        add = parser.add_argument
        add(
            "--from",
            dest="source",
            required=True,
            metavar="app.Model[.field]",
            help="The field with the old pictures, “avatar.Avatar” for django-avatar.",
        )
        add(
            "--to",
            dest="target",
            metavar="app.Model[.field]",
            help="The avatar field, where several could be meant.",
        )
        add(
            "--owner",
            metavar="FIELD",
            help="The foreign key from the old picture to its owner, where it has several.",
        )
        add(
            "--order",
            default="",
            metavar="FIELDS",
            help="Which of an owner's pictures to take, as in order_by(): --order=-chosen,-added. "
            "By default the primary one of django-avatar, or the first in the model's own "
            "ordering, or the newest.",
        )
        self.add_jobs(parser)

    def handle(
        self,
        *,
        source: str,
        target: str | None,
        owner: str | None,
        order: str,
        using: str | None,
        jobs: Any,
        dry_run: bool,
        verbosity: int,
        **_: Any,
    ) -> None:
        route = route_of(source, target, owner, [name for name in order.split(",") if name])
        results = import_.run(route, using, dry_run=dry_run, jobs=job_count(jobs))
        total = pictures.count(route, using) if verbosity else None
        progress = Progress(self.stderr, str(route.source), total=total, verbosity=verbosity)
        counts: Counter[str] = Counter()
        problems = Problems(verbosity)
        with closing(progress), closing(results):
            for of_owner in results:
                for result in of_owner:
                    counts[self._judge(result, problems, progress, verbosity, dry_run)] += 1
                progress.step()
        self._conclude(route, counts, problems, verbosity, dry_run)

    def _judge(
        self,
        result: Result,
        problems: Problems,
        progress: Progress,
        verbosity: int,
        dry_run: bool,
    ) -> str:
        """How a picture counts, which is reported, or noted for the end."""
        error = result.error
        if error is None:
            if result.outcome == "imported" and verbosity > (0 if dry_run else 1):
                would = "would be " if dry_run else ""
                progress.write(self.stdout, f"{result.picture}: {would}imported")
            return result.outcome
        kind = kind_of(error)
        if kind != "failed":
            reason = "" if kind == "missing" else f": {error}"
            problems.add(kind, f"{result.picture}{reason}")
            return kind
        progress.write(self.stderr, f"{result.picture}: {error}")
        # The kit's own messages need no traceback.
        if not isinstance(error, AvatarError):
            progress.write_traceback(self.stderr, error)
        return kind

    def _conclude(
        self,
        route: Route,
        counts: Counter[str],
        problems: Problems,
        verbosity: int,
        dry_run: bool,
    ) -> None:
        kinds: tuple[Kind, ...] = ("missing", "unusable")
        lines = [line for kind in kinds if problems.counts[kind] for line in problems.listed(kind)]
        for line in (*lines, WAY_OUT) if lines else ():
            self.stderr.write(line)
        all_ = counted(sum(counts.values()), "picture")
        if verbosity:
            self.stdout.write(
                f"{all_} of {route.source}: {counts['imported']} "
                f"{'to be ' if dry_run else ''}imported into {route.target}, {counts['there']} "
                f"whose owner has an avatar already, {counts['superseded']} changed meanwhile, "
                f"{counts['missing']} missing, {counts['unusable']} unusable, "
                f"{counts['failed']} failed."
            )
        if counts["failed"]:
            raise CommandError(
                f"{counts['failed']} of {all_} could not be imported. Run the command again once "
                "the cause is removed."
            )
