"""Take the screenshots in ``docs/screenshots/``; fails where a page scrolls sideways.

    python manage.py demo            # in another terminal, with a fresh database
    pip install playwright
    python screenshots.py ../docs/screenshots --chromium /usr/bin/chromium

It uploads a picture to the demo account, and sends two through the rounds.
"""

from __future__ import annotations

import argparse
import io
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from profiles import portraits

#: Name of the file and address.
PAGES = (
    ("people", "/"),
    ("profile", "/me/"),
    ("change", "/avatar/?next=/me/"),
    ("delete", "/avatar/delete/?next=/me/"),
    ("storage", "/storage/"),
    ("rounds", "/rounds/"),
)
#: Width of the window, its height, and how much of a longer page to keep, in CSS px.
WINDOWS = ((375, 812, 1624), (1280, 800, 2400))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--chromium", default="/usr/bin/chromium", help="path of the browser")
    parser.add_argument("--base", default="http://127.0.0.1:8000", help="where the demo serves")
    parser.add_argument("--dark", action="store_true", help="in the dark colours")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    wide: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=options.chromium, args=["--no-sandbox"]
        )
        used = False
        for width, height, longest in WINDOWS:
            page = browser.new_page(
                base_url=options.base,
                viewport={"width": width, "height": height},
                color_scheme="dark" if options.dark else "light",
            )

            def shoot(name: str, address: str) -> None:
                page.goto(address)  # noqa: B023
                if page.evaluate("document.documentElement.scrollWidth") > width:  # noqa: B023
                    wide.append(f"{address} at {width} px")  # noqa: B023
                suffix = "-dark" if options.dark else ""
                save(page, options.folder / f"{name}-{width}{suffix}.png", longest)  # noqa: B023

            shoot("login", "/accounts/login/")
            log_in(page)
            if not used:
                use(page)
                used = True
            for name, address in PAGES:
                shoot(name, address)
            page.close()
        browser.close()
    for where in wide:
        sys.stderr.write(f"scrolls sideways: {where}\n")
    return 1 if wide else 0


def log_in(page: Page) -> None:
    page.fill("[name=username]", "demo")
    page.fill("[name=password]", "demo")
    submit(page, "main button[type=submit]")


def use(page: Page) -> None:
    """What a reader would do first."""
    picture = portraits.encode(portraits.draw(46, "landscape"))
    page.goto("/avatar/")
    page.set_input_files(
        "input[type=file]", {"name": "me.jpg", "mimeType": "image/jpeg", "buffer": picture}
    )
    submit(page, "main button[type=submit]")
    page.goto("/rounds/")
    submit(page, "[name=draw]")
    submit(page, "[name=draw]")


def submit(page: Page, button: str) -> None:
    # The next page may have the same address: only the navigation tells that it is there.
    with page.expect_navigation():
        page.click(button)


def save(page: Page, path: Path, longest: int) -> None:
    """A screenshot of the whole page, cut off at ``longest`` px."""
    page.wait_for_load_state("networkidle")
    # A lazy picture is only loaded once it has come near the window.
    page.evaluate("document.querySelectorAll('img').forEach(img => img.loading = 'eager')")
    page.wait_for_load_state("networkidle")
    with Image.open(io.BytesIO(page.screenshot(full_page=True))) as shot:
        image = shot.convert("RGB").crop((0, 0, shot.width, min(shot.height, longest)))
    # 256 dithered colours look the same at a glance and weigh less where there are faces.
    few = image.quantize(palette=image.quantize(256))
    path.write_bytes(min(png(image), png(few), key=len))


def png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()


if __name__ == "__main__":
    raise SystemExit(main())
