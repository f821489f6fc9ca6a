"""A picture at a URL, fetched within bounds, so that nobody can aim the server at its own network.

The host's addresses are checked, and the connection goes to one of those that were: a name that
has another address a moment later makes no difference. A redirect begins anew. Everything ends at
one deadline. What the bytes are is judged as for any upload.
"""

# ruff: noqa: N818 - as in exceptions

from __future__ import annotations

import http.client
import io
import posixpath
import socket
import ssl
from contextlib import closing
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from django.core.files.base import ContentFile
from django.utils.encoding import iri_to_uri
from django.utils.translation import gettext_lazy as _

from .conf import get_config
from .exceptions import AvatarError, UploadTooLarge
from .sockets import BLOCK, Deadline, Wire, connected, interrupts, is_public, resolved
from .wording import url_text

#: Bytes that an answer may have beside the picture: headers, and the lines between chunks.
ENVELOPE = 1 << 20
PORTS = {"https": 443, "http": 80}
REDIRECTS = frozenset({301, 302, 303, 307, 308})
HEADERS = {
    "Accept": "image/*",
    # Nothing is unpacked here. An answer that is packed all the same is no picture.
    "Accept-Encoding": "identity",
    "Connection": "close",
    # Some servers refuse a client without a name.
    "User-Agent": "django-avatar-kit",
}


class DownloadError(AvatarError):
    """The picture at a URL could not be fetched. Nothing was written, and the old avatar stays.

    ``url`` is that of the request that failed, which a redirect may have led to. Its query, which
    may hold a token, is left out of ``params``.
    """

    code = "download"
    # Translators: the reason is part of a sentence, in English.
    message = _("“%(url)s” could not be downloaded: %(reason)s.")

    def __init__(self, *, url: str, reason: object) -> None:
        super().__init__(url=url_text(url), reason=str(reason).rstrip("."))


class DownloadRefused(DownloadError):
    """The URL, or the address that its host has, is one that the rules do not allow."""

    code = "download_refused"


class DownloadTimeout(DownloadError):
    """The picture had not arrived in full when the time was over. ``limit`` is seconds."""

    code = "download_timeout"

    def __init__(self, *, url: str, limit: float) -> None:
        super().__init__(
            url=url, reason=f"it did not arrive in full within {limit:g} s, the time that it has"
        )
        self.params["limit"] = limit


@dataclass(frozen=True, kw_only=True)
class DownloadRules:
    """What is fetched, and for how long."""

    timeout: float = 10.0
    """Seconds for everything: host names, connections, redirects and the file."""
    max_redirects: int = 3
    """How many redirects are followed."""
    schemes: tuple[str, ...] = ("https",)
    """May contain "http": whoever is on the way can then change the picture."""
    ports: tuple[int, ...] | None = (443, 80)
    """The ports that may be asked; None for any. Other services than web servers have others."""
    allow_private: bool = False
    """Whether this machine and its network may be asked, for a server of the site's own. Not for
    URLs that users give: they could fetch what only the server can reach."""
    ssl_context: ssl.SSLContext | None = None
    """None for the certificate authorities that Python trusts."""


#: https only, from the internet, in ten seconds.
DEFAULT_RULES = DownloadRules()


def download(url: str, rules: DownloadRules = DEFAULT_RULES) -> ContentFile[bytes]:
    """The file at ``url``, named after the last part of its path.

    It is asked for without cookies and credentials, and not through proxies of the environment.
    Raises :class:`DownloadRefused` for what the rules do not allow,
    ``DownloadTimeout``, ``DownloadError`` for whatever else fails, and ``UploadTooLarge`` for more
    than ``MAX_UPLOAD_SIZE`` bytes.
    """
    deadline = Deadline(rules.timeout)
    for _hop in range(rules.max_redirects + 1):
        try:
            found = _ask(url, rules, deadline)
        except (OSError, http.client.HTTPException, ValueError) as error:
            if deadline.is_over:
                raise DownloadTimeout(url=url, limit=rules.timeout) from error
            if interrupts(error, deadline):
                raise
            raise DownloadError(url=url, reason=_reason(error)) from error
        if isinstance(found, ContentFile):
            return found
        url = found
    raise DownloadRefused(
        url=url,
        reason=f"it comes after {rules.max_redirects} redirects, and no more are followed",
    )


