"""All containers of the engine: made, found, listed, expired, deleted; and their rows, which outlive their files.

The clock's verdict is asked for at every use and by a sweep, so an answer never depends on when the sweep last ran. It knows nothing of
responses.
"""

import asyncio
from collections.abc import Iterable

import anyio
import msgspec

from service.engine import machine
from service.engine.container import Clock, Container
from service.engine.errors import Busy, ContainerExpired, ContainerNotFound, CursorNotFound, InvalidRequest, Unavailable
from service.engine.files import Files
from service.engine.lifecycle import Event, Life, Status, after, at
from service.engine.sandbox import Limits, Package, Sandbox, SandboxDown, SandboxFull
from service.engine.state import State, Table, UnknownCursor
from service.engine.wire import (
    MEMORY_BYTES,
    ContainerPage,
    ContainerQuery,
    ExpiresAfter,
    File,
    MemoryLimit,
)
from service.engine.wire import Container as Resource

DEFAULT_MINUTES = 20
LEAST_FREE_BYTES = 256 << 20
ROWS_KEPT = 10_000
_DISK_GROWS_BYTES = 2 << 30  # of memory: files may be memory and count as such, so they get half of a larger tier
_ON_DISK_BYTES = 16 << 30  # of memory: from here on that half is more than a machine should hold in memory
_WRITE_SECONDS = 1.0  # last_active_at is written at most so often


class Row(msgspec.Struct, kw_only=True):
    """What is remembered of a container."""

    id: str
    name: str
    created_at: int
    memory_limit: MemoryLimit
    life: Life


