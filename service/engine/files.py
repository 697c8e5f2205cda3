"""The Files API's uploads: their rows, their bytes on disk, and the end of both.

It knows nothing of containers; those copy an upload's bytes when they are made.
"""

from collections.abc import Callable
from pathlib import Path

import anyio
import msgspec

from service.engine.errors import CursorNotFound, FileNotFound
from service.engine.state import State, Table, UnknownCursor
from service.engine.wire import File, FileExpiry, FilePage, FileQuery, Purpose, new_id

PLACES_KEPT = 10_000  # of deleted uploads, by which a list can still be paged
Clock = Callable[[], float]


class Files:
    """Uploads by id.

    Args:
        state: Where rows and bytes are kept.
        clock: Gives unix seconds.
    """

    def __init__(self, state: State, *, clock: Clock) -> None:
        self._clock = clock
        self._directory = state.uploads
        self._rows = Table(state.connection, "files", File)
        self._drop_strays()

    def _drop_strays(self) -> None:
        known = {row.id for row in self._rows.all()}
        for path in self._directory.iterdir():
            if path.name not in known:
                path.unlink()

    async def keep(
        self, source: Path, *, size: int, filename: str, purpose: Purpose, expires_after: FileExpiry | None
    ) -> File:
        """Take over a file on the same file system; ``source`` is gone afterwards."""
        now = int(self._clock())
        file = File(
            id=new_id("file"),
            bytes=size,
            created_at=now,
            expires_at=now + expires_after.seconds if expires_after else msgspec.UNSET,
            filename=filename,
            purpose=purpose,
        )
        await anyio.to_thread.run_sync(source.rename, self._directory / file.id)
        self._rows.put(file.id, file, label=purpose)
        return file

    def get(self, identifier: str) -> File:
        """The upload's row.

        Raises:
            FileNotFound: No such upload, or its time is over.
        """
        file = self._rows.get(identifier)
        if file is None or _is_over(file, self._clock()):
            raise FileNotFound(identifier)
        return file

    def path(self, file: File) -> Path:
        """Where the bytes lie; to be read, never to be changed."""
        return self._directory / file.id

    def page(self, query: FileQuery) -> FilePage:
        """One page of the list.

        Raises:
            CursorNotFound: ``after`` names no upload.
        """
        try:
            rows, more = self._rows.page(after=query.after, limit=query.limit, order=query.order, label=query.purpose)
        except UnknownCursor:
            raise CursorNotFound(query.after or "") from None
        now = self._clock()
        rows = [row for row in rows if not _is_over(row, now)]
        return FilePage(rows, rows[0].id if rows else None, rows[-1].id if rows else None, more)

    async def delete(self, identifier: str) -> None:
        """Unlink the bytes, then forget the row.

        Raises:
            FileNotFound: No such upload.
        """
        file = self.get(identifier)
        await self._forget(file)

    async def sweep(self) -> None:
        """Delete the uploads whose ``expires_at`` has come, and forget where those deleted long ago stood in the list."""
        now = self._clock()
        for file in self._rows.all():
            if _is_over(file, now):
                await self._forget(file)
        self._rows.forget_deleted(PLACES_KEPT)

    async def _forget(self, file: File) -> None:
        self._rows.delete(file.id)
        await anyio.Path(self.path(file)).unlink(missing_ok=True)


def _is_over(file: File, now: float) -> bool:
    return isinstance(file.expires_at, int) and now >= file.expires_at
