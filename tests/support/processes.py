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


def python(code: str, *flags: str) -> None:
    """Run some lines with the modules of this process; what they raise fails the test."""
    subprocess.run([sys.executable, *flags, "-c", code], check=True, env=environment())
