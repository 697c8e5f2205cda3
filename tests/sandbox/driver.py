"""Runs a Sandbox in a process of its own, as whom and with what the test says, and answers JSON lines on standard input.

A program: `python driver.py '{"python": …, "weakest": …, "like_docker": true}'`. The tests' end is in conftest.
"""

import asyncio
import base64
import errno
import json
import os
import socket
import sys
from pathlib import Path
from typing import Any

import msgspec

from service.engine.sandbox import Image, Isolation, Kernel, Limits, Sandbox

_CLONE_NAMESPACES = 0x7E020000


def like_docker() -> None:
    """What the seccomp profile of Docker and containerd refuses to a container without CAP_SYS_ADMIN."""
    from seccompy import Action, CmpOp, Filter  # noqa: PLC0415 - only this simulation

    profile = Filter(default=Action.ALLOW)
    for name in (
        "unshare",
        "mount",
        "umount2",
        "pivot_root",
        "setns",
        "open_tree",
        "move_mount",
        "fsopen",
        "mount_setattr",
    ):
        profile.errno(name, errno.EPERM)
    for bit in (1 << n for n in range(32) if _CLONE_NAMESPACES >> n & 1):
        profile.errno("clone", errno.EPERM, args=[(0, CmpOp.MASKED_EQ, bit, bit)])
    profile.errno("clone3", errno.ENOSYS)
    profile.load()


class Driver:
    """One request a line, answered when it is done: {"n": 1, "op": "run", …} gives {"n": 1, "ok": …} or {"n": 1, "error": …}."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._kernels: dict[int, Kernel] = {}

    async def answer(self, line: bytes) -> None:
        """Do what the line says."""
        request = json.loads(line)
        number, operation = request.pop("n"), request.pop("op")
        try:
            reply: dict[str, Any] = {"n": number, "ok": await getattr(self, f"op_{operation}")(**request)}
        except Exception as error:  # noqa: BLE001 - the test is told, whatever it was
            reply = {"n": number, "error": type(error).__name__, "detail": str(error)}
        sys.stdout.write(json.dumps(reply) + "\n")
        sys.stdout.flush()

    async def op_spawn(self, family: str, limits: dict[str, int]) -> int:
        kernel = await self._sandbox.spawn(family=family, limits=msgspec.convert(limits, Limits))
        self._kernels[id(kernel)] = kernel
        return id(kernel)

    async def op_abandon(self, milliseconds: int, *, on_disk: bool) -> None:
        async def use() -> None:
            kernel = await self._sandbox.spawn(family="light", limits=Limits(on_disk=on_disk))
            try:
                await kernel.run("import time; time.sleep(60)", seconds=60)
            finally:
                await kernel.close()

        task = asyncio.create_task(use())
        await asyncio.sleep(milliseconds / 1000)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def op_run(self, kernel: int, code: str, seconds: float) -> dict[str, Any]:
        result = await self._kernels[kernel].run(code, seconds=seconds)
        built = msgspec.to_builtins(result)
        built["images"] = [base64.b64encode(part.png).decode() for part in result.outputs if isinstance(part, Image)]
        built["logs"] = "".join(part["text"] for part in built.pop("outputs") if part["type"] == "logs")
        return dict(built)

    async def op_interrupt(self, kernel: int) -> None:
        await self._kernels[kernel].interrupt()

    async def op_restart(self, kernel: int) -> None:
        await self._kernels[kernel].restart()

    async def op_close(self, kernel: int) -> None:
        await self._kernels.pop(kernel).close()

    async def op_alive(self, kernel: int) -> bool:
        return self._kernels[kernel].alive

    async def op_put(self, kernel: int, name: str, source: str) -> Any:
        return msgspec.to_builtins(await self._kernels[kernel].put(name, Path(source)))

    async def op_scan(self, kernel: int) -> Any:
        return msgspec.to_builtins(await self._kernels[kernel].scan())

    async def op_read(self, kernel: int, path: str) -> str:
        with os.fdopen(self._kernels[kernel].open(path), "rb") as file:
            return base64.b64encode(file.read(1 << 20)).decode()

    async def op_remove(self, kernel: int, path: str) -> None:
        await self._kernels[kernel].remove(path)

    async def op_pids(self, kernel: int) -> list[int]:
        return [_host_pid(fd) for fd in self._kernels[kernel]._interpreter.pidfds]

    async def op_zygotes(self) -> list[int]:
        return [z._process.pid for family in self._sandbox._families.values() for z in family._all]

    async def op_ping(self) -> None:
        await self._sandbox.ping()

    async def op_about(self) -> dict[str, Any]:
        return {
            "isolation": self._sandbox.isolation,
            "pid": os.getpid(),
            "uid": os.geteuid(),
            "directory": str(self._sandbox._premises.directory),
            "empty_proc": self._sandbox.tier.empty_proc,
            "counts": msgspec.to_builtins(self._sandbox.counts()),
            "fds": len(os.listdir("/proc/self/fd")),  # noqa: PTH208 - a folder of numbers
        }


def _host_pid(fd: int) -> int:
    fields = dict(line.split(":", 1) for line in Path(f"/proc/self/fdinfo/{fd}").read_text().splitlines())
    return int(fields["Pid"])


async def main() -> None:
    """Serve until standard input ends."""
    settings = json.loads(sys.argv[1])
    if settings.get("like_docker"):
        like_docker()
    sandbox = await Sandbox.start(
        python=Path(settings["python"]),
        min_isolation=Isolation(settings["weakest"]),
        reserve=settings["reserve"],
        budget_bytes=settings.get("budget_bytes", sys.maxsize),
        rotate_spawns=settings.get("rotate_spawns", 2000),
    )
    await serve(Driver(sandbox))
    await sandbox.close()


async def serve(driver: Driver) -> None:
    """Answer until standard input ends."""
    abstract = socket.socket(socket.AF_UNIX)
    abstract.bind(f"\0recast-test-engine-{os.getpid()}")
    abstract.listen()
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    tasks = set()
    while line := await reader.readline():
        task = asyncio.create_task(driver.answer(line))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    await asyncio.gather(*tasks)
    abstract.close()


if __name__ == "__main__":
    asyncio.run(main())
