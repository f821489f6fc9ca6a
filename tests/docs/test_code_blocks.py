"""Every block of code on a page is run, or checked as far as its language can be.

Python is executed, templates are rendered, commands are read by their own parsers, data is
parsed. There is no list of exceptions. Where a block fails, its message says:

- *NameError*: a block may use what it imports, what a block above it on the page defines, and the
  names in ``COMMON`` and ``project()`` of ``running.py``, which every reader has.
- *No block above defines …*: the same, of ``from .models import …``.
- A page whose files are run in a site of their own (``Site.add_page()``) may define what it wants:
  its blocks that begin with ``# people/models.py`` are run there.
- *No module named …*: add the package to a group of pyproject.toml. If it is too heavy for that,
  the page says with which version it was tried: “tried with Wagtail 8.0”.
- *a language that is unknown*: name one of those in ``CHECKS`` behind the three backticks.
"""

from __future__ import annotations

import re

import pytest

from tests.docs.checking import CHECKS
from tests.docs.starting import run_in_a_process
from tests.support.markdown import PAGES, ROOT, Part, blocks_of

pytestmark = pytest.mark.docs

#: Without directives of Sphinx, which the build of the documentation checks.
BLOCKS = [
    pytest.param(block, id=block.place)
    for page in PAGES
    for block in blocks_of(page)
    if not block.language.startswith("{")
]
PLACES = {block.values[0].place for block in BLOCKS}
#: Pages of which a test makes a site: files that they name are run there, as they are.
SITES = {
    f"{name}.md"
    for test in (ROOT / "tests").rglob("test_*.py")
    for name in re.findall(r'\.add_page\(page\("([\w-]+)"\)\)', test.read_text("utf-8"))
}


def is_in_a_site(block: Part) -> bool:
    return block.page.name in SITES and block.file is not None


@pytest.fixture(scope="session")
def failures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What failed of all pages, by its places."""
    folder = tmp_path_factory.mktemp("examples")
    return run_in_a_process(PAGES, folder)


def test_the_examples_can_be_run(failures: dict[str, str]):
    assert "" not in failures, failures[""]


def test_every_path_into_the_kit_leads_somewhere(failures: dict[str, str]):
    """As in ``INSTALLED_APPS``, in a directive of Sphinx, or in the text."""
    wrong = {place: said for place, said in failures.items() if place and place not in PLACES}
    assert wrong == {}


@pytest.mark.parametrize("block", BLOCKS)
def test_block(block: Part, failures: dict[str, str]):
    wrong = "" if is_in_a_site(block) else failures.get(block.place, "")
    if block.language not in CHECKS:
        wrong = f"“{block.language}” is unknown. Write one of {', '.join(CHECKS)}."
    elif not wrong:
        try:
            CHECKS[block.language](block)
        except Exception as error:  # noqa: BLE001 - each parser has its own
            wrong = f"{type(error).__name__}: {error}"
    if wrong:
        pytest.fail(f"{block.place}: {wrong}", pytrace=False)
