"""What the server has cut is what the preview showed: measured in px of the 256 px rendition.

The source has red for its columns and green for its rows (``pictures.ruled``). A line through the
reds of a screenshot tells which columns its left and right edges show, and so does a line through
those of the rendition. Two decoders may differ by half a colour, which is half a px of a whole
picture.
"""

from __future__ import annotations

import io

import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import expect

from django_avatar_kit.test import make_upload
from tests.browser.pictures import ruled
from tests.browser.widget import Widget
from tests.support import images
from tests.testapp.models import Profile

CHANGE = "/avatar/"
SIZE = 256
#: From an edge of a square, as a part of its side: outside of the mask and of any frame.
MARGIN = 0.25


@pytest.fixture
def page(open_context, sign_in, user, screen):
    """On a dense screen: on fewer px, a step from colour to colour is a px wide."""
    context = open_context(screen, device_scale_factor=3 if screen == "phone" else 2)
    sign_in(context, user)
    return context.new_page()


def line(values):
    """Offset and slope of the straight line through values at 0.5, 1.5, …"""
    n = len(values)
    places = [index + 0.5 for index in range(n)]
    mx, my = sum(places) / n, sum(values) / n
    slope = sum((x - mx) * (y - my) for x, y in zip(places, values, strict=True)) / sum(
        (x - mx) ** 2 for x in places
    )
    return my - slope * mx, slope


def box_of(image):
    """Left, top, right and bottom of what a square shows, as colours of the source."""
    image = image.convert("RGB")
    side = image.width
    start, end = round(side * MARGIN), round(side * (1 - MARGIN))
    middle = image.crop((start, start, end, end))
    red, green, _ = middle.split()
    columns = red.resize((middle.width, 1), Image.Resampling.BOX)
    rows = green.resize((1, middle.height), Image.Resampling.BOX)
    edges = []
    for band in (columns, rows):
        offset, slope = line(list(band.tobytes()))
        edges.append((offset - slope * start, offset + slope * (side - start)))
    (left, right), (top, bottom) = edges
    return left, top, right, bottom


def apart(one, other, side):
    """The largest distance of two boxes' edges, in px of a rendition of ``side`` px."""
    scale = side / (other[2] - other[0]), side / (other[3] - other[1])
    return max(
        abs(a - b) * scale[at % 2] for at, (a, b) in enumerate(zip(one, other, strict=True))
    )


def rendition():
    avatar = Profile.objects.get().avatar
    name = avatar.avatar_name
    # A square of fewer px than that is not enlarged.
    with avatar.storage.open(name.rendition(name.best(SIZE), "png")) as file:
        return Image.open(io.BytesIO(file.read())).copy()


def square_of(widget, name):
    """A screenshot of the square in which a picture moves, without its frame."""
    square = widget.part(name).locator("xpath=..")
    square.scroll_into_view_if_needed()
    # Moved to a whole px: between two, the screenshot would be a mixture of both.
    clip = square.evaluate(
        """(square) => {
          const {style} = square.closest("avatar-input");
          const place = () => {
            const {left, top} = square.getBoundingClientRect();
            return [left + square.clientLeft, top + square.clientTop];
          };
          [style.position, style.left, style.top] = ["relative", "0", "0"];
          [style.left, style.top] = place().map((at) => `${Math.floor(at) - at}px`);
          const [x, y] = place();
          return {x, y, width: square.clientWidth, height: square.clientHeight};
        }"""
    )
    return Image.open(io.BytesIO(widget.page.screenshot(clip=clip)))


def as_it_is(widget):
    pass


def moved(widget):
    widget.drag(37, -11)


def enlarged(widget):
    widget.part("stage").focus()
    for _ in range(9):
        widget.page.keyboard.press("+")
    widget.drag(-45, 30)


def enlarged_most(widget):
    widget.wheel(-200, times=20)
    widget.page.wait_for_timeout(50)
    widget.drag(60, 60)


def in_a_corner(widget):
    widget.wheel(-100, times=2)
    widget.page.wait_for_timeout(50)
    widget.drag(-900, -900)


WIDE, TALL = (1500, 900), (800, 1300)


def transparent():
    """A picture that fades to nothing at its left edge alone."""
    image = ruled(WIDE)
    mask = Image.new("L", WIDE, 255)
    ImageDraw.Draw(mask).rectangle((0, 0, 120, WIDE[1]), fill=0)
    image.putalpha(mask)
    return image


SOURCES = {
    "a small JPEG": (lambda: images.jpeg(ruled((500, 300))), [as_it_is, moved]),
    "a wide PNG": (lambda: images.png(ruled(WIDE)), [as_it_is, enlarged, in_a_corner]),
    "a tall PNG": (lambda: images.png(ruled(TALL)), [as_it_is, moved]),
    "on its side": (lambda: images.turned(ruled(WIDE), 6, quality=95), [moved, enlarged]),
    "on its head": (
        lambda: images.turned(ruled(TALL, (300, 300, 200)), 3, quality=95),
        [enlarged_most],
    ),
    "transparent": (lambda: images.png(transparent()), [as_it_is, in_a_corner]),
    "a photo": (lambda: images.turned(ruled((4032, 3024)), 8, quality=95), [as_it_is]),
    "a part of a photo": (
        lambda: images.turned(ruled((4032, 3024), (1776, 1272, 480)), 6, quality=95),
        [enlarged_most],
    ),
}


@pytest.mark.parametrize("source", SOURCES)
def test_the_server_cuts_what_the_preview_shows(page, profile, settings, source):
    settings.AVATAR_KIT = {"SIZES": (SIZE,), "FORMATS": ("png",)}
    make, changes = SOURCES[source]
    content = make()
    for change in changes:
        page.goto(CHANGE)
        widget = Widget(page)
        widget.choose(content)
        change(widget)
        widget.wait_until_prepared()
        large = box_of(square_of(widget, "large"))
        small = box_of(square_of(widget, "small"))
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_text("Your picture is saved.")).to_be_visible()
        image = rendition()
        cut = box_of(image)
        assert apart(large, cut, image.width) <= 1, change.__name__
        # The small preview is 96 px wide, or 72.
        assert apart(small, cut, 96) <= 1, change.__name__


@pytest.mark.parametrize("change", [moved, in_a_corner])
def test_a_crop_of_the_stored_picture_is_what_was_shown(page, profile, settings, change):
    settings.AVATAR_KIT = {"SIZES": (SIZE,), "FORMATS": ("png",)}
    profile.avatar = make_upload(content=images.png(ruled(WIDE)))
    profile.save()
    page.goto(CHANGE)
    widget = Widget(page)
    widget.action("adjust").click()
    expect(widget.part("stage")).to_be_visible()
    widget.wait_until_shown()
    change(widget)
    large = box_of(square_of(widget, "large"))
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Your picture is saved.")).to_be_visible()
    image = rendition()
    assert apart(large, box_of(image), image.width) <= 1
