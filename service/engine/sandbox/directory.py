"""A container's /mnt/data as the engine reaches it: by descriptor only, below it only, regular files only.

The container may change anything in there at any moment, also while a function here runs, and may be dead. No path of the
host is ever built from a name in it: every access is one openat2 with RESOLVE_BENEATH and no links, then fstat.
"""

import asyncio
import contextlib
import ctypes
import errno
import itertools
import os
import stat
import struct
import threading
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from service.engine.sandbox.contract import Entry, FileRefused
from service.engine.sandbox.isolation import syscall

_OPENAT2 = 437
_NO_XDEV, _NO_MAGICLINKS, _NO_SYMLINKS, _BENEATH = 1, 2, 4, 8
_RESOLVE = _NO_XDEV | _NO_MAGICLINKS | _NO_SYMLINKS | _BENEATH
_CHUNK_BYTES = 1 << 30
_MAX_DEPTH = 16
_MAX_NAME_BYTES = 255
_SUFFIXES = 1000
BLOCK_BYTES = 512  # of st_blocks, whatever the file system's are

_libc = ctypes.CDLL(None, use_errno=True)


class Directory:
    """Owns the descriptor. `uid` is the container's as this process sees it, None when both are the same."""

    def __init__(self, fd: int, uid: int | None, max_files: int) -> None:
        self._fd = fd
        self._lock = threading.Lock()
        self._uid = uid
        self._max_files = max_files

    def close(self) -> None:
        """Let go of the files; with namespaces they vanish with the last descriptor."""
        with self._lock:
            fd, self._fd = self._fd, -1
            if fd >= 0:
                os.close(fd)

    @contextlib.contextmanager
    def _held(self) -> Iterator[int]:
        """A descriptor of its own for who works in a thread: the number of one that was closed is soon another's. Raises OSError."""
        with self._lock:
            fd = os.dup(self._fd)
        try:
            yield fd
        finally:
            os.close(fd)

    def open(self, path: str) -> int:
        """A read-only descriptor of a regular file. Raises FileRefused."""
        try:
            with self._held() as held:  # a FIFO must not block the engine before fstat sees it
                fd = _openat2(held, path, os.O_RDONLY | os.O_NONBLOCK)
        except OSError as error:
            raise FileRefused(path, error.strerror or "cannot be opened") from error
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise FileRefused(path, "is not a regular file")
        return fd

    async def put(self, name: str, source: Path) -> Entry:
        """Copy `source` in, inside the kernel, as `name` or, when that is taken, with a number before the suffix."""
        return await asyncio.to_thread(self._put, name, source)

    async def scan(self) -> list[Entry]:
        """All regular files, sorted by path."""
        return await asyncio.to_thread(self._scan)

    async def remove(self, path: str) -> None:
        """Unlink one file. Raises FileRefused."""
        await asyncio.to_thread(self._remove, path)

    def disk_use(self, max_names: int) -> tuple[int, int]:
        """How many bytes on disk, and how many names, all that is in there has; counts no further than `max_names`.

        Blocks, as file systems count quotas: a hole costs nothing, a second name neither. Raises OSError where a folder
        cannot be looked into, because of its mode or its depth: anything could be in there. Not for the loop's thread.
        """
        used, names, linked, folders = 0, 0, set[int](), ["."]
        with self._held() as held:
            while folders and names <= max_names:
                above = folders.pop()
                try:
                    fd = _openat2(held, above, os.O_RDONLY | os.O_DIRECTORY)
                except OSError as error:
                    if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):  # it has gone since
                        continue
                    raise
                try:
                    for name, status in _statuses(fd):
                        names += 1
                        if stat.S_ISDIR(status.st_mode):
                            folders.append(f"{above}/{name}")
                        elif status.st_ino not in linked:
                            used += status.st_blocks * BLOCK_BYTES
                            if status.st_nlink > 1:
                                linked.add(status.st_ino)
                finally:
                    os.close(fd)
        return used, names

    def device(self) -> int:
        """The file system of the directory. Raises OSError."""
        with self._held() as held:
            return os.fstat(held).st_dev

    def used_bytes(self) -> int:
        """What the file system of the directory holds; of use where it is the container's own."""
        status = os.fstatvfs(self._fd)
        return (status.f_blocks - status.f_bfree) * status.f_frsize

    def _put(self, name: str, source: Path) -> Entry:
        name = plain_name(name)
        try:
            with open(source, "rb", buffering=0) as reading, self._held() as held, as_owner(self._uid):
                name, writing = self._create(held, name)
                try:
                    _copy(reading.fileno(), writing)
                    return _entry(name, os.fstat(writing))
                except OSError:
                    os.unlink(name, dir_fd=held)
                    raise
                finally:
                    os.close(writing)
        except OSError as error:
            raise FileRefused(name, error.strerror or "cannot be written") from error

    def _create(self, held: int, name: str) -> tuple[str, int]:
        path = PurePosixPath(name)
        for number in range(_SUFFIXES):
            candidate = name if not number else f"{path.stem[:200]} ({number}){path.suffix[:40]}"
            try:
                return candidate, _openat2(held, candidate, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
            except FileExistsError:
                continue
        raise FileRefused(name, "exists too often")

    def _scan(self) -> list[Entry]:
        found: list[Entry] = []
        with contextlib.suppress(OSError), self._held() as held, as_owner(self._uid):  # what was closed has no files
            for entry in self._walk(held, "", _openat2(held, ".", os.O_RDONLY | os.O_DIRECTORY), 0):
                found.append(entry)
                if len(found) >= self._max_files:
                    break
        return sorted(found, key=lambda entry: entry.path)

    def _walk(self, held: int, above: str, fd: int, depth: int) -> Iterator[Entry]:
        folders = []
        try:
            with os.scandir(fd) as entries:
                for entry in entries:
                    path = f"{above}{entry.name}"
                    with contextlib.suppress(OSError):  # it may have gone since
                        status = entry.stat(follow_symlinks=False)
                        if stat.S_ISREG(status.st_mode):
                            yield _entry(path, status)
                        elif stat.S_ISDIR(status.st_mode):
                            folders.append(path)
        except OSError:
            return
        finally:
            os.close(fd)
        for path in folders if depth < _MAX_DEPTH else ():
            with contextlib.suppress(OSError):
                inner = _openat2(held, path, os.O_RDONLY | os.O_DIRECTORY)
                yield from self._walk(held, f"{path}/", inner, depth + 1)

    def _remove(self, path: str) -> None:
        parent, _, name = path.rpartition("/")
        os.close(self.open(path))
        try:
            with self._held() as held, as_owner(self._uid):
                fd = _openat2(held, parent or ".", os.O_RDONLY | os.O_DIRECTORY)
                try:
                    os.unlink(name, dir_fd=fd)
                finally:
                    os.close(fd)
        except OSError as error:
            raise FileRefused(path, error.strerror or "cannot be removed") from error


def _openat2(directory: int, path: str, flags: int, mode: int = 0) -> int:
    how = struct.pack("QQQ", flags | os.O_NOFOLLOW | os.O_CLOEXEC, mode, _RESOLVE)
    return syscall(_OPENAT2, directory, os.fsencode(path) + b"\0", how, len(how), what="openat2")


def _statuses(fd: int) -> Iterator[tuple[str, os.stat_result]]:
    with os.scandir(fd) as entries:
        for entry in entries:
            with contextlib.suppress(FileNotFoundError):  # it has gone since
                yield entry.name, entry.stat(follow_symlinks=False)


def plain_name(name: str) -> str:
    """The last component of `name`. Raises FileRefused when there is none."""
    plain = name.replace("\\", "/").rpartition("/")[2].replace("\0", "")
    if plain in ("", ".", ".."):
        raise FileRefused(name, "is not a file name")
    while len(os.fsencode(plain)) > _MAX_NAME_BYTES:
        path = PurePosixPath(plain)
        plain = f"{path.stem[:-1]}{path.suffix[:40]}"
    return plain


def _entry(path: str, status: os.stat_result) -> Entry:
    changed = f"{status.st_ino}-{status.st_size}-{status.st_mtime_ns}-{status.st_ctime_ns}"
    return Entry(path, status.st_size, changed)


@contextlib.contextmanager
def as_owner(uid: int | None) -> Iterator[None]:
    """This thread's file accesses are the container's own: root of the host does not exist in a user namespace's tmpfs.

    setfsuid(2) concerns one thread, and drops its file capabilities with it. Must not span an await.
    """
    if uid is None:
        yield
        return
    _libc.setfsgid(uid)
    _libc.setfsuid(uid)
    try:
        yield
    finally:
        _libc.setfsuid(os.geteuid())
        _libc.setfsgid(os.getegid())


def _copy(reading: int, writing: int) -> None:
    """copy_file_range shares blocks where both are on one file system; sendfile stays in the kernel everywhere else."""
    try:
        while os.copy_file_range(reading, writing, _CHUNK_BYTES):
            pass
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS):
            raise
        while os.sendfile(writing, reading, None, _CHUNK_BYTES):
            pass


