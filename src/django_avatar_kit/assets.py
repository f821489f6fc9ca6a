"""The kit's style sheets and script in a page, under a Content-Security-Policy with a nonce too.

Django's ``{{ form.media }}`` knows no request, so that a policy which asks for a nonce blocks what
it links to.
"""

from __future__ import annotations

import re
from typing import Any

from django.forms import Media
from django.utils.html import format_html
from django.utils.safestring import SafeString

from .widgets import AvatarInput

__all__ = ["avatar_media"]

#: The looks of the kit's own pages.
PAGES = Media(css={"all": ["avatar_kit/pages.css"]})

_START = re.compile(r"\A\s*<(?:script|link|style)(?=[\s/>])(?![^>]*\snonce=)", re.IGNORECASE)


def avatar_media(source: Any = None, request: Any = None) -> SafeString:
    """The ``<link>`` and ``<script>`` elements of ``source``, with the nonce of the request.

    ``source`` is whatever has a ``media`` (a form, a formset, a widget, an admin), or a ``Media``
    itself; without one, all that the kit's own pages need. ``request`` may also be the nonce, as a
    text. Without a nonce the elements are those of ``{{ form.media }}``.

    Raises ``TypeError`` for a source without media.
    """
    if source is None or source == "":
        source = PAGES + AvatarInput().media
    media = getattr(source, "media", source)
    if not isinstance(media, Media):
        raise TypeError(
            f"avatar_media takes a form, a formset, a widget or a Media, not {source!r}."
        )
    elements: Any = [*media.render_css(), *media.render_js()]
    # Only asked for where there is an element: Django puts a nonce that was asked for into the
    # header, and a page without elements needs none.
    nonce = nonce_of(request) if elements else ""
    if nonce:
        attribute = format_html(' nonce="{}"', nonce)
        elements = [_START.sub(lambda m: m[0] + attribute, each, count=1) for each in elements]
    return SafeString("\n".join(map(str, elements)))


def nonce_of(request: Any) -> str:
    """The nonce of Django's (6.0 and later) or django-csp's middleware; "" where there is none.

    A text is a nonce already.
    """
    for name in ("csp_nonce", "_csp_nonce"):
        request = getattr(request, name, request)
    return request if isinstance(request, str) else ""
