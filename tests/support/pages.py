"""What tests of the pages send, and what they ask of a response and of the row behind it."""

from __future__ import annotations

import re
from typing import Any

from django.contrib.auth.models import User
from django.contrib.messages import get_messages
from django.test import RequestFactory

from django_avatar_kit.forms import AvatarForm

CHANGE = "/avatar/"
DELETE = "/avatar/delete/"


class Needed(AvatarForm):
    """A form in which no picture can be removed, so that the page has a link for that."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.required = field.widget.is_required = True


def stored(user: User) -> str:
    """What the column holds."""
    # Here, because the tests of contrib have no test app.
    from tests.testapp.models import Profile

    return Profile.objects.get(user=user).avatar.name or ""


def told(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def page(response: Any) -> str:
    """The page, without blank space and the token that is new each time."""
    text = re.sub(r"\s*\n\s*", "\n", response.content.decode())
    return re.sub(r'(csrfmiddlewaretoken" value=)"\w+"', r'\1"…"', text)


def widget(response: Any) -> str:
    """The HTML of the file input on the page; what is in it has tests of its own."""
    return re.sub(r"\s*\n\s*", "\n", str(response.context["form"]["avatar"]))


def assets(response: Any) -> str:
    """The style sheets and the script of the page, likewise."""
    return str(response.context["assets"])


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
