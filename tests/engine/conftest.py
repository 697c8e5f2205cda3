"""A real engine on a socket, the official client, and the vendor's schema as a judge of every answer."""

import asyncio
import socket
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from litestar import Litestar
from openai import NotFoundError, OpenAI
from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, ASGISendEvent, Scope

from service.engine.app import create_app
from service.engine.assembly import Engine
from tests.engine import schema

KERNEL = Path(sys.prefix, "kernel", "bin", "python")
PYTHON = KERNEL if KERNEL.exists() else Path(sys.executable)
START_SECONDS = 180


class Recorder:
    """Passes everything on to the application and keeps what it answers."""

    def __init__(self, app: Litestar) -> None:
        self.app: Any = app
        self.answers: list[tuple[str, str, int, str, bytes]] = []

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Answer as the application does."""
        status, content_type, body = 0, "", bytearray()

        async def keep(message: ASGISendEvent) -> None:
            nonlocal status, content_type
            if message["type"] == "http.response.start":
                status = message["status"]
                content_type = dict(message["headers"]).get(b"content-type", b"").decode()
            elif message["type"] == "http.response.body" and not content_type.startswith("application/octet"):
                body.extend(message["body"])
            await send(message)

        try:
            await self.app(scope, receive, keep)
        finally:
            if scope["type"] == "http":
                self.answers.append((scope["method"], scope["path"], status, content_type, bytes(body)))


class Served:
    """An engine in a thread of its own, with its own loop, and a clock that tests can move."""

    def __init__(self, **settings: Any) -> None:
        self.ahead_seconds = 0.0
        self._clients: list[OpenAI] = []
        self.app = create_app(
            **{"python": PYTHON, "requests_per_minute": None, "clock": lambda: time.time() + self.ahead_seconds}
            | settings
        )
        self.recorder = Recorder(self.app)
        self._socket = socket.create_server(("127.0.0.1", 0))
        config = uvicorn.Config(self.recorder, log_config=None, lifespan="on", timeout_graceful_shutdown=5)
        self._server = uvicorn.Server(config)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve)
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def _serve(self) -> None:
        self._loop.run_until_complete(self._server.serve(sockets=[self._socket]))

    def start(self) -> None:
        """Return once requests are accepted."""
        self._thread.start()
        deadline = time.monotonic() + START_SECONDS
        while not self._server.started and self._thread.is_alive() and time.monotonic() < deadline:
            time.sleep(0.02)
        assert self._server.started, "the engine did not start"

    def stop(self) -> None:
        """Return once everything has ended."""
        for client in self._clients:
            client.close()
        self._server.should_exit = True
        self._thread.join(90)
        self._loop.close()
        self._socket.close()

    @property
    def engine(self) -> Engine:
        """The engine's inside."""
        engine: Engine = self.app.state.engine
        return engine

    def sweep(self) -> None:
        """Do now what the engine does every half minute."""
        self.on_loop(self.engine.sweep())

    def on_loop(self, work: Coroutine[Any, Any, None]) -> None:
        """Do this in the engine's own thread."""
        asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def client(self, key: str = "test", **options: Any) -> OpenAI:
        """The official client, without retries; closed with the engine at the latest."""
        self._clients.append(OpenAI(base_url=f"{self.url}/v1", api_key=key, max_retries=0, timeout=300, **options))
        return self._clients[-1]


@contextmanager
def engine_with(**settings: Any) -> Iterator[Served]:
    """An engine with settings of its own, for the length of the ``with``."""
    served = Served(**settings)
    served.start()
    try:
        yield served
    finally:
        served.stop()


@pytest.fixture(scope="session")
def shared_engine() -> Iterator[Served]:
    """One engine for all tests that change nothing about it."""
    with engine_with() as served:
        yield served


@pytest.fixture
def engine(shared_engine: Served) -> Iterator[Served]:
    """The shared engine; after the test the vendor's schema judges everything it answered."""
    shared_engine.recorder.answers.clear()
    yield shared_engine
    judge(shared_engine)
    with shared_engine.client() as client:
        for container in client.containers.list(limit=100):
            with suppress(NotFoundError):  # the run that made it may be ending it
                client.containers.delete(container.id)


def judge(served: Served) -> None:
    """Every answer so far fits the vendor's schema."""
    if schema.PATH.exists():
        assert [complaint for answer in served.recorder.answers for complaint in schema.complaints(*answer)] == []


@pytest.fixture
def ai(engine: Served) -> Iterator[OpenAI]:
    """The official client of the shared engine."""
    with engine.client() as client:
        yield client


@pytest.fixture
def start() -> Iterator[Callable[..., Served]]:
    """A factory of engines: ``start(api_keys=["k"])``; each is judged and ended after the test."""
    with ExitStack() as running:
        started: list[Served] = []

        def begin(**settings: Any) -> Served:
            started.append(running.enter_context(engine_with(**settings)))
            return started[-1]

        yield begin
        for served in started:
            judge(served)
