"""What one engine has on the machine besides processes: a folder, cgroups, a block of uids; and what dead engines left.

The folder is locked for as long as the process lives, so that a folder without a holder tells of an engine that was
killed and had no chance to remove anything.
"""

import asyncio
import contextlib
import fcntl
import os
import secrets
import signal
import tempfile
from pathlib import Path

from service.engine.sandbox.cgroups import Cgroups
from service.engine.sandbox.directory import unlink_tree
from service.engine.sandbox.view import lay_down_code

UIDS = 65_536
_PREFIX = "recast-sandbox-"
_ON_DISK = "/var/tmp"
_UNUSED_UIDS = 1_879_048_192  # systemd's table of ids calls 1879048192 to 2147352575 unused
_BLOCKS = 4_000
_ROUNDS = 100
_GROUPS = "groups"


class Premises:
    """Made by `claim`, ended by `vacate`. `uid_base` starts the block, None when this process cannot change uids."""

    def __init__(self, directory: Path, lock: int, uid_base: int | None, cgroups: Cgroups) -> None:
        self.directory = directory
        self.uid_base = uid_base
        self.cgroups = cgroups
        self._lock = lock

    @classmethod
    async def claim(cls) -> "Premises":
        """Clear up after engines that were killed, then take a folder, a block of uids and groups. Raises OSError."""
        await _clear_up()
        # A block of its own for every engine: without pid namespaces all that has a container's uid ends with it.
        base = _UNUSED_UIDS + UIDS * secrets.randbelow(_BLOCKS) if os.geteuid() == 0 else None
        directory, lock = await asyncio.to_thread(_make, base)
        cgroups = await asyncio.to_thread(Cgroups.detect, f"recast-{directory.name.removeprefix(_PREFIX)}")
        (directory / _GROUPS).write_text("\n".join(map(str, cgroups.parents)))
        return cls(directory, lock, base, cgroups)

    async def vacate(self) -> None:
        """Remove the groups and the folder."""
        await self.cgroups.close()
        await asyncio.to_thread(unlink_tree, self.directory)
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def end_all_of(uids: range) -> None:
    """Kill every process whose uid is in `uids`. They are stopped first: what is stopped cannot fork while others are sought."""
    stopped: set[int] = set()
    for _ in range(_ROUNDS):
        found = {int(name) for name in os.listdir("/proc") if name.isdigit() and _uid(name) in uids} - stopped
        if not found:
            break
        _signal(found, signal.SIGSTOP)
        stopped |= found
    _signal(stopped, signal.SIGKILL)


def _signal(pids: set[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(OSError):
            os.kill(pid, number)


def _uid(pid: str) -> int:
    with contextlib.suppress(OSError):
        return os.stat(f"/proc/{pid}").st_uid
    return -1


def _parent() -> str:
    """What TMPDIR says, else where files are kept on disk: /tmp may be memory."""
    named = any(os.environ.get(name) for name in ("TMPDIR", "TEMP", "TMP"))
    return tempfile.gettempdir() if named or not os.access(_ON_DISK, os.W_OK | os.X_OK) else _ON_DISK


def _make(uid_base: int | None) -> tuple[Path, int]:
    while True:
        directory = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=_parent()))
        with contextlib.suppress(BlockingIOError):  # an engine that clears up was quicker
            lock = _take_lock(directory)
            break
    directory.chmod(0o711)
    lay_down_code(directory / "code")
    (directory / "home").mkdir(mode=0o755)
    if uid_base is not None:
        (directory / "uids").write_text(str(uid_base))
    return directory, lock


def _take_lock(directory: Path) -> int:
    """Raises OSError when its engine lives, or is another user's."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if os.fstat(fd).st_uid != os.geteuid():
            raise PermissionError(directory)
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        raise
    return fd


async def _clear_up() -> None:
    for directory in await asyncio.to_thread(lambda: list(Path(_parent()).glob(f"{_PREFIX}*"))):
        with contextlib.suppress(OSError, ValueError):
            lock = _take_lock(directory)
            file = directory / _GROUPS  # the dead engine may have lived in another cgroup than this one
            parents = [Path(line) for line in file.read_text().splitlines()] if file.is_file() else []
            cgroups = Cgroups(parents, v2=False, walls_memory=False)
            await asyncio.to_thread(_end_block, directory / "uids")
            await Premises(directory, lock, None, cgroups).vacate()


def _end_block(file: Path) -> None:
    """Namespaces and PR_SET_PDEATHSIG end the rest; what a kernel of tier B started is known by its uid only."""
    if os.geteuid() == 0 and file.is_file() and not file.is_symlink():
        base = int(file.read_text())
        if base >= _UNUSED_UIDS:
            end_all_of(range(base, base + UIDS))
