"""What is checked of the blocks of code on a page, by their language."""

from __future__ import annotations

import configparser
import json
import re
import shlex
from collections.abc import Callable
from functools import cache
from html.parser import HTMLParser
from importlib import import_module
from importlib.metadata import distributions
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path

import jinja2
from babel.messages.pofile import read_po
from django.core.management import get_commands, load_command_class
from django.core.management.base import CommandError
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from django_avatar_kit.contrib.jinja import AvatarKit
from tests.docs.running import parse
from tests.support.markdown import ROOT, Part

PYPROJECT = (ROOT / "pyproject.toml").read_text("utf-8")
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
#: HTML elements that have no end tag.
VOID = {"br", "hr", "img", "input", "link", "meta", "source"}


# -- shell ---------------------------------------------------------------------------------------


def check_shell(block: Part) -> None:
    """Every command is one that exists, with options that it has."""
    text = re.sub(r"\\\n|\$\(.*?\)", " ", block.text)
    for line in filter(None, map(str.strip, text.splitlines())):
        words = shlex.split(line, comments=True)
        for command in _split(words):
            _check_command(command)


def _split(words: list[str]) -> list[list[str]]:
    """The commands of a line, without what is set in their environment."""
    commands: list[list[str]] = [[]]
    for word in words:
        if word in {"&&", "|", ";"}:
            commands.append([])
        elif commands[-1] or (word != "env" and not re.fullmatch(r"[A-Z_]+=.*", word)):
            commands[-1].append(word)
    return [command for command in commands if command]


def _check_command(words: list[str]) -> None:
    program, *rest = words
    name = Path(program).name
    if name in {"python", "python3"}:
        _check_python(rest)
    elif name in {"pip", "uv"}:
        _check_pip(rest)
    elif name in CHECKED_BY_PROGRAM:
        CHECKED_BY_PROGRAM[name](rest)
    else:
        # A program of a package, or of the reader's machine: its name is all that is known of it.
        known = MACHINE | named_packages()
        assert name in known, f"“{name}” is unknown. See MACHINE in {Path(__file__).name}."


def _check_python(words: list[str]) -> None:
    if words[0] == "-m":
        known = words[1] in {"venv", "pip"} | named_packages() or find_spec(words[1])
        assert known, f"No module {words[1]}."
        if words[1] == "pip":
            _check_pip(words[2:])
    elif Path(words[0]).name == "manage.py":
        _check_management(words[1], words[2:])
    else:
        assert words[0].endswith(".py"), f"What is “python {words[0]}”?"


def _check_management(name: str, words: list[str]) -> None:
    """The command's own parser reads the options."""
    if list(ROOT.glob(f"example_project/*/management/commands/{name}.py")):
        return
    commands = {**get_commands(), "collectstatic": "django.contrib.staticfiles"}
    if name not in commands and name in _commands_of_packages():
        return  # of another app, whose options are its own business
    assert name in commands, f"There is no command {name}."
    app = commands[name]
    command = load_command_class(app, name) if isinstance(app, str) else app
    try:
        command._called_from_command_line = False
        command.create_parser("manage.py", name).parse_args(words)
    except CommandError as error:
        raise AssertionError(f"{name}: {error}") from None


@cache
def _commands_of_packages() -> set[str]:
    """The names of the management commands of every package that is installed here."""
    files = (file for package in distributions() for file in package.files or ())
    return {file.stem for file in files if file.parent.name == "commands"}


def _check_pip(words: list[str]) -> None:
    """What is installed is this project, or a package that it names in pyproject.toml."""
    assert words[0] == "install", words
    for word in words[1:]:
        if word.startswith("-") or word in {".", "dev", "pip"}:
            continue
        folder, bracket, extra = word.partition("[")
        requirement = Requirement(Path(folder).name + bracket + extra)
        name = canonicalize_name(requirement.name)
        if name == "django-avatar-kit":
            extras = set(re.findall(r"^([\w-]+) = \[", PYPROJECT, re.MULTILINE))
            missing = requirement.extras - extras
            assert not missing, f"The project has no extra {missing}."
        else:
            assert name in named_packages(), (
                f"pyproject.toml does not name {name}, so nothing tests with it."
            )


def named_packages() -> set[str]:
    """Every package that some group of this project asks for."""
    return {canonicalize_name(each) for each in re.findall(r'"([\w-]+)[\[>"]', PYPROJECT)}


def _check_make(words: list[str]) -> None:
    for word in words:
        if "=" not in word:
            targets = re.findall(r"^(\w+):.*## ", MAKEFILE, re.MULTILINE)
            assert word in targets, f"There is no “make {word}”."
        else:
            name = word.partition("=")[0]
            assert re.search(rf"\$\({name}\)|\b{name} \?=", MAKEFILE), f"{name} is not used."


CHECKED_BY_PROGRAM: dict[str, Callable[[list[str]], None]] = {"make": _check_make}
MACHINE = {
    "cd",
    "celery",
    "curl",
    "django-admin",
    "find",
    "git",
    "moto_server",
    "sort",
    "source",
    "wc",
}


# -- data and markup -----------------------------------------------------------------------------


class _Balance(HTMLParser):
    """Fails at an end tag that closes nothing, and knows what is open at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        """An element without content, as in SVG."""

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing."
        opened = self.open.pop()
        assert opened == tag, f"</{tag}> stands where <{opened}> ends."


def check_html(block: Part) -> None:
    balance = _Balance()
    balance.feed(block.text)
    balance.close()
    assert not balance.open, f"Nothing closes <{balance.open[-1]}>."


#: Strings and comments, in which brackets need not be closed.
OPAQUE = r"\"[^\"\n]*\"|'[^'\n]*'|`[^`]*`|//[^\n]*|/\*.*?\*/"


def check_brackets(block: Part) -> None:
    """Of languages that nothing here can run: what is opened is closed, outside of strings."""
    text = re.sub(OPAQUE, "", block.text, flags=re.DOTALL)
    opened: list[str] = []
    for sign in re.findall(r"[][(){}]", text):
        if sign in "([{":
            opened.append({"(": ")", "[": "]", "{": "}"}[sign])
        else:
            expected = opened.pop() if opened else None
            assert expected == sign, f"“{sign}” closes nothing."
    assert not opened, f"“{opened[-1]}” is missing."


def check_json(block: Part) -> None:
    json.loads(block.text)


def check_ini(block: Part) -> None:
    configparser.ConfigParser().read_string(block.text)


def check_toml(block: Part) -> None:
    # Not in Python 3.10, on which these tests do not run.
    import_module("tomllib").loads(block.text)


def check_po(block: Part) -> None:
    read_po(BytesIO(block.text.encode()), abort_invalid=True)


def check_jinja(block: Part) -> None:
    jinja2.Environment(extensions=[AvatarKit], autoescape=True).from_string(block.text)


def check_python(block: Part) -> None:
    """Python: it is executed as well, see ``running.py``."""
    parse(block.text)


def check_nothing(block: Part) -> None:
    """Text for people, and what is run in ``running.py``."""


CHECKS: dict[str, Callable[[Part], None]] = {
    "css": check_brackets,
    "django": check_nothing,
    "html": check_html,
    "ini": check_ini,
    "javascript": check_brackets,
    "jinja": check_jinja,
    "json": check_json,
    "markdown": check_nothing,
    "nginx": check_brackets,
    "po": check_po,
    "pycon": check_nothing,
    "python": check_python,
    "shell": check_shell,
    "text": check_nothing,
    "toml": check_toml,
}
