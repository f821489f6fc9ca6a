"""The widget in pages of a site: native forms, several, formsets, the admin, and htmx."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import expect

from django_avatar_kit.test import make_image, make_upload
from tests.browser.site.models import Player
from tests.browser.widget import Widget
from tests.support import images
from tests.testapp.models import Channel, Profile, Team


def widget_of(page, name):
    """By the name of its file input."""
    return Widget(page, page.locator("avatar-input", has=page.locator(f"input[name='{name}']")))


@pytest.fixture
def channel(transactional_db, media):
    """With three pictures, of which one has a default."""
    (media / "defaults").mkdir()
    (media / "defaults" / "badge.png").write_bytes(make_image((16, 16), format="png"))
    return Channel.objects.create(name="news")


def save(page):
    with page.expect_navigation():
        page.locator("#save").click()


# --- a form of the site, sent by the browser itself ---


def test_in_a_form_of_the_site_the_crop_is_sent_as_well(page, profile):
    page.goto("/plain/")
    widget = Widget(page)
    widget.choose(make_image((640, 480)))
    widget.drag(-15, 0)
    x, y, side, *_ = widget.crop
    page.fill("[name=bio]", "analyst")
    save(page)
    expect(page.locator("#messages")).to_have_text("Saved.")
    row = Profile.objects.get()
    assert row.bio == "analyst"
    assert f"-{x}_{y}_{side}_{side}-" in row.avatar.name


def test_a_form_that_fails_elsewhere_is_shown_again_with_its_error(page, channel):
    Channel.objects.create(name="taken")
    page.goto(f"/several/{channel.pk}/")
    widget = widget_of(page, "banner")
    widget.choose()
    page.fill("[name=name]", "taken")
    save(page)
    expect(page.locator(".errorlist")).to_be_visible()
    expect(widget_of(page, "banner").part("stage")).to_be_hidden()
    assert Channel.objects.get(pk=channel.pk).banner.name == ""


def test_resetting_a_form_undoes_the_choice(page, pictured):
    page.goto("/plain/")
    widget = Widget(page)
    widget.choose()
    page.locator("form").evaluate("(form) => form.reset()")
    expect(widget.part("stage")).to_be_hidden()
    assert widget.file_size() == 0
    assert widget.crop == ()


def test_a_large_photo_is_sent_small_by_a_native_form_too(page, profile):
    page.goto("/plain/")
    widget = Widget(page)
    photo = images.encoded(images.photograph("detail", (2400, 1600)), "JPEG", quality=92)
    sent = []

    def note(request):
        if request.method == "POST":
            sent.append(int(request.all_headers()["content-length"]))

    page.on("request", note)
    widget.choose(photo)
    # At once: before the smaller copy is ready.
    save(page)
    expect(page.locator("#messages")).to_have_text("Saved.")
    assert "-1000x667-" in Profile.objects.get().avatar.name
    assert len(sent) == 1
    assert sent[0] < len(photo) / 4


# --- several on one page ---


def test_several_widgets_do_not_meddle_with_each_other(page, channel):
    page.goto(f"/several/{channel.pk}/")
    face, banner = widget_of(page, "badge"), widget_of(page, "banner")
    face.choose(make_image((300, 300)))
    expect(banner.part("stage")).to_be_hidden()
    banner.choose(make_image((200, 100)), "banner.jpg")
    banner.drag(-10, 0)
    assert face.crop == ()
    assert banner.crop != ()
    save(page)
    channel = Channel.objects.get()
    assert "-300x300-" in channel.badge.name
    assert "-200x100-" in channel.banner.name


def test_a_paste_goes_to_the_widget_that_has_the_focus(page, channel):
    page.goto(f"/several/{channel.pk}/")
    face, banner = widget_of(page, "badge"), widget_of(page, "banner")
    page.locator("[name=name]").focus()
    face.paste(make_image(format="png"))
    page.wait_for_timeout(100)
    assert (face.file_size(), banner.file_size()) == (0, 0)
    banner.input.focus()
    banner.paste(make_image(format="png"))
    expect(banner.part("stage")).to_be_visible()
    assert face.file_size() == 0


# --- formsets ---


def test_rows_of_a_formset_that_are_added_later(page, transactional_db):
    team = Team.objects.create(name="A")
    Player.objects.create(team=team, name="One", avatar=make_upload())
    page.goto(f"/players/{team.pk}/")
    page.locator("#add").click()
    page.locator("#add").click()
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map((each) => each.id)")
    assert len(ids) == len(set(ids)), "an id is there twice"
    added = widget_of(page, "players-3-avatar")
    page.fill("[name=players-3-name]", "Four")
    added.choose(make_image((256, 200)))
    added.drag(-10, 0)
    described = added.input.get_attribute("aria-describedby").split()
    assert all(page.locator(f"[id='{each}']").count() == 1 for each in described)
    first = widget_of(page, "players-0-avatar")
    first.action("remove").click()
    save(page)
    assert {row.name: bool(row.avatar) for row in Player.objects.all()} == {
        "One": False,
        "Four": True,
    }


# --- the admin ---


@pytest.fixture
def admin_page(open_context, sign_in, screen, transactional_db):
    boss = User.objects.create_superuser("boss")
    context = open_context(screen)
    sign_in(context, boss)
    return context.new_page()


def submit_admin(page):
    with page.expect_navigation():
        page.locator("[name=_save]").click()


def test_the_admin_adds_a_profile_with_a_picture(admin_page, user):
    page = admin_page
    page.goto("/admin/testapp/profile/add/")
    page.select_option("[name=user]", str(user.pk))
    page.fill("[name=bio]", "countess")
    widget = widget_of(page, "avatar")
    widget.choose(make_image((500, 400)))
    widget.drag(-10, 0)
    x, y, side, *_ = widget.crop
    submit_admin(page)
    name = Profile.objects.get().avatar.name
    assert "-500x400-" in name
    assert f"-{x}_{y}_{side}_{side}-" in name


def test_the_admin_changes_crops_and_removes_a_picture(admin_page, pictured):
    page, address = admin_page, f"/admin/testapp/profile/{pictured.pk}/change/"
    page.goto(address)
    widget = widget_of(page, "avatar")
    widget.action("adjust").click()
    expect(widget.part("stage")).to_be_visible()
    widget.wait_until_shown()
    page.keyboard.press("+")
    x, y, side, *_ = widget.crop
    submit_admin(page)
    cropped = Profile.objects.get().avatar.name
    assert f"-{x}_{y}_{side}_{side}-" in cropped
    page.goto(address)
    widget_of(page, "avatar").choose(make_image((300, 300)))
    submit_admin(page)
    assert "-300x300-" in Profile.objects.get().avatar.name
    page.goto(address)
    widget_of(page, "avatar").action("remove").click()
    submit_admin(page)
    assert Profile.objects.get().avatar.name == ""


def test_inlines_of_the_admin(admin_page):
    page = admin_page
    team = Team.objects.create(name="A")
    page.goto(f"/admin/testapp/team/{team.pk}/change/")
    page.locator(".add-row a, .add-row button").first.click()
    widget = widget_of(page, "players-0-avatar")
    page.fill("[name=players-0-name]", "One")
    widget.choose(make_image((256, 200)))
    widget.drag(-5, 0)
    crop = widget.crop
    submit_admin(page)
    assert f"-{'_'.join(map(str, crop[:4]))}-" in Player.objects.get().avatar.name


# --- htmx ---


def test_a_form_that_htmx_inserts_and_sends(page, profile):
    page.goto("/swapped/")
    page.locator("#open").click()
    widget = Widget(page)
    widget.choose(make_image((640, 480)))
    widget.drag(-15, 0)
    x, y, side, *_ = widget.crop
    page.locator("#save").click()
    expect(page.locator("#saved")).to_have_text("Saved.")
    assert f"-{x}_{y}_{side}_{side}-" in Profile.objects.get().avatar.name
    # The form that came in its place works as well, and nothing of the one before is left.
    widget.action("adjust").click()
    expect(widget.part("stage")).to_be_visible()
    widget.choose(make_image((200, 300)))
    page.locator("#save").click()
    expect(widget.part("stage")).to_be_hidden()
    assert "-200x300-" in Profile.objects.get().avatar.name


def test_the_kits_own_page_as_a_part_by_htmx(page, pictured):
    page.goto("/swapped/kit/")
    page.locator("#open").click()
    widget = Widget(page)
    widget.choose(make_image((300, 200)))
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Your picture is saved.")).to_be_visible()
    assert "-300x200-" in Profile.objects.get().avatar.name
    # The avatar in the header of the page has heard of it.
    token = Profile.objects.get().avatar.avatar_name.token
    expect(page.locator("#face")).to_have_attribute("src", re.compile(token))
    assert page.url.endswith("/swapped/kit/")


def test_widgets_that_are_taken_away_leave_nothing_behind(page, profile):
    page.goto("/swapped/")
    page.evaluate(
        """() => {
          window.urls = new Set();
          const {createObjectURL, revokeObjectURL} = URL;
          URL.createObjectURL = (what) => {
            const url = createObjectURL.call(URL, what);
            window.urls.add(url);
            return url;
          };
          URL.revokeObjectURL = (url) => {
            window.urls.delete(url);
            revokeObjectURL.call(URL, url);
          };
        }"""
    )
    for _ in range(2):
        page.locator("#here").evaluate(
            "(here) => here.firstElementChild?.setAttribute('id', 'old')"
        )
        page.locator("#open").click()
        expect(page.locator("#here > :not(#old) avatar-input")).to_be_visible()
        Widget(page).choose()
    page.evaluate("document.getElementById('here').replaceChildren()")
    assert page.evaluate("window.urls.size") == 0
