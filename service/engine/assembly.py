"""The engine put together: what the routes work with, started in order and ended in the reverse one.

It also owns the sweep, the only thing that happens without a request. It knows no HTTP.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import structlog

from service.engine import machine
from service.engine.container import Clock
from service.engine.containers import Containers
from service.engine.context import Contexts
from service.engine.counting import Counting
from service.engine.files import Files
from service.engine.memory import Memory
from service.engine.models import Model, Models
from service.engine.program import Program
from service.engine.response import Ended
from service.engine.responses import Responses
from service.engine.sandbox import Isolation, Limits, Sandbox
from service.engine.state import State
from service.spool import Spool

SWEEP_SECONDS = 30.0
# A tier is a ceiling, not a reservation: an idle container holds a few megabytes. What is really free is asked for at every creation.
_OVERSUBSCRIPTION = 16
_UNBOUNDED_BYTES = 1 << 50
_log = structlog.get_logger("recast.engine")


class Engine:
    """What routes need. Made by ``assembled``, which also ends it."""

    def __init__(
        self,
        *,
        sandbox: Sandbox,
        state: State,
        models: Models,
        limits: Limits,
        max_file_bytes: int,
        max_idle_minutes: int,
        largest_bytes: int,
        run_seconds: float,
        call_seconds: float,
        keep_alive_seconds: float,
        packages: list[str],
        clock: Clock,
        tell: Callable[[Ended], None],
    ) -> None:
        self.sandbox = sandbox
        self.models = models
        self.max_file_bytes = max_file_bytes
        self.keep_alive_seconds = keep_alive_seconds
        self.spool = Spool(state.directory / "spool")
        self.files = Files(state, clock=clock)
        self.containers = Containers(
            state,
            sandbox,
            self.files,
            limits=limits,
            max_minutes=max_idle_minutes,
            largest_bytes=largest_bytes,
            clock=clock,
        )
        memory = Memory(state)
        contexts = Contexts(memory=memory, containers=self.containers, files=self.files)
        self.counting = Counting(models=models, contexts=contexts, packages=packages)
        self.responses = Responses(
            memory=memory,
            contexts=contexts,
            containers=self.containers,
            models=models,
            run_seconds=run_seconds,
            call_seconds=call_seconds,
            packages=packages,
            tell=tell,
        )
        self._state = state

    async def sweep(self) -> None:
        """Expire what is due and forget what is old."""
        await self.containers.sweep()
        await self.files.sweep()
        self.responses.sweep()
        await self._state.checkpoint()

    async def close(self) -> None:
        """End runs, then containers, then files in flight, then models."""
        await self.responses.close()
        await self.containers.close()
        self.spool.close()
        await self.models.close()


@asynccontextmanager
async def assembled(
    *,
    python: Path,
    min_isolation: Isolation,
    data_dir: Path | None,
    models: Sequence[Model],
    memory_overcommit: bool,
    reserve: int,
    warm: Sequence[str],
    limits: Limits,
    max_file_bytes: int,
    max_idle_minutes: int,
    run_seconds: float,
    call_seconds: float,
    keep_alive_seconds: float,
    clock: Clock,
    tell: Callable[[Ended], None],
) -> AsyncIterator[Engine]:
    """An engine that runs, until the context ends.

    Raises:
        SandboxError: Containers cannot be made here as safely as asked for.
    """
    async with AsyncExitStack() as stack:
        sandbox = await Sandbox.start(
            python=python,
            min_isolation=min_isolation,
            reserve=reserve,
            warm=warm,
            budget_bytes=_UNBOUNDED_BYTES if memory_overcommit else _OVERSUBSCRIPTION * machine.total_bytes(),
        )
        stack.push_async_callback(sandbox.close)
        state = State(data_dir)
        stack.callback(state.close)
        engine = Engine(
            sandbox=sandbox,
            state=state,
            models=Models([Program(), *models]),
            limits=limits,
            max_file_bytes=max_file_bytes,
            max_idle_minutes=max_idle_minutes,
            largest_bytes=_UNBOUNDED_BYTES if memory_overcommit else machine.total_bytes(),
            run_seconds=run_seconds,
            call_seconds=call_seconds,
            keep_alive_seconds=keep_alive_seconds,
            packages=[package.name for package in await sandbox.packages()],
            clock=clock,
            tell=tell,
        )
        stack.push_async_callback(engine.close)
        sweeper = asyncio.create_task(_sweep_for_ever(engine))
        stack.callback(sweeper.cancel)
        yield engine


async def _sweep_for_ever(engine: Engine) -> None:
    while True:
        await asyncio.sleep(SWEEP_SECONDS)
        try:
            await engine.sweep()
        except Exception:  # noqa: BLE001 - the reaper goes on, whatever one round met
            _log.exception("a sweep broke")
