"""``avatar_kit/avatar.css`` has what the markup asks for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import django_avatar_kit
from django_avatar_kit.display.placeholders import placeholder_of
from tests.support.stored_keys import KEY

CSS = (Path(django_avatar_kit.__file__).parent / "static/avatar_kit/avatar.css").read_text()
RULE = re.compile(r"^\.(avatar-kit-color-\d{3}) \{ background-color: #(\w{6}); color: #(\w+); \}$")
COLORS = [match.groups() for line in CSS.splitlines() if (match := RULE.match(line))]


def luminance(color: str) -> float:
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in (int(color[i : i + 2], 16) / 255 for i in (0, 2, 4))
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def key(color: str) -> str:
    return KEY.replace("7a6a5c", color)


def test_each_class_that_a_picture_may_have() -> None:
    levels = (0x00, 0x3F, 0x40, 0x7F, 0x80, 0xBF, 0xC0, 0xFF)
    asked = {
        placeholder_of(key(f"{red:02x}{green:02x}{blue:02x}"))
        for red in levels
        for green in levels
        for blue in levels
    }

    assert asked == {name for name, *_ in COLORS}
    assert len(COLORS) == 64


@pytest.mark.parametrize(("name", "color", "ink"), COLORS)
def test_colors_are_near_and_can_be_written_on(name, color, ink) -> None:
    """An alt text stands on the colour while a picture is loading, and where it is missing."""
    assert placeholder_of(key(color)) == name
    for shift in (-32, 31):
        moved = "".join(f"{int(color[i : i + 2], 16) + shift:02x}" for i in (0, 2, 4))
        assert placeholder_of(key(moved)) == name
    light, dark = sorted((luminance(color), {"fff": 1.0, "000": 0.0}[ink]), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 4.5


def test_names_and_what_is_loaded() -> None:
    assert set(
        re.findall(r"\.([a-z][\w-]*)[ ,>]", re.sub(r"/\*.*?\*/", "", CSS, flags=re.DOTALL))
    ) == {
        "avatar-kit-group",
        "avatar-kit-group-more",
        *(name for name, *_ in COLORS),
    }
    assert all(each.startswith("avatar-kit-") for each in re.findall(r"var\(--([\w-]+)", CSS))
    assert "url(" not in CSS
    assert "@import" not in CSS
