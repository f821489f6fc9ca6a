"""An animation on its way through a browser: sent as it is, and shown to those who like it."""

from __future__ import annotations

import random

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.widget import Widget
from tests.support import images
from tests.testapp.models import Profile

CHANGE = "/avatar/"
GIF = "image/gif"


@pytest.fixture(params=["desktop"])
def screen(request):
    return request.param


@pytest.fixture
def film():
    """Large enough for the browser to send a smaller copy, if it stood still."""
    noise = [random.Random(seed).randbytes(1200 * 900) for seed in (1, 2)]
    first, second = (Image.frombytes("P", (1200, 900), data) for data in noise)
    for each in (first, second):
        each.putpalette(bytes(range(256)) * 3)
    data = images.encoded(first, "gif", save_all=True, append_images=[second], duration=90)
    assert len(data) > 512 * 1024
    return data


def send(page, film):
    page.goto(CHANGE)
    widget = Widget(page)
    widget.choose(film, "film.gif", kind=GIF)
    widget.wait_until_prepared()
    size = widget.file_size()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Your picture is saved.")).to_be_visible()
    return size


def test_it_is_sent_whole_and_moves_unless_that_is_unwelcome(page, profile, settings, film):
    settings.AVATAR_KIT = {"ANIMATED": True}
    assert send(page, film) == len(film)
    assert Profile.objects.get().avatar.avatar_name.animated
    shown = page.locator("[data-part=current] img")
    name = Profile.objects.get().avatar.avatar_name

    def source():
        page.wait_for_load_state("networkidle")
        shown.evaluate("(image) => image.decode()")
        return shown.evaluate("(image) => image.currentSrc")

    page.emulate_media(reduced_motion="reduce")
    page.reload()
    still = source()
    assert still.endswith(".webp")
    assert name.token in still
    assert "animated" not in still
    page.emulate_media(reduced_motion="no-preference")
    page.reload()
    assert source() == still.replace(".webp", ".animated.webp")


def test_without_the_setting_a_smaller_copy_is_sent(page, profile, film):
    assert send(page, film) < len(film)
    assert not Profile.objects.get().avatar.avatar_name.animated


@pytest.fixture
def lights():
    """First red, then blue."""
    red, blue = (Image.new("RGB", (600, 300), color) for color in ("red", "blue"))
    return images.encoded(red, "webp", lossless=True, save_all=True, append_images=[blue])


STILL = """(shown) => {
  if (!shown.getContext) return false;
  const {data} = shown.getContext("2d").getImageData(shown.width / 2, shown.height / 2, 1, 1);
  return data[0] > 250 && data[1] < 5 && data[2] < 5 && data[3] === 255;
}"""


def stand_still(widget):
    """Whether the large and the small picture are drawn, and red."""
    return [widget.part(name).evaluate(STILL) for name in ("large", "small")]


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
@pytest.mark.parametrize("animated", [True, False])
def test_the_widget_shows_the_first_frame_where_it_stays_one_or_movement_is_unwelcome(
    page, profile, settings, lights, motion, animated
):
    settings.AVATAR_KIT = {"ANIMATED": animated}
    page.emulate_media(reduced_motion=motion)
    page.goto(CHANGE)
    widget = Widget(page)
    widget.choose(lights, "lights.webp", kind="image/webp")
    moves = animated and motion == "no-preference"
    assert stand_still(widget) == [not moves] * 2
    # It is cut as any other: the middle, to the height of the stage.
    left, top, right, bottom = widget.edges()
    assert left == pytest.approx(right, abs=1) == pytest.approx(widget.width / 4, abs=1)
    assert (top, bottom) == pytest.approx((0, 0), abs=1)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Your picture is saved.")).to_be_visible()
    assert Profile.objects.get().avatar.avatar_name.animated == animated
    page.goto(CHANGE)
    widget.action("adjust").click()
    expect(widget.part("stage")).to_be_visible()
    assert stand_still(widget) == [animated and not moves] * 2
