"""Moving and zooming: by mouse, touch, wheel, pinch, buttons, a slider and keys."""

from __future__ import annotations

import random

import pytest
from PIL import Image
from playwright.sync_api import expect

from django_avatar_kit.test import make_image, make_upload
from tests.browser.pictures import chosen, ruled
from tests.browser.widget import Widget
from tests.support import images
from tests.testapp.models import Profile

CHANGE = "/avatar/"
KEYS = {"ArrowLeft": (-1, 0), "ArrowRight": (1, 0), "ArrowUp": (0, -1), "ArrowDown": (0, 1)}


@pytest.fixture
def widget(page, profile):
    """A picture of 800 × 600 px has been chosen, and enlarged a little, so that it can move."""
    page.goto(CHANGE)
    widget = Widget(page)
    widget.choose(images.encoded(ruled((800, 600)), "JPEG"))
    widget.part("stage").focus()
    for _ in range(4):
        page.keyboard.press("+")
    return widget


def covered(widget):
    return all(edge > -0.6 for edge in widget.edges())


def within(crop):
    x, y, width, height, full_width, full_height = crop
    return width == height > 0 and x + width <= full_width and y + height <= full_height


def moved(before, after):
    """Px that the picture has gone to the right and down."""
    return before[0] - after[0], before[1] - after[1]


def near(found, expected, tolerance=1.0):
    return all(abs(a - b) <= tolerance for a, b in zip(found, expected, strict=True))


def test_at_first_the_largest_square_in_the_middle_is_shown(page, profile):
    page.goto(CHANGE)
    widget = Widget(page)
    widget.choose(images.encoded(ruled((800, 600)), "JPEG"))
    left, top, right, bottom = widget.edges()
    assert near((left, top), (right, bottom))
    assert near((top, bottom), (0, 0))
    assert left > 10


def test_a_drag_moves_the_picture_as_far_as_the_mouse(widget):
    before = widget.edges()
    widget.drag(-12, 9)
    assert near(moved(before, widget.edges()), (-12, 9))
    assert covered(widget)
    assert within(widget.crop)


def test_a_drag_ends_at_the_edge_of_the_picture(widget):
    widget.drag(-2_000, 1_500)
    left, top, right, bottom = widget.edges()
    assert near((right, top), (0, 0))
    assert left > 0
    assert bottom > 0
    x, y, side, _, width, _ = widget.crop
    assert (x + side, y) == (width, 0)


@pytest.mark.parametrize("screen", ["phone"])
def test_a_finger_moves_the_picture_and_not_the_page(widget, page, screen):
    before, scrolled = widget.edges(), page.evaluate("scrollY")
    widget.touch([(0, 0)], [(-3, -4)], [(-9, -12)], [(-15, -20)])
    assert near(moved(before, widget.edges()), (-15, -20))
    assert page.evaluate("scrollY") == scrolled


@pytest.mark.parametrize("screen", ["phone"])
def test_two_fingers_zoom_what_is_between_them(widget, screen):
    before, width = widget.edges(), widget.width
    spread = [[(-20 - 2 * step, 0), (20 + 2 * step, 0)] for step in range(11)]
    widget.touch(*spread)
    assert near([widget.width / width], [2.0], 0.05)
    # The middle of the stage shows what it showed before.
    half = widget.box()["width"] / 2
    assert near([(before[0] + half) * 2], [widget.edges()[0] + half], 6)
    widget.touch(*reversed(spread))
    assert near([widget.width / width], [1.0], 0.05)
    assert near(widget.edges(), before, 3)


def test_the_wheel_zooms_and_does_not_scroll(widget, page):
    before, scrolled = widget.width, page.evaluate("scrollY")
    widget.wheel(-100, times=3)
    page.wait_for_timeout(50)
    larger = widget.width
    assert larger > before * 1.1
    widget.wheel(100, times=30)
    page.wait_for_timeout(50)
    assert widget.width < larger
    assert covered(widget)
    assert near(widget.edges()[1::2], (0, 0))
    assert page.evaluate("scrollY") == scrolled


def test_buttons_zoom_and_move(widget):
    before = widget.width
    widget.action("in").click()
    assert widget.width > before
    widget.action("out").click()
    assert near([widget.width], [before], 2)
    for name, (across, down) in zip(("left", "right", "up", "down"), KEYS.values(), strict=True):
        edges = widget.edges()
        widget.action(name).click()
        x, y = moved(edges, widget.edges())
        assert (x * across > 0, y * down > 0) == (bool(across), bool(down)), name
        assert covered(widget)


def test_the_slider_zooms(widget, page):
    before = widget.width
    slider = widget.part("zoom")
    slider.focus()
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    assert widget.width > before
    assert slider.get_attribute("aria-valuetext").endswith("%")


@pytest.mark.parametrize("key", KEYS)
def test_arrow_keys_move_the_picture(widget, page, key):
    before = widget.edges()
    page.keyboard.press(key)
    across, down = KEYS[key]
    one = moved(before, widget.edges())
    assert (one[0] * across > 0, one[1] * down > 0) == (bool(across), bool(down))
    before = widget.edges()
    page.keyboard.press(f"Shift+{key}")
    further = moved(before, widget.edges())
    assert sum(map(abs, further)) > sum(map(abs, one))
    for _ in range(60):
        page.keyboard.press(key)
    assert covered(widget)


