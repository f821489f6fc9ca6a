"""Every block of code in README and docs can be read by whoever it is for.

What the how-tos say is done in ``tests/test_howtos.py`` and in ``tests/neighbours``.
"""

from __future__ import annotations

import ast
import json
import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import get_commands, load_command_class
from django.template import Library, engines
from jinja2 import Environment

from django_avatar_kit.conf import KEYS
from django_avatar_kit.contrib.jinja import AvatarKit
from tests.support.code_blocks import Block, blocks

#: Template libraries of other packages, with the tags of theirs that pages use.
FOREIGN = {"wagtailadmin_tags": ["formattedfield"]}


def in_(*languages: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("block", blocks(*languages), ids=str)


def tree(block: Block) -> ast.Module:
    """The code, also of an entry of a dictionary (``"OPTIONS": {…},``) and with "…" in it."""
    code = block.code.replace("…", "...")
    try:
        return ast.parse(code)
    except SyntaxError:
        return ast.parse(f"{{{code}}}")


@in_("python")
def test_python(block):
    tree(block)


@in_("json")
def test_json(block):
    json.loads(block.code)


@pytest.fixture
def foreign_tags(monkeypatch):
    engine = engines["django"].engine
    for name, tags in FOREIGN.items():
        library = Library()
        for tag in tags:
            library.simple_tag(lambda *args, **kwargs: "", name=tag)
        monkeypatch.setitem(engine.template_libraries, name, library)


@in_("django")
@pytest.mark.usefixtures("foreign_tags")
def test_templates(block):
    """A part of a page may leave out what the part before it has loaded."""
    code = block.code
    for library in ("avatar_kit", "static"):
        if f"load {library}" not in code and "{% extends" not in code:
            code = f"{{% load {library} %}}{code}"
    engines["django"].from_string(code)


@in_("jinja")
def test_jinja(block):
    Environment(extensions=[AvatarKit], autoescape=True).from_string(block.code)


def commands() -> Iterator[Any]:
    for block in blocks("shell"):
        for line in block.code.splitlines():
            if match := re.match(r"(?:python )?manage\.py (avatar_\w+)(.*)", line):
                yield pytest.param(match[1], match[2], id=f"{block}: {match[0]}")


@pytest.mark.parametrize(("name", "arguments"), list(commands()))
def test_commands(name, arguments):
    """The command exists and takes these arguments."""
    command = load_command_class(get_commands()[name], name)
    words = shlex.split(arguments, comments=True)
    command.create_parser("manage.py", name).parse_args(words)


def settings_of_pages() -> Iterator[Any]:
    """Every ``AVATAR_KIT = {…}`` on the pages."""
    for block in blocks("python"):
        for node in ast.walk(tree(block)):
            names = [getattr(name, "id", "") for name in getattr(node, "targets", [])]
            if isinstance(node, ast.Assign) and names == ["AVATAR_KIT"]:
                yield pytest.param(node.value, id=str(block))


@pytest.mark.parametrize("value", list(settings_of_pages()))
def test_settings(value):
    assert isinstance(value, ast.Dict)
    keys = {ast.literal_eval(key) for key in value.keys if key is not None}
    assert keys <= set(KEYS)
