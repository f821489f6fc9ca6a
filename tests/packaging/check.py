"""Check what was built, build it again, and install it where nothing else is.

``check.py DIST VENV``: DIST holds the wheel and the sdist; VENV is made here.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parent.parent.parent
SMOKE = Path(__file__).with_name("smoke.py")
PACKAGE = "django_avatar_kit"


def only(directory: Path, pattern: str) -> Path:
    found = list(directory.glob(pattern))
    if len(found) != 1:
        sys.exit(f"One {pattern} expected in {directory}, found {len(found)}.")
    return found[0]


def source_files() -> set[str]:
    """Everything under the package: modules, templates, static files, catalogues, py.typed."""
    source = ROOT / "src"
    return {
        path.relative_to(source).as_posix()
        for path in (source / PACKAGE).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }


def wheel_files(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    return {name for name in names if not PurePosixPath(name).parts[0].endswith(".dist-info")}


def sdist_files(sdist: Path) -> set[str]:
    """Paths without the leading ``name-version/``."""
    with tarfile.open(sdist) as archive:
        names = [member.name for member in archive if member.isfile()]
    return {"/".join(PurePosixPath(name).parts[1:]) for name in names}


def compare(wheel: set[str], sdist: set[str]) -> list[str]:
    """What is missing or too much, a line each."""
    wanted = source_files()
    distributor = {
        ".pre-commit-config.yaml",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "LICENSE",
        "README.md",
        "SECURITY.md",
        "tests/settings.py",
        "tox.ini",
    }
    wrong = [f"not in the wheel: {name}" for name in wanted - wheel]
    # Tests, documentation and the example included: no site wants to import any of them.
    wrong += [f"only in the wheel: {name}" for name in wheel - wanted]
    wrong += [
        f"not in the sdist: {name}"
        for name in {f"src/{name}" for name in wanted} | distributor
        if name not in sdist
    ]
    wrong += [
        f"in the sdist: {name}" for name in sdist if name.endswith((".pyc", ".sqlite3", ".log"))
    ]
    # Nothing compiles a catalogue on the way to the wheel.
    wrong += [
        f"not compiled: {name}"
        for name in wanted
        if name.endswith(".po") and f"{name.removesuffix('.po')}.mo" not in wanted
    ]
    return sorted(wrong)


def build_again(dist: Path) -> list[str]:
    """The files that come out otherwise when the sdist is built in another place.

    The folder, the times and the permissions of the files, and the umask are others. All that may
    be the same is ``SOURCE_DATE_EPOCH``.
    """
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(only(dist, "*.tar.gz")) as archive:
            archive.extractall(folder, filter="data")
        source, again = only(Path(folder), "*"), Path(folder, "again")
        (source / "PKG-INFO").unlink()
        for path in source.rglob("*"):
            os.utime(path, (1_000_000_000, 1_000_000_000))
            # For nobody else. Whether it is a program is part of the file.
            path.chmod(path.stat().st_mode & 0o700)
        build = [sys.executable, "-m", "build", "--installer", "uv", "--outdir", str(again)]
        subprocess.run([*build, str(source)], check=True, umask=0o077, stdout=subprocess.DEVNULL)
        return sorted(
            path.name
            for path in dist.iterdir()
            if path.read_bytes() != (again / path.name).read_bytes()
        )


def use(wheel: Path, target: Path) -> None:
    uv = shutil.which("uv") or sys.exit("uv is not here; the packaging group installs it.")
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(target)], check=True)
    python = target / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    install = [uv, "pip", "install", "--quiet", "--python", str(python), str(wheel)]
    subprocess.run(install, check=True)
    with tempfile.TemporaryDirectory() as site:
        # A copy, started elsewhere: nothing of the checkout is on the import path.
        smoke = shutil.copy(SMOKE, site)
        subprocess.run([str(python), "-W", "error", smoke], check=True, cwd=site)


def main(dist: Path, target: Path) -> None:
    wheel, sdist = only(dist, "*.whl"), only(dist, "*.tar.gz")
    if wrong := compare(wheel_files(wheel), sdist_files(sdist)):
        sys.exit("\n".join(wrong))
    if differing := build_again(dist):
        sys.exit(f"Built again in another folder, these differ: {', '.join(differing)}")
    print("Built again in another folder: every byte is the same.")
    use(wheel, target)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
