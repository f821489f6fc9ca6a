from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

from django_avatar_kit.rendering import avatar_html, avatar_url
from django_avatar_kit.uploads import animation
from django_avatar_kit.uploads.decoders import frames, gif_frames, png_frames, webp_frames
from tests.display.test_rendering import key
from tests.support.howtos import blocks, page, run
from tests.support.pictures import SPEC
from tests.testapp.models import Team

PAGE = page("animated").read_text()


def test_the_setting(settings):
    settings.AVATAR_KIT = run(blocks("animated")[0])["AVATAR_KIT"]
    shown = avatar_html(Team(name="Ada Lovelace", avatar=key(formats="webp_animated")), 64)
    (told,) = blocks("animated", "html")
    stem = avatar_url(Team(avatar=key()), 64).removesuffix(".64.webp")
    assert re.sub(r"\n\s*(srcset)", r" \1", told).replace("\n", "").replace("  ", "") == (
        shown.replace(stem, "…")
    )


def test_the_limits():
    assert f"| frames | {frames.MOST_FRAMES} |" in PAGE
    assert f"| {animation.LONGEST // 1000} seconds" in PAGE
    pixels = [
        each.most_pixels
        for each in (gif_frames.GifFrames, png_frames.PngFrames, webp_frames.WebPFrames)
    ]
    assert pixels[1] == pixels[2]
    told = (
        f"{pixels[0] // 10**6} million in a GIF, {pixels[1] // 10**6} million in a PNG or a WebP"
    )
    assert told in PAGE
    assert f"px may have {pixels[0] // (480 * 270)} frames" in PAGE
    assert f"less than\n{animation.SMALLEST} px" in PAGE


def test_how_large_a_square_is():
    table = re.findall(r"^\| (\d+) \| (\d+) px \|$", PAGE, re.MULTILINE)
    assert [int(count) for count, _ in table] == [10, 30, 60, 100, 200]
    for count, side in table:
        frames_: Any = SimpleNamespace(steps=[SimpleNamespace(disposal=None)] * int(count))
        source: Any = SimpleNamespace(size=(1000, 1000), orientation=1, mode="RGB")
        found = animation._affordable(frames_, source, None, SPEC, 1.0)
        assert round(1000 * found) == int(side)
