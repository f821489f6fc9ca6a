"""Python in a process of its own, which has imported and started nothing yet."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def python_path() -> str:
    """Where the modules of this process are, for another one in another folder."""
    return os.pathsep.join(str(Path(path).resolve()) for path in sys.path if path)


def environment() -> dict[str, str]:
    """That of this process, with its modules and without its settings."""
    environ = {**os.environ, "PYTHONPATH": python_path()}
    environ.pop("DJANGO_SETTINGS_MODULE", None)
    return environ


def python(code: str, *flags: str, folder: Path | None = None) -> str:
    """Run some lines with the modules of this process, and with those in a folder.

    Returns what they print. What they raise fails the test.
    """
    done = subprocess.run(
        [sys.executable, *flags, "-c", code],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
