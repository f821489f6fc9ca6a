"""The corpus and its mutations, uploaded through the change page of a small site.

Every mutation comes from a seed and its number, so that a run can be repeated. What must not
happen: an answer of 500 or more, an exception that is not one of the kit's, an error that is
logged, a file that no row names, and the marker in any file that is stored.
"""

from __future__ import annotations

import os
import platform
import random
import resource
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from django_avatar_kit.test import IsolatedStorages
    from tests.support.corpus.page import ChangePage, Outcome


class Upload(NamedTuple):
    name: str
    data: bytes
    is_mutation: bool


@dataclass(kw_only=True)
class Summary:
    """What has been seen so far."""

    kinds: Counter[bool] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    slowest: tuple[float, str] = (0.0, "")
    idle: int = 0
    """Bytes that the process had before the first upload."""

    def add(self, upload: Upload, outcome: Outcome) -> None:
        self.kinds[upload.is_mutation] += 1
        self.codes[outcome.code] += 1
        self.problems += [f"{upload.name}: {problem}" for problem in outcome.problems]
        self.slowest = max(self.slowest, (outcome.seconds, upload.name))

    def text(self, seconds: float) -> str:
        taken = self.codes["taken"]
        refused = {code: count for code, count in self.codes.most_common() if code != "taken"}
        lines = [
            f"corpus: {self.kinds[False]} uploads",
            f"mutations: {self.kinds[True]}",
            f"time: {seconds:.0f} s",
            f"taken: {taken}",
            f"refused: {sum(refused.values())}",
            *(f"  {code}: {count}" for code, count in refused.items()),
            f"slowest: {self.slowest[0]:.2f} s ({self.slowest[1]})",
            f"peak memory above idle: {(_peak() - self.idle) / 1e6:.0f} MB",
            f"what must not happen: {len(self.problems)}",
            *(f"  {problem}" for problem in self.problems),
        ]
        return "\n".join(lines)


def report(folder: Path, *, mutations: int, seed: int, animated: bool) -> int:
    """Run, and print what was seen. Returns 1 if anything happened that must not, else 0.

    ``folder`` gets each upload before it is sent, in case the process does not survive it, and
    keeps those with problems.
    """
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["DJANGO_SETTINGS_MODULE"] = "fuzzing.settings"
    import django

    django.setup()
    from django.core.management import call_command
    from django.test.utils import override_settings, setup_test_environment

    from django_avatar_kit.test import isolated_storages
    from tests.support.corpus.page import formats_here

    setup_test_environment()
    call_command("migrate", verbosity=0)
    print(versions(), flush=True)
    # Small, since what is looked for is what goes in. All limits are the default ones.
    kit = {"SIZES": (16, 32), "UPLOAD_FORMATS": formats_here(), "ANIMATED": animated}
    with override_settings(AVATAR_KIT=kit), isolated_storages() as storages:
        summary = _run(folder, _page(storages), mutations=mutations, seed=seed)
    return 1 if summary.problems else 0


def versions() -> str:
    import django
    import PIL

    python = platform.python_version()
    found = f"Python {python}, Django {django.__version__}, Pillow {PIL.__version__}"
    try:
        return f"{found}, pillow-heif {version('pillow-heif')}"
    except PackageNotFoundError:
        return found


def _page(storages: IsolatedStorages) -> ChangePage:
    from django.contrib.auth.models import User

    from django_avatar_kit.contrib.profile.models import Profile
    from tests.support.corpus.page import ChangePage

    user = User.objects.create(username="ada")
    profile, _created = Profile._default_manager.get_or_create(user=user)
    return ChangePage(profile, storages)


def _run(folder: Path, page: ChangePage, *, mutations: int, seed: int) -> Summary:
    summary = Summary()
    start = time.monotonic()
    # The code of all formats is loaded by now, and one tiny upload has been through everything.
    page.upload(next(uploads(0, seed)).data)
    summary.idle = _peak()
    try:
        for number, upload in enumerate(uploads(mutations, seed), 1):
            (folder / "last").write_bytes(upload.data)
            outcome = page.upload(upload.data)
            summary.add(upload, outcome)
            if outcome.problems:
                (folder / f"problem-{number}").write_bytes(upload.data)
            if number % 1000 == 0:
                print(f"{number} …", file=sys.stderr, flush=True)
    except KeyboardInterrupt:
        print("Stopped. So far:")
    print(summary.text(time.monotonic() - start))
    return summary


def uploads(mutations: int, seed: int) -> Iterator[Upload]:
    """Each case of the corpus once, and then so many mutations of its small ones."""
    from tests.support import corpus
    from tests.support.corpus import mutations as changes

    for group in corpus.GROUPS:
        for case in corpus.of_group(group):
            yield Upload(f"{group}, {case.name}", case.data, is_mutation=False)
    seeds = changes.seeds([case.data for case in corpus.everything()])
    for number in range(mutations):
        chance = random.Random(f"{seed}/{number}")
        data = changes.mutated(chance, chance.choice(seeds), chance.choice(seeds))
        yield Upload(f"mutation {number} of seed {seed}", data, is_mutation=True)


def _peak() -> int:
    """The most memory that the process ever had, in bytes."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
