"""The tables of the README that compare the kit with other libraries."""

from __future__ import annotations

import re

import pytest

from tests.support.markdown import ROOT

pytestmark = pytest.mark.docs

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
Table = list[list[str]]


def tables() -> tuple[Table, Table]:
    """What is measured and what is told, each as rows of cells."""
    text = (ROOT / "README.md").read_text("utf-8")
    text = text.partition("\n## Compared with")[2].partition("\n## ")[0]
    measured, told = (
        [[cell.strip() for cell in line.strip("|").split("|")] for line in lines.splitlines()]
        for lines in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    )
    return measured, told


def test_both_have_all_libraries_and_no_empty_cell():
    for head, _line, *rows in tables():
        assert [row[0] for row in rows] == LIBRARIES
        assert {len(row) for row in rows} == {len(head)}
        assert all(cell for row in rows for cell in row)


def test_every_figure_is_a_measured_one():
    """``scripts.figures`` keeps what has such a comment."""
    (_head, _line, *rows), _told = tables()
    for row in rows:
        for cell in row[1:]:
            assert cell == "–" or re.fullmatch(r"[\d.,]+<!-- measured: [\w.]+ -->", cell)


def test_every_column_has_a_source():
    page = ROOT / "docs" / "explanation" / "comparison.md"
    sources = [part.partition("\n")[0] for part in page.read_text("utf-8").split("\n### ")[1:]]
    assert sources == [cell for table in tables() for cell in table[0] if cell]


@pytest.mark.parametrize("name", ["position and comment in a photo", "turned upright"])
def test_what_tests_back_is_said_of_all_libraries(name):
    """``tests/neighbours/test_comparison.py`` tries these two columns."""
    _measured, (head, _line, *rows) = tables()
    said = {row[0]: row[head.index(name)] for row in rows}
    kit, *_others = LIBRARIES
    if name == "turned upright":
        assert {library for library in said if said[library] == "no"} == {"django-stdimage"}
    else:
        assert {library for library in said if said[library] == "removed"} == {kit}
