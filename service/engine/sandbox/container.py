"""One container as the engine sees it: run code, place and read files, end it."""

import asyncio
import contextlib
import itertools
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

from service.engine.sandbox import frames, meter
from service.engine.sandbox.contract import CellResult, Entry, FileRefused, Logs, Outcome, SandboxDown
from service.engine.sandbox.directory import Directory
from service.engine.sandbox.interpreter import Death, Interpreter, Ran
from service.engine.sandbox.load import Load
from service.engine.sandbox.workshop import MOUNT_POINT, Vessel


class Kernel:
    """A confined Python process with a private /mnt/data. Made by `Sandbox.spawn`; ended by `close`."""

    def __init__(
        self,
        interpreter: Interpreter,
        vessel: Vessel,
        *,
        alias: str | None,
        compiled: Callable[[str], bytes],
        load: Load,
        again: Callable[["Kernel"], Awaitable[Interpreter]],
        release: Callable[["Kernel"], Awaitable[None]],
    ) -> None:
        self.limits = vessel.limits
        self.killed = 0
        self._interpreter = interpreter
        self._vessel = vessel
        self._alias = alias
        self._compiled = compiled
        self._load = load
        self._again = again
        self._release = release
        self._turn = asyncio.Lock()
        self._meter: meter.Meter | None = None
        self._watching: asyncio.Task[None] | None = None
        self._memory_exceeded = False
        self._closed = False
        self._closing: asyncio.Task[None] | None = None

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
        frame = frames.Run(0, code, self._alias or MOUNT_POINT, self._compiled(code))
        async with self._turn:
            self._watch_every(meter.SECONDS)
            try:
                with self._load:
                    ran = await self._interpreter.run(frame, seconds=seconds, output_bytes=self.limits.output_bytes)
            finally:
                self._watch_every(meter.IDLE_SECONDS)  # a cell may leave something running
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
            self._memory_exceeded, self._meter = False, None
            self._interpreter = await self._again(self)

    async def close(self) -> None:
        """Kill, reap and unlink everything. May be called again."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close())
        await asyncio.shield(self._closing)  # a caller who leaves must not leave a container behind

    async def _close(self) -> None:
        self._closed = True
        if self._watching is not None:
            self._watching.cancel()
        await self._interpreter.close()
        await self._release(self)

    async def put(self, name: str, source: Path) -> Entry:
        """Place a copy of `source` in /mnt/data; a taken name gets a number. Raises FileRefused."""
        return await self._directory().put(name, source)

    async def scan(self) -> list[Entry]:
        """The regular files below /mnt/data, at most `Limits.files` of them, sorted by path."""
        return await self._directory().scan()

    def open(self, path: str) -> int:
        """A read-only descriptor that the caller closes; works after the kernel died. Raises FileRefused."""
        return self._directory().open(path)

    async def remove(self, path: str) -> None:
        """Unlink one file. Raises FileRefused."""
        await self._directory().remove(path)

    def _directory(self) -> Directory:
        if self._closed or self._vessel.directory is None:
            raise FileRefused(MOUNT_POINT, "the container was closed")
        return self._vessel.directory

    def _watch_every(self, seconds: float) -> None:
        """Stand in for the walls that this machine has not."""
        vessel = self._vessel
        if self._watching is not None:
            self._watching.cancel()
        if self.alive and self._interpreter.pidfds and (vessel.unwalled or vessel.path is not None):
            if self._meter is None:  # before the first cell: what is resident now is the zygote's
                self._meter = meter.Meter(self._interpreter.pidfds, vessel.uid if vessel.sweeps else None)
            self._watching = asyncio.create_task(self._watch(self._interpreter, self._meter, seconds))

    async def _watch(self, interpreter: Interpreter, looks: meter.Meter, seconds: float) -> None:
        for number in itertools.count(1):
            await asyncio.sleep(seconds)
            if interpreter.dead.is_set() or self._vessel.directory is None:
                return
            looks_at_disk = seconds > meter.SECONDS or number % meter.DISK_EVERY == 0
            why = await self._excess(looks, self._vessel.directory, looks_at_disk=looks_at_disk)
            if why is not None:
                interpreter.kill(why)
                return

    async def _excess(self, looks: meter.Meter, directory: Directory, *, looks_at_disk: bool) -> str | None:
        vessel = self._vessel
        if vessel.unwalled:
            in_memory = 0 if vessel.path is not None else directory.used_bytes()
            if excess := looks.excess(self.limits, in_memory):
                why, self._memory_exceeded = excess
                return why
        if vessel.path is not None and looks_at_disk:
            return await asyncio.to_thread(meter.disk_excess, self.limits, directory, looks.pids(), vessel.uid)
        return None

    def _result(self, ran: Ran) -> CellResult:
        outputs = [Logs(self._plain(part.text)) if isinstance(part, Logs) else part for part in ran.outputs]
        if ran.done is None:
            outcome, name, why = self._postmortem()
            return CellResult(outputs, outcome, name, why, ran.seconds)
        outcome = Outcome.ERROR if ran.done.error_name else Outcome.OK
        if ran.interrupted and ran.done.error_name == "KeyboardInterrupt":
            outcome = Outcome.INTERRUPTED
        return CellResult(
            outputs, outcome, ran.done.error_name, self._plain(ran.done.traceback or "") or None, ran.seconds
        )

    def _plain(self, text: str) -> str:
        return text.replace(self._alias, MOUNT_POINT) if self._alias is not None else text

    def _postmortem(self) -> tuple[Outcome, str, str]:
        death = self._interpreter.death or Death(None, "was closed")
        is_walled = death.status == -signal.SIGKILL and death.reason is None and self._vessel.group.out_of_memory()
        if self._memory_exceeded or is_walled:
            limit = self.limits.memory_bytes >> 20
            return Outcome.MEMORY, "MemoryError", f"the kernel was killed: it passed the memory limit of {limit} MiB"
        if death.reason is not None:
            self.killed += 1
            return Outcome.KILLED, "Killed", f"the kernel was killed: it {death.reason}"
        name, how = _end_of(death.status)
        return Outcome.DIED, name, f"the kernel {how}"


def _end_of(status: int | None) -> tuple[str, str]:
    """An end that nobody here brought about: its name, and what is known of it."""
    if status is None:
        return "Lost", "ended together with the process that watched it"
    if status >= 0:
        return f"Exit{status}", f"ended itself with exit status {status}"
    with contextlib.suppress(ValueError):
        name = signal.Signals(-status).name
        return name, f"died of the signal {name}"
    return f"Signal{-status}", f"died of the signal {-status}"
