"""The pages for developers name what exists, and in the order in which it happens."""

from __future__ import annotations

import inspect
import pkgutil
import re
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest
from django.template import Context, Template

import django_avatar_kit
from scripts import diagram
from tests.support.lifecycle import make_profile, upload
from tests.support.markdown import ROOT, prose
from tests.testapp.models import Profile

pytestmark = pytest.mark.docs

ARCHITECTURE = ROOT / "docs" / "explanation" / "architecture.md"
FOR_DEVELOPERS = [ARCHITECTURE, ROOT / "docs" / "contributing.md"]
PACKAGE = Path(django_avatar_kit.__file__).parent
PARTS = {module.name for module in pkgutil.iter_modules([str(PACKAGE)])}
CODE = re.compile(r"`([^`\n]+)`")
DOTTED = re.compile(r"[a-z_]\w*(?:\.\w+)+")
FILE = re.compile(r"[\w./-]+(?:/|\.(?:py|md|toml|ini))|[\w-]+/[\w./-]+\.html")
#: Folders of a checkout that the sdist leaves out.
LEFT_OUT = ("benchmarks/", "example_project/", "fuzzing/")


def named(text: str) -> list[str]:
    """Functions and classes of the kit that a text names by their dotted path, in order."""
    spans = CODE.findall(text)
    dotted = [span for span in spans if DOTTED.fullmatch(span) and not FILE.fullmatch(span)]
    return [each for each in dotted if each.partition(".")[0] in PARTS]


def found(dotted: str) -> Any:
    """The object with this path below the package. Raises where there is none."""
    first, *rest = dotted.split(".")
    value: Any = import_module(f"django_avatar_kit.{first}")
    for name in rest:
        if inspect.ismodule(value) and not hasattr(value, name):
            import_module(f"{value.__name__}.{name}")
        value = inspect.getattr_static(value, name)
    return value


def section(heading: str) -> str:
    """What the page says below a heading of the second level."""
    return prose(ARCHITECTURE).partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("page", FOR_DEVELOPERS, ids=lambda page: page.name)
def test_files_that_are_named_exist(page):
    spans = [span for span in CODE.findall(prose(page)) if FILE.fullmatch(span)]
    assert spans
    for span in spans:
        absent = span.startswith(LEFT_OUT) and not (ROOT / span.partition("/")[0]).exists()
        there = any((base / span).exists() for base in (ROOT, PACKAGE))
        assert there or absent, f"{page.name} names {span}"


@pytest.mark.parametrize("page", FOR_DEVELOPERS, ids=lambda page: page.name)
def test_functions_that_are_named_exist(page):
    for dotted in named(prose(page)):
        found(dotted)


def test_the_diagram_is_up_to_date():
    for path, svg in diagram.files().items():
        assert path.read_text("utf-8") == svg


def test_the_table_of_rooms_names_every_part_and_no_other():
    rows = [line.split("|")[1] for line in section("The rooms").splitlines() if line[:3] == "| `"]
    assert {name.rstrip("/") for row in rows for name in CODE.findall(row)} == PARTS


def code_of(value: Any) -> CodeType | None:
    """The code of a function, a method or a property; None of anything else."""
    function = getattr(value, "fget", None) or getattr(value, "__func__", value)
    return getattr(inspect.unwrap(function), "__code__", None)


def called_by(call: Callable[[], object]) -> list[CodeType]:
    """The code of every function that a call runs, in order."""
    codes: list[CodeType] = []

    def note(frame: FrameType, event: str, argument: Any) -> None:
        if event == "call":
            codes.append(frame.f_code)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        call()
    finally:
        sys.setprofile(before)
    return codes


def check_walk(heading: str, call: Callable[[], object]) -> None:
    """The functions that the numbered list below a heading names are called in that order."""
    named_here = named(section(heading))
    steps = {dotted: code for dotted in named_here if (code := code_of(found(dotted)))}
    assert len(steps) > 3
    calls = iter(called_by(call))
    for dotted, code in steps.items():
        assert code in calls, f"{dotted} is not called after the step before it"


@pytest.mark.usefixtures("small")
@pytest.mark.django_db(transaction=True)
class TestWalks:
    def test_an_upload(self, client):
        client.force_login(make_profile().user)
        check_walk("An upload", lambda: client.post("/avatar/", {"avatar": upload(color="red")}))

    def test_a_page(self):
        profile = make_profile()
        template = Template("{% load avatar_kit %}{% avatar profile 16 %}")
        check_walk("A page", lambda: template.render(Context({"profile": profile})))

    def test_a_deletion(self):
        make_profile()
        check_walk("A deletion", Profile.objects.get().delete)
