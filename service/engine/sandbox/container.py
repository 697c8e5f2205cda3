"""One container as the engine sees it: run code, place and read files, end it."""

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

from service.engine.sandbox.contract import CellResult, Entry, Limits, Outcome, SandboxDown
from service.engine.sandbox.directory import Directory
from service.engine.sandbox.interpreter import Death, Interpreter, Ran


class Kernel:
    """A confined Python process with a private /mnt/data. Made by `Sandbox.spawn`; ended by `close`."""

    def __init__(
        self,
        interpreter: Interpreter,
        directory: Directory,
        limits: Limits,
        *,
        again: Callable[["Kernel"], Awaitable[Interpreter]],
        release: Callable[["Kernel"], Awaitable[None]],
        out_of_memory: Callable[[], bool],
    ) -> None:
        self.limits = limits
        self._interpreter = interpreter
        self._directory = directory
        self._again = again
        self._release = release
        self._out_of_memory = out_of_memory
        self._turn = asyncio.Lock()
        self._closed = False

    @property
    def alive(self) -> bool:
        """Whether cells can run. A dead kernel's files can still be read."""
        return not self._closed and not self._interpreter.dead.is_set()

    async def run(self, code: str, *, seconds: float) -> CellResult:
        """Run one cell. Never raises for what the code does; one call at a time.

        Args:
            code: The cell, as a notebook takes it.
            seconds: Wall time after which it is interrupted, and two seconds later killed.
        """
        async with self._turn:
            ran = await self._interpreter.run(code, seconds=seconds, output_bytes=self.limits.output_bytes)
        return self._result(ran)

    async def interrupt(self) -> None:
        """Raise KeyboardInterrupt in the running cell, if there is one."""
        if self.alive:
            self._interpreter.interrupt()

    async def restart(self) -> None:
        """Replace the interpreter; /mnt/data stays. Raises SandboxDown."""
        if self._closed:
            raise SandboxDown("the container was closed")
        self._interpreter.kill("restarted")
        async with self._turn:
            await self._interpreter.close()
            self._interpreter = await self._again(self)

    async def close(self) -> None:
        """Kill, reap and unlink everything. May be called again."""
        if self._closed:
            return
        self._closed = True
        await self._interpreter.close()
        self._directory.close()
        await self._release(self)

    async def put(self, name: str, source: Path) -> Entry:
        """Place a copy of `source` in /mnt/data; a taken name gets a number. Raises FileRefused."""
        return await self._directory.put(name, source)

    async def scan(self) -> list[Entry]:
        """The regular files below /mnt/data, at most `Limits.files` of them, sorted by path."""
        return await self._directory.scan()

    def open(self, path: str) -> int:
        """A read-only descriptor that the caller closes; works after the kernel died. Raises FileRefused."""
        return self._directory.open(path)

    async def remove(self, path: str) -> None:
        """Unlink one file. Raises FileRefused."""
        await self._directory.remove(path)

    def _result(self, ran: Ran) -> CellResult:
        if ran.done is None:
            return self._postmortem(ran)
        outcome = Outcome.ERROR if ran.done.error_name else Outcome.OK
        if ran.interrupted and ran.done.error_name == "KeyboardInterrupt":
            outcome = Outcome.INTERRUPTED
        return CellResult(ran.outputs, outcome, ran.done.error_name, ran.done.traceback, ran.seconds)

    def _postmortem(self, ran: Ran) -> CellResult:
        death = self._interpreter.death or Death(None, "closed")
        if self._out_of_memory():
            outcome, name = Outcome.MEMORY, "MemoryError"
            why = f"the container's memory limit of {self.limits.memory_bytes >> 20} MiB was exceeded and its kernel was killed"
        elif death.reason is not None:
            outcome, name, why = Outcome.KILLED, "Killed", f"the kernel was killed: it {death.reason}"
        else:
            outcome, name = Outcome.DIED, _status_name(death.status)
            why = f"the kernel died ({name})"
        return CellResult(ran.outputs, outcome, name, why, ran.seconds)


def _status_name(status: int | None) -> str:
    if status is None:
        return "Unknown"
    if status < 0:
        with contextlib.suppress(ValueError):
            return signal.Signals(-status).name
    return f"Exit{status}"
