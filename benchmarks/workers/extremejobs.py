"""The job that uploads an extreme picture through the form: what it costs, what comes of it."""

from __future__ import annotations

import ctypes
import gc
import io
import multiprocessing
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.files.uploadedfile import TemporaryUploadedFile
from django.db import connections
from PIL import Image

from benchmarks.contenders import contender
from benchmarks.workers.jobs import empty, peak, small_photograph, start_peak

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.contenders import Contender
    from benchmarks.workers.child import Answer

#: Full decodes before the upload, and as many after it.
DECODES = 3
#: Bytes that a process has had before it is timed. No upload takes more.
WARM = 300 << 20
#: As glibc numbers them.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
#: A process that begins as a copy of this one, in a moment.
FORK = multiprocessing.get_context("fork")
STARTED: list[str] = []


def extreme(name: str, **arguments: Any) -> Answer:
    """:func:`memory` and :func:`times`, each in a process that has done one tiny upload before."""
    who = contender(name)
    if not STARTED:
        who.upload(small_photograph())
        empty()
        STARTED.append(name)
    return forked(memory, who, **arguments) | forked(times, who, **arguments)


def forked(job: Callable[..., Answer], who: Contender, **arguments: Any) -> Answer:
    # SQLite's connections cannot be used in another process.
    connections.close_all()
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    here, there = FORK.Pipe()
    process = FORK.Process(target=lambda: there.send(job(who, **arguments)))
    process.start()
    there.close()
    answer: Answer = here.recv()
    process.join()
    return answer


def memory(who: Contender, *, path: str, photo: str, crop: list[int] | None) -> Answer:
    """Peak memory of an upload above idle in MB, and the code of an error or "".

    ``crop`` is x, y, width and height of what is chosen, and the width and height of the picture,
    in px.
    """
    idle = start_peak()
    code = upload(who, path, crop)
    used = peak() - idle
    empty()
    return {"mb": used * 2**20 / 1e6, "code": code}


def times(who: Contender, *, path: str, photo: str, crop: list[int] | None) -> Answer:
    """CPU time in ms of an upload, and the least of decoding ``photo``, a JPEG of 12 megapixels.

    Both use memory that the process has had before, as in a server that is at work: to ask the
    system for it takes half of a decode's time, and whether that is needed is a matter of luck.
    """
    libc = ctypes.CDLL(None)
    for option in (M_MMAP_THRESHOLD, M_TRIM_THRESHOLD):
        libc.mallopt(option, 1 << 30)
    # Written to and freed at once, which leaves the memory with the process.
    b"\1" * WARM
    data = Path(photo).read_bytes()
    decodes = [decoded(data) for _ in range(DECODES)]
    start = time.process_time()
    upload(who, path, crop)
    seconds = time.process_time() - start
    decodes += [decoded(data) for _ in range(DECODES)]
    empty()
    return {"ms": seconds * 1000, "decode_ms": min(decodes) * 1000}


def upload(who: Contender, path: str, crop: list[int] | None) -> str:
    """Through the form; the code of an error or ""."""
    # Not above: the workers of other libraries, which have no such models, read this module, too.
    from django_avatar_kit.forms import AvatarForm, AvatarInput

    file = TemporaryUploadedFile("me", "image/jpeg", 0, None)
    file.write(Path(path).read_bytes())
    file.size = file.tell()
    file.seek(0)
    chosen = ",".join(map(str, crop or []))
    data = {AvatarInput().crop_name("avatar"): chosen}
    form = AvatarForm(data, {"avatar": file}, instance=who.new())
    if form.is_valid():
        form.save()
    return next((str(error.code) for error in form.errors.as_data().get("avatar", [])), "")


def decoded(data: bytes) -> float:
    """CPU time of a decode at full size, in seconds."""
    start = time.process_time()
    with Image.open(io.BytesIO(data)) as image:
        image.load()
    return time.process_time() - start


EXTREME_JOBS: dict[str, Callable[..., Answer]] = {"extreme": extreme}
