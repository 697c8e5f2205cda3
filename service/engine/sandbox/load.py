"""How many cells run, and whether a CPU is left for what can wait."""

import asyncio


class Load:
    """Entered for the length of each cell. `free` is set while fewer run than there are CPUs."""

    def __init__(self, cpus: int) -> None:
        self.free = asyncio.Event()
        self.free.set()
        self._cpus = cpus
        self._running = 0

    def __enter__(self) -> None:
        """A cell starts."""
        self._running += 1
        if self._running >= self._cpus:
            self.free.clear()

    def __exit__(self, *_: object) -> None:
        """It ended."""
        self._running -= 1
        if self._running < self._cpus:
            self.free.set()
