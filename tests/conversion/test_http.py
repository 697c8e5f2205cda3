"""The protocol below the API, byte by byte: what clients and proxies of every age send, and what the connection is like afterwards."""

import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.serving import Served

CSV = b"code,amount\n007,1.5\n"
JSON = b'"007"'


class Connection:
    """One TCP connection to the service."""

    def __init__(self, plain: socket.socket) -> None:
        self.plain = plain
        self._read = b""

    def ask(self, method: str, path: str, body: bytes = b"", *headers: str, version: str = "1.1") -> tuple[int, bytes]:
        """Send one request whole, with the body's length if no header says it, and return status and body of the answer."""
        lengths = (
            ()
            if any("-Length" in each or "Transfer-" in each for each in headers)
            else (f"Content-Length: {len(body)}",)
        )
        lines = (f"{method} {path} HTTP/{version}", "Host: x", *lengths, *headers, "", "")
        self.plain.sendall("\r\n".join(lines).encode() + body)
        return self.answer(has_body=method != "HEAD")

    def answer(self, *, has_body: bool = True) -> tuple[int, bytes]:
        """Return the next answer, read by its Content-Length; the head is kept in ``head``."""
        while b"\r\n\r\n" not in self._read:
            self._more()
        self.head, _, self._read = self._read.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", self.head)
        wanted = int(length[1]) if length and has_body else 0
        while len(self._read) < wanted:
            self._more()
        body, self._read = self._read[:wanted], self._read[wanted:]
        return int(self.head.split()[1]), body

    def ends_while_sending(self, piece: bytes, *, seconds: float) -> bool:
        """Send the piece again and again; return whether the other side ended the connection in time."""
        deadline = time.monotonic() + seconds
        try:
            while time.monotonic() < deadline:
                self.plain.sendall(piece)
                time.sleep(0.02)
        except ConnectionError:
            return True
        return False

    def _more(self) -> None:
        piece = self.plain.recv(65536)
        assert piece, "the connection was closed"
        self._read += piece


@contextmanager
def _connected(service: Served) -> Iterator[Connection]:
    host, port = service.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=120) as plain:
        yield Connection(plain)


@pytest.fixture
def connection(service: Served) -> Iterator[Connection]:
    """A fresh connection to the shared service."""
    with _connected(service) as made:
        yield made


@pytest.mark.parametrize(
    "headers",
    [
        (),
        ("Content-Type: text/csv; charset=utf-8; header=present",),
        ("Content-Type: application/x-www-form-urlencoded",),  # what curl --data-binary says of everything
        ("Content-Type: application/octet-stream",),
        ("Content-Type: ;;;",),
        ("Content-Encoding: identity",),
        (
            "Connection: Upgrade, HTTP2-Settings",
            "Upgrade: h2c",
            "HTTP2-Settings: AAMAAABkAAQAAP__",
        ),  # curl --http2, Java
        ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"),
    ],
)
def test_a_body_arrives_whatever_is_said_beside_it(connection: Connection, headers: tuple[str, ...]) -> None:
    """And the connection serves the next request."""
    for _ in range(2):
        status, body = connection.ask("PUT", "/convert/json/a.csv", CSV, *headers)
        assert (status, JSON in body) == (200, True)


def test_a_declined_upgrade_keeps_chunks_and_close(connection: Connection) -> None:
    """The body may come in pieces after the head, and the caller's wish to close is heard."""
    chunks = b"%x\r\n%s\r\n0\r\n\r\n" % (len(CSV), CSV)
    head = "Transfer-Encoding: chunked", "Connection: close, Upgrade, HTTP2-Settings", "Upgrade: h2c"
    lines = ("PUT /convert/json/a.csv HTTP/1.1", "Host: x", *head, "", "")
    connection.plain.sendall("\r\n".join(lines).encode())
    time.sleep(0.1)
    connection.plain.sendall(chunks)
    status, body = connection.answer()
    assert (status, JSON in body, b"connection: close" in connection.head) == (200, True, True)


def test_old_clients_are_served(connection: Connection) -> None:
    """HTTP/1.0 gets its file and the end of the connection."""
    status, body = connection.ask("POST", "/convert/json?from=csv", CSV, version="1.0")
    assert (status, JSON in body) == (200, True)
    assert connection.plain.recv(1) == b""


@pytest.mark.parametrize("path", ["/", "/formats", "/livez", "/readyz", "/openapi.json", "/metrics", "/page/app.js"])
def test_head_is_get_without_the_content(connection: Connection, path: str) -> None:
    """`curl -I` works on whatever can be read."""
    status, body = connection.ask("HEAD", path)
    assert (status, body) == (200, b"")
    assert connection.ask("GET", path)[0] == 200


def test_pipelined_requests_are_answered_in_order(connection: Connection) -> None:
    """Several heads and bodies in one packet."""
    request = b"PUT /convert/%s/a.csv HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s"
    connection.plain.sendall(b"".join(request % (to, len(CSV), CSV) for to in (b"json", b"mp3", b"tsv")))
    assert [connection.answer()[0] for _ in range(3)] == [200, 422, 200]


@pytest.mark.parametrize(
    ("method", "path", "header", "status"),
    [
        ("POST", "/nowhere", "X: x", 404),
        ("DELETE", "/convert/json", "X: x", 405),
        ("POST", "/convert/json", "Content-Encoding: gzip", 415),
        ("POST", "/convert/json", "Content-Type: multipart/form-data; boundary=b", 400),
    ],
)
def test_a_connection_survives_a_refusal(
    connection: Connection, method: str, path: str, header: str, status: int
) -> None:
    """The body that nobody wanted is read away, and the next request is answered."""
    assert connection.ask(method, path, b"x" * 300_000, header)[0] == status
    assert connection.ask("PUT", "/convert/json/a.csv", CSV)[0] == 200


def test_a_refused_body_is_not_read_for_ever(serve: Callable[..., Served]) -> None:
    """After the answer the sender has a few seconds to see it; then the connection ends."""
    with _connected(serve(max_input_bytes="1000")) as connection:
        connection.plain.sendall(b"PUT /convert/json HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n")
        assert connection.answer()[0] == 413
        assert connection.ends_while_sending(b"x" * 1000, seconds=60)


def test_expect_continue_is_answered_before_the_body(connection: Connection, serve: Callable[..., Served]) -> None:
    """100 for a body that is wanted; the refusal at once for one that is not."""
    ask = "PUT /convert/json/a.csv HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n"
    connection.plain.sendall(ask.format(len(CSV)).encode())
    assert connection.answer(has_body=False)[0] == 100
    connection.plain.sendall(CSV)
    assert connection.answer()[0] == 200
    with _connected(serve(max_input_bytes="1000")) as other:
        other.plain.sendall(ask.format(1001).encode())
        assert other.answer()[0] == 413


@pytest.mark.parametrize(
    "request_",
    [
        b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + b"x" * 100,  # TLS
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"POST /convert/json HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
        b"POST /convert/json HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\nContent-Length: 9\r\n\r\n12345678",
        b"POST /convert/json HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /convert/json HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_what_is_not_http_is_ended(connection: Connection, request_: bytes) -> None:
    """Nothing that two servers in a row could read differently is served."""
    connection.plain.sendall(request_)
    assert connection.answer()[0] == 400
    assert connection.plain.recv(1) == b""


def test_a_head_without_end_is_ended(connection: Connection) -> None:
    """Headers cannot fill the memory."""
    connection.plain.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\nX: ")
    assert connection.ends_while_sending(b"x" * 10_000, seconds=60)
