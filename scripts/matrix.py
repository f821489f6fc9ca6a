"""Run the tox matrix and report what ran: ``matrix.py [tox environment …]``.

tox alone reports success even if every interpreter was missing. This script ends with a list of
what ran, what was skipped, and why. It fails if

- anything that ran has failed, or an environment that should run tests ran none,
- a Django named in pyproject.toml ran on no Python, although this machine has one for it,
- tox did not find an interpreter that this machine has.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / ".tox" / "matrix.json"

MATRIX_NAME = re.compile(r"py(?P<python>3\d+)-(?:dj(?P<django>\d\d)|lowest)")
PYTEST_END = re.compile(r"^=* ?((?:\d+ [a-z]+(?:, )?)+) in [\d.]+s")
PYTEST_SKIP = re.compile(r"^SKIPPED \[\d+\] (?:\S+: )?(.+)$", re.MULTILINE)
COVERAGE_END = re.compile(r"^TOTAL\s.*\s(\d+(?:\.\d+)?%)$", re.MULTILINE)
ANSI = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The result of one tox environment."""

    name: str
    state: str
    """``passed``, ``failed`` or ``skipped``."""
    seconds: float
    notes: tuple[str, ...]
    """Versions, pytest's closing lines and coverage, for the list."""
    counts: Counter[str]
    """The number of tests for each word of pytest (``passed``, ``failed``, …), over all runs."""
    skips: frozenset[str]
    """The reasons of skipped tests."""
    python: str | None = None
    django: str | None = None
    """As in ``3.12`` and ``6.0``; None where the name has none."""


def supported(topic: str) -> list[str]:
    """Versions that pyproject.toml's classifiers name under *topic*, oldest first."""
    # Found with a regular expression, because Python 3.10 has no tomllib.
    text = (ROOT / "pyproject.toml").read_text()
    versions: list[str] = re.findall(rf'"{topic} :: (\d+\.\d+)"', text)
    return sorted(versions, key=lambda version: [int(part) for part in version.split(".")])


def has_python(version: str, path: str) -> bool:
    """True if ``pythonX.Y`` is on *path* and starts. A version manager's shim may not start."""
    found = shutil.which(f"python{version}", path=path)
    if found is None:
        return False
    return (
        subprocess.run([found, "-c", ""], capture_output=True, cwd=ROOT, check=False).returncode
        == 0
    )


def search_path() -> str:
    """PATH, followed by the interpreters that pyenv has installed.

    pyenv's shims only work if PATH has them and a ``.python-version`` names the interpreter. The
    interpreters themselves always work.
    """
    pyenv = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser()
    kept = sorted(str(directory) for directory in pyenv.glob("versions/3.*/bin"))
    return os.pathsep.join([os.environ.get("PATH", os.defpath), *kept])


def run_tox(names: list[str], environ: dict[str, str]) -> int:
    RESULTS.unlink(missing_ok=True)
    # One more than there are processors, because some tests wait for a server or a lock.
    side_by_side = str((os.cpu_count() or 1) + 1)
    command = [sys.executable, "-m", "tox", "run-parallel", "--parallel", side_by_side]
    command += ["--result-json", str(RESULTS)]
    if not sys.stdout.isatty():
        command += ["--colored", "no"]
    if names:
        command += ["-e", ",".join(names)]
    return subprocess.run(command, cwd=ROOT, env=environ, check=False).returncode


def read_outcomes() -> Iterator[Outcome]:
    if not RESULTS.exists():
        return
    for name, report in json.loads(RESULTS.read_text())["testenvs"].items():
        if name.startswith(".") or "result" not in report:
            continue
        yield read_outcome(name, report)


