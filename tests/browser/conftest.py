"""Chromium, driven as a person drives it, against the server of pytest-django.

One browser for all tests, and a fresh profile for each. Whatever the browser complains of fails
the test: an error in its console, a violation of the policy, an exception in a script, a request
to another site.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings as live_settings
from django.contrib.auth.models import User
from django.test import Client

from django_avatar_kit.test import make_upload

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request

    from tests.testapp.models import Profile

SETTINGS = "tests.browser.settings"
#: Debian's name first. Another path can be named in AVATAR_KIT_CHROMIUM.
NAMES = ("chromium", "chromium-browser", "google-chrome")
SCREENS: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1280, "height": 800}},
    "phone": {
        "viewport": {"width": 375, "height": 812},
        "has_touch": True,
        "is_mobile": True,
    },
}
#: Without what Chromium asks of its maker's servers by itself.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-sync",
    "--no-first-run",
)
#: Milliseconds that a page is waited for. Only a test that fails waits so long. Where several
#: environments share a machine, a large photo takes some seconds.
PATIENCE = 20_000
REPORT_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy: ${event.violatedDirective} refused ${event.blockedURI}`));
"""


def find_browser() -> str | None:
    named = os.environ.get("AVATAR_KIT_CHROMIUM")
    return named or next(filter(None, map(shutil.which, NAMES)), None)


# With the settings of the other tests, the site of these has no tables.
collect_ignore_glob = [] if live_settings.SETTINGS_MODULE == SETTINGS else ["test_*.py"]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed.")
    path = find_browser()
    if path is None:
        pytest.skip("No Chromium was found: no tests in a browser.")
    # Playwright's event loop runs in this thread, and Django would refuse to ask its database.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    playwright.expect.set_options(timeout=PATIENCE)
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@dataclass
class Complaints:
    """What the browser complained of. A test names beforehand what it provokes."""

    origin: str
    found: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def expect(self, pattern: str) -> None:
        """A regular expression for errors that belong to the story of this test."""
        self.expected.append(pattern)

    def unexpected(self) -> list[str]:
        return [
            each
            for each in self.found
            if not any(re.search(pattern, each) for pattern in self.expected)
        ]

    def watch(self, context: BrowserContext) -> None:
        context.on("console", self._console)
        context.on("weberror", lambda error: self.found.append(f"exception: {error.error}"))
        context.on("request", self._request)
        context.add_init_script(REPORT_VIOLATIONS)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            where = message.location.get("url", "")
            self.found.append(f"{message.type}: {message.text} ({where})")

    def _request(self, request: Request) -> None:
        if not request.url.startswith((self.origin, "blob:" + self.origin)):
            self.found.append(f"request to another site: {request.url[:80]}")


@pytest.fixture
def complaints(live_server: Any) -> Iterator[Complaints]:
    """Fails the test where the browser complained of something that it had not expected."""
    complaints = Complaints(live_server.url)
    yield complaints
    assert complaints.unexpected() == []


@pytest.fixture
def open_context(
    browser: Browser, live_server: Any, complaints: Complaints
) -> Iterator[Callable[..., BrowserContext]]:
    """Another profile of the browser: ``open_context("phone", color_scheme="dark")``."""
    opened: list[BrowserContext] = []

    def open_one(screen: str = "desktop", **options: Any) -> BrowserContext:
        context = browser.new_context(
            base_url=live_server.url, reduced_motion="reduce", **{**SCREENS[screen], **options}
        )
        context.set_default_timeout(PATIENCE)
        # From the start: a first chooser that nobody waits for yet would open for real.
        context.on("page", lambda page: page.on("filechooser", lambda _chooser: None))
        complaints.watch(context)
        opened.append(context)
        return context

    yield open_one
    for context in opened:
        context.close()


@pytest.fixture(params=list(SCREENS))
def screen(request: pytest.FixtureRequest) -> str:
    """Both sizes. A test that is about one of them parametrizes the other away."""
    name: str = request.param
    return name


@pytest.fixture
def user(transactional_db: None) -> User:
    return User.objects.create(username="ada", first_name="Ada", last_name="Lovelace")


@pytest.fixture
def profile(user: User) -> Profile:
    """Without a picture."""
    from tests.testapp.models import Profile

    return Profile.objects.create(user=user, bio="countess")


@pytest.fixture
def pictured(user: User) -> Profile:
    """With a picture."""
    from tests.testapp.models import Profile

    Profile.objects.create(user=user, bio="countess", avatar=make_upload(color="teal"))
    return Profile.objects.get(user=user)


@pytest.fixture
def sign_in(live_server: Any) -> Callable[[BrowserContext, User], None]:
    def sign_in(context: BrowserContext, user: User) -> None:
        client = Client()
        client.force_login(user)
        name = live_settings.SESSION_COOKIE_NAME
        context.add_cookies(
            [{"name": name, "value": client.cookies[name].value, "url": live_server.url}]
        )

    return sign_in


@pytest.fixture
def page(
    open_context: Callable[..., BrowserContext],
    sign_in: Callable[[BrowserContext, User], None],
    user: User,
    screen: str,
) -> Page:
    """A page of the signed-in user."""
    context = open_context(screen)
    sign_in(context, user)
    return context.new_page()
