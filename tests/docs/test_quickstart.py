"""From an empty project to the first avatar, with the lines and commands of the README."""

from __future__ import annotations

import pytest

from django_avatar_kit.test import make_image
from tests.docs.walker import Walker
from tests.support.markdown import ROOT, Part, section

pytestmark = pytest.mark.docs

README = section(ROOT / "README.md", "In your project")
EMPTY_PROJECT = ["django-admin startproject mysite", "cd mysite"]


def lines_of(*languages: str) -> list[str]:
    """Every line of the blocks that is not blank. A comment would count as well."""
    blocks = [part for part in README if part.language in languages]
    return [line for block in blocks for line in block.text.splitlines() if line.strip()]


def up_to(text: str) -> list[Part]:
    """The part of the section before the paragraph that begins with a text."""
    number = next(n for n, part in enumerate(README) if part.text.startswith(text))
    return README[:number]


def test_eight_lines_and_three_commands():
    assert len(lines_of("python", "django")) == 8
    commands = lines_of("shell")
    assert commands[:2] == EMPTY_PROJECT
    assert len(commands[2:]) == 3


@pytest.fixture
def walker(tmp_path):
    with Walker(tmp_path) as walker:
        yield walker


def test_the_first_avatar(walker):
    """The lines and commands, then the steps in a browser; all from the README."""
    walker.walk(up_to("That is all."))
    media = walker.folder / "media"
    assert not media.exists()
    (walker.folder / "photo.jpg").write_bytes(make_image((1200, 900)))
    walker.run("python manage.py runserver")
    walker.walk(README[len(up_to("That is all.")) :])

    (picture,) = walker.visitor.page.pictures
    assert picture["alt"] == "ada"
    answer, body = walker.visitor.get(walker.address(picture["src"]))
    assert answer.headers["Content-Type"] == "image/webp"
    assert body[:4] == b"RIFF"
    stored = [path.relative_to(media).parts[0] for path in media.rglob("*") if path.is_file()]
    assert stored == ["avatars"] * 6

    walker.say("Follow “Change your picture”, tick “Remove”, and press “Save”.")
    assert walker.visitor.page.pictures == []
    assert "<svg" in walker.visitor.page.html
    assert [path for path in media.rglob("*") if path.is_file()] == []
