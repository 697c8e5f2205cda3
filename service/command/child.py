"""The engine as a child process: started by exec, watched, started again when it dies, ended with its parent.

Owns that process and the key it shares with the converter. The key goes through the child's stdin, not its environment, which
a container could come to read.
"""

import asyncio
import contextlib
import ctypes
import os
import secrets
import signal
import sys
from collections.abc import Mapping

import httpx2
import msgspec
from msgspec import Struct

READY_SECONDS = 60.0
STOP_SECONDS = 10.0
FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 10.0
_POLL_SECONDS = 0.05
_PR_SET_PDEATHSIG = 1  # prctl(2)


class EngineFailed(Exception):
    """The engine ended, or did not become ready, at the first start; it has said why on stderr."""

    def __init__(self, exit_code: int | None) -> None:
        super().__init__("the engine did not become ready" if exit_code is None else "the engine could not start")
        self.exit_code = exit_code


class _Ready(Struct, frozen=True):
    """What is of use here of what its probe answers."""

    isolation: str | None = None


class Engine:
    """One engine process at a time, on a loopback port.

    Args:
        port: Where it listens.
        environment: Its whole environment, with its settings.
    """

    def __init__(self, *, port: int, environment: Mapping[str, str]) -> None:
        self.key = secrets.token_urlsafe(32)
        self.url = f"http://127.0.0.1:{port}/v1"
        self._probe = f"http://127.0.0.1:{port}/readyz"
        self._command = (sys.executable, "-m", "service", "engine", "--child", "--host=127.0.0.1")
        self._environment = dict(environment)
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """Process id of the engine that runs now."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def start(self) -> None:
        """Start it, without waiting: there is much to import on either side."""
        await self._spawn()

    async def ready(self) -> str | None:
        """Wait until it can make containers, and keep it running from then on. Returns the tier that holds them.

        Raises:
            EngineFailed: It ended or was not ready in time.
        """
        assert self._process is not None, "started first"  # noqa: S101 - for the type checker
        try:
            async with asyncio.timeout(READY_SECONDS):
                state = await self._until_ready(self._process)
        except TimeoutError:
            raise EngineFailed(None) from None
        self._keeper = asyncio.create_task(self._keep(self._process))
        return state.isolation

    async def stop(self) -> None:
        """End it: SIGTERM, and SIGKILL if it lingers. Idempotent."""
        if self._keeper is not None:
            self._keeper.cancel()
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    async def _spawn(self) -> asyncio.subprocess.Process:
        # A session of its own: Ctrl-C in a terminal reaches only the parent, which drains before it ends the engine.
        process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=sys.stderr,
            env=self._environment,
            start_new_session=True,
        )
        self._process = process
        assert process.stdin is not None  # noqa: S101 - PIPE was asked for
        process.stdin.write(f"{self.key} {os.getpid()}\n".encode())
        with contextlib.suppress(ConnectionError):
            await process.stdin.drain()
        return process

    async def _until_ready(self, process: asyncio.subprocess.Process) -> _Ready:
        async with httpx2.AsyncClient(trust_env=False) as client:
            while True:
                if process.returncode is not None:
                    raise EngineFailed(process.returncode)
                with contextlib.suppress(httpx2.TransportError):
                    if (answer := await client.get(self._probe)).is_success:
                        return msgspec.json.decode(answer.content, type=_Ready)
                await asyncio.sleep(_POLL_SECONDS)

    async def _keep(self, process: asyncio.subprocess.Process) -> None:
        pause = FIRST_PAUSE_SECONDS
        clock = asyncio.get_running_loop().time
        while True:
            began = clock()
            await process.wait()
            pause = (
                FIRST_PAUSE_SECONDS
                if clock() - began > LONGEST_PAUSE_SECONDS
                else min(2 * pause, LONGEST_PAUSE_SECONDS)
            )
            await asyncio.sleep(pause)
            process = await self._spawn()


def adopt() -> str:
    """In the child: end with the parent, and return the shared key.

    Raises:
        EOFError: The parent is gone already.
    """
    # prctl(2): the signal comes when the parent's thread that forked us ends, which is its main thread.
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    key, _, parent = sys.stdin.readline().partition(" ")
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    if os.getppid() != int(parent or 0):  # it died before it could be watched
        raise EOFError
    return key
