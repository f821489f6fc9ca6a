"""The job that uploads an extreme picture through the form: what it costs, what comes of it."""

from __future__ import annotations

import ctypes
import gc
import io
import multiprocessing
import statistics
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

#: Full decodes, for a median.
DECODES = 5
#: A process that begins as a copy of this one, in a moment.
FORK = multiprocessing.get_context("fork")
STARTED: list[str] = []


def extreme(name: str, **arguments: Any) -> Answer:
    """Do :func:`upload` in a process of its own, which has done one tiny upload before."""
    who = contender(name)
    if not STARTED:
        who.upload(small_photograph())
        empty()
        STARTED.append(name)
    # SQLite's connections cannot be used in another process.
    connections.close_all()
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    here, there = FORK.Pipe()
    process = FORK.Process(target=lambda: there.send(upload(who, **arguments)))
    process.start()
    there.close()
    answer: Answer = here.recv()
    process.join()
    return answer


def upload(who: Contender, *, path: str, photo: str, crop: list[int] | None) -> Answer:
    """Peak memory above idle in MB, CPU time in ms, and the code of an error or "".

    ``photo`` is a JPEG of 12 megapixels, which is decoded in full right afterwards. ``crop`` is x,
    y, width and height of what is chosen, and the width and height of the picture, in px.
    """
    # Not above: the workers of other libraries, which have no such models, read this module, too.
    from django_avatar_kit.forms import AvatarForm, AvatarInput

    file = TemporaryUploadedFile("me", "image/jpeg", 0, None)
    file.write(Path(path).read_bytes())
    file.size = file.tell()
    file.seek(0)
    chosen = ",".join(map(str, crop or []))
    idle = start_peak()
    start = time.process_time()
    data = {AvatarInput().crop_name("avatar"): chosen}
    form = AvatarForm(data, {"avatar": file}, instance=who.new())
    if form.is_valid():
        form.save()
    seconds = time.process_time() - start
    memory = (peak() - idle) * 2**20 / 1e6
    decodes = [decoded(Path(photo).read_bytes()) for _ in range(DECODES)]
    empty()
    return {
        "mb": memory,
        "ms": seconds * 1000,
        "times": seconds / statistics.median(decodes),
        "code": next((str(error.code) for error in form.errors.as_data().get("avatar", [])), ""),
    }


def decoded(data: bytes) -> float:
    """CPU time of a decode at full size, in seconds."""
    start = time.process_time()
    with Image.open(io.BytesIO(data)) as image:
        image.load()
    return time.process_time() - start


EXTREME_JOBS: dict[str, Callable[..., Answer]] = {"extreme": extreme}
