"""What tests of the pages ask of a response, and of the row behind it."""

from __future__ import annotations

import re
from typing import Any

from django.contrib.auth.models import User
from django.contrib.messages import get_messages

from tests.testapp.models import Profile

CHANGE = "/avatar/"
DELETE = "/avatar/delete/"
ACCEPT = 'accept="image/jpeg,image/png,image/webp,image/gif,image/avif"'


def stored(user: User) -> str:
    """What the column holds."""
    return Profile.objects.get(user=user).avatar.name or ""


def told(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def page(response: Any) -> str:
    """The page, without blank space and the token that is new each time."""
    text = re.sub(r"\s*\n\s*", "\n", response.content.decode())
    return re.sub(r'(csrfmiddlewaretoken" value=)"\w+"', r'\1"…"', text)
