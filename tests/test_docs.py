"""The documentation names what exists, and in the order in which it happens."""

from __future__ import annotations

import ast
import inspect
import pkgutil
import re
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest
from django.template import Context, Template

import django_avatar_kit
from django_avatar_kit import checks
from django_avatar_kit.conf import KEYS, Config
from scripts import diagram
from tests.support.lifecycle import make_profile, upload
from tests.testapp.models import Profile

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PACKAGE = Path(django_avatar_kit.__file__).parent
BLOCK = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`\n]+)`")
DOTTED = re.compile(r"[a-z_]\w*(?:\.\w+)+")
FILE = re.compile(r"[\w./-]+(?:/|\.(?:py|md|toml|ini))|[\w-]+/[\w./-]+\.html")
#: Folders of a checkout that the sdist leaves out.
LEFT_OUT = ("benchmarks/", "example_project/")
TREE = re.MULTILINE | re.DOTALL
PARTS = {module.name for module in pkgutil.iter_modules([str(PACKAGE)])}


def page(name: str) -> str:
    """A page without its blocks of code."""
    return BLOCK.sub("", (DOCS / name).read_text("utf-8"))


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


@pytest.mark.parametrize("name", ["explanation/architecture.md", "contributing.md"])
def test_files_that_are_named_exist(name):
    spans = [span for span in CODE.findall(page(name)) if FILE.fullmatch(span)]
    assert spans
    for span in spans:
        absent = span.startswith(LEFT_OUT) and not (ROOT / span.partition("/")[0]).exists()
        there = any((base / span).exists() for base in (ROOT, PACKAGE))
        assert there or absent, f"{name} names {span}"


@pytest.mark.parametrize("name", ["explanation/architecture.md", "contributing.md"])
def test_functions_that_are_named_exist(name):
    for dotted in named(page(name)):
        found(dotted)


def test_the_diagram_is_up_to_date():
    for path, svg in diagram.files().items():
        assert path.read_text("utf-8") == svg


def test_the_table_of_rooms_names_every_part_and_no_other():
    table = page("explanation/architecture.md").partition("## The rooms")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
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
    text = page("explanation/architecture.md").partition(f"\n## {heading}\n")[2]
    text = text.partition("\n## ")[0]
    steps = {dotted: code for dotted in named(text) if (code := code_of(found(dotted)))}
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


def test_every_setting_is_two_clicks_away():
    """From the index to the page of settings, and from its table to the setting itself."""
    index, text = (DOCS / "index.md").read_text(), page("reference/settings.md")
    assert "reference/*" in index or "reference/settings" in index
    listed = re.findall(r"^\| \[`(\w+)`\]\(#(\w+)\) ", text, re.MULTILINE)
    assert listed == [(key, key.lower()) for key, _ in listed]
    assert {key for key, _ in listed} == set(KEYS)
    assert [key for key, _ in listed] == re.findall(r"^### `([A-Z_]+)`$", text, re.MULTILINE)


def test_the_defaults_of_settings_are_right():
    text = page("reference/settings.md")
    said = re.findall(r"^### `([A-Z_]+)`\n\nDefault: `(.+)`$", text, re.MULTILINE)
    listed = re.findall(r"^\| \[`(\w+)`\]\(#\w+\) \| `(.+?)` \|", text, re.MULTILINE)
    assert said == listed
    config = Config()
    for key, default in said:
        assert ast.literal_eval(default) == getattr(config, key.lower())


def below(path: Path) -> Iterator[Path]:
    """A page and all pages that its tables of contents lead to."""
    yield path
    for tree in re.findall(r"^```\{toctree\}\n(.*?)^```", path.read_text("utf-8"), TREE):
        lines = [line for line in tree.splitlines() if line and line[0] != ":"]
        for line in lines:
            pages = sorted(path.parent.glob(f"{line}.md"))
            assert pages, f"{path.name} lists {line}, which does not exist"
            for each in pages:
                yield from below(each)


def pages_below(index: Path) -> list[Path]:
    """The pages in the tables of contents of a page, and in those of these pages."""
    trees = re.findall(
        r"^```\{toctree\}\n(.*?)^```", index.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    lines = [line for tree in trees for line in tree.splitlines() if line and line[0] != ":"]
    found = [path for line in lines for path in sorted(index.parent.glob(f"{line}.md"))]
    return found + [path for page in found for path in pages_below(page)]


def test_every_page_is_in_the_index_once():
    """A page of the documentation that no table of contents has cannot be found."""
    pages = {path for path in DOCS.rglob("*.md") if "_build" not in path.parts}
    assert sorted(pages_below(DOCS / "index.md")) == sorted(pages - {DOCS / "index.md"})


def test_every_check_is_documented():
    source = inspect.getsource(checks)
    ids = set(re.findall(r"avatar_kit\.[EW]\d{3}", source))
    assert ids == set(re.findall(r"`(avatar_kit\.[EW]\d{3})`", page("reference/checks.md")))


LIBRARIES = [
    "**django-avatar-kit**",
    "django-avatar",
    "easy-thumbnails",
    "sorl-thumbnail",
    "django-imagekit",
    "django-stdimage",
    "django-pictures",
    "django-versatileimagefield",
]


def comparison() -> list[list[list[str]]]:
    """The two tables of the README, as rows of cells."""
    text = (ROOT / "README.md").read_text("utf-8")
    text = text.partition("\n## Compared with")[2].partition("\n## ")[0]
    tables = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    return [
        [[cell.strip() for cell in line.strip("|").split("|")] for line in lines.splitlines()]
        for lines in tables
    ]


def test_the_readme_compares_with_all_peers():
    for head, _line, *rows in comparison():
        assert [row[0] for row in rows] == LIBRARIES
        assert {len(row) for row in rows} == {len(head)}
        assert all(cell for row in rows for cell in row)


def test_every_figure_of_the_comparison_is_a_measured_one():
    """``scripts.figures`` keeps what has such a comment."""
    measured, _said = comparison()
    for row in measured[2:]:
        for cell in row[1:]:
            assert cell == "–" or re.fullmatch(r"[\d.,]+<!-- measured: [\w.]+ -->", cell)


def test_every_column_of_the_comparison_has_a_source():
    sections = (DOCS / "explanation/comparison.md").read_text("utf-8").split("\n### ")[1:]
    sources = dict(section.split("\n", 1) for section in sections)
    columns = [cell for table in comparison() for cell in table[0] if cell]
    assert list(sources) == columns


@pytest.mark.parametrize("name", ["position and comment in a photo", "turned upright"])
def test_what_tests_back_is_said_of_all_libraries(name):
    """``tests/neighbours/test_comparison.py`` tries these two columns."""
    _measured, (head, _line, *rows) = comparison()
    said = {row[0]: row[head.index(name)] for row in rows}
    kit, *_others = LIBRARIES
    if name == "turned upright":
        assert {library for library in said if said[library] == "no"} == {"django-stdimage"}
    else:
        assert {library for library in said if said[library] == "removed"} == {kit}
