"""What the engine remembers beside kernels: rows of containers, uploads and responses, in SQLite, and where upload bytes lie.

One implementation for both ways of life: in memory and a private directory that vanish with the process, or, with a data directory,
a database file in WAL mode that survives a restart and a ``kill -9``. Rows are JSON of wire Structs; nothing here knows their meaning.
Statements touch single rows by an indexed key and take tens of microseconds, so they run on the event loop; only the checkpoint,
which waits for the disk, runs in a thread on a connection of its own.
"""

import asyncio
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")

_PAGES = {
    "asc": "SELECT body FROM {} WHERE seq > ? AND body IS NOT NULL AND (? IS NULL OR label = ?) ORDER BY seq ASC LIMIT ?",
    "desc": "SELECT body FROM {} WHERE seq < ? AND body IS NOT NULL AND (? IS NULL OR label = ?) ORDER BY seq DESC LIMIT ?",
}


class UnknownCursor(Exception):
    """``after`` names no row of this table."""


class Table(Generic[T]):
    """Rows in the order they were made, by id, each with a label to filter by.

    A deleted row leaves its id and its place, so that a client can delete what it pages through; ``keep_newest`` and ``forget_deleted`` drop these.

    Args:
        connection: The open database.
        name: The table's name; created if missing.
        row: The Struct that rows are.
    """

    def __init__(self, connection: sqlite3.Connection, name: str, row: type[T]) -> None:
        self._db = connection
        self._name = name
        self._decode = msgspec.json.Decoder(row).decode
        self._encode = msgspec.json.Encoder().encode
        self._run(
            "CREATE TABLE IF NOT EXISTS {} (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL, "
            "label TEXT NOT NULL, body BLOB)"
        )
        self._run("CREATE INDEX IF NOT EXISTS {0}_label ON {0} (label, seq)")

    def put(self, identifier: str, row: T, *, label: str = "") -> None:
        """Insert a row or replace its body; its place in the order stays."""
        self._run(
            "INSERT INTO {} (id, label, body) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET body = excluded.body",
            identifier,
            label,
            self._encode(row),
        )

    def get(self, identifier: str) -> T | None:
        """The row, or None."""
        found = self._run("SELECT body FROM {} WHERE id = ? AND body IS NOT NULL", identifier).fetchone()
        return None if found is None else self._decode(found[0])

    def delete(self, identifier: str) -> bool:
        """Remove a row; False when there was none."""
        return self._run("UPDATE {} SET body = NULL WHERE id = ? AND body IS NOT NULL", identifier).rowcount > 0

    def page(self, *, after: str | None, limit: int, order: str, label: str | None = None) -> tuple[list[T], bool]:
        """At most ``limit`` rows that follow ``after`` in ``order`` (asc or desc), and whether there are more.

        Raises:
            UnknownCursor: ``after`` names no row.
        """
        start = (1 << 62) if order == "desc" else 0
        if after is not None:
            found = self._run("SELECT seq FROM {} WHERE id = ?", after).fetchone()
            if found is None:
                raise UnknownCursor
            start = found[0]
        rows = self._run(_PAGES[order], start, label, label, limit + 1).fetchall()
        return [self._decode(body) for (body,) in rows[:limit]], len(rows) > limit

    def all(self) -> Iterator[T]:
        """Every row, oldest first."""
        for (body,) in self._run("SELECT body FROM {} WHERE body IS NOT NULL ORDER BY seq").fetchall():
            yield self._decode(body)

    def keep_newest(self, count: int, *, max_bytes: int | None = None, spare: Iterable[str] = ()) -> None:
        """Forget the oldest rows past ``count``, and past ``max_bytes`` of bodies in all; those of the ids ``spare`` stay."""
        self._run(
            "DELETE FROM {0} WHERE seq <= (SELECT seq FROM {0} ORDER BY seq DESC LIMIT 1 OFFSET ?) "
            "AND id NOT IN (SELECT value FROM json_each(?))",
            count,
            self._encode([*spare]).decode(),
        )
        if max_bytes is not None:
            self._run(
                "DELETE FROM {0} WHERE seq <= (SELECT max(seq) FROM (SELECT seq, sum(length(body)) "
                "OVER (ORDER BY seq DESC) AS total FROM {0}) WHERE total > ?)",
                max_bytes,
            )

    def forget_deleted(self, count: int) -> None:
        """Forget the places of all deleted rows but the newest ``count``."""
        self._run(
            "DELETE FROM {0} WHERE body IS NULL AND seq <= "
            "(SELECT seq FROM {0} WHERE body IS NULL ORDER BY seq DESC LIMIT 1 OFFSET ?)",
            count,
        )

    def _run(self, statement: str, *values: str | int | bytes | None) -> sqlite3.Cursor:
        return self._db.execute(statement.format(self._name), values)


class State:
    """The database and the directory of one engine.

    Args:
        directory: Where both live and survive; None keeps rows in memory and bytes in a private temporary directory.
    """

    def __init__(self, directory: Path | None) -> None:
        self._temporary = None if directory else tempfile.TemporaryDirectory(prefix="recast-engine-")
        self.directory = Path(self._temporary.name if self._temporary else directory or "")
        self.uploads = self.directory / "uploads"
        self.uploads.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.is_durable = directory is not None
        self._path = str(self.directory / "engine.sqlite3") if self.is_durable else ":memory:"
        self.connection = sqlite3.connect(self._path, isolation_level=None)
        if self.is_durable:
            self.connection.execute("PRAGMA journal_mode = WAL")
            self.connection.execute("PRAGMA synchronous = NORMAL")
            self.connection.execute("PRAGMA wal_autocheckpoint = 0")
            self.connection.execute("PRAGMA secure_delete = ON")

    async def checkpoint(self) -> None:
        """Fold the write-ahead log into the database, off the event loop."""
        if self.is_durable:
            await asyncio.to_thread(self._checkpoint)

    def _checkpoint(self) -> None:
        connection = sqlite3.connect(self._path)
        try:
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
        finally:
            connection.close()

    def close(self) -> None:
        """Close the database; a temporary directory is removed with everything in it."""
        self.connection.close()
        if self._temporary:
            self._temporary.cleanup()
