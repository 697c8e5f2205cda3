"""One ASGI application on one socket: uvicorn with our signals, our connections, HEAD for every GET, and draining.

Owns sockets and signals. Knows nothing of what it serves, but that an application can be drained.
"""

import asyncio
import contextlib
import ctypes
import gc
import signal
import socket
from collections.abc import Callable, Iterator
from typing import Protocol, cast

import uvicorn
from litestar import Litestar
from litestar.types import ASGIApp, Receive, Scope, Send
from uvicorn._types import ASGIApplication

from service.command.connection import Connection

KEEP_ALIVE_SECONDS = 75
_POLL_SECONDS = 0.05
_MALLOC = {-1: 32 << 20, -3: 8 << 20}  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD: mallopt(3)


class Drains(Protocol):
    """What an application offers so that SIGTERM loses nothing."""

    def drain(self) -> None:
        """Be unready from now on, and take no new work."""

    @property
    def running(self) -> int:
        """How many pieces of work are not finished."""


class AddressUnusable(Exception):
    """The address cannot be listened on: in use, not ours, or not allowed."""

    def __init__(self, host: str, port: int, reason: str) -> None:
        super().__init__(f"cannot listen on {host}:{port}: {reason}")


class _Server(uvicorn.Server):
    """uvicorn raises a caught SIGTERM again after its shutdown, so that a drained service would not exit with 0."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def bind(host: str, port: int) -> socket.socket:
    """Bind a listening socket, before anything else is started.

    Raises:
        AddressUnusable: It cannot be had.
    """
    try:
        family, kind, number, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(family, kind, number)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError as error:
        raise AddressUnusable(host, port, error.strerror or str(error)) from None
    bound.set_inheritable(False)
    return bound


def address_of(bound: socket.socket) -> str:
    """Return the socket's address as a URL."""
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def listen(
    app: Litestar,
    bound: socket.socket,
    *,
    grace_seconds: float,
    started: Callable[[], None],
    drains: Drains | None = None,
    end: asyncio.Event | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT; then drain, finish what runs and return. A second signal ends it at once.

    Args:
        app: The application; its lifespan begins before the first request and ends after the last.
        bound: From `bind`; closed at the end.
        grace_seconds: How long running work may go on after the signal.
        drains: How to stop taking work while still answering probes.
        started: Called once, when requests are accepted.
        end: Another way to ask for the end; then signals are left to their owner.
    """
    config = uvicorn.Config(
        cast("ASGIApplication", _answering_head(cast("ASGIApp", app))),
        http=Connection,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=max(1, int(grace_seconds)),
    )
    server = _Server(config)
    leaving = end or asyncio.Event()
    loop = asyncio.get_running_loop()

    def leave() -> None:
        server.force_exit = leaving.is_set()
        leaving.set()

    _keep_what_is_freed()
    signals = () if end else (signal.SIGTERM, signal.SIGINT)
    for number in signals:
        loop.add_signal_handler(number, leave)
    try:
        # Not uvicorn's: it turns what a lifespan raises into a log line and SystemExit.
        async with app.lifespan():
            serving = asyncio.create_task(server.serve(sockets=[bound]))
            left = asyncio.create_task(leaving.wait())
            while not (server.started or serving.done()):
                await asyncio.sleep(_POLL_SECONDS)
            if server.started:
                gc.collect()
                gc.freeze()  # what was imported and made until now stays: no collection has to look at it again
                started()
            await asyncio.wait({serving, left}, return_when=asyncio.FIRST_COMPLETED)
            if drains is not None and leaving.is_set():
                await _drain(drains, server, loop.time() + grace_seconds)
            server.should_exit = True
            await serving
            left.cancel()
    finally:
        for number in signals:
            loop.remove_signal_handler(number)


def _keep_what_is_freed() -> None:
    """Let glibc keep freed blocks for the next body: it hands large ones back at once, and every 4 KiB of the next is a page fault."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        for option, value in _MALLOC.items():
            libc.mallopt(option, value)


def _answering_head(app: ASGIApp) -> ASGIApp:
    """Let HEAD be what GET is; the server leaves the content out (RFC 9110 section 9.3.2)."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        asked = cast("Scope", {**scope, "method": "GET"}) if scope.get("method") == "HEAD" else scope
        await app(asked, receive, send)

    return answer


async def _drain(drains: Drains, server: _Server, deadline: float) -> None:
    drains.drain()
    while drains.running and not server.force_exit and asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(_POLL_SECONDS)
