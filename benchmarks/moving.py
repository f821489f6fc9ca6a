"""Move a project from django-avatar while it is in use, and measure it.

    python -m benchmarks.moving                            # 5,000 users, some minutes
    python -m benchmarks.moving --users 200 --jobs 1

Makes a project with django-avatar, users and small pictures (400 × 300 px). Then it runs
``avatar_import --from avatar.Avatar`` once, in a process of its own. Meanwhile, a visitor loads
pages of 50 avatars, and every picture on them has to exist. Needs the dependency group
``benchmarks``. The table goes to stdout.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import django
from django.conf import settings

from benchmarks.report import table

if TYPE_CHECKING:
    from collections.abc import Iterator

USERS_ON_A_PAGE = 50
SIZE = (400, 300)
#: Different pictures; each user has a file of their own.
PICTURES = 40

PAGE = (
    "{% load avatar_kit_compat %}{% for user in users %}"
    '{% avatar user 64 class="round" %}{% endfor %}'
)


def configure(folder: Path) -> None:
    """The settings of a site that has followed the how-to as far as its third step."""
    settings.configure(
        SECRET_KEY="only for benchmarks",
        USE_TZ=True,
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "avatar",
            "easy_thumbnails",
            "django_avatar_kit",
            "django_avatar_kit.contrib.profile",
        ],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": folder / "database.sqlite3",
                # As Django's documentation advises for a site that is in use.
                "OPTIONS": {"timeout": 20, "init_command": "PRAGMA journal_mode=WAL"},
            }
        },
        MEDIA_ROOT=str(folder / "media"),
        MEDIA_URL="/media/",
        STATIC_URL="/static/",
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
            }
        ],
        AVATAR_AUTO_GENERATE_SIZES=(64,),
        AVATAR_KIT={
            "FALLBACKS": (
                "django_avatar_kit.contrib.django_avatar.DjangoAvatar",
                "initials",
            )
        },
    )
    django.setup()


def populate(folder: Path, users: int) -> None:
    """Users of django-avatar, each with an original and its thumbnail."""
    import random

    from avatar.models import Avatar
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from PIL import Image

    from django_avatar_kit.test import make_image

    call_command("migrate", verbosity=0)
    seeded = random.Random(1)  # The same pictures each time.
    originals = []
    for _ in range(PICTURES):
        with Image.effect_noise((SIZE[0] // 8, SIZE[1] // 8), 60) as noise:
            tint = tuple(seeded.randrange(256) for _ in range(3))
            with Image.new("RGB", noise.size, tint) as plain, noise.convert("RGB") as grain:
                picture = Image.blend(plain, grain, 0.4).resize(SIZE)
        path = folder / "original.jpg"
        picture.save(path, quality=88)
        originals.append(path.read_bytes())
    thumbnail = make_image((64, 64), format="png")
    User.objects.bulk_create([User(username=f"user{number}") for number in range(users)])
    rows = []
    for number, pk in enumerate(User.objects.order_by("pk").values_list("pk", flat=True)):
        of_user = folder / "media/avatars" / str(pk)
        (of_user / "resized/64/64").mkdir(parents=True)
        (of_user / "photo.jpg").write_bytes(originals[number % PICTURES])
        (of_user / "resized/64/64/photo.png").write_bytes(thumbnail)
        rows.append(Avatar(user_id=pk, primary=True, avatar=f"avatars/{pk}/photo.jpg"))
    Avatar.objects.bulk_create(rows)


# --- the command, in a process of its own -----------------------------------------------------


def child(folder: Path, jobs: int) -> None:
    """Run the command, and print what it needed as JSON."""
    configure(folder)
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
    begun, cpu = time.perf_counter(), time.process_time()
    call_command("avatar_import", source="avatar.Avatar", jobs=jobs, stdout=sys.stderr)
    used = {
        "seconds": time.perf_counter() - begun,
        "cpu": time.process_time() - cpu,
        # In KiB on Linux.
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "statements": len(statements),
    }
    sys.stdout.write(json.dumps(used))


def move(folder: Path, jobs: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.moving", "--child", str(folder)]
    done = subprocess.run(
        [*command, "--jobs", str(jobs)],
        check=True,
        stdout=subprocess.PIPE,
        env=os.environ,
        text=True,
    )
    used: dict[str, float] = json.loads(done.stdout)
    return used


# --- visitors meanwhile -----------------------------------------------------------------------


class Visitor(threading.Thread):
    """Loads one page after the other, and looks whether each picture on it exists."""

    def __init__(self, folder: Path, users: int) -> None:
        super().__init__()
        self.folder, self.users = folder, users
        self.stop = threading.Event()
        #: Seconds of each page.
        self.pages: list[float] = []
        self.errors: list[str] = []

    def run(self) -> None:
        from django.db import connections

        first = 0
        while not self.stop.is_set():
            try:
                begun = time.perf_counter()
                html = page(first)
                self.pages.append(time.perf_counter() - begun)
                self.check(html)
            except Exception as error:  # noqa: BLE001 - it is counted
                self.errors.append(repr(error))
            first = (first + USERS_ON_A_PAGE) % self.users
        connections.close_all()

    def check(self, html: str) -> None:
        urls = re.findall(r'<img src="/media/([^"]+)"', html)
        missing = [url for url in urls if not (self.folder / "media" / url).exists()]
        if missing or len(urls) != min(USERS_ON_A_PAGE, self.users):
            self.errors.append(f"{len(urls)} pictures, missing: {missing}")


def page(first: int) -> str:
    from django.contrib.auth.models import User
    from django.template import Context, engines

    users = User.objects.select_related("avatar_profile").order_by("pk")
    shown = users[first : first + USERS_ON_A_PAGE]
    template = engines["django"].engine.from_string(PAGE)  # type: ignore[attr-defined]
    html: str = template.render(Context({"users": shown}))
    return html


@contextmanager
def visited(folder: Path, users: int) -> Iterator[Visitor]:
    visitor = Visitor(folder, users)
    visitor.start()
    try:
        yield visitor
    finally:
        visitor.stop.set()
        visitor.join()


# --- the report -------------------------------------------------------------------------------


def run(users: int, jobs: int) -> str:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        configure(folder)
        populate(folder, users)
        from avatar.models import Avatar

        from django_avatar_kit.contrib.profile.models import Profile

        with visited(folder, users) as visitor:
            used = move(folder, jobs)
        moved = Profile.objects.exclude(avatar="").count()
        originals = sum(1 for row in Avatar.objects.all() if Path(row.avatar.path).exists())
        again = move(folder, jobs)
    rows = [
        ("users with a picture", f"{users:,}"),
        ("moved by one command", f"{moved:,}"),
        ("originals still at the source", f"{originals:,}"),
        ("jobs", jobs),
        ("seconds", f"{used['seconds']:.0f}"),
        ("ms for each user", f"{1000 * used['seconds'] / users:.1f}"),
        ("CPU ms for each user", f"{1000 * used['cpu'] / users:.1f}"),
        ("queries for each user", f"{used['statements'] / users:.1f}"),
        ("peak memory of the command, MiB", f"{used['memory']:.0f}"),
        ("pages of 50 avatars served meanwhile", f"{len(visitor.pages):,}"),
        ("ms for a page, median", f"{1000 * median(visitor.pages):.0f}"),
        ("ms for a page, slowest", f"{1000 * max(visitor.pages):.0f}"),
        ("pages with an error, or without a picture", len(visitor.errors)),
        ("a second run, seconds", f"{again['seconds']:.1f}"),
    ]
    for error in visitor.errors[:5]:
        sys.stderr.write(f"{error}\n")
    return table(("a move from django-avatar", "measured"), rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--users", type=int, default=5000)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        child(arguments.child, arguments.jobs)
    else:
        sys.stdout.write(f"{run(arguments.users, arguments.jobs)}\n")


if __name__ == "__main__":
    main()
