"""The reference is complete, and what it shows is what the kit says and does.

``tests/neighbours/test_public_api.py`` does the same for names that are imported.
"""

from __future__ import annotations

import doctest
import inspect
import re
from pathlib import Path

import pytest
from django.core.management import get_commands

from django_avatar_kit import forms, view_answers, view_targets, views
from django_avatar_kit.exceptions import AvatarError
from django_avatar_kit.names import Name
from django_avatar_kit.templatetags.avatar_kit import register
from tests.test_exceptions import EACH

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs" / "reference"


def page(name: str) -> str:
    """A page of the reference on one line, without comments. Lines may be broken anywhere."""
    text = re.sub(r"<!--.*?-->", "", (REFERENCE / name).read_text("utf-8"), flags=re.DOTALL)
    return " ".join(text.split())


def versions(topic: str) -> list[str]:
    """The versions that the classifiers in pyproject.toml name under a topic."""
    return re.findall(rf'"{topic} :: (\d+\.\d+)"', (ROOT / "pyproject.toml").read_text())


# --- errors -----------------------------------------------------------------------------------

FIRST = {type(error): (error, code, sentence) for error, code, sentence in reversed(EACH)}


@pytest.mark.parametrize(
    ("error", "code", "sentence"), FIRST.values(), ids=[cls.__name__ for cls in FIRST]
)
def test_every_error_is_there_with_its_code_and_its_sentence(error, code, sentence):
    entry = f"`{code}` – `{type(error).__name__}` : {sentence}"
    assert entry.replace("\xa0", " ") in page("errors.md")


def test_every_code_of_the_form_field_is_there_with_its_sentence():
    own = {error.code for error, _code, _sentence in EACH}
    values = {"remove": "Remove", "filename": "a.jpg", "count": 3}
    for code, message in forms.AvatarField.default_error_messages.items():
        if code not in own:
            assert f"| `{code}` | {message % values} |" in page("errors.md")
    again = forms.AvatarField.default_error_messages["invalid_crop"]
    assert f"A form says: {again}" in page("errors.md")


def test_every_code_of_the_pages_is_there():
    source = "".join(map(inspect.getsource, (views, view_answers, view_targets)))
    said = re.findall(r'(?:ValidationError|json_error)\([^()]*?, "([a-z_]+)"', source)
    said += re.findall(r'^    code = "([a-z_]+)"$', source, re.MULTILINE)
    said += ["login_required"]
    assert len(set(said)) == 6
    text = page("errors.md").partition("## Only on the pages")[2]
    assert [code for code in said if f"| `{code}` |" not in text] == []


def test_the_base_of_all_errors_is_the_one_that_the_page_names():
    assert all(isinstance(error, AvatarError) for error, _code, _sentence in EACH)


# --- names ------------------------------------------------------------------------------------


def test_the_examples_of_names_are_true():
    text = (REFERENCE / "names.md").read_text("utf-8").replace("```", "")
    test = doctest.DocTestParser().get_doctest(text, {}, "names.md", "names.md", 0)
    assert len(test.examples) > 10
    assert doctest.DocTestRunner(verbose=False).run(test).failed == 0


def test_the_table_of_names_takes_its_example_apart():
    text = (REFERENCE / "names.md").read_text("utf-8")
    key = "".join(re.findall(r'^\.\.\. {5}"([^"]+)"$', text, re.MULTILINE))
    assert Name.parse(key)
    rows = re.findall(r"^\| (`.+?) \| .+ \| (`.+`) \|$", text, re.MULTILINE)
    parts = {
        part: value
        for names, values in rows
        for part, value in zip(
            re.findall(r"`(.+?)`", names), re.findall(r"`(.+?)`", values), strict=True
        )
    }
    built = "{upload_to}/{hh}/{token}-{secret}-{k1}-{W}x{H}-{sizes}-{formats}-{crop}-{color}.{ext}"
    assert built.format(**parts) == key


# --- tags, commands, versions -----------------------------------------------------------------


def test_every_tag_and_filter_is_documented():
    headings = re.findall(r"## `\{. ?(.+?) ?.\}`", (REFERENCE / "tags.md").read_text("utf-8"))
    named = {re.split(r"\W", heading)[0] for heading in headings}
    named |= {heading.partition("|")[2] for heading in headings}
    assert {*register.tags, *register.filters} - named == set()


def test_every_command_is_documented():
    own = {name for name, app in get_commands().items() if app == "django_avatar_kit"}
    assert len(own) >= 4
    headings = re.findall(
        r"^## `?(\w+)", (REFERENCE / "commands.md").read_text("utf-8"), re.MULTILINE
    )
    assert own - set(headings) == set()


def test_the_versions_are_those_of_the_classifiers():
    text = (ROOT / "docs/explanation/stability.md").read_text("utf-8")
    assert f"| Python | {', '.join(versions('Programming Language :: Python'))} |" in text
    assert f"| Django | {', '.join(versions('Framework :: Django'))} |" in text
