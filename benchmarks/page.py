"""The page of the documentation, made from the stored results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.claims import CLAIMS
from benchmarks.plots import PLOTS, THEMES, file_of
from benchmarks.report import table
from benchmarks.results import Line, Results
from benchmarks.titles import SHORT

if TYPE_CHECKING:
    from collections.abc import Mapping

INTRODUCTION = """\
# Benchmarks

`make bench` compares the kit with other libraries in one run. It writes this page and its plots,
the results in `benchmarks.json`, and the measured numbers in the README and in the documentation.
Compare the ratios, not the absolute figures: these depend on the machine.

## Summary

Each line backs a claim of the README or of the documentation. The claims are listed below the
table.

"""

METHOD = """\
## How it is measured

- All libraries store the same photographs as squares of 32, 64, 128, 256 and 512 px, with
  SQLite, which does not wait for the disk. Files are on the same file system unless S3 is
  named. Each library is set up as its documentation says. If that leaves a choice, the faster
  way is used. The kit writes WebP. easy-thumbnails, sorl-thumbnail, django-imagekit,
  django-stdimage and django-versatileimagefield write their default, JPEG. django-avatar writes
  JPEG (its default, PNG, takes longer). django-pictures writes WebP (its default, AVIF, takes
  longer). The kit also writes a master of at most 1000 px, where the others keep the upload as
  it came.
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
  and sorl-thumbnail in the same request, right after the upload. So does the warmer of
  django-versatileimagefield. django-pictures' task runs at once.
- The cache is Django's in memory, with room for every entry (by default it keeps 300). On the page
  of 1,000 it is warm.
- A page shows squares of 64 px with `alt`, `class` and `loading`. The kit and django-pictures
  write a `srcset`, the others one URL. django-imagekit does not look for the files, and
  django-pictures has the dimensions in columns. A row of django-avatar is a user, and its alt
  text is constant.
- Memory is the peak that one upload adds to a fresh process that has done one tiny upload
  before. The posted bytes are part of it.
- Expected memory is compared with what the first upload of a process adds, including the code
  that it loads. All of `benchmarks/uploads/corpus.py` is measured: contents that take the most
  memory that a header allows.
- Extreme uploads go through the form, from the posted file to the saved row, with the default
  settings. Each is the first large one of a fresh process, which has done one tiny upload
  before. Time is the CPU time of all threads, divided by that of a full decode of the most
  detailed photograph in the same process (the least of three before and three after). Both use
  memory that the process has had before: to get it from the system takes half of a decode's
  time, or none, by luck. An upload that takes seven decodes or more is measured five times, and
  the least counts, because what else the machine does only ever adds to it.
  `benchmarks/uploads/hostile.py` makes them.
- Imaging alone goes from the bytes to encoded squares and master. pyvips makes only the
  squares. With `thumbnail_buffer` it cuts each from the upload. With one decode, it cuts each
  from the next larger one.
- PSNR compares squares before encoding with a full decode that was resized once with Lanczos.
- For colours, photographs of 800 × 600 px get a profile that `tests/support/profiles.py` builds:
  Display P3, Adobe RGB, or a printer's four inks in a table. Nothing is resized. Of each stored
  picture, 3,600 or 4,800 pixels are compared with what floating point makes of the values in the
  upload: published matrices for screens, and for inks the table itself, with black point
  compensation. The difference is ΔE2000, checked against the pairs that were published with it.
  The summary shows the worst of the decoded picture, the master and the rendition.
- For formats, every encoder gets the same square. SSIM is that of luminance, in windows of 8 × 8
  px, and ΔE2000 is a mean over the picture; transparent pixels are compared on white. Times are
  CPU times, the least of a few rounds. The photograph has more fine colour than most.
