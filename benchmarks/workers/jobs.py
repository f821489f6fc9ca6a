"""The jobs of a worker. Each returns a value that can be written as JSON.

Wall-clock time is what a user waits for. CPU time is what the site pays for. On a busy machine,
CPU time varies less.
"""

from __future__ import annotations

import contextlib
import gc
import io
import resource
import shutil
import statistics
import sys
import time
from collections import Counter
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from django.apps import apps
from django.conf import settings
from django.core.cache import cache as django_cache
from django.core.files.storage import FileSystemStorage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import connection
from django.template import Context, engines
from django.test.utils import CaptureQueriesContext
from PIL import Image

from benchmarks.contenders import Contender, contender

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.db.models import Model

    from benchmarks.workers.child import Answer

#: Every method of Django's storage that touches a file. Building a URL or a path does not.
STORAGE_CALLS = (
    "delete",
    "exists",
    "get_accessed_time",
    "get_created_time",
    "get_modified_time",
    "listdir",
    "open",
    "save",
    "size",
)


#: Views of the same page, for a median.
VIEWS = 5


def timed(call: Callable[[], object]) -> Answer:
    """Wall-clock and CPU time in ms."""
    gc.collect()
    cpu, wall = time.process_time(), time.perf_counter()
    call()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {"wall": wall * 1000, "cpu": cpu * 1000}


