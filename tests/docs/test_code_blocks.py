"""Every block of code on a page is run, or checked as far as its language can be.

Python is executed, templates are rendered, commands are read by their own parsers, data is
parsed. There is no list of exceptions. Where a block fails, its message says:

- *NameError*: a block may use what it imports, what a block above it on the page defines, and the
  names in ``COMMON`` and ``project()`` of ``running.py``, which every reader has.
- *No block above defines …*: the same, of ``from .models import …``.
- *No module named …*: add the package to a group of pyproject.toml. If it is too heavy for that,
  the page says with which version it was tried: “tried with Wagtail 8.0”.
- *a language that is unknown*: name one of those in ``CHECKS`` behind the three backticks.
"""

from __future__ import annotations

import pytest

from tests.docs.checking import CHECKS
from tests.docs.starting import run_in_a_process
from tests.support.markdown import PAGES, ROOT, Part, blocks_of

pytestmark = pytest.mark.docs

#: Done step by step by ``test_tutorial.py``, and so not run once more.
WALKED = list((ROOT / "docs" / "tutorial").glob("*.md"))
#: Without directives of Sphinx, which the build of the documentation checks.
BLOCKS = [
    pytest.param(block, id=block.place)
    for page in PAGES
    for block in blocks_of(page)
    if not block.language.startswith("{")
]


@pytest.fixture(scope="session")
def failures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What failed of all blocks that were run, by their places."""
    folder = tmp_path_factory.mktemp("examples")
    return run_in_a_process([page for page in PAGES if page not in WALKED], folder)


def test_the_examples_can_be_run(failures: dict[str, str]):
    assert "" not in failures, failures[""]


@pytest.mark.parametrize("block", BLOCKS)
def test_block(block: Part, failures: dict[str, str]):
    wrong = failures.get(block.place, "")
    if block.language not in CHECKS:
        wrong = f"“{block.language}” is unknown. Write one of {', '.join(CHECKS)}."
    elif not wrong:
        try:
            CHECKS[block.language](block)
        except Exception as error:  # noqa: BLE001 - each parser has its own
            wrong = f"{type(error).__name__}: {error}"
    if wrong:
        pytest.fail(f"{block.place}: {wrong}", pytrace=False)
