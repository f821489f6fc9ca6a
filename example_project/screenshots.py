"""Take the screenshots in ``docs/screenshots/`` again: ``make screenshots``.

    python screenshots.py [FOLDER] [--only NAME …] [--chromium PATH]

Starts a demo with a database and a folder of its own, uses it as a reader would, and takes every
page at the size of a telephone and of a desktop, in light and in dark colours. Needs Chromium and
what ``pyproject.toml`` lists under ``browser`` and ``example``.

It fails where a page scrolls sideways, or where the browser complains: of an error in a script, of
a file that is missing, of anything that the Content-Security-Policy forbids.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from profiles import portraits

HERE = Path(__file__).resolve().parent
#: Width of the window, its height, and how much of a longer page to keep, in CSS px.
WINDOWS = ((375, 812, 1400), (1280, 800, 1500))
COLOURS = ("light", "dark")


def as_it_is(page: Page) -> None:
    """Nothing is done on the page."""


def choose(page: Page) -> None:
    """A photo was chosen, and waits to be moved and saved."""
    page.set_input_files(
        "input[type=file]",
        {"name": "garden.jpg", "mimeType": "image/jpeg", "buffer": photo(20)},
    )
    page.locator("[data-part=stage]").wait_for()


def choose_wrongly(page: Page) -> None:
    """What was chosen is no picture."""
    page.set_input_files(
        "input[type=file]",
        {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"Dear diary"},
    )
    page.locator("[data-part=error]:not(:empty)").wait_for()


def mistype(page: Page) -> None:
    """The password is wrong."""
    page.fill("[name=username]", "demo")
    page.fill("[name=password]", "wrong")
    submit(page, "main button[type=submit]")


@dataclass(frozen=True, kw_only=True)
class Shot:
    """A page to take, and what to do on it before."""

    #: Of the file.
    name: str
    address: str
    act: Callable[[Page], None] = as_it_is
    language: str = "en"
    #: Who looks: somebody who has logged in, or not.
    member: bool = True


SHOTS = (
    Shot(name="login", address="/accounts/login/", member=False),
    Shot(name="login-error", address="/accounts/login/", act=mistype, member=False),
    Shot(name="people", address="/"),
    Shot(name="people-arabic", address="/", language="ar"),
    Shot(name="person", address="/people/mei/"),
    Shot(name="teams", address="/teams/"),
    Shot(name="profile", address="/me/"),
    Shot(name="profile-russian", address="/me/", language="ru"),
    Shot(name="change", address="/avatar/?next=/me/"),
    Shot(name="change-crop", address="/avatar/?next=/me/", act=choose),
    Shot(name="change-error", address="/avatar/?next=/me/", act=choose_wrongly),
    Shot(name="remove", address="/avatar/delete/?next=/me/"),
    Shot(name="rounds", address="/rounds/"),
    Shot(name="storage", address="/storage/"),
    Shot(name="admin", address="/admin/profiles/profile/"),
)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, nargs="?", default=HERE.parent / "docs/screenshots")
    parser.add_argument("--only", nargs="+", choices=[shot.name for shot in SHOTS])
    parser.add_argument("--chromium", default=os.environ.get("AVATAR_KIT_CHROMIUM", "chromium"))
    options = parser.parse_args()
    shots = [shot for shot in SHOTS if not options.only or shot.name in options.only]
    options.folder.mkdir(parents=True, exist_ok=True)
    if not options.only:
        for old in options.folder.glob("*.png"):
            old.unlink()
    wrong: list[str] = []
    with demo() as base, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=which(options.chromium), args=["--no-sandbox", "--disable-gpu"]
        )
        with opened(browser, base, wrong) as page:
            log_in(page)
            use(page)
            state = page.context.storage_state()
        for width, height, longest in WINDOWS:
            for colours in COLOURS:
                settings = {
                    "viewport": {"width": width, "height": height},
                    "color_scheme": colours,
                    "reduced_motion": "reduce",
                }
                with (
                    opened(browser, base, wrong, **settings) as stranger,
                    opened(browser, base, wrong, storage_state=state, **settings) as member,
                ):
                    for shot in shots:
                        page = member if shot.member else stranger
                        path = options.folder / f"{shot.name}-{width}-{colours}.png"
                        before = len(wrong)
                        take(page, shot, path, longest, wrong)
                        wrong[before:] = [f"{path.name}: {line}" for line in wrong[before:]]
        browser.close()
    for line in wrong:
        sys.stderr.write(f"{line}\n")
    return 1 if wrong else 0


def take(page: Page, shot: Shot, path: Path, longest: int, wrong: list[str]) -> None:
    """One file; ``wrong`` gets what is wrong with the page."""
    page.set_extra_http_headers({"Accept-Language": shot.language})
    page.goto(shot.address)
    shot.act(page)
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        wrong.append("scrolls sideways")
    save(page, path, longest)


@contextmanager
def opened(browser: Browser, base: str, wrong: list[str], **settings: object) -> Iterator[Page]:
    """A page of a new visitor; ``wrong`` gets what the browser complains of."""

    def listen(message: ConsoleMessage) -> None:
        # Pages of the admin name no icon, so that the browser looks for one there.
        icon = message.location.get("url", "").endswith("/favicon.ico")
        if message.type in {"error", "warning"} and not icon:
            wrong.append(message.text)

    context = browser.new_context(base_url=base, **settings)
    page = context.new_page()
    page.on("console", listen)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    try:
        yield page
    finally:
        context.close()


@contextmanager
def demo() -> Iterator[str]:
    """Serve a new demo; gives its address."""
    with socket.socket() as free, TemporaryDirectory(prefix="avatar-kit-shots-") as folder:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        environment = {
            **{name: value for name, value in os.environ.items() if name != "STORAGE"},
            "DJANGO_DB": f"sqlite:///{folder}/db.sqlite3",
            "DJANGO_MEDIA_ROOT": f"{folder}/media",
        }
        command = [sys.executable, "manage.py", "demo", "--noreload", "--port", str(port)]
        process = subprocess.Popen(  # noqa: S603 - nothing of it comes from elsewhere
            command,
            cwd=HERE,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_for(port, process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait()


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    """Until the server answers. Ends the program where it does not."""
    for _ in range(600):
        with socket.socket() as connection:
            if connection.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None:
            break
        time.sleep(0.1)
    sys.exit("The demo did not start. Run “python manage.py demo” to see why.")


def which(name: str) -> str:
    return shutil.which(name) or sys.exit(
        f"There is no browser “{name}” here. Name one: --chromium PATH"
    )


def photo(seed: int) -> bytes:
    return portraits.encode(portraits.draw(seed, "landscape"))


def log_in(page: Page) -> None:
    page.goto("/accounts/login/")
    page.fill("[name=username]", "demo")
    page.fill("[name=password]", "demo")
    submit(page, "main button[type=submit]")


def use(page: Page) -> None:
    """What a reader would do first."""
    page.goto("/avatar/?next=/me/")
    page.set_input_files(
        "input[type=file]", {"name": "me.jpg", "mimeType": "image/jpeg", "buffer": photo(46)}
    )
    submit(page, "form.avatar-kit-form button[type=submit]")
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
    path.write_bytes(min(png(image), png(with_few_colours(image)), key=len))


def with_few_colours(image: Image.Image) -> Image.Image:
    """The same at a glance, with 256 colours: the areas keep theirs, faces share the others."""
    counts = sorted(image.getcolors(image.width * image.height) or (), reverse=True)
    exact = [colour for _, colour in counts[:96]]
    rest = image.quantize(256 - len(exact)).getpalette() or []
    palette = Image.new("P", (1, 1))
    palette.putpalette([*(part for colour in exact for part in colour), *rest][: 256 * 3])
    return image.quantize(palette=palette)


def png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()


if __name__ == "__main__":
    raise SystemExit(main())
