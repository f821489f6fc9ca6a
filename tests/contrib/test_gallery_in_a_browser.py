"""The gallery in Chromium: with and without a script, by keys alone, and for everybody."""

from __future__ import annotations

from typing import Any

import pytest

from django_avatar_kit.contrib.gallery.models import Picture
from django_avatar_kit.test import make_image, make_upload
from tests.browser import axe
from tests.browser.conftest import (  # noqa: F401 - fixtures
    browser,
    complaints,
    open_context,
    sign_in,
)

pytest.importorskip("playwright", reason="Playwright is not installed.")

PAGE = "/avatar/"
PHOTO = {"name": "me.jpg", "mimeType": "image/jpeg", "buffer": make_image()}
#: As strict as it can be, with the preview of what is chosen.
POLICY = {
    "default-src": ["'none'"],
    "script-src": ["'self'"],
    "style-src": ["'self'"],
    "img-src": ["'self'", "blob:"],
    "connect-src": ["'self'"],
    "form-action": ["'self'"],
}


@pytest.fixture(autouse=True)
def _policy(settings: Any) -> None:
    settings.MIDDLEWARE = ["tests.browser.site.policy.PolicyMiddleware", *settings.MIDDLEWARE]
    settings.SECURE_CSP = POLICY
    settings.ALLOWED_HOSTS = ["*"]


@pytest.fixture
def pictures(transactional_db: None, user: Any) -> list[Picture]:
    for color in ("teal", "red", "blue"):
        Picture(owner=user, avatar=make_upload(color=color)).save()
    return list(Picture.objects.all())


@pytest.fixture
def new_page(open_context: Any, sign_in: Any, user: Any, pictures: Any) -> Any:  # noqa: F811
    def new_page(screen: str = "desktop", **options: Any) -> Any:
        context = open_context(screen, **options)
        sign_in(context, user)
        page = context.new_page()
        page.goto(PAGE)
        return page

    return new_page


def shown() -> int:
    return int(Picture.objects.get(primary_of__isnull=False).pk)


def order() -> list[int]:
    return list(Picture.objects.values_list("pk", flat=True))


def button(page: Any, name: str) -> Any:
    return page.get_by_role("button", name=name, exact=True)


def said(page: Any) -> str:
    return str(page.get_by_role("status").first.inner_text()).strip()


def test_axe_finds_nothing(new_page, settings, pictures):
    page = new_page()
    assert axe.everywhere(page) == []
    button(page, "Use Picture 2").click()
    assert axe.everywhere(page) == [], "with a message"
    page.get_by_role("link", name="Edit Picture 2").click()
    assert axe.everywhere(page) == [], "of one picture"
    settings.AVATAR_KIT = {**settings.AVATAR_KIT, "GALLERY_LIMIT": 3}
    page.goto(f"{PAGE}?next=/avatar/")
    assert axe.everywhere(page) == [], "full"
    Picture.objects.all().delete()
    page.goto(PAGE)
    assert axe.everywhere(page) == [], "empty"


@pytest.mark.parametrize("screen", ["desktop", "phone"])
def test_without_a_script(new_page, pictures, screen):
    first, second, third = (each.pk for each in pictures)
    page = new_page(screen, java_script_enabled=False)
    assert page.evaluate("document.documentElement.scrollWidth") == page.viewport_size["width"]
    button(page, "Use Picture 2").click()
    assert said(page) == "This is your picture now."
    assert shown() == second
    button(page, "Move earlier Picture 3").click()
    assert said(page) == "The order is saved."
    assert order() == [first, third, second]
    assert page.url.endswith(f"#picture-{third}")
    page.get_by_role("link", name="Remove Picture 3").click()
    page.get_by_role("button", name="Remove picture").click()
    assert said(page) == "Your picture has been removed."
    assert order() == [first, third]
    assert shown() == first
    page.set_input_files("input[type=file]", PHOTO)
    button(page, "Save").click()
    assert said(page) == "Your picture is saved."
    assert shown() == order()[2]


def test_a_picture_is_added_with_the_script(new_page, pictures):
    page = new_page()
    page.set_input_files("input[type=file]", PHOTO)
    page.locator("[data-part=stage]").wait_for()
    button(page, "Save").click()
    page.get_by_text("Picture 4").wait_for()
    assert said(page) == "Your picture is saved."
    assert shown() == order()[3]


def test_by_keys_alone(new_page, pictures):
    """Each control has the focus once, in the order of the pictures, and is seen with it."""
    page = new_page()
    names = []
    for _ in range(12):
        page.keyboard.press("Tab")
        names.append(
            page.evaluate(
                """() => {
                  const { activeElement } = document;
                  const ids = activeElement.getAttribute("aria-labelledby");
                  const style = getComputedStyle(activeElement);
                  if (style.outlineStyle === "none") return "no outline";
                  return ids.replace(/-\\d+ label-/, " ");
                }"""
            )
        )
    first, second, third = (each.pk for each in pictures)
    assert names == [
        *(f"{what} {first}" for what in ("later", "change", "remove")),
        *(f"{what} {second}" for what in ("use", "earlier", "later", "change", "remove")),
        *(f"{what} {third}" for what in ("use", "earlier", "change", "remove")),
    ]
    button(page, "Use Picture 3").focus()
    page.keyboard.press("Enter")
    page.get_by_text("This is your picture now.").wait_for()
    assert shown() == third
