"""Measure the widget in Chromium: what it weighs, what it sends, how fast and how exact it is.

    python -m benchmarks.widget

Needs the dependency group ``browser`` and Chromium. Prints one table. Times are medians of three,
with nothing else running on the machine; Chromium slows its main thread down to a quarter.
"""

from __future__ import annotations

import gzip
import os
import statistics
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import BrowserContext, Page

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.browser.settings"
# Playwright's event loop runs in the thread that asks the database.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

STATIC = ("avatar-input.js", "avatar-input.css")
#: Of the wheel, each by the same factor, and how far a photo is enlarged by them.
TURNS = {0: "as it is", 2: "2.0 times", 3: "2.8 times", 5: "5.7 times", 8: "10 times"}
SLOWER = 4
ROUNDS = 3
#: When the chosen picture can be seen: decoded, laid out, and given to the screen.
WATCH = """() => {
  window.seen = new Promise((resolve) => {
    document.addEventListener("change", () => {
      const start = performance.now();
      const look = async () => {
        const image = document.querySelector("[data-part=large]");
        if (!image.src || !image.naturalWidth || !image.offsetWidth) {
          requestAnimationFrame(look);
          return;
        }
        await image.decode();
        requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - start)));
      };
      look();
    }, {capture: true, once: true});
  });
}"""


@contextmanager
def site() -> Iterator[str]:
    """The site of the browser tests, with a database and media of its own: its address."""
    from django.contrib.staticfiles.handlers import StaticFilesHandler
    from django.db import connections
    from django.test.testcases import LiveServerThread
    from django.test.utils import override_settings

    with tempfile.TemporaryDirectory() as folder, override_settings(MEDIA_ROOT=folder):
        for connection in connections.all():
            connection.creation.create_test_db(verbosity=0)
        thread = LiveServerThread("127.0.0.1", StaticFilesHandler)
        thread.daemon = True
        thread.start()
        thread.is_ready.wait()
        if thread.error:
            raise thread.error
        try:
            yield f"http://127.0.0.1:{thread.port}"
        finally:
            thread.terminate()
            for connection in connections.all():
                connection.creation.destroy_test_db(connection.settings_dict["NAME"], verbosity=0)


@contextmanager
def browser(address: str, *, density: int = 1) -> Iterator[BrowserContext]:
    """A person who is logged in, without a picture; a CSS px has ``density`` px of the screen."""
    from django.contrib.auth.models import User
    from django.test import Client
    from playwright.sync_api import sync_playwright

    from tests.browser.conftest import ARGUMENTS, SCREENS, find_browser
    from tests.testapp.models import Profile

    path = find_browser()
    if path is None:
        sys.exit("No Chromium was found.")
    user = User.objects.create(username="ada")
    Profile.objects.create(user=user)
    client = Client()
    client.force_login(user)
    cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": address}
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=path, args=ARGUMENTS)
        context = chromium.new_context(
            base_url=address, device_scale_factor=density, **SCREENS["desktop"]
        )
        context.add_cookies([cookie])  # type: ignore[list-item]
        yield context
        chromium.close()


def weight() -> str:
    import django_avatar_kit

    folder = Path(django_avatar_kit.__file__).parent / "static" / "avatar_kit"
    sizes = [len(gzip.compress((folder / name).read_bytes(), 9)) for name in STATIC]
    return f"{sum(sizes) / 1024:.1f} KB ({' + '.join(f'{size:,} B' for size in sizes)})"


def save(page: Page) -> None:
    with page.expect_response(lambda response: response.request.method == "POST"):
        page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("Your picture is saved.").wait_for()


