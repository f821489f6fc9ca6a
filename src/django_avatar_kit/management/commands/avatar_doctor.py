"""``manage.py avatar_doctor``: see ``django_avatar_kit.maintenance.doctor``."""

from __future__ import annotations

import shutil
import textwrap
from collections import Counter
from contextlib import closing
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ...maintenance.doctor import examine, probed_storages
from ...maintenance.progress import counted

if TYPE_CHECKING:
    from ...maintenance.doctor_advice import Finding

#: Characters in the first two columns, and the fewest in each of the others.
LEVEL, WHAT, FEWEST = 7, 12, 20
STYLES = {"ok": "SUCCESS", "warning": "WARNING", "failure": "ERROR"}


class Command(BaseCommand):
    help = (
        "Tests each storage that holds avatars with a small picture, which is deleted at the end, "
        "and says what is wrong and what to do."
    )
    # Faulty settings are what it reports, so they must not keep it from running.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--base-url",
            default="",
            metavar="URL",
            help="Address of the site, such as http://127.0.0.1:8000. Without it, URLs such as "
            "/media/… are not fetched.",
        )

    def handle(self, *, base_url: str, verbosity: int, **options: Any) -> None:
        if base_url and not base_url.startswith(("http://", "https://")):
            raise CommandError(f"“{base_url}” is no URL. Write it like http://127.0.0.1:8000.")
        if verbosity:
            self.stdout.write(_columns(f"{'':<{LEVEL}}  {'what':<{WHAT}}", "found", "what to do"))
        counts: Counter[str] = Counter()
        for probed in probed_storages():
            title = f"{probed.title}: {' and '.join(probed.holds)}\n"
            with closing(examine(probed, base_url)) as findings:
                for finding in findings:
                    counts[finding.level] += 1
                    if verbosity or finding.level != "ok":
                        self.stdout.write(f"{title}{self._line(finding)}")
                        # The next step may take seconds.
                        self.stdout.flush()
                        title = ""
        told = f"{counted(counts['failure'], 'failure')}, {counted(counts['warning'], 'warning')}."
        if counts["failure"]:
            raise CommandError(told)
        if verbosity:
            self.stdout.write(told)

    def _line(self, finding: Finding) -> str:
        style = getattr(self.style, STYLES[finding.level])
        lead = f"{style(f'{finding.level:<{LEVEL}}')}  {finding.what:<{WHAT}}"
        return _columns(lead, finding.found, finding.advice)


def _columns(lead: str, found: str, advice: str) -> str:
    """A row of a table that is as wide as the terminal; its cells may take several lines."""
    room = shutil.get_terminal_size((100, 24)).columns - LEVEL - WHAT - 6
    width = max(room * 2 // 5, FEWEST)
    cells = zip_longest(
        textwrap.wrap(found, width, break_on_hyphens=False),
        textwrap.wrap(advice, max(room - width, FEWEST), break_on_hyphens=False),
        fillvalue="",
    )
    lines = []
    for left, right in cells:
        lines.append(f"{lead}  {left:<{width}}  {right}".rstrip())
        lead = " " * (LEVEL + WHAT + 2)
    return "\n".join(lines)
