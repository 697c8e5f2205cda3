"""The sandbox: zygotes, the reserve of parked containers, and admission by the sum of memory limits."""

from pathlib import Path
from typing import Self

from service.engine.sandbox.container import Kernel
from service.engine.sandbox.contract import Counts, Isolation, Limits, Package


class Sandbox:
    """Makes containers. One per engine process."""

    isolation: Isolation

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
        raise NotImplementedError

    async def spawn(self, *, family: str = "general", limits: Limits | None = None) -> Kernel:
        """A fresh container. An unknown family is served by `general`. Raises SandboxFull, SandboxDown."""
        raise NotImplementedError

    async def ping(self) -> None:
        """Fork a container and get an answer from it. Raises SandboxDown."""
        raise NotImplementedError

    async def packages(self) -> list[Package]:
        """What kernels can import, sorted by name."""
        raise NotImplementedError

    def counts(self) -> Counts:
        """The present numbers, for metrics."""
        raise NotImplementedError

    async def close(self) -> None:
        """End every container and zygote; leave nothing behind."""
        raise NotImplementedError
