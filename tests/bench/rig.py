"""A real `recast serve` for the bench to measure, and the raw HTTP that asks it: no client library in the figures."""

import asyncio
import contextlib
import http.client
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import psutil
from msgspec import Struct

from tests.serving import free_port

BLOCK_BYTES = 1 << 20


class Answer(Struct, frozen=True):
    """What one request cost."""

    status: int
    seconds: float
    bytes: int
    timing: dict[str, float]  # seconds by stage, from Server-Timing


class Rig:
    """One service with its engine, from start to stop."""

    def __init__(self, directory: Path, **settings: str | float | Path) -> None:
        """Name the directory for files in flight and ``RECAST_*`` settings in lower case."""
        self.directory = directory
        self.settings = settings
        self.port = free_port()
        self.engine_port = free_port()

    def __enter__(self) -> Self:
        """Start, and wait until it is ready."""
        (self.directory / "inflight").mkdir(parents=True, exist_ok=True)
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("RECAST_", "OPENAI_"))}
        environment |= {
            "RECAST_PORT": str(self.port),
            "RECAST_ENGINE_PORT": str(self.engine_port),
            "RECAST_OFFICE": "false",
            "RECAST_DATA_DIR": str(self.directory / "inflight"),
        }
        environment |= {f"RECAST_{name.upper()}": str(value) for name, value in self.settings.items()}
        self.log = (self.directory / "service.log").open("wb")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "service", "serve"], env=environment, stdout=self.log, stderr=self.log
        )
        deadline = time.monotonic() + 60
        while not self._ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self.directory / "service.log").read_text()[-2000:])
            time.sleep(0.05)
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it by its own process id."""
        self.process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(40)
        self.process.kill()
        self.process.wait()
        self.log.close()

    def _ready(self) -> bool:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
            connection.request("GET", "/readyz")
            return connection.getresponse().status == http.HTTPStatus.OK
        except OSError:
            return False

    def tree(self) -> list[psutil.Process]:
        """Return the service's process and all below it."""
        root = psutil.Process(self.process.pid)
        return [root, *root.children(recursive=True)]

    def service_rss(self) -> int:
        """Return the resident bytes of the converter's own process."""
        return int(psutil.Process(self.process.pid).memory_info().rss)

    @contextlib.contextmanager
    def connection(self) -> Iterator[http.client.HTTPConnection]:
        """Keep one connection open."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
        try:
            yield connection
        finally:
            connection.close()

    @contextlib.contextmanager
    def engine_connection(self) -> Iterator[http.client.HTTPConnection]:
        """Keep one connection to the engine open."""
        connection = http.client.HTTPConnection("127.0.0.1", self.engine_port, timeout=600)
        try:
            yield connection
        finally:
            connection.close()

    def convert(
        self, connection: http.client.HTTPConnection, source: Path, target: str, into: Path | None = None
    ) -> Answer:
        """POST one file as a raw body and read the answer to its last byte."""
        began = time.perf_counter()
        with source.open("rb") as body:
            connection.request("POST", f"/convert/{target}", body, _headers(source))
            answer = connection.getresponse()
            count = 0
            with (into or Path(os.devnull)).open("wb") as out:
                while block := answer.read(BLOCK_BYTES):
                    count += len(block)
                    out.write(block)
        return Answer(answer.status, time.perf_counter() - began, count, _timing(answer.getheader("Server-Timing", "")))

    def crowd(self, source: Path, target: str, *, clients: int, each: int) -> list[Answer]:
        """Have ``clients`` keep-alive connections ask ``each`` times, as fast as answers come."""
        return asyncio.run(self._crowd(source, source.read_bytes(), target, clients, each))

    async def _crowd(self, source: Path, body: bytes, target: str, clients: int, each: int) -> list[Answer]:
        lines = [f"POST /convert/{target} HTTP/1.1", "Host: bench", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in _headers(source).items() if name != "Content-Length"]
        request = "\r\n".join(lines).encode() + b"\r\n\r\n" + body

        async def client() -> list[Answer]:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            answers = []
            for _ in range(each):
                began = time.perf_counter()
                writer.write(request)
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                count = await _drain(reader, head)
                answers.append(Answer(int(head.split()[1]), time.perf_counter() - began, count, {}))
            writer.close()
            return answers

        gathered = await asyncio.gather(*(client() for _ in range(clients)))
        return [answer for answers in gathered for answer in answers]


async def _drain(reader: asyncio.StreamReader, head: str) -> int:
    length = re.search(r"(?i)^content-length: (\d+)", head, re.MULTILINE)
    if length:
        return len(await reader.readexactly(int(length[1])))
    count = 0
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        count += len(await reader.readexactly(size + 2)) - 2
    await reader.readexactly(2)
    return count


def _headers(source: Path) -> dict[str, str]:
    return {
        "Content-Type": "application/octet-stream",
        "Content-Length": str(source.stat().st_size),
        "Content-Disposition": f'attachment; filename="{source.name}"',
    }


def _timing(header: str) -> dict[str, float]:
    return {name: float(value) / 1000 for name, value in re.findall(r"(\w+);(?:[^,]*;)?dur=([\d.]+)", header)}
