"""The way to the server and back: slow, cancelled, refused, logged out, tampered with."""

from __future__ import annotations

import base64
import io

import pytest
from django.contrib.sessions.models import Session
from PIL import Image
from playwright.sync_api import expect

from django_avatar_kit.test import make_image
from tests.browser.pictures import chosen
from tests.browser.widget import Widget
from tests.support import images
from tests.testapp.models import Profile

CHANGE = "/avatar/"
SAVED = "Your picture is saved."


def stored():
    return Profile.objects.get().avatar.name


def save(page):
    page.get_by_role("button", name="Save", exact=True).click()


@pytest.fixture
def widget(page, profile):
    page.goto(CHANGE)
    return Widget(page)


@pytest.fixture
def slow(page):
    """A line that takes 20 KB a second to the server."""
    session = page.context.new_cdp_session(page)
    conditions = {"offline": False, "latency": 20, "downloadThroughput": -1}

    def slow(uploads=20_000, offline=False):
        session.send(
            "Network.emulateNetworkConditions",
            {**conditions, "uploadThroughput": uploads, "offline": offline},
        )

    session.send("Network.enable")
    return slow


@pytest.fixture
def heavy():
    """Noise of 100 KB, which no encoder makes smaller."""
    return images.encoded(images.photograph("noisy", (220, 200)), "PNG")


def test_progress_is_shown_and_said(widget, page, slow, heavy):
    widget.choose(heavy, "me.png")
    slow()
    save(page)
    expect(widget.part("progress")).to_be_visible()
    expect(widget.part("status")).to_contain_text("Uploading")
    bar = widget.part("progress").locator("progress")
    for _ in range(80):
        if 5 < bar.evaluate("(bar) => bar.value") < 100:
            break
        page.wait_for_timeout(50)
    else:
        pytest.fail("No progress was seen between 5 and 100 %.")
    slow(-1)
    expect(page.get_by_text(SAVED)).to_be_visible()
    assert "-220x200-" in stored()


def test_an_upload_is_cancelled_and_the_picture_is_still_chosen(widget, page, slow, heavy):
    widget.choose(heavy, "me.png")
    slow()
    save(page)
    widget.action("cancel").click()
    assert widget.says == "The upload was cancelled. Nothing has changed."
    expect(widget.part("progress")).to_be_hidden()
    expect(widget.part("stage")).to_be_visible()
    assert stored() == ""
    slow(-1)
    save(page)
    expect(page.get_by_text(SAVED)).to_be_visible()


def test_a_second_press_of_save_sends_nothing_twice(widget, page, slow, heavy):
    methods = []

    def note(request):
        methods.append(request.method)

    page.on("request", note)
    widget.choose(heavy, "me.png")
    slow()
    save(page)
    expect(widget.part("progress")).to_be_visible()
    save(page)
    slow(-1)
    expect(page.get_by_text(SAVED)).to_be_visible()
    assert methods.count("POST") == 1


def test_without_a_connection_the_picture_stays_chosen(widget, page, slow, complaints):
    complaints.expect("ERR_INTERNET_DISCONNECTED")
    widget.choose()
    slow(offline=True)
    save(page)
    expect(widget.part("error")).to_contain_text("Check your connection")
    expect(widget.input).to_be_focused()
    slow(-1)
    save(page)
    expect(page.get_by_text(SAVED)).to_be_visible()


def test_what_the_server_refuses_is_explained_in_place(widget, page, settings, complaints):
    complaints.expect("400")
    widget.choose(make_image((600, 400)))
    widget.drag(-10, 0)
    crop = widget.crop
    settings.AVATAR_KIT = {"MAX_UPLOAD_SIZE": 500}
    save(page)
    expect(widget.part("error")).to_contain_text("me.jpg")
    expect(widget.input).to_be_focused()
    assert widget.input.get_attribute("aria-invalid") == "true"
    assert widget.crop == crop
    assert stored() == ""
    settings.AVATAR_KIT = {}
    save(page)
    expect(page.get_by_text(SAVED)).to_be_visible()
    expect(widget.part("error")).to_be_empty()


def test_a_storage_that_failed_is_explained(widget, page, settings, complaints, monkeypatch):
    complaints.expect("503")

    def full(*args, **kwargs):
        raise OSError("No space left on device")

    monkeypatch.setattr("django.core.files.storage.FileSystemStorage._save", full)
    widget.choose()
    save(page)
    expect(widget.part("error")).to_contain_text("could not be saved")
    assert stored() == ""