class Containers:
    """The containers by id.

    Args:
        state: Where rows are kept. Rows that say running belong to an engine that is gone, and expire at once.
        sandbox: Makes kernels.
        files: The uploads that ``file_ids`` name.
        limits: Quotas of a container in the smallest tier; memory and disk grow with the tier.
        max_minutes: The longest ``expires_after`` a caller may ask for.
        largest_bytes: The largest memory tier granted; larger ones are refused.
        clock: Gives unix seconds.
    """

    def __init__(
        self,
        state: State,
        sandbox: Sandbox,
        files: Files,
        *,
        limits: Limits,
        max_minutes: int,
        largest_bytes: int,
        clock: Clock,
    ) -> None:
        self._rows = Table(state.connection, "containers", Row)
        self._sandbox = sandbox
        self._files = files
        self._limits = limits
        self._max_minutes = max_minutes
        self._largest_bytes = largest_bytes
        self._clock = clock
        self._live: dict[str, Container] = {}
        now = clock()
        for row in self._rows.all():
            if row.life.status is Status.RUNNING:
                life = msgspec.structs.replace(after(row.life, Event.LOSE, now), calls=0)
                self._rows.put(row.id, msgspec.structs.replace(row, life=life))

    async def create(
        self,
        *,
        name: str,
        family: str,
        memory_limit: MemoryLimit | None = None,
        expires_after: ExpiresAfter | None = None,
        file_ids: Iterable[str] = (),
        path: str = "",
    ) -> Container:
        """A new container with copies of the uploads in it.

        Args:
            name: Shown, never interpreted; may be taken.
            family: Which preloaded libraries the kernel starts with.
            memory_limit: None for the smallest.
            expires_after: None for the default.
            file_ids: Ids of uploads; all are looked up before anything is made.
            path: The request's parameter that holds these arguments, for error messages.

        Raises:
            InvalidRequest: The tier or the expiry is more than this engine grants, or the files do not fit.
            FileNotFound: An upload does not exist.
            Busy: No memory is left for a container of this tier.
            Unavailable: The sandbox is down.
        """
        memory_limit = memory_limit or "1g"
        self._check_tier(memory_limit, f"{path}memory_limit")
        minutes = expires_after.minutes if expires_after else min(DEFAULT_MINUTES, self._max_minutes)
        if minutes > self._max_minutes:
            raise InvalidRequest.number(f"{path}expires_after.minutes", minutes, self._max_minutes, above=True)
        uploads = self.uploads(file_ids)
        memory_bytes = MEMORY_BYTES[memory_limit]
        disk_bytes = self._limits.disk_bytes * max(1, memory_bytes // _DISK_GROWS_BYTES)
        on_disk = self._limits.on_disk or memory_bytes >= _ON_DISK_BYTES
        limits = msgspec.structs.replace(
            self._limits, memory_bytes=memory_bytes, disk_bytes=disk_bytes, on_disk=on_disk
        )
        if machine.available_bytes() < LEAST_FREE_BYTES:
            raise Busy("No memory is free for another container; retry shortly.", retry_seconds=5.0)
        try:
            kernel = await self._sandbox.spawn(family=family, limits=limits)
        except SandboxFull as error:
            raise Busy("No memory is free for another container; retry shortly.", retry_seconds=5.0) from error
        except SandboxDown as error:
            raise Unavailable("No container can be made now.") from error
        container = Container(
            name=name,
            memory_limit=memory_limit,
            idle_seconds=minutes * 60.0,
            kernel=kernel,
            limits=limits,
            clock=self._clock,
        )
        try:
            await self.bring(container, uploads)
        except BaseException:  # a caller who left leaves no container
            with anyio.CancelScope(shield=True):
                await container.close()
            raise
        self._live[container.id] = container
        self._write(container)
        return container

    def uploads(self, file_ids: Iterable[str]) -> list[File]:
        """The uploads of these ids, each once.

        Raises:
            FileNotFound: One does not exist.
        """
        return [self._files.get(identifier) for identifier in dict.fromkeys(file_ids)]

    async def bring(self, container: Container, uploads: Iterable[File]) -> None:
        """Copy uploads in, but for those that came before.

        Raises:
            InvalidRequest: They do not fit.
        """
        for upload in uploads:
            if upload.id not in container.sources:
                file = await container.add(self._files.path(upload), upload.filename, size=upload.bytes)
                container.sources[upload.id] = file.path

    def _check_tier(self, memory_limit: MemoryLimit, param: str) -> None:
        if MEMORY_BYTES[memory_limit] > self._largest_bytes:
            granted = [tier for tier, size in MEMORY_BYTES.items() if size <= self._largest_bytes]
            most = f"at most '{granted[-1]}'" if granted else "no container at all"
            raise InvalidRequest(
                f"Invalid value: '{memory_limit}'. This machine's memory allows {most}.",
                param=param,
                code="invalid_value",
            )

    def _settle(self, identifier: str) -> Container | None:
        """The live container after the clock's verdict; None when it is not live (any more)."""
        container = self._live.get(identifier)
        if container is not None:
            container.life = at(container.life, self._clock())
        return container

    async def use(self, identifier: str) -> Container:
        """A running container, used now.

        Raises:
            ContainerNotFound: No such container.
            ContainerExpired: Its time was over.
        """
        container = self._settle(identifier)
        if container is None and self._rows.get(identifier) is None:
            raise ContainerNotFound(identifier)
        if container is None or container.life.status is not Status.RUNNING:
            await self._end(identifier)
            raise ContainerExpired
        container.happen(Event.USE)
        self._write_soon(container)
        return container

    async def describe(self, identifier: str) -> Resource:
        """The container as the wire shows it, expired ones too; counts as a use.

        Raises:
            ContainerNotFound: No such container.
        """
        try:
            return _resource(_row(await self.use(identifier)))
        except ContainerExpired:
            row = self._rows.get(identifier)
            if row is None:
                raise ContainerNotFound(identifier) from None
            return _resource(row)

    def page(self, query: ContainerQuery) -> ContainerPage:
        """One page of the list, expired ones too; no container is used by it.

        Raises:
            CursorNotFound: ``after`` names no container.
        """
        try:
            rows, more = self._rows.page(after=query.after, limit=query.limit, order=query.order, label=query.name)
        except UnknownCursor:
            raise CursorNotFound(query.after or "") from None
        live = (self._settle(row.id) for row in rows)
        data = [_resource(_row(now) if now else row) for row, now in zip(rows, live, strict=True)]
        return ContainerPage(data, data[0].id if data else None, data[-1].id if data else None, more)

    async def delete(self, identifier: str) -> None:
        """End a container and forget it.

        Raises:
            ContainerNotFound: No such container.
        """
        if not self._rows.delete(identifier):
            raise ContainerNotFound(identifier)
        container = self._live.pop(identifier, None)
        if container is not None:
            container.happen(Event.DELETE)
            await container.close()

    async def sweep(self) -> None:
        """End every container whose time is over, and forget the oldest rows of others past ``ROWS_KEPT``."""
        for identifier in list(self._live):
            container = self._settle(identifier)
            if container is not None and container.life.status is not Status.RUNNING:
                await self._end(identifier)
        self._rows.keep_newest(ROWS_KEPT, spare=self._live)

    async def _end(self, identifier: str) -> None:
        container = self._live.pop(identifier, None)
        if container is not None:
            self._write(container)
            await container.close()

    async def packages(self) -> list[Package]:
        """What containers can import."""
        return await self._sandbox.packages()

    async def close(self) -> None:
        """End every container; their rows say expired."""
        for container in self._live.values():
            container.happen(Event.LOSE)
        await asyncio.gather(*(self._end(identifier) for identifier in list(self._live)))

    def _write(self, container: Container) -> None:
        self._rows.put(container.id, _row(container), label=container.name)

    def _write_soon(self, container: Container) -> None:
        row = self._rows.get(container.id)
        if row is None or container.life.last_active_at - row.life.last_active_at >= _WRITE_SECONDS:
            self._write(container)


def _row(container: Container) -> Row:
    return Row(
        id=container.id,
        name=container.name,
        created_at=container.created_at,
        memory_limit=container.memory_limit,
        life=container.life,
    )


def _resource(row: Row) -> Resource:
    return Resource(
        id=row.id,
        name=row.name,
        created_at=row.created_at,
        status=row.life.status.value,
        last_active_at=int(row.life.last_active_at),
        expires_after=ExpiresAfter(anchor="last_active_at", minutes=round(row.life.idle_seconds / 60)),
        memory_limit=row.memory_limit,
    )
