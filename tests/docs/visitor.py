"""A visitor of a site: opens pages, follows links, fills in forms. Real requests, no script."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.client import HTTPResponse
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode, urljoin
from urllib.request import HTTPCookieProcessor, ProxyHandler, Request, build_opener
from uuid import uuid4


@dataclass
class Form:
    """A form of a page, with what its fields hold before anybody types."""

    action: str
    values: dict[str, str] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)
    #: The name and value of each button by its text.
    buttons: dict[str, tuple[str, str] | None] = field(default_factory=dict)


class Page(HTMLParser):
    """Forms, links and pictures of an HTML page."""

    def __init__(self, url: str, html: str) -> None:
        super().__init__()
        self.url = url
        self.html = html
        self.forms: list[Form] = []
        self.links: dict[str, str] = {}
        self.pictures: list[dict[str, Any]] = []
        #: What the browser loads with it: pictures and style sheets.
        self.needed: list[str] = []
        #: The form, button or link that is open, and its text so far.
        self._form: Form | None = None
        self._open: tuple[str, dict[str, Any]] | None = None
        self._text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "img":
            self.pictures.append(values)
            self.needed.append(values["src"] or "")
        elif tag == "link" and values.get("rel") == "stylesheet":
            self.needed.append(values["href"] or "")
        elif tag == "form":
            self._form = Form(action=values.get("action") or "")
            self.forms.append(self._form)
        elif tag == "input" and self._form is not None:
            self._note_input(self._form, values)
        elif tag in {"a", "button"}:
            self._open, self._text = (tag, values), ""

    def _note_input(self, form: Form, values: dict[str, Any]) -> None:
        kind, name = values.get("type", "text"), values.get("name")
        if kind == "submit":
            form.buttons[values.get("value", "")] = (name, values["value"]) if name else None
        elif kind == "file":
            form.files.append(values["name"])
        elif name and (kind not in {"checkbox", "radio"} or "checked" in values):
            form.values[name] = values.get("value") or ""

    def handle_data(self, data: str) -> None:
        self._text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif self._open and tag == self._open[0]:
            text, values = " ".join(self._text.split()), self._open[1]
            if tag == "a":
                self.links[text] = values.get("href") or ""
            elif self._form is not None and values.get("type", "submit") == "submit":
                name = values.get("name")
                self._form.buttons[text] = (name, values.get("value") or "") if name else None
            self._open = None


class Visitor:
    """One person with a browser.

    Every answer but 200, after redirections, fails the test: of pages, and of the pictures and
    style sheets on them.
    """

    def __init__(self) -> None:
        self._opener = build_opener(ProxyHandler({}), HTTPCookieProcessor(CookieJar()))
        self.page: Page | None = None
        self._chosen: dict[str, Path] = {}
        self._ticked: dict[str, str] = {}

    def get(self, url: str) -> tuple[HTTPResponse, bytes]:
        """An answer and its body, such as a picture."""
        return self._ask(Request(url))  # noqa: S310

    def open(self, url: str) -> Page:
        return self._show(Request(url))  # noqa: S310

    def follow(self, text: str) -> Page:
        """Follow the link with this text."""
        page = self._here()
        assert text in page.links, f"No link “{text}” on {page.url}, but {list(page.links)}."
        return self.open(urljoin(page.url, page.links[text]))

    def choose(self, path: Path) -> None:
        """Choose a file in the only file input of the page."""
        names = [name for form in self._here().forms for name in form.files]
        assert len(names) == 1, f"{self._here().url} has {len(names)} file inputs."
        self._chosen = {names[0]: path}

    def tick(self, label: str) -> None:
        """Tick the checkbox with this label."""
        page = self._here()
        found = re.search(rf'<label for="([^"]+)">\s*{re.escape(label)}', page.html)
        assert found, f"No checkbox “{label}” on {page.url}."
        box = re.search(rf'<input type="checkbox" name="([^"]+)"[^>]*id="{found[1]}"', page.html)
        assert box, f"“{label}” on {page.url} is the label of something else."
        self._ticked = {box[1]: "on"}

    def press(self, text: str) -> Page:
        """Press the button with this text: sends its form with everything that was filled in."""
        page = self._here()
        for form in page.forms:
            if text in form.buttons:
                pressed = form.buttons[text]
                return self._send(form, dict([pressed]) if pressed else {})
        buttons = [name for form in page.forms for name in form.buttons]
        raise AssertionError(f"No button “{text}” on {page.url}, but {buttons}.")

    def log_in(self, username: str, password: str) -> Page:
        """Fill in and send the form that asks for a password."""
        for form in self._here().forms:
            if {"username", "password"} <= form.values.keys():
                return self._send(form, {"username": username, "password": password})
        raise AssertionError(f"{self._here().url} asks for no password.")

    def _here(self) -> Page:
        assert self.page is not None, "No page has been opened yet."
        return self.page

    def _send(self, form: Form, values: dict[str, str]) -> Page:
        here = self._here().url
        values = {**form.values, **self._ticked, **values}
        files = {name: self._chosen[name] for name in form.files if name in self._chosen}
        if form.files:
            kind, body = _multipart(values, files)
        else:
            kind, body = "application/x-www-form-urlencoded", urlencode(values).encode()
        headers = {"Content-Type": kind, "Referer": here}
        return self._show(Request(urljoin(here, form.action), body, headers))  # noqa: S310

    def _show(self, request: Request) -> Page:
        answer, body = self._ask(request)
        self._chosen, self._ticked = {}, {}
        self.page = page = Page(answer.url, body.decode())
        for url in page.needed:
            self.get(urljoin(page.url, url))
        return page

    def _ask(self, request: Request) -> tuple[HTTPResponse, bytes]:
        try:
            with self._opener.open(request, timeout=30) as answer:
                return answer, answer.read()
        except HTTPError as error:
            with error:
                text = error.read().decode(errors="replace")
            raise AssertionError(
                f"{request.get_method()} {request.full_url}: {error}\n{text[:2000]}"
            ) from None


def _multipart(values: dict[str, str], files: dict[str, Path]) -> tuple[str, bytes]:
    """The content type and the body of a form with files."""
    boundary = uuid4().hex
    parts = []
    for name, value in values.items():
        parts.append(f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}'.encode())
    for name, path in files.items():
        head = (
            f'Content-Disposition: form-data; name="{name}"; filename="{path.name}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        )
        parts.append(head.encode() + path.read_bytes())
    body = b"".join(b"--%s\r\n%s\r\n" % (boundary.encode(), part) for part in parts)
    return f"multipart/form-data; boundary={boundary}", body + f"--{boundary}--\r\n".encode()