def read_outcome(name: str, report: dict[str, Any]) -> Outcome:
    result = report["result"]
    matrix = MATRIX_NAME.fullmatch(name)
    python = f"3.{matrix['python'][1:]}" if matrix else None
    django = ".".join(matrix["django"]) if matrix and matrix["django"] else None
    counts: Counter[str] = Counter()
    skips: set[str] = set()
    notes: list[str] = []
    if not result["skipped"]:
        installed = dict(
            package.lower().split("==", 1)
            for package in report.get("installed_packages", [])
            if "==" in package
        )
        # Not "version": with tox-uv, that is the repr of an object.
        release = report["python"]["version_info"][:2]
        versions = [f"Python {'.'.join(map(str, release))}"]
        versions += [f"Django {installed['django']}"] if "django" in installed else []
        notes.append(", ".join(versions))
    for run in report.get("test", []):
        output = ANSI.sub("", run["output"])
        database = "PostgreSQL: " if "AVATAR_KIT_TEST_DB=postgres" in run["command"] else ""
        for line in output.splitlines():
            if end := PYTEST_END.match(line):
                notes.append(f"{database}{end[1]}")
                for number, word in re.findall(r"(\d+) ([a-z]+)", end[1]):
                    counts[word] += int(number)
        notes += [f"coverage {total}" for total in COVERAGE_END.findall(output)]
        skips.update(PYTEST_SKIP.findall(output))
    state = "skipped" if result["skipped"] else "passed" if result["success"] else "failed"
    if matrix and state == "passed" and not counts["passed"]:
        state = "failed"
        notes.append("ran no test")
    return Outcome(
        name=name,
        state=state,
        seconds=result["duration"],
        notes=tuple(notes),
        counts=counts,
        skips=frozenset(skips),
        python=python,
        django=django,
    )


def judge(outcomes: list[Outcome], here: list[str]) -> tuple[list[str], list[str]]:
    """The errors of a run of the whole matrix, and what could not run on this machine."""
    matrix = [outcome for outcome in outcomes if outcome.python]
    wrong = [
        f"{outcome.name} was skipped, but Python {outcome.python} is here."
        for outcome in matrix
        if outcome.state == "skipped" and outcome.python in here
    ]
    absent = []
    for django in supported("Framework :: Django"):
        candidates = [outcome for outcome in matrix if outcome.django == django]
        if not candidates:
            wrong.append(f"Django {django} is in pyproject.toml, but in no tox environment.")
        elif all(outcome.state == "skipped" for outcome in candidates):
            pythons = ", ".join(str(outcome.python) for outcome in candidates)
            absent.append(f"Django {django}: none of Python {pythons} is on this machine.")
    return wrong, absent


def main(names: list[str]) -> int:
    path = search_path()
    here = [
        version
        for version in supported("Programming Language :: Python")
        if has_python(version, path)
    ]
    environ = {
        # Trust the machine's certificates, as pip does.
        "UV_SYSTEM_CERTS": "1",
        **os.environ,
        "PATH": path,
        # A missing interpreter is reported and skipped, not downloaded.
        "UV_PYTHON_DOWNLOADS": "never",
    }
    if here:
        environ["NEWEST_PYTHON"] = f"python{here[-1]}"
    code = run_tox(names, environ)
    outcomes = list(read_outcomes())

    print("\nWhat ran, and what did not:\n")
    width = max((len(outcome.name) for outcome in outcomes), default=0)
    for outcome in outcomes:
        if outcome.state == "skipped":
            python = f"Python {outcome.python}" if outcome.python else "Python for it"
            print(f"  {outcome.name:<{width}}  skipped        no {python} on this machine")
        else:
            notes = "; ".join(outcome.notes)
            print(f"  {outcome.name:<{width}}  {outcome.state} {outcome.seconds:5.0f} s  {notes}")
    for reason in sorted({reason for outcome in outcomes for reason in outcome.skips}):
        print(f"\n  tests skipped: {reason}")
    print()

    wrong = [f"{outcome.name} failed." for outcome in outcomes if outcome.state == "failed"]
    if not names:
        also_wrong, absent = judge(outcomes, here)
        wrong += also_wrong
        for line in absent:
            print(f"NOT RUN: {line}")
    if code and not wrong:
        wrong.append(f"tox ended with {code}.")
    for line in wrong:
        print(f"FAILED: {line}")

    tests = sum((outcome.counts for outcome in outcomes), Counter[str]())
    bad = tests["failed"] + tests["error"] + tests["errors"]
    print(f"tests: {tests['passed']} passed, {bad} failed, {tests['skipped']} skipped")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
