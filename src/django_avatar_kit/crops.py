"""The part of a picture that a browser says was chosen: one hidden field of the form, checked.

Its text is ``x,y,width,height,W,H``: a box in px of the upright picture, and the size of that
picture. For a stored master, the token of the avatar follows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django.core.files.base import File

    from .names import Box, Name

#: Attribute of an upload with the text that was sent for it.
TEXT = "avatar_crop_text"

# Whole numbers only, so that neither a sign nor NaN nor an exponent has to be judged. No picture
# has a side of more than nine digits.
_TEXT = re.compile(r"([0-9]{1,9}(?:,[0-9]{1,9}){5})(?:,([0-9a-f]{32}))?")


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A part that was chosen."""

    box: Box
    """x, y, width and height in px of the picture."""
    size: tuple[int, int]
    """Width and height in px of the picture that the browser showed."""
    token: str
    """Of the avatar whose master was cropped anew; "" for an upload."""

    @classmethod
    def parse(cls, text: str) -> Choice | None:
        """None for a text that no widget sends."""
        match = _TEXT.fullmatch(text)
        if match is None:
            return None
        x, y, width, height, *size = map(int, match[1].split(","))
        return cls(box=(x, y, width, height), size=(size[0], size[1]), token=match[2] or "")

    def is_of(self, name: Name) -> bool:
        """Whether it was chosen on the master of this avatar."""
        return self.token == name.token


@dataclass(kw_only=True)
class Recrop:
    """What the form gets if no picture was sent, and a part of the present one."""

    text: str
    #: The field file of the present avatar, where the form is shown again.
    initial: Any = None

    def __str__(self) -> str:
        # What an input of Django's prints.
        return str(self.initial or "")

    def text_again(self) -> str:
        """The text for the form that is shown again; "" if it is about another avatar by now."""
        choice, name = Choice.parse(self.text), getattr(self.initial, "avatar_name", None)
        return self.text if choice and name and choice.is_of(name) else ""


def text_of(upload: File[Any]) -> str:
    """The text that was sent with an upload; "" for the automatic square."""
    return getattr(upload, TEXT, "")
