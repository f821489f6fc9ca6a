from __future__ import annotations

import argparse
import sys

from . import __doc__ as description
from .checks import check
from .files import PROJECTS, update


def main() -> None:
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("action", choices=["update", "check"])
    parser.add_argument("languages", nargs="*", metavar="LANGUAGE", help="new ones, for update")
    arguments = parser.parse_args()
    if arguments.action == "update":
        for project in PROJECTS:
            update(project, arguments.languages)
        return
    wrong = [line for project in PROJECTS for line in check(project)]
    if wrong:
        print(*wrong, sep="\n")
        sys.exit(
            f"{len(wrong)} errors. Run `python -m scripts.catalogues update`, translate what it "
            "leaves empty in the .po files, and run it again, which compiles them."
        )
    print("All catalogues are complete.")


if __name__ == "__main__":
    main()
