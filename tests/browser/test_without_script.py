"""The kit's pages in a browser that runs no script: ordinary forms."""

from __future__ import annotations

import pytest

from django_avatar_kit.test import make_image
from tests.browser.pictures import chosen
from tests.testapp.models import Profile

CHANGE = "/avatar/"


@pytest.fixture
def page(open_context, sign_in, user, screen):
    context = open_context(screen, java_script_enabled=False)
    sign_in(context, user)
    return context.new_page()


def stored():
    return Profile.objects.get().avatar.name


def said(page):
    return page.get_by_role("status").first.inner_text().strip()


def test_a_picture_is_uploaded(page, profile):
    page.goto(CHANGE)
    page.set_input_files("input[type=file]", chosen())
    page.get_by_role("button", name="Save").click()
    assert said(page) == "Your picture is saved."
    assert "-640x480-" in stored()
    assert page.locator("main img").first.get_attribute("src")


def test_a_picture_is_replaced(page, pictured):
    before = pictured.avatar.name
    page.goto(CHANGE)
    page.set_input_files("input[type=file]", chosen(content=make_image((300, 300))))
    page.get_by_role("button", name="Save").click()
    assert said(page) == "Your picture is saved."
    assert stored() != before
    assert "-300x300-" in stored()


def test_a_picture_is_removed_by_its_checkbox(page, pictured):
    page.goto(CHANGE)
    page.get_by_label("Remove").check()
    page.get_by_role("button", name="Save").click()
    assert said(page) == "Your picture has been removed."
    assert stored() == ""


def test_a_refused_upload_is_explained_and_the_picture_stays(page, pictured, complaints):
    complaints.expect("400")
    page.goto(CHANGE)
    page.set_input_files("input[type=file]", chosen("cat.txt", b"meow", "text/plain"))
    page.get_by_role("button", name="Save").click()
    assert "cat.txt" in page.locator(".errorlist").inner_text()
    assert stored() == pictured.avatar.name


def test_saving_without_a_file_says_what_to_do(page, profile):
    page.goto(CHANGE)
    page.get_by_role("button", name="Save").click()
    assert page.locator(".errorlist").inner_text() == "Choose a picture first."
