"""Make a virtual environment and install into it: ``make_venv.py DIR [pip arguments]``.

This is the Makefile's first step on a fresh machine, so it needs only the standard library. It
says what is missing where ``python -m venv`` would end in a traceback.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import venv
from pathlib import Path

OLDEST = (3, 10)
# The first pip that knows --group, with which the Makefile installs pyproject.toml's groups.
PIP = "pip>=25.1"


def main(directory: str, *arguments: str) -> None:
    if sys.version_info[:2] < OLDEST:
        sys.exit(
            f"{sys.executable} is Python {sys.version.split()[0]}; django-avatar-kit needs "
            f"{'.'.join(map(str, OLDEST))} or later. Name one: make PYTHON=python3.12 …"
        )
    # Debian has both in a separate package.
    if not all(importlib.util.find_spec(module) for module in ("ensurepip", "venv")):
        sys.exit(
            f"{sys.executable} cannot make virtual environments: it has no ensurepip. On Debian "
            f"and Ubuntu: apt-get install python{'.'.join(map(str, sys.version_info[:2]))}-venv"
        )
    target = Path(directory)
    python = target / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    # exists() follows the link. If that Python was removed or upgraded, the link is dead.
    if not python.exists():
        print(f"Making {target} with Python {sys.version.split()[0]} …", flush=True)
        venv.create(target, clear=True, with_pip=True)
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    try:
        subprocess.run([*pip, "--upgrade", PIP], check=True)
        if arguments:
            subprocess.run([*pip, *arguments], check=True)
    except subprocess.CalledProcessError as error:
        # pip has printed the reason.
        sys.exit(error.returncode)


if __name__ == "__main__":
    main(*sys.argv[1:])