def sent(context: BrowserContext, path: Path, turns: int) -> int:
    """Bytes of the request that saves a photo after so many turns of the wheel.

    All fields and boundaries are included.
    """
    from tests.browser.widget import Widget

    page = context.new_page()
    sizes = []

    def note(request: Any) -> None:
        if request.method == "POST":
            sizes.append(int(request.all_headers()["content-length"]))

    page.on("request", note)
    page.goto("/avatar/")
    widget = Widget(page)
    widget.input.set_input_files(path)
    widget.part("stage").wait_for()
    widget.wait_until_shown()
    widget.wheel(-200, times=turns)
    save(page)
    page.close()
    return sizes[0]


def until_preview(context: BrowserContext, path: Path) -> float:
    """Milliseconds from choosing a photo until it is seen."""
    page = context.new_page()
    session = context.new_cdp_session(page)
    page.goto("/avatar/")
    page.wait_for_load_state("networkidle")
    session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    page.evaluate(WATCH)
    page.set_input_files("input[type=file]", path)
    taken: float = page.evaluate("window.seen")
    page.close()
    return taken


def clicks(context: BrowserContext, path: Path) -> int:
    """Presses of a key or a button between choosing a photo and the message that it is saved."""
    page = context.new_page()
    page.goto("/avatar/")
    page.set_input_files("input[type=file]", path)
    page.locator("[data-part=stage]").wait_for()
    page.evaluate(
        """() => ["pointerdown", "keydown"].forEach((type) => addEventListener(type, () => {
          sessionStorage.presses = Number(sessionStorage.presses || 0) + 1;
        }, true))"""
    )
    save(page)
    presses = int(page.evaluate("sessionStorage.presses"))
    page.close()
    return presses


def crop_error(context: BrowserContext) -> tuple[float, int]:
    """The largest distance of an edge, in px of the rendition, and the number of crops."""
    from django.test.utils import override_settings

    from benchmarks.report import say
    from tests.browser import test_pixels
    from tests.browser.widget import Widget

    found = []
    with override_settings(AVATAR_KIT={"SIZES": (test_pixels.SIZE,), "FORMATS": ("png",)}):
        for make, changes in test_pixels.SOURCES.values():
            content = make()
            for change in changes:
                page = context.new_page()
                page.goto("/avatar/")
                widget = Widget(page)
                widget.choose(content)
                change(widget)
                widget.wait_until_prepared()
                shown = test_pixels.box_of(test_pixels.square_of(widget, "large"))
                save(page)
                image = test_pixels.rendition()
                cut = test_pixels.box_of(image)
                found.append(test_pixels.apart(shown, cut, image.width))
                say(f"{change.__name__}: {found[-1]:.2f} px")
                page.close()
    return max(found), len(found)


def main() -> int:
    import django

    django.setup()
    from benchmarks.report import say
    from benchmarks.uploads import photos

    def row(*cells: str) -> None:
        print(f"| {' | '.join(cells)} |", flush=True)

    row("measure", "at most", "measured")
    row("---", "---", "---")
    row("script and style, gzip -9", "12 KB", weight())
    with (
        tempfile.TemporaryDirectory() as name,
        site() as address,
        browser(address) as context,
    ):
        times = []
        for kind in ("skin", "detail"):
            say(f"Photo “{kind}” …")
            path = Path(name) / f"{kind}.jpg"
            path.write_bytes(photos.photo(kind))
            size = path.stat().st_size
            for turns, enlarged in TURNS.items():
                part = sent(context, path, turns)
                what = f"sent for “{kind}” ({size / 1e6:.1f} MB), {enlarged}"
                row(what, "10 %", f"{part / 1000:,.0f} KB, {100 * part / size:.1f} %")
            times.append(statistics.median(until_preview(context, path) for _ in range(ROUNDS)))
        measure = f"from choosing to the preview, {SLOWER}× slower"
        row(measure, "1,000 ms", f"{min(times):,.0f} to {max(times):,.0f} ms")
        row("presses after choosing", "2", str(clicks(context, path)))
    with site() as address, browser(address, density=2) as context:
        error, number = crop_error(context)
        row(f"preview against rendition, {number} crops", "1 px", f"{error:.2f} px")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
