"""Starts ``running.py`` with the settings of the examples, which are not those of the tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from tests.support.processes import python_path


def run_in_a_process(pages: Iterable[Path], folder: Path) -> dict[str, str]:
    """What fails of the blocks of some pages, by their places; run in this folder.

    The place is "" where none of them could be run.
    """
    done = subprocess.run(
        [sys.executable, "-m", "tests.docs.running", *map(str, pages)],
        cwd=folder,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.docs.settings",
            "PYTHONPATH": python_path(),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    return dict(json.loads(done.stdout)) if done.returncode == 0 else {"": done.stderr}
