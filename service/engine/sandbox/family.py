"""A family of libraries at run time: its zygote, replaced now and then, and its reserve of parked containers.

Containers of one zygote share the layout of its memory (ASLR), so a zygote serves a number of them and a time, then a new
one is made in the background and the old one ends with its last container. It must not know of admission.
"""

import asyncio
import contextlib
import tomllib
from collections import deque
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from msgspec import Struct, convert

from service.engine.sandbox.contract import Limits, SandboxDown
from service.engine.sandbox.interpreter import Interpreter
from service.engine.sandbox.load import Load
from service.engine.sandbox.supervisor import Zygote
from service.engine.sandbox.workshop import Vessel, Workshop

_ROTATE_SECONDS = 3600.0
_RETRY_SECONDS = 5.0
_REFILL_DELAY_SECONDS = 0.005  # the container just handed out comes first
_LONGEST_DELAY_SECONDS = 1.0
_DEMAND_SECONDS = 2.0
_KEEP_SECONDS = 30.0
_MAX_GROWTH = 4


class Libraries(Struct, frozen=True, forbid_unknown_fields=True):
    """What families.toml says of one family."""

    modules: list[str]
    prime: str = ""


def built_in() -> dict[str, Libraries]:
    """The families that ship with the sandbox."""
    return convert(tomllib.loads(Path(__file__).with_name("families.toml").read_text()), dict[str, Libraries])


class Parked(Struct, frozen=True):
    """A container that waits for its Assign."""

    vessel: Vessel
    interpreter: Interpreter


