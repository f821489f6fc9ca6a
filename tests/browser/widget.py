"""One widget of a page, as a person sees and uses it."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playwright.sync_api import Locator, Page, expect

from tests.browser.pictures import chosen

if TYPE_CHECKING:
    from collections.abc import Sequence

DROP = ("dragEnter", "dragOver", "drop")


class Widget:
    def __init__(self, page: Page, root: Locator | None = None) -> None:
        self.page = page
        self.root = page.locator("avatar-input") if root is None else root
        self.input = self.root.locator("input[type=file]")

    def part(self, name: str) -> Locator:
        return self.root.locator(f"[data-part={name}]")

    def action(self, name: str) -> Locator:
        return self.root.locator(f"[data-action={name}]")

    # --- choosing ---

    def choose(self, content: bytes | None = None, name: str = "me.jpg", **file: Any) -> None:
        """Choose a file of the machine, and wait until its preview is there."""
        self.input.set_input_files(chosen(name, content, **file))
        expect(self.part("stage")).to_be_visible()
        self.wait_until_shown()

    def drop(self, *paths: Path) -> None:
        """Drop files from the desktop onto the widget."""
        box = self.box(self.root)
        session = self.page.context.new_cdp_session(self.page)
        data = {"items": [], "files": list(map(str, paths)), "dragOperationsMask": 1}
        place = {"x": box["x"] + box["width"] / 2, "y": box["y"] + 20}
        for kind in DROP:
            session.send("Input.dispatchDragEvent", {"type": kind, "data": data, **place})
        session.detach()

    def paste(self, content: bytes) -> None:
        """Copy a picture (PNG) elsewhere, and paste it here."""
        self.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        self.page.evaluate(
            """async (text) => {
              const bytes = Uint8Array.from(atob(text), (each) => each.charCodeAt(0));
              const blob = new Blob([bytes], {type: "image/png"});
              await navigator.clipboard.write([new ClipboardItem({"image/png": blob})]);
            }""",
            base64.b64encode(content).decode(),
        )
        self.page.keyboard.press("Control+V")

    def wait_until_shown(self) -> None:
        """The large picture is decoded and laid out."""
        self.part("large").evaluate("(image) => image.decode?.()")

    def wait_until_prepared(self) -> None:
        """The smaller copy, if there is to be one, is in the input."""
        # Not by its promise: another change puts another piece of work into its place.
        self.root.evaluate(
            """async (widget) => {
              while (widget.work) await new Promise((resolve) => setTimeout(resolve, 50));
            }"""
        )

    # --- what is seen ---

    @property
    def says(self) -> str:
        return self.part("status").inner_text().strip()

    @property
    def error(self) -> str:
        return self.part("error").inner_text().strip()

    @property
    def crop(self) -> tuple[int, ...]:
        """x, y, width, height of the box; width and height of the picture that is sent."""
        text = self.part("crop").input_value()
        return tuple(map(int, text.split(",")[:6])) if text else ()

    def file_size(self) -> int:
        size: int = self.input.evaluate("(input) => input.files[0]?.size ?? 0")
        return size

    def box(self, locator: Locator | None = None) -> Any:
        locator = self.part("stage") if locator is None else locator
        locator.scroll_into_view_if_needed()
        return locator.bounding_box()

    def edges(self) -> tuple[float, ...]:
        """Px that the picture reaches beyond the left, top, right and bottom of its stage."""
        return tuple(
            self.part("large").evaluate(
                """(image) => {
                  const inner = image.getBoundingClientRect();
                  const stage = image.parentElement;
                  const outer = stage.getBoundingClientRect();
                  const [left, top] = [outer.left + stage.clientLeft, outer.top + stage.clientTop];
                  return [left - inner.left, top - inner.top,
                    inner.right - left - stage.clientWidth,
                    inner.bottom - top - stage.clientHeight];
                }"""
            )
        )

    @property
    def width(self) -> float:
        """Px of the picture as it is shown on the stage."""
        image = self.part("large")
        width: float = image.evaluate("(image) => image.getBoundingClientRect().width")
        return width

    # --- gestures ---

    def center(self, locator: Locator | None = None) -> tuple[float, float]:
        box = self.box(locator)
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def drag(self, across: float, down: float) -> None:
        x, y = self.center()
        mouse = self.page.mouse
        mouse.move(x, y)
        mouse.down()
        mouse.move(x + across, y + down, steps=6)
        mouse.up()

    def wheel(self, delta: float, times: int = 1) -> None:
        self.page.mouse.move(*self.center())
        for _ in range(times):
            self.page.mouse.wheel(0, delta)

    def touch(self, *frames: Sequence[tuple[float, float]]) -> None:
        """Fingers at these places, relative to the middle of the stage, from frame to frame."""
        x, y = self.center()
        session = self.page.context.new_cdp_session(self.page)
        for number, frame in enumerate(frames):
            places = enumerate(frame)
            points = [{"x": x + dx, "y": y + dy, "id": finger} for finger, (dx, dy) in places]
            kind = "touchMove" if number else "touchStart"
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        session.detach()