def test_whoever_was_logged_out_meanwhile_is_told_and_loses_nothing(
    widget, page, complaints, sign_in, user
):
    complaints.expect("401")
    widget.choose(make_image((320, 240)))
    Session.objects.all().delete()
    save(page)
    expect(widget.part("error")).to_contain_text("log")
    expect(widget.part("stage")).to_be_visible()
    assert stored() == ""
    sign_in(page.context, user)
    save(page)
    expect(page.get_by_text(SAVED)).to_be_visible()
    assert "-320x240-" in stored()


def test_a_token_that_is_missing_is_explained(widget, page, complaints):
    complaints.expect("403")
    widget.choose()
    page.context.clear_cookies(name="csrftoken")
    save(page)
    expect(widget.part("error")).not_to_be_empty()
    assert "CSRF" not in widget.error
    expect(widget.input).to_be_focused()
    assert stored() == ""


def test_an_answer_that_is_no_json_is_no_success(widget, page, complaints):
    complaints.expect("502")

    def gateway(route):
        if route.request.method == "POST":
            route.fulfill(status=502, content_type="text/html", body="<h1>Bad Gateway</h1>")
        else:
            route.continue_()

    page.route("**" + CHANGE, gateway)
    widget.choose()
    save(page)
    expect(widget.part("error")).not_to_be_empty()
    expect(widget.part("stage")).to_be_visible()


def test_what_was_shown_is_stored_though_the_file_has_changed_since(widget, page, tmp_path):
    path = tmp_path / "me.jpg"
    path.write_bytes(make_image((600, 400), "teal"))
    widget.input.set_input_files(path)
    expect(widget.part("stage")).to_be_visible()
    widget.drag(-10, 0)
    path.write_bytes(make_image((300, 700), "navy"))
    save(page)
    expect(page.get_by_text(SAVED)).to_be_visible()
    assert "-600x400-" in stored()


def test_what_was_shown_is_stored_though_the_file_is_gone(widget, page, tmp_path):
    path = tmp_path / "me.jpg"
    path.write_bytes(make_image((600, 400), "teal"))
    widget.input.set_input_files(path)
    expect(widget.part("stage")).to_be_visible()
    path.unlink()
    save(page)
    expect(page.get_by_text(SAVED)).to_be_visible()
    assert "-600x400-" in stored()


@pytest.mark.parametrize(
    "text",
    [
        "NaN,0,100,100,640,480",
        "-5,0,100,100,640,480",
        "0,0,100,100",
        "0,0,9999,9999,640,480",
        "0,0,0,0,640,480",
        "0,0,1e2,100,640,480",
        "0,0,100,100,480,640",
        "0,0,99999999999999999999,1,640,480",
        "<script>alert(1)</script>",
    ],
)
def test_a_crop_box_that_was_tampered_with_is_refused_and_named(widget, page, complaints, text):
    complaints.expect("400")
    widget.choose()
    widget.part("crop").evaluate("(input, text) => { input.value = text; }", text)
    save(page)
    expect(widget.part("error")).not_to_be_empty()
    assert "script" not in widget.error
    assert stored() == ""
    # Chosen again, it works.
    widget.drag(-10, 0)
    save(page)
    expect(page.get_by_text(SAVED)).to_be_visible()


def test_a_large_photo_is_sent_small(widget, page):
    photo = images.encoded(images.photograph("detail", (3000, 2000)), "JPEG", quality=92)
    widget.choose(photo)
    widget.wait_until_prepared()
    assert widget.file_size() < len(photo) / 5
    save(page)
    expect(page.get_by_text(SAVED)).to_be_visible()
    assert "-1000x667-" in stored()


def test_the_avatar_elsewhere_in_the_page_can_follow(widget, page):
    page.evaluate(
        """() => document.body.addEventListener("avatar-changed", (event) => {
          sessionStorage.setItem("heard", JSON.stringify(event.detail));
        })"""
    )
    widget.choose(make_image((600, 600)))
    save(page)
    expect(page.get_by_text(SAVED)).to_be_visible()
    heard = page.evaluate("JSON.parse(sessionStorage.getItem('heard'))")
    assert heard["has_avatar"] is True
    assert set(heard["urls"]) == {"32", "64", "128", "256", "512"}


def test_two_tabs_that_save_at_once_both_succeed_and_the_later_stays(
    page, profile, open_context, sign_in, user, screen, complaints
):
    context = open_context(screen)
    sign_in(context, user)
    # The first tab may ask for its picture when the second has replaced it.
    complaints.expect("404.*/media/avatars/")
    tabs = [page, context.new_page()]
    for tab, size in zip(tabs, ((300, 300), (200, 200)), strict=True):
        tab.goto(CHANGE)
        Widget(tab).choose(make_image(size))
    for tab in tabs:
        save(tab)
    for tab in tabs:
        expect(tab.get_by_text(SAVED)).to_be_visible()
    assert "-300x300-" in stored() or "-200x200-" in stored()


