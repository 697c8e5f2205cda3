"""Real servers for tests: `recast serve` with its own engine, on free loopback ports, waited for, ended by its own pid."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from msgspec import Struct

START_SECONDS = 180
END_SECONDS = 90


class Served(Struct, frozen=True):
    """A running service: the address of its conversion API and of its engine, its process, and its log so far."""

    url: str
    engine_url: str
    process: subprocess.Popen[bytes]
    data_directory: Path
    log: Path

    def client(self, **arguments: object) -> httpx.Client:
        """Return a client of the conversion API; the caller closes it."""
        return httpx.Client(base_url=self.url, timeout=300, **arguments)  # type: ignore[arg-type] # httpx judges them

    def leftovers(self) -> dict[str, int]:
        """Count what should be gone between conversions: containers and uploads of the engine, spooled files."""
        with httpx.Client(base_url=self.engine_url, headers={"Authorization": "Bearer test"}) as engine:
            return {
                "containers": sum(each["status"] == "running" for each in engine.get("/v1/containers").json()["data"]),
                "uploads": len(engine.get("/v1/files").json()["data"]),
                "spooled": sum(each.is_file() for each in (self.data_directory / "spool").rglob("*")),
            }

    def settled(self, seconds: float = 30.0) -> dict[str, int]:
        """Return the leftovers once nothing is left, or what is still there after so many seconds."""
        deadline = time.monotonic() + seconds
        while any((left := self.leftovers()).values()) and time.monotonic() < deadline:
            time.sleep(0.05)
        return left


@contextmanager
def serving(
    data_directory: Path,
    settings: Mapping[str, str],
    *,
    engine_of: Served | None = None,
    command: Sequence[str] = (sys.executable, "-m", "service"),
    environment: Mapping[str, str] = {},
) -> Iterator[Served]:
    """Run `recast serve` with these settings (``max_input_bytes``: ``"10"``) for the length of the ``with``.

    Args:
        data_directory: Its own.
        settings: By field name.
        engine_of: A service whose engine is used, which saves starting another; None: one of its own, or the settings' choice.
        command: What runs `recast`.
        environment: What it has besides this process's own.
    """
    port, engine_port = free_port(), free_port()
    engine_url = engine_of.engine_url if engine_of else f"http://127.0.0.1:{engine_port}"
    elsewhere = {"engine_url": f"{engine_url}/v1", "openai_api_key": "test"} if engine_of else {}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("RECAST_", "OPENAI_"))}
    given = {
        "requests_per_minute": "0",
        "office": "false",
        "warm": "",
        "port": str(port),
        "engine_port": str(engine_port),
        "data_dir": str(data_directory),
        **elsewhere,
        **settings,
    }
    log = data_directory / "log"
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [*command, "serve"],
            env={**inherited, **environment} | {f"RECAST_{name.upper()}": value for name, value in given.items()},
            stderr=errors,
        )
    try:
        served = Served(f"http://127.0.0.1:{port}", engine_url, process, data_directory, log)
        _wait_until_ready(served)
        yield served
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_port() -> int:
    """Return a loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(served: Served) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if served.process.poll() is not None:
            break
        try:
            if httpx.get(f"{served.url}/readyz").is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    pytest.fail(f"the service did not become ready:\n{served.log.read_text()[-4000:]}")
