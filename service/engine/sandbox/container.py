"""One container as the engine sees it: run code, place and read files, end it."""

from pathlib import Path

from service.engine.sandbox.contract import CellResult, Entry


class Kernel:
    """A confined Python process with a private /mnt/data. Made by `Sandbox.spawn`; ended by `close`."""

    alive: bool

    async def run(self, code: str, *, seconds: float) -> CellResult:
        """Run one cell. Never raises for what the code does; one call at a time."""
        raise NotImplementedError

    async def interrupt(self) -> None:
        """Raise KeyboardInterrupt in the running cell, if there is one."""
        raise NotImplementedError

    async def restart(self) -> None:
        """Replace the interpreter; /mnt/data stays. Raises SandboxDown."""
        raise NotImplementedError

    async def close(self) -> None:
        """Kill, reap and unlink everything. May be called again."""
        raise NotImplementedError

    async def put(self, name: str, source: Path) -> Entry:
        """Place a copy of `source` in /mnt/data; a taken name gets a suffix. Raises FileRefused."""
        raise NotImplementedError

    async def scan(self) -> list[Entry]:
        """The regular files below /mnt/data, at most `Limits.files` of them."""
        raise NotImplementedError

    def open(self, path: str) -> int:
        """A read-only descriptor that the caller closes; works after the kernel died. Raises FileRefused."""
        raise NotImplementedError

    async def remove(self, path: str) -> None:
        """Unlink one file. Raises FileRefused."""
        raise NotImplementedError