def unlink_tree(path: Path) -> None:
    """Remove a folder, however deep and with whatever modes. Raises OSError, also when somebody still writes to it.

    Flat instead of recursive: folders are moved up to `path` before they are emptied, so depth costs neither stack nor
    path length. By descriptors that never followed a link: what a container left running may swap names meanwhile.
    """
    if not os.path.lexists(path):
        return
    numbers = itertools.count()
    with _folder(path) as top:
        while folders := _empty(top):
            for folder in folders:
                with _folder(folder, top) as fd:
                    for inner in _empty(fd):
                        with _folder(inner, fd):  # what may not be written to may not be moved: rename(2), EACCES
                            os.rename(inner, f".{next(numbers)}", src_dir_fd=fd, dst_dir_fd=top)
                os.rmdir(folder, dir_fd=top)
    os.rmdir(path)


@contextlib.contextmanager
def _folder(path: str | Path, above: int | None = None) -> Iterator[int]:
    """A descriptor of a folder that is no link, made accessible."""
    name = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=above)
    try:
        os.chmod(f"/proc/self/fd/{name}", 0o700)
        fd = os.open(f"/proc/self/fd/{name}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    finally:
        os.close(name)
    try:
        yield fd
    finally:
        os.close(fd)


def _empty(folder: int) -> list[str]:
    """Unlink what is no folder; returns the names of folders."""
    folders = []
    for entry in list(os.scandir(folder)):
        if entry.is_dir(follow_symlinks=False):
            folders.append(entry.name)
        else:
            os.unlink(entry.name, dir_fd=folder)
    return folders