def test_plus_and_minus_zoom_and_stop_at_their_ends(widget, page):
    before = widget.width
    page.keyboard.press("+")
    assert widget.width > before
    for _ in range(60):
        page.keyboard.press("-")
    assert near(widget.edges()[1::2], (0, 0))
    for _ in range(60):
        page.keyboard.press("+")
    assert covered(widget)
    # No smaller square than the widget lets anybody see.
    assert widget.crop[2] >= 60


def test_keys_of_the_browser_and_other_keys_are_left_alone(widget, page):
    before = widget.edges()
    for key in ("a", "Delete", "Control+ArrowLeft", "PageDown"):
        page.keyboard.press(key)
    assert widget.edges() == before


def test_where_the_picture_is_is_said_once_it_is_at_rest(widget, page):
    page.keyboard.press("ArrowLeft")
    expect(widget.part("status")).to_contain_text("from the left")


def test_whatever_is_done_the_square_is_full_and_the_box_inside(widget, page):
    """Sixty gestures from a seed."""
    dice = random.Random("gestures")
    stage = widget.part("stage")
    for number in range(60):
        kind = dice.choice(["key", "key", "wheel", "drag"])
        if kind == "key":
            stage.focus()
            key = dice.choice([*KEYS, "+", "-"])
            page.keyboard.press(dice.choice(["", "Shift+"]) + key if key in KEYS else key)
        elif kind == "wheel":
            widget.page.mouse.move(*(value + dice.uniform(-60, 60) for value in widget.center()))
            widget.page.mouse.wheel(0, dice.uniform(-300, 300))
        else:
            widget.drag(dice.uniform(-300, 300), dice.uniform(-300, 300))
        if number % 5 == 4:
            assert covered(widget), number
            assert within(widget.crop), number


# --- what is sent of a large photo ---

PHOTO = (2400, 1600)


def grainy(size):
    """A file that is large enough for less of it to be sent."""
    return Image.effect_noise(size, 40).convert("RGB")


@pytest.fixture
def photo_widget(page, profile):
    page.goto(CHANGE)
    widget = Widget(page)
    content = images.encoded(grainy(PHOTO), "JPEG")
    widget.choose(content)
    widget.whole = len(content)
    widget.wait_until_prepared()
    widget.part("stage").focus()
    return widget


def test_all_of_it_in_as_many_px_as_the_server_keeps(photo_widget, page):
    assert photo_widget.file_size() < photo_widget.whole / 2
    assert photo_widget.crop == ()
    page.keyboard.press("+")
    photo_widget.wait_until_prepared()
    assert photo_widget.crop[4:] == (1000, 667)


def test_a_small_part_is_sent_sharp_with_what_is_around_it_and_no_more(photo_widget, page):
    pressed = 0
    for times in (8, 6, 6):
        for _ in range(times):
            page.keyboard.press("+")
        pressed += times
        # Nothing else has been prepared yet, and what is there holds.
        assert within(photo_widget.crop)
        photo_widget.wait_until_prepared()
        x, y, side, _, width, height = photo_widget.crop
        # Enough for the largest rendition, or all there is: at twenty, a tenth is shown.
        assert side >= min(512, round(PHOTO[1] * 0.1 ** (pressed / 20)))
        assert max(width, height) <= max(1000, 2 * side + 1)
        assert min(width, height) >= min(667, 2 * side)
        assert near((x + side / 2, y + side / 2), (width / 2, height / 2))
        assert photo_widget.file_size() < photo_widget.whole / 2
    box = "_".join(map(str, photo_widget.crop[:4]))
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Your picture is saved.")).to_be_visible()
    assert f"-{box}-" in Profile.objects.get().avatar.name


def test_moved_out_of_what_was_prepared_the_photo_itself_is_there_until_that_is_done(
    photo_widget, page
):
    for _ in range(20):
        page.keyboard.press("+")
    photo_widget.wait_until_prepared()
    prepared = photo_widget.file_size()
    page.keyboard.press("ArrowLeft")
    # Still within.
    assert photo_widget.file_size() == prepared
    assert within(photo_widget.crop)
    for _ in range(40):
        page.keyboard.press("Shift+ArrowRight")
    assert photo_widget.crop[0] == 0
    assert photo_widget.crop[4:] == PHOTO
    assert photo_widget.file_size() == photo_widget.whole
    photo_widget.wait_until_prepared()
    assert photo_widget.crop[0] == 0
    assert max(photo_widget.crop[4:]) == 1000
    assert photo_widget.file_size() < photo_widget.whole / 2


def test_enlarged_a_little_all_of_it_is_sent(photo_widget, page):
    for _ in range(3):
        page.keyboard.press("+")
    photo_widget.wait_until_prepared()
    width, height = photo_widget.crop[4:]
    assert near((width / height,), (PHOTO[0] / PHOTO[1],), 0.01)
    assert width > 1000


