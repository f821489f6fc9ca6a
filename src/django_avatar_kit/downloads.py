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
import queue
import socket
import ssl
import threading
import time
from contextlib import closing
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from django.core.files.base import ContentFile
from django.utils.encoding import iri_to_uri
from django.utils.translation import gettext_lazy as _

from .conf import get_config
from .exceptions import AvatarError, UploadTooLarge
from .wording import url_text

__all__ = [
    "DEFAULT_RULES",
    "DownloadError",
    "DownloadRefused",
    "DownloadRules",
    "DownloadTimeout",
    "download",
]

BLOCK = 1 << 16  # bytes that are read at a time
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
#: The part of IPv6 from which addresses on the internet are given out.
#: https://www.iana.org/assignments/ipv6-address-space/
_GLOBAL = IPv6Network("2000::/3")
#: IPv4 addresses as a network without IPv4 writes them: in the last 32 bits (RFC 6052).
_TRANSLATED = IPv6Network("64:ff9b::/96")


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
    deadline = _Deadline(rules.timeout)
    for _hop in range(rules.max_redirects + 1):
        try:
            found = _ask(url, rules, deadline)
        except (OSError, http.client.HTTPException, UnicodeError) as error:
            if deadline.is_over:
                raise DownloadTimeout(url=url, limit=rules.timeout) from error
            if _interrupts(error, deadline):
                raise
            raise DownloadError(url=url, reason=_reason(error)) from error
        if isinstance(found, ContentFile):
            return found
        url = found
    raise DownloadRefused(
        url=url,
        reason=f"it comes after {rules.max_redirects} redirects, and no more are followed",
    )


def _ask(url: str, rules: DownloadRules, deadline: _Deadline) -> ContentFile[bytes] | str:
    """The file, or the URL that the server redirects to."""
    parts = _checked(url, rules)
    host, port = str(parts.hostname), parts.port or PORTS[parts.scheme]
    addresses = _resolved(host, port, deadline)
    if not rules.allow_private:
        allowed = [address for address in addresses if is_public(address[0])]
        if not allowed:
            raise DownloadRefused(
                url=url,
                reason=f"{host} has the address {addresses[0][0]}, which is not on the internet. "
                "Only DownloadRules(allow_private=True) allows it",
            )
        addresses = allowed
    plain = _connected(addresses, deadline)
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
        _port = parts.port
    except ValueError as error:
        raise DownloadRefused(url=url, reason=f"it is no URL ({error})") from error
    if parts.scheme not in rules.schemes:
        allowed = " or ".join(f"“{scheme}:”" for scheme in rules.schemes)
        raise DownloadRefused(
            url=url,
            reason=f"it begins with “{parts.scheme}:”, and DownloadRules(schemes=…) allows only "
            f"{allowed}",
        )
    if not parts.hostname:
        raise DownloadRefused(url=url, reason="it names no host")
    if parts.username is not None:
        raise DownloadRefused(
            url=url, reason="it has a user name, and none is sent. Leave it out of the URL"
        )
    return parts


# --- one answer -------------------------------------------------------------------------------


def _answer(
    url: str, parts: SplitResult, sock: socket.socket, deadline: _Deadline
) -> ContentFile[bytes] | str:
    port = PORTS[parts.scheme]
    # Never without a port: it would look for one in the host, and find the end of an IPv6 address.
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port or port)
    # Its header “Host” has no port where that is the scheme's own.
    connection.default_port = port
    connection.sock = _Wire(sock, deadline)
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
        raise DownloadRefused(
            url=url, reason=f"it redirects to what is no URL ({error})"
        ) from error


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


# --- the network ------------------------------------------------------------------------------


def is_public(address: str) -> bool:
    """Whether an IP address is one on the internet: of no private network, and no multicast."""
    ip: IPv4Address | IPv6Address = ip_address(address)
    if isinstance(ip, IPv6Address) and ip in _TRANSLATED:
        ip = IPv4Address(int(ip) & 0xFFFF_FFFF)
    if isinstance(ip, IPv6Address):
        # Not 6to4 either, which leads to any IPv4 address.
        return ip.is_global and ip in _GLOBAL and ip.sixtofour is None
    return ip.is_global and not ip.is_multicast


class _Deadline:
    def __init__(self, seconds: float) -> None:
        self.end = time.monotonic() + seconds

    @property
    def is_over(self) -> bool:
        return time.monotonic() >= self.end

    def left(self) -> float:
        """Seconds until it is over. Raises ``TimeoutError`` if it is."""
        if (seconds := self.end - time.monotonic()) > 0:
            return seconds
        raise TimeoutError


class _Wire:
    """What ``http.client`` needs of a socket. However slow the server is, it ends at the deadline.

    The time-out of a socket is only for one call: a server that sends a byte a second would hold
    on for hours.
    """

    def __init__(self, sock: socket.socket, deadline: _Deadline) -> None:
        self.sock, self.deadline = sock, deadline

    def sendall(self, data: bytes) -> None:
        self.sock.settimeout(self.deadline.left())
        self.sock.sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Arriving(self.sock, self.deadline), BLOCK)

    def close(self) -> None:
        """``http.client`` calls it before the answer is read; ``_ask()`` closes the socket."""


class _Arriving(io.RawIOBase):
    def __init__(self, sock: socket.socket, deadline: _Deadline) -> None:
        self.sock, self.deadline = sock, deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self.sock.settimeout(self.deadline.left())
        return self.sock.recv_into(buffer)


def _resolved(host: str, port: int, deadline: _Deadline) -> list[Any]:
    """The addresses of a host, as a socket takes them."""
    found: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def ask() -> None:
        try:
            found.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            found.put(error)

    # In a thread, because nothing else limits its time.
    threading.Thread(target=ask, name="avatar-kit-resolve", daemon=True).start()
    try:
        answer = found.get(timeout=deadline.left())
    except queue.Empty:
        raise TimeoutError from None
    if isinstance(answer, Exception):
        raise answer
    return [address for _family, _type, _protocol, _name, address in answer]


def _connected(addresses: list[Any], deadline: _Deadline) -> socket.socket:
    """A connection to the first of the addresses that answers."""
    failure = OSError("its host has no address")
    for tried, address in enumerate(addresses):
        # One that does not answer leaves time for the others.
        share = _Deadline(deadline.left() / (len(addresses) - tried))
        try:
            return socket.create_connection(address[:2], timeout=share.left())
        except OSError as error:
            if _interrupts(error, share):
                raise
            failure = error
    raise failure


def _interrupts(error: Exception, deadline: _Deadline) -> bool:
    """Whether an error is the time limit of the task that all this runs in, and none of ours."""
    ours = deadline.is_over or getattr(error, "errno", None) is not None
    return isinstance(error, TimeoutError) and not ours


def _reason(error: Exception) -> str:
    if isinstance(error, http.client.HTTPException):
        # Its text is what the server has sent.
        return f"the answer is no proper HTTP ({type(error).__name__})"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
