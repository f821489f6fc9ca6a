"""The pages of the example, served by its own command in a process of its own."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest
from playwright.sync_api import expect

import django_avatar_kit
from tests.browser import axe
from tests.browser.conftest import Complaints
from tests.browser.pictures import chosen
from tests.browser.widget import Widget

PROJECT = Path(__file__).resolve().parents[2] / "example_project"
#: Where a walk through the site begins: links from here lead to all others.
START = ("/", "/accounts/login/", "/avatar/?next=/me/", "/avatar/delete/?next=/me/", "/nowhere/")

pytestmark = pytest.mark.skipif(not PROJECT.exists(), reason="The example is not in the sdist.")


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """The address of the demo, with people, in a folder of its own."""
    pytest.importorskip("tqdm", reason="The example's own packages are not installed.")
    folder = tmp_path_factory.mktemp("example")
    port = free_port()
    environ = {
        **{key: value for key, value in os.environ.items() if not key.startswith("AWS_")},
        "DJANGO_DB": f"sqlite:///{folder / 'db.sqlite3'}",
        "DJANGO_MEDIA_ROOT": str(folder / "media"),
        # The package that is tested here, wherever it is installed.
        "PYTHONPATH": str(Path(django_avatar_kit.__file__).parents[1]),
        "STORAGE": "filesystem",
    }
    environ.pop("DJANGO_SETTINGS_MODULE", None)
    command = [sys.executable, "manage.py", "demo", "--noreload", "--port", str(port)]
    log = folder / "log"
    with log.open("w") as output:
        process = subprocess.Popen(
            command, cwd=PROJECT, env=environ, stdout=output, stderr=subprocess.STDOUT
        )
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            try:
                urlopen(f"{address}/accounts/login/", timeout=5).close()  # noqa: S310
                break
            except URLError:
                assert process.poll() is None, log.read_text()
                time.sleep(0.1)
        else:
            pytest.fail(log.read_text())
        yield address
    finally:
        process.terminate()
        process.wait()


@pytest.fixture
def complaints(address):
    complaints = Complaints(address)
    yield complaints
    assert complaints.unexpected() == []


@pytest.fixture
def page(browser, address, complaints):
    """Of the demo account."""
    context = browser.new_context(
        base_url=address, reduced_motion="reduce", viewport={"width": 1280, "height": 800}
    )
    complaints.watch(context)
    page = context.new_page()
    page.goto("/accounts/login/")
    page.fill("[name=username]", "demo")
    page.fill("[name=password]", "demo")
    with page.expect_navigation():
        page.locator("main button[type=submit]").click()
    yield page
    context.close()


def kind(link):
    """Pages that differ in whom they are about are of one kind."""
    return re.sub(r"^/people/[^/]+/", "/people/*/", urlsplit(link).path)


def test_axe_finds_nothing_on_any_page_and_none_scrolls_sideways(page, complaints):
    complaints.expect("404")
    seen: set[str] = set()
    waiting = list(START)
    while waiting:
        link = waiting.pop(0)
        if kind(link) in seen or link.startswith("/admin/"):
            continue
        seen.add(kind(link))
        page.goto(link)
        assert axe.everywhere(page) == []
        page.set_viewport_size({"width": 375, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= 375, link
        page.set_viewport_size({"width": 1280, "height": 800})
        waiting += page.locator("a[href^='/']").evaluate_all(
            "(links) => links.map((link) => link.getAttribute('href'))"
        )
    assert {"/", "/me/", "/people/*/", "/teams/", "/avatar/", "/rounds/", "/storage/"} <= seen


def test_axe_finds_nothing_in_the_admin_beside_what_is_djangos(page, complaints):
    # Django's pages name no icon, so Chromium looks for one.
    complaints.expect("404.*/favicon.ico")
    page.goto("/admin/profiles/profile/")
    page.locator("#result_list tbody th a").first.click()
    widget = Widget(page)
    expect(widget.root).to_be_visible()
    for scheme in axe.SCHEMES:
        page.emulate_media(color_scheme=scheme)
        assert axe.violations(page, "avatar-input") == []
    widget.choose()
    for scheme in axe.SCHEMES:
        page.emulate_media(color_scheme=scheme)
        assert axe.violations(page, "avatar-input") == []


def test_a_picture_is_changed_and_removed(page):
    page.goto("/avatar/?next=/me/")
    widget = Widget(page)
    widget.input.set_input_files(chosen())
    expect(widget.part("stage")).to_be_visible()
    page.locator("main form[data-avatar-kit-submit] button[type=submit]").click()
    page.wait_for_url("**/me/")
    expect(page.get_by_text("Your picture is saved.")).to_be_visible()
    page.goto("/avatar/?next=/me/")
    Widget(page).action("remove").click()
    page.locator("main form[data-avatar-kit-submit] button[type=submit]").click()
    page.wait_for_url("**/me/")
    expect(page.get_by_text("Your picture has been removed.")).to_be_visible()