def test_of_a_wide_picture_nothing_is_left_out_before_it_is_enlarged(page, profile):
    page.goto(CHANGE)
    widget = Widget(page)
    widget.choose(images.encoded(grainy((3000, 500)), "JPEG"))
    widget.drag(-20, 0)
    widget.wait_until_prepared()
    assert widget.crop[2:] == (500, 500, 3000, 500)


def test_what_the_server_would_turn_otherwise_is_sent_in_full(page, profile):
    """Not all agree on the EXIF of a WebP: so the file itself is never in the input."""
    page.goto(CHANGE)
    widget = Widget(page)
    widget.choose(images.turned(grainy((1200, 800)), 6, "WebP"), "me.webp")
    widget.part("stage").focus()
    for _ in range(20):
        page.keyboard.press("+")
    widget.wait_until_prepared()
    upright = widget.file_size()
    for _ in range(40):
        page.keyboard.press("Shift+ArrowRight")
    assert widget.crop[4:] == (800, 1200)
    assert widget.file_size() == upright


def test_of_a_narrow_picture_the_place_is_exact(page, profile, settings):
    settings.AVATAR_KIT = {"SIZES": (64,)}
    page.goto(CHANGE)
    widget = Widget(page)
    widget.choose(images.encoded(grainy((300, 4600)), "PNG"), "me.png")
    widget.part("stage").focus()
    for _ in range(200):
        page.keyboard.press("Shift+ArrowUp")
    page.keyboard.press("ArrowDown")
    widget.wait_until_prepared()
    x, y, side, _, width, height = widget.crop
    assert (x, side, width, height) == (0, 65, 65, 1000)
    # A key moves it by a 25th of its side.
    assert near((y + side,), (height - 12 * 1000 / 4600,))


def test_an_element_that_is_moved_in_the_page_keeps_all_of_the_photo(photo_widget, page):
    for _ in range(20):
        page.keyboard.press("+")
    photo_widget.wait_until_prepared()
    photo_widget.root.evaluate("(widget) => widget.parentElement.prepend(widget)")
    expect(photo_widget.part("stage")).to_be_visible()
    photo_widget.wait_until_prepared()
    size = photo_widget.root.evaluate("({crop}) => [crop.width, crop.height]")
    assert tuple(size) == PHOTO


def test_a_script_may_take_the_element_away(photo_widget, page):
    photo_widget.root.evaluate("(widget) => widget.remove()")
    assert page.locator("avatar-input").count() == 0


# --- re-crop ---


@pytest.fixture
def stored_widget(page, pictured):
    page.goto(CHANGE)
    widget = Widget(page)
    widget.action("adjust").click()
    expect(widget.part("stage")).to_be_visible()
    widget.wait_until_shown()
    return widget


def test_a_stored_picture_is_cropped_anew_without_an_upload(stored_widget, page, pictured):
    expect(stored_widget.part("stage")).to_be_focused()
    for _ in range(6):
        page.keyboard.press("+")
    page.keyboard.press("ArrowRight")
    box = stored_widget.crop
    assert stored_widget.file_size() == 0
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Your picture is saved.")).to_be_visible()
    row = Profile.objects.get()
    assert row.avatar.name != pictured.avatar.name
    assert f"-{'_'.join(map(str, box[:4]))}-" in row.avatar.name
    # Once more: it begins with what is shown now.
    stored_widget.action("adjust").click()
    expect(stored_widget.part("stage")).to_be_visible()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    assert near(stored_widget.crop, box)


def test_a_crop_of_the_stored_picture_is_undone(stored_widget, page, pictured):
    page.keyboard.press("+")
    stored_widget.action("undo").click()
    expect(stored_widget.part("stage")).to_be_hidden()
    assert stored_widget.crop == ()
    assert Profile.objects.get().avatar.name == pictured.avatar.name


def test_a_new_file_takes_the_place_of_a_crop(stored_widget, page):
    page.keyboard.press("+")
    stored_widget.choose(make_image((320, 200)))
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Your picture is saved.")).to_be_visible()
    assert "-320x200-" in Profile.objects.get().avatar.name


def test_a_refused_file_leaves_the_crop_of_the_stored_picture(stored_widget, page):
    page.keyboard.press("+")
    box = stored_widget.crop
    stored_widget.input.set_input_files(chosen("notes.jpg", b"no picture"))
    expect(stored_widget.part("error")).not_to_be_empty()
    assert stored_widget.crop == box
    assert stored_widget.file_size() == 0
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Your picture is saved.")).to_be_visible()
    assert f"-{'_'.join(map(str, box[:4]))}-" in Profile.objects.get().avatar.name


def test_of_two_tabs_the_later_one_is_told(stored_widget, page, pictured, complaints):
    complaints.expect("400")
    page.keyboard.press("+")
    row = Profile.objects.get()
    row.avatar = make_upload(color="navy")
    row.save()
    name = row.avatar.name
    page.get_by_role("button", name="Save", exact=True).click()
    expect(stored_widget.part("error")).not_to_be_empty()
    assert Profile.objects.get().avatar.name == name