CHOOSE_AND_SEND = """(input, [text, type]) => {
  const bytes = Uint8Array.from(atob(text), (each) => each.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], "other.jpg", {type}));
  input.files = transfer.files;
  input.dispatchEvent(new Event("change", {bubbles: true}));
  input.form.requestSubmit();
}"""


def choose_and_send(widget, content):
    """Faster than anybody: the new file has not been looked at when the form is sent."""
    widget.input.evaluate(CHOOSE_AND_SEND, [base64.b64encode(content).decode(), "image/jpeg"])


def test_another_picture_sent_before_it_was_looked_at(widget, page):
    widget.choose(make_image((400, 300)))
    widget.drag(-20, 0)
    choose_and_send(widget, make_image((200, 300)))
    expect(page.get_by_text(SAVED)).to_be_visible()
    assert "-200x300-" in stored()


def test_what_is_refused_is_not_sent_though_the_form_was(widget, page):
    posts = []
    page.on("request", lambda request: posts.append(request.method))
    choose_and_send(widget, b"no picture")
    expect(widget.part("error")).to_contain_text("other.jpg")
    page.wait_for_timeout(100)
    assert "POST" not in posts


def test_a_large_photo_is_sent_as_large_as_its_largest_rendition(
    page, profile, settings, monkeypatch
):
    settings.AVATAR_KIT = {"SIZES": (1500,)}
    monkeypatch.setattr(Profile._meta.get_field("avatar"), "fit", "contain")
    page.goto(CHANGE)
    widget = Widget(page)
    grain = Image.effect_noise((2000, 1800), 40).convert("RGB")
    widget.input.set_input_files(chosen(content=images.encoded(grain, "JPEG")))
    expect(widget.part("status")).to_contain_text("is chosen")
    save(page)
    expect(page.get_by_text(SAVED)).to_be_visible()
    assert Profile.objects.get().avatar.avatar_name.sizes == (1500,)


def test_saving_without_a_choice_says_what_to_do(widget, page, complaints):
    complaints.expect("400")
    save(page)
    expect(widget.part("error")).to_have_text("Choose a picture first.")


def test_a_page_that_is_left_and_come_back_to_still_works(page, pictured):
    page.goto(CHANGE)
    Widget(page).choose()
    page.goto("/accounts/login/")
    page.go_back()
    widget = Widget(page)
    widget.choose(make_image((300, 200)))
    save(page)
    expect(page.get_by_text(SAVED)).to_be_visible()
    assert "-300x200-" in stored()


def test_saved_at_once_after_a_move(widget, page):
    """Before the picture has come to rest, and a smaller copy was thought of."""
    widget.choose(images.encoded(images.photograph("noisy", (900, 700)), "JPEG"), "me.jpg")
    page.wait_for_timeout(500)
    page.locator("[data-action=in]").click()
    save(page)
    expect(page.get_by_text(SAVED)).to_be_visible()


def test_a_view_of_the_site_may_answer_with_a_page_of_its_own(page, profile):
    page.goto("/wordy/")
    widget = Widget(page)
    widget.choose()
    save(page)
    page.wait_for_url("**/plain/")
    assert stored() != ""


def test_an_error_of_another_field_is_shown_beside_that_field(page, profile, complaints):
    complaints.expect("400")
    page.goto("/wordy/")
    widget = Widget(page)
    page.get_by_label("Bio").fill("rude")
    widget.choose()
    save(page)
    expect(page.locator("#id_bio_error")).to_have_text("Be polite.")
    expect(page.get_by_label("Bio")).to_be_focused()
    expect(widget.part("error")).to_be_empty()


@pytest.mark.parametrize(("format_", "orientation"), [("WEBP", 6), ("WEBP", 2), ("PNG", 6)])
def test_what_a_browser_does_not_turn_is_not_turned_by_the_server(
    widget, page, format_, orientation
):
    """Browsers differ in whether they heed the EXIF of WebP and PNG; what is shown counts."""
    exif = Image.Exif()
    exif[274] = orientation
    data = io.BytesIO()
    picture = Image.new("RGB", (400, 200), "red")
    picture.paste("blue", (200, 0, 400, 200))
    picture.save(data, format_, exif=exif)
    widget.choose(data.getvalue(), f"me.{format_.lower()}")
    shown = page.evaluate(
        """() => {
          const image = document.querySelector("[data-part=large]");
          return [image.naturalWidth, image.naturalHeight];
        }"""
    )
    page.locator("[data-action=in]").click()
    save(page)
    expect(page.get_by_text(SAVED)).to_be_visible()
    assert f"-{shown[0]}x{shown[1]}-" in stored()
