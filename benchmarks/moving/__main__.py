"""Move a site to the kit while it is in use, and measure it.

    python -m benchmarks.moving django-avatar                   # 5,000 users, some minutes
    python -m benchmarks.moving in-place --users 100000         # an ImageField; an hour or less
    python -m benchmarks.moving in-place --users 200 --jobs 1

Makes a site with users and small pictures. Then it runs the command that moves them once, in a
process of its own. Meanwhile, a visitor loads pages of 50 avatars, and every picture on
them has to exist. Needs the dependency group ``benchmarks``. The table goes to stdout.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.moving.sites import SITES
from benchmarks.moving.visitor import USERS_ON_A_PAGE, visited
from benchmarks.report import table


def child(kind: str, folder: Path, jobs: int) -> None:
    """Run the command, and print what it needed as JSON."""
    site = SITES[kind]()
    site.configure(folder)
    from django.core.management import call_command
    from django.db.backends.signals import connection_created

    statements: list[int] = []

    def count(execute: Any, sql: str, *arguments: Any) -> Any:
        statements.append(1)
        return execute(sql, *arguments)

    def install(connection: Any, **_: Any) -> None:
        # Of each thread.
        connection.execute_wrappers.append(count)

    connection_created.connect(install)
    command, options = site.command
    begun, cpu = time.perf_counter(), time.process_time()
    call_command(command, jobs=jobs, stdout=sys.stderr, **options)
    used = {
        "seconds": time.perf_counter() - begun,
        "cpu": time.process_time() - cpu,
        # In KiB on Linux.
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "statements": len(statements),
    }
    sys.stdout.write(json.dumps(used))


def move(kind: str, folder: Path, jobs: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.moving", kind, "--child", str(folder)]
    done = subprocess.run(
        [*command, "--jobs", str(jobs)],
        check=True,
        stdout=subprocess.PIPE,
        env=os.environ,
        text=True,
    )
    used: dict[str, float] = json.loads(done.stdout)
    return used


def complete(media: Path) -> int:
    """The number of profiles whose files are all there."""
    from django_avatar_kit.contrib.profile.models import Profile
    from django_avatar_kit.lifecycle.settlement import files_of

    field = Profile._meta.get_field("avatar")
    count = 0
    for name in Profile.objects.exclude(avatar="").values_list("avatar", flat=True).iterator():
        keys = [key for _, keys in files_of({str(name): field}) for key in keys]
        count += len(keys) > 1 and all((media / key).exists() for key in keys)
    return count


def run(kind: str, users: int, jobs: int, width: int) -> str:
    site = SITES[kind]()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        site.configure(folder)
        site.populate(folder, users, width)
        with visited(folder, site.template, users) as visitor:
            used = move(kind, folder, jobs)
        moved = complete(folder / "media")
        originals = site.old_files(folder / "media")
        again = move(kind, folder, jobs)
    rows = [
        ("users with a picture", f"{users:,}"),
        ("moved by one command, with all of their files", f"{moved:,}"),
        (f"old files afterwards ({'kept' if site.keeps_old_files else 'adopted'})", originals),
        ("width of the pictures, px", width),
        ("jobs", jobs),
        ("seconds", f"{used['seconds']:.0f}"),
        ("ms for each user", f"{1000 * used['seconds'] / users:.1f}"),
        ("CPU ms for each user", f"{1000 * used['cpu'] / users:.1f}"),
        ("queries for each user", f"{used['statements'] / users:.1f}"),
        ("peak memory of the command, MiB", f"{used['memory']:.0f}"),
        (f"pages of {USERS_ON_A_PAGE} avatars served meanwhile", f"{len(visitor.pages):,}"),
        ("ms for a page, median", f"{1000 * median(visitor.pages):.0f}"),
        ("ms for a page, slowest", f"{1000 * max(visitor.pages):.0f}"),
        ("pages with a picture that was replaced before it was fetched", visitor.overtaken),
        ("pages with an error, or without a picture", len(visitor.errors)),
        ("a second run, seconds", f"{again['seconds']:.1f}"),
    ]
    for error in visitor.errors[:5]:
        sys.stderr.write(f"{error}\n")
    return table((f"a move from {kind}", "measured"), rows)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.moving", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("site", choices=SITES)
    parser.add_argument("--users", type=int, default=5000)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--width", type=int, default=400, help="of the pictures, in px")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        child(arguments.site, arguments.child, arguments.jobs)
    else:
        report = run(arguments.site, arguments.users, arguments.jobs, arguments.width)
        sys.stdout.write(f"{report}\n")


if __name__ == "__main__":
    main()
