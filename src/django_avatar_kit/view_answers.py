"""What the views answer with: a page, a part of one for htmx, or JSON.

All that a request can ask for is read here, and all that is no page is made here.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.conf import global_settings, settings
from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.middleware.csrf import CsrfViewMiddleware
from django.utils.cache import patch_vary_headers
from django.utils.decorators import method_decorator
from django.utils.http import escape_leading_slashes, url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt, requires_csrf_token
from django.views.generic import View

from .rendering import avatar_url, get_face, has_avatar

if TYPE_CHECKING:
    from .fields import AvatarFieldFile

#: The headers that the kind of an answer depends on.
VARY = (
    "Accept",
    "HX-Request",
    "HX-Request-Type",
    "HX-Boosted",
    "HX-History-Restore-Request",
)
#: Bytes of the ``HX-Trigger`` header. Common proxies take 4 KB for all headers of an answer
#: (nginx: ``proxy_buffer_size``), and a bucket's URLs may have a signature of a kilobyte each.
MAX_TRIGGER = 2_000
#: Left out of the header in this order, until it fits.
DISPENSABLE = ("urls", "html", "animated", "srcset")


def wants_json(request: HttpRequest) -> bool:
    """Whether the client would rather have JSON; whoever takes anything gets a page."""
    try:
        wanted = request.get_preferred_type(["text/html", "application/json"])
    except ValueError:
        # Django cannot read the header: a parameter in a charset that there is not, or too many.
        return False
    return wanted == "application/json"


def wants_part(request: HttpRequest) -> bool:
    """Whether htmx asks for a part of a page. For a link that it boosts it takes the whole.

    htmx 4 says so in ``HX-Request-Type``; htmx 1 and 2 do not have that header.
    """
    headers = request.headers
    if headers.get("HX-Boosted") or headers.get("HX-History-Restore-Request"):
        return False
    return headers.get("HX-Request") == "true" and headers.get("HX-Request-Type") != "full"


def avatar_data(avatar: AvatarFieldFile) -> dict[str, Any]:
    """An avatar for a script: what it needs to put it into the page; a fallback's, if none.

    ``urls`` has every size of the field, in px, whatever sizes this one avatar has.
    """
    face = get_face(avatar)
    return {
        "has_avatar": has_avatar(avatar),
        "src": face.src,
        "srcset": face.srcset,
        **({"animated": face.animated} if face.animated else {}),
        "alt": face.alt,
        "color": face.color,
        "html": face.html,
        "urls": {str(size): avatar_url(avatar, size) for size in avatar.field.spec.sizes},
    }


def trigger(data: dict[str, Any]) -> str:
    """The ``HX-Trigger`` header of a changed avatar, short enough for the proxies on its way.

    The event is one of ``<body>``: htmx 4 tells the form by default, which has been swapped out.
    """
    left = {**data, "target": "body"}
    for name in DISPENSABLE:
        if len(text := json.dumps({"avatar-changed": left})) <= MAX_TRIGGER:
            return text
        left.pop(name, None)
    return json.dumps({"avatar-changed": left})


def json_error(message: Any, code: str, status: int, **more: Any) -> JsonResponse:
    """An error that is not about a field of the form."""
    errors = {"__all__": [{"message": str(message), "code": code}]}
    return JsonResponse({"ok": False, "errors": errors, **more}, status=status)


# The page needs a token even where the site has no middleware for it. The check itself is in
# dispatch(), so that it is the view which answers to a request that fails.
@method_decorator([never_cache, csrf_exempt, requires_csrf_token], name="dispatch")
class AnswerMixin(LoginRequiredMixin, View):
    """Who asks for what, and the answers to those who may not."""

    if TYPE_CHECKING:

        def show(self, notice: Any, kind: str, status: int = 200) -> HttpResponse:
            """The page, or its part for htmx, as it is now, with a message of that kind."""

        def get_avatar(self) -> AvatarFieldFile:
            """The field file that the view is about."""

    #: Without PUT, PATCH and DELETE, so that POST is the only way to change anything.
    http_method_names = ["get", "post", "head", "options"]
    #: Shown to those who were logged out before they sent the form.
    logged_out_message = _(
        "You are not logged in any more, so nothing has been saved. "
        "Please log in and send it once more."
    )
    #: Shown to a script that asks before anybody has logged in.
    login_message = _("Please log in first.")
    #: Shown to those whose form is older than their login, or does not come from this site.
    csrf_message = _(
        "This page was open for too long, or you have logged in again since. Nothing has been "
        "saved; please send it once more."
    )
    #: What JSON says with 403.
    permission_message = _("You may not change this picture.")
    #: What JSON says with 404.
    missing_message = _("There is nothing here that has a picture.")
    #: What GET shows above the form, and its kind.
    _notice: tuple[Any, str] = ("", "")

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        check = CsrfViewMiddleware(HttpResponse)
        refused = check.process_view(request, None, args, kwargs)  # type: ignore[arg-type]
        try:
            if refused is None:
                response = super().dispatch(request, *args, **kwargs)
            else:
                answer = self.csrf_failed(refused)
                response = answer or self._page_again(request, *args, **kwargs)
        except (Http404, PermissionDenied) as error:
            if not wants_json(request):
                raise
            if isinstance(error, Http404):
                response = json_error(self.missing_message, "not_found", 404)
            else:
                response = self._denied()
        patch_vary_headers(response, VARY)
        return response

    def csrf_failed(self, refused: HttpResponse) -> HttpResponse | None:
        """The answer to a request that may come from another site. ``refused`` is Django's.

        None for the page again, which people get unless the site has a page of its own for this.
        """
        request = self.request
        if not request.user.is_authenticated:
            # The token of a session that ended, with CSRF_USE_SESSIONS.
            return self.handle_no_permission()
        if wants_json(request):
            return json_error(self.csrf_message, "csrf", 403)
        own_page = settings.CSRF_FAILURE_VIEW != global_settings.CSRF_FAILURE_VIEW
        return refused if own_page or "get" not in self.http_method_names else None

    def _page_again(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """What GET answers, with a notice: whoever may not see the page does not see it now."""
        method, request.method = request.method, "GET"
        self._notice = (self.csrf_message, "error")
        try:
            response: Any = super().dispatch(request, *args, **kwargs)
        finally:
            request.method = method
        if response.status_code == 200 and not wants_part(request):
            response.status_code = 403
        return response  # type: ignore[no-any-return]

    def handle_no_permission(self) -> HttpResponseRedirect:
        """The way to the login. Raises ``PermissionDenied`` where that would not help."""
        request = self.request
        try:
            response: Any = super().handle_no_permission()
        except PermissionDenied:
            if not wants_json(request):
                raise
            # Not left to dispatch(): a mixin on the left asks before that.
            return self._denied()  # type: ignore[return-value]
        login_url = response["Location"]
        lost = request.method == "POST"
        if wants_json(request):
            message = self.logged_out_message if lost else self.login_message
            return json_error(  # type: ignore[return-value]
                message, "login_required", 401, login_url=login_url
            )
        if lost:
            messages.warning(request, self.logged_out_message, fail_silently=True)
        if wants_part(request):
            # htmx would follow a redirect, and put the login page into the place of the form.
            response = HttpResponse(headers={"HX-Redirect": self._back_from_login(login_url)})
        return response  # type: ignore[no-any-return]

    def _denied(self) -> JsonResponse:
        return json_error(self.permission_message, "permission_denied", 403)

    def done(self, message: Any, level: int = messages.SUCCESS, url: str = "") -> HttpResponse:
        """The answer to a request that was carried out; ``url`` is where a page goes next."""
        request = self.request
        if wants_json(request):
            if "Avatar-Kit-Navigate" in request.headers:
                # A script goes to the URL, where the message is read.
                messages.add_message(request, level, message, fail_silently=True)
            return self.json_answer(message, url)
        if wants_part(request):
            response = self.show(message, messages.DEFAULT_TAGS[level])
            response["HX-Trigger"] = trigger(avatar_data(self.get_shown_avatar()))
            return response
        messages.add_message(request, level, message, fail_silently=True)
        return HttpResponseRedirect(url)

    def get_shown_avatar(self) -> AvatarFieldFile:
        """What a page shows elsewhere, in its header, and has to change there."""
        return self.get_avatar()

    def json_answer(self, message: Any, url: str) -> JsonResponse:
        """The avatar as it is now."""
        avatar = avatar_data(self.get_shown_avatar())
        return JsonResponse({"ok": True, "message": str(message), "url": url, "avatar": avatar})

    def _back_from_login(self, login_url: str) -> str:
        """The login page that leads back to the page which asked, not to the part of it."""
        request = self.request
        url = request.headers.get("HX-Current-URL", "")
        if not url_has_allowed_host_and_scheme(url, request.get_host(), request.is_secure()):
            return login_url
        page = escape_leading_slashes(urlsplit(url)._replace(scheme="", netloc="").geturl())
        name = self.get_redirect_field_name()
        return redirect_to_login(page, self.get_login_url(), name).url
