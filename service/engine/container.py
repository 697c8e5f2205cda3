"""One container: its life, its kernel while it has one, and the rows of its files.

It keeps what the code made apart from what the caller brought, serialises calls, and turns what a cell gave into outputs. It does not
know responses, requests or the database.
"""

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import anyio
import msgspec

from service.engine.cell import Cell, outputs_of
from service.engine.citations import DIRECTORY
from service.engine.errors import (
    ApiError,
    ContainerExpired,
    ContainerFileNotFound,
    CursorNotFound,
    InvalidRequest,
    ServerError,
)
from service.engine.lifecycle import Event, Life, Status, after
from service.engine.sandbox import CellResult, Entry, FileRefused, Image, Kernel, Limits, Outcome, SandboxDown
from service.engine.wire import ContainerFile, ContainerFilePage, MemoryLimit, PageQuery, new_id

INTERRUPT_SECONDS = 0.5  # what a cell whose caller is gone gets between the interrupt and the kill
Clock = Callable[[], float]
_STATE_LOST = {Outcome.KILLED, Outcome.MEMORY, Outcome.DIED}


class _Known(msgspec.Struct):
    file: ContainerFile
    fingerprint: str


class Container:
    """A container that has, or had, a kernel.

    Args:
        kernel: Owned from here on; closed when the life ends.
        limits: The kernel's quotas; files and bytes are checked before an upload is copied in.
        clock: Gives unix seconds.
    """

    def __init__(
        self,
        *,
        name: str,
        memory_limit: MemoryLimit,
        idle_seconds: float,
        kernel: Kernel,
        limits: Limits,
        clock: Clock,
    ) -> None:
        now = clock()
        self.id = new_id("cntr")
        self.name = name
        self.memory_limit = memory_limit
        self.created_at = int(now)
        self.life = Life(last_active_at=now, idle_seconds=idle_seconds)
        self.sources: dict[str, str] = {}  # paths of files that came with requests, by upload id or content hash
        self._kernel = kernel
        self._limits = limits
        self._clock = clock
        self._files: dict[str, _Known] = {}
        self._places: dict[
            str, int
        ] = {}  # by file id, deleted ones too, so that a client can delete what it pages through
        self._files_lock = asyncio.Lock()
        self._calls_lock = asyncio.Lock()

    def happen(self, event: Event) -> None:
        """Move the life on, now."""
        self.life = after(self.life, event, self._clock())

    def files(self) -> dict[str, ContainerFile]:
        """The files by absolute path, as of the last scan."""
        return {path: known.file for path, known in self._files.items()}

    async def run(self, code: str, *, seconds: float) -> Cell:
        """Run one cell; calls wait for their turn. A cancelled caller's cell is interrupted, then killed, before this returns.

        Raises:
            ContainerExpired: The container ended while the call waited or ran.
            ServerError: The kernel is lost and no new one can be had.
        """
        async with self._calls_lock:
            self._check_running()
            self.happen(Event.BEGIN)
            try:
                result = await self._run(code, seconds)
                if result.outcome in _STATE_LOST:
                    await self._renew()
                pictures = [each.png for each in result.outputs if isinstance(each, Image)]
                figures = [file for png in pictures if (file := await self._keep_figure(png))]
                made = await self.refresh()
            finally:
                self.happen(Event.END)
        return Cell(
            outputs=outputs_of(result, seconds),
            is_ok=result.outcome is Outcome.OK,
            made=figures + made,
            figures=len(figures),
            seconds=result.seconds,
        )

    async def _run(self, code: str, seconds: float) -> CellResult:
        cell = asyncio.create_task(self._kernel.run(code, seconds=seconds))
        try:
            return await asyncio.shield(cell)
        except asyncio.CancelledError:
            with anyio.CancelScope(shield=True):
                await self._stop(cell)
            raise

    async def _stop(self, cell: asyncio.Task[CellResult]) -> None:
        """Interrupt a cell, then kill it; the container can run the next one, unless it has ended."""
        await self._kernel.interrupt()
        await asyncio.wait([cell], timeout=INTERRUPT_SECONDS)
        if not cell.done() or cell.exception() or cell.result().outcome in _STATE_LOST:
            with suppress(ApiError):  # deleted meanwhile, or lost for good: the next call will be told
                await self._renew()
        await asyncio.wait([cell])

    async def _renew(self) -> None:
        self._check_running()
        try:
            await self._kernel.restart()
        except SandboxDown as error:
            self.happen(Event.LOSE)
            await self.close()
            raise ServerError("The container was lost while code ran in it.") from error

    async def _keep_figure(self, png: bytes) -> ContainerFile | None:
        """Make a picture that was shown a file too; None where there is no room for one: then it was only shown."""
        identifier = new_id("cfile")
        with in_memory(png) as source, suppress(InvalidRequest):
            return await self.add(source, f"{identifier}.png", size=len(png), identifier=identifier, by_user=False)
        return None

    async def add(
        self, source: Path, name: str, *, size: int, identifier: str | None = None, by_user: bool = True
    ) -> ContainerFile:
        """Copy a file in; a taken name gets a suffix.

        Raises:
            InvalidRequest: The container's quota of files or bytes would be passed, or the name cannot be used.
            ContainerExpired: The container has ended.
        """
        async with self._files_lock:
            self._check_running()
            self._check_quota(size)
            try:
                entry = await self._kernel.put(name, source)
            except FileRefused as error:
                raise InvalidRequest(
                    f"The file cannot be placed in the container: {error.reason}.", param="file", code="invalid_value"
                ) from error
            return self._learn(entry, identifier or new_id("cfile"), by_user=by_user)

    def _check_quota(self, size: int) -> None:
        if len(self._files) >= self._limits.files:
            raise InvalidRequest(
                f"The container holds {len(self._files)} files, which is its limit.",
                param="file",
                code="quota_exceeded",
            )
        used = sum(known.file.bytes for known in self._files.values())
        if used + size > self._limits.disk_bytes:
            raise InvalidRequest(
                f"The container's files may have {self._limits.disk_bytes} bytes in total; {used} are used.",
                param="file",
                code="quota_exceeded",
            )

    async def refresh(self) -> list[ContainerFile]:
        """Look at the container's files again; returns those that are new or rewritten, which are the assistant's."""
        async with self._files_lock:
            self._check_running()
            entries = {DIRECTORY + entry.path: entry for entry in await self._kernel.scan()}
            self._files = {path: known for path, known in self._files.items() if path in entries}
            return [
                self._learn(entry, new_id("cfile"), by_user=False)
                for path, entry in entries.items()
                if path not in self._files or self._files[path].fingerprint != entry.fingerprint
            ]

    def _learn(self, entry: Entry, identifier: str, *, by_user: bool) -> ContainerFile:
        path = DIRECTORY + entry.path
        file = ContainerFile(
            id=identifier,
            bytes=entry.bytes,
            container_id=self.id,
            created_at=int(self._clock()),
            path=path.encode(errors="replace").decode(),
            source="user" if by_user else "assistant",
        )
        self._files.pop(path, None)  # a rewritten file moves to the end: the order is that of making
        self._files[path] = _Known(file, entry.fingerprint)
        self._places[identifier] = len(self._places)
        return file

    async def page(self, query: PageQuery) -> ContainerFilePage:
        """One page of the files: the first as they are now, later ones as they were when it was asked for.

        Raises:
            CursorNotFound: ``after`` never named one of them.
        """
        if query.after is None:
            await self.refresh()
        is_descending = query.order == "desc"
        files = [known.file for known in self._files.values()]
        if query.after is not None:
            place = self._places.get(query.after)
            if place is None:
                raise CursorNotFound(query.after)
            files = [
                file for file in files if (self._places[file.id] < place) is is_descending and file.id != query.after
            ]
        ordered = files[::-1] if is_descending else files
        data = ordered[: query.limit]
        more = len(ordered) > query.limit
        return ContainerFilePage(data, data[0].id if data else None, data[-1].id if data else None, more)

    def file(self, identifier: str) -> ContainerFile:
        """A file's row.

        Raises:
            ContainerFileNotFound: No such file, as of the last scan.
        """
        return self._find(identifier)[1].file

    def _find(self, identifier: str) -> tuple[str, _Known]:
        for path, known in self._files.items():
            if known.file.id == identifier:
                return path, known
        raise ContainerFileNotFound(identifier, container_id=self.id)

    def open(self, identifier: str) -> int:
        """A read-only descriptor on a file, which the caller closes.

        Raises:
            ContainerFileNotFound: No such file, or what lies there now is none.
        """
        path, _ = self._find(identifier)
        try:
            return self._kernel.open(path.removeprefix(DIRECTORY))
        except FileRefused as error:
            raise ContainerFileNotFound(identifier, container_id=self.id) from error

    async def remove(self, identifier: str) -> None:
        """Unlink a file.

        Raises:
            ContainerFileNotFound: No such file.
        """
        async with self._files_lock:
            self._check_running()
            path, _ = self._find(identifier)
            try:
                await self._kernel.remove(path.removeprefix(DIRECTORY))
            except FileRefused as error:
                raise ContainerFileNotFound(identifier, container_id=self.id) from error
            finally:
                self._files.pop(path, None)

    async def close(self) -> None:
        """End the kernel and unlink everything it held. May be called again."""
        self._files.clear()
        await self._kernel.close()

    def _check_running(self) -> None:
        if self.life.status is not Status.RUNNING:
            raise ContainerExpired


@contextmanager
def in_memory(content: bytes) -> Iterator[Path]:
    """Give bytes a path for the length of the ``with``: a file without a name and without a disk (memfd_create(2))."""
    with open(os.memfd_create("content"), "wb") as file:  # noqa: PTH123 - a descriptor, not a path
        file.write(content)
        file.flush()
        yield Path(f"/proc/self/fd/{file.fileno()}")
