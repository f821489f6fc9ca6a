"""A web server on loopback that answers what a test says, byte by byte, and a name server."""

from __future__ import annotations

import datetime as dt
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

#: What a server does with the connection once it has read the request.
Answer = Callable[[socket.socket], None]
#: Of a name that the fake name server knows; nothing is ever sent there.
PUBLIC = "93.184.215.14"


def response(body: bytes = b"", status: str = "200 OK", **headers: Any) -> bytes:
    given = {"content_length": len(body), "connection": "close", **headers}
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in given.items() if value != ""]
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode() + body


def redirect(location: str) -> bytes:
    return response(status="302 Found", location=location)


class Web:
    """``answers`` are by path: bytes, or a function of the connection. ``asked`` are requests."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.answers: dict[str, bytes | Answer] = {}
        self.asked: list[str] = []
        self.done = threading.Event()
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads: list[threading.Thread] = []
        self._start(self._accept)

    def url(self, path: str = "/ada.jpg") -> str:
        return f"{'https' if self._context else 'http'}://localhost:{self.port}{path}"

    def stop(self) -> None:
        self.done.set()
        # Closing it alone would not wake the thread that waits for a connection.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()

    def _start(self, target: Any, *args: Any) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _address = self._listener.accept()
            except OSError:
                return
            self._start(self._serve, connection)

    def _serve(self, plain: socket.socket) -> None:
        with plain:
            try:
                if self._context is None:
                    self._respond(plain)
                else:
                    with self._context.wrap_socket(plain, server_side=True) as encrypted:
                        self._respond(encrypted)
            except OSError:
                # The client has hung up, which is what it should do here.
                return

    def _respond(self, connection: socket.socket) -> None:
        request = b""
        while b"\r\n\r\n" not in request:
            if not (piece := connection.recv(1 << 16)):
                return
            request += piece
        self.asked.append(request.decode())
        answer = self.answers[request.split(b" ")[1].decode()]
        if callable(answer):
            answer(connection)
        else:
            connection.sendall(answer)

    def again_and_again(self, piece: bytes, start: bytes = b"", pause: float = 0.0) -> Answer:
        """Sends a piece until the client hangs up."""

        def answer(connection: socket.socket) -> None:
            connection.sendall(start)
            while not self.done.wait(pause):
                connection.sendall(piece)

        return answer


def certificate(folder: Path) -> Path:
    """Of a server of these names, together with its key; it is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a test")])
    now = dt.datetime.now(dt.timezone.utc)
    names = [
        x509.DNSName("localhost"),
        x509.DNSName("pictures.example.org"),
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
    ]
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "server.pem"
    pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    return pem


def server_context(pem: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context


def fake_internet(
    monkeypatch: Any, names: dict[str, list[str]], servers: dict[str, Web]
) -> list[str]:
    """Names have these addresses, and servers on loopback answer for addresses.

    Returns a list of what happens: "asked for" a name, and "connected to" an address.
    """
    seen: list[str] = []

    def getaddrinfo(host: str, port: int, **_options: Any) -> list[Any]:
        seen.append(f"asked for {host}")
        addresses = names.get(host, [host])
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in addresses]

    def create_connection(address: tuple[str, int], timeout: float) -> socket.socket:
        seen.append(f"connected to {address[0]}")
        if address[0] not in servers:
            raise ConnectionRefusedError(111, "Connection refused")
        connection = socket.socket()
        connection.settimeout(timeout)
        connection.connect(("127.0.0.1", servers[address[0]].port))
        return connection

    monkeypatch.setattr("socket.getaddrinfo", getaddrinfo)
    monkeypatch.setattr("socket.create_connection", create_connection)
    return seen
