"""Connections that end at one deadline and after so many bytes, to addresses that were checked."""

from __future__ import annotations

import io
import queue
import socket
import threading
import time
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any

BLOCK = 1 << 16  # bytes that are read at a time
#: The part of IPv6 from which addresses on the internet are given out.
#: https://www.iana.org/assignments/ipv6-address-space/
_GLOBAL = IPv6Network("2000::/3")
#: IPv4 addresses as a network without IPv4 writes them: in the last 32 bits (RFC 6052).
_TRANSLATED = IPv6Network("64:ff9b::/96")
#: Where clouds answer to their machines, beside the addresses that are known to be no public ones:
#: Oracle, in a block that Python before 3.13 takes for public in part, and Azure.
_OF_CLOUDS = (IPv4Network("192.0.0.0/24"), IPv4Network("168.63.129.16"))


def is_public(address: str) -> bool:
    """Whether an IP address is one on the internet: of no private network, and no multicast."""
    ip: IPv4Address | IPv6Address = ip_address(address)
    if isinstance(ip, IPv6Address) and ip in _TRANSLATED:
        ip = IPv4Address(int(ip) & 0xFFFF_FFFF)
    if isinstance(ip, IPv6Address):
        # Not 6to4 and Teredo either, which lead to any IPv4 address.
        tunnelled = ip.sixtofour is not None or ip.teredo is not None
        return ip.is_global and ip in _GLOBAL and not tunnelled
    return ip.is_global and not ip.is_multicast and not any(ip in each for each in _OF_CLOUDS)


class Deadline:
    """The moment at which everything must be done."""

    def __init__(self, seconds: float) -> None:
        self.end = time.monotonic() + seconds

    @property
    def is_over(self) -> bool:
        """Whether that moment has passed."""
        return time.monotonic() >= self.end

    def left(self) -> float:
        """Seconds until it is over. Raises ``TimeoutError`` if it is."""
        if (seconds := self.end - time.monotonic()) > 0:
            return seconds
        raise TimeoutError


class Wire:
    """What ``http.client`` needs of a socket. However slow the server is, it ends at the deadline.

    The time-out of a socket is only for one call: a server that sends a byte a second would hold
    on for hours. ``limit`` is the number of bytes that the server may send, headers and all. One
    more raises ``OSError``.
    """

    def __init__(self, sock: socket.socket, deadline: Deadline, limit: int) -> None:
        self.sock, self.deadline, self.limit = sock, deadline, limit

    def sendall(self, data: bytes) -> None:
        self.sock.settimeout(self.deadline.left())
        self.sock.sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Arriving(self.sock, self.deadline, self.limit), BLOCK)

    def close(self) -> None:
        """``http.client`` calls it before the answer is read; whoever opened the socket does."""


class _Arriving(io.RawIOBase):
    def __init__(self, sock: socket.socket, deadline: Deadline, limit: int) -> None:
        self.sock, self.deadline, self.left = sock, deadline, limit

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self.sock.settimeout(self.deadline.left())
        count = self.sock.recv_into(buffer)
        self.left -= count
        if self.left < 0:
            raise OSError("the server sends more than belongs to a picture")
        return count


def resolved(host: str, port: int, deadline: Deadline) -> list[Any]:
    """The addresses of a host, as a socket takes them. Raises ``OSError``."""
    found: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def ask() -> None:
        try:
            found.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except ValueError:
            # Also from the codec for names in other letters.
            found.put(OSError("no host can have this name"))
        except OSError as error:
            found.put(error)

    # In a thread, because nothing else limits its time.
    try:
        threading.Thread(target=ask, name="avatar-kit-resolve", daemon=True).start()
    except RuntimeError as error:
        raise OSError(f"its host could not be looked up: {error}") from error
    try:
        answer = found.get(timeout=deadline.left())
    except queue.Empty:
        raise TimeoutError from None
    if isinstance(answer, Exception):
        raise answer
    return [address for _family, _type, _protocol, _name, address in answer]


def connected(addresses: list[Any], deadline: Deadline) -> socket.socket:
    """A connection to the first of the addresses that answers. Raises ``OSError``."""
    failure = OSError("its host has no address")
    for tried, address in enumerate(addresses):
        # One that does not answer leaves time for the others.
        share = Deadline(deadline.left() / (len(addresses) - tried))
        try:
            return socket.create_connection(address[:2], timeout=share.left())
        except OSError as error:
            if interrupts(error, share):
                raise
            failure = error
    raise failure


def interrupts(error: Exception, deadline: Deadline) -> bool:
    """Whether an error is the time limit of the task that all this runs in, and none of ours."""
    ours = deadline.is_over or getattr(error, "errno", None) is not None
    return isinstance(error, TimeoutError) and not ours