def _ask(url: str, rules: DownloadRules, deadline: Deadline) -> ContentFile[bytes] | str:
    """The file, or the URL that the server redirects to."""
    parts = _checked(url, rules)
    host, port = str(parts.hostname), _port(parts)
    addresses = resolved(host, port, deadline)
    if not rules.allow_private:
        addresses = [address for address in addresses if is_public(address[0])]
        if not addresses:
            # Without the address: whoever reads this must not learn the names of the network.
            raise DownloadRefused(
                url=url,
                reason=f"{host} has no address on the internet. "
                "Only DownloadRules(allow_private=True) allows others",
            )
    plain = connected(addresses, deadline)
    with closing(plain):
        plain.settimeout(deadline.left())
        if parts.scheme == "http":
            return _answer(url, parts, plain, deadline)
        context = rules.ssl_context or ssl.create_default_context()
        with context.wrap_socket(plain, server_hostname=host) as encrypted:
            return _answer(url, parts, encrypted, deadline)


def _checked(url: str, rules: DownloadRules) -> SplitResult:
    """The parts of a URL. Raises ``DownloadRefused`` for one that is not asked for anything."""
    try:
        parts = urlsplit(url)
        port = _port(parts)
    except ValueError as error:
        # Its text would show parts of the URL, which may be a password.
        raise DownloadRefused(url=url, reason="it is no URL") from error
    if parts.scheme not in rules.schemes:
        allowed = " or ".join(f"“{scheme}:”" for scheme in rules.schemes)
        raise DownloadRefused(
            url=url,
            reason=f"it begins with “{parts.scheme}:”, and DownloadRules(schemes=…) allows only "
            f"{allowed}",
        )
    host = parts.hostname or ""
    if not host or not host.isprintable() or host.startswith("."):
        # A resolver stops at a NUL, and would find the host whose name is before it.
        raise DownloadRefused(url=url, reason="it names no host")
    if parts.username is not None:
        raise DownloadRefused(
            url=url, reason="it has a user name, and none is sent. Leave it out of the URL"
        )
    if rules.ports is not None and port not in rules.ports:
        allowed = " or ".join(map(str, rules.ports))
        raise DownloadRefused(
            url=url,
            reason=f"its port is {port}, and DownloadRules(ports=…) allows only {allowed}",
        )
    return parts


def _port(parts: SplitResult) -> int:
    """Raises ``ValueError`` for what is no port."""
    return PORTS.get(parts.scheme, 0) if parts.port is None else parts.port


# --- one answer -------------------------------------------------------------------------------


def _answer(
    url: str, parts: SplitResult, sock: socket.socket, deadline: Deadline
) -> ContentFile[bytes] | str:
    # Never without a port: it would look for one in the host, and find the end of an IPv6 address.
    connection = http.client.HTTPConnection(str(parts.hostname), _port(parts))
    # Its header “Host” has no port where that is the scheme's own.
    connection.default_port = PORTS[parts.scheme]
    connection.sock = Wire(sock, deadline, get_config().max_upload_size + ENVELOPE)
    # Not geturl(), which without a host changes a path that begins with “//”.
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection.request("GET", iri_to_uri(target), headers=HEADERS)
    with connection.getresponse() as response:
        location = response.headers.get("Location")
        if response.status in REDIRECTS and location:
            return _joined(url, location)
        if response.status != http.client.OK:
            raise DownloadError(url=url, reason=f"the server answered {response.status}")
        filename = posixpath.basename(unquote(parts.path)) or str(parts.hostname)
        return ContentFile(_body(url, filename, response), name=filename)


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError as error:
        raise DownloadRefused(url=url, reason="it redirects to what is no URL") from error


def _body(url: str, filename: str, response: http.client.HTTPResponse) -> bytes:
    limit = get_config().max_upload_size
    if response.length is not None and response.length > limit:
        raise UploadTooLarge(filename=filename, size=response.length, limit=limit)
    data = io.BytesIO()
    while block := response.read(BLOCK):
        data.write(block)
        if data.tell() > limit:
            # Nothing has said how large it is, and there may be no end.
            raise UploadTooLarge(filename=filename, size=data.tell(), limit=limit)
    if response.length:
        raise DownloadError(url=url, reason=f"{response.length} bytes of its end are missing")
    return data.getvalue()


def _reason(error: Exception) -> str:
    if not isinstance(error, OSError):
        # Its text is what the server has sent.
        return f"the answer is no proper HTTP ({type(error).__name__})"
    return error.strerror or str(error) or type(error).__name__
