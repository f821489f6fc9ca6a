from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from django.urls import resolve

from django_avatar_kit.display.colors import color_of, hue
from django_avatar_kit.display.identicons import code_of, drawing_of
from django_avatar_kit.display.initials import SILHOUETTE, svg_document
from django_avatar_kit.fallbacks import Identicon, get_fallbacks
from tests.testapp.models import Profile, Team


def cells(code: str) -> set[tuple[int, int]]:
    """Row and column of each filled cell."""
    path = ET.fromstring(svg_document(drawing_of(code) or ""))[1].attrib["d"]  # noqa: S314
    found = set()
    for run in path.strip("Mz").split("zM"):
        x, y, width = (int(each) for each in run.replace("h", " ").replace("v", " ").split()[:3])
        assert run == f"{x} {y}h{width}v8h-{width}z"[:-1]
        found |= {((y - 12) // 8, (each - 12) // 8) for each in range(x, x + width, 8)}
    return found


def test_markup() -> None:
    team = Team(pk=1)
    markup = Identicon().html(team, 40, 'The "A" team', {"loading": "lazy", "class": "rounded"})

    assert markup == (
        '<svg width="40" height="40" viewBox="0 0 64 64" role="img"'
        f' aria-label="The &quot;A&quot; team" class="rounded">{drawing_of(code_of(team))}</svg>'
    )
    assert (drawing_of(code_of(team)) or "").startswith(
        f'<rect width="64" height="64" fill="{color_of(hue(team))}"/>'
        '<path fill="#fff" shape-rendering="crispEdges" d="M'
    )
    assert (
        Identicon()
        .html(team, 40, "", {})
        .startswith('<svg width="40" height="40" viewBox="0 0 64 64" aria-hidden="true"><rect')
    )


def test_nothing_that_a_strict_policy_refuses() -> None:
    markup = Identicon().html(Team(pk=1), 64, "", {})

    assert "style" not in markup
    assert "data:" not in markup


@pytest.mark.parametrize("pk", range(100))
def test_figures_are_symmetric_and_neither_empty_nor_full(pk) -> None:
    filled = cells(code_of(Team(pk=pk)))

    assert filled == {(row, 4 - column) for row, column in filled}
    assert 5 <= sum(column <= 2 for _row, column in filled) <= 10


def test_all_cells_are_inside_a_round_mask() -> None:
    # 20 px from the middle to either side: the corners are 28.3 px away, and the mask 32.
    assert max(max(cell) for cell in cells(f"{0b111_111_111_111_111 * 24:05x}")) == 4
    assert (20**2 + 20**2) ** 0.5 < 32


def test_one_figure_to_an_owner() -> None:
    user = User(pk=3)
    codes = {code_of(Team(pk=pk)) for pk in range(1000)}

    assert code_of(user) == code_of(User(pk=3, username="another")) == code_of(Profile(user_id=3))
    assert code_of(user) != code_of(Team(pk=3))
    assert len(codes) > 990


def test_nobody_can_try_whose_figure_it_is(settings) -> None:
    """It depends on a key of the site: without it, no guess of an owner can be confirmed."""
    before = [code_of(Team(pk=pk)) for pk in range(20)]
    salted = [code_of(Team(pk=pk), "salt") for pk in range(20)]

    settings.SECRET_KEY = "another"

    assert not set(before) & {code_of(Team(pk=pk)) for pk in range(20)}
    assert salted == [code_of(Team(pk=pk), "salt") for pk in range(20)]


def test_nobody_has_the_silhouette() -> None:
    assert code_of(None) == "00000"
    assert drawing_of("00000") == SILHOUETTE
    assert SILHOUETTE in Identicon().html(None, 40, "", {})


def test_url(settings) -> None:
    url = Identicon().url(Team(pk=1), 64)

    assert url == f"/avatar/identicon/{code_of(Team(pk=1))}.svg"
    assert resolve(url).kwargs == {"code": code_of(Team(pk=1))}
    settings.ROOT_URLCONF = "django.contrib.auth.urls"
    assert Identicon().url(Team(pk=1), 64) is None


@pytest.mark.parametrize("salt", [None, 5, b"salt"])
def test_what_is_no_salt(settings, salt) -> None:
    settings.AVATAR_KIT = {"FALLBACKS": [{"BACKEND": "identicon", "OPTIONS": {"salt": salt}}]}

    with pytest.raises(ImproperlyConfigured) as caught:
        get_fallbacks()

    assert str(caught.value) == (
        f"OPTIONS of the fallback “identicon”: salt is {salt!r}. It must be a text"
    )


@pytest.mark.parametrize(
    "code",
    [
        "",
        "0",
        "000000",
        "0000g",
        "0000A",
        "-0001",
        "0x001",
        "1_000",
        "c0000",
        "fffff",
        "\u0660" * 5,
    ],
)
def test_what_is_no_code(code) -> None:
    assert drawing_of(code) is None


def test_the_last_code() -> None:
    assert drawing_of("bffff") is not None
