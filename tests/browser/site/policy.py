"""The policy of Django's own middleware. Before Django 6.0, which brought it, the same header."""

from __future__ import annotations

import secrets
from typing import Any

import django
from django.conf import settings
from django.http import HttpRequest

#: As ``django.utils.csp.CSP.NONCE``: stands for the nonce of the request.
NONCE = "<CSP_NONCE_SENTINEL>"
NONCED = {
    "default-src": ["'none'"],
    # Neither 'self' nor a host: only what carries the nonce of this very page.
    "script-src": [NONCE],
    "style-src": [NONCE],
    "img-src": ["'self'", "blob:"],
    "connect-src": ["'self'"],
    "base-uri": ["'none'"],
}

if django.VERSION >= (6, 0):
    from django.middleware.csp import ContentSecurityPolicyMiddleware
    from django.utils.csp import CSP

    assert CSP.NONCE.value == NONCE

    class PolicyMiddleware(ContentSecurityPolicyMiddleware):
        pass

else:

    class PolicyMiddleware:  # type: ignore[no-redef]
        def __init__(self, get_response: Any) -> None:
            self.get_response = get_response

        def __call__(self, request: HttpRequest) -> Any:
            request._csp_nonce = secrets.token_urlsafe(16)
            response = self.get_response(request)
            if settings.SECURE_CSP:
                response["Content-Security-Policy"] = "; ".join(
                    f"{directive} {' '.join(sources)}"
                    for directive, sources in settings.SECURE_CSP.items()
                ).replace(NONCE, f"'nonce-{request._csp_nonce}'")
            return response


def nonce(request: HttpRequest) -> dict[str, Any]:
    """As ``django.template.context_processors.csp``."""
    return {"csp_nonce": getattr(request, "_csp_nonce", None)}
