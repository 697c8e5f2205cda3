"""The sandbox as a whole: which tier holds, which family serves, and how much memory is promised."""

import asyncio
import functools
import os
import resource
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from service.engine.sandbox import frames
from service.engine.sandbox.container import Kernel
from service.engine.sandbox.contract import (
    Counts,
    Isolation,
    IsolationTooWeak,
    Limits,
    Logs,
    Package,
    SandboxDown,
    SandboxFull,
)
from service.engine.sandbox.family import Family, built_in
from service.engine.sandbox.interpreter import Interpreter
from service.engine.sandbox.load import Load
from service.engine.sandbox.premises import Premises
from service.engine.sandbox.programs import Programs
from service.engine.sandbox.tier import advice, candidates, examination, verdict
from service.engine.sandbox.view import View, survey
from service.engine.sandbox.workshop import MOUNT_POINT, Vessel, Workshop

_DEFAULT_FAMILY = "general"
_PING_FAMILY = "light"
_PING_SECONDS = 5.0
_COMPILE_SECONDS = 10.0
_EXAMINATION_SECONDS = 20.0


class Sandbox:
    """Makes containers. One per engine process; made by `start`, ended by `close`."""

    def __init__(
        self,
        workshop: Workshop,
        view: View,
        premises: Premises,
        *,
        families: dict[str, Family],
        load: Load,
        budget_bytes: int,
    ) -> None:
        self.isolation = workshop.tier.isolation
        self.tier = workshop.tier
        self.budget_bytes = budget_bytes
        self._workshop = workshop
        self._view = view
        self._premises = premises
        self._families = families
        self._load = load
        self._kernels: dict[Kernel, tuple[Family, Vessel]] = {}
        self._promised_bytes = 0
        self._spawned = 0
        self._killed = 0
        self._warming: asyncio.Task[None] | None = None
        self._programs = Programs()

    @classmethod
    async def start(
        cls,
        *,
        python: Path,
        min_isolation: Isolation,
        reserve: int = 2,
        rotate_spawns: int = 2000,
        budget_bytes: int = sys.maxsize,
        warm: Sequence[str] = (),
    ) -> Self:
        """Test what this machine can give, for real, and get ready. Raises IsolationTooWeak, SandboxDown.

        Args:
            python: The interpreter of kernels; all it can import can be imported in containers.
            min_isolation: The weakest isolation to accept.
            reserve: Containers parked per family in use.
            rotate_spawns: How many containers a zygote makes before another takes over.
            budget_bytes: How much memory may be promised to containers in total.
            warm: Families whose zygotes are started in the background now instead of on first use.
        """
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # a container costs six descriptors
        view = await survey(python)
        premises = await Premises.claim()
        workshop = await _strongest(view, premises, min_isolation)
        load = Load(len(os.sched_getaffinity(0)))
        families = {
            name: Family(
                libraries,
                workshop,
                reserve=reserve,
                rotate_spawns=rotate_spawns,
                load=load,
            )
            for name, libraries in built_in().items()
        }
        sandbox = cls(workshop, view, premises, families=families, load=load, budget_bytes=budget_bytes)
        sandbox._warming = asyncio.create_task(sandbox._warm(warm))
        return sandbox

    async def spawn(self, *, family: str = _DEFAULT_FAMILY, limits: Limits | None = None) -> Kernel:
        """A fresh container. An unknown family is served by `general`. Raises SandboxFull, SandboxDown."""
        limits = limits or Limits()
        if self._promised_bytes + limits.memory_bytes > self.budget_bytes:
            raise SandboxFull(limits.memory_bytes, self.budget_bytes - self._promised_bytes)
        self._promised_bytes += limits.memory_bytes
        chosen = self._families.get(family) or self._families[_DEFAULT_FAMILY]
        try:
            parked = await chosen.take(limits)
        except BaseException:  # cancelled too, or the bytes would be promised for ever
            self._promised_bytes -= limits.memory_bytes
            raise
        parked.vessel.limits = limits
        kernel = Kernel(
            parked.interpreter,
            parked.vessel,
            alias=self._workshop.alias(parked.vessel),
            compiled=functools.partial(self._programs.compiled, compiler=functools.partial(self._compile, chosen)),
            load=self._load,
            again=self._again,
            release=self._release,
        )
        self._kernels[kernel] = (chosen, parked.vessel)
        self._spawned += 1
        try:
            self._assign(parked.vessel, parked.interpreter)
        except BaseException:  # nobody else has it yet
            await kernel.close()
            raise
        return kernel

    async def ping(self) -> None:
        """Fork a container and get an answer from it. Raises SandboxDown."""
        family = self._families[_PING_FAMILY]
        vessel, interpreter = await self._workshop.make(await family.zygote(), Limits())
        try:
            ran = await interpreter.run(_cell("pass"), seconds=_PING_SECONDS, output_bytes=0)
        finally:
            await interpreter.close()
            await self._workshop.discard(vessel)
        if ran.done is None or ran.done.error_name:
            raise SandboxDown("a container did not answer")

    async def packages(self) -> list[Package]:
        """What kernels can import, sorted by name."""
        return self._view.packages

    def counts(self) -> Counts:
        """The present numbers, for metrics."""
        families = self._families.values()
        return Counts(
            live=len(self._kernels),
            parked=sum(family.parked for family in families),
            zygotes=sum(family.zygotes for family in families),
            spawned=self._spawned,
            killed=self._killed,
            memory_bytes=self._promised_bytes,
        )

    async def close(self) -> None:
        """End every container and zygote; leave nothing behind."""
        if self._warming is not None:
            self._warming.cancel()
            await asyncio.gather(self._warming, return_exceptions=True)
        await self._programs.close()
        await asyncio.gather(*(kernel.close() for kernel in self._kernels))
        for family in self._families.values():
            await family.close()
        await self._premises.vacate()

    async def _compile(self, family: Family, source: str) -> bytes:
        """Compile a program in a container that does nothing else. Raises SandboxDown."""
        vessel, interpreter = await self._workshop.make(await family.zygote(), Limits())
        try:
            frame = frames.Run(0, source, MOUNT_POINT, compile_only=True)
            ran = await interpreter.run(frame, seconds=_COMPILE_SECONDS, output_bytes=0)
        finally:
            await interpreter.close()
            await self._workshop.discard(vessel)
        return ran.done.packed if ran.done is not None else b""

    async def _warm(self, families: Sequence[str]) -> None:
        for name in families:  # one after the other: the machine has other things to do at start
            try:
                await self._families[name].zygote()
            except SandboxDown:
                continue  # the first caller is told why

    def _assign(self, vessel: Vessel, interpreter: Interpreter) -> None:
        vessel.group.limit(vessel.limits)
        processes = vessel.limits.processes if self.tier.counts_processes else 0
        interpreter.assign(frames.Assign(vessel.limits.memory_bytes, processes))

    async def _again(self, kernel: Kernel) -> Interpreter:
        family, vessel = self._kernels[kernel]
        # By the zygote that made it, if it lives, current or not: a mount namespace can be joined only from within the user
        # namespace that it belongs to (setns(2)), and each zygote has its own.
        if vessel.zygote is None or vessel.zygote.closed.is_set():
            gone, vessel.zygote = vessel.zygote, await family.claim()
            family.done_with(gone)
        interpreter = await self._workshop.interpreter(vessel.zygote, vessel)
        self._assign(vessel, interpreter)
        return interpreter

    async def _release(self, kernel: Kernel) -> None:
        family, vessel = self._kernels.pop(kernel)
        self._killed += kernel.killed
        self._promised_bytes -= vessel.limits.memory_bytes
        await self._workshop.discard(vessel)
        family.done_with(vessel.zygote)


