"""The reference is complete, and what it shows is what the kit says and does.

``tests/neighbours/test_public_api.py`` does the same for names that are imported.
"""

from __future__ import annotations

import ast
import inspect
import re

import pytest
from django.core.management import get_commands

from django_avatar_kit import checks, forms, view_answers, view_targets, views
from django_avatar_kit.conf import KEYS, Config
from django_avatar_kit.names import Name
from django_avatar_kit.templatetags.avatar_kit import register
from tests.support.markdown import ROOT, prose
from tests.test_exceptions import EACH

pytestmark = pytest.mark.docs

REFERENCE = ROOT / "docs" / "reference"


def read(name: str) -> str:
    return (REFERENCE / name).read_text("utf-8")


def on_one_line(name: str) -> str:
    """A page of the reference without comments and line breaks, which may be anywhere."""
    return " ".join(re.sub(r"<!--.*?-->", "", read(name), flags=re.DOTALL).split())


def versions(topic: str) -> list[str]:
    """The versions that the classifiers in pyproject.toml name under a topic."""
    return re.findall(rf'"{topic} :: (\d+\.\d+)"', (ROOT / "pyproject.toml").read_text("utf-8"))


# --- settings and checks ----------------------------------------------------------------------

SETTINGS = prose(REFERENCE / "settings.md")
#: Of the table: the setting, the place that it leads to, and the default.
LISTED = re.findall(r"^\| \[`(\w+)`\]\(#(\w+)\) \| `(.+?)` \|", SETTINGS, re.MULTILINE)
#: Of the headings: the setting, and the default below it.
TOLD = re.findall(r"^### `([A-Z_]+)`\n\nDefault: `(.+)`$", SETTINGS, re.MULTILINE)


def test_every_setting_is_in_the_table_and_has_a_place_of_its_own():
    assert {key for key, _place, _default in LISTED} == set(KEYS)
    assert [(key, default) for key, _place, default in LISTED] == TOLD
    assert [place for _key, place, _default in LISTED] == [key.lower() for key, _default in TOLD]


def test_the_defaults_of_settings_are_right():
    config = Config()
    for key, default in TOLD:
        assert ast.literal_eval(default) == getattr(config, key.lower())


def test_every_check_is_documented():
    ids = set(re.findall(r"avatar_kit\.[EW]\d{3}", inspect.getsource(checks)))
    assert ids == set(re.findall(r"`(avatar_kit\.[EW]\d{3})`", prose(REFERENCE / "checks.md")))


# --- errors -----------------------------------------------------------------------------------

FIRST = {type(error): (error, code, sentence) for error, code, sentence in reversed(EACH)}


@pytest.mark.parametrize(
    ("error", "code", "sentence"), FIRST.values(), ids=[cls.__name__ for cls in FIRST]
)
def test_every_error_is_there_with_its_code_and_its_sentence(error, code, sentence):
    entry = f"`{code}` – `{type(error).__name__}` : {sentence}"
    assert entry.replace("\xa0", " ") in on_one_line("errors.md")


def test_every_code_of_the_form_field_is_there_with_its_sentence():
    own = {error.code for error, _code, _sentence in EACH}
    values = {"remove": "Remove", "filename": "a.jpg", "count": 3}
    for code, message in forms.AvatarField.default_error_messages.items():
        if code not in own:
            assert f"| `{code}` | {message % values} |" in on_one_line("errors.md")
    again = forms.AvatarField.default_error_messages["invalid_crop"]
    assert f"A form says: {again}" in on_one_line("errors.md")


def test_every_code_of_the_pages_is_there():
    source = "".join(map(inspect.getsource, (views, view_answers, view_targets)))
    said = re.findall(r'(?:ValidationError|json_error)\([^()]*?, "([a-z_]+)"', source)
    said += re.findall(r'^    code = "([a-z_]+)"$', source, re.MULTILINE)
    said += ["login_required"]
    assert len(set(said)) == 6
    text = on_one_line("errors.md").partition("## Only on the pages")[2]
    assert [code for code in said if f"| `{code}` |" not in text] == []


# --- names ------------------------------------------------------------------------------------


def test_the_table_of_names_takes_its_example_apart():
    text = read("names.md")
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
    headings = re.findall(r"## `\{. ?(.+?) ?.\}`", read("tags.md"))
    named = {re.split(r"\W", heading)[0] for heading in headings}
    named |= {heading.partition("|")[2] for heading in headings}
    assert {*register.tags, *register.filters} - named == set()


def test_every_command_is_documented():
    own = {name for name, app in get_commands().items() if app == "django_avatar_kit"}
    assert len(own) >= 4
    headings = re.findall(r"^## `?(\w+)", read("commands.md"), re.MULTILINE)
    assert own - set(headings) == set()


def test_the_versions_are_those_of_the_classifiers():
    text = (ROOT / "docs/explanation/stability.md").read_text("utf-8")
    assert f"| Python | {', '.join(versions('Programming Language :: Python'))} |" in text
    assert f"| Django | {', '.join(versions('Framework :: Django'))} |" in text