class Family:
    """Makes and parks containers of one family."""

    def __init__(
        self,
        libraries: Libraries,
        workshop: Workshop,
        *,
        reserve: int,
        rotate_spawns: int,
        load: Load,
    ) -> None:
        self._libraries = libraries
        self._workshop = workshop
        self._reserve = reserve
        self._rotate_spawns = rotate_spawns
        self._load = load
        self._loop = asyncio.get_running_loop()
        self._current: asyncio.Task[Zygote] | None = None
        self._born = 0.0
        self._all: set[Zygote] = set()
        self._in_use: dict[Zygote, int] = {}
        self._parked: deque[Parked] = deque()
        self._handed_out: deque[float] = deque(maxlen=_MAX_GROWTH * max(reserve, 1))
        self._chores: set[asyncio.Task[None]] = set()
        self._refilling = False
        self._shrinking: asyncio.TimerHandle | None = None
        self._closed = False

    @property
    def parked(self) -> int:
        """Containers that wait."""
        return len(self._parked)

    @property
    def zygotes(self) -> int:
        """Running zygotes, with those that only wait for their last container."""
        return len(self._all)

    async def zygote(self) -> Zygote:
        """The running zygote, started if need be. Raises SandboxDown."""
        if self._closed:
            raise SandboxDown("the sandbox is closed")
        current = self._current
        if current is None or (
            current.done() and (current.exception() is not None or current.result().closed.is_set())
        ):
            current = self._current = self._loop.create_task(self._start())
        return await asyncio.shield(current)

    async def take(self, limits: Limits) -> Parked:
        """A container: a parked one when one with this room for files waits, else a new one. Raises SandboxDown."""
        self._handed_out.append(self._loop.time())
        while self._parked:
            parked = self._parked.popleft()
            parked_for = parked.vessel.limits
            if parked.interpreter.ended or parked.vessel.zygote is None or parked.vessel.zygote.closed.is_set():
                self._chore(self.scrap(parked))
            elif not limits.on_disk and (parked_for.disk_bytes, parked_for.files) == (limits.disk_bytes, limits.files):
                self._refill_soon()
                return parked
            else:
                self._parked.appendleft(parked)
                break
        made = await self._make(limits)
        self._refill_soon()
        return made

    def done_with(self, zygote: Zygote | None) -> None:
        """A container of `zygote` has ended, or came to nothing."""
        if zygote is None or zygote not in self._in_use:
            return
        self._in_use[zygote] -= 1
        if not self._in_use[zygote] and not self._is_current(zygote):
            self._chore(self._end(zygote))

    async def claim(self) -> Zygote:
        """The running zygote, which from now on is not ended before `done_with`. Raises SandboxDown."""
        zygote = await self.zygote()
        self._in_use[zygote] = self._in_use.get(zygote, 0) + 1
        return zygote

    async def close(self) -> None:
        """End the parked containers and the zygotes."""
        self._closed = True
        if self._shrinking is not None:
            self._shrinking.cancel()
        for chore in list(self._chores):
            chore.cancel()
        await asyncio.gather(*self._chores, return_exceptions=True)
        if self._current is not None:
            with contextlib.suppress(SandboxDown):
                await self._current
        while self._parked:
            await self.scrap(self._parked.popleft())
        for zygote in list(self._all):
            await self._end(zygote)

    async def _start(self) -> Zygote:
        zygote = await self._workshop.zygote(self._libraries.modules, self._libraries.prime)
        self._all.add(zygote)
        self._born = self._loop.time()
        self._chore(self._mourn(zygote))
        return zygote

    async def _mourn(self, zygote: Zygote) -> None:
        """A zygote that dies takes its containers along; have a new one before anyone asks."""
        await zygote.closed.wait()
        self._all.discard(zygote)
        if self._is_current(zygote) and not self._closed:
            with contextlib.suppress(SandboxDown):  # the next caller is told
                await self.zygote()

    def _is_current(self, zygote: Zygote) -> bool:
        task = self._current
        return (
            task is not None
            and task.done()
            and not task.cancelled()
            and task.exception() is None
            and task.result() is zygote
        )

    async def _make(self, limits: Limits) -> Parked:
        zygote = await self.claim()
        try:
            made = await self._made(zygote, limits)
        except SandboxDown:
            if not zygote.closed.is_set():
                raise
            zygote = await self.claim()  # it died under us: once more with its successor
            made = await self._made(zygote, limits)
        if zygote.spawned >= self._rotate_spawns or self._loop.time() - self._born > _ROTATE_SECONDS:
            self._rotate(zygote)
        return made

    async def _made(self, zygote: Zygote, limits: Limits) -> Parked:
        try:
            return Parked(*await self._workshop.make(zygote, limits))
        except BaseException:  # cancelled too, or the zygote would never end
            self.done_with(zygote)
            raise

    def _rotate(self, old: Zygote) -> None:
        if not self._is_current(old) or any(chore.get_name() == "rotate" for chore in self._chores):
            return
        self._chore(self._replace(old), name="rotate")

    async def _replace(self, old: Zygote) -> None:
        task = self._loop.create_task(self._start())
        try:
            await asyncio.shield(task)
        except SandboxDown:
            await asyncio.sleep(_RETRY_SECONDS)  # the old one still serves
            return
        self._current = task
        if not self._in_use.get(old):
            await self._end(old)

    async def _end(self, zygote: Zygote) -> None:
        self._in_use.pop(zygote, None)
        self._all.discard(zygote)
        await zygote.close()

    def _refill_soon(self) -> None:
        if self._reserve and not self._refilling and not self._closed:
            self._refilling = True
            self._chore(self._refill())

    async def _refill(self) -> None:
        try:
            await asyncio.sleep(_REFILL_DELAY_SECONDS)
            while len(self._parked) < self._target():
                await self._a_free_moment()
                parked = await self._make(Limits())
                await parked.interpreter.rehearse()
                self._parked.append(parked)
            if len(self._parked) > self._reserve:
                self._shrink_later()
        except SandboxDown:
            await asyncio.sleep(_RETRY_SECONDS)
        finally:
            self._refilling = False

    async def _a_free_moment(self) -> None:
        """While cells wait for a CPU, nobody gains from a container that waits for a cell; but not for ever."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LONGEST_DELAY_SECONDS):
                await self._load.free.wait()

    def _shrink(self) -> None:
        """Some time after the last rush, keep no more than the setting says."""
        self._shrinking = None
        if self._loop.time() < self._handed_out[-1] + _KEEP_SECONDS:
            self._shrink_later()
            return
        while len(self._parked) > self._reserve:
            self._chore(self.scrap(self._parked.popleft()))

    def _shrink_later(self) -> None:
        if self._shrinking is None:
            self._shrinking = self._loop.call_later(_KEEP_SECONDS, self._shrink)

    def _target(self) -> int:
        """The setting, or as many as were asked for of late, up to four times the setting."""
        since = self._loop.time() - _DEMAND_SECONDS
        return max(self._reserve, sum(at > since for at in self._handed_out))

    async def scrap(self, parked: Parked) -> None:
        """End a container that nobody got."""
        await parked.interpreter.close()
        await self._workshop.discard(parked.vessel)
        self.done_with(parked.vessel.zygote)

    def _chore(self, work: Coroutine[Any, Any, None], name: str | None = None) -> None:
        task = self._loop.create_task(work, name=name)
        self._chores.add(task)
        task.add_done_callback(self._chores.discard)
