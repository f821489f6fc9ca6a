"""What is shown of an avatar that moves: the first frame, unless movement is welcome."""

from __future__ import annotations

import pytest

from django_avatar_kit.rendering import Face, avatar_html, avatar_url, get_face
from tests.display.test_rendering import SRCSET, STEM, SigningStorage, key
from tests.testapp.models import Team

MOTION = 'type="image/webp" media="(prefers-reduced-motion: no-preference)"'
MOVING = f"{STEM}.64.animated.webp 1x, {STEM}.128.animated.webp 2x, {STEM}.256.animated.webp 3x"
IMG = f'<img src="{STEM}.64.webp" srcset="{SRCSET}" width="64" height="64" alt="" loading="lazy">'


@pytest.fixture(autouse=True)
def animated(settings):
    settings.AVATAR_KIT = {"ANIMATED": True}


def rockets(formats="webp_animated", **options):
    return Team(name="Rockets", avatar=key(formats=formats, **options))


def test_markup():
    assert avatar_html(rockets(), 64, alt="") == (
        f'<picture><source {MOTION} srcset="{MOVING}">{IMG}</picture>'
    )


def test_several_formats_follow():
    avif = SRCSET.replace("webp", "avif")
    assert avatar_html(rockets("avif_webp_animated"), 64, alt="") == (
        f'<picture><source {MOTION} srcset="{MOVING}">'
        f'<source type="image/avif" srcset="{STEM}.64.avif 1x, {avif}">{IMG}</picture>'
    )


def test_one_size_for_all_screens():
    assert avatar_html(rockets(sizes="32"), 64, alt="") == (
        f'<picture><source {MOTION} srcset="{STEM}.32.animated.webp">'
        f'<img src="{STEM}.32.webp" width="64" height="64" alt="" loading="lazy"></picture>'
    )


def test_what_stands_still_is_shown_as_ever():
    assert avatar_html(rockets("webp"), 64, alt="") == IMG


def test_without_the_setting_nothing_moves(settings):
    settings.AVATAR_KIT = {}
    assert avatar_html(rockets(), 64, alt="") == IMG
    assert get_face(rockets(), 64).animated == ""
    assert avatar_html(rockets(), 64) == avatar_html(rockets("webp"), 64)


def test_one_field_may_move_and_another_not(settings, monkeypatch):
    monkeypatch.setattr(Team._meta.get_field("avatar"), "animated", False)
    assert avatar_html(rockets(), 64, alt="") == IMG
    settings.AVATAR_KIT = {}
    monkeypatch.setattr(Team._meta.get_field("avatar"), "animated", True)
    assert avatar_html(rockets(), 64, alt="").startswith("<picture>")


def test_urls_that_are_signed(monkeypatch):
    monkeypatch.setattr(Team._meta.get_field("avatar"), "_storage", SigningStorage())
    url = f"https://cdn.example.org/{STEM.removeprefix('/media/')}"
    assert avatar_html(rockets(sizes="32"), 64, alt="") == (
        f'<picture><source {MOTION} srcset="{url}.32.animated.webp?a=1&amp;b=2">'
        f'<img src="{url}.32.webp?a=1&amp;b=2" width="64" height="64" alt="" loading="lazy">'
        "</picture>"
    )


def test_a_url_is_that_of_the_first_frame():
    assert avatar_url(rockets(), 64) == f"{STEM}.64.webp"
    assert avatar_url(rockets(), 64, format="webp") == f"{STEM}.64.webp"


def test_the_parts():
    face = get_face(rockets(), 64, alt="")
    assert face == Face(
        src=f"{STEM}.64.webp",
        srcset=SRCSET,
        sources=(),
        alt="",
        color="#7a6a5c",
        placeholder=face.placeholder,
        width=64,
        height=64,
        attrs={"loading": "lazy"},
        html=avatar_html(rockets(), 64, alt=""),
        animated=MOVING,
    )
