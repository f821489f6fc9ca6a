"""Choosing a picture, by every way there is, and changing one's mind."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from django_avatar_kit.test import make_image
from tests.browser.pictures import chosen, ruled
from tests.browser.widget import Widget
from tests.support import images
from tests.testapp.models import Profile

CHANGE = "/avatar/"
SAVED = "Your picture is saved."


def stored():
    return Profile.objects.get().avatar.name


@pytest.fixture
def widget(page, profile):
    page.goto(CHANGE)
    return Widget(page)


@pytest.fixture
def with_picture(page, pictured):
    page.goto(CHANGE)
    return Widget(page)


def save(page):
    page.get_by_role("button", name="Save", exact=True).click()


def shows_preview(widget):
    expect(widget.part("stage")).to_be_visible()
    widget.wait_until_shown()
    return True


def test_by_a_click(widget, page):
    with page.expect_file_chooser() as chooser:
        page.mouse.click(*widget.center(widget.part("choose")))
    chooser.value.set_files(chosen())
    assert shows_preview(widget)
    save(page)
    expect(page.get_by_text(SAVED)).to_be_visible()
    assert "-640x480-" in stored()


def test_two_clicks_after_choosing_are_enough_and_one_is(widget, page):
    widget.choose()
    save(page)
    expect(page.get_by_text(SAVED)).to_be_visible()


def test_by_dropping_a_file(widget, page, tmp_path):
    path = tmp_path / "dropped.jpg"
    path.write_bytes(make_image((500, 400)))
    widget.drop(path)
    assert shows_preview(widget)
    assert "dropped.jpg" in widget.says
    save(page)
    expect(page.get_by_text(SAVED)).to_be_visible()
    assert "-500x400-" in stored()


def test_several_dropped_files_are_refused_and_none_is_chosen(widget, tmp_path):
    paths = [tmp_path / "one.jpg", tmp_path / "two.jpg"]
    for path in paths:
        path.write_bytes(make_image())
    widget.drop(*paths)
    expect(widget.part("error")).to_have_text("Choose one picture, not several.")
    assert widget.file_size() == 0


def test_by_pasting(widget, page):
    widget.paste(make_image((400, 400), format="png"))
    assert shows_preview(widget)
    save(page)
    expect(page.get_by_text(SAVED)).to_be_visible()
    assert "-400x400-" in stored()


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_the_preview_is_upright(widget, orientation):
    widget.choose(images.turned(ruled((600, 400)), orientation, quality=95))
    assert widget.part("large").evaluate(
        "(image) => [image.naturalWidth, image.naturalHeight]"
    ) == [
        600,
        400,
    ]


def test_the_camera_is_offered_on_a_phone_alone(open_context, sign_in, user, profile):
    offered = {}
    for screen in ("desktop", "phone"):
        context = open_context(screen)
        sign_in(context, user)
        page = context.new_page()
        page.goto(CHANGE)
        camera = Widget(page).action("camera")
        offered[screen] = camera.is_visible()
        if offered[screen]:
            with page.expect_file_chooser() as chooser:
                camera.click()
            chooser.value.set_files(chosen())
            assert shows_preview(Widget(page))
    assert offered == {"desktop": False, "phone": True}


# --- replace, remove, undo ---


def test_the_current_picture_is_shown_at_rest(with_picture):
    image = with_picture.part("current").locator("img")
    expect(image).to_be_visible()
    assert image.evaluate("(image) => image.decode().then(() => image.naturalWidth)") > 0
    expect(with_picture.part("stage")).to_be_hidden()


def test_a_picture_is_replaced(with_picture, page, pictured):
    with_picture.choose(make_image((300, 300)))
    expect(with_picture.part("current")).to_be_hidden()
    save(page)
    expect(page.get_by_text(SAVED)).to_be_visible()
    assert "-300x300-" in stored()
    assert stored() != pictured.avatar.name


def test_another_choice_takes_the_place_of_the_first(widget, page):
    widget.choose(make_image((300, 300)))
    widget.drag(10, 10)
    widget.choose(make_image((200, 500)))
    save(page)
    expect(page.get_by_text(SAVED)).to_be_visible()
    assert "-200x500-" in stored()


def test_a_picture_is_removed(with_picture, page):
    with_picture.action("remove").click()
    assert with_picture.says == "The picture will be removed when you save."
    save(page)
    expect(page.get_by_text("Your picture has been removed.")).to_be_visible()
    assert stored() == ""


def test_a_removal_is_undone(with_picture, page, pictured):
    with_picture.action("remove").click()
    with_picture.action("undo").click()
    expect(with_picture.part("current")).to_be_visible()
    assert with_picture.says == "Nothing will be changed."
    assert page.locator("[name=avatar-clear]").is_checked() is False
    assert stored() == pictured.avatar.name


def test_a_choice_is_undone(with_picture):
    with_picture.choose()
    with_picture.action("undo").click()
    expect(with_picture.part("stage")).to_be_hidden()
    expect(with_picture.part("current")).to_be_visible()
    expect(with_picture.action("undo")).to_be_hidden()
    assert with_picture.file_size() == 0
    assert with_picture.crop == ()


def test_choosing_after_a_removal_replaces(with_picture, page):
    with_picture.action("remove").click()
    with_picture.choose(make_image((250, 250)))
    save(page)
    expect(page.get_by_text(SAVED)).to_be_visible()
    assert "-250x250-" in stored()


def test_a_file_chosen_before_the_script_had_come_is_kept(page, profile):
    held = []

    def hold(route):
        held.append(route)

    page.route("**/avatar-input*.js", hold)
    page.goto(CHANGE, wait_until="commit")
    page.locator("input[type=file]").set_input_files(chosen())
    held[0].continue_()
    assert shows_preview(Widget(page))
    assert Widget(page).file_size() > 0


# --- what the browser refuses by itself, in the server's words ---


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("drawing.svg", b'<svg xmlns="http://www.w3.org/2000/svg"/>', "svg"),
        ("old.bmp", images.encoded(ruled((20, 20)), "BMP"), "unsupported_format"),
        ("scan.tiff", images.encoded(ruled((20, 20)), "TIFF"), "unsupported_format"),
        ("photo.heic", b"\0\0\0\x18ftypheic\0\0\0\0heicmif1" + bytes(64), "unsupported_format"),
        ("notes.jpg", b"not a picture at all", "invalid_image"),
        ("empty.jpg", b"", "empty"),
        ("huge.jpg", make_image() + bytes(1 << 20), "too_large"),
    ],
)
def test_the_browser_says_what_the_server_would_say(
    page, profile, settings, complaints, name, content, code
):
    settings.AVATAR_KIT = {"MAX_UPLOAD_SIZE": 1 << 20}
    complaints.expect("400")
    page.goto(CHANGE)
    widget = Widget(page)
    widget.input.set_input_files(chosen(name, content))
    expect(widget.part("error")).not_to_be_empty()
    said = widget.error
    assert name in said
    assert widget.file_size() == 0
    assert widget.input.get_attribute("aria-invalid") == "true"
    expect(widget.input).to_be_focused()
    # And now the server.
    token = page.context.cookies()
    answer = page.request.post(
        CHANGE,
        multipart={
            "avatar": chosen(name, content),
            "csrfmiddlewaretoken": page.locator("[name=csrfmiddlewaretoken]").input_value(),
        },
        headers={"Accept": "application/json", "Referer": page.url},
    )
    assert token
    error = answer.json()["errors"]["avatar"][0]
    assert (error["code"], error["message"]) == (code, said)


def test_too_many_pixels_are_refused_in_the_servers_words(page, profile, settings):
    settings.AVATAR_KIT = {"MAX_PIXELS": 100_000}
    page.goto(CHANGE)
    widget = Widget(page)
    widget.input.set_input_files(chosen(content=make_image((640, 480))))
    expect(widget.part("error")).to_contain_text("640")
    assert widget.file_size() == 0


def test_a_refused_choice_leaves_the_one_before(widget, page):
    widget.choose(make_image((300, 200)))
    widget.input.set_input_files(chosen("notes.jpg", b"no picture"))
    expect(widget.part("error")).to_contain_text("notes.jpg")
    expect(widget.part("stage")).to_be_visible()
    save(page)
    expect(page.get_by_text(SAVED)).to_be_visible()
    assert "-300x200-" in stored()


def test_what_the_browser_cannot_decode_is_sent_all_the_same(widget, page):
    session = page.context.new_cdp_session(page)
    session.send("Emulation.setDisabledImageTypes", {"imageTypes": ["avif"]})
    content = images.encoded(ruled((300, 200)), "AVIF")
    widget.input.set_input_files(chosen("me.avif", content, "image/avif"))
    expect(widget.part("status")).to_contain_text("Your browser cannot show it")
    expect(widget.part("stage")).to_be_hidden()
    save(page)
    expect(page.get_by_text(SAVED)).to_be_visible()
    assert "-300x200-" in stored()