@contextlib.contextmanager
def counted() -> Iterator[Counter[str]]:
    """Counts "queries" (with BEGIN and COMMIT) and "storage" calls."""
    counts: Counter[str] = Counter()

    def counting(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            counts["storage"] += 1
            return method(*args, **kwargs)

        return call

    with contextlib.ExitStack() as stack:
        for name in STORAGE_CALLS:
            method = getattr(FileSystemStorage, name)
            stack.enter_context(mock.patch.object(FileSystemStorage, name, counting(method)))
        queries = stack.enter_context(CaptureQueriesContext(connection))
        yield counts
    counts["queries"] = len(queries)


def photograph(path: str) -> SimpleUploadedFile:
    return SimpleUploadedFile("portrait.jpg", Path(path).read_bytes(), content_type="image/jpeg")


def small_photograph(number: int = 0, side: int = 128) -> SimpleUploadedFile:
    """A photograph whose content differs for each number, for contenders that compare contents.

    It is large enough for 64 px and for twice that on dense screens.
    """
    out = io.BytesIO()
    colour = (number % 256, number // 256 % 256, 128)
    Image.new("RGB", (side, side), colour).save(out, "JPEG")
    return SimpleUploadedFile(f"face-{number}.jpg", out.getvalue(), content_type="image/jpeg")


def files() -> list[Path]:
    return [path for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file()]


def contents() -> set[tuple[Path, int]]:
    """Files with their time of writing, because a name may be used again."""
    return {(path, path.stat().st_mtime_ns) for path in files()}


def empty() -> None:
    """Delete all rows, local files and cache entries."""
    call_command("flush", interactive=False, verbosity=0)
    django_cache.clear()
    shutil.rmtree(settings.MEDIA_ROOT, ignore_errors=True)


# --- pages -------------------------------------------------------------------------------------


def fill(name: str, *, rows: int) -> Answer:
    """Make rows with an avatar each, uploaded through the form."""
    for number in range(rows):
        contender(name).upload(small_photograph(number))
    return {}


def load(name: str) -> Answer:
    query = contender(name).rows()
    return timed(lambda: list(query.all()))


@cache
def page(name: str) -> Any:
    who = contender(name)
    return engines["django"].from_string(
        f"{who.load}{{% for p in people %}}{who.markup}\n{{% endfor %}}"
    )


def render(name: str) -> Answer:
    """Load the rows and show them."""
    who: Contender = contender(name)
    template = page(name)
    return timed(lambda: template.template.render(Context({"people": who.rows()})))


def views(name: str, *, rows: int, path: str) -> Answer:
    """Show a page of new avatars for the first time, then again, then with an empty cache.

    All avatars are the same photograph, each with files of its own. The first view happens once;
    of the others, the median is given.
    """
    who = contender(name)
    empty()
    for _ in range(rows):
        who.upload(photograph(path))
    django_cache.clear()
    before = len(files())
    first = render(name)
    made = len(files()) - before
    warm = [render(name) for _ in range(VIEWS)]
    emptied = []
    for _ in range(VIEWS):
        django_cache.clear()
        emptied.append(render(name))
    return {"first": first, "warm": middle(warm), "emptied": middle(emptied), "made": made}


def middle(answers: list[Answer]) -> Answer:
    return {key: statistics.median(answer[key] for answer in answers) for key in ("wall", "cpu")}


def render_counted(name: str) -> Answer:
    """Queries and storage calls of a page, and one line of its HTML."""
    who, template = contender(name), page(name).template
    with counted() as counts:
        html = template.render(Context({"people": who.rows()}))
    django_cache.clear()
    with counted() as emptied:
        template.render(Context({"people": who.rows()}))
    return {
        "queries": counts["queries"],
        "storage": counts["storage"],
        "emptied_queries": emptied["queries"],
        "example": html.strip().split("\n")[0],
    }


# --- uploads -----------------------------------------------------------------------------------


def upload(name: str, *, path: str) -> Answer:
    """From the posted form to the saved row, with all sizes made."""
    who = contender(name)
    photo = photograph(path)
    answer = timed(lambda: who.upload(photo))
    missing = set(settings.SIZES) - {side for file in files() for side in square_of(file)}
    if missing:
        raise AssertionError(f"{name} has not made {sorted(missing)} px")
    empty()
    return answer


def square_of(path: Path) -> tuple[int, ...]:
    with Image.open(path) as image:
        return (image.width,) if image.width == image.height else ()


def replace_and_delete(name: str) -> Answer:
    """Queries and storage calls of a replacement and a deletion, and the files that they leave."""
    who = contender(name)
    answer: Answer = {}
    empty()
    row = who.upload(small_large())
    answer["booked"] = booked(who.model)
    row = who.model._default_manager.get(pk=row.pk)
    before = contents()
    photo = small_large()
    with counted() as counts:
        row = who.upload(photo, row)
    answer["replace"] = dict(counts)
    answer["replace"]["left"] = len(before & contents())
    row = who.model._default_manager.get(pk=row.pk)
    before = contents()
    with counted() as counts:
        who.delete(row)
    answer["delete"] = dict(counts)
    answer["delete"]["left"] = len(before & contents())
    empty()
    return answer


def booked(model: type[Model]) -> int:
    """How many rows tables other than that of the model and that of the users have."""
    others = [each for each in apps.get_models() if each is not model]
    kept = [each for each in others if each._meta.app_label not in {"auth", "contenttypes"}]
    return sum(each._base_manager.count() for each in kept)


def clear(name: str) -> Answer:
    """Remove the avatar from a row that stays."""
    who = contender(name)
    empty()
    row = who.upload(small_large())
    row = who.model._default_manager.get(pk=row.pk)
    with counted() as counts:
        row.avatar.delete()  # type: ignore[attr-defined]
    empty()
    return dict(counts)


def small_large() -> SimpleUploadedFile:
    """A photograph just large enough for all sizes."""
    out = io.BytesIO()
    Image.new("RGB", (600, 600), "teal").save(out, "JPEG")
    return SimpleUploadedFile("portrait.jpg", out.getvalue(), content_type="image/jpeg")


# --- memory ------------------------------------------------------------------------------------


def memory(name: str, *, path: str) -> Answer:
    """Peak memory of one upload above idle, in MiB.

    Idle is what the process holds after one tiny upload, so that libraries and codecs are loaded.
    The upload itself, as a request brings it, is part of the peak.
    """
    who = contender(name)
    who.upload(small_photograph())
    empty()
    gc.collect()
    idle = start_peak()
    who.upload(photograph(path))
    answer = {"idle": idle, "peak": peak()}
    empty()
    return answer


STATUS = Path("/proc/self/status")


def start_peak() -> float:
    """Memory in use now, in MiB. On Linux, the peak is reset to it."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return peak()
    return status("VmRSS")


def peak() -> float:
    if STATUS.exists():
        return status("VmHWM")
    # macOS gives bytes, other systems KiB.
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def status(key: str) -> float:
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(key))
    return int(line.split()[1]) / 2**10


JOBS: dict[str, Callable[..., Answer]] = {
    job.__name__: job
    for job in (
        fill,
        load,
        render,
        render_counted,
        views,
        upload,
        replace_and_delete,
        clear,
        memory,
    )
}
