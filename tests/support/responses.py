"""What the tests of pages send, and how they read the answers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from django.contrib.messages import get_messages
from django.test import RequestFactory

ROOT = Path(__file__).resolve().parent.parent.parent
CHANGE = "/avatar/"
DELETE = "/avatar/delete/"


def page(response: Any) -> str:
    """The HTML without blank lines, with the CSRF token masked, and the widget left out."""
    text = re.sub(r"\s*\n\s*", "\n", response.content.decode())
    text = re.sub(
        "<avatar-input .*</avatar-input>", "<avatar-input>…</avatar-input>", text, flags=re.DOTALL
    )
    return re.sub(r'(csrfmiddlewaretoken" value=)"\w+"', r'\1"…"', text)


def told(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def errors(response: Any) -> list[tuple[str, str]]:
    """Code and message of each error of the avatar field."""
    assert response.status_code == 200
    return [
        (error.code, *error.messages)
        for error in response.context["form"].errors.as_data().get("avatar", [])
    ]


def send(view: Any, user: Any, method: str = "get", **data: Any) -> Any:
    """Call a view directly, without middleware."""
    request = getattr(RequestFactory(), method)("/team/picture/", data)
    request.user = user
    request._dont_enforce_csrf_checks = True
    response = view(request)
    return response.render() if hasattr(response, "render") else response
