"""What maintainers rely on: one version, honest bounds, one list of checks, a changelog."""

from __future__ import annotations

import re
import sys
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

import django_avatar_kit

ROOT = Path(__file__).resolve().parent.parent
# The library of Python 3.11. On 3.10, coverage brings the other one.
PROJECT: dict[str, Any] = import_module(
    "tomllib" if sys.version_info >= (3, 11) else "tomli"
).loads((ROOT / "pyproject.toml").read_text("utf-8"))
GROUPS: dict[str, Any] = PROJECT["dependency-groups"]
#: A version and its day.
RELEASE = r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d"
CHANGELOG = (ROOT / "CHANGELOG.md").read_text("utf-8")


def requirements(group: str) -> set[str]:
    """All of a dependency group, with those of the groups that it includes."""
    found: set[str] = set()
    for entry in GROUPS[group]:
        found |= requirements(entry["include-group"]) if isinstance(entry, dict) else {entry}
    return found


# --- the version ------------------------------------------------------------------------------


def test_the_version_is_in_one_place():
    assert version("django-avatar-kit") == django_avatar_kit.__version__
    assert "version" in PROJECT["project"]["dynamic"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", django_avatar_kit.__version__)


# --- bounds -----------------------------------------------------------------------------------


@pytest.mark.parametrize("extra", PROJECT["project"]["optional-dependencies"])
def test_the_bounds_of_an_extra_are_those_that_are_tested(extra):
    """The lowest versions of these groups are installed in ``py310-lowest``."""
    tested = requirements("test") | requirements("neighbours")
    assert set(PROJECT["project"]["optional-dependencies"][extra]) <= tested


def test_every_requirement_has_a_lower_bound():
    """Without it, ``py310-lowest`` would install the first release that there ever was."""
    every = set(PROJECT["project"]["dependencies"]).union(*map(requirements, GROUPS))
    assert {one for one in every if ">=" not in one} == set()


def test_one_requirement_has_one_bound():
    bounds: dict[str, set[str]] = {}
    for group in GROUPS:
        for entry in requirements(group) | set(PROJECT["project"]["dependencies"]):
            name, _, bound = entry.partition(">=")
            bounds.setdefault(re.sub(r"\[.*\]", "", name).lower(), set()).add(bound)
    assert {name: found for name, found in bounds.items() if len(found) > 1} == {}


def test_every_supported_version_has_an_environment():
    tox = (ROOT / "tox.ini").read_text("utf-8")
    names = tox.partition("env_list =\n")[2].partition("\n#")[0]
    classifiers = " ".join(PROJECT["project"]["classifiers"])
    for python in re.findall(r"Python :: (3\.\d+)", classifiers):
        assert f"py{python.replace('.', '')}-" in names
    for django in re.findall(r"Django :: (\d+\.\d+)", classifiers):
        assert f"dj{django.replace('.', '')}" in names


# --- what is in the package -------------------------------------------------------------------


def test_everything_that_the_sdist_is_to_hold_exists():
    wanted = PROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["only-include"]
    assert [name for name in wanted if not (ROOT / name).exists()] == []
    # Documents for people are all in it.
    assert {path.name for path in ROOT.glob("*.md")} <= set(wanted)


# --- the checks of a commit -------------------------------------------------------------------


def test_a_commit_is_checked_with_the_programs_of_the_lint_environment():
    """No other versions: nothing is fetched by pre-commit."""
    config = (ROOT / ".pre-commit-config.yaml").read_text("utf-8")
    assert re.findall(r"- repo: (.+)", config) == ["local"]
    assert set(re.findall(r"language: (.+)", config)) == {"system"}
    lint = (ROOT / "tox.ini").read_text("utf-8").partition("[testenv:lint]")[2]
    commands = lint.partition("\n[")[0].partition("commands =\n")[2].split("\n\n")[0]
    assert commands.strip() == "pre-commit run --all-files --show-diff-on-failure"


# --- the changelog ----------------------------------------------------------------------------


def test_the_changelog_is_in_order():
    """As https://keepachangelog.com/ has it, the newest version first."""
    first, *released = re.findall(r"^## (.+)$", CHANGELOG, re.MULTILINE)
    assert first == "[Unreleased]"
    assert [each for each in released if not re.fullmatch(RELEASE, each)] == []
    coming = f"This will be {django_avatar_kit.__version__}" in CHANGELOG
    assert coming or released[0].startswith(f"[{django_avatar_kit.__version__}]")
    kinds = set(re.findall(r"^### (.+)$", CHANGELOG, re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


@pytest.mark.parametrize("name", ["CHANGELOG.md", "CONTRIBUTING.md", "README.md", "SECURITY.md"])
def test_links_to_files_lead_somewhere(name):
    links = re.findall(r"\]\(([^):#]+)(?:#[^)]*)?\)", (ROOT / name).read_text("utf-8"))
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
