"""Everybody can use it: axe-core on every state, keys alone, names, and large or coloured text."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from django_avatar_kit.test import make_image
from tests.browser import axe
from tests.browser.pictures import chosen
from tests.browser.widget import Widget
from tests.testapp.models import Profile

CHANGE = "/avatar/"
#: For tests that go through several sizes themselves.
sized_by_itself = pytest.mark.parametrize("screen", ["desktop"])


def save(page):
    page.get_by_role("button", name="Save", exact=True).click()


# --- axe-core ---


@sized_by_itself
def test_axe_finds_nothing_on_the_kits_pages(page, pictured, complaints):
    complaints.expect("400")
    for address in (CHANGE, "/avatar/?next=/plain/", "/avatar/delete/"):
        page.goto(address)
        assert axe.everywhere(page) == []
    # As the server shows it, after an error and after a success.
    page.goto("/plain/")
    assert axe.everywhere(page) == []
    page.goto("/avatar/delete/")
    page.locator("form button[type=submit]").click()
    page.wait_for_load_state()
    assert axe.everywhere(page) == []
    page.goto("/avatar/delete/")
    assert axe.everywhere(page) == []


@sized_by_itself
def test_axe_finds_nothing_in_any_state_of_the_widget(page, pictured, complaints):
    page.goto(CHANGE)
    widget = Widget(page)
    widget.action("remove").click()
    assert axe.everywhere(page) == [], "removed"
    widget.action("undo").click()
    assert axe.everywhere(page) == [], "undone"
    widget.action("adjust").click()
    expect(widget.part("stage")).to_be_visible()
    assert axe.everywhere(page) == [], "adjusting"
    widget.choose(make_image((640, 480)))
    assert axe.everywhere(page) == [], "chosen"
    page.locator("avatar-input").evaluate("(widget) => widget.progress(40)")
    expect(widget.part("progress")).to_be_visible()
    assert axe.everywhere(page) == [], "sending"
    page.locator("avatar-input").evaluate("(widget) => widget.progress(null)")
    widget.input.set_input_files(chosen("notes.jpg", b"no picture"))
    expect(widget.part("error")).not_to_be_empty()
    assert axe.everywhere(page) == [], "refused"


@sized_by_itself
def test_axe_finds_nothing_without_a_picture_nor_without_a_script(
    page, profile, open_context, sign_in, user, complaints
):
    complaints.expect("400")
    page.goto(CHANGE)
    assert axe.everywhere(page) == []
    save(page)
    expect(Widget(page).part("error")).not_to_be_empty()
    assert axe.everywhere(page) == []
    # The page that the server makes of an error. Its script is held back: axe-core is one itself.
    context = open_context()
    sign_in(context, user)
    plain = context.new_page()
    plain.route("**/avatar-input*.js", lambda route: route.fulfill(content_type="text/javascript"))
    plain.goto(CHANGE)
    plain.set_input_files("input[type=file]", chosen("notes.jpg", b"no picture"))
    save(plain)
    expect(plain.locator(".errorlist")).to_be_visible()
    assert axe.everywhere(plain) == []


# --- by keys alone ---


def test_a_picture_is_chosen_moved_and_saved_by_keys_alone(page, profile):
    page.goto(CHANGE)
    widget = Widget(page)
    stops = tab_until(page, widget.input)
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files(chosen(content=make_image((640, 480))))
    expect(widget.part("stage")).to_be_visible()
    stops += tab_until(page, widget.part("stage"))
    page.keyboard.press("+")
    page.keyboard.press("ArrowRight")
    assert widget.crop != ()
    stops += tab_until(page, page.get_by_role("button", name="Save", exact=True))
    page.keyboard.press("Enter")
    expect(page.get_by_text("Your picture is saved.")).to_be_visible()
    assert Profile.objects.get().avatar
    assert stops <= 25


def test_a_picture_is_removed_and_kept_by_keys_alone(page, pictured):
    page.goto(CHANGE)
    widget = Widget(page)
    tab_until(page, widget.action("remove"))
    page.keyboard.press("Enter")
    # The focus is on what undoes it, not lost with the button that has gone.
    expect(widget.action("undo")).to_be_focused()
    page.keyboard.press("Enter")
    expect(widget.input).to_be_focused()


def tab_until(page, locator, limit=20):
    """Press Tab until something has the focus: how often."""
    for count in range(1, limit):
        page.keyboard.press("Tab")
        seen = page.evaluate(
            """() => {
              const {width, height} = document.activeElement.getBoundingClientRect();
              return width > 0 && height > 0;
            }"""
        )
        assert seen, "the focus is on something that nobody sees"
        if locator.evaluate("(element) => element === document.activeElement"):
            return count
    pytest.fail(f"Tab does not lead to {locator}.")


def test_the_focus_is_seen(page, pictured):
    """Wherever Tab leads, an outline of two pixels, or the like, is there."""
    page.goto(CHANGE)
    widget = Widget(page)
    widget.choose()
    page.evaluate("document.activeElement.blur()")
    seen = set()
    for _ in range(20):
        page.keyboard.press("Tab")
        name, plain = page.evaluate(
            """() => {
              const element = document.activeElement;
              if (element === document.body) return ["", false];
              const around = [element, element.parentElement, ...element.parentElement.children];
              const shown = around.some((each) => {
                const style = getComputedStyle(each);
                return (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1)
                  || style.boxShadow !== "none";
              });
              return [element.outerHTML.slice(0, 80), !shown];
            }"""
        )
        if name in seen or not name:
            break
        seen.add(name)
        assert not plain, name
    assert len(seen) > 5


# --- what is read out ---


def test_names_and_values_of_the_widget(page, pictured):
    page.goto(CHANGE)
    widget = Widget(page)
    widget.choose()
    tree = widget.root.aria_snapshot()
    for line in (
        'button "Zoom out"',
        'slider "Zoom"',
        'button "Zoom in"',
        'button "Move the picture left"',
        'button "Undo"',
    ):
        assert line in tree, tree
    # No name is read twice: the pictures are decoration beside what has a name.
    assert 'img "' not in tree
    expect(widget.input).to_have_accessible_name("Avatar: Choose another picture")


def test_what_happens_is_announced_in_live_regions(page, profile):
    page.goto(CHANGE)
    widget = Widget(page)
    # They are in the page before there is anything to say: otherwise nothing would be read.
    assert widget.part("status").get_attribute("role") == "status"
    assert widget.part("error").get_attribute("role") == "alert"
    for name in ("status", "error"):
        hidden = widget.part(name).evaluate("(each) => getComputedStyle(each).display") == "none"
        assert not hidden, name
    assert widget.says == ""
    widget.choose()
    assert "me.jpg" in widget.says
    widget.input.set_input_files(chosen("notes.jpg", b"no picture"))
    expect(widget.part("error")).to_contain_text("notes.jpg")
    assert widget.says == ""


# --- large text, narrow windows, other colours, other directions ---


@sized_by_itself
def test_nothing_scrolls_sideways_at_200_and_400_percent(page, pictured):
    page.goto(CHANGE)
    widget = Widget(page)
    widget.choose()
    for width in (640, 320):  # 1280 px at 200 and 400 %
        page.set_viewport_size({"width": width, "height": 512})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for name in ("in", "left", "undo"):
            box = widget.box(widget.action(name))
            assert 0 <= box["x"] <= width - box["width"], (width, name)


def test_what_is_pressed_is_large_enough(page, pictured):
    """WCAG 2.2, 2.5.8: 24 px at least."""
    page.goto(CHANGE)
    widget = Widget(page)
    widget.choose()
    for button in page.locator("main button:visible, main input[type=range]:visible").all():
        box = widget.box(button)
        assert box["width"] >= 24, button
        assert box["height"] >= 24, button


def test_from_right_to_left_the_picture_still_moves_with_its_arrows(page, profile, settings):
    settings.LANGUAGE_CODE = "ar"
    page.goto(CHANGE)
    assert page.locator("html").get_attribute("dir") == "rtl"
    widget = Widget(page)
    widget.choose(make_image((800, 600)))
    before = widget.edges()
    widget.part("stage").focus()
    page.keyboard.press("ArrowRight")
    assert widget.edges()[0] < before[0]
    assert all(edge > -0.6 for edge in widget.edges())
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_in_forced_colours_what_can_be_used_is_seen(open_context, sign_in, user, pictured, screen):
    context = open_context(screen, forced_colors="active")
    sign_in(context, user)
    page = context.new_page()
    page.goto(CHANGE)
    widget = Widget(page)
    widget.choose()
    for element in (widget.part("choose").locator("xpath=.."), widget.action("undo")):
        style = element.evaluate("(each) => getComputedStyle(each).borderTopStyle")
        assert style != "none", element


def test_who_wants_less_motion_gets_none(page, profile):
    page.goto(CHANGE)
    widget = Widget(page)
    widget.choose()
    lasting = page.evaluate(
        """() => [...document.querySelectorAll("*")].filter((each) => {
          const {transitionDuration, animationDuration} = getComputedStyle(each);
          return `${transitionDuration},${animationDuration}`.split(",")
            .some((text) => parseFloat(text) > 0.01);
        }).map((each) => each.outerHTML.slice(0, 80))"""
    )
    assert lasting == []
