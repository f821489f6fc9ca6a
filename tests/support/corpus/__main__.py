"""``python -m tests.support.corpus FOLDER`` writes the corpus, a folder for each group."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.support import corpus


def main(folder: Path) -> None:
    for group in corpus.GROUPS:
        cases = corpus.of_group(group)
        (folder / group).mkdir(parents=True, exist_ok=True)
        for number, case in enumerate(cases):
            (folder / group / f"{number:03}").write_bytes(case.data)
        marked = sum(case.marked for case in cases)
        print(f"{group}: {len(cases)}, of which {marked} have the marker")  # noqa: T201


if __name__ == "__main__":
    # For the list of formats, which needs no settings but a module of them.
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    main(Path(sys.argv[1]))
