"""Compare the kit with other libraries, in one run, and write the results into the documentation.

    python -m benchmarks                       # less than half an hour, on an idle machine
    python -m benchmarks --quick               # a few minutes, less exact; documentation untouched
    python -m benchmarks --only pages uploads  # the other sections keep their results
    python -m benchmarks --plot                # page, plots and numbers again, without measuring

Needs the dependency group ``benchmarks``. Progress goes to stderr, the page to stdout. Every
section is stored as soon as it is measured. If a library fails, it is left out; if a section
fails, the others go on, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import traceback
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import plots
from benchmarks.page import page
from benchmarks.report import say
from benchmarks.results import Results, Section
from benchmarks.sections.assets import assets
from benchmarks.sections.base import QUICK, Effort
from benchmarks.sections.caches import caches
from benchmarks.sections.colours import colour_spaces
from benchmarks.sections.extremes import extremes
from benchmarks.sections.formats import output_formats
from benchmarks.sections.growth import growth
from benchmarks.sections.memory import memory
from benchmarks.sections.pages import pages
from benchmarks.sections.pictures import pictures
from benchmarks.sections.queries import queries
from benchmarks.sections.s3_copy import s3_copy
from benchmarks.sections.s3_pages import s3_pages
from benchmarks.sections.s3_uploads import s3_uploads
from benchmarks.sections.uploads import uploads
from scripts import figures

if TYPE_CHECKING:
    from collections.abc import Callable

DOCS = Path(__file__).resolve().parent.parent / "docs"
QUICK_RESULTS = Path(tempfile.gettempdir()) / "avatar-kit-benchmarks"


def sections(effort: Effort, folder: Path) -> dict[str, Callable[[], Section]]:
    """All sections of the page, in its order. Photographs are kept in ``folder``."""
    return {
        "pages": partial(pages, effort),
        "caches": partial(caches, effort, folder),
        "uploads": partial(uploads, effort, folder),
        "memory": partial(memory, effort, folder),
        "extremes": partial(extremes, effort, folder),
        "pictures": partial(pictures, effort, folder),
        "colours": partial(colour_spaces, effort),
        "formats": partial(output_formats, effort),
        "queries": partial(queries, effort),
        "growth": partial(growth, effort),
        "s3_uploads": partial(s3_uploads, effort, folder),
        "s3_pages": partial(s3_pages, effort),
        "s3_copy": partial(s3_copy, effort),
        "assets": partial(assets, effort),
    }


def measure(results: Results, names: list[str], effort: Effort) -> bool:
    """Measure these sections. False if any has failed."""
    fine = True
    with tempfile.TemporaryDirectory(prefix="avatar-kit-photos-") as folder:
        known = sections(effort, Path(folder))
        for name in names or known:
            say(f"{name}:")
            start = time.monotonic()
            try:
                section = known[name]()
            except Exception as error:  # noqa: BLE001 - the other sections can still be measured
                traceback.print_exc()
                results.store_failure(name, f"{type(error).__name__}: {error}")
                fine = False
            else:
                seconds = time.monotonic() - start
                kind = "quick" if effort is QUICK else "full"
                results.store(name, section, effort=kind, seconds=seconds)
                say(f"  {seconds:.0f} s")
    return fine


def write(results: Results, docs: Path) -> str:
    """Write the page, the plots and the numbers in the documentation. Gives the page."""
    text = page(results)
    (docs / "explanation").mkdir(parents=True, exist_ok=True)
    (docs / "explanation" / "benchmarks.md").write_text(text, encoding="utf-8")
    plots.draw(results.sections, results.digest, docs / "images")
    return text


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    names = list(sections(QUICK, Path()))
    add = parser.add_argument
    add("--quick", action="store_true", help=f"fewer rounds; writes into {QUICK_RESULTS}")
    add("--only", nargs="+", choices=names, default=[], metavar="SECTION", help=", ".join(names))
    add("--plot", action="store_true", help="measure nothing, write everything again")
    add("--docs", type=Path, help="write into this folder instead of docs/")
    options = parser.parse_args()
    docs: Path = options.docs or (QUICK_RESULTS if options.quick else DOCS)
    results = Results(docs / "explanation" / "benchmarks.json", order=names)
    fine = options.plot or measure(results, options.only, QUICK if options.quick else Effort())
    print(write(results, docs))
    say(f"Written: {docs / 'explanation' / 'benchmarks.md'}")
    if docs == DOCS:
        figures.update()
        wrong = figures.check()
        say("\n".join(wrong))
        fine = fine and not wrong
    return 0 if fine else 1


if __name__ == "__main__":
    raise SystemExit(main())