async def _strongest(view: View, premises: Premises, weakest: Isolation) -> Workshop:
    failures: list[str] = []
    try:
        for tier in candidates(premises.uid_base):
            workshop = Workshop(tier, view, premises.directory, premises.cgroups)
            failure = await _examine(workshop, premises.directory)
            if failure is None and tier.isolation.rank <= weakest.rank:
                return workshop
            if failure is None:
                raise IsolationTooWeak(weakest, tier.isolation, f"{advice()} ({'; '.join(failures)})")
            failures.append(f"{tier.isolation}: {failure}")
        raise IsolationTooWeak(weakest, None, f"{advice()} ({'; '.join(failures)})")
    except BaseException:  # Ctrl-C during the start too
        await premises.vacate()
        raise


async def _examine(workshop: Workshop, directory: Path) -> str | None:
    """Why a tier does not hold, or None."""
    secret = directory / "secret"
    secret.write_text(secrets.token_hex())
    try:
        zygote = await workshop.zygote([], "")
        try:
            vessel, interpreter = await workshop.make(zygote, Limits())
            try:
                code = examination(workshop.tier, secret)
                ran = await interpreter.run(_cell(code), seconds=_EXAMINATION_SECONDS, output_bytes=1 << 16)
            finally:
                await interpreter.close()
                await workshop.discard(vessel)
        finally:
            await zygote.close()
    except SandboxDown as error:
        return str(error)
    if ran.done is None or ran.done.traceback:
        return f"the examination broke off: {ran.done and ran.done.traceback}"
    printed = "".join(output.text for output in ran.outputs if isinstance(output, Logs))
    return f"a container could {', '.join(found)}" if (found := verdict(printed)) else None


def _cell(code: str) -> frames.Run:
    return frames.Run(0, code, MOUNT_POINT)
