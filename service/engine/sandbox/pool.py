"""The sandbox: zygotes, the reserve of parked containers, and admission by the sum of memory limits."""

import asyncio
import contextlib
import itertools
import os
import shutil
import socket
import tempfile
import tomllib
from pathlib import Path
from typing import Self

from msgspec import Struct, convert

from service.engine.sandbox import frames
from service.engine.sandbox import isolation as iso
from service.engine.sandbox.container import Kernel
from service.engine.sandbox.contract import (
    Counts,
    Isolation,
    IsolationTooWeak,
    Limits,
    Outcome,
    Package,
    SandboxDown,
    SandboxFull,
)
from service.engine.sandbox.directory import Directory
from service.engine.sandbox.filters import compile_filter
from service.engine.sandbox.interpreter import Interpreter
from service.engine.sandbox.supervisor import Zygote
from service.engine.sandbox.view import View, lay_down_code, survey

_UID_BASE = 1_879_048_192  # systemd's list of ids calls 1879048192 to 2147352575 unused
_SLOTS = 60_000


class Family(Struct, frozen=True, forbid_unknown_fields=True):
    """A set of libraries that a zygote loads."""

    modules: list[str]
    prime: str = ""


class Sandbox:
    """Makes containers. One per engine process."""

    def __init__(self, view: View, isolation: Isolation, directory: Path) -> None:
        self.isolation = isolation
        self._view = view
        self._directory = directory
        self._families = load_families()
        self._zygotes: dict[str, asyncio.Task[Zygote]] = {}
        self._kernels: set[Kernel] = set()
        self._ids = itertools.count(1)
        self._spawned = 0
        self._budget = 1 << 60
        self._used = 0

    @classmethod
    async def start(
        cls,
        *,
        python: Path,
        min_isolation: Isolation,
        reserve: int = 2,
        budget_bytes: int | None = None,
    ) -> Self:
        """Test what this machine can give, for real, and get ready. Raises IsolationTooWeak, SandboxDown."""
        view = await survey(python)
        directory = Path(tempfile.mkdtemp(prefix="recast-sandbox-"))
        directory.chmod(0o711)
        await asyncio.to_thread(lay_down_code, directory / "code")
        return cls(view, Isolation.NAMESPACES, directory)

    async def spawn(self, *, family: str = "general", limits: Limits | None = None) -> Kernel:
        """A fresh container. An unknown family is served by `general`. Raises SandboxFull, SandboxDown."""
        limits = limits or Limits()
        zygote = await self._zygote(family if family in self._families else "general")
        number = next(self._ids)
        slot = number % _SLOTS + 1
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        output, writing = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(output, False)
        interpreter = Interpreter(ours, output)
        order = frames.Spawn(id=number, slot=slot if os.geteuid() == 0 else 0, disk_bytes=limits.disk_bytes, files=limits.files)
        try:
            with theirs:
                try:
                    _pid, pidfds, end = await zygote.spawn(order, [theirs.fileno(), writing])
                finally:
                    os.close(writing)
            handed = await interpreter.attach(pidfds, end)
        except SandboxDown:
            await interpreter.close()
            raise
        await interpreter.assign(frames.Assign(limits.memory_bytes, limits.processes))
        for fd in handed[1:]:
            os.close(fd)
        directory = Directory(handed[0], _UID_BASE + slot if os.geteuid() == 0 else None, limits.files)
        kernel = Kernel(interpreter, directory, limits, again=self._again, release=self._release, out_of_memory=lambda: False)
        self._kernels.add(kernel)
        self._spawned += 1
        return kernel

    async def _again(self, kernel: Kernel) -> Interpreter:
        raise SandboxDown("not yet")

    async def _release(self, kernel: Kernel) -> None:
        self._kernels.discard(kernel)

    async def _zygote(self, family: str) -> Zygote:
        task = self._zygotes.get(family)
        if task is None or (task.done() and (task.exception() or task.result().closed.is_set())):
            task = self._zygotes[family] = asyncio.create_task(self._start_zygote(family))
        return await asyncio.shield(task)

    async def _start_zygote(self, family: str) -> Zygote:
        chosen = self._families[family]
        plan = frames.Plan(
            isolation=self.isolation.value,
            modules=chosen.modules,
            prime=chosen.prime,
            filter=compile_filter(self.isolation),
            landlock_abi=iso.landlock_abi(),
            readable=["/"],
            uid_base=_UID_BASE if os.geteuid() == 0 else None,
        )
        return await Zygote.start(self._view, plan, self._directory)

    async def ping(self) -> None:
        """Fork a container and get an answer from it. Raises SandboxDown."""
        kernel = await self.spawn(family="light")
        try:
            result = await kernel.run("pass", seconds=5)
        finally:
            await kernel.close()
        if result.outcome is not Outcome.OK:
            raise SandboxDown(f"a container answered {result.outcome}")

    async def packages(self) -> list[Package]:
        """What kernels can import, sorted by name."""
        return self._view.packages

    def counts(self) -> Counts:
        """The present numbers, for metrics."""
        return Counts(len(self._kernels), 0, len(self._zygotes), self._spawned, 0, self._used)

    async def close(self) -> None:
        """End every container and zygote; leave nothing behind."""
        for kernel in list(self._kernels):
            await kernel.close()
        for task in self._zygotes.values():
            with contextlib.suppress(SandboxDown):
                await (await task).close()
        await asyncio.to_thread(shutil.rmtree, self._directory, ignore_errors=True)


def load_families() -> dict[str, Family]:
    """The built-in families."""
    return convert(tomllib.loads(Path(__file__).with_name("families.toml").read_text()), dict[str, Family])
