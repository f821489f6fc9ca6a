"""The script refuses in the server's words, in the language of the page."""

from __future__ import annotations

import pytest
from django.utils.translation import override

from django_avatar_kit.exceptions import (
    EmptyUpload,
    NotAnImage,
    TooManyPixels,
    UnsupportedFormat,
    UploadTooLarge,
)
from django_avatar_kit.test import make_image
from tests.browser.pictures import chosen

CHANGE = "/avatar/"
FORMATS = ("jpeg", "png", "webp", "gif", "avif")
#: Shown as the server shows it: short, and without characters that turn or break the sentence.
STRANGE = f"\u202egpj.\u2066 {'x' * 80}\u00a0.txt"


@pytest.mark.parametrize("screen", ["desktop"])
@pytest.mark.parametrize("language", ["en", "de", "ar"])
@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        ("cat.txt", b"meow", NotAnImage(filename="cat.txt")),
        (STRANGE, b"meow", NotAnImage(filename=STRANGE)),
        ("cat.jpg", b"", EmptyUpload(filename="cat.jpg")),
        (
            "cat.tif",
            b"II*\0 and the rest",
            UnsupportedFormat(filename="cat.tif", format="TIFF", allowed=FORMATS),
        ),
        (
            "cat.png",
            b"\x89PNG" + bytes(3_000),
            UploadTooLarge(filename="cat.png", size=3_004, limit=2_500),
        ),
        (
            "cat.jpg",
            make_image((123, 100)),
            TooManyPixels(filename="cat.jpg", width=123, height=100, limit=10_000),
        ),
    ],
    ids=["no image", "strange name", "empty", "format", "bytes", "pixels"],
)
def test_the_same_sentence(page, profile, settings, language, name, content, error):
    settings.LANGUAGE_CODE = language
    settings.AVATAR_KIT = {"MAX_UPLOAD_SIZE": 2_500, "MAX_PIXELS": 10_000}
    page.goto(CHANGE)
    page.set_input_files("input[type=file]", chosen(name, content, ""))
    shown = page.locator("[data-part=error]")
    shown.filter(has_text=".").wait_for()
    with override(language):
        assert shown.inner_text() == str(error)


@pytest.mark.parametrize(("language", "direction"), [("de", "ltr"), ("he", "rtl")])
def test_a_page_has_the_direction_of_its_language(page, profile, settings, language, direction):
    settings.LANGUAGE_CODE = language
    page.goto(CHANGE)
    assert page.evaluate("getComputedStyle(document.body).direction") == direction
    heading, button = page.locator("h1"), page.get_by_role("button").first
    assert heading.evaluate("node => getComputedStyle(node).direction") == direction
    assert button.is_visible()
    page.set_input_files("input[type=file]", chosen())
    left, right = (page.locator(f"[data-action={way}]") for way in ("left", "right"))
    left.wait_for()
    assert left.bounding_box()["x"] < right.bounding_box()["x"]
    # Nothing sticks out at the side.
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
