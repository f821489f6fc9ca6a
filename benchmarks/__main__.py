"""Compare the kit with other libraries, in one run.

    python -m benchmarks                             # about a quarter of an hour
    python -m benchmarks --quick                     # a few minutes, less exact
    python -m benchmarks --only rows upload
    python -m benchmarks --write docs/explanation/benchmarks.md

Needs the dependency group ``benchmarks``. The report goes to stdout, progress messages go to
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

`make bench` compares the kit with other libraries and prints this page. It was written by
`python -m benchmarks --write docs/explanation/benchmarks.md`. Compare the ratios, not the
absolute figures: these depend on the machine.

"""

METHOD = """\
## How it is measured

- All libraries store the same photographs as squares of 32, 64, 128, 256 and 512 px, with
  SQLite. Files are on the same file system unless S3 is named. Each library is set up as its
  documentation says. If that leaves a choice, the faster way is used. The kit writes WebP.
  easy-thumbnails, sorl-thumbnail, django-imagekit and django-stdimage write their default,
  JPEG. django-avatar writes JPEG (its default, PNG, takes longer). django-pictures writes WebP
  (its default, AVIF, takes longer). The kit also writes a master of at most 1000 px, where the
  others keep the upload as it came.
- The photographs come from `benchmarks/uploads/photos.py`. They are JPEGs of 4032 × 3024 px,
  which EXIF orientation 6 turns upright. django-stdimage ignores the orientation, so its
  squares are turned by 90 degrees.
- Contenders take turns, each in a process in which only the apps it needs are installed. For
  the pages, the kit, the stock field and easy-thumbnails share a process, with django-cleanup
  in it. The first round does not count. A ratio is the median of the rounds' ratios. Times are
  wall-clock times unless CPU is named. The ratio in brackets is that of the CPU times. The
  summary shows the photograph on which the kit does worst.
- An upload begins with the posted file and ends when the row is saved and all squares exist.
  easy-thumbnails makes them on `saved_file`, django-imagekit with its *Optimistic* strategy,
  and sorl-thumbnail in the same request, right after the upload. django-pictures' task runs at
  once.
- A page shows squares of 64 px with `alt`, `class` and `loading`. The kit and django-pictures
  write a `srcset`, the others one URL. django-imagekit does not look for the files, and
  django-pictures has the dimensions in columns. A row of django-avatar is a user, and its alt
  text is constant.
- Memory is the peak that one upload adds to a fresh process that has done one tiny upload
  before. The posted bytes are part of it.
- Expected memory is compared with what the first upload of a process adds, including the code
  that it loads. All of `benchmarks/uploads/corpus.py` is measured: contents that take the most
  memory that a header allows.
- Imaging alone goes from the bytes to encoded squares and master. pyvips makes only the
  squares. With `thumbnail_buffer` it cuts each from the upload. With one decode, it cuts each
  from the next larger one.
- PSNR compares squares before encoding with a full decode that was resized once with Lanczos.
- BEGIN and COMMIT are among the queries. A replaced avatar of django-avatar keeps its row and
  therefore its files. All other files that are left belong to no row.
- S3 is moto in its own process on the same machine, without TLS, with connections that stay
  open. Each request, of whatever kind, first waits for the named time. Requests that arrive
  together wait together. All libraries store through django-storages with its defaults: a name
  that is taken is overwritten, so nobody has to ask for it. All libraries keep everything in
  one storage, which is their default. The client has done requests before.
- Waiting is wall-clock time less the CPU time of the client's process. A request time is the
  median of single PUTs of 16 KiB, which are sent between the kit's uploads and measured in the
  same way. A busy CPU counts as waiting, and so does moto's work, one request after the other.
  So the photograph is a small one, 1200 × 1600 px. The summary's range of peers covers all
  peers for uploads, and those that leave no file behind for deletions.
- For pages from S3, four processes show the same rows, each with another storage as its
  default. The kit writes two URLs for each avatar, the stock field one. The time of showing
  begins after the rows are loaded, because loading does not depend on the storage. Before a
  first view, all rows get names that were never shown. The process has shown other avatars
  before, so template, client and credentials are loaded, but no URL of the page is known. The
  second view follows at once. The same URLs means that the HTML is the same, byte for byte.
  Signatures are of version 4.
- The page that all libraries show from S3 has rows that were uploaded there. It is short enough
  for Django's cache in memory to hold all of it; a page of 1,000 would not fit. The caches are
  warm.
- Copying is measured once, in a process that is already running. File by file is `to.save(name,
  from.open(name))`, one PUT each. For the kills, a run of the command is ended with SIGKILL
  when it has sent another quarter of the files. This is done three times; the fourth run goes
  to the end. A file is missing if a row needs it and the bucket does not hold it with the same
  MD5.
"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--quick", action="store_true", help="fewer rounds and photographs")
    parser.add_argument(
        "--write", metavar="FILE", type=Path, help="also write the report to this file"
    )
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
