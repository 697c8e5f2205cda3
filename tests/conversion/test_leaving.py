"""A client may go at any moment: its conversion ends within a second and nothing of it is left."""

import asyncio
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from litestar.types import Message

from service.conversion.conversions import Answer
from tests.serving import Served

NOTHING = {"containers": 0, "uploads": 0, "spooled": 0}
ROWS = b"a,b\n" + b"1,2\n" * 200_000


@contextmanager
def _connection(service: Served) -> Iterator[socket.socket]:
    host, port = service.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=120) as connection:
        yield connection


def _head(length: int, name: str = "a.csv", extra: str = "") -> bytes:
    return f"PUT /convert/xlsx/{name} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n{extra}\r\n".encode()


def _seen(service: Served, what: str, seconds: float = 60.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if service.leftovers()[what]:
            return True
        time.sleep(0.01)
    return False


def test_while_the_body_arrives(service: Served) -> None:
    """Half a body and a closed connection leave no file."""
    with _connection(service) as connection:
        connection.sendall(_head(1 << 20) + ROWS)
        assert _seen(service, "spooled")
    assert service.settled() == NOTHING


def test_while_the_conversion_runs(serve: Callable[..., Served]) -> None:
    """The container is deleted while its program still runs."""
    service = serve(recipes=str(Path(__file__).parent / "recipes"))
    with _connection(service) as connection:
        request = (
            b"PUT /convert/ics/a.csv?does=sleep&seconds=100 HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\na\n1\n"
        )
        connection.sendall(request)
        assert _seen(service, "containers")
    assert service.settled() == NOTHING


@pytest.mark.parametrize("after_seconds", [0.0, 0.01, 0.02, 0.05, 0.1, 0.2])
def test_at_any_moment(service: Served, after_seconds: float) -> None:
    """Between any two steps there is a moment in which a client can go."""
    with _connection(service) as connection:
        connection.sendall(_head(len(ROWS)) + ROWS)
        time.sleep(after_seconds)
    assert service.settled() == NOTHING


def test_while_the_answer_is_sent(service: Served) -> None:
    """An answer nobody reads to its end is dropped with its container."""
    body = b"a\n" + b"x" * 1000 * 1000 + b"\n"
    rows = b"a\n" + (b"x" * 99 + b"\n") * 100_000
    with _connection(service) as connection:
        connection.sendall(
            b"PUT /convert/json/a.csv HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(rows) + rows
        )
        assert connection.recv(1000).startswith(b"HTTP/1.1 200")
    assert body
    assert service.settled() == NOTHING


def test_a_slow_reader_holds_no_place(serve: Callable[..., Served]) -> None:
    """Who reads slowly does not keep others from converting."""
    service = serve(concurrency="1", queue_seconds="5")
    rows = b"a\n" + (b"x" * 99 + b"\n") * 100_000
    with _connection(service) as slow, service.client() as client:
        slow.sendall(b"PUT /convert/json/a.csv HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(rows) + rows)
        assert slow.recv(1000).startswith(b"HTTP/1.1 200")
        assert client.put("/convert/json/a.csv", content=b"a\n1\n").status_code == 200


@pytest.mark.parametrize("step", ["start", "send", "end"])
def test_a_reader_that_takes_no_more_is_gone(step: str) -> None:
    """Also where only the end is left to send: the server waits there for what it has not got rid of."""

    async def answer() -> bool:
        async def never(_: Message) -> None:
            await asyncio.Event().wait()

        sent = Answer(never, patience_seconds=0.01)
        with sent.scope:
            await {"start": lambda: sent.start({}), "send": lambda: sent.send(b"x"), "end": sent.end}[step]()
        return sent.scope.cancelled_caught

    assert asyncio.run(asyncio.wait_for(answer(), 10))


def test_a_body_shorter_than_announced(service: Served) -> None:
    """A lying Content-Length is a client that goes."""
    with _connection(service) as connection:
        connection.sendall(_head(1000) + b"a,b\n1,2\n")
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(100) == b""
    assert service.settled() == NOTHING


def test_a_multipart_body_that_ends_too_early(client: httpx.Client, service: Served) -> None:
    """Half a form is a malformed body, not half a conversion."""
    half = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\na,b\n1,2\n'
    answer = client.post("/convert/json", content=half, headers={"Content-Type": "multipart/form-data; boundary=b"})
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_body")
    assert service.settled() == NOTHING
