"""Fuzz the kit.

    python -m fuzzing views --mutations 20000      # the corpus and its mutations, by the form page
    python -m fuzzing decoders                     # guided by coverage, until it is stopped
    python -m fuzzing decoders -max_total_time=60  # the same with an argument of libFuzzer

The first needs the dependency group ``test``, the second ``fuzz``.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

FOLDER = Path(tempfile.gettempdir()) / "avatar-kit-fuzzing"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m fuzzing", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--folder", type=Path, default=FOLDER, help="for findings (%(default)s)")
    commands = parser.add_subparsers(dest="command", required=True)
    views = commands.add_parser("views", help="corpus and mutations through the change page")
    views.add_argument("--mutations", type=int, default=20_000)
    views.add_argument("--seed", type=int, default=0, help="of the mutations (%(default)s)")
    views.add_argument("--animated", action="store_true", help="with ANIMATED on")
    commands.add_parser("decoders", help="coverage-guided, with atheris", add_help=False)
    options, others = parser.parse_known_args()
    if options.command == "decoders":
        from fuzzing.decoders import run

        run(options.folder, others)
        return 0
    if others:
        parser.error(f"unknown: {' '.join(others)}")
    from fuzzing.views import report

    return report(
        options.folder,
        mutations=options.mutations,
        seed=options.seed,
        animated=options.animated,
    )


if __name__ == "__main__":
    raise SystemExit(main())