- BEGIN and COMMIT are among the queries. Rows elsewhere are those in tables other than that of
  the model itself (and of the users). A replaced avatar of django-avatar keeps its row and
  therefore its files. All other files that are left belong to no row.
  django-versatileimagefield deletes its squares in the receiver that its documentation gives.
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
- The page that all libraries show from S3 has rows that were uploaded there. The caches are warm.
- For warm and cold caches, each library that can make a size when a page asks for it does so:
  django-avatar, django-imagekit, easy-thumbnails, sorl-thumbnail and django-versatileimagefield.
  The others have made all sizes at the upload. The first view finds new rows, an empty cache of
  Django (in memory), and libraries' tables without these rows. The photographs have 1200 × 1600
  px. Only the size that the page shows is made. The warm views follow at once. Then the cache is
  emptied before each view, as after a restart of its server; files and tables stay. Python, the
  templates and the file system's own cache are warm at all views.
- For growth, 100 avatars are really uploaded. All other rows are inserted, with what the library
  has in its own tables for an avatar in five sizes, and without files. The page shows the first
  100, with Django's cache emptied before. A replacement and a deletion are those of a picture of
  512 px, and go through the form and the model as ever. The sweep's time includes looking through
  the files that are there, and is divided by the number of avatars that it deletes. SQLite's
  table statistics are up to date.
- Copying is measured once, in a process that is already running. File by file is `to.save(name,
  from.open(name))`, one PUT each. For the kills, a run of the command is ended with SIGKILL
  when it has sent another quarter of the files. This is done three times; the fourth run goes
  to the end. A file is missing if a row needs it and the bucket does not hold it with the same
  MD5.
"""


SUMMARY = ("claim", "measure", "kit", "peer", "ratio", "reach", "reached")


def page(results: Results) -> str:
    """The whole page in Markdown."""
    sections = results.sections
    lines = [Line(**line) for section in sections.values() for line in section["lines"]]
    lines.sort(key=lambda line: list(CLAIMS).index(line.claim))
    parts = [
        f"<!-- made from results {results.digest} -->",
        INTRODUCTION.strip(),
        table(SUMMARY, [line.cells() for line in lines], texts=2),
        claims(lines),
        ran(sections),
        *(details(name, section) for name, section in sections.items()),
        METHOD,
    ]
    return "\n\n".join(part for part in parts if part)


def claims(lines: list[Line]) -> str:
    """What each claim says, where it is made, and how many lines and which tests back it."""
    rows = []
    for key, claim in CLAIMS.items():
        backing = sum(line.claim == key for line in lines)
        measured = f"{backing} {'line' if backing == 1 else 'lines'}" if backing else ""
        backed = ", ".join(filter(None, [measured, claim.tests]))
        rows.append((key, claim.said, claim.where, backed))
    return table(("claim", "what it says", "where", "backed by"), rows, texts=4)


def ran(sections: Mapping[str, Any]) -> str:
    """On what each section ran: once, if it is the same for all."""
    ran_on: dict[str, list[str]] = {}
    for section in sections.values():
        where = section.get("machine", "no machine")
        quick = ", with fewer rounds (`--quick`)" if section.get("effort") == "quick" else ""
        ran_on.setdefault(f"{where}{quick}", []).append(section["title"])
    if len(ran_on) == 1:
        return f"Ran on {next(iter(ran_on))}."
    return "\n".join(f"- {', '.join(titles)}: ran on {where}." for where, titles in ran_on.items())


def details(name: str, section: Mapping[str, Any]) -> str:
    """A section's failures, plots and tables."""
    failures = [
        f"**{SHORT.get(who, 'This section')} has failed** and is left out: `{error}`"
        for who, error in section["failed"].items()
    ]
    parts = [f"## {section['title']}", *failures, plots(name), section["text"]]
    return "\n\n".join(part for part in parts if part)


def plots(section: str) -> str:
    """The plots of a section, of which the reader sees the one for a light or a dark page."""
    lines = []
    for name, plot in PLOTS.items():
        if plot.section == section:
            for theme in THEMES:
                lines += [
                    f"```{{image}} ../images/{file_of(name, theme)}",
                    f":alt: {plot.alt}",
                    f":class: only-{theme.name}",
                    "```",
                    "",
                ]
    return "\n".join(lines).strip()
