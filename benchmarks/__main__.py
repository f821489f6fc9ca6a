"""The kit beside its peers, in one run.

    python -m benchmarks                             # about a quarter of an hour
    python -m benchmarks --quick                     # a few minutes, and rougher
    python -m benchmarks --only rows upload
    python -m benchmarks --write docs/benchmarks.md

Needs the dependency group ``benchmarks``. The report goes to stdout, progress to
stderr.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.report import SUMMARY, machine, say, table
from benchmarks.sections.base import QUICK, Effort, Section
from benchmarks.sections.memory import memory
from benchmarks.sections.pages import rows
from benchmarks.sections.pictures import pictures
from benchmarks.sections.queries import queries
from benchmarks.sections.s3 import s3
from benchmarks.sections.uploads import upload

if TYPE_CHECKING:
    from collections.abc import Callable

INTRODUCTION = """\
# Benchmarks

`make bench` measures the kit beside its peers and prints this page; `python -m benchmarks --write
docs/benchmarks.md` wrote it. Hold the ratios, not the absolute figures.

"""

METHOD = """\
## How it is measured

- Everybody stores the same photographs, on the same file system unless S3 is named, as squares
  of 32, 64, 128, 256 and 512 px, with SQLite, set up as its documentation says; where that
  leaves a choice, the faster way. The kit writes WebP; easy-thumbnails, sorl-thumbnail,
  django-imagekit and django-stdimage their default, JPEG; django-avatar JPEG (its default, PNG,
  takes longer); django-pictures WebP (its default, AVIF, takes longer). The kit also writes a
  master of at most 1000 px, where the others keep the upload as it came.
- The photographs come from `benchmarks/photos.py`: JPEG of 4032 × 3024 px, which EXIF
  orientation 6 turns upright. django-stdimage ignores it: in its squares they lie on their side.
- Contenders take turns, each in a process with nothing installed but what it needs; for the
  pages, the kit, the stock field and easy-thumbnails share one, with django-cleanup in it. The
  first round does not count, and a ratio is the median of the rounds' ratios. Times are
  wall-clock times unless CPU is named; in brackets stands the ratio of the CPU times. The
  summary shows the photograph on which the kit does worst.
- An upload begins with the posted file and ends when the row is saved and all squares are there.
  easy-thumbnails makes them on `saved_file`, django-imagekit with its *Optimistic* strategy,
  sorl-thumbnail when asked right after, in the same request. django-pictures' task runs at once.
- A page shows squares of 64 px with `alt`, `class` and `loading`. The kit and django-pictures
  write a `srcset`, the others one URL. django-imagekit does not look for the files, and
  django-pictures has the dimensions in columns. A row of django-avatar is a user, its alt text
  is constant.
- Memory is what one upload adds, at its peak, to a fresh process that has done one tiny upload;
  the posted bytes are part of it.
- Expected memory is held against what the first upload of a process adds, with the code that it
  loads, on all of `benchmarks/corpus.py`: contents that take the most of what a header allows.
- Imaging alone is from the bytes to encoded squares and master; pyvips makes the squares only.
  With `thumbnail_buffer` it cuts each from the upload; with one decode, from the next larger
  one.
- PSNR compares squares before encoding with a full decode, resized once with Lanczos.
- BEGIN and COMMIT are among the queries. A replaced avatar of django-avatar keeps its row, and
  so its files; every other file that is left belongs to no row.
- S3 is moto in a process of its own on the same machine, without TLS, with connections that stay
  open. Each request, whatever it asks for, first waits for the time named, beside the others
  that wait. Everybody stores through django-storages with its defaults, which overwrite a name
  that is taken and so need not ask, and as its own defaults have it, which is in one storage.
  The client has been at work before.
- Waiting is wall-clock time less the CPU time of the client's process. A request time is the
  median of single PUTs of 16 KiB, between the kit's uploads and taken likewise. A busy CPU
  counts as waiting, and so does moto's work, one request after the other; so the photograph is a
  small one, 1200 × 1600 px. The summary's range of peers is that of all for uploads, and of
  those who leave no file behind for deletions.
- For pages from S3 the same rows are shown by four processes, each with another storage as its
  default; the kit writes two URLs for each avatar, the stock field one. Showing begins with the
  rows loaded, which is no matter of the storage. Before a first view all rows get names that
  were never shown, while the process has shown other avatars: template, client and credentials
  are at hand, and no URL of the page is. The second view follows at once; the same URLs means
  that the HTML is the same, byte for byte. Signatures are of version 4.
- Everybody's page from S3 is of rows that were uploaded there. It is short enough for Django's
  cache in memory to hold all of it, as it does not hold a page of 1,000, and the caches are
  warm.
- Copying is measured once, as the command runs in a process that is up. File by file is
  `to.save(name, from.open(name))`, one PUT each. For the kills, a run of the command ends in
  SIGKILL when it has sent another quarter of the files, three times; the fourth runs to the end.
  Missing is what a row needs and the bucket does not hold with the same MD5.
"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--quick", action="store_true", help="fewer rounds and photographs")
    parser.add_argument("--write", metavar="FILE", type=Path, help="write the report here, too")
    names = ("rows", "upload", "memory", "pictures", "queries", "s3")
    parser.add_argument("--only", nargs="+", choices=names, default=names, help="parts to run")
    options = parser.parse_args()
    effort = QUICK if options.quick else Effort()
    folder = Path(tempfile.mkdtemp(prefix="avatar-kit-photos-"))
    parts: dict[str, Callable[[], Section]] = {
        "rows": partial(rows, effort),
        "upload": partial(upload, effort, folder),
        "memory": partial(memory, effort, folder),
        "pictures": partial(pictures, effort, folder),
        "queries": partial(queries, effort),
        "s3": partial(s3, effort, folder),
    }
    sections = []
    try:
        for name in options.only:
            say(f"{name}:")
            sections.append(parts[name]())
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    lines = [line for section in sections for line in section.lines]
    summary = table(SUMMARY, [line.cells() for line in lines])
    details = "\n\n".join(f"## {section.title}\n\n{section.text}" for section in sections)
    report = f"{INTRODUCTION}{summary}\n\nRan on {machine()}.\n\n{details}\n\n{METHOD}"
    print(report)
    if options.write:
        options.write.write_text(report, encoding="utf-8")


if __name__ == "__main__":
    main()
